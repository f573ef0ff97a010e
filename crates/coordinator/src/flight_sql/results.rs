//! The results of a session that are not read to their end: each waits for its ticket, for a time,
//! and is read once.

use super::metrics::FlightSqlMetrics;
use super::options::WireOptions;
use super::status::{invalid, limit_exceeded};
use crate::session::ResultSet;
use arrow::array::timezone::Tz;
use mooring_spi::Result;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// A result waits so many times its ticket's life at most, however often it is renewed.
const WAITS_MAX: u32 = 12;

/// Unique in the process, so that no ticket finds another's result.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

pub(super) fn next_id() -> u64 {
    LAST_ID.fetch_add(1, Ordering::Relaxed) + 1
}

#[derive(Default)]
pub(super) struct Results(Mutex<HashMap<u64, Entry>>);

struct Entry {
    stage: Stage,
    /// Cancelling it ends the reading.
    cancel: CancellationToken,
    metrics: FlightSqlMetrics,
}

/// A result that can be read.
pub(super) struct OpenResult {
    pub(super) result: ResultSet,
    /// How it travels: as its schema was told when it came.
    pub(super) options: WireOptions,
    /// The session's when it came.
    pub(super) zone: Option<Tz>,
}

enum Stage {
    /// Its statement runs to its first rows.
    Coming,
    /// Nobody reads it yet, and after its wait nobody may.
    Waiting(Box<OpenResult>, Wait),
    Read,
}

/// How long a result waits for its reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wait {
    until: Instant,
    /// Beyond that it cannot be renewed: it holds what queries may run at a time.
    last: Instant,
}

impl Wait {
    pub(super) fn begin(now: Instant, time: Duration) -> Self {
        Self { until: now + time, last: now + time * WAITS_MAX }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.metrics.results.dec();
    }
}

/// The place of a result among its session's; given back when dropped.
pub(super) struct ResultPlace {
    results: Arc<Results>,
    pub(super) id: u64,
    pub(super) cancel: CancellationToken,
    /// The entry stays when this is dropped.
    kept: bool,
}

impl Drop for ResultPlace {
    fn drop(&mut self) {
        if !self.kept {
            self.results.remove(self.id);
        }
    }
}

impl Results {
    /// The place of a result that is about to come, before its statement runs.
    ///
    /// # Errors
    /// `LimitExceeded` when there are `limit` already.
    pub(super) fn reserve(
        self: &Arc<Self>,
        limit: usize,
        metrics: &FlightSqlMetrics,
    ) -> Result<ResultPlace> {
        let (id, cancel) = (next_id(), CancellationToken::new());
        let mut entries = self.0.lock();
        if entries.len() >= limit {
            return Err(limit_exceeded(format!(
                "the session has {limit} results that are not read to their end; read or cancel some"
            )));
        }
        metrics.results.inc();
        let entry =
            Entry { stage: Stage::Coming, cancel: cancel.clone(), metrics: metrics.clone() };
        entries.insert(id, entry);
        Ok(ResultPlace { results: self.clone(), id, cancel, kept: false })
    }

    /// Lets go of a result: what it holds ends. False when it is not there.
    pub(super) fn cancel(&self, id: u64) -> bool {
        let entry = self.remove(id);
        if let Some(entry) = &entry {
            entry.cancel.cancel();
        }
        entry.is_some()
    }

    fn remove(&self, id: u64) -> Option<Entry> {
        // Dropped by the caller, not under the lock: a result's end takes other locks.
        self.0.lock().remove(&id)
    }

    /// Takes a result for reading.
    ///
    /// # Errors
    /// `InvalidArgument` when it was read already, is being read, or was let go of.
    pub(super) fn take(self: &Arc<Self>, id: u64) -> Result<(OpenResult, ResultPlace)> {
        let gone = |why: &str| invalid(format!("{why}; run the statement again"));
        let mut entries = self.0.lock();
        let entry = entries.get_mut(&id).ok_or_else(|| {
            gone("the ticket's result was read to its end, cancelled, or not fetched in time")
        })?;
        match std::mem::replace(&mut entry.stage, Stage::Read) {
            Stage::Waiting(result, _) => {
                let cancel = entry.cancel.clone();
                let place = ResultPlace { results: self.clone(), id, cancel, kept: false };
                Ok((*result, place))
            }
            Stage::Read => Err(gone("the ticket was used already, and its result is being read")),
            Stage::Coming => {
                entry.stage = Stage::Coming;
                Err(gone("the ticket's statement has no result yet"))
            }
        }
    }

