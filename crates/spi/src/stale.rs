//! What a statement got from answers that were kept, because the one who gives them is away: its client is
//! warned of it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// An answer that is older than it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleAnswer {
    pub catalog: String,
    pub age: Duration,
    /// Why there is none that is new.
    pub why: String,
}

impl fmt::Display for StaleAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { catalog, age, why } = self;
        write!(f, "catalog `{catalog}` answered from what was kept, {} s old: {why}", age.as_secs())
    }
}

/// The stale answers that one statement got: of each catalog the oldest. Clones are the same.
///
/// They belong to who waits for an answer. Whoever answers from what was kept adds to
/// [`StaleAnswers::current`] in the asker's own task, never in one that several askers share, so statements
/// that run at once cannot get each other's. Work that a statement hands to another task goes there inside
/// [`StaleAnswers::carried`].
#[derive(Debug, Clone, Default)]
pub struct StaleAnswers(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    by_catalog: Mutex<BTreeMap<String, StaleAnswer>>,
    asks_anew: AtomicBool,
}

thread_local! {
    /// Set while a task is polled, never between.
    static CURRENT: RefCell<Option<StaleAnswers>> = const { RefCell::new(None) };
}

impl StaleAnswers {
    /// Does `work`, and takes note of the stale answers that it gets.
    pub async fn collect<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        poll_fn(|context| {
            let _outer = Outer::behind(self.clone());
            work.as_mut().poll(context)
        })
        .await
    }

    /// `work` for another task: what it gets is still noted for the caller's statement.
    pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> + use<F> {
        let current = Self::current();
        async move {
            match current {
                Some(current) => current.collect(work).await,
                None => work.await,
            }
        }
    }

    /// Those of the statement for which the caller works; `None` where nobody is to be warned.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    pub fn add(&self, answer: StaleAnswer) {
        let mut answers = self.lock();
        let known = answers.get(&answer.catalog);
        if known.is_none_or(|known| known.age < answer.age) {
            answers.insert(answer.catalog.clone(), answer);
        }
    }

    /// Takes them out, by the names of their catalogs.
    pub fn take(&self) -> Vec<StaleAnswer> {
        std::mem::take(&mut *self.lock()).into_values().collect()
    }

    /// From now on what is kept serves in an outage only, however new it is: by what the statement got,
    /// something is where it is not any more.
    pub fn ask_anew(&self) {
        self.0.asks_anew.store(true, Ordering::SeqCst);
    }

    pub fn asks_anew(&self) -> bool {
        self.0.asks_anew.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StaleAnswer>> {
        self.0.by_catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was current before; it is again when this goes, even by a panic.
struct Outer(Option<StaleAnswers>);

impl Outer {
    fn behind(inner: StaleAnswers) -> Self {
        Self(CURRENT.replace(Some(inner)))
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::executor::block_on;
    use futures::future::{join, pending, ready};
    use std::task::Poll;

    async fn get(catalog: &str, seconds: u64) {
        // Others are polled between.
        let mut polled = false;
        poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::replace(&mut polled, true) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        let age = Duration::from_secs(seconds);
        let answer = StaleAnswer { catalog: catalog.to_owned(), age, why: "gone".to_owned() };
        StaleAnswers::current().expect("a statement").add(answer);
    }

    fn ages(answers: &StaleAnswers) -> Vec<(String, u64)> {
        answers.take().into_iter().map(|answer| (answer.catalog, answer.age.as_secs())).collect()
    }

    #[test]
    fn statements_at_once_get_their_own() {
        let (one, two, three) =
            (StaleAnswers::default(), StaleAnswers::default(), StaleAnswers::default());
        block_on(join(
            join(one.collect(join(get("a", 1), get("a", 3))), two.collect(get("b", 2))),
            three.collect(ready(())),
        ));
        assert_eq!(ages(&one), [("a".to_owned(), 3)]);
        assert_eq!(ages(&two), [("b".to_owned(), 2)]);
        assert!(three.take().is_empty());
        assert!(one.take().is_empty());
        assert!(StaleAnswers::current().is_none());
    }

    #[test]
    fn another_task_takes_them_along() {
        let statement = StaleAnswers::default();
        let handing_over = poll_fn(|_| Poll::Ready(StaleAnswers::carried(get("a", 1))));
        let handed = block_on(statement.collect(handing_over));
        block_on(handed);
        assert_eq!(ages(&statement), [("a".to_owned(), 1)]);
    }

    #[test]
    fn work_that_waits_or_panics_leaves_nothing_behind() {
        let statement = StaleAnswers::default();
        assert!(statement.collect(pending::<()>()).now_or_never().is_none());
        assert!(StaleAnswers::current().is_none());
        fn breaks() {
            panic!("on purpose");
        }
        let broken = statement.collect(async { breaks() });
        let broken = std::panic::AssertUnwindSafe(broken).catch_unwind();
        block_on(broken).expect_err("a panic");
        assert!(StaleAnswers::current().is_none());
    }
}
