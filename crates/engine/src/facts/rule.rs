//! Where facts that become false are forgotten: just below the node that would carry them on, before sorts and
//! exchanges are put in, and after the sides of joins are settled.

use super::{ForgetExec, Forgotten};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Constraint, JoinType, Result};
use datafusion::logical_expr::SetMonotonicity;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::window::{
    PlainAggregateWindowExpr, SlidingAggregateWindowExpr, WindowExpr,
};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirementExec;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ExecutionPlanProperties, ReplaceChildrenOptions,
};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct ForgetFalseFacts;

impl ForgetFalseFacts {
    /// The rule that puts sorts in.
    pub const BEFORE: &str = "EnsureRequirements";
}

impl PhysicalOptimizerRule for ForgetFalseFacts {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ordering = ordering_nodes(&plan)?;
        plan.transform_up(|node| {
            let forgotten = forgotten_below(&node, ordering);
            if forgotten.iter().all(Option::is_none) {
                return Ok(Transformed::no(node));
            }
            let children = node.children().into_iter().zip(forgotten);
            let children = children.map(|(child, forgotten)| without(child, forgotten));
            let children = children.collect::<Result<_>>()?;
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            node.replace_children(children, options).map(Transformed::yes)
        })
        .map(|transformed| transformed.data)
    }

    fn name(&self) -> &str {
        "forget_false_facts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn without(
    child: &Arc<dyn ExecutionPlan>,
    forgotten: Option<Forgotten>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let child = Arc::clone(child);
    Ok(match forgotten {
        Some(forgotten) => Arc::new(ForgetExec::try_new(child, forgotten)?),
        None => child,
    })
}

/// What `node` must not know, by child.
fn forgotten_below(node: &Arc<dyn ExecutionPlan>, ordering: usize) -> Vec<Option<Forgotten>> {
    let carried = carried_on(node, ordering).into_iter().zip(node.children());
    let forgotten = carried.map(|(carried, child)| match carried {
        // Keys are forgotten with an order.
        None | Some(Forgotten::Keys) => false_order(node, child).or(carried),
        Some(_) => carried,
    });
    forgotten.collect()
}

/// What `node` itself would carry on though it is no longer true, by child.
fn carried_on(node: &Arc<dyn ExecutionPlan>, ordering: usize) -> Vec<Option<Forgotten>> {
    let children = node.children();
    match children[..] {
        [left, right] => match join_type(node) {
            Some(join_type) => {
                let missing = missing_sides(join_type);
                vec![
                    below_side(left, missing.left).or_else(|| below_build_side(node, left)),
                    below_side(right, missing.right),
                ]
            }
            None => vec![None; 2],
        },
        [input] => {
            let groups = node.downcast_ref::<AggregateExec>().map(AggregateExec::group_expr);
            let forgotten = match groups.is_some_and(|groups| !groups.is_single()) {
                true => knows_anything(input).then_some(Forgotten::Everything),
                false => claims_false_keys(node, input, ordering).then_some(Forgotten::Keys),
            };
            vec![forgotten]
        }
        _ => vec![None; children.len()],
    }
}

fn join_type(node: &Arc<dyn ExecutionPlan>) -> Option<JoinType> {
    let hash = node.downcast_ref::<HashJoinExec>().map(HashJoinExec::join_type);
    let nested = || node.downcast_ref::<NestedLoopJoinExec>().map(NestedLoopJoinExec::join_type);
    let merge = || node.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    hash.copied().or_else(|| nested().copied()).or_else(merge)
}

/// Which sides' columns a join fills with NULL where it finds no match.
#[derive(Debug, PartialEq, Eq)]
struct MissingSides {
    left: bool,
    right: bool,
}

fn missing_sides(join_type: JoinType) -> MissingSides {
    match join_type {
        JoinType::Left => MissingSides { left: false, right: true },
        JoinType::Right => MissingSides { left: true, right: false },
        JoinType::Full => MissingSides { left: true, right: true },
        JoinType::Inner
        | JoinType::LeftSemi
        | JoinType::LeftAnti
        | JoinType::LeftMark
        | JoinType::RightSemi
        | JoinType::RightAnti
        | JoinType::RightMark => MissingSides { left: false, right: false },
    }
}

fn below_side(child: &Arc<dyn ExecutionPlan>, may_be_missing: bool) -> Option<Forgotten> {
    let known = child.equivalence_properties();
    // A literal is an expression, too; a constant without one is the only row of an aggregate.
    let of_values = || {
        let mut exprs = known.eq_group().iter().flat_map(|class| class.iter());
        exprs.any(|expr| !expr.is::<Column>()) || !known.constants().is_empty()
    };
    (may_be_missing && of_values()).then_some(Forgotten::Values)
}

/// A hash join appends the order of its build side to that of the other.
fn below_build_side(
    node: &Arc<dyn ExecutionPlan>,
    build: &Arc<dyn ExecutionPlan>,
) -> Option<Forgotten> {
    let join = node.downcast_ref::<HashJoinExec>()?;
    let appends = matches!(join.join_type(), JoinType::Inner | JoinType::Right);
    (appends && may_be_ordered(build)).then_some(Forgotten::Order)
}

