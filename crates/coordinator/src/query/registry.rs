//! All queries of a coordinator: admission, those that run, and the last ones that ended.

use super::record::{NewQuery, Query, QueryOutcome, QueryState};
use crate::metrics::QueryMetrics;
use mooring_spi::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The limits on queries.
#[derive(Debug, Clone)]
pub struct QuerySettings {
    pub running_max: usize,
    pub queued_max: usize,
    pub queue_timeout: Duration,
    /// Queries that have ended and are still listed.
    pub history_max: usize,
    /// How often a query is run again whose worker went away before a row reached the client.
    pub retries_max: u32,
}

#[derive(Debug)]
pub struct Queries {
    settings: QuerySettings,
    metrics: QueryMetrics,
    permits: Arc<Semaphore>,
    queued: AtomicUsize,
    closed: AtomicBool,
    listed: Mutex<Listed>,
    running: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Listed {
    live: BTreeMap<String, Arc<Query>>,
    ended: VecDeque<Arc<Query>>,
}

/// The right to run; held as long as the query runs.
#[derive(Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Queries {
    pub fn new(settings: QuerySettings, metrics: QueryMetrics) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(settings.running_max)),
            settings,
            metrics,
            queued: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            listed: Mutex::default(),
            running: watch::Sender::new(0),
        }
    }

    pub fn settings(&self) -> &QuerySettings {
        &self.settings
    }

    /// Lists a new query.
    ///
    /// # Errors
    /// `ShuttingDown` once the coordinator stops.
    pub fn receive(&self, request: &NewQuery<'_>) -> Result<Arc<Query>> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::ShuttingDown, "the server is shutting down"));
        }
        let query = Arc::new(Query::new(request));
        self.listed.lock().live.insert(query.id.clone(), query.clone());
        self.running.send_modify(|running| *running += 1);
        self.metrics.received.inc();
        Ok(query)
    }

    /// Waits for the right to run.
    ///
    /// # Errors
    /// `LimitExceeded` when the queue is full or the wait too long, `Cancelled`.
    pub async fn admit(&self, query: &Query) -> Result<Permit> {
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            return Ok(Permit(permit));
        }
        query.advance(QueryState::Queued);
        let queued = Queued::enter(&self.queued);
        if queued.position >= self.settings.queued_max {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "{} queries run and {} wait; try again later or raise `coordinator.queries.queued_max`",
                    self.settings.running_max, self.settings.queued_max
                ),
            ));
        }
        tokio::select! {
            permit = self.permits.clone().acquire_owned() => permit
                .map(Permit)
                .map_err(|_| Error::new(ErrorKind::ShuttingDown, "the server is shutting down")),
            () = query.cancel.cancelled() => Err(cancelled()),
            () = tokio::time::sleep(self.settings.queue_timeout) => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the query waited {} ms for others to end; try again later or raise `coordinator.queries.running_max`",
                    self.settings.queue_timeout.as_millis()
                ),
            )),
        }
    }

    /// Ends a query, once, and moves it to the history.
    pub fn end(&self, query: &Arc<Query>, outcome: &QueryOutcome) {
        if !query.end(outcome) {
            return;
        }
        self.log(query);
        self.metrics.ended(query.state(), query.elapsed());
        {
            let mut listed = self.listed.lock();
            listed.live.remove(&query.id);
            listed.ended.push_back(query.clone());
            while listed.ended.len() > self.settings.history_max {
                listed.ended.pop_front();
            }
        }
        self.running.send_modify(|running| *running = running.saturating_sub(1));
    }

    /// The end of a query as an event; an error itself is logged by the door that answers it.
    fn log(&self, query: &Query) {
        let (rows, bytes) = query.output();
        tracing::debug!(
            query_id = query.id,
            state = query.state().as_str(),
            rows,
            bytes,
            attempts = query.attempts(),
            elapsed_ms = query.elapsed().as_millis(),
            "query ended"
        );
    }

    /// All queries that are listed, the oldest first.
    pub fn list(&self) -> Vec<Arc<Query>> {
        let listed = self.listed.lock();
        listed.ended.iter().chain(listed.live.values()).cloned().collect()
    }

    /// From now on no query is taken.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Waits until no query is live.
    pub async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender lives as long as `self`, so this ends only with the count at zero.
        let _ = running.wait_for(|running| *running == 0).await;
    }

    /// Cancels every live query.
    pub fn cancel_all(&self) {
        for query in self.listed.lock().live.values() {
            query.cancel.cancel();
        }
    }

    pub fn live_count(&self) -> usize {
        *self.running.borrow()
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "query execution was interrupted")
}

/// One place in the queue.
struct Queued<'a> {
    count: &'a AtomicUsize,
    position: usize,
}

impl<'a> Queued<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        Self { count, position: count.fetch_add(1, Ordering::SeqCst) }
    }
}

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}
