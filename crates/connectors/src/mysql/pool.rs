//! Connections that are kept: so many at once, each checked before it is used again, closed when nobody needs it for a
//! while and with the pool. It knows no protocol.

use super::metrics::{PoolMetrics, Waiting};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// How connections are made, checked and closed.
#[async_trait]
pub(super) trait Connect: Send + Sync + 'static {
    type Connection: Send + 'static;
    type Failure: Send;

    async fn connect(&self) -> Result<Self::Connection, Self::Failure>;

    /// Whether a connection that was kept still answers.
    async fn is_alive(&self, connection: &mut Self::Connection) -> bool;

    async fn close(&self, connection: Self::Connection);
}

/// Why there is no connection.
#[derive(Debug)]
pub(super) enum NoConnection<F> {
    /// All were in use for so long.
    Busy(Duration),
    Failed(F),
}

pub(super) struct Pool<C: Connect>(Arc<Shared<C>>);

impl<C: Connect> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct PoolLimits {
    pub(super) connections_max: usize,
    /// How long a connection is waited for that others have.
    pub(super) wait: Duration,
    /// How long one is kept that nobody uses.
    pub(super) idle: Duration,
}

struct Shared<C: Connect> {
    connect: C,
    limits: PoolLimits,
    places: Arc<Semaphore>,
    idle: Mutex<Idle<C::Connection>>,
    metrics: PoolMetrics,
}

struct Idle<T> {
    /// The last one was used last.
    connections: Vec<(Instant, T)>,
    is_watched: bool,
}

impl<C: Connect> Pool<C> {
    pub(super) fn new(connect: C, limits: PoolLimits, metrics: PoolMetrics) -> Self {
        Self(Arc::new(Shared {
            connect,
            limits,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            idle: Mutex::new(Idle { connections: Vec::new(), is_watched: false }),
            metrics,
        }))
    }

    pub(super) fn connect(&self) -> &C {
        &self.0.connect
    }

    /// A connection that answers, for the caller alone.
    pub(super) async fn lease(&self) -> Result<Lease<C>, NoConnection<C::Failure>> {
        let shared = &self.0;
        let place = {
            let _waiting = Waiting::begin(&shared.metrics);
            let place = Arc::clone(&shared.places).acquire_owned();
            match timeout(shared.limits.wait, place).await {
                Ok(Ok(place)) => place,
                // The places are never closed.
                Ok(Err(_)) | Err(_) => return Err(NoConnection::Busy(shared.limits.wait)),
            }
        };
        loop {
            let kept = shared.idle.lock().connections.pop();
            let Some((_, connection)) = kept else { break };
            shared.metrics.idle.dec();
            let mut lease = Lease::new(connection, shared, None);
            if let Some(connection) = &mut lease.connection
                && shared.connect.is_alive(connection).await
            {
                lease.place = Some(place);
                return Ok(lease);
            }
        }
        let connection = shared.connect.connect().await.map_err(NoConnection::Failed)?;
        shared.metrics.open.inc();
        Ok(Lease::new(connection, shared, Some(place)))
    }
}

/// A connection in use. It is closed when dropped: who left it at the beginning of a command gives it back.
pub(super) struct Lease<C: Connect> {
    connection: Option<C::Connection>,
    shared: Arc<Shared<C>>,
    place: Option<OwnedSemaphorePermit>,
}

