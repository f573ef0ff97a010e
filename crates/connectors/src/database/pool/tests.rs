use super::*;
use std::sync::atomic::AtomicBool;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(1);

/// Connections are numbers.
struct Numbers {
    made: AtomicUsize,
    are_dead: AtomicBool,
    are_silent: AtomicBool,
    asked: AtomicUsize,
    /// Until when the last one had to be made.
    until: Mutex<Option<Instant>>,
    limit: Duration,
    closed: UnboundedSender<usize>,
}

#[async_trait]
impl Connect for Arc<Numbers> {
    type Connection = usize;
    type Failure = ();

    fn limit(&self) -> Duration {
        self.limit
    }

    async fn connect(&self, until: Instant) -> Result<usize, ()> {
        *self.until.lock() = Some(until);
        Ok(self.made.fetch_add(1, Ordering::SeqCst))
    }

    async fn is_alive(&self, _connection: &mut usize, _kept: Duration) -> bool {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.are_silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
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

fn fixture(readers: usize, wait: Duration, idle: Duration) -> Fixture {
    limited_fixture(LONG, readers, wait, idle)
}

/// Where a connection is had within `limit`.
fn limited_fixture(limit: Duration, readers: usize, wait: Duration, idle: Duration) -> Fixture {
    let (sender, closed) = unbounded_channel();
    let numbers = Arc::new(Numbers {
        made: AtomicUsize::new(0),
        are_dead: AtomicBool::new(false),
        are_silent: AtomicBool::new(false),
        asked: AtomicUsize::new(0),
        until: Mutex::new(None),
        limit,
        closed: sender,
    });
    let metrics = PoolMetrics::default();
    let limits = PoolLimits { readers, holders: 1, wait, idle };
    let pool = Pool::new(Arc::clone(&numbers), limits, metrics.clone());
    Fixture { numbers, pool, metrics, closed }
}

impl Fixture {
    async fn lease(&self) -> Lease<Arc<Numbers>> {
        self.pool.lease(Purpose::Read, "").await.expect("a connection")
    }

    /// Connections in use, and kept.
    fn open(&self) -> (i64, i64) {
        (self.metrics.used.get(), self.metrics.idle.get())
    }
}

#[tokio::test]
async fn connections_are_used_again_while_they_answer() {
    let it = fixture(2, LONG, LONG);
    let lease = it.lease().await;
    assert_eq!(lease.get(), Some(&0));
    lease.give_back();
    assert_eq!(it.open(), (0, 1));
    let lease = it.lease().await;
    assert_eq!(lease.get(), Some(&0));
    lease.give_back();
    it.numbers.are_dead.store(true, Ordering::SeqCst);
    let lease = it.lease().await;
    assert_eq!(lease.get(), Some(&1));
    assert_eq!(it.open(), (1, 0));
    drop(lease);
    assert_eq!(it.open(), (0, 0));
}

#[tokio::test]
async fn of_silent_connections_one_is_asked() {
    let limit = Duration::from_millis(20);
    let it = limited_fixture(limit, 4, LONG, LONG);
    let leases = [it.lease().await, it.lease().await, it.lease().await];
    leases.into_iter().for_each(Lease::give_back);
    it.numbers.are_silent.store(true, Ordering::SeqCst);
    let lease = it.lease().await;
    assert_eq!((lease.get(), it.open()), (Some(&3), (1, 0)));
    assert_eq!(it.numbers.asked.load(Ordering::SeqCst), 1);
    // Half of the time has gone.
    let until = it.numbers.until.lock().expect("a new one");
    assert!(until <= Instant::now() + limit / 2, "asking and connecting have one end");
}

#[tokio::test]
async fn a_wait_has_an_end() {
    let it = fixture(1, SHORT, LONG);
    let lease = it.lease().await;
    let Err(NoConnection::Busy { max, waited }) = it.pool.lease(Purpose::Read, "").await else {
        panic!("a second one")
    };
    assert_eq!((max, waited, it.metrics.waiting.get()), (1, SHORT, 0));
    lease.give_back();
    it.lease().await;
    assert_eq!(it.numbers.made.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_query_waits_for_its_own_connections() {
    let it = fixture(1, LONG, LONG);
    let lease = it.pool.lease(Purpose::Read, "q").await.expect("a connection");
    assert!(it.pool.0.goes_on("q"));
    assert!(!it.pool.0.goes_on("another") && !it.pool.0.goes_on(""));
    drop(lease);
    assert!(!it.pool.0.goes_on("q"), "it has none");
    let idle = fixture(1, Duration::ZERO, LONG);
    let lease = idle.pool.lease(Purpose::Read, "q").await.expect("a connection");
    assert!(!idle.pool.0.goes_on("q"), "it takes no rows");
    let reads = lease.reads();
    assert!(idle.pool.0.goes_on("q"));
    drop(reads);
    assert!(!idle.pool.0.goes_on("q"));
}

#[tokio::test]
async fn purposes_do_not_wait_for_each_other() {
    let it = fixture(1, SHORT, LONG);
    let reader = it.lease().await;
    let holder = it.pool.lease(Purpose::Hold, "").await.expect("a connection");
    assert_eq!((reader.get(), holder.get()), (Some(&0), Some(&1)));
    it.pool.lease(Purpose::Hold, "").await.expect_err("one holds");
}

#[tokio::test]
async fn who_waits_gets_what_is_given_back() {
    let it = fixture(1, LONG, LONG);
    let lease = it.lease().await;
    let waiting = it.pool.lease(Purpose::Read, "");
    tokio::pin!(waiting);
    assert!(futures::poll!(&mut waiting).is_pending());
    assert_eq!((lease.get(), it.metrics.waiting.get()), (Some(&0), 1));
    lease.give_back();
    let next = waiting.await.expect("a connection");
    assert_eq!(next.get(), Some(&0));
}

#[tokio::test]
async fn who_wants_a_free_one_does_not_wait() {
    let it = fixture(2, LONG, LONG);
    let free = async || it.pool.lease_free(Purpose::Read, "").await.expect("no failure");
    let first = it.lease().await;
    assert_eq!(it.pool.free(Purpose::Read), 1);
    let second = free().await;
    assert!(second.is_some() && it.pool.free(Purpose::Read) == 0);
    assert!(free().await.is_none());
    first.give_back();
    let third = free().await.expect("a free one");
    assert_eq!(third.get(), Some(&0));
    drop(second);
    it.pool.resize(1, 1);
    assert!(free().await.is_none(), "one of one is in use");
}

#[tokio::test]
async fn what_ends_has_its_place_until_then() {
    let it = fixture(1, SHORT, LONG);
    let (connection, ending) = it.lease().await.end().expect("a connection");
    assert_eq!(connection, 0);
    it.pool.lease(Purpose::Read, "").await.expect_err("it has not ended");
    drop(ending);
    assert_eq!(it.lease().await.get(), Some(&1));
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
    }
}

#[tokio::test]
async fn a_smaller_pool_closes_what_it_has_too_many_of() {
    let mut it = fixture(4, LONG, LONG);
    assert_eq!(it.metrics.max.get(), 5);
    let [first, second, third] = [it.lease().await, it.lease().await, it.lease().await];
    first.give_back();
    // Two in use and one kept, of one to read with and none to hold.
    it.pool.resize(1, 0);
    assert_eq!(it.metrics.max.get(), 1);
    assert_eq!(it.closed.recv().await, Some(0));
    // One of the two has no place any more when it comes back, and the other one is kept.
    second.give_back();
    assert_eq!(it.closed.recv().await, Some(1));
    third.give_back();
    let kept = it.lease().await;
    assert_eq!(kept.get(), Some(&2));
    kept.give_back();
    it.pool.resize(2, 0);
    let [first, second] = [it.lease().await, it.lease().await];
    assert_eq!((first.get(), second.get()), (Some(&2), Some(&3)));
}

#[tokio::test]
async fn connections_end_with_the_pool() {
    let it = fixture(4, LONG, LONG);
    it.lease().await.give_back();
    drop(it.pool);
    assert_eq!((it.metrics.idle.get(), it.metrics.max.get()), (0, 0));
}
