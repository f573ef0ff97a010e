//! The rows of a task are asked for before its worker forgets the task. A stream asks its worker when it
//! is first polled, and a worker (datafusion-distributed 4.0) keeps a plan that nobody asks for ten
//! minutes: less than the other side of a join may take before it wants rows from this one.

use futures::StreamExt;
use futures::stream::{BoxStream, Stream};
use parking_lot::Mutex;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// A worker's patience is for twenty stages in a row: the streams of a task's own inputs wait anew. From
/// then on a stream may hold what its connection may, see `WORKER_BUFFER_BYTES`.
const OPEN_AFTER: Duration = Duration::from_secs(30);

/// The streams of one task, each polled for the first time after [`OPEN_AFTER`] at the latest. What that
/// yields waits for its reader.
pub(super) fn open_in_time<T: Send + 'static>(
    streams: Vec<BoxStream<'static, T>>,
) -> Vec<BoxStream<'static, T>> {
    open_after(tokio::time::sleep(OPEN_AFTER), streams)
}

fn open_after<T: Send + 'static>(
    late: impl Future<Output = ()> + Send + 'static,
    streams: Vec<BoxStream<'static, T>>,
) -> Vec<BoxStream<'static, T>> {
    let slots = streams.into_iter().map(|stream| Arc::new(Mutex::new(Slot::new(stream))));
    let slots: Vec<_> = slots.collect();
    // A stream that its reader drops is gone at once.
    let watched: Vec<_> = slots.iter().map(Arc::downgrade).collect();
    let opener = tokio::spawn(async move {
        late.await;
        for slot in watched.iter().filter_map(Weak::upgrade) {
            slot.lock().open();
        }
    });
    let opener = Arc::new(AbortOnDropHandle::new(opener));
    let opened = |slot| Opened { slot, _opener: Arc::clone(&opener) }.boxed();
    slots.into_iter().map(opened).collect()
}

struct Slot<T> {
    stream: BoxStream<'static, T>,
    /// The answer to the opener's poll, until the reader takes it.
    first: Option<Option<T>>,
    is_open: bool,
}

impl<T> Slot<T> {
    fn new(stream: BoxStream<'static, T>) -> Self {
        Self { stream, first: None, is_open: false }
    }

    /// Its reader has not polled it yet, so that no waker is lost.
    fn open(&mut self) {
        if self.is_open {
            return;
        }
        self.is_open = true;
        let mut nobody = Context::from_waker(Waker::noop());
        if let Poll::Ready(first) = self.stream.poll_next_unpin(&mut nobody) {
            self.first = Some(first);
        }
    }
}

struct Opened<T> {
    slot: Arc<Mutex<Slot<T>>>,
    _opener: Arc<AbortOnDropHandle<()>>,
}

impl<T> Stream for Opened<T> {
    type Item = T;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.slot.lock();
        slot.is_open = true;
        match slot.first.take() {
            Some(first) => Poll::Ready(first),
            None => slot.stream.poll_next_unpin(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::channel::{mpsc, oneshot};
    use futures::{FutureExt, stream};

    /// A stream of `rows` that tells when it is asked for them.
    fn telling(rows: Vec<u32>) -> (BoxStream<'static, u32>, oneshot::Receiver<()>) {
        let (asked, told) = oneshot::channel();
        let rows = async move {
            asked.send(()).ok();
            stream::iter(rows)
        };
        (rows.flatten_stream().boxed(), told)
    }

    fn event() -> (oneshot::Sender<()>, impl Future<Output = ()> + Send) {
        let (sender, receiver) = oneshot::channel();
        (sender, receiver.map(drop))
    }

    #[tokio::test]
    async fn what_nobody_reads_is_asked_for_in_time_and_nothing_is_lost() {
        let (time_is_up, late) = event();
        let (streams, told): (Vec<_>, Vec<_>) =
            [vec![1, 2, 3], vec![], vec![4]].into_iter().map(telling).unzip();
        let streams = open_after(late, streams);
        time_is_up.send(()).expect("the opener waits");
        for asked in told {
            asked.await.expect("the stream is asked for");
        }
        let rows = streams.into_iter().map(|stream| stream.collect::<Vec<_>>());
        assert_eq!(futures::future::join_all(rows).await, [vec![1, 2, 3], vec![], vec![4]]);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let (time_is_up, late) = event();
        let (sender, receiver) = mpsc::unbounded();
        let (other, told) = telling(vec![]);
        let mut streams = open_after(late, vec![receiver.boxed(), other]);
        let mut read = streams.swap_remove(0);
        let reader = tokio::spawn(async move { read.next().await });
        tokio::task::yield_now().await;
        time_is_up.send(()).expect("the opener waits");
        told.await.expect("the opener was there");
        sender.unbounded_send(7).expect("the stream is read");
        assert_eq!(reader.await.expect("no panic"), Some(7));
    }

    #[tokio::test]
    async fn what_nobody_wants_any_more_is_dropped_unasked() {
        let (_time_is_up, late) = event();
        let (stream, told) = telling(vec![1]);
        drop(open_after(late, vec![stream]));
        told.await.expect_err("the stream is gone");
    }
}
