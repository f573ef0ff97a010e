//! Runs one query on the query runtime: admission, planning, execution, and once more from the
//! start when a worker went away before a row reached the client.
//!
//! The doors' threads never plan or compute: batches cross to them through a short channel, and
//! when the reader is slow the channel is full and the plan waits.

use super::deadline::Deadline;
use super::record::{Query, QueryOutcome, QueryState};
use super::registry::{Queries, cancelled};
use crate::membership::Membership;
use crate::session::LongStatement;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{FutureExt, StreamExt, TryStreamExt};
use mooring_engine::{Engine, FoldedQuery, PlannedQuery, QueryContext, QueryDescription};
use mooring_spi::{BatchStream, Error, ErrorKind, Result, Retry, StaleAnswers};
use sqlparser::ast;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::DropGuard;
use tokio_util::task::AbortOnDropHandle;

/// Batches that may wait for the reader.
const BATCHES_AHEAD: usize = 1;
/// Before a query is run again: time for a worker that drains or restarts to be known as such.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// What a run needs besides the query's own record.
pub struct RunRequest {
    pub query: Arc<ast::Query>,
    pub context: QueryContext,
    /// Given back once the statement is planned.
    pub admitted: Option<LongStatement>,
}

/// A query whose columns are known, and mostly its first rows. Dropping it cancels what is left.
pub struct QueryRun {
    pub schema: SchemaRef,
    pub batches: BatchStream,
}

/// A query that was begun. Dropping it cancels it.
pub struct Begun {
    record: Arc<Query>,
    /// Of the first plan, before it has rows.
    planned: oneshot::Receiver<SchemaRef>,
    head: oneshot::Receiver<Result<Head>>,
    receiver: mpsc::Receiver<RecordBatch>,
    guard: DropGuard,
}

/// What all runs share.
#[derive(Clone)]
pub struct Runner {
    pub engine: Arc<Engine>,
    pub queries: Arc<Queries>,
    pub membership: Arc<Membership>,
    /// Where plans are made and run.
    pub runtime: Handle,
}

impl Runner {
    /// Runs the query.
    pub async fn begin(&self, query: Arc<Query>, request: RunRequest) -> Begun {
        let (tell_schema, planned) = oneshot::channel();
        let (head_sender, head) = oneshot::channel();
        let (sender, receiver) = mpsc::channel(BATCHES_AHEAD);
        let guard = query.cancel.clone().drop_guard();
        let record = query.clone();
        let drive = Drive { runner: self.clone(), query: Ended::new(self, query), sender };
        match self.engine.constant_plan(&request.query, &request.context) {
            // Its one row is there before another thread would have it.
            Some(plan) => Box::pin(drive.run(Work::Run(plan), head_sender)).await,
            None => {
                let run = drive.run(Work::Plan(Box::new(request), tell_schema), head_sender);
                drop(self.runtime.spawn(StaleAnswers::carried(run)));
            }
        }
        Begun { record, planned, head, receiver, guard }
    }

    /// What a query takes and gives, without running it.
    ///
    /// # Errors
    /// Every kind that planning can give.
    pub async fn describe(
        &self,
        query: Arc<ast::Query>,
        context: QueryContext,
    ) -> Result<QueryDescription> {
        let engine = self.engine.clone();
        self.off_door(async move { engine.describe(&FoldedQuery::new(query)?, &context).await })
            .await
    }

    /// Does what reads files or plans where queries run. A client that goes takes it along.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn off_door<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        AbortOnDropHandle::new(self.runtime.spawn(StaleAnswers::carried(work)))
            .await
            .map_err(|_| lost())?
    }

    pub(super) async fn plan(
        &self,
        query: &Query,
        planning: &mut Planning,
    ) -> Result<PlannedQuery> {
        // What an attempt before this one got is of no account.
        if let Some(stale) = StaleAnswers::current() {
            stale.take();
        }
        let plan = tokio::select! {
            plan = self.engine.plan(&planning.query, &planning.context) => plan,
            () = query.cancel.cancelled() => Err(cancelled()),
        };
        planning.admitted = None;
        plan
    }
}

impl Begun {
    /// Waits for the first rows.
    ///
    /// # Errors
    /// Every kind that planning and execution can give.
    pub async fn started(self) -> Result<QueryRun> {
        let Self { record, head, receiver, guard, .. } = self;
        let head = head.await.map_err(|_| lost())??;
        Ok(head.run(record, receiver, guard))
    }

