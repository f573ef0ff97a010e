//! Which keys a scan may wait for. A join has the keys of its build side before it asks its probe side for rows, but a node
//! between the two may begin earlier (`CoalescePartitionsExec` starts its input when it is executed); a scan that
//! waits until the join of its own plan is ready loses nothing, for until then nobody takes its rows. The keys of a
//! sort or an aggregate come from the scan's own rows, those of a join in another stage never come: nobody waits
//! for them.

use super::SplitExec;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::joins::HashJoinExec;
use futures::future::join_all;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// The probe side among a hash join's children.
const PROBE: usize = 1;

/// For a plan before it is cut into stages. What crosses to a worker is marked there anew.
#[derive(Debug)]
pub(crate) struct AwaitKeys;

impl PhysicalOptimizerRule for AwaitKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        with_awaited_keys(plan)
    }

    fn name(&self) -> &str {
        "await_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The plan of one stage, or of one node, whose scans know the keys that they may wait for.
pub(crate) fn with_awaited_keys(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    marked(plan, &HashSet::new())
}

/// `made`: the filters of the joins on whose probe side the node is.
fn marked(node: Arc<dyn ExecutionPlan>, made: &HashSet<u64>) -> Result<Arc<dyn ExecutionPlan>> {
    if let Some(scan) = node.downcast_ref::<SplitExec>() {
        let mut awaited = Vec::new();
        for filter in &scan.key_filters {
            awaited.extend(parts(filter)?.into_iter().filter(|filter| is_of(filter, made)));
        }
        return Ok(match awaited.is_empty() && scan.awaited_keys.is_empty() {
            true => node,
            false => Arc::new(scan.with_groups(scan.spec.groups.clone()).with_awaited(awaited)),
        });
    }
    let children = node.children();
    let mut changed = Vec::with_capacity(children.len());
    for (side, child) in children.iter().enumerate() {
        let mut made = made.clone();
        if side == PROBE && node.is::<HashJoinExec>() {
            let produced = node.dynamic_expressions_produced();
            made.extend(produced.iter().filter_map(|filter| filter.expression_id()));
        }
        changed.push(marked(Arc::clone(child), &made)?);
    }
    replace_children_if_necessary(node, changed)
}

/// The dynamic filters in a condition.
fn parts(filter: &Arc<dyn PhysicalExpr>) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
    let mut parts = Vec::new();
    filter.apply(|part| {
        if part.is::<DynamicFilterPhysicalExpr>() {
            parts.push(Arc::clone(part));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(parts)
}

fn is_of(filter: &Arc<dyn PhysicalExpr>, made: &HashSet<u64>) -> bool {
    filter.expression_id().is_some_and(|filter| made.contains(&filter))
}

/// Until all keys are known, and no longer than `bound`.
pub(super) async fn keys_or_late(awaited: &[Arc<dyn PhysicalExpr>], bound: Duration) {
    let filters = awaited.iter().filter_map(|key| key.downcast_ref::<DynamicFilterPhysicalExpr>());
    let complete = join_all(filters.map(DynamicFilterPhysicalExpr::wait_complete));
    if tokio::time::timeout(bound, complete).await.is_err() {
        tracing::debug!(?bound, "a scan begins without the keys of its join");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::SplitScanSpec;
    use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
    use datafusion::common::{JoinType, NullEquality, Statistics};
    use datafusion::physical_expr::expressions::{Column, lit};
    use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
    use datafusion::physical_plan::joins::PartitionMode;
    use futures::FutureExt;
    use mooring_spi::{CatalogKey, Predicate};

    fn schema() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]))
    }

    fn filter() -> Arc<DynamicFilterPhysicalExpr> {
        Arc::new(DynamicFilterPhysicalExpr::new(vec![Arc::new(Column::new("a", 0))], lit(true)))
    }

    fn scan(filters: &[&Arc<DynamicFilterPhysicalExpr>]) -> Arc<dyn ExecutionPlan> {
        let spec = SplitScanSpec {
            catalog: CatalogKey { id: 1, version: 1 },
            table: "s.t".to_owned(),
            schema: schema(),
            predicate: Predicate::new(),
            groups: vec![vec![], vec![]],
            statements: true,
        };
        let filters = filters.iter().map(|filter| Arc::clone(filter) as _).collect();
        let scan = SplitExec::new(spec, Arc::new(Statistics::new_unknown(&schema())));
        Arc::new(scan.with_key_filters(filters))
    }

    fn join(
        build: Arc<dyn ExecutionPlan>,
        probe: Arc<dyn ExecutionPlan>,
        made: &Arc<DynamicFilterPhysicalExpr>,
    ) -> Arc<dyn ExecutionPlan> {
        let key = || Arc::new(Column::new("a", 0)) as Arc<dyn PhysicalExpr>;
        let join = HashJoinExec::try_new(
            Arc::new(CoalescePartitionsExec::new(build)),
            probe,
            vec![(key(), key())],
            None,
            &JoinType::Inner,
            None,
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNothing,
            false,
        );
        let join = join.expect("a join").with_dynamic_filter_expr(Arc::clone(made));
        Arc::new(join.expect("a filter of the probe side"))
    }

    /// The filters that the scans await, from left to right.
    fn awaited(plan: Arc<dyn ExecutionPlan>) -> Vec<Vec<Option<u64>>> {
        let mut awaited = Vec::new();
        let plan = with_awaited_keys(plan).expect("a plan");
        let walked = plan.apply(|node| {
            if let Some(scan) = node.downcast_ref::<SplitExec>() {
                awaited.push(scan.awaited_keys.iter().map(|key| key.expression_id()).collect());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        walked.expect("a walk");
        awaited
    }

    #[test]
    fn a_scan_awaits_the_joins_on_whose_probe_side_it_is() {
        let (outer, inner, other) = (filter(), filter(), filter());
        let ids = [&outer, &inner].map(|filter| filter.expression_id());
        let all = [&outer, &inner, &other];
        let probe = Arc::new(CoalescePartitionsExec::new(join(scan(&all), scan(&all), &inner)));
        let plan = join(scan(&all), probe, &outer);
        assert_eq!(awaited(plan), [vec![], vec![ids[0]], vec![ids[0], ids[1]]]);
    }

    /// Each step of a recursive query is the plan of the one before, reset; its joins have no filters then.
    #[test]
    fn the_next_step_of_a_query_awaits_nothing() {
        let made = filter();
        let plan = with_awaited_keys(join(scan(&[]), scan(&[&made]), &made)).expect("a plan");
        let [_, probe] = plan.children()[..] else { panic!("a join has two sides") };
        let known = |node: &Arc<dyn ExecutionPlan>| {
            let scan = node.downcast_ref::<SplitExec>().expect("a scan");
            (scan.key_filters.len(), scan.awaited_keys.len())
        };
        assert_eq!(known(probe), (1, 1));
        assert_eq!(known(&Arc::clone(probe).reset_state().expect("a scan")), (0, 0));
    }

    #[tokio::test]
    async fn keys_are_awaited_until_they_are_known_or_the_time_is_up() {
        let (first, second) = (filter(), filter());
        let awaited: Vec<Arc<dyn PhysicalExpr>> = vec![first.clone(), second.clone()];
        let mut waiting = Box::pin(keys_or_late(&awaited, Duration::MAX));
        assert_eq!(waiting.as_mut().now_or_never(), None);
        first.mark_complete();
        assert_eq!(waiting.as_mut().now_or_never(), None);
        second.mark_complete();
        waiting.await;
        keys_or_late(&[filter() as _], Duration::from_millis(1)).await;
    }
}
