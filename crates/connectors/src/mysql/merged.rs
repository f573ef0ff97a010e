//! What several tasks give as one stream, in the order in which it comes. A task waits until the one before it is taken;
//! an error of one, or who drops the stream, ends all.

use futures::stream::{self, BoxStream};
use mooring_spi::{Error, Result};
use std::future::Future;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Where a task puts what it makes.
#[derive(Debug)]
pub(super) struct Outlet<T>(mpsc::Sender<Result<T>>);

impl<T> Outlet<T> {
    /// Whether anybody wants more.
    pub(super) async fn give(&self, item: T) -> bool {
        self.0.send(Ok(item)).await.is_ok()
    }
}

/// The items of all `producers`, each of which is a task of its own.
///
/// # Errors
/// Those of the tasks, of which the first is the last item; `Internal` for one that panicked.
pub(super) fn merged<T, P, F>(producers: Vec<P>) -> BoxStream<'static, Result<T>>
where
    T: Send + 'static,
    P: FnOnce(Outlet<T>) -> F,
    F: Future<Output = Result<()>> + Send + 'static,
{
    let (sender, items) = mpsc::channel(1);
    let mut tasks = JoinSet::new();
    for producer in producers {
        let failed = sender.clone();
        let task = producer(Outlet(sender.clone()));
        tasks.spawn(async move {
            if let Err(error) = task.await {
                // Who is gone needs no error.
                let _ = failed.send(Err(error)).await;
            }
        });
    }
    drop(sender);
    let all = Tasks { items, tasks };
    Box::pin(stream::try_unfold(all, |mut all| async move {
        Ok(all.next().await?.map(|item| (item, all)))
    }))
}

/// Dropping it ends the tasks.
struct Tasks<T> {
    items: mpsc::Receiver<Result<T>>,
    tasks: JoinSet<()>,
}

impl<T> Tasks<T> {
    async fn next(&mut self) -> Result<Option<T>> {
        if let Some(item) = self.items.recv().await {
            return item.map(Some);
        }
        // One that panicked has given less than it should have.
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|error| {
                Error::internal("a task that reads from a server ended early").with_cause(error)
            })?;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{FutureExt, StreamExt, TryStreamExt};
    use mooring_spi::ErrorKind;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Semaphore;

    /// Gives the numbers from `first` on, and then ends so.
    async fn numbers(
        outlet: Outlet<usize>,
        first: usize,
        count: usize,
        end: Result<()>,
    ) -> Result<()> {
        for number in first..first + count {
            if !outlet.give(number).await {
                break;
            }
        }
        end
    }

    #[tokio::test]
    async fn all_items_of_all_come() {
        let of = |first| move |outlet| numbers(outlet, first, 100, Ok(()));
        let mut all: Vec<usize> =
            merged(vec![of(0), of(100), of(200)]).try_collect().await.expect("numbers");
        all.sort_unstable();
        assert_eq!(all, (0..300).collect::<Vec<_>>());
        let none = [of(0)].into_iter().take(0).collect();
        assert_eq!(merged(none).count().await, 0);
    }

    /// Tells that it is gone.
    struct Guard(Arc<Semaphore>);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.add_permits(1);
        }
    }

    #[tokio::test]
    async fn an_error_of_one_ends_all() {
        let gone = Arc::new(Semaphore::new(0));
        let of = |fails: bool| {
            let guard = Guard(Arc::clone(&gone));
            move |outlet: Outlet<usize>| async move {
                let _guard = guard;
                if fails {
                    return Err(Error::unsupported("its error"));
                }
                let _outlet = outlet;
                std::future::pending().await
            }
        };
        let mut stream = merged(vec![of(false), of(true), of(false)]);
        let error = stream.next().await.expect("an item").expect_err("an error");
        assert_eq!(error.message(), "its error");
        assert!(stream.next().await.is_none());
        let _all = gone.acquire_many(3).await.expect("open");
    }

    #[tokio::test]
    async fn who_drops_the_stream_ends_the_tasks() {
        let gone = Arc::new(Semaphore::new(0));
        let of = |first| {
            let guard = Guard(Arc::clone(&gone));
            move |outlet| async move {
                let _guard = guard;
                numbers(outlet, first, usize::MAX / 2, Ok(())).await
            }
        };
        let mut stream = merged(vec![of(0), of(1)]);
        assert!(stream.next().await.expect("an item").is_ok());
        drop(stream);
        let _all = gone.acquire_many(2).await.expect("open");
    }

    #[tokio::test]
    async fn tasks_wait_for_who_reads() {
        let given = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&given);
        let task = move |outlet: Outlet<usize>| async move {
            for number in 0..1_000 {
                if !outlet.give(number).await {
                    break;
                }
                counter.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let mut stream = merged(vec![task]);
        assert_eq!(stream.next().await.expect("an item").expect("a number"), 0);
        // However often it gets a turn: the one that was taken, and the one in the channel.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!(given.load(Ordering::SeqCst) <= 2);
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let of = |panics: bool| {
            move |outlet| async move {
                assert!(!panics, "as it is meant");
                numbers(outlet, 0, 3, Ok(())).await
            }
        };
        let mut stream = merged(vec![of(false), of(true)]);
        for number in 0..3 {
            assert_eq!(stream.next().await.expect("an item").expect("a number"), number);
        }
        let error = stream.next().await.expect("an item").expect_err("an error");
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(stream.next().now_or_never().flatten().is_none());
    }
}