    /// Lets a result wait longer. False when it does not wait.
    pub(super) fn renew(&self, id: u64, until: Instant) -> bool {
        match self.0.lock().get_mut(&id).map(|entry| &mut entry.stage) {
            Some(Stage::Waiting(_, wait)) if wait.until < wait.last => {
                wait.until = until.min(wait.last);
                true
            }
            Some(Stage::Waiting(..)) => false,
            Some(Stage::Coming | Stage::Read) | None => false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn is_being_read(&self) -> bool {
        self.0.lock().values().any(|entry| matches!(entry.stage, Stage::Read))
    }

    /// Whether a statement runs to its first rows or a result is being read.
    pub(super) fn is_in_use(&self) -> bool {
        self.0.lock().values().any(|entry| matches!(entry.stage, Stage::Coming | Stage::Read))
    }

    /// Lets go of the results that wait: of those whose time was up at `now`, or of all.
    pub(super) fn let_go_of_unread(&self, now: Option<Instant>) {
        let is_over = |entry: &Entry| match &entry.stage {
            Stage::Waiting(_, wait) => now.is_none_or(|now| now >= wait.until),
            Stage::Coming | Stage::Read => false,
        };
        let gone: Vec<Entry> = {
            let mut entries = self.0.lock();
            entries.extract_if(|_, entry| is_over(entry)).map(|(_, entry)| entry).collect()
        };
        if !gone.is_empty() {
            tracing::debug!(results = gone.len(), "let go of results that nobody fetched");
        }
        drop(gone);
    }

    pub(super) fn clear(&self) {
        let entries = std::mem::take(&mut *self.0.lock());
        for entry in entries.values() {
            entry.cancel.cancel();
        }
    }
}

impl ResultPlace {
    /// The result has come, and waits for its reader until then.
    ///
    /// # Errors
    /// `Cancelled` when it was let go of while it came.
    pub(super) fn wait(mut self, result: OpenResult, wait: Wait) -> Result<u64> {
        let mut entries = self.results.0.lock();
        let Some(entry) = entries.get_mut(&self.id) else {
            drop(entries);
            return Err(crate::query::cancelled());
        };
        entry.stage = Stage::Waiting(Box::new(result), wait);
        drop(entries);
        self.kept = true;
        Ok(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt;

    fn empty() -> OpenResult {
        let result = ResultSet { columns: Vec::new(), batches: futures::stream::empty().boxed() };
        OpenResult { result, options: WireOptions::default(), zone: None }
    }

    #[test]
    fn a_result_is_read_once_and_its_place_given_back() {
        let (results, metrics) = (Arc::new(Results::default()), FlightSqlMetrics::default());
        let until = Wait::begin(Instant::now(), Duration::from_secs(60));
        let place = results.reserve(1, &metrics).expect("a place");
        assert!(results.reserve(1, &metrics).is_err());
        let id = place.wait(empty(), until).expect("waits");
        let (_, place) = results.take(id).expect("there");
        assert!(results.is_being_read());
        let twice = results.take(id).map(drop).expect_err("replayed");
        assert!(twice.message().contains("used already"), "{twice}");
        drop(place);
        assert!(!results.is_being_read());
        assert!(results.take(id).is_err());
        assert_eq!(metrics.results.get(), 0);
    }

    #[test]
    fn a_statement_that_fails_leaves_nothing() {
        let (results, metrics) = (Arc::new(Results::default()), FlightSqlMetrics::default());
        drop(results.reserve(1, &metrics).expect("a place"));
        assert_eq!(metrics.results.get(), 0);
        assert!(results.reserve(1, &metrics).is_ok());
    }

    #[test]
    fn results_that_nobody_fetches_are_let_go_of_and_renewed_ones_stay() {
        let (results, metrics) = (Arc::new(Results::default()), FlightSqlMetrics::default());
        let now = Instant::now();
        let wait = || {
            let wait = Wait { until: now, last: now + Duration::from_secs(60) };
            results.reserve(9, &metrics).and_then(|place| place.wait(empty(), wait)).expect("waits")
        };
        let (lost, renewed) = (wait(), wait());
        assert!(results.renew(renewed, now + Duration::from_secs(600)));
        assert!(!results.renew(renewed, now + Duration::from_secs(600)), "for ever");
        results.let_go_of_unread(Some(now));
        assert!(results.take(lost).is_err());
        assert!(!results.renew(lost, now));
        assert!(results.take(renewed).is_ok());
    }

    #[test]
    fn a_cancelled_result_tells_its_reader() {
        let (results, metrics) = (Arc::new(Results::default()), FlightSqlMetrics::default());
        let place = results.reserve(1, &metrics).expect("a place");
        let cancel = place.cancel.clone();
        assert!(results.cancel(place.id));
        assert!(cancel.is_cancelled());
        assert!(place.wait(empty(), Wait::begin(Instant::now(), Duration::ZERO)).is_err());
        assert_eq!(metrics.results.get(), 0);
    }
}
