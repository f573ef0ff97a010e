//! Asks and keeps.

use super::floors::{Floor, Floors};
use super::metrics::{KeptAnswersMetrics, Source};
use super::outage::Outage;
use super::question::{Answer, Key, Question};
use super::settings::KeepSettings;
use crate::metrics::{CatalogCounters, MetastoreMetrics};
use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use moka::future::Cache;
use moka::ops::compute::{CompResult, Op};
use mooring_spi::{Error, ErrorKind, Metastore, Result, StaleAnswer, StaleAnswers};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

pub(super) struct Keeper {
    inner: Arc<dyn Metastore>,
    catalog: String,
    settings: KeepSettings,
    metrics: KeptAnswersMetrics,
    /// Goes after everything that counts.
    _counters: CatalogCounters,
    kept: Cache<Key, Kept>,
    /// Questions on their way. They go to their end even when nobody waits any more, so that whoever
    /// comes later finds the answer, or knows that there is none.
    flights: Mutex<HashMap<Key, Flight>>,
    pub(super) floors: Floors,
    pub(super) outage: Arc<Outage>,
    /// Numbers questions, and what happens between them, in their order.
    numbers: AtomicU64,
    /// How far the clock of a test stands ahead.
    #[cfg(test)]
    pub(super) ahead: Mutex<Duration>,
}

#[derive(Debug, Clone)]
struct Kept {
    answer: Answer,
    /// Of the question.
    number: u64,
    /// When it was asked: an answer is as old as its question.
    since: Instant,
}

type SharedAnswer = Shared<BoxFuture<'static, Result<Answer>>>;

