//! Scalar subqueries that see nothing of the rows around them. DataFusion keeps these as expressions, and works them
//! out before anything else. Where the source of a node's inputs does such a subquery whole, it remains an
//! expression of what goes there; each other one is a plan of its own, of which pieces go.

use super::Piece;
use super::operators::tells_rows_apart;
use super::rule::{Place, Rule};
use crate::catalogs::Catalog;
use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{LogicalPlan, Subquery};
use mooring_spi::{Operator, Relation, WindowFunction};
use std::sync::Arc;

/// Those of a node's expressions that its source does, by their plans, which the node still holds as they were.
#[derive(Debug, Clone, Default)]
pub(super) struct Subqueries(Vec<(Arc<LogicalPlan>, Piece)>);

impl Subqueries {
    /// By the very plan: equal ones may read different tables.
    pub fn piece(&self, subquery: &Subquery) -> Option<&Piece> {
        let is_it = |(plan, _): &&(Arc<LogicalPlan>, Piece)| Arc::ptr_eq(plan, &subquery.subquery);
        self.0.iter().find(is_it).map(|(_, piece)| piece)
    }
}

impl Rule {
    /// What `catalog`, the one of the node's inputs, does of the node's subqueries; the others are settled in the node.
    ///
    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn subqueries(
        &mut self,
        plan: LogicalPlan,
        catalog: Option<&Catalog>,
    ) -> Result<(LogicalPlan, Subqueries)> {
        let mut found = Subqueries::default();
        let placed = plan.map_subqueries(|plan| match plan {
            LogicalPlan::Subquery(subquery) => self.subquery(subquery, catalog, &mut found),
            other => Ok(Transformed::no(other)),
        })?;
        Ok((placed.data, found))
    }

    fn subquery(
        &mut self,
        subquery: Subquery,
        catalog: Option<&Catalog>,
        found: &mut Subqueries,
    ) -> Result<Transformed<LogicalPlan>> {
        if found.piece(&subquery).is_some() {
            return Ok(Transformed::no(LogicalPlan::Subquery(subquery)));
        }
        let before = self.before(&subquery.subquery);
        match self.walk(subquery.subquery.as_ref().clone())? {
            Place::There(piece) if is_value(&subquery, &piece, catalog) => {
                found.0.push((Arc::clone(&subquery.subquery), *piece));
                Ok(Transformed::no(LogicalPlan::Subquery(subquery)))
            }
            place => {
                let plan = self.finished(place, before)?;
                Ok(Transformed::yes(with_plan(subquery, plan)))
            }
        }
    }

    /// The node, to be done here, with what becomes of its subqueries.
    ///
    /// # Errors
    /// As [`Rule::subqueries`].
    pub fn settle_subqueries(
        &mut self,
        plan: LogicalPlan,
        subqueries: &Subqueries,
    ) -> Result<LogicalPlan> {
        if subqueries.0.is_empty() {
            return Ok(plan);
        }
        let settled = plan.map_subqueries(|plan| {
            let LogicalPlan::Subquery(subquery) = plan else { return Ok(Transformed::no(plan)) };
            match subqueries.piece(&subquery) {
                Some(piece) => {
                    let plan = self.settle(piece.clone())?;
                    Ok(Transformed::yes(with_plan(subquery, plan)))
                }
                None => Ok(Transformed::no(LogicalPlan::Subquery(subquery))),
            }
        })?;
        Ok(settled.data)
    }
}

fn with_plan(subquery: Subquery, plan: LogicalPlan) -> LogicalPlan {
    LogicalPlan::Subquery(Subquery { subquery: Arc::new(plan), ..subquery })
}

/// Whether the source has one value for it. That of several rows is an error, which sources see only where they need
/// the value.
fn is_value(subquery: &Subquery, piece: &Piece, catalog: Option<&Catalog>) -> bool {
    let is_of_source =
        catalog.is_some_and(|catalog| catalog.definition.key == piece.catalog.definition.key);
    is_of_source
        && subquery.outer_ref_columns.is_empty()
        && piece.relation.columns.len() == 1
        && piece.relation.is_one_row_at_most()
        && is_certain(&piece.relation)
}

/// Whether its rows are told by those of its tables. Of others we have one value for the whole query, and a source
/// might have another each time that the subquery stands in its statement, where rules have put it more than once.
fn is_certain(relation: &Relation) -> bool {
    let is_certain_itself = match &relation.operator {
        Operator::Limit { input, order, .. } => tells_rows_apart(order, input),
        Operator::Window { calls, .. } => {
            calls.iter().all(|call| call.function != WindowFunction::RowNumber)
        }
        Operator::Scan { .. }
        | Operator::Filter { .. }
        | Operator::Project { .. }
        | Operator::Aggregate { .. }
        | Operator::Join { .. }
        | Operator::Union { .. } => true,
    };
    is_certain_itself && relation.inputs().into_iter().all(is_certain)
}
