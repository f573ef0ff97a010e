//! What a source can do right is done there: the largest pieces of a query's plan whose tables are all of one
//! source, and whose every operator and expression that source supports, become one scan each.
//!
//! A plan is translated from its leaves up into `spi`'s relational language, exactly or not at all. It is done once
//! DataFusion has optimized the plan, and for each query anew: what is pushed holds the query's tables, so
//! plans that are kept are kept as they were before. The rule decides about places, never about meanings:
//! what crosses means what its documentation in `spi` says.
//!
//! A table whose rows are wanted with no more than conditions that a [`mooring_spi::Domain`] tells stays a scan of
//! that table: connectors read these in parallel, and apply the domains themselves.

mod rule;
mod subqueries;
mod nodes;
mod operators;
mod expressions;
mod casts;
mod functions;
mod aggregates;
mod worth;
mod table;
mod verify;
#[cfg(test)]
mod tests;

pub(crate) use verify::{Comparison, verified};

use crate::catalogs::Catalog;
use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;
use mooring_spi::{Relation, Unsupported};
use rule::Rule;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use subqueries::Subqueries;

/// What a session's `pushdown` and `pushdown_verify` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PushDownMode {
    Off,
    #[default]
    On,
    /// Queries run both ways, and their rows are compared. What may differ without being wrong, such as which
    /// rows a limit leaves, is not pushed.
    Verified,
}

/// A plan with scans in the place of what its sources do.
pub(crate) struct PushedPlan {
    pub plan: LogicalPlan,
    /// How many pieces are done by sources.
    pub pieces: usize,
    /// Why operators stayed here, a line each.
    pub notes: Vec<String>,
}

/// Replaces what sources do by scans. The result's schema is the plan's.
///
/// # Errors
/// `Internal`, as rewriting a plan.
pub(crate) fn push_down(plan: LogicalPlan, mode: PushDownMode) -> Result<PushedPlan> {
    let mut rule = Rule::new(mode);
    let plan = rule.whole(plan)?;
    rule.needs_estimates.store(depends_on_rows(&plan)?, Ordering::Relaxed);
    Ok(PushedPlan { plan, pieces: rule.pieces, notes: rule.notes })
}

/// Whether anything is decided by how many rows a scan has: not where they are the answer as they come, or sorted.
fn depends_on_rows(plan: &LogicalPlan) -> Result<bool> {
    let mut depends = false;
    plan.apply_with_subqueries(|node| {
        depends |= !matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::TableScan(_)
        );
        Ok(if depends { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(depends)
}

/// What crosses, or why it does not.
type Translated<T> = std::result::Result<T, Unsupported>;

fn refused<T>(reason: impl Into<String>) -> Translated<T> {
    Err(Unsupported(reason.into()))
}

/// A piece of a plan that its source can do.
#[derive(Debug, Clone)]
struct Piece {
    catalog: Arc<Catalog>,
    relation: Relation,
    /// The same, to be done here.
    plan: LogicalPlan,
    /// What it was made of, in the order of the plan's inputs.
    inputs: Vec<Piece>,
    /// The subqueries of the plan's outermost node that the relation holds as expressions.
    subqueries: Subqueries,
    /// The order in which the plan gives its rows; a relation's have none.
    order: Vec<OrderColumn>,
}

#[derive(Debug, Clone, Copy)]
struct OrderColumn {
    column: usize,
    ascending: bool,
    nulls_first: bool,
}