struct Flight {
    number: u64,
    answer: SharedAnswer,
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper")
            .field("inner", &self.inner)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Keeper {
    pub(super) fn new(
        inner: Arc<dyn Metastore>,
        catalog: &str,
        settings: KeepSettings,
        metrics: &MetastoreMetrics,
    ) -> Self {
        let time_to_live = settings.time_to_live();
        let kept = Cache::builder()
            .max_capacity(if time_to_live.is_zero() { 0 } else { settings.cache_bytes })
            .weigher(|key: &Key, kept: &Kept| {
                u32::try_from(kept.answer.size_bytes(key)).unwrap_or(u32::MAX)
            })
            .time_to_live(time_to_live)
            .build();
        Self {
            inner,
            catalog: catalog.to_owned(),
            settings,
            metrics: metrics.kept_answers.clone(),
            _counters: metrics.of_catalog(catalog),
            kept,
            flights: Mutex::default(),
            floors: Floors::default(),
            outage: Arc::new(Outage::new(catalog)),
            numbers: AtomicU64::new(1),
            #[cfg(test)]
            ahead: Mutex::default(),
        }
    }

    pub(super) fn inner(&self) -> &dyn Metastore {
        self.inner.as_ref()
    }

    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    /// Answers from what is kept where it is new enough, or where the metastore is away.
    ///
    /// # Errors
    /// Those of the metastore.
    pub(super) async fn ask(self: &Arc<Self>, question: Question) -> Result<Answer> {
        let key = question.key();
        let asks_anew = StaleAnswers::current().is_some_and(|statement| statement.asks_anew());
        if !asks_anew
            && let Some(kept) = self.kept.get(&key).await
            && kept.number > self.floors.of(&key.place).fresh
            && self.age(&kept) < self.settings.max_staleness
        {
            self.metrics.count(&self.catalog, Source::Hit);
            return Ok(kept.answer.of_before());
        }
        // Nobody waits for a metastore that let the one before wait.
        if let Some(why) = self.outage.why()
            && let Some(kept) = self.servable(&key).await
        {
            self.probe(key, question);
            return Ok(self.stale(kept, why));
        }
        let (answer, source) = self.fly(key.clone(), question);
        match answer.await {
            Err(error) if error.kind() == ErrorKind::SourceUnavailable => {
                if let Some(kept) = self.servable(&key).await {
                    return Ok(self.stale(kept, error.message().to_owned()));
                }
                self.metrics.count(&self.catalog, source);
                Err(error)
            }
            answer => {
                self.metrics.count(&self.catalog, source);
                answer
            }
        }
    }

    /// Asks the metastore whatever is kept.
    ///
    /// # Errors
    /// Those of the metastore.
    pub(super) async fn ask_now(self: &Arc<Self>, question: Question) -> Result<Answer> {
        let (answer, source) = self.fly(question.key(), question);
        self.metrics.count(&self.catalog, source);
        answer.await
    }

    /// What serves while the metastore is away.
    async fn servable(&self, key: &Key) -> Option<Kept> {
        let kept = self.kept.get(key).await?;
        let is_valid = kept.number > self.floors.of(&key.place).valid;
        (is_valid && self.age(&kept) < self.settings.stale_if_error).then_some(kept)
    }

    fn stale(&self, kept: Kept, why: String) -> Answer {
        self.metrics.count(&self.catalog, Source::Stale);
        if let Some(statement) = StaleAnswers::current() {
            let age = self.age(&kept);
            statement.add(StaleAnswer { catalog: self.catalog.clone(), age, why });
        }
        kept.answer
    }

    /// Looks whether the metastore is back, unless somebody does already.
    fn probe(self: &Arc<Self>, key: Key, question: Question) {
        let Some(probe) = self.outage.probe() else { return };
        let (answer, _) = self.fly(key, question);
        tokio::spawn(async move {
            // What it brings is kept, and its end is known, by then.
            let _ = answer.await;
            drop(probe);
        });
    }

    /// The same question on its way, if it began after all that it must see; else a new one.
    fn fly(self: &Arc<Self>, key: Key, question: Question) -> (SharedAnswer, Source) {
        let mut flights = self.flights.lock();
        if let Some(flight) = flights.get(&key)
            && flight.number > self.floors.of(&key.place).fresh
        {
            return (flight.answer.clone(), Source::Joined);
        }
        let (number, since) = (self.next_number(), self.now());
        let (sender, receiver) = oneshot::channel();
        let answer = async move { receiver.await.unwrap_or_else(|_| Err(lost())) }.boxed().shared();
        flights.insert(key.clone(), Flight { number, answer: answer.clone() });
        drop(flights);
        let landing = Landing { keeper: Arc::clone(self), key, number };
        tokio::spawn(async move {
            let Landing { keeper, key, .. } = &landing;
            let answer = question.ask(keeper.inner()).await;
            keeper.put_away(key, number, since, &answer).await;
            // Before anybody has the answer: who asks after that asks anew.
            drop(landing);
            // Nobody may be waiting.
            let _ = sender.send(answer);
        });
        (answer, Source::Miss)
    }

    async fn put_away(&self, key: &Key, number: u64, since: Instant, answer: &Result<Answer>) {
        let kept = match answer {
            Err(error) if error.kind() == ErrorKind::SourceUnavailable => {
                return self.outage.failed(number, error);
            }
            Ok(answer) if answer.may_be_kept() => {
                Some(Kept { answer: answer.clone(), number, since })
            }
            Ok(_) | Err(_) => None,
        };
        self.outage.answered(number);
        // One at a time for each key: what a newer question brings comes after this, or this does not count.
        let entry = self.kept.entry(key.clone());
        let done = entry.and_compute_with(|_| {
            let counts = number > self.floors.of(&key.place).fresh;
            ready(match (counts, kept) {
                (false, _) => Op::Nop,
                (true, Some(kept)) => Op::Put(kept),
                (true, None) => Op::Remove,
            })
        });
        if matches!(done.await, CompResult::Removed(_)) && key.is_of_definition() {
            // Nor do its partitions come back, should it be made again as it was.
            self.floors.raise(key.place.clone(), Floor::valid(number));
        }
    }

    /// Whether questions are on their way.
    #[cfg(test)]
    pub(super) fn is_asking(&self) -> bool {
        !self.flights.lock().is_empty() || self.outage.is_probing()
    }

    /// Lets the cache do what it puts off.
    #[cfg(test)]
    pub(super) async fn settle(&self) {
        self.kept.run_pending_tasks().await;
    }

    fn age(&self, kept: &Kept) -> Duration {
        self.now().saturating_duration_since(kept.since)
    }

    fn now(&self) -> Instant {
        Instant::now() + self.ahead()
    }

    #[cfg(test)]
    fn ahead(&self) -> Duration {
        *self.ahead.lock()
    }

    #[cfg(not(test))]
    fn ahead(&self) -> Duration {
        Duration::ZERO
    }
}

/// Takes a question off the list when it ends, even by a panic.
struct Landing {
    keeper: Arc<Keeper>,
    key: Key,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        let mut flights = self.keeper.flights.lock();
        if flights.get(&self.key).is_some_and(|flight| flight.number == self.number) {
            flights.remove(&self.key);
        }
    }
}

fn lost() -> Error {
    Error::internal("a question to a metastore ended without an answer")
}
