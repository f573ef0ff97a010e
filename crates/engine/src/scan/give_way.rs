//! Rows of a source whose connections are few. A statement whose rows nobody takes has a connection for which others
//! may wait: another scan of the same join, even, whose rows are wanted first, and both would wait for ever. So where
//! somebody waits, the rows of such a statement are put aside on disk to its end, and its connection is free.
//!
//! ```text
//!   splits ──► read ──► queue ──► rows            one batch is read ahead of what is taken
//!                 └──► disk ──┘                   while nobody takes, and somebody waits
//! ```

use crate::error::to_datafusion;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SpillMetrics};
use datafusion::physical_plan::spill::spill_pool::{SpillPoolSink, spsc_channel};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use mooring_spi::{Demand, Error, Split};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::Instant;

/// Rows that nobody took for so long are in the way of those who wait: a join that computes takes some more often.
const PATIENCE: Duration = Duration::from_millis(250);
/// What one partition puts aside at most. A statement with more keeps its connection.
const ASIDE_MAX_BYTES: usize = 4 << 30;
/// What is read again leaves the disk in files of this size.
const FILE_MAX_BYTES: usize = 64 << 20;

/// Where rows are put aside.
pub(super) struct Aside {
    pub schema: SchemaRef,
    pub runtime: Arc<RuntimeEnv>,
    pub metrics: ExecutionPlanMetricsSet,
    pub partition: usize,
}

/// The rows of `splits`, one after the other, which `open` opens. Nothing is opened before the first row is asked for, and
/// no split while rows of the one before wait.
pub(super) fn giving_way<O, F>(
    splits: Vec<Split>,
    open: O,
    demand: Arc<dyn Demand>,
    aside: Aside,
) -> BoxStream<'static, Result<RecordBatch>>
where
    O: FnMut(Split) -> F + Send + 'static,
    F: Future<Output = Result<BoxStream<'static, Result<RecordBatch>>>> + Send + 'static,
{
    patient(splits, open, demand, aside, PATIENCE)
}

fn patient<O, F>(
    splits: Vec<Split>,
    open: O,
    demand: Arc<dyn Demand>,
    aside: Aside,
    patience: Duration,
) -> BoxStream<'static, Result<RecordBatch>>
where
    O: FnMut(Split) -> F + Send + 'static,
    F: Future<Output = Result<BoxStream<'static, Result<RecordBatch>>>> + Send + 'static,
{
    let begun = async move {
        let (sender, receiver) = unbounded_channel();
        let backlog = watch::Sender::new(Backlog { batches: 0, since: Instant::now() });
        let backlog = Arc::new(backlog);
        let queue = Queue {
            sender,
            backlog: Arc::clone(&backlog),
            demand,
            patience,
            aside,
            sink: None,
            aside_bytes: 0,
        };
        let reading = SpawnedTask::spawn(read(splits, open, queue));
        let rows = Rows { receiver, backlog, aside: None, reading: Some(reading) };
        futures::stream::unfold(rows, Rows::next)
    };
    futures::stream::once(begun).flatten().boxed()
}

/// What is read and not taken yet.
#[derive(Debug, Clone, Copy)]
struct Backlog {
    batches: usize,
    /// Since when nothing was taken.
    since: Instant,
}

/// Its length is bounded by [`Queue::room`].
enum Queued {
    Batch(RecordBatch),
    /// Where the batches are that are put aside; before the first of them.
    Place(SendableRecordBatchStream),
    /// The next one of those.
    Aside,
}

async fn read<O, F>(splits: Vec<Split>, mut open: O, mut queue: Queue) -> Result<()>
where
    O: FnMut(Split) -> F,
    F: Future<Output = Result<BoxStream<'static, Result<RecordBatch>>>>,
{
    for split in splits {
        queue.taken().await;
        let mut batches = open(split).await?;
        loop {
            queue.room().await;
            match batches.next().await {
                Some(batch) => queue.put(batch?)?,
                None => break,
            }
        }
    }
    Ok(())
}

/// The end where rows are put in.
struct Queue {
    sender: UnboundedSender<Queued>,
    backlog: Arc<watch::Sender<Backlog>>,
    demand: Arc<dyn Demand>,
    patience: Duration,
    aside: Aside,
    sink: Option<SpillPoolSink>,
    /// Since the backlog was empty.
    aside_bytes: usize,
}

impl Queue {
    /// Until all rows are taken.
    async fn taken(&self) {
        // This end of the channel is ours, too: it cannot close.
        let _ = self.backlog.subscribe().wait_for(|backlog| backlog.batches == 0).await;
    }

