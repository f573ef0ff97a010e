//! Slows down logins from an address that failed repeatedly, whether or not the users it tried
//! exist. A success forgives what the same user failed before, and no other user's failures.
//!
//! After the allowed failures, logins from the address take turns: each may begin a delay after
//! the one before, and the delay doubles with every failure up to its bound. A login that would
//! have to wait longer than the bound is refused at once, so a waiting login costs a timer, for a
//! bounded time, and there are few of them.

use super::metrics::MysqlMetrics;
use moka::future::Cache;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Addresses that are remembered; beyond them the least used are forgotten.
const ADDRESSES_MAX: u64 = 16_384;
/// An address without another failure for so long is forgotten.
const FORGET: Duration = Duration::from_secs(15 * 60);
/// User names that are remembered of one address.
const USERS_MAX: usize = 64;
const FIRST_DELAY: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Failures in a row without a delay.
    failures_max: u32,
    delay_max: Duration,
}

/// The failures of all addresses.
#[derive(Debug)]
pub(crate) struct LoginDelay {
    limits: Limits,
    addresses: Cache<IpAddr, Arc<Mutex<Failures>>>,
    metrics: MysqlMetrics,
}

/// There are logins of this address that wait already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyWaiting;

impl LoginDelay {
    pub(crate) fn new(failures_max: u32, delay_max: Duration, metrics: MysqlMetrics) -> Self {
        let addresses = Cache::builder().max_capacity(ADDRESSES_MAX).time_to_idle(FORGET).build();
        Self { limits: Limits { failures_max, delay_max }, addresses, metrics }
    }

    /// Waits for the turn of a login from `address`, before its password is looked at.
    pub(crate) async fn turn(&self, address: IpAddr) -> Result<(), TooManyWaiting> {
        let Some(failures) = self.addresses.get(&network(address)).await else { return Ok(()) };
        let wait = failures.lock().turn(Instant::now(), self.limits);
        let wait = wait.inspect_err(|_| {
            self.metrics.logins_delayed.inc();
        })?;
        if !wait.is_zero() {
            self.metrics.logins_delayed.inc();
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    /// Notes a login that did not prove its password.
    pub(crate) async fn failed(&self, address: IpAddr, user: &str) {
        self.metrics.logins_failed.inc();
        let failures = self.addresses.get_with(network(address), async { Arc::default() }).await;
        failures.lock().add(user, Instant::now(), self.limits);
    }

    pub(crate) async fn succeeded(&self, address: IpAddr, user: &str) {
        let address = network(address);
        let Some(failures) = self.addresses.get(&address).await else { return };
        if failures.lock().forgive(user, self.limits) {
            self.addresses.invalidate(&address).await;
        }
    }
}

/// One machine has a whole IPv6 network of 64 bits to choose its address from.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let bits = u128::from(address) & (u128::MAX << 64);
            Ipv6Addr::from(bits).into()
        }
    }
}

/// The failures of one address.
#[derive(Debug, Default)]
struct Failures {
    count: u32,
    /// Those that a success forgives. Beyond [`USERS_MAX`] names a failure is nobody's.
    by_user: HashMap<String, u32>,
    /// When the next login may begin.
    next: Option<Instant>,
}

impl Failures {
    /// How long a login that comes now waits.
    fn turn(&mut self, now: Instant, limits: Limits) -> Result<Duration, TooManyWaiting> {
        let Some(next) = self.next else { return Ok(Duration::ZERO) };
        let start = next.max(now);
        let wait = start - now;
        if wait > limits.delay_max {
            return Err(TooManyWaiting);
        }
        self.next = Some(start + self.delay(limits));
        Ok(wait)
    }

