//! How many calls may begin in a second.

use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// A token bucket that holds the calls of one second.
#[derive(Debug)]
pub(super) struct RateLimit {
    /// From one token to the next.
    interval: Duration,
    /// When the next token is there. Who waits for it holds the lock: tokens go to callers in their
    /// order, and one that gives up takes none.
    next: Mutex<Instant>,
}

impl RateLimit {
    pub(super) fn per_second(calls: u32) -> Self {
        let interval = Duration::from_secs(1) / calls.max(1);
        Self { interval, next: Mutex::new(full_since(Instant::now(), interval)) }
    }

    /// Waits until a call may begin.
    pub(super) async fn take(&self) {
        let mut next = self.next.lock().await;
        sleep_until(*next).await;
        *next = after_one(*next, Instant::now(), self.interval);
    }
}

/// The token after the one of `next`; those of more than a second ago are lost.
fn after_one(next: Instant, now: Instant, interval: Duration) -> Instant {
    next.max(full_since(now, interval)) + interval
}

/// The time of the first token of a bucket that is full `now`: the last one is there just then.
fn full_since(now: Instant, interval: Duration) -> Instant {
    now.checked_sub(Duration::from_secs(1).saturating_sub(interval)).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many calls begin at `now`.
    fn begin(next: &mut Instant, now: Instant, interval: Duration) -> usize {
        let mut count = 0;
        while *next <= now {
            *next = after_one(*next, now, interval);
            count += 1;
        }
        count
    }

    #[test]
    fn a_second_has_its_calls_and_no_more_are_saved() {
        let interval = Duration::from_millis(250);
        let start = Instant::now() + Duration::from_secs(3600);
        let mut next = full_since(start, interval);
        assert_eq!(begin(&mut next, start, interval), 4);
        assert_eq!(begin(&mut next, start + Duration::from_millis(249), interval), 0);
        assert_eq!(begin(&mut next, start + Duration::from_millis(500), interval), 2);
        assert_eq!(begin(&mut next, start + Duration::from_secs(100), interval), 4);
    }

    #[tokio::test]
    async fn who_gives_up_takes_no_token() {
        let interval = Duration::from_secs(3600);
        let rate = RateLimit { interval, next: Mutex::new(Instant::now()) };
        rate.take().await;
        let after = *rate.next.lock().await;
        assert!(after > Instant::now());
        for _ in 0..3 {
            let given_up = tokio::time::timeout(Duration::ZERO, rate.take()).await;
            assert!(given_up.is_err());
        }
        assert_eq!(*rate.next.lock().await, after);
    }
}