    /// Waits for the first rows, from the time when the columns are known so long at most. After
    /// that the errors, too, are those of the batches.
    ///
    /// # Errors
    /// As [`Begun::started`].
    pub async fn started_within(self, wait: Duration) -> Result<QueryRun> {
        let Self { record, planned, mut head, receiver, guard } = self;
        let known = async {
            let schema = planned.await.ok()?;
            tokio::time::sleep(wait).await;
            Some(schema)
        };
        let schema = tokio::select! {
            biased;
            done = &mut head => return Ok(done.map_err(|_| lost())??.run(record, receiver, guard)),
            Some(schema) = known => schema,
        };
        let told = schema.clone();
        let batches = async move {
            let run = head.await.map_err(|_| lost())??.run(record, receiver, guard);
            match run.schema == told {
                true => Ok(run.batches),
                false => Err(Error::new(
                    ErrorKind::FileChanged,
                    "a table's columns changed while the query was begun; run it again",
                )),
            }
        };
        let batches = futures::stream::once(batches).try_flatten().boxed();
        Ok(QueryRun { schema, batches })
    }
}

/// What each attempt to plan a query needs.
pub(super) struct Planning {
    query: FoldedQuery,
    pub(super) context: QueryContext,
    admitted: Option<LongStatement>,
    /// Whom to tell the columns, once.
    tell_schema: Option<oneshot::Sender<SchemaRef>>,
}

impl Planning {
    pub(super) fn new(request: RunRequest) -> Result<Self> {
        let RunRequest { query, context, admitted } = request;
        Ok(Self { query: FoldedQuery::new(query)?, context, admitted, tell_schema: None })
    }
}

/// A query that ends as failed should its task panic, and as cancelled should it be dropped.
pub(super) struct Ended {
    queries: Arc<Queries>,
    pub(super) query: Arc<Query>,
}

impl Ended {
    pub(super) fn new(runner: &Runner, query: Arc<Query>) -> Self {
        Self { queries: runner.queries.clone(), query }
    }

    pub(super) fn end(&self, outcome: &QueryOutcome) {
        self.queries.end(&self.query, outcome);
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let error = if std::thread::panicking() { lost() } else { cancelled() };
        // Without effect on a query that has ended.
        self.queries.end(&self.query, &outcome_of(&self.query, error));
    }
}

pub(super) fn lost() -> Error {
    Error::internal("the query's task ended without an answer")
}

pub(super) fn outcome_of(query: &Query, error: Error) -> QueryOutcome {
    if let Some(timed_out) = query.timed_out() {
        return QueryOutcome::Failed(timed_out);
    }
    match query.cancel.is_cancelled() || error.kind() == ErrorKind::Cancelled {
        true => QueryOutcome::Cancelled,
        false => QueryOutcome::Failed(error),
    }
}

/// The next batch, or the end of a query that was cancelled.
pub(super) async fn next(query: &Query, batches: &mut BatchStream) -> Option<Result<RecordBatch>> {
    tokio::select! {
        biased;
        () = query.cancel.cancelled() => Some(Err(cancelled())),
        batch = batches.next() => batch,
    }
}

/// What a query still needs.
enum Work {
    Plan(Box<RunRequest>, oneshot::Sender<SchemaRef>),
    Run(PlannedQuery),
}

/// The task of one query.
struct Drive {
    runner: Runner,
    /// Before the sender: the reader that finds the channel closed then finds the query ended.
    query: Ended,
    sender: mpsc::Sender<RecordBatch>,
}

/// A plan that runs and has given its first batch, if it has any.
struct Started {
    head: Head,
    rest: BatchStream,
    /// What came after the first batch without waiting.
    next: Option<Result<RecordBatch>>,
}

/// What the reader waits for: a small result is there as a whole and needs no channel.
struct Head {
    schema: SchemaRef,
    first: Option<RecordBatch>,
    /// Nothing comes after `first`.
    whole: bool,
}

impl Head {
    fn run(
        self,
        record: Arc<Query>,
        receiver: mpsc::Receiver<RecordBatch>,
        guard: DropGuard,
    ) -> QueryRun {
        let first = futures::stream::iter(self.first.map(Ok));
        let batches = match self.whole {
            true => first.boxed(),
            false => first.chain(reader(record, receiver, guard)).boxed(),
        };
        QueryRun { schema: self.schema, batches }
    }
}

impl Drive {
    async fn run(self, work: Work, head: oneshot::Sender<Result<Head>>) {
        let query = self.query.query.clone();
        let _deadline = Deadline::start(&query);
        let permit = match self.runner.queries.admit(&query).await {
            Ok(permit) => permit,
            Err(error) => return self.fail(error, head),
        };
        let started = match self.start(work).await {
            Ok(started) => started,
            Err(error) => return self.fail(error, head),
        };
        if let Some(first) = &started.head.first {
            query.add_output(first.num_rows(), first.get_array_memory_size());
        }
        if started.head.whole {
            drop(permit);
            self.query.end(&QueryOutcome::Finished);
            let _ = head.send(Ok(started.head));
            return;
        }
        if head.send(Ok(started.head)).is_err() {
            return self.query.end(&QueryOutcome::Cancelled);
        }
        let outcome = self.stream(started.next, started.rest).await;
        drop(permit);
        self.query.end(&outcome);
    }

