//! Conditions are handed down only where names tell columns apart. DataFusion 55.2 finds the columns of a condition again
//! by name in each input on the way down: below a join of two tables with a column of one name it would test the
//! wrong one. The logical plan has put conditions in their places already; what is left is to hand
//! them from a filter to its scan.

use super::traced_keys::{have_same_names, names_are_different};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::filter_pushdown::FilterPushdown;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::union::UnionExec;
use itertools::Itertools;
use std::collections::HashSet;
use std::sync::Arc;

/// DataFusion's own rule, for the parts of a plan in which no two columns have one name.
#[derive(Debug)]
pub(crate) struct FiltersByName(FilterPushdown);

impl FiltersByName {
    /// The rule that it replaces.
    pub const REPLACED: &str = "FilterPushdown";
}

impl Default for FiltersByName {
    fn default() -> Self {
        Self(FilterPushdown::new())
    }
}

impl PhysicalOptimizerRule for FiltersByName {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut clear = HashSet::new();
        find_clear(&plan, &mut clear);
        self.handed_down(plan, &clear, config)
    }

    fn name(&self) -> &str {
        "filters_by_name"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

impl FiltersByName {
    fn handed_down(
        &self,
        node: Arc<dyn ExecutionPlan>,
        clear: &HashSet<usize>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if clear.contains(&address(&node)) {
            return self.0.optimize(node, config);
        }
        let children = node.children().into_iter();
        let children = children.map(|child| self.handed_down(Arc::clone(child), clear, config));
        let children = children.collect::<Result<_>>()?;
        replace_children_if_necessary(node, children)
    }
}

/// Puts the nodes in `clear` from which down to the leaves a name is that of one column, and tells whether `node` is one.
fn find_clear(node: &Arc<dyn ExecutionPlan>, clear: &mut HashSet<usize>) -> bool {
    let children = node.children();
    let mut is_clear = names_are_different(node);
    for child in &children {
        is_clear &= find_clear(child, clear);
    }
    is_clear = is_clear
        && match children.len() {
            0 | 1 => true,
            // Its columns go by place, and have the names of the first input.
            _ if node.is::<UnionExec>() => {
                children.iter().all(|child| have_same_names(node, child))
            }
            // A semi-join has the columns of one side alone.
            _ => {
                let schemas: Vec<_> = children.iter().map(|child| child.schema()).collect();
                schemas
                    .iter()
                    .flat_map(|schema| schema.fields())
                    .map(|field| field.name())
                    .all_unique()
            }
        };
    if is_clear {
        clear.insert(address(node));
    }
    is_clear
}

fn address(node: &Arc<dyn ExecutionPlan>) -> usize {
    Arc::as_ptr(node).cast::<()>() as usize
}
