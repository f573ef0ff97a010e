//! How one node reaches the workers: authenticated, kept alive, and with every failure of the
//! connection told as `WorkerUnavailable`, so that the query can be run again.

use super::open_in_time::open_in_time;
use super::tasks::QueryTasks;
use crate::error::to_datafusion;
use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{
    ChannelResolver, CoordinatorToWorkerMsg, ExecuteTaskRequest, GetWorkerInfoRequest,
    GetWorkerInfoResponse, SetPlanRequest, WorkerChannel, WorkerToCoordinatorMsg,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use http::{HeaderMap, HeaderValue};
use mooring_spi::{Error, ErrorKind};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use url::Url;

/// Workers that a node keeps a connection to.
const CHANNELS_MAX: usize = 4096;

/// RFC 9113, section 6.9.1.
const HTTP2_WINDOW_MAX: u32 = (1 << 31) - 1;

/// The secret that all nodes of a cluster share.
#[derive(Clone)]
pub struct ClusterSecret(Arc<str>);

impl ClusterSecret {
    pub fn new(secret: impl Into<Arc<str>>) -> Self {
        Self(secret.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(..)")
    }
}

/// The `authorization` value of every internal call (RFC 6750, section 2.1).
///
/// # Errors
/// `InvalidArgument` when the secret has characters that no header can carry.
pub fn bearer(secret: &ClusterSecret) -> mooring_spi::Result<HeaderValue> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", secret.expose())).map_err(|_| {
            Error::new(
                ErrorKind::InvalidArgument,
                "`cluster.secret` has characters that a header cannot carry; use visible ASCII",
            )
        })?;
    value.set_sensitive(true);
    Ok(value)
}

/// The connections of one node to the cluster's workers, made when first needed.
#[derive(Clone)]
pub struct ClusterChannels {
    authorization: HeaderValue,
    connect_timeout: Duration,
    channels: Arc<Mutex<HashMap<Url, Channel>>>,
}

impl fmt::Debug for ClusterChannels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterChannels").finish_non_exhaustive()
    }
}

impl ClusterChannels {
    /// # Errors
    /// As [`bearer`].
    pub fn new(secret: &ClusterSecret, connect_timeout: Duration) -> mooring_spi::Result<Self> {
        Ok(Self {
            authorization: bearer(secret)?,
            connect_timeout,
            channels: Arc::new(Mutex::new(HashMap::new())),
        })
    }

    /// Forgets the connection to a node that left.
    pub fn forget(&self, url: &Url) {
        self.channels.lock().remove(url);
    }

    /// Asks a worker for a sign of life.
    ///
    /// # Errors
    /// `WorkerUnavailable`.
    pub async fn probe(&self, url: &Url) -> mooring_spi::Result<()> {
        let answer = async {
            let mut client = self.get_worker_client_for_url(url).await?;
            client.get_worker_info(GetWorkerInfoRequest {}).await
        };
        answer.await.map(|_| ()).map_err(|error| crate::error::from_datafusion(&error))
    }

    fn channel(&self, url: &Url) -> Result<Channel> {
        if let Some(channel) = self.channels.lock().get(url) {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(url.to_string())
            .map_err(|error| unavailable(url, &error.to_string()))?
            .connect_timeout(self.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(5))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(false)
            // A slow client's rows stay in here, of each partition, on top of what its query may keep of
            // them. At 10 Gbit/s a round trip of 1 ms needs 1.25 MB.
            .initial_stream_window_size(1024 * 1024)
            // No bound for all streams together: those that nobody reads would hold up the others.
            .initial_connection_window_size(HTTP2_WINDOW_MAX);
        let channel = endpoint.connect_lazy();
        let mut channels = self.channels.lock();
        if channels.len() >= CHANNELS_MAX {
            channels.clear();
        }
        channels.insert(url.clone(), channel.clone());
        Ok(channel)
    }
}

#[async_trait]
impl ChannelResolver for ClusterChannels {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let authorization = self.authorization.clone();
        let channel = tower::ServiceBuilder::new()
            .map_request(move |mut request: http::Request<tonic::body::Body>| {
                request.headers_mut().insert(http::header::AUTHORIZATION, authorization.clone());
                request
            })
            .service(self.channel(url)?);
        let inner = create_worker_client(BoxCloneSyncChannel::new(channel));
        Ok(Box::new(WorkerConnection { url: url.clone(), inner }))
    }
}

/// A client of one worker that tells its failures in our terms and records the query's tasks.
struct WorkerConnection {
    url: Url,
    inner: Box<dyn WorkerChannel>,
}

