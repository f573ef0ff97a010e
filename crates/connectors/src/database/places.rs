//! So many connections at once: a bound that changes while they are used, and who waits for one.

use async_trait::async_trait;
use mooring_spi::Demand;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

#[derive(Debug)]
pub(super) struct Places {
    /// As many permits as `Bound` says, with those that are owed. Never closed.
    permits: Arc<Semaphore>,
    bound: Mutex<Bound>,
    waiting: watch::Sender<usize>,
}

#[derive(Debug)]
struct Bound {
    max: usize,
    /// How many more are taken than there may be: so many are not given out again.
    owed: usize,
}

impl Places {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(max)),
            bound: Mutex::new(Bound { max, owed: 0 }),
            waiting: watch::Sender::new(0),
        })
    }

    pub(super) fn max(&self) -> usize {
        self.bound.lock().max
    }

    /// How many nobody has.
    pub(super) fn free(&self) -> usize {
        self.permits.available_permits()
    }

    /// Makes them `max`. Those above it end as they are given back.
    pub(super) fn resize(&self, max: usize) {
        let mut bound = self.bound.lock();
        if max >= bound.max {
            let more = max - bound.max;
            let paid = more.min(bound.owed);
            bound.owed -= paid;
            self.permits.add_permits(more - paid);
        } else {
            let fewer = bound.max - max;
            bound.owed += fewer - self.permits.forget_permits(fewer);
        }
        bound.max = max;
    }

    /// A place, in the order in which it was asked for. `None` when there was none for `wait`, and again for each
    /// further one that `goes_on` allows.
    pub(super) async fn take(
        self: &Arc<Self>,
        wait: Duration,
        goes_on: impl Fn() -> bool,
    ) -> Option<Place> {
        if let Some(place) = self.take_free() {
            return Some(place);
        }
        let _waiting = Waiting::begin(&self.waiting);
        let place = async {
            loop {
                let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
                if let Some(place) = self.place(permit) {
                    return Some(place);
                }
            }
        };
        tokio::pin!(place);
        loop {
            match timeout(wait, &mut place).await {
                Ok(place) => return place,
                Err(_) if goes_on() => {}
                Err(_) => return None,
            }
        }
    }

    /// A place that nobody has or waits for.
    pub(super) fn take_free(self: &Arc<Self>) -> Option<Place> {
        while let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            if let Some(place) = self.place(permit) {
                return Some(place);
            }
        }
        None
    }

    /// `None` where the permit was owed: whoever waited for it may have gone while it came back.
    fn place(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Option<Place> {
        let mut bound = self.bound.lock();
        if bound.owed > 0 {
            bound.owed -= 1;
            permit.forget();
            return None;
        }
        drop(bound);
        Some(Place { permit: Some(permit), places: Arc::clone(self) })
    }
}

#[async_trait]
impl Demand for Places {
    async fn wanted(&self) {
        // The sender lives as long as this does.
        let _ = self.waiting.subscribe().wait_for(|waiting| *waiting > 0).await;
    }
}

/// The right to one connection, until dropped.
#[derive(Debug)]
pub(super) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Place {
    /// Whether it is there for others from now on.
    pub(super) fn give_back(mut self) -> bool {
        self.release()
    }

    fn release(&mut self) -> bool {
        let Some(permit) = self.permit.take() else { return false };
        let mut bound = self.places.bound.lock();
        let is_owed = bound.owed > 0;
        if is_owed {
            bound.owed -= 1;
            permit.forget();
        } else {
            // Under the lock, so that nobody owes what has just come back.
            drop(permit);
        }
        !is_owed
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.release();
    }
}