    /// Until there is a reason to read on: all rows are taken, or nobody takes any while somebody waits for a connection.
    async fn room(&self) {
        let mut changes = self.backlog.subscribe();
        loop {
            let backlog = *changes.borrow_and_update();
            if backlog.batches == 0 {
                return;
            }
            let is_in_the_way = async {
                if self.aside_bytes >= ASIDE_MAX_BYTES {
                    std::future::pending::<()>().await;
                }
                self.demand.wanted().await;
                tokio::time::sleep_until(backlog.since + self.patience).await;
                // Whoever waited then may have what it waited for.
                self.demand.wanted().now_or_never().is_some()
            };
            tokio::select! {
                _ = changes.changed() => {}
                wanted = is_in_the_way => if wanted {
                    return;
                },
            }
        }
    }

    fn put(&mut self, batch: RecordBatch) -> Result<()> {
        // What is put aside leaves out such batches.
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let queued = if self.backlog.borrow().batches == 0 {
            self.aside_bytes = 0;
            Queued::Batch(batch)
        } else if batch.columns().iter().all(|column| column.data_type().is_null()) {
            // It takes no memory, and has no bytes to find again on disk.
            Queued::Batch(batch)
        } else {
            self.put_aside(batch)?
        };
        // Counted before it is there to be taken: it would be taken off first, and counted for ever.
        self.backlog.send_modify(|backlog| {
            if backlog.batches == 0 {
                backlog.since = Instant::now();
            }
            backlog.batches += 1;
        });
        self.send(queued);
        Ok(())
    }

    fn put_aside(&mut self, batch: RecordBatch) -> Result<Queued> {
        let bytes = batch.get_array_memory_size();
        match self.sink()?.push_batch(&batch) {
            Ok(()) => {
                self.aside_bytes = self.aside_bytes.saturating_add(bytes);
                Ok(Queued::Aside)
            }
            // No place is left on disk: the statement keeps its connection until all is taken. What follows would not be found behind
            // a batch that was not written.
            Err(error) => {
                tracing::debug!(%error, "rows are not put aside");
                self.sink = None;
                self.aside_bytes = ASIDE_MAX_BYTES;
                Ok(Queued::Batch(batch))
            }
        }
    }

    /// What nobody wants any more is not sent: this task ends then.
    fn send(&self, queued: Queued) {
        let _ = self.sender.send(queued);
    }

    fn sink(&mut self) -> Result<&SpillPoolSink> {
        if self.sink.is_none() {
            let metrics = SpillMetrics::new(&self.aside.metrics, self.aside.partition);
            let runtime = Arc::clone(&self.aside.runtime);
            let manager = SpillManager::new(runtime, metrics, Arc::clone(&self.aside.schema));
            let (sink, place) = spsc_channel(FILE_MAX_BYTES, Arc::new(manager));
            self.send(Queued::Place(place));
            self.sink = Some(sink);
        }
        self.sink.as_ref().ok_or_else(|| broken("rows have no place to wait in".to_owned()))
    }
}

/// The end where rows are taken out.
struct Rows {
    receiver: UnboundedReceiver<Queued>,
    backlog: Arc<watch::Sender<Backlog>>,
    aside: Option<SendableRecordBatchStream>,
    /// `None` once its end was told. It ends with this.
    reading: Option<SpawnedTask<Result<()>>>,
}

impl Rows {
    async fn next(mut self) -> Option<(Result<RecordBatch>, Self)> {
        loop {
            let batch = match self.receiver.recv().await {
                Some(Queued::Place(place)) => {
                    self.aside = Some(place);
                    continue;
                }
                Some(Queued::Batch(batch)) => Ok(batch),
                Some(Queued::Aside) => {
                    let batch = match &mut self.aside {
                        Some(aside) => aside.next().await,
                        None => None,
                    };
                    batch.unwrap_or_else(|| Err(broken("rows that waited are gone".to_owned())))
                }
                None => {
                    let error = match self.reading.take()?.join().await {
                        Ok(Ok(())) => return None,
                        Ok(Err(error)) => error,
                        Err(error) => broken(format!("reading a split broke off: {error}")),
                    };
                    return Some((Err(error), self));
                }
            };
            self.backlog.send_modify(|backlog| {
                backlog.batches -= 1;
                backlog.since = Instant::now();
            });
            return Some((batch, self));
        }
    }
}

