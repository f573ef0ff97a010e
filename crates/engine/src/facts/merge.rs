//! A merge by `a` of inputs that are ordered by `a, b` has them ordered by `a` alone, but goes on knowing `a, b` of them. DataFusion comes
//! to it where it moves a sort below a merge, and leaves the merge as it was. So a merge follows the whole order of its inputs.

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct MergeByWholeOrder;

impl PhysicalOptimizerRule for MergeByWholeOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(merge) = node.downcast_ref::<SortPreservingMergeExec>() else {
                return Ok(Transformed::no(node));
            };
            let Some(order) = whole_order(merge) else { return Ok(Transformed::no(node)) };
            let whole = SortPreservingMergeExec::new(order, Arc::clone(merge.input()));
            Ok(Transformed::yes(Arc::new(whole.with_fetch(merge.fetch()))))
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "merge_by_whole_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The order of the inputs, where it begins with that of the merge and goes on.
fn whole_order(merge: &SortPreservingMergeExec) -> Option<LexOrdering> {
    let input = merge.input();
    let known = input.equivalence_properties();
    let merged = known.normalize_sort_exprs(merge.expr().iter().cloned())?;
    let whole = input.output_ordering()?;
    let goes_on =
        whole.len() > merged.len() && merged.iter().zip(whole.iter()).all(|(a, b)| a == b);
    goes_on.then(|| LexOrdering::new(merge.expr().iter().chain(whole.iter()).cloned())).flatten()
}