    fn add(&mut self, user: &str, now: Instant, limits: Limits) {
        self.count = self.count.saturating_add(1);
        if self.by_user.len() < USERS_MAX || self.by_user.contains_key(user) {
            let count = self.by_user.entry(user.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        let delay = self.delay(limits);
        if !delay.is_zero() {
            let earliest = now + delay;
            self.next = Some(self.next.map_or(earliest, |next| next.max(earliest)));
        }
    }

    /// Whether nothing is left.
    fn forgive(&mut self, user: &str, limits: Limits) -> bool {
        let forgiven = self.by_user.remove(user).unwrap_or_default();
        self.count = self.count.saturating_sub(forgiven);
        if self.delay(limits).is_zero() {
            self.next = None;
        }
        self.count == 0
    }

    fn delay(&self, limits: Limits) -> Duration {
        let Some(beyond) = self.count.checked_sub(limits.failures_max) else {
            return Duration::ZERO;
        };
        let factor = 2_u32.checked_pow(beyond).unwrap_or(u32::MAX);
        FIRST_DELAY.saturating_mul(factor).min(limits.delay_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { failures_max: 3, delay_max: Duration::from_secs(4) };

    fn failed(times: u32, at: Instant) -> Failures {
        let mut failures = Failures::default();
        for _ in 0..times {
            failures.add("a", at, LIMITS);
        }
        failures
    }

    #[test]
    fn the_delay_begins_after_the_allowed_failures_and_doubles_to_its_bound() {
        let now = Instant::now();
        for (times, expected_ms) in
            [(0, 0), (2, 0), (3, 250), (4, 500), (6, 2000), (7, 4000), (8, 4000), (u16::MAX, 4000)]
        {
            let waited = failed(times.into(), now).turn(now, LIMITS).expect("a turn");
            assert_eq!(waited, Duration::from_millis(expected_ms), "after {times} failures");
        }
    }

    #[test]
    fn logins_at_the_same_time_take_turns_and_few_wait() {
        let now = Instant::now();
        let mut failures = failed(5, now);
        let waits: Vec<_> = (0..6).map(|_| failures.turn(now, LIMITS)).collect();
        let second = |seconds| Ok(Duration::from_secs(seconds));
        let refused = || Err(TooManyWaiting);
        assert_eq!(waits, [second(1), second(2), second(3), second(4), refused(), refused()]);
        // A refused login takes no turn.
        assert_eq!(failures.turn(now + Duration::from_secs(1), LIMITS), second(4));
    }

    #[test]
    fn who_waited_long_enough_waits_no_more() {
        let now = Instant::now();
        let mut failures = failed(4, now);
        let later = now + Duration::from_secs(60);
        assert_eq!(failures.turn(later, LIMITS), Ok(Duration::ZERO));
        assert_eq!(failures.turn(later, LIMITS), Ok(Duration::from_millis(500)));
    }

    #[tokio::test]
    async fn a_success_forgives_and_networks_count_as_one() {
        let delay = LoginDelay::new(1, Duration::ZERO, MysqlMetrics::default());
        let address: IpAddr = "2001:db8::1".parse().expect("an address");
        let neighbour: IpAddr = "2001:db8::2:1".parse().expect("an address");
        delay.failed(address, "a").await;
        delay.failed(neighbour, "b").await;
        let failures = delay.addresses.get(&network(address)).await.expect("remembered");
        assert_eq!(failures.lock().count, 2);
        assert_eq!(delay.metrics.logins_failed.get(), 2);
        // One's own success is no way to go on guessing another's password.
        delay.succeeded(neighbour, "b").await;
        assert_eq!(failures.lock().count, 1);
        delay.succeeded(neighbour, "c").await;
        assert_eq!(failures.lock().count, 1);
        delay.succeeded(address, "a").await;
        assert!(delay.addresses.get(&network(address)).await.is_none());
        assert_ne!(network(address), network("2001:db8:0:1::1".parse().expect("an address")));
        assert_eq!(network("::ffff:10.0.0.1".parse().expect("")), IpAddr::from([10, 0, 0, 1]));
    }

    #[tokio::test]
    async fn a_waiting_login_lets_its_address_wait_no_longer_than_the_bound() {
        let delay = LoginDelay::new(1, Duration::from_millis(1), MysqlMetrics::default());
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(delay.turn(address).await, Ok(()));
        assert_eq!(delay.metrics.logins_delayed.get(), 0);
        for _ in 0..40 {
            delay.failed(address, "a").await;
        }
        let mut refused = false;
        for _ in 0..3 {
            refused |= delay.turn(address).await.is_err();
        }
        assert!(!refused, "one after the other is no crowd");
    }
}
