//! The internal port of a node.

use crate::ended_tasks::let_go;
use crate::gate::{Drain, Gate};
use datafusion_distributed::{Worker, WorkerQueryContext};
use mooring_engine::{NodeRuntime, build_worker_session};
use mooring_spi::{Error, ErrorKind, Result};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;

/// Adds the service that runs tasks on this node. `drain` is that of the gate before it, and `plans`
/// where plans run.
pub fn with_fragments(
    routes: Routes,
    node: NodeRuntime,
    drain: Arc<Drain>,
    plans: &Handle,
) -> Routes {
    let runtime_env = node.runtime_env.clone();
    let worker = Worker::from_session_builder(move |context: WorkerQueryContext| {
        let node = node.clone();
        async move { build_worker_session(context, &node).await }
    })
    .with_runtime_env(runtime_env)
    .with_version(crate::VERSION);
    plans.spawn(let_go(worker.clone(), drain));
    routes.add_service(worker.into_worker_server())
}

/// Serves `routes` behind `gate` until `stop` resolves; calls that run by then end first.
///
/// # Errors
/// `Internal` when the transport fails.
pub async fn serve(
    listener: TcpListener,
    gate: Gate,
    routes: Routes,
    stop: impl Future<Output = ()>,
) -> Result<()> {
    // Set on each connection: the server's own option does not reach a listener that it is given.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .initial_stream_window_size(4 * 1024 * 1024)
        .initial_connection_window_size(16 * 1024 * 1024)
        // A stream for each partition that a query reads. A limit would make some wait for others that
        // wait for them.
        .max_concurrent_streams(u32::MAX)
        .layer(gate)
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop)
        .await
        .map_err(|error| {
            Error::new(ErrorKind::Internal, format!("the internal port failed: {error}"))
        })
}
