//! What stands before every internal call: the cluster's secret, and on a worker that drains, a
//! refusal of new tasks. It also counts the tasks that run.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use mooring_engine::{ClusterSecret, bearer};
use mooring_spi::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use subtle::ConstantTimeEq;
use tokio::sync::watch;
use tonic::Status;
use tower::{Layer, Service};

/// The call that brings a task; its answer lasts as long as the task does.
const TASK_CALL: &str = "/CoordinatorChannel";

/// Whether a worker takes tasks, and how many it runs.
#[derive(Debug)]
pub struct Drain {
    draining: watch::Sender<bool>,
    running: watch::Sender<usize>,
    ended: watch::Sender<u64>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            draining: watch::Sender::new(false),
            running: watch::Sender::new(0),
            ended: watch::Sender::new(0),
        }
    }
}

impl Drain {
    /// From now on no new task is taken.
    pub fn begin(&self) {
        self.draining.send_replace(true);
    }

    pub fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Tells when draining begins.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }

    pub fn running_tasks(&self) -> usize {
        *self.running.borrow()
    }

    /// Tells when a task has ended.
    pub(crate) fn watch_ended(&self) -> watch::Receiver<u64> {
        self.ended.subscribe()
    }

    /// Waits until no task runs.
    pub async fn idle(&self) {
        let mut running = self.running.subscribe();
        // The sender lives as long as `self`, so this ends only with the count at zero.
        let _ = running.wait_for(|running| *running == 0).await;
    }

    fn enter(self: &Arc<Self>) -> RunningTask {
        self.running.send_modify(|running| *running += 1);
        RunningTask(self.clone())
    }
}

struct RunningTask(Arc<Drain>);

impl Drop for RunningTask {
    fn drop(&mut self) {
        self.0.running.send_modify(|running| *running = running.saturating_sub(1));
        self.0.ended.send_modify(|ended| *ended += 1);
    }
}

/// The layer around all internal services of a node.
#[derive(Clone)]
pub struct Gate {
    authorization: HeaderValue,
    drain: Arc<Drain>,
}

impl Gate {
    /// # Errors
    /// `InvalidArgument` for a secret that no header can carry.
    pub fn new(secret: &ClusterSecret, drain: Arc<Drain>) -> Result<Self> {
        Ok(Self { authorization: bearer(secret)?, drain })
    }

    fn authorizes<B>(&self, request: &Request<B>) -> bool {
        let presented = request.headers().get(header::AUTHORIZATION);
        presented.is_some_and(|presented| {
            presented.as_bytes().ct_eq(self.authorization.as_bytes()).into()
        })
    }
}

impl<S> Layer<S> for Gate {
    type Service = Gated<S>;

    fn layer(&self, inner: S) -> Gated<S> {
        Gated { inner, gate: self.clone() }
    }
}

#[derive(Clone)]
pub struct Gated<S> {
    inner: S,
    gate: Gate,
}

impl<S, B> Service<Request<B>> for Gated<S>
where
    S: Service<Request<B>, Response = Response<tonic::body::Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<tonic::body::Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if !self.gate.authorizes(&request) {
            tracing::warn!(
                path = request.uri().path(),
                "refused a call without the cluster's secret"
            );
            return refuse(Status::unauthenticated(
                Error::new(
                    ErrorKind::AuthenticationFailed,
                    "the call does not carry this cluster's secret; set the same `cluster.secret` on all nodes",
                )
                .to_string(),
            ));
        }
        if !request.uri().path().ends_with(TASK_CALL) {
            return Box::pin(self.inner.call(request));
        }
        if self.gate.drain.is_draining() {
            return refuse(Status::unavailable(
                Error::new(ErrorKind::WorkerUnavailable, "the worker drains and takes no new task")
                    .to_string(),
            ));
        }
        let running = self.gate.drain.enter();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let (parts, body) = answer.await?.into_parts();
            let body = tonic::body::Body::new(TaskBody { body, _running: running });
            Ok(Response::from_parts(parts, body))
        })
    }
}

fn refuse<E: Send + 'static>(
    status: Status,
) -> BoxFuture<'static, Result<Response<tonic::body::Body>, E>> {
    Box::pin(async move { Ok(status.into_http()) })
}

/// An answer that keeps its task counted until it ends or is dropped.
struct TaskBody {
    body: tonic::body::Body,
    _running: RunningTask,
}

impl Body for TaskBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