    fn fail(&self, error: Error, head: oneshot::Sender<Result<Head>>) {
        let outcome = outcome_of(&self.query.query, error);
        self.query.end(&outcome);
        // Nobody is left to tell when the client has gone.
        let _ = head.send(Err(ending(&self.query.query)));
    }

    /// Plans and starts until the first batch is there, again when a retry can help.
    async fn start(&self, work: Work) -> Result<Started> {
        let query = &self.query.query;
        query.advance(QueryState::Planning);
        query.begin_attempt();
        let mut planning = match work {
            Work::Plan(request, tell_schema) => {
                Planning { tell_schema: Some(tell_schema), ..Planning::new(*request)? }
            }
            Work::Run(plan) => return self.begin(&plan).await,
        };
        let retries_max = self.runner.queries.settings().retries_max;
        loop {
            let error = match self.attempt(&mut planning).await {
                Ok(started) => return Ok(started),
                Err(error) => error,
            };
            if error.retry() != Retry::AtOnce || query.attempts() > retries_max {
                return Err(error);
            }
            tracing::warn!(query_id = query.id, %error, attempt = query.attempts(), "query is run again");
            self.runner.membership.verify().await;
            tokio::select! {
                () = tokio::time::sleep(RETRY_PAUSE * query.attempts()) => {}
                () = query.cancel.cancelled() => return Err(cancelled()),
            }
            // A file that is gone may be where a table, or a partition, no longer is.
            if let Some(stale) = StaleAnswers::current() {
                stale.ask_anew();
            }
            query.advance(QueryState::Planning);
            query.begin_attempt();
        }
    }

    async fn attempt(&self, planning: &mut Planning) -> Result<Started> {
        let plan = self.runner.plan(&self.query.query, planning).await?;
        if let Some(tell_schema) = planning.tell_schema.take() {
            // Nobody waits for them any more when the rows came first.
            let _ = tell_schema.send(plan.schema().clone());
        }
        self.begin(&plan).await
    }

    /// Starts a plan, to its first batch.
    async fn begin(&self, plan: &PlannedQuery) -> Result<Started> {
        let query = &self.query.query;
        query.advance(QueryState::Running);
        let mut batches = plan.execute()?;
        let first = next(query, &mut batches).await.transpose()?;
        let after = match &first {
            Some(_) => next(query, &mut batches).now_or_never(),
            None => Some(None),
        };
        let whole = matches!(after, Some(None));
        let head = Head { schema: plan.schema().clone(), first, whole };
        Ok(Started { head, rest: batches, next: after.flatten() })
    }

    /// Hands the batches to the reader, as fast as it takes them.
    async fn stream(
        &self,
        mut batch: Option<Result<RecordBatch>>,
        mut rest: BatchStream,
    ) -> QueryOutcome {
        let query = &self.query.query;
        loop {
            if batch.is_none() {
                batch = next(query, &mut rest).await;
            }
            let Some(current) = batch else {
                query.advance(QueryState::Finishing);
                return QueryOutcome::Finished;
            };
            match current {
                Ok(current) => {
                    query.add_output(current.num_rows(), current.get_array_memory_size());
                    let sent = tokio::select! {
                        sent = self.sender.send(current) => sent.is_ok(),
                        () = query.cancel.cancelled() => false,
                    };
                    if !sent {
                        return outcome_of(query, cancelled());
                    }
                }
                Err(error) => return outcome_of(query, error),
            }
            batch = None;
        }
    }
}

/// Why a query that has ended did not finish.
pub(super) fn ending(query: &Query) -> Error {
    query.error().unwrap_or_else(cancelled)
}

/// The client's end: the batches, then, unless the query finished, the reason why it did not.
/// Dropping it cancels the query.
fn reader(
    query: Arc<Query>,
    receiver: mpsc::Receiver<RecordBatch>,
    guard: DropGuard,
) -> BatchStream {
    let state = Some((query, receiver, guard));
    futures::stream::unfold(state, |state| async move {
        let (query, mut receiver, guard) = state?;
        match receiver.recv().await {
            Some(batch) => Some((Ok(batch), Some((query, receiver, guard)))),
            None if query.state() == QueryState::Finished => None,
            None => Some((Err(ending(&query)), None)),
        }
    })
    .boxed()
}
