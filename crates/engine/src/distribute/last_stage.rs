//! What the coordinator runs of a plan: its last stage. Where that only merges what the tasks below it
//! send, it reads one stream of small batches of each: a slow client's coordinator holds several batches
//! of each stream.

use super::slice_batches::SliceBatchesExec;
use crate::codec::file_scan;
use crate::error::to_datafusion;
use crate::scan::SplitExec;
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use datafusion_distributed::{
    DistributedExec, NetworkBoundary, NetworkBoundaryExt, NetworkCoalesceExec, Stage,
};
use mooring_spi::Error;
use std::sync::Arc;

/// Leaves a plan's last stage to the coordinator. One that stayed in one piece goes to a worker whole,
/// as one stage of one task, if it reads data.
pub(crate) fn last_stage(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let plan = with_limits_that_cross(plan)?;
    match plan.is::<DistributedExec>() {
        true => merge_on_workers(plan),
        false if reads_data(&plan)? => run_on_a_worker(plan),
        false => Ok(plan),
    }
}

/// DataFusion's form of most nodes cuts a limit to 32 bits, and that of `GlobalLimitExec` does not. Where
/// there are several partitions, the limit is there to end early, and a node above holds it.
///
/// # Errors
/// `Unsupported` for an offset beyond 32 bits, which every form cuts.
fn with_limits_that_cross(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let moved = plan.transform_up(|node| {
        if let Some(limit) = node.downcast_ref::<GlobalLimitExec>()
            && u32::try_from(limit.skip()).is_err()
        {
            let message = format!(
                "OFFSET {} is not supported on a cluster; up to {} is",
                limit.skip(),
                u32::MAX
            );
            return Err(to_datafusion(Error::unsupported(message)));
        }
        let keeps =
            node.is::<GlobalLimitExec>() || is_sort(node.as_ref()) || is_scan(node.as_ref());
        let long = node.fetch().filter(|fetch| u32::try_from(*fetch).is_err());
        let Some(fetch) = long.filter(|_| !keeps) else { return Ok(Transformed::no(node)) };
        let bare = match node.downcast_ref::<LocalLimitExec>() {
            Some(limit) => Arc::clone(limit.input()),
            None => match node.with_fetch(None) {
                Some(bare) => bare,
                None => return Ok(Transformed::no(node)),
            },
        };
        Ok(Transformed::yes(match bare.output_partitioning().partition_count() {
            1 => Arc::new(GlobalLimitExec::new(bare, 0, Some(fetch))),
            _ => bare,
        }))
    })?;
    Ok(moved.data)
}

fn is_sort(node: &dyn ExecutionPlan) -> bool {
    node.is::<SortExec>() || node.is::<SortPreservingMergeExec>()
}

fn is_scan(node: &dyn ExecutionPlan) -> bool {
    node.is::<SplitExec>() || file_scan(node).is_some()
}

fn reads_data(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let mut found = false;
    plan.apply(|node| {
        found |= is_scan(node.as_ref());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn run_on_a_worker(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let single: Arc<dyn ExecutionPlan> = match plan.output_partitioning().partition_count() {
        1 => plan,
        _ => Arc::new(CoalescePartitionsExec::new(plan)),
    };
    let boundary = NetworkCoalesceExec::try_new(Arc::new(SliceBatchesExec::new(single)), 1, 1)?;
    let boundary = numbered(&boundary, uuid::Uuid::new_v4(), 1)?;
    // EXPLAIN looks for stages below the node at the head, not in it.
    let head = Arc::new(CooperativeExec::new(boundary));
    Ok(Arc::new(DistributedExec::new(head).with_metrics_collection(true)))
}

/// Where the last stage merges the partitions of all tasks, each task merges its own beforehand.
fn merge_on_workers(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if plan.is_network_boundary() {
        return Ok(plan);
    }
    if let [input] = plan.children()[..]
        && let Some(boundary) = input.downcast_ref::<NetworkCoalesceExec>()
        && let Stage::Local(stage) = boundary.input_stage()
        && let Some(merged) = merged(plan.as_ref(), Arc::clone(&stage.plan))
    {
        let merged = Arc::new(SliceBatchesExec::new(merged));
        let boundary = NetworkCoalesceExec::try_new(merged, stage.tasks, 1)?;
        let boundary = numbered(&boundary, stage.query_id, stage.num)?;
        return with_children(plan, vec![boundary]);
    }
    let children = plan.children().into_iter().cloned().map(merge_on_workers);
    let children = children.collect::<Result<Vec<_>>>()?;
    with_children(plan, children)
}

/// One partition of `input`, as `merge` merges them; `None` if that does not merge.
fn merged(
    merge: &dyn ExecutionPlan,
    input: Arc<dyn ExecutionPlan>,
) -> Option<Arc<dyn ExecutionPlan>> {
    let is_spread = input.output_partitioning().partition_count() > 1;
    if let Some(sorted) = merge.downcast_ref::<SortPreservingMergeExec>() {
        Some(match is_spread {
            true => {
                let own = SortPreservingMergeExec::new(sorted.expr().clone(), input);
                Arc::new(own.with_fetch(sorted.fetch()))
            }
            false => input,
        })
    } else if merge.is::<CoalescePartitionsExec>() {
        Some(match is_spread {
            true => Arc::new(CoalescePartitionsExec::new(input).with_fetch(merge.fetch())),
            false => input,
        })
    } else {
        None
    }
}

/// The boundary, as the one above stage `number` of its query.
fn numbered(
    boundary: &NetworkCoalesceExec,
    query_id: uuid::Uuid,
    number: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Stage::Local(mut stage) = boundary.input_stage().clone() else {
        return Err(to_datafusion(Error::internal("a new stage is not local")));
    };
    stage.query_id = query_id;
    stage.num = number;
    Ok(boundary.with_input_stage(Stage::Local(stage))?)
}

fn with_children(
    plan: Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    plan.replace_children(children, options)
}
