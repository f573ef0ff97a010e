//! Connections that are kept: so many at once, each checked before it is used again, closed when nobody needs it for a
//! while and with the pool. It knows no protocol.

#[cfg(test)]
mod tests;

use super::metrics::{InState, PoolMetrics};
use super::places::{Place, Places};
use async_trait::async_trait;
use mooring_spi::Demand;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// How connections are made, checked and closed.
#[async_trait]
pub(crate) trait Connect: Send + Sync + 'static {
    type Connection: Send + 'static;
    type Failure: Send;

    /// How long somebody may wait for a connection that answers: asking the kept ones, and making another one.
    fn limit(&self) -> Duration;

    /// Ends with a failure when it is `until`.
    async fn connect(&self, until: Instant) -> Result<Self::Connection, Self::Failure>;

    /// Whether a connection that nobody used for `kept` still answers. It may wait for ever.
    async fn is_alive(&self, connection: &mut Self::Connection, kept: Duration) -> bool;

    async fn close(&self, connection: Self::Connection);
}

/// What a connection is for. Each purpose has places of its own: who holds one for long and waits for another would
/// otherwise wait for others that do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// One statement.
    Read,
    /// A query, while its statements are read by others.
    Hold,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum NoConnection<F> {
    /// All of so many were in use for so long.
    Busy {
        max: usize,
        waited: Duration,
    },
    Failed(F),
}

pub(crate) struct Pool<C: Connect>(Arc<Shared<C>>);

impl<C: Connect> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("readers", &self.0.readers).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolLimits {
    /// Connections at once for [`Purpose::Read`].
    pub readers: usize,
    /// And for [`Purpose::Hold`].
    pub holders: usize,
    /// How long a connection is waited for that others have.
    pub wait: Duration,
    /// How long one is kept that nobody uses.
    pub idle: Duration,
}

struct Shared<C: Connect> {
    connect: C,
    wait: Duration,
    idle_limit: Duration,
    readers: Arc<Places>,
    holders: Arc<Places>,
    idle: Mutex<Idle<C::Connection>>,
    /// Of the queries that have connections.
    queries: Mutex<HashMap<String, Weak<Progress>>>,
    metrics: PoolMetrics,
    max: Mutex<InState>,
}

/// What the connections of one query do.
#[derive(Debug)]
struct Progress {
    /// How many of them the query waits for.
    reads: AtomicUsize,
    /// When it last began or ended to wait for one.
    last: Mutex<Instant>,
}

/// A query waits for its database, not the database for the query, as long as this lives.
#[derive(Debug)]
pub(crate) struct Reads(Option<Arc<Progress>>);

impl Reads {
    fn begin(progress: Option<Arc<Progress>>) -> Self {
        if let Some(progress) = &progress {
            progress.reads.fetch_add(1, Ordering::AcqRel);
        }
        Self(progress)
    }
}

