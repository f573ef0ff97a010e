//! Joins that must not tell their keys. Where all partitions of a hash join share one build side, each tells the keys
//! before it asks its probe side for rows, and then waits until every partition has told them. But a join by
//! partitions above it never asks for those whose own build side is empty, and the others would wait for ever:
//! DataFusion 55.2 counts a partition that is dropped before it was asked only where each has a build side of its own.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode, SortMergeJoinExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use std::sync::Arc;

/// The probe side among a hash join's children.
const PROBE: usize = 1;

/// For a plan whose joins have their filters.
#[derive(Debug)]
pub(crate) struct UntoldKeys;

impl PhysicalOptimizerRule for UntoldKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        without_filters(plan, false)
    }

    fn name(&self) -> &str {
        "untold_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// `some_are_unasked`: whether a node above may ask for the rows of some partitions and not of others.
fn without_filters(
    node: Arc<dyn ExecutionPlan>,
    some_are_unasked: bool,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mode = node.downcast_ref::<HashJoinExec>().map(|join| *join.partition_mode());
    let node = match node.downcast_ref::<HashJoinExec>() {
        Some(join)
            if some_are_unasked
                && mode == Some(PartitionMode::CollectLeft)
                && !join.dynamic_expressions_produced().is_empty() =>
        {
            join.builder().reset_state().build_exec()?
        }
        _ => node,
    };
    // They take the rows of all partitions, whoever asks them.
    let takes_all = node.is::<RepartitionExec>()
        || node.is::<CoalescePartitionsExec>()
        || node.is::<SortPreservingMergeExec>();
    let children = node.children();
    let mut changed = Vec::with_capacity(children.len());
    for (side, child) in children.into_iter().enumerate() {
        let may_stop_early = node.is::<SortMergeJoinExec>()
            || (side == PROBE && mode == Some(PartitionMode::Partitioned));
        let unasked = !takes_all && (some_are_unasked || may_stop_early);
        changed.push(without_filters(Arc::clone(child), unasked)?);
    }
    replace_children_if_necessary(node, changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
    use datafusion::common::{JoinType, NullEquality};
    use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr, lit};
    use datafusion::physical_expr::{Partitioning, PhysicalExpr};
    use datafusion::physical_plan::empty::EmptyExec;

    fn key() -> Arc<dyn PhysicalExpr> {
        Arc::new(Column::new("a", 0))
    }

    fn rows() -> Arc<dyn ExecutionPlan> {
        let schema = Schema::new(vec![Field::new("a", DataType::Int64, true)]);
        Arc::new(EmptyExec::new(Arc::new(schema)).with_partitions(2))
    }

    fn join(
        mode: PartitionMode,
        build: Arc<dyn ExecutionPlan>,
        probe: Arc<dyn ExecutionPlan>,
    ) -> Arc<dyn ExecutionPlan> {
        let build = match mode {
            PartitionMode::CollectLeft => Arc::new(CoalescePartitionsExec::new(build)),
            PartitionMode::Partitioned | PartitionMode::Auto => build,
        };
        let join = HashJoinExec::try_new(
            build,
            probe,
            vec![(key(), key())],
            None,
            &JoinType::LeftSemi,
            None,
            mode,
            NullEquality::NullEqualsNothing,
            false,
        );
        let filter = Arc::new(DynamicFilterPhysicalExpr::new(vec![key()], lit(true)));
        let join = join.expect("a join").with_dynamic_filter_expr(filter);
        Arc::new(join.expect("a filter of the probe side"))
    }

    /// Whether the joins tell their keys, from above.
    fn telling(plan: Arc<dyn ExecutionPlan>) -> Vec<bool> {
        let plan = UntoldKeys.optimize(plan, &ConfigOptions::new()).expect("a plan");
        let mut telling = Vec::new();
        let walked = plan.apply(|node| {
            if node.is::<HashJoinExec>() {
                telling.push(!node.dynamic_expressions_produced().is_empty());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        walked.expect("a walk");
        telling
    }

    #[test]
    fn partitions_that_are_not_asked_keep_nobody_waiting() {
        let shared = || join(PartitionMode::CollectLeft, rows(), rows());
        let over = |build, probe| join(PartitionMode::Partitioned, build, probe);
        assert_eq!(telling(shared()), [true]);
        assert_eq!(telling(over(shared(), shared())), [true, true, false]);
        assert_eq!(telling(over(rows(), over(rows(), rows()))), [true, true]);
        let of_all = RepartitionExec::try_new(shared(), Partitioning::Hash(vec![key()], 2));
        assert_eq!(telling(over(rows(), Arc::new(of_all.expect("a node")))), [true, true]);
        let inner = join(PartitionMode::CollectLeft, rows(), shared());
        assert_eq!(telling(over(rows(), inner)), [true, false, false]);
    }
}
