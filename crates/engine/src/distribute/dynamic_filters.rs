//! Dynamic filters of a plan in stages: what a join, a sort or an aggregate learns at run time leaves out
//! rows where they are read, but only in its own stage. EXPLAIN names the scans that it does not reach.

use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::DynamicFilterPhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::NetworkBoundaryExt;
use itertools::Itertools;
use std::collections::HashMap;
use std::sync::Arc;

/// One line per scan that holds a dynamic filter which another stage makes.
pub(crate) fn unreached_scans(plan: &Arc<dyn ExecutionPlan>) -> Result<Vec<String>> {
    let mut filters = Filters::default();
    filters.find(plan, None)?;
    let unreached = filters.held.iter().filter_map(|held| {
        let producer = filters.producers.get(&held.filter)?;
        (producer.stage != held.stage).then(|| {
            format!(
                "the scan in {} reads without the dynamic filter on {}: the {} that makes it is in {}",
                stage_name(held.stage),
                held.columns,
                producer.node,
                stage_name(producer.stage),
            )
        })
    });
    Ok(unreached.unique().collect())
}

/// The number of a stage; `None` is the coordinator's.
type StageNumber = Option<usize>;

fn stage_name(stage: StageNumber) -> String {
    stage.map_or_else(|| "the last stage".to_owned(), |number| format!("stage {number}"))
}

#[derive(Default)]
struct Filters {
    /// By the filter's identity.
    producers: HashMap<u64, Producer>,
    held: Vec<Held>,
}

struct Producer {
    node: String,
    stage: StageNumber,
}

/// A filter that a leaf applies.
struct Held {
    filter: u64,
    columns: String,
    stage: StageNumber,
}

impl Filters {
    fn find(&mut self, plan: &Arc<dyn ExecutionPlan>, stage: StageNumber) -> Result<()> {
        let produced = plan.dynamic_expressions_produced();
        for filter in produced.iter().filter_map(|filter| filter.expression_id()) {
            self.producers.insert(filter, Producer { node: plan.name().to_owned(), stage });
        }
        let below = match plan.as_network_boundary() {
            Some(boundary) => Some(boundary.input_stage().num()),
            None => stage,
        };
        let children = plan.children();
        if children.is_empty() {
            plan.apply_expressions(&mut |predicate| {
                predicate.apply(|expr| {
                    self.held.extend(held(expr, stage));
                    Ok(TreeNodeRecursion::Continue)
                })
            })?;
        }
        for child in children {
            self.find(child, below)?;
        }
        Ok(())
    }
}

fn held(expr: &Arc<dyn PhysicalExpr>, stage: StageNumber) -> Option<Held> {
    let filter = expr.downcast_ref::<DynamicFilterPhysicalExpr>()?;
    let columns = filter.children().into_iter().map(|column| format!("`{column}`")).join(", ");
    Some(Held { filter: filter.expression_id()?, columns, stage })
}