impl Drop for Reads {
    fn drop(&mut self) {
        if let Some(progress) = &self.0 {
            *progress.last.lock() = Instant::now();
            progress.reads.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

struct Idle<T> {
    /// The last one was used last. They and those in use are never more than there are places: a connection is made
    /// by who has a place and finds none here.
    connections: Vec<Kept<T>>,
    is_watched: bool,
}

struct Kept<T> {
    since: Instant,
    connection: T,
    _counted: InState,
}

impl<C: Connect> Pool<C> {
    pub(crate) fn new(connect: C, limits: PoolLimits, metrics: PoolMetrics) -> Self {
        let PoolLimits { readers, holders, wait, idle } = limits;
        Self(Arc::new(Shared {
            connect,
            wait,
            idle_limit: idle,
            readers: Places::new(readers),
            holders: Places::new(holders),
            idle: Mutex::new(Idle { connections: Vec::new(), is_watched: false }),
            queries: Mutex::default(),
            max: Mutex::new(InState::many(&metrics.max, readers + holders)),
            metrics,
        }))
    }

    pub(crate) fn connect(&self) -> &C {
        &self.0.connect
    }

    /// How many there may be at once to read with.
    pub(crate) fn readers(&self) -> usize {
        self.0.readers.max()
    }

    /// Those who wait for a connection to read with.
    pub(crate) fn demand(&self) -> Arc<dyn Demand> {
        Arc::clone(&self.0.readers) as Arc<dyn Demand>
    }

    /// Makes the places as many. What is above them is closed: now where nobody uses it, else when it is given back.
    pub(crate) fn resize(&self, readers: usize, holders: usize) {
        let shared = &self.0;
        shared.readers.resize(readers);
        shared.holders.resize(holders);
        *shared.max.lock() = InState::many(&shared.metrics.max, readers + holders);
        Shared::close_surplus(shared);
    }

    /// A connection that answers, for the caller alone. A query that has others, and goes on by them, waits for its own
    /// as long as it takes; `query` is empty for who is none.
    pub(crate) async fn lease(
        &self,
        purpose: Purpose,
        query: &str,
    ) -> Result<Lease<C>, NoConnection<C::Failure>> {
        let shared = &self.0;
        let places = self.places(purpose);
        let waiting = InState::one(&shared.metrics.waiting);
        let place = places.take(shared.wait, || shared.goes_on(query)).await;
        drop(waiting);
        let Some(place) = place else {
            return Err(NoConnection::Busy { max: places.max(), waited: shared.wait });
        };
        self.connection(place, query).await.map_err(NoConnection::Failed)
    }

    /// The same without a wait for others; `None` where they have all.
    pub(crate) async fn lease_free(
        &self,
        purpose: Purpose,
        query: &str,
    ) -> Result<Option<Lease<C>>, C::Failure> {
        match self.places(purpose).take_free() {
            Some(place) => self.connection(place, query).await.map(Some),
            None => Ok(None),
        }
    }

    /// How many places nobody has.
    pub(crate) fn free(&self, purpose: Purpose) -> usize {
        self.places(purpose).free()
    }

    fn places(&self, purpose: Purpose) -> &Arc<Places> {
        match purpose {
            Purpose::Read => &self.0.readers,
            Purpose::Hold => &self.0.holders,
        }
    }

    async fn connection(&self, place: Place, query: &str) -> Result<Lease<C>, C::Failure> {
        let shared = &self.0;
        let (begun, limit) = (Instant::now(), shared.connect.limit());
        // The other half is for a new one: what was silent may be a way that has gone, and not the server.
        let asked_until = begun + limit / 2;
        loop {
            let kept = shared.idle.lock().connections.pop();
            let Some(Kept { since, mut connection, _counted }) = kept else { break };
            let alive = shared.connect.is_alive(&mut connection, since.elapsed());
            match timeout_at(asked_until, alive).await {
                Ok(true) => return Ok(Lease::new(connection, place, shared, query)),
                Ok(false) => {}
                Err(_) => {
                    // The others were kept for longer, and would be as silent.
                    let silent = std::mem::take(&mut shared.idle.lock().connections);
                    drop(silent);
                    break;
                }
            }
        }
        let connection = shared.connect.connect(begun + limit).await?;
        Ok(Lease::new(connection, place, shared, query))
    }
}

/// A connection in use. It is closed when dropped: who left it at the beginning of a command gives it back.
pub(crate) struct Lease<C: Connect> {
    /// `None` once it was given back.
    used: Option<(C::Connection, Ending)>,
    progress: Option<Arc<Progress>>,
    shared: Arc<Shared<C>>,
}

/// The place of a connection that ends. It is free for others when this is dropped.
#[derive(Debug)]
pub(crate) struct Ending {
    place: Place,
    _counted: InState,
}

impl<C: Connect> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("is_used", &self.used.is_some()).finish_non_exhaustive()
    }
}

impl<C: Connect> Lease<C> {
    fn new(connection: C::Connection, place: Place, shared: &Arc<Shared<C>>, query: &str) -> Self {
        let ending = Ending { place, _counted: InState::one(&shared.metrics.used) };
        let progress = shared.progress(query);
        Self { used: Some((connection, ending)), progress, shared: Arc::clone(shared) }
    }

