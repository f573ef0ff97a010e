//! Windows over a partition key that a filter makes constant. DataFusion sees that such an input
//! needs no sort; a worker that gets the window behind a network boundary does not know the constant
//! and refuses the plan. So the sort is put in where a plan is spread.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct SortConstantPartitions;

impl PhysicalOptimizerRule for SortConstantPartitions {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(ordering) = missing_ordering(&node) else {
                return Ok(Transformed::no(node));
            };
            let input = Arc::clone(node.children()[0]);
            let sort = SortExec::new(ordering, input).with_preserve_partitioning(true);
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            node.replace_children(vec![Arc::new(sort)], options).map(Transformed::yes)
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "sort_constant_partitions"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The order of a window's input, where it has it by a constant only.
fn missing_ordering(node: &Arc<dyn ExecutionPlan>) -> Option<LexOrdering> {
    let windows: &[Arc<dyn WindowExpr>] = match node.downcast_ref::<BoundedWindowAggExec>() {
        Some(window) => window.window_expr(),
        None => node.downcast_ref::<WindowAggExec>()?.window_expr(),
    };
    let window = windows.first()?;
    let input = node.children().into_iter().next()?;
    let known = input.equivalence_properties();
    if !window.partition_by().iter().any(|key| known.is_expr_constant(key).is_some()) {
        return None;
    }
    let keys = window.partition_by().iter().cloned().map(PhysicalSortExpr::new_default);
    LexOrdering::new(keys.chain(window.order_by().iter().cloned()))
}