fn knows_anything(node: &Arc<dyn ExecutionPlan>) -> bool {
    let known = node.equivalence_properties();
    !known.eq_group().is_empty() || !known.constraints().is_empty() || may_be_ordered(node)
}

/// Whether rows have an order that may be counted on, now or once the sorts are in.
fn may_be_ordered(node: &Arc<dyn ExecutionPlan>) -> bool {
    if node.output_ordering().is_some() || asks_for_order(node) {
        return true;
    }
    // They take over their inputs' order, or a part of it, as soon as there is one.
    let keeps_part = node.downcast_ref::<ForgetExec>().is_some_and(ForgetExec::keeps_part_of_order);
    let takes_over = keeps_part || node.is::<AggregateExec>() || node.is::<UnionExec>();
    let kept = node.maintains_input_order();
    let mut children = node.children().into_iter().zip(kept);
    children.any(|(child, kept)| (kept || takes_over) && may_be_ordered(child))
}

fn asks_for_order(node: &Arc<dyn ExecutionPlan>) -> bool {
    let of_aggregate = node.downcast_ref::<AggregateExec>().is_some_and(|aggregate| {
        aggregate.aggr_expr().iter().any(|function| !function.order_bys().is_empty())
    });
    of_aggregate || node.required_input_ordering().iter().any(Option::is_some)
}

/// How many nodes of the plan make or need an order.
fn ordering_nodes(plan: &Arc<dyn ExecutionPlan>) -> Result<usize> {
    let mut nodes = 0;
    plan.apply(|node| {
        // What the whole plan must keep is asked for by a sort already.
        let counts = !node.is::<OutputRequirementExec>();
        if counts && (node.is::<SortExec>() || asks_for_order(node)) {
            nodes += 1;
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(nodes)
}

/// Whether `node` takes columns for unique that are not, and that matters: a key makes a longer order of a shorter
/// one, so that it takes one node that makes an order and another one that needs one.
fn claims_false_keys(
    node: &Arc<dyn ExecutionPlan>,
    input: &Arc<dyn ExecutionPlan>,
    ordering: usize,
) -> bool {
    let keys = input.equivalence_properties().constraints();
    if keys.is_empty() || ordering == 0 || (ordering == 1 && !may_be_ordered(input)) {
        return false;
    }
    let Some(below) = sources(node) else { return false };
    let is_true = |claim: &Constraint| {
        let claimed = columns(claim);
        // An aggregate's own groups.
        let is_own = node.is::<AggregateExec>() && claimed.len() == below.len();
        let holds = |key: &Constraint| {
            columns(key)
                .iter()
                .all(|column| claimed.iter().any(|claim| below.get(*claim) == Some(&Some(*column))))
        };
        is_own || keys.iter().any(holds)
    };
    !node.equivalence_properties().constraints().iter().all(is_true)
}

/// The order by an aggregate over a window that may be wrong, if `child` knows one: DataFusion has NULL in the wrong place,
/// and what it says of frames that move is not even so without NULL.
fn false_order(node: &Arc<dyn ExecutionPlan>, child: &Arc<dyn ExecutionPlan>) -> Option<Forgotten> {
    let windows = match child.downcast_ref::<BoundedWindowAggExec>() {
        Some(window) => window.window_expr(),
        None => child.downcast_ref::<WindowAggExec>()?.window_expr(),
    };
    let first = child.schema().fields().len().checked_sub(windows.len())?;
    let matters = !node.is::<OutputRequirementExec>() && windows.iter().any(is_misordered);
    matters.then_some(Forgotten::OrderFrom(first))
}

fn is_misordered(window: &Arc<dyn WindowExpr>) -> bool {
    let moves = |aggregate: &AggregateFunctionExpr| {
        aggregate.set_monotonicity() != SetMonotonicity::NotMonotonic
    };
    let any = window.as_any();
    if let Some(sliding) = any.downcast_ref::<SlidingAggregateWindowExpr>() {
        return moves(sliding.get_aggregate_expr());
    }
    any.downcast_ref::<PlainAggregateWindowExpr>().is_some_and(|growing| {
        let aggregate = growing.get_aggregate_expr();
        // What is one value for a whole partition is told apart by DataFusion.
        let is_one = growing.get_window_frame().end_bound.is_unbounded();
        !is_one && moves(aggregate) && aggregate.field().is_nullable()
    })
}

fn columns(key: &Constraint) -> &[usize] {
    match key {
        Constraint::PrimaryKey(columns) | Constraint::Unique(columns) => columns,
    }
}

/// Which of the input's columns stands in each column, as far as keys are carried on.
fn sources(node: &Arc<dyn ExecutionPlan>) -> Option<Vec<Option<usize>>> {
    let source = |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().map(Column::index);
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        return Some(projection.expr().iter().map(|column| source(&column.expr)).collect());
    }
    if let Some(aggregate) = node.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr().expr().iter();
        return Some(groups.map(|(expr, _)| source(expr)).collect());
    }
    let filter = node.downcast_ref::<FilterExec>()?;
    let projected = filter.projection().as_ref()?;
    Some(projected.iter().map(|column| Some(*column)).collect())
}
