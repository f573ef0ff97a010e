//! Which dynamic filters really speak of the columns of the scan that they came to. DataFusion 55.2 finds the column of a
//! filter again by its name in each input on the way down, and takes the first: below a node where two columns have
//! one name (`a.id` and `b.id`), a filter on the second would leave out rows by the first.

use super::SplitExec;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{JoinType, Result};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Takes the other filters off the scans of splits. It runs after those that hand filters down.
#[derive(Debug)]
pub(crate) struct TracedKeys;

impl PhysicalOptimizerRule for TracedKeys {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut held = false;
        plan.apply(|node| {
            held |= is_held(node);
            Ok(if held { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })?;
        if !held {
            return Ok(plan);
        }
        let mut traced = HashMap::new();
        trace(&plan, &HashSet::new(), &mut traced);
        let freed = plan.transform_up(|node| match node.downcast_ref::<SplitExec>() {
            Some(scan) if !scan.key_filters.is_empty() => {
                let known = traced.get(&address(&node));
                let mut kept = Vec::new();
                for filter in &scan.key_filters {
                    if known.is_some_and(|known| speaks_of(filter, known)) {
                        kept.push(Arc::clone(filter));
                    }
                }
                let groups = scan.spec.groups.clone();
                Ok(Transformed::yes(Arc::new(scan.with_groups(groups).with_key_filters(kept)) as _))
            }
            Some(_) | None => Ok(Transformed::no(node)),
        })?;
        Ok(freed.data)
    }

    fn name(&self) -> &str {
        "traced_keys"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn is_held(node: &Arc<dyn ExecutionPlan>) -> bool {
    node.downcast_ref::<SplitExec>().is_some_and(|scan| !scan.key_filters.is_empty())
}

fn address(node: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(node).cast::<()>() as usize
}

/// Puts the filters that came down by names of their own under each scan that holds some.
fn trace(
    node: &Arc<dyn ExecutionPlan>,
    from_above: &HashSet<u64>,
    traced: &mut HashMap<usize, HashSet<u64>>,
) {
    if is_held(node) {
        // A scan that stands in the plan twice keeps what is true in both places.
        let known = traced.entry(address(node)).or_insert_with(|| from_above.clone());
        known.retain(|filter| from_above.contains(filter));
    }
    let produced = node.dynamic_expressions_produced();
    let join = node.downcast_ref::<HashJoinExec>();
    let only = join.and_then(|join| kept_side(*join.join_type()));
    for (side, child) in node.children().into_iter().enumerate() {
        // A join and a projection find columns by place on the one side, and by name on the other.
        let (above, below) = (join.is_some(), node.is::<ProjectionExec>());
        let by_key = only.is_some_and(|kept| kept != side);
        let found = !by_key
            && (above || names_are_different(node))
            && (below || names_are_different(child));
        let mut filters = if found { from_above.clone() } else { HashSet::new() };
        // What a node makes itself, it hands down by position.
        filters.extend(produced.iter().filter_map(|filter| filter.expression_id()));
        trace(child, &filters, traced);
    }
}

/// The one side whose columns a join has. On the other side DataFusion looks for the key by its name here.
fn kept_side(join_type: JoinType) -> Option<usize> {
    match join_type {
        JoinType::LeftSemi | JoinType::LeftAnti | JoinType::LeftMark => Some(0),
        JoinType::RightSemi | JoinType::RightAnti | JoinType::RightMark => Some(1),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => None,
    }
}

fn names_are_different(node: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = node.schema();
    let mut names = HashSet::new();
    schema.fields().iter().all(|field| names.insert(field.name().as_str()))
}

fn speaks_of(filter: &Arc<dyn PhysicalExpr>, known: &HashSet<u64>) -> bool {
    let mut all = true;
    let walked = filter.apply(|part| {
        if part.is::<DynamicFilterPhysicalExpr>() {
            all &= part.expression_id().is_some_and(|filter| known.contains(&filter));
        }
        Ok(if all { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    walked.is_ok() && all
}