impl<C: Connect> Lease<C> {
    fn new(
        connection: C::Connection,
        shared: &Arc<Shared<C>>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Self {
        Self { connection: Some(connection), shared: Arc::clone(shared), place }
    }

    /// The connection; `None` never, before it is given back.
    pub(super) fn get(&mut self) -> Option<&mut C::Connection> {
        self.connection.as_mut()
    }

    /// Keeps the connection for the next one.
    pub(super) fn give_back(mut self) {
        let Some(connection) = self.connection.take() else { return };
        let begins_watch = {
            let mut idle = self.shared.idle.lock();
            idle.connections.push((Instant::now(), connection));
            !std::mem::replace(&mut idle.is_watched, true)
        };
        self.shared.metrics.idle.inc();
        // Only now somebody else may look for it.
        drop(self.place.take());
        if begins_watch {
            tokio::spawn(close_idle(Arc::downgrade(&self.shared), self.shared.limits.idle));
        }
    }
}

impl<C: Connect> Drop for Lease<C> {
    fn drop(&mut self) {
        if self.connection.take().is_some() {
            self.shared.metrics.open.dec();
        }
    }
}

impl<C: Connect> Drop for Shared<C> {
    fn drop(&mut self) {
        let left = i64::try_from(self.idle.get_mut().connections.len()).unwrap_or(i64::MAX);
        self.metrics.idle.dec_by(left);
        self.metrics.open.dec_by(left);
    }
}

/// Closes what nobody used for `limit`, and ends with the last connection or the pool.
async fn close_idle<C: Connect>(shared: std::sync::Weak<Shared<C>>, limit: Duration) {
    loop {
        let next = {
            let Some(shared) = shared.upgrade() else { return };
            let now = Instant::now();
            let mut old = Vec::new();
            let next = {
                let mut idle = shared.idle.lock();
                let fresh = idle.connections.partition_point(|(since, _)| *since + limit <= now);
                old.extend(idle.connections.drain(..fresh));
                let next = idle.connections.first().map(|(since, _)| *since + limit);
                idle.is_watched = next.is_some();
                next
            };
            let count = i64::try_from(old.len()).unwrap_or(i64::MAX);
            shared.metrics.idle.dec_by(count);
            shared.metrics.open.dec_by(count);
            for (_, connection) in old {
                shared.connect.close(connection).await;
            }
            next
        };
        match next {
            Some(next) => tokio::time::sleep_until(next).await,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// Connections are numbers.
    #[derive(Default)]
    struct Numbers {
        made: AtomicUsize,
        closed: AtomicUsize,
        are_dead: AtomicBool,
    }

    #[async_trait]
    impl Connect for Arc<Numbers> {
        type Connection = usize;
        type Failure = ();

        async fn connect(&self) -> Result<usize, ()> {
            Ok(self.made.fetch_add(1, Ordering::SeqCst))
        }

        async fn is_alive(&self, _connection: &mut usize) -> bool {
            !self.are_dead.load(Ordering::SeqCst)
        }

        async fn close(&self, _connection: usize) {
            self.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn pool(connections_max: usize) -> (Arc<Numbers>, Pool<Arc<Numbers>>, PoolMetrics) {
        let numbers = Arc::new(Numbers::default());
        let limits = PoolLimits {
            connections_max,
            wait: Duration::from_secs(30),
            idle: Duration::from_secs(60),
        };
        let metrics = PoolMetrics::default();
        (Arc::clone(&numbers), Pool::new(numbers, limits, metrics.clone()), metrics)
    }

    #[tokio::test(start_paused = true)]
    async fn connections_are_used_again_while_they_answer() {
        let (numbers, pool, metrics) = pool(2);
        let mut lease = pool.lease().await.expect("a connection");
        assert_eq!(lease.get(), Some(&mut 0));
        lease.give_back();
        assert_eq!((metrics.open.get(), metrics.idle.get()), (1, 1));
        let mut lease = pool.lease().await.expect("a connection");
        assert_eq!(lease.get(), Some(&mut 0));
        lease.give_back();
        numbers.are_dead.store(true, Ordering::SeqCst);
        let mut lease = pool.lease().await.expect("a connection");
        assert_eq!(lease.get(), Some(&mut 1));
        assert_eq!((metrics.open.get(), metrics.idle.get()), (1, 0));
        drop(lease);
        assert_eq!(metrics.open.get(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_has_an_end() {
        let (numbers, pool, metrics) = pool(1);
        let lease = pool.lease().await.expect("a connection");
        let Err(NoConnection::Busy(waited)) = pool.lease().await else { panic!("a second one") };
        assert_eq!(waited, Duration::from_secs(30));
        assert_eq!(metrics.waiting.get(), 0);
        lease.give_back();
        pool.lease().await.expect("a connection");
        assert_eq!(numbers.made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_uses_is_closed() {
        let (numbers, pool, metrics) = pool(4);
        let first = pool.lease().await.expect("a connection");
        let second = pool.lease().await.expect("a connection");
        first.give_back();
        tokio::time::sleep(Duration::from_secs(30)).await;
        second.give_back();
        tokio::time::sleep(Duration::from_secs(31)).await;
        assert_eq!((numbers.closed.load(Ordering::SeqCst), metrics.open.get()), (1, 1));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!((numbers.closed.load(Ordering::SeqCst), metrics.open.get()), (2, 0));
        // And watched again.
        pool.lease().await.expect("a connection").give_back();
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(numbers.closed.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn connections_end_with_the_pool() {
        let (_, pool, metrics) = pool(4);
        pool.lease().await.expect("a connection").give_back();
        let used = pool.lease().await.expect("a connection");
        used.give_back();
        drop(pool);
        assert_eq!((metrics.open.get(), metrics.idle.get()), (0, 0));
    }
}