#[async_trait]
impl WorkerChannel for WorkerConnection {
    async fn coordinator_channel(
        &mut self,
        headers: HeaderMap,
        set_plan_request: SetPlanRequest,
        c2w_stream: BoxStream<'static, CoordinatorToWorkerMsg>,
        metrics: ExecutionPlanMetricsSet,
        task_ctx: &Arc<TaskContext>,
    ) -> Result<BoxStream<'static, Result<WorkerToCoordinatorMsg>>> {
        let key = set_plan_request.task_key;
        let tasks = task_ctx.session_config().get_extension::<QueryTasks>();
        let record = tasks.map(|tasks| {
            let index = tasks.begin(key, &authority(&self.url));
            OpenTask { tasks, index }
        });
        let url = self.url.clone();
        let messages = self
            .inner
            .coordinator_channel(headers, set_plan_request, c2w_stream, metrics, task_ctx)
            .await
            .map_err(|error| explain(&url, error))?;
        let messages = messages.map(move |message| {
            if let (Some(record), Ok(WorkerToCoordinatorMsg::TaskMetrics(metrics))) =
                (&record, &message)
            {
                record.tasks.finish(record.index, metrics);
            }
            message.map_err(|error| explain(&url, error))
        });
        Ok(messages.boxed())
    }

    /// A stream of its own for each partition. datafusion-distributed 4.0 puts several into one, and stops
    /// reading it when it holds as much as it may: a merge of sorted partitions that waits for one of them
    /// would wait for ever once the rows of the others, which come first in the stream, are as much.
    async fn execute_task(
        &mut self,
        headers: HeaderMap,
        request: ExecuteTaskRequest,
        metrics: ExecutionPlanMetricsSet,
        task_ctx: &Arc<TaskContext>,
    ) -> Result<Vec<BoxStream<'static, Result<RecordBatch>>>> {
        let mut streams = Vec::new();
        for partition in request.target_partition_start..request.target_partition_end {
            let one = ExecuteTaskRequest {
                task_key: request.task_key,
                target_partition_start: partition,
                target_partition_end: partition + 1,
                producer_head: request.producer_head.clone(),
            };
            let opened =
                self.inner.execute_task(headers.clone(), one, metrics.clone(), task_ctx).await;
            for stream in opened.map_err(|error| explain(&self.url, error))? {
                let url = self.url.clone();
                let named = stream.map(move |batch| batch.map_err(|error| explain(&url, error)));
                streams.push(named.boxed());
            }
        }
        Ok(open_in_time(streams))
    }

    async fn get_worker_info(
        &mut self,
        request: GetWorkerInfoRequest,
    ) -> Result<GetWorkerInfoResponse> {
        let url = self.url.clone();
        self.inner.get_worker_info(request).await.map_err(|error| explain(&url, error))
    }
}

/// Closes a task's record when its channel goes, however it goes.
struct OpenTask {
    tasks: Arc<QueryTasks>,
    index: usize,
}

impl Drop for OpenTask {
    fn drop(&mut self) {
        self.tasks.close(self.index);
    }
}

/// The `HOST:PORT` of a worker's address.
pub(crate) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        _ => url.to_string(),
    }
}

/// A gRPC status of the transport, as opposed to an error that the worker sent, means that the
/// worker is gone or does not take the task.
fn explain(url: &Url, error: DataFusionError) -> DataFusionError {
    let Some(status) = find_status(&error) else {
        return error;
    };
    if let Some(ours) = Error::from_text(status.message()) {
        return to_datafusion(ours);
    }
    let reason = format!("{}: {}", status.code(), status.message());
    match is_lost(status) {
        true => unavailable(url, &reason),
        false => {
            to_datafusion(Error::internal(format!("worker `{}` failed: {reason}", authority(url))))
        }
    }
}

/// Whether the connection failed, and not the call: gRPC's `doc/statuscodes.md`, and what tonic
/// makes of a connection that broke (`Unknown` with a transport error as its cause).
fn is_lost(status: &tonic::Status) -> bool {
    use tonic::Code;
    match status.code() {
        Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded | Code::Aborted => true,
        Code::Unknown | Code::Internal => {
            std::error::Error::source(status).is_some()
                || status.message().contains("h2 protocol error")
                || status.message().contains("connection")
        }
        _ => false,
    }
}

fn find_status(error: &DataFusionError) -> Option<&tonic::Status> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(status) = current.downcast_ref::<tonic::Status>() {
            return Some(status);
        }
        if let Some(DataFusionError::External(inner)) = current.downcast_ref::<DataFusionError>()
            && let Some(status) = inner.downcast_ref::<tonic::Status>()
        {
            return Some(status);
        }
        next = current.source();
    }
    None
}

fn unavailable(url: &Url, reason: &str) -> DataFusionError {
    to_datafusion(Error::new(
        ErrorKind::WorkerUnavailable,
        format!("worker `{}` went away: {reason}", authority(url)),
    ))
}
