//! Whether a session's account is still what opened the session. What the store says of it may be
//! [`FRESH`] old here, so that not every call asks the store; changes that were made by this coordinator
//! are seen at once. While the store does not answer, sessions go on for [`GRACE`], and few calls wait
//! for it.

use super::FlightSqlDoor;
use super::session::FlightSession;
use super::status::not_authenticated;
use super::stream::Peer;
use crate::mysql::Account;
use mooring_spi::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

const FRESH: Duration = Duration::from_secs(1);
const GRACE: Duration = Duration::from_secs(60);
/// How long a call waits for the store that can do without.
const PATIENCE: Duration = Duration::from_secs(2);
/// When a store that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// What was found of an account.
pub(super) struct Standing(Mutex<Found>);

#[derive(Clone)]
struct Found {
    /// `None`: there is none any more.
    account: Option<Account>,
    at: Instant,
    /// It is taken until then.
    until: Instant,
    /// The changes that were made here until then.
    changes: u64,
}

impl Standing {
    pub(super) fn new(account: Account, changes: u64) -> Self {
        let at = Instant::now();
        Self(Mutex::new(Found { account: Some(account), at, until: at + FRESH, changes }))
    }

    /// What is known and young enough.
    fn fresh(&self, now: Instant, changes: u64) -> Option<Option<Account>> {
        let found = self.0.lock();
        let is_fresh = found.changes == changes && now < found.until;
        is_fresh.then(|| found.account.clone())
    }

    /// Whether the store need not answer for now.
    fn has_grace(&self, now: Instant) -> bool {
        now < self.0.lock().at + GRACE
    }

    /// What is known, while nothing newer can be; for others, too, until the store is asked again.
    fn graced(&self, now: Instant) -> Option<Option<Account>> {
        let mut found = self.0.lock();
        let end = found.at + GRACE;
        if now >= end {
            return None;
        }
        found.until = end.min(now + RETRY);
        Some(found.account.clone())
    }

    fn set(&self, account: Option<Account>, at: Instant, changes: u64) {
        let mut found = self.0.lock();
        // Another call may have asked later and been answered sooner.
        if found.at <= at {
            *found = Found { account, at, until: at + FRESH, changes };
        }
    }
}

impl FlightSqlDoor {
    /// Sees to it that a session's account still is, and admits a call that comes as `peer` does. A
    /// session whose account is gone or changed ends.
    ///
    /// # Errors
    /// `AuthenticationFailed`; `StateUnusable` when the accounts could not be read for too long.
    pub(super) async fn must_stand(&self, session: &FlightSession, peer: &Peer) -> Result<()> {
        let account = self.account_by_now(session).await?;
        let account = account.filter(|account| !account.locked && session.is_of(account));
        let Some(account) = account else {
            self.sessions.end(session.id());
            return Err(not_authenticated(
                "the token's account was dropped or changed since; log in again",
            ));
        };
        if !account.tls.is_met(&peer.encryption) {
            return Err(not_authenticated(
                "the token's account demands TLS or a client certificate of each connection; connect as it demands",
            ));
        }
        let client = session.client();
        if peer.address.ip() != client.address.ip() {
            let there = self.logins.account(&client.user, peer.address).await?;
            if !there.is_some_and(|there| session.is_of(&there)) {
                return Err(not_authenticated(
                    "the token's account does not admit a client from this address",
                ));
            }
        }
        Ok(())
    }

    async fn account_by_now(&self, session: &FlightSession) -> Result<Option<Account>> {
        let (now, changes) = (Instant::now(), self.logins.account_changes());
        let (standing, client) = (&session.standing, session.client());
        if let Some(known) = standing.fresh(now, changes) {
            return Ok(known);
        }
        let asking = self.logins.account(&client.user, client.address);
        let answer = match standing.has_grace(now) {
            true => tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| {
                let problem = "the accounts were not told in time";
                Err(Error::new(ErrorKind::StateUnusable, problem))
            }),
            false => asking.await,
        };
        match answer {
            Ok(account) => {
                standing.set(account.clone(), now, changes);
                Ok(account)
            }
            Err(error) if error.kind() == ErrorKind::StateUnusable => {
                let known = standing.graced(Instant::now());
                if known.is_some() {
                    tracing::debug!(%error, "a Flight SQL session goes on without its account");
                }
                known.ok_or(error)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::{AuthPlugin, Credential, TlsRequirement};

    fn account() -> Account {
        Account {
            user: "ana".to_owned(),
            host: "%".to_owned(),
            locked: false,
            administrator: false,
            plugin: AuthPlugin::DEFAULT,
            credential: Credential::NoPassword,
            tls: TlsRequirement::None,
        }
    }

    #[test]
    fn what_is_known_is_taken_for_a_second_or_until_a_change() {
        let standing = Standing::new(account(), 7);
        let begun = standing.0.lock().at;
        assert!(standing.fresh(begun, 7).is_some());
        assert!(standing.fresh(begun, 8).is_none());
        assert!(standing.fresh(begun + FRESH, 7).is_none());
    }

    #[test]
    fn without_an_answer_it_is_taken_for_a_minute_and_the_store_asked_now_and_then() {
        let standing = Standing::new(account(), 7);
        let begun = standing.0.lock().at;
        assert!(standing.graced(begun + FRESH).is_some());
        assert!(standing.fresh(begun + RETRY, 7).is_some());
        assert!(standing.fresh(begun + RETRY, 8).is_none());
        assert!(standing.fresh(begun + FRESH + RETRY, 7).is_none());
        let late = GRACE - FRESH;
        assert!(standing.has_grace(begun + late) && standing.graced(begun + late).is_some());
        assert!(standing.fresh(begun + GRACE, 7).is_none());
        assert!(!standing.has_grace(begun + GRACE) && standing.graced(begun + GRACE).is_none());
    }

    #[test]
    fn an_older_answer_does_not_hide_a_newer_one() {
        let standing = Standing::new(account(), 0);
        let begun = standing.0.lock().at;
        standing.set(None, begun + FRESH, 1);
        standing.set(Some(account()), begun, 0);
        let known = standing.fresh(begun + FRESH, 1).expect("fresh");
        assert!(known.is_none());
    }
}
