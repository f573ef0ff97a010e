//! All sessions of the door by the digest of their tokens, and the watch that ends those whose time
//! is up.

use super::FlightSqlDoor;
use super::metrics::FlightSqlMetrics;
use super::session::FlightSession;
use parking_lot::Mutex;
use rand::RngCore;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TOKEN_BYTES: usize = 32;
/// How often it is looked at what has expired.
const SWEEP: Duration = Duration::from_secs(1);

/// What a token is looked up by. The token itself is kept nowhere.
pub(super) type TokenDigest = [u8; 32];

pub(super) fn token_digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}

/// That of a token which several connections may bring, each of which has a session of its own.
pub(super) fn shared_token_digest(token: &str, connection: u64) -> TokenDigest {
    Sha256::new_with_prefix(connection.to_be_bytes()).chain_update(token).finalize().into()
}

/// A token that nobody can guess, as text.
pub(super) fn new_token() -> String {
    let mut bytes = [0; TOKEN_BYTES];
    rand::thread_rng().fill_bytes(&mut bytes);
    let mut token = String::with_capacity(2 * TOKEN_BYTES);
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(token, "{byte:02x}");
    }
    token
}

pub(super) struct Sessions {
    open: Mutex<Open>,
    metrics: FlightSqlMetrics,
}

#[derive(Default)]
struct Open {
    by_token: HashMap<TokenDigest, Arc<FlightSession>>,
    by_id: HashMap<u32, TokenDigest>,
}

impl Sessions {
    pub(super) fn new(metrics: FlightSqlMetrics) -> Self {
        Self { open: Mutex::default(), metrics }
    }

    /// The session of the token from now on: the one that it has by now, if another call was
    /// faster. `None` when there are `limit` already.
    pub(super) fn insert(
        &self,
        digest: TokenDigest,
        session: FlightSession,
        limit: usize,
    ) -> Option<Arc<FlightSession>> {
        let session = Arc::new(session);
        let mut open = self.open.lock();
        if let Some(there) = open.by_token.get(&digest) {
            if !there.close.is_cancelled() {
                return Some(there.clone());
            }
            // It was killed, and the watch has not come by yet.
            let killed = there.id();
            open.by_id.remove(&killed);
            open.by_token.remove(&digest);
            self.metrics.sessions.dec();
        }
        if open.by_token.len() >= limit {
            return None;
        }
        open.by_id.insert(session.id(), digest);
        open.by_token.insert(digest, session.clone());
        self.metrics.sessions.inc();
        Some(session)
    }

    /// The session of a token whose time is not up.
    pub(super) fn find(&self, digest: &TokenDigest) -> Option<Arc<FlightSession>> {
        let session = self.open.lock().by_token.get(digest).cloned()?;
        (!session.is_expired(Instant::now()) && !session.close.is_cancelled()).then_some(session)
    }

    pub(super) fn by_id(&self, id: u32) -> Option<Arc<FlightSession>> {
        let open = self.open.lock();
        open.by_id.get(&id).and_then(|digest| open.by_token.get(digest)).cloned()
    }

    pub(super) fn end(&self, id: u32) {
        let session = {
            let mut open = self.open.lock();
            open.by_id.remove(&id).and_then(|digest| open.by_token.remove(&digest))
        };
        if let Some(session) = session {
            self.metrics.sessions.dec();
            session.end();
        }
    }

    /// Ends the session that was used least lately and of which nothing is open: one of `user`, or of
    /// anybody. False when there is none.
    pub(super) fn make_room(&self, user: Option<&str>) -> bool {
        let of_user =
            |session: &Arc<FlightSession>| user.is_none_or(|user| session.client().user == user);
        let all = self.all().into_iter();
        let spare = all.filter(|session| of_user(session) && session.is_spare());
        let Some(id) = spare.min_by_key(|one| one.last_used()).map(|one| one.id()) else {
            return false;
        };
        tracing::debug!(connection_id = id, "Flight SQL session ended to make room");
        self.end(id);
        true
    }

    pub(super) fn count(&self) -> usize {
        self.open.lock().by_token.len()
    }

    fn all(&self) -> Vec<Arc<FlightSession>> {
        self.open.lock().by_token.values().cloned().collect()
    }

    pub(super) fn end_all(&self) {
        for session in self.all() {
            self.end(session.id());
        }
    }

    /// Ends the queries whose results nobody has begun to read.
    pub(super) fn let_go_of_unread(&self) {
        for session in self.all() {
            session.polls.clear();
            session.results.let_go_of_unread(None);
        }
    }

    fn sweep(&self) {
        let now = Instant::now();
        for session in self.all() {
            session.results.let_go_of_unread(Some(now));
            session.polls.let_go(now);
            // A result that comes or is read is read to its end, also beyond its token's; a call that
            // is never sent to its end keeps nothing.
            let expired = session.is_expired(now) && !session.results.is_in_use();
            let gone = session.is_idle(now) || session.is_abandoned(now);
            if expired || gone || session.close.is_cancelled() {
                tracing::debug!(connection_id = session.id(), "Flight SQL session ended");
                self.end(session.id());
            }
        }
    }
}

impl FlightSqlDoor {
    /// Ends what has expired, for ever.
    pub(super) async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.sessions.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_hexadecimal() {
        let (one, other) = (new_token(), new_token());
        assert_ne!(one, other);
        assert_eq!(one.len(), 2 * TOKEN_BYTES);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(token_digest(&one), token_digest(&other));
    }
}
