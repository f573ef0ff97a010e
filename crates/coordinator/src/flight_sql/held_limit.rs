//! How many statements all clients together may hold prepared, and what these and the values that are
//! bound to them may take.

use super::status::limit_exceeded;
use mooring_spi::Result;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use std::sync::Arc;

/// What texts, descriptions and values may take together, in bytes.
const HELD_BYTES_MAX: usize = 256 << 20;

#[derive(Debug)]
pub(super) struct HeldLimit {
    statements_max: usize,
    held: Mutex<Counts>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Counts {
    statements: usize,
    bytes: usize,
}

/// What is held of the limit; given back when dropped.
#[derive(Debug)]
pub(super) struct HeldPlace {
    limit: Arc<HeldLimit>,
    statements: usize,
    bytes: usize,
}

impl HeldLimit {
    pub(super) fn new(statements_max: usize, gauge: Gauge) -> Arc<Self> {
        Arc::new(Self { statements_max, held: Mutex::default(), gauge })
    }

    /// The place of one more statement.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn statement(self: &Arc<Self>) -> Result<HeldPlace> {
        let mut held = self.held.lock();
        if held.statements >= self.statements_max {
            return Err(limit_exceeded(format!(
                "{} statements are held prepared (`coordinator.flight_sql.prepared_statements_max`); close some",
                self.statements_max
            )));
        }
        held.statements += 1;
        self.gauge.inc();
        Ok(HeldPlace { limit: self.clone(), statements: 1, bytes: 0 })
    }

    /// A place for values, which has no bytes yet.
    pub(super) fn values(self: &Arc<Self>) -> HeldPlace {
        HeldPlace { limit: self.clone(), statements: 0, bytes: 0 }
    }
}

impl HeldPlace {
    /// Takes so many bytes more.
    ///
    /// # Errors
    /// `LimitExceeded`.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<()> {
        let mut held = self.limit.held.lock();
        let sum = held.bytes.saturating_add(bytes);
        if sum > HELD_BYTES_MAX {
            return Err(limit_exceeded(format!(
                "prepared statements and their parameters may take {HELD_BYTES_MAX} bytes together; \
                 close some, or bind fewer values"
            )));
        }
        held.bytes = sum;
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        let mut held = self.limit.held.lock();
        held.statements -= self.statements;
        held.bytes -= self.bytes;
        if self.statements > 0 {
            self.limit.gauge.dec();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_and_given_back() {
        let limit = HeldLimit::new(1, Gauge::default());
        let place = limit.statement().expect("a place");
        assert!(limit.statement().is_err());
        assert_eq!(limit.gauge.get(), 1);
        drop(place);
        assert!(limit.statement().is_ok());
        assert_eq!(limit.gauge.get(), 0);
    }

    #[test]
    fn bytes_are_counted_and_given_back() {
        let limit = HeldLimit::new(1, Gauge::default());
        let mut place = limit.values();
        place.grow(HELD_BYTES_MAX).expect("all of them");
        assert!(limit.values().grow(1).is_err());
        assert!(place.grow(usize::MAX).is_err());
        drop(place);
        assert!(limit.values().grow(HELD_BYTES_MAX).is_ok());
    }
}
