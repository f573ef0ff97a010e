//! Which workers run a plan's tasks.

use super::slice_batches::SliceBatchesExec;
use crate::codec::file_scan;
use crate::error::to_datafusion;
use crate::scan::SplitExec;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion_distributed::{
    DistributedExec, NetworkBoundary, NetworkCoalesceExec, RouteTasksEvent,
    RouteTasksEventResponse, Stage, WorkerResolver,
};
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

/// Sends a plan that stayed in one piece, but reads data, to a worker as one stage of one task: the
/// coordinator runs last stages only.
pub(crate) fn run_on_a_worker(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if plan.is::<DistributedExec>() || !reads_data(&plan)? {
        return Ok(plan);
    }
    let single: Arc<dyn ExecutionPlan> = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    };
    let boundary = NetworkCoalesceExec::try_new(Arc::new(SliceBatchesExec::new(single)), 1, 1)?;
    let Stage::Local(mut stage) = boundary.input_stage().clone() else {
        return Err(to_datafusion(Error::internal("a new stage is not local")));
    };
    stage.query_id = uuid::Uuid::new_v4();
    stage.num = 1;
    let boundary = boundary.with_input_stage(Stage::Local(stage))?;
    // EXPLAIN looks for stages below the node at the head, not in it.
    let head = Arc::new(CooperativeExec::new(boundary));
    Ok(Arc::new(DistributedExec::new(head).with_metrics_collection(true)))
}

fn reads_data(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found |= node.is::<SplitExec>() || file_scan(node.as_ref()).is_some();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}