    /// Its query waits for the database until what this gives is dropped.
    pub(crate) fn reads(&self) -> Reads {
        Reads::begin(self.progress.clone())
    }

    /// The connection; `None` never, before it is given back.
    pub(crate) fn get(&self) -> Option<&C::Connection> {
        self.used.as_ref().map(|(connection, _)| connection)
    }

    pub(crate) fn get_mut(&mut self) -> Option<&mut C::Connection> {
        self.used.as_mut().map(|(connection, _)| connection)
    }

    /// For who ends the connection in a way of its own.
    pub(crate) fn end(mut self) -> Option<(C::Connection, Ending)> {
        self.used.take()
    }

    /// Keeps the connection for the next one.
    pub(crate) fn give_back(mut self) {
        let Some((connection, ending)) = self.used.take() else { return };
        let shared = &self.shared;
        let Ending { place, _counted: used } = ending;
        drop(used);
        let begins_watch = {
            let mut idle = shared.idle.lock();
            let _counted = InState::one(&shared.metrics.idle);
            idle.connections.push(Kept { since: Instant::now(), connection, _counted });
            !std::mem::replace(&mut idle.is_watched, true)
        };
        // Only now somebody else may look for it.
        if !place.give_back() {
            Shared::close_surplus(shared);
        }
        if begins_watch && let Ok(runtime) = Handle::try_current() {
            runtime.spawn(close_idle(Arc::downgrade(shared), shared.idle_limit));
        }
    }
}

impl<C: Connect> Shared<C> {
    /// Of a query that has a connection from now on.
    fn progress(&self, query: &str) -> Option<Arc<Progress>> {
        if query.is_empty() {
            return None;
        }
        let mut queries = self.queries.lock();
        if let Some(progress) = queries.get(query).and_then(Weak::upgrade) {
            *progress.last.lock() = Instant::now();
            return Some(progress);
        }
        queries.retain(|_, progress| progress.strong_count() > 0);
        let (reads, last) = (AtomicUsize::new(0), Mutex::new(Instant::now()));
        let progress = Arc::new(Progress { reads, last });
        queries.insert(query.to_owned(), Arc::downgrade(&progress));
        Some(progress)
    }

    /// Whether a query has connections and waits for them, or did within the time that one is waited for.
    fn goes_on(&self, query: &str) -> bool {
        let progress = self.queries.lock().get(query).and_then(Weak::upgrade);
        progress.is_some_and(|progress| {
            progress.reads.load(Ordering::Acquire) > 0 || progress.last.lock().elapsed() < self.wait
        })
    }

    /// Closes those of the kept ones that have no place.
    fn close_surplus(shared: &Arc<Self>) {
        let surplus: Vec<_> = {
            let mut idle = shared.idle.lock();
            let places = shared.readers.free() + shared.holders.free();
            let count = idle.connections.len().saturating_sub(places);
            idle.connections.drain(..count).collect()
        };
        if surplus.is_empty() {
            return;
        }
        // Elsewhere they are closed without a word.
        if let Ok(runtime) = Handle::try_current() {
            let shared = Arc::clone(shared);
            runtime.spawn(async move { shared.close(surplus).await });
        }
    }

    async fn close(&self, kept: Vec<Kept<C::Connection>>) {
        for Kept { connection, _counted, .. } in kept {
            self.connect.close(connection).await;
        }
    }
}

/// Closes what nobody used for `limit`, and ends with the last connection or the pool.
async fn close_idle<C: Connect>(shared: Weak<Shared<C>>, limit: Duration) {
    loop {
        let next = {
            let Some(shared) = shared.upgrade() else { return };
            let now = Instant::now();
            let (old, next) = {
                let mut idle = shared.idle.lock();
                let fresh = idle.connections.partition_point(|kept| kept.since + limit <= now);
                let old: Vec<_> = idle.connections.drain(..fresh).collect();
                let next = idle.connections.first().map(|kept| kept.since + limit);
                idle.is_watched = next.is_some();
                (old, next)
            };
            shared.close(old).await;
            next
        };
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => return,
        }
    }
}