/// One who waits, until dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting = waiting.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::cell::Cell;

    const LONG: Duration = Duration::from_secs(60);

    fn never() -> bool {
        false
    }

    async fn taken(places: &Arc<Places>, count: usize) -> Vec<Place> {
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(places.take(LONG, never).await.expect("a place"));
        }
        taken
    }

    #[tokio::test]
    async fn fewer_places_are_fewer_once_they_come_back() {
        let places = Places::new(4);
        let mut held = taken(&places, 3).await;
        places.resize(2);
        assert_eq!((places.max(), places.free()), (2, 0));
        // The third of two is nobody's any more.
        assert!(!held.pop().expect("held").give_back());
        assert_eq!(places.free(), 0);
        assert!(held.pop().expect("held").give_back());
        assert_eq!(places.free(), 1);
        drop(held);
        assert_eq!(places.free(), 2);
    }

    #[tokio::test]
    async fn more_places_pay_what_is_owed_first() {
        let places = Places::new(4);
        let held = taken(&places, 4).await;
        places.resize(1);
        places.resize(3);
        assert_eq!(places.free(), 0);
        places.resize(6);
        assert_eq!(places.free(), 2);
        drop(held);
        assert_eq!((places.max(), places.free()), (6, 6));
    }

    #[tokio::test]
    async fn who_waits_gets_no_place_that_is_owed() {
        let places = Places::new(2);
        let mut held = taken(&places, 2).await;
        let waiting = places.take(LONG, never);
        tokio::pin!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        places.resize(1);
        drop(held.pop());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(held.pop());
        assert!(waiting.await.is_some());
        assert_eq!(places.free(), 1);
    }

    #[tokio::test]
    async fn what_comes_back_from_who_went_away_is_owed_too() {
        let places = Places::new(1);
        let held = taken(&places, 1).await;
        let mut waiting = Box::pin(places.take(LONG, never));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(held);
        // It is the waiting one's by now, who does not look.
        places.resize(0);
        drop(waiting);
        assert_eq!(places.take(Duration::from_millis(1), never).await.map(|_| ()), None);
        places.resize(1);
        assert!(places.take(LONG, never).await.is_some());
    }

    #[tokio::test]
    async fn a_wait_goes_on_as_long_as_it_may() {
        let places = Places::new(1);
        let _held = taken(&places, 1).await;
        let asked = Cell::new(0);
        let goes_on = || asked.replace(asked.get() + 1) < 2;
        assert!(places.take(Duration::from_millis(1), goes_on).await.is_none());
        assert_eq!(asked.get(), 3);
    }

    #[tokio::test]
    async fn a_demand_is_there_while_somebody_waits() {
        let places = Places::new(1);
        let held = taken(&places, 1).await;
        assert!(places.wanted().now_or_never().is_none());
        let mut waiting = Box::pin(places.take(LONG, never));
        assert!(futures::poll!(&mut waiting).is_pending());
        assert!(places.wanted().now_or_never().is_some());
        drop(held);
        assert!(waiting.await.is_some());
        assert!(places.wanted().now_or_never().is_none());
    }

    mod histories {
        use super::*;
        use proptest::prelude::*;
        use tokio::runtime::Builder;

        #[derive(Debug, Clone)]
        enum Step {
            Take,
            GiveBack,
            Resize(usize),
        }

        fn step() -> impl Strategy<Value = Step> {
            prop_oneof![Just(Step::Take), Just(Step::GiveBack), (0_usize..6).prop_map(Step::Resize)]
        }

        proptest! {
            #[test]
            fn no_place_is_lost_or_made(steps in prop::collection::vec(step(), 0..60)) {
                // For timers only.
                let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
                let _entered = runtime.enter();
                let places = Places::new(3);
                let mut held = Vec::new();
                for step in steps {
                    match step {
                        Step::Take => {
                            let had_room = held.len() < places.max();
                            // It does not wait: the first poll tells.
                            let taken = places.take(Duration::ZERO, never).now_or_never().flatten();
                            prop_assert_eq!(taken.is_some(), had_room);
                            held.extend(taken);
                        }
                        Step::GiveBack => drop(held.pop()),
                        Step::Resize(max) => places.resize(max),
                    }
                    prop_assert_eq!(places.free(), places.max().saturating_sub(held.len()));
                }
            }
        }
    }
}
