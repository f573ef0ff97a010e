//! Which workers run a plan's tasks.

use crate::error::to_datafusion;
use datafusion::common::Result;
use datafusion_distributed::{RouteTasksEvent, RouteTasksEventResponse, WorkerResolver};
use mooring_spi::{Error, ErrorKind};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;

/// A live worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAddress {
    pub node_id: String,
    pub url: Url,
}

/// The workers that take tasks at this moment, in a stable order.
pub trait WorkerDirectory: Send + Sync + fmt::Debug + 'static {
    fn workers(&self) -> Vec<NodeAddress>;
}

/// The directory as datafusion-distributed asks for it.
pub(crate) struct DirectoryResolver(pub Arc<dyn WorkerDirectory>);

impl WorkerResolver for DirectoryResolver {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.workers().into_iter().map(|worker| worker.url).collect())
    }
}

/// Gives task `i` of a stage to worker `i`, so that the same files meet the same worker's caches;
/// stages of fewer tasks than workers take turns.
pub(crate) fn route_tasks(
    directory: Arc<dyn WorkerDirectory>,
    turn: Arc<AtomicUsize>,
) -> impl Fn(RouteTasksEvent<'_>) -> Option<Result<RouteTasksEventResponse>> + Send + Sync + 'static
{
    move |event| {
        let workers = directory.workers();
        if workers.is_empty() {
            return Some(Err(to_datafusion(Error::new(
                ErrorKind::NoWorkers,
                "the cluster has no live worker; start one with `mooring worker --coordinator HOST:PORT`",
            ))));
        }
        let first = match event.task_count < workers.len() {
            true => turn.fetch_add(event.task_count, Ordering::Relaxed),
            false => 0,
        };
        let urls = (0..event.task_count)
            .map(|task| workers[(first + task) % workers.len()].url.clone())
            .collect();
        Some(Ok(RouteTasksEventResponse::new(urls)))
    }
}
