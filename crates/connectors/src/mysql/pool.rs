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
        self.connection(place).await.map_err(NoConnection::Failed)
    }

    /// The same without a wait for others; `None` where they have all.
    pub(super) async fn lease_free(&self) -> Result<Option<Lease<C>>, C::Failure> {
        match Arc::clone(&self.0.places).try_acquire_owned() {
            Ok(place) => self.connection(place).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// How many connections nobody uses or waits for.
    pub(super) fn free(&self) -> usize {
        self.0.places.available_permits()
    }

    async fn connection(&self, place: OwnedSemaphorePermit) -> Result<Lease<C>, C::Failure> {
        let shared = &self.0;
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
        let connection = shared.connect.connect().await?;
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

impl<C: Connect> fmt::Debug for Lease<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("is_used", &self.connection.is_some()).finish_non_exhaustive()
    }
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
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(1);

    /// Connections are numbers.
    struct Numbers {
        made: AtomicUsize,
        are_dead: AtomicBool,
        closed: UnboundedSender<usize>,
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

        async fn close(&self, connection: usize) {
            let _ = self.closed.send(connection);
        }
    }

    struct Fixture {
        numbers: Arc<Numbers>,
        pool: Pool<Arc<Numbers>>,
        metrics: PoolMetrics,
        closed: UnboundedReceiver<usize>,
    }

    fn fixture(connections_max: usize, wait: Duration, idle: Duration) -> Fixture {
        let (sender, closed) = unbounded_channel();
        let numbers = Arc::new(Numbers {
            made: AtomicUsize::new(0),
            are_dead: AtomicBool::new(false),
            closed: sender,
        });
        let metrics = PoolMetrics::default();
        let limits = PoolLimits { connections_max, wait, idle };
        let pool = Pool::new(Arc::clone(&numbers), limits, metrics.clone());
        Fixture { numbers, pool, metrics, closed }
    }

    impl Fixture {
        async fn lease(&self) -> Lease<Arc<Numbers>> {
            self.pool.lease().await.expect("a connection")
        }
    }

    #[tokio::test]
    async fn connections_are_used_again_while_they_answer() {
        let it = fixture(2, LONG, LONG);
        let mut lease = it.lease().await;
        assert_eq!(lease.get(), Some(&mut 0));
        lease.give_back();
        assert_eq!((it.metrics.open.get(), it.metrics.idle.get()), (1, 1));
        let mut lease = it.lease().await;
        assert_eq!(lease.get(), Some(&mut 0));
        lease.give_back();
        it.numbers.are_dead.store(true, Ordering::SeqCst);
        let mut lease = it.lease().await;
        assert_eq!(lease.get(), Some(&mut 1));
        assert_eq!((it.metrics.open.get(), it.metrics.idle.get()), (1, 0));
        drop(lease);
        assert_eq!(it.metrics.open.get(), 0);
    }

    #[tokio::test]
    async fn a_wait_has_an_end() {
        let it = fixture(1, SHORT, LONG);
        let lease = it.lease().await;
        let Err(NoConnection::Busy(waited)) = it.pool.lease().await else { panic!("a second one") };
        assert_eq!((waited, it.metrics.waiting.get()), (SHORT, 0));
        lease.give_back();
        it.lease().await;
        assert_eq!(it.numbers.made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back() {
        let it = fixture(1, LONG, LONG);
        let mut lease = it.lease().await;
        let waiting = it.pool.lease();
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        assert_eq!((lease.get(), it.metrics.waiting.get()), (Some(&mut 0), 1));
        lease.give_back();
        let mut next = waiting.await.expect("a connection");
        assert_eq!(next.get(), Some(&mut 0));
    }

    #[tokio::test]
    async fn who_wants_a_free_one_does_not_wait() {
        let it = fixture(2, LONG, LONG);
        let first = it.lease().await;
        assert_eq!(it.pool.free(), 1);
        let second = it.pool.lease_free().await.expect("no failure");
        assert!(second.is_some() && it.pool.free() == 0);
        assert!(it.pool.lease_free().await.expect("no failure").is_none());
        first.give_back();
        let mut third = it.pool.lease_free().await.expect("no failure").expect("a free one");
        assert_eq!(third.get(), Some(&mut 0));
    }

    #[tokio::test]
    async fn what_nobody_uses_is_closed() {
        let mut it = fixture(4, LONG, SHORT);
        // And again, when all were closed before.
        for round in 0..2 {
            let (first, second) = (it.lease().await, it.lease().await);
            first.give_back();
            second.give_back();
            let mut closed = [it.closed.recv().await, it.closed.recv().await];
            closed.sort_unstable();
            assert_eq!(closed, [Some(2 * round), Some(2 * round + 1)]);
            assert_eq!((it.metrics.open.get(), it.metrics.idle.get()), (0, 0));
        }
    }

    #[tokio::test]
    async fn connections_end_with_the_pool() {
        let it = fixture(4, LONG, LONG);
        it.lease().await.give_back();
        drop(it.pool);
        assert_eq!((it.metrics.open.get(), it.metrics.idle.get()), (0, 0));
    }
}
