//! What the door holds for its clients: the statements that they keep prepared, with the values bound to
//! these, and the bytes of calls that are not read to their end. Each user has a share, so that no user
//! takes it all.

use super::status::limit_exceeded;
use mooring_spi::Result;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::Arc;

/// One user may have one of so many parts of the statements.
const STATEMENTS_SHARE: usize = 4;
/// The bytes of all users, in messages of the largest size.
const MESSAGES: usize = 8;
/// Those of one user.
const MESSAGES_OF_USER: usize = 2;

#[derive(Debug)]
pub(super) struct HeldLimit {
    /// What is held, as a refusal names it.
    what: &'static str,
    all_max: Counts,
    user_max: Counts,
    held: Mutex<Held>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Held {
    all: Counts,
    by_user: HashMap<String, Counts>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    statements: usize,
    bytes: usize,
}

/// What is held of the limit; given back when dropped.
#[derive(Debug)]
pub(super) struct HeldPlace {
    limit: Arc<HeldLimit>,
    user: String,
    held: Counts,
}

impl HeldLimit {
    /// Of prepared statements and their values, each at most `message_bytes_max`.
    pub(super) fn of_statements(
        statements_max: usize,
        message_bytes_max: usize,
        gauge: Gauge,
    ) -> Arc<Self> {
        let what = "prepared statements and their parameters";
        Self::new(what, statements_max, message_bytes_max, gauge)
    }

    /// Of calls whose bytes are still coming, in messages of at most `message_bytes_max`.
    pub(super) fn of_calls(message_bytes_max: usize) -> Arc<Self> {
        Self::new("calls that are not read to their end", 0, message_bytes_max, Gauge::default())
    }

    fn new(
        what: &'static str,
        statements_max: usize,
        message_bytes_max: usize,
        gauge: Gauge,
    ) -> Arc<Self> {
        let bytes = |messages: usize| message_bytes_max.saturating_mul(messages);
        let all_max = Counts { statements: statements_max, bytes: bytes(MESSAGES) };
        let user_max = Counts {
            statements: statements_max.div_ceil(STATEMENTS_SHARE),
            bytes: bytes(MESSAGES_OF_USER),
        };
        Arc::new(Self { what, all_max, user_max, held: Mutex::default(), gauge })
    }

    /// The place of one more statement.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn statement(self: &Arc<Self>, user: &str) -> Result<HeldPlace> {
        let mut place = self.place(user);
        place.take(Counts { statements: 1, bytes: 0 })?;
        self.gauge.inc();
        Ok(place)
    }

    /// A place for bytes, which has none yet.
    pub(super) fn place(self: &Arc<Self>, user: &str) -> HeldPlace {
        HeldPlace { limit: self.clone(), user: user.to_owned(), held: Counts::default() }
    }
}

impl HeldPlace {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<()> {
        self.take(Counts { statements: 0, bytes })
    }

    fn take(&mut self, more: Counts) -> Result<()> {
        let HeldLimit { what, all_max, user_max, .. } = &*self.limit;
        let mut held = self.limit.held.lock();
        let own = held.by_user.get(&self.user).copied().unwrap_or_default().plus(more);
        let all = held.all.plus(more);
        for (sum, max, whose) in [(own, user_max, "of one user"), (all, all_max, "of all users")] {
            if sum.statements > max.statements {
                return Err(limit_exceeded(format!(
                    "the prepared statements {whose} are at most {} (`coordinator.flight_sql.prepared_statements_max`); close some",
                    max.statements
                )));
            }
            if sum.bytes > max.bytes {
                return Err(limit_exceeded(format!(
                    "{what} {whose} may take {} bytes together (a multiple of `coordinator.flight_sql.message_max_bytes`); \
                     close some, or send less at once",
                    max.bytes
                )));
            }
        }
        held.all = all;
        held.by_user.insert(self.user.clone(), own);
        drop(held);
        self.held = self.held.plus(more);
        Ok(())
    }
}

impl Counts {
    fn plus(self, more: Self) -> Self {
        Self {
            statements: self.statements.saturating_add(more.statements),
            bytes: self.bytes.saturating_add(more.bytes),
        }
    }

    fn minus(self, less: Self) -> Self {
        Self { statements: self.statements - less.statements, bytes: self.bytes - less.bytes }
    }

    fn is_nothing(self) -> bool {
        self.statements == 0 && self.bytes == 0
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        if self.held.is_nothing() {
            return;
        }
        let mut held = self.limit.held.lock();
        held.all = held.all.minus(self.held);
        if let Some(own) = held.by_user.get_mut(&self.user) {
            *own = own.minus(self.held);
            if own.is_nothing() {
                held.by_user.remove(&self.user);
            }
        }
        if self.held.statements > 0 {
            self.limit.gauge.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: usize = 1 << 20;

    #[test]
    fn statements_are_counted_and_given_back() {
        let limit = HeldLimit::of_statements(1, MESSAGE, Gauge::default());
        let place = limit.statement("ana").expect("a place");
        assert!(limit.statement("bob").is_err());
        assert_eq!(limit.gauge.get(), 1);
        drop(place);
        assert!(limit.statement("bob").is_ok());
        assert_eq!(limit.gauge.get(), 0);
        assert!(limit.held.lock().by_user.is_empty());
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let limit = HeldLimit::of_statements(1, MESSAGE, Gauge::default());
        let mut place = limit.place("ana");
        place.grow(MESSAGES_OF_USER * MESSAGE).expect("all of one user");
        assert!(limit.place("ana").grow(1).is_err());
        assert!(place.grow(usize::MAX).is_err());
        drop(place);
        assert!(limit.place("ana").grow(MESSAGES_OF_USER * MESSAGE).is_ok());
        assert!(limit.held.lock().by_user.is_empty());
    }

    #[test]
    fn one_user_leaves_room_for_others() {
        let limit = HeldLimit::of_statements(8, MESSAGE, Gauge::default());
        let mut statements = Vec::new();
        while let Ok(place) = limit.statement("ana") {
            statements.push(place);
        }
        assert_eq!(statements.len(), 2);
        let mut place = limit.place("ana");
        while place.grow(MESSAGE).is_ok() {}
        assert!(limit.statement("bob").is_ok());
        assert!(limit.place("bob").grow(MESSAGE).is_ok());
        // All together have their limit, too.
        let mut users = (0..9).map(|user| limit.place(&user.to_string())).collect::<Vec<_>>();
        let grown = users.iter_mut().filter_map(|place| place.grow(MESSAGE).ok()).count();
        assert_eq!(grown, MESSAGES - MESSAGES_OF_USER);
    }
}