fn broken(problem: String) -> DataFusionError {
    to_datafusion(Error::internal(problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use datafusion::arrow::array::{AsArray, Int64Array};
    use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use datafusion::common::exec_err;
    use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;
    use futures::TryStreamExt;
    use parking_lot::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    /// Whether somebody waits, always or never.
    #[derive(Debug)]
    struct Waiting(bool);

    #[async_trait]
    impl Demand for Waiting {
        async fn wanted(&self) {
            if !self.0 {
                std::future::pending::<()>().await;
            }
        }
    }

    const LONG: Duration = Duration::from_secs(600);
    const BATCHES: i64 = 5;

    struct Fixture {
        rows: BoxStream<'static, Result<RecordBatch>>,
        opened: Arc<AtomicUsize>,
        /// Batches that the source gave.
        read: Arc<AtomicUsize>,
        /// Comes with the end of the first split.
        ended: oneshot::Receiver<()>,
    }

    /// Two splits of batches of one number each; a third one fails.
    fn fixture(somebody_waits: bool, patience: Duration) -> Fixture {
        fixture_on(Arc::default(), somebody_waits, patience)
    }

    fn fixture_on(runtime: Arc<RuntimeEnv>, somebody_waits: bool, patience: Duration) -> Fixture {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, false)]));
        let (opened, read) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (end, ended) = oneshot::channel();
        let end = Mutex::new(Some(end));
        let (of_opened, of_read, of_schema) = (opened.clone(), read.clone(), schema.clone());
        let open = move |_split: Split| {
            let at = of_opened.fetch_add(1, Ordering::SeqCst);
            // Its drop tells that the split is closed.
            let guard = end.lock().take();
            let (read, schema) = (of_read.clone(), of_schema.clone());
            async move {
                if at == 2 {
                    return exec_err!("the third one fails");
                }
                let first = i64::try_from(at).expect("small") * BATCHES;
                let batches = futures::stream::iter(first..first + BATCHES).map(move |number| {
                    let _held = &guard;
                    read.fetch_add(1, Ordering::SeqCst);
                    let numbers = Arc::new(Int64Array::from(vec![number]));
                    let batch = RecordBatch::try_new(schema.clone(), vec![numbers]);
                    batch.map_err(DataFusionError::from)
                });
                Ok(batches.boxed())
            }
        };
        let split = Split { payload: String::new(), label: String::new(), size_bytes: 1 };
        let aside =
            Aside { schema, runtime, metrics: ExecutionPlanMetricsSet::new(), partition: 0 };
        let demand = Arc::new(Waiting(somebody_waits));
        let rows = patient(vec![split; 3], open, demand, aside, patience);
        Fixture { rows, opened, read, ended }
    }

    impl Fixture {
        async fn number(&mut self) -> i64 {
            let batch = self.rows.try_next().await.expect("rows").expect("a batch");
            batch.column(0).as_primitive::<Int64Type>().value(0)
        }

        /// All that is left are these, and then the error of the third split.
        async fn ends_with(mut self, numbers: std::ops::Range<i64>) {
            for number in numbers {
                assert_eq!(self.number().await, number);
            }
            let error = self.rows.try_next().await.expect_err("the third one");
            assert!(error.to_string().contains("the third one fails"), "{error}");
            assert!(self.rows.try_next().await.expect("the end").is_none());
        }
    }

    #[tokio::test]
    async fn one_batch_is_read_ahead_while_nobody_waits() {
        let mut it = fixture(false, Duration::ZERO);
        assert_eq!(it.opened.load(Ordering::SeqCst), 0);
        for taken in 1..4 {
            it.number().await;
            let read = it.read.load(Ordering::SeqCst);
            assert!(read <= taken + 1, "{read} for {taken}");
        }
        it.ends_with(3..2 * BATCHES).await;
    }

    #[tokio::test]
    async fn rows_that_nobody_takes_are_put_aside_while_somebody_waits() {
        let mut it = fixture(true, Duration::ZERO);
        assert_eq!(it.number().await, 0);
        // Nobody takes a row until the split is closed.
        (&mut it.ended).await.expect_err("its sender is dropped");
        assert_eq!(it.read.load(Ordering::SeqCst), 5);
        // The next split would take the connection again.
        assert_eq!(it.opened.load(Ordering::SeqCst), 1);
        it.ends_with(1..2 * BATCHES).await;
    }

    #[tokio::test]
    async fn without_a_place_on_disk_a_statement_keeps_its_connection() {
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new().with_disk_manager_builder(disk).build_arc();
        fixture_on(runtime.expect("a runtime"), true, Duration::ZERO)
            .ends_with(0..2 * BATCHES)
            .await;
    }

    #[tokio::test]
    async fn who_takes_rows_is_in_nobodys_way() {
        let mut it = fixture(true, LONG);
        for taken in 1..4 {
            it.number().await;
            assert!(it.read.load(Ordering::SeqCst) <= taken + 1);
        }
        it.ends_with(3..2 * BATCHES).await;
    }

    #[tokio::test]
    async fn what_is_dropped_is_closed() {
        let mut it = fixture(false, LONG);
        assert_eq!(it.number().await, 0);
        drop(it.rows);
        it.ended.await.expect_err("its sender is dropped");
    }
}
