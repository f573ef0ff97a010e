//! The walk over a plan, from the leaves up. A node whose inputs are pieces of one source becomes the next larger
//! piece if the source does it too; where it does not, its inputs are settled: each becomes one scan, or
//! stays as it was.

use super::expressions::{Scope, expression};
use super::nodes::{most_rows, over, sorted, with_filter, with_one_column};
use super::operators::{columns, operator, order_after, order_of};
use super::subqueries::Subqueries;
use super::table::PushedTable;
use super::worth::{Worth, finds_pairs, worth};
use super::{Piece, PushDownMode, Translated, refused};
use crate::catalogs::Catalog;
use crate::table::MooringTable;
use datafusion::common::{Column, Result};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Sort};
use mooring_spi::{Operator, PushDown, Relation, Unsupported};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub(super) struct Rule {
    mode: PushDownMode,
    pub pieces: usize,
    pub notes: Vec<String>,
    /// What was pushed, in order. Plans of different pieces must not be equal, and those of equal ones may:
    /// DataFusion computes equal subqueries once, and a plan does not compare what a scan holds.
    pushed: Vec<String>,
    /// What the scans are told: see [`PushedTable`].
    pub needs_estimates: Arc<AtomicBool>,
}

/// A node after what is below it.
pub(super) enum Place {
    /// Its source can do all of it.
    There(Box<Piece>),
    Here(LogicalPlan),
}

/// What was before a whole plan was walked.
pub(super) struct Before {
    /// A scan alone, which applies its filters itself and stays one if nothing of it goes.
    alone: Option<LogicalPlan>,
    pieces: usize,
}

impl Rule {
    pub fn new(mode: PushDownMode) -> Self {
        Self {
            mode,
            pieces: 0,
            notes: Vec::new(),
            pushed: Vec::new(),
            needs_estimates: Arc::new(AtomicBool::new(true)),
        }
    }

    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn whole(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let before = self.before(&plan);
        let place = self.walk(plan)?;
        self.finished(place, before)
    }

    pub fn before(&self, plan: &LogicalPlan) -> Before {
        let alone = matches!(plan, LogicalPlan::TableScan(_)).then(|| plan.clone());
        Before { alone, pieces: self.pieces }
    }

    /// A whole plan in its place.
    ///
    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn finished(&mut self, place: Place, before: Before) -> Result<LogicalPlan> {
        let placed = match place {
            Place::There(piece) => self.settle(*piece)?,
            Place::Here(plan) => plan,
        };
        Ok(before.alone.filter(|_| self.pieces == before.pieces).unwrap_or(placed))
    }

    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn walk(&mut self, plan: LogicalPlan) -> Result<Place> {
        if let LogicalPlan::TableScan(scan) = &plan
            && let Some(filtered) = with_filter(scan)?
        {
            return self.walk(filtered);
        }
        let mut places = Vec::new();
        for input in plan.inputs() {
            places.push(self.walk(input.clone())?);
        }
        let catalog = catalog_of(&plan, &places);
        let catalog = catalog.filter(|catalog| catalog.connector.push_down().is_some());
        let (plan, subqueries) = self.subqueries(plan, catalog.as_deref())?;
        let Some(catalog) = catalog else { return self.here(plan, places, &subqueries) };
        let pieces = places.into_iter().filter_map(|place| match place {
            Place::There(piece) => Some(*piece),
            Place::Here(_) => None,
        });
        self.enlarge(plan, (pieces.collect(), subqueries), catalog)
    }

    /// The node over what becomes of its inputs, and with what becomes of its subqueries.
    fn here(
        &mut self,
        plan: LogicalPlan,
        places: Vec<Place>,
        subqueries: &Subqueries,
    ) -> Result<Place> {
        let plan = self.settle_subqueries(plan, subqueries)?;
        let mut settled = Vec::with_capacity(places.len());
        for place in places {
            settled.push(match place {
                Place::There(piece) => self.settle(*piece)?,
                Place::Here(plan) => plan,
            });
        }
        over(plan, settled).map(Place::Here)
    }

    fn enlarge(
        &mut self,
        plan: LogicalPlan,
        (inputs, subqueries): (Vec<Piece>, Subqueries),
        catalog: Arc<Catalog>,
    ) -> Result<Place> {
        if let (LogicalPlan::Filter(filter), [_]) = (&plan, inputs.as_slice()) {
            return self.filter(filter.clone(), (inputs, subqueries), catalog);
        }
        let Some(source) = catalog.connector.push_down() else {
            return self.here(plan, there(inputs), &subqueries);
        };
        let relation = operator(&plan, &inputs, &subqueries, self.mode).and_then(|operator| {
            if !finds_pairs(&operator) {
                return refused("each row of one side would meet each of the other");
            }
            supported(source, Relation { operator, columns: columns(plan.schema()) })
        });
        let relation = match relation {
            Ok(relation) => relation,
            Err(reason) => {
                self.note(&catalog, &plan, &reason);
                return self.here(plan, there(inputs), &subqueries);
            }
        };
        let order = match (&plan, inputs.as_slice()) {
            (LogicalPlan::Sort(sort), _) => order_of(sort),
            (LogicalPlan::Projection(projection), [input]) => order_after(&input.order, projection),
            (LogicalPlan::SubqueryAlias(_) | LogicalPlan::Limit(_), [input]) => {
                Some(input.order.clone())
            }
            // Only these give rows in the order of their input.
            _ => Some(Vec::new()),
        };
        let order = order.unwrap_or_default();
        let piece = Piece { catalog, relation, plan, inputs, subqueries, order };
        match (&piece.plan, order_is_lost(&piece)) {
            (_, false) => Ok(Place::There(Box::new(piece))),
            // The first rows are found there, and sorted here.
            (LogicalPlan::Sort(sort), true) => {
                let (first_rows, subqueries) = (sort.clone(), piece.subqueries.clone());
                let rows = self.settle(piece)?;
                match rows {
                    LogicalPlan::Sort(rows) => Ok(Place::Here(LogicalPlan::Sort(rows))),
                    rows => {
                        let sorted = Sort { input: Arc::new(rows), ..first_rows };
                        let sorted = LogicalPlan::Sort(sorted);
                        self.settle_subqueries(sorted, &subqueries).map(Place::Here)
                    }
                }
            }
            (_, true) => {
                let Piece { plan, inputs, subqueries, .. } = piece;
                self.here(plan, there(inputs), &subqueries)
            }
        }
    }

    /// The conditions that the source computes go there, the others stay.
    fn filter(
        &mut self,
        filter: Filter,
        (mut inputs, subqueries): (Vec<Piece>, Subqueries),
        catalog: Arc<Catalog>,
    ) -> Result<Place> {
        let plan = LogicalPlan::Filter(filter.clone());
        let (Some(source), Some(input)) = (catalog.connector.push_down(), inputs.pop()) else {
            return self.here(plan, there(inputs), &subqueries);
        };
        let scope = Scope { schema: input.plan.schema(), subqueries: &subqueries };
        let (mut go, mut stay) = (Vec::new(), Vec::new());
        let mut conditions = Vec::new();
        let mut reason = None;
        for condition in split_conjunction(&filter.predicate) {
            let crossed = expression(condition, scope).and_then(|crossed| {
                source.supports_expression(&crossed, &[&input.relation])?;
                Ok(crossed)
            });
            match crossed {
                Ok(crossed) => {
                    conditions.push(crossed);
                    go.push(condition.clone());
                }
                Err(unsupported) => {
                    reason.get_or_insert(unsupported);
                    stay.push(condition.clone());
                }
            }
        }
        if let Some(reason) = reason {
            self.note(&catalog, &plan, &reason);
        }
        let Some(predicate) = conjunction(go) else {
            return self.here(plan, vec![Place::There(Box::new(input))], &subqueries);
        };
        let operator = Operator::Filter { input: Box::new(input.relation.clone()), conditions };
        let columns = columns(filter.input.schema());
        let relation = match supported(source, Relation { operator, columns }) {
            Ok(relation) => relation,
            Err(reason) => {
                self.note(&catalog, &plan, &reason);
                return self.here(plan, vec![Place::There(Box::new(input))], &subqueries);
            }
        };
        let order = input.order.clone();
        let part = Filter::new(predicate, filter.input.clone());
        let part = LogicalPlan::Filter(part);
        let inputs = vec![input];
        let of_part = subqueries.clone();
        let piece = Piece { catalog, relation, plan: part, inputs, subqueries: of_part, order };
        let Some(rest) = conjunction(stay) else { return Ok(Place::There(Box::new(piece))) };
        // A scan that stays one has the whole filter above it.
        if worth(&piece.relation) == Worth::Apart {
            return self.here(plan, there(piece.inputs), &subqueries);
        }
        let rest = LogicalPlan::Filter(Filter::new(rest, filter.input));
        self.here(rest, vec![Place::There(Box::new(piece))], &subqueries)
    }

    /// One scan in the place of a piece, if that is worth a statement of its own.
    ///
    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn settle(&mut self, piece: Piece) -> Result<LogicalPlan> {
        match worth(&piece.relation) {
            Worth::Whole => return self.scan(piece),
            Worth::Apart => {}
            Worth::Harm(reason) => {
                if let Operator::Join { .. } = piece.relation.operator {
                    self.note(&piece.catalog, &piece.plan, &Unsupported(reason));
                }
            }
        }
        let Piece { plan, inputs, subqueries, .. } = piece;
        let plan = self.settle_subqueries(plan, &subqueries)?;
        let mut settled = Vec::with_capacity(inputs.len());
        for input in inputs {
            settled.push(self.settle(input)?);
        }
        over(plan, settled)
    }

    fn scan(&mut self, piece: Piece) -> Result<LogicalPlan> {
        let schema = piece.plan.schema().clone();
        let source = piece.catalog.connector.push_down();
        let relation = match (schema.fields().is_empty(), source) {
            (false, _) => piece.relation,
            (true, Some(source)) => {
                match supported(source, with_one_column(piece.relation.clone())) {
                    Ok(relation) => relation,
                    Err(_) => return Ok(piece.plan),
                }
            }
            (true, None) => return Ok(piece.plan),
        };
        let key = format!("{} {relation:?}", piece.catalog.definition.key);
        let known = self.pushed.iter().position(|pushed| *pushed == key);
        let number = known.unwrap_or(self.pushed.len());
        if known.is_none() {
            self.pushed.push(key);
        }
        self.pieces += 1;
        let most = most_rows(&relation);
        let needs_estimate = self.needs_estimates.clone();
        let table = PushedTable::new(piece.catalog, relation, schema.fields(), needs_estimate);
        let table = Arc::new(table);
        let name = format!("pushed_{}", number + 1);
        let scan =
            LogicalPlanBuilder::scan(name.as_str(), provider_as_source(table), None)?.build()?;
        let mut expressions = Vec::with_capacity(schema.fields().len());
        for (index, (qualifier, field)) in schema.iter().enumerate() {
            let column = Expr::Column(Column::from(scan.schema().qualified_field(index)));
            expressions.push(column.alias_qualified(qualifier.cloned(), field.name()));
        }
        let named = Projection::try_new_with_schema(expressions, Arc::new(scan), schema)?;
        Ok(sorted(LogicalPlan::Projection(named), &piece.order, most))
    }

    fn note(&mut self, catalog: &Catalog, plan: &LogicalPlan, reason: &Unsupported) {
        let node = match plan {
            LogicalPlan::Sort(_) => "Sort",
            LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => "Aggregate",
            LogicalPlan::Join(_) => "Join",
            LogicalPlan::Filter(_) => "Filter",
            LogicalPlan::Projection(_) => "Projection",
            LogicalPlan::Limit(_) => "Limit",
            LogicalPlan::Window(_) => "Window",
            LogicalPlan::Union(_) => "Union",
            LogicalPlan::TableScan(_) => "TableScan",
            // Nothing that a source could do.
            _ => return,
        };
        // A sort of all rows is ours.
        if matches!(plan, LogicalPlan::Sort(sort) if sort.fetch.is_none()) {
            return;
        }
        let catalog = &catalog.definition.name;
        let note = format!("catalog `{catalog}`: {node} stays here: {reason}");
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

fn there(pieces: Vec<Piece>) -> Vec<Place> {
    pieces.into_iter().map(|piece| Place::There(Box::new(piece))).collect()
}

/// The relation, if the source does its outermost operator.
fn supported(source: &dyn PushDown, relation: Relation) -> Translated<Relation> {
    source.supports(&relation)?;
    Ok(relation)
}

/// Whether the rows of a node that gives them in an order would lose it.
fn order_is_lost(piece: &Piece) -> bool {
    if !piece.order.is_empty() || piece.relation.is_one_row_at_most() {
        return false;
    }
    match (&piece.plan, piece.inputs.as_slice()) {
        (LogicalPlan::Sort(_), _) => true,
        (LogicalPlan::Projection(_), [input]) => !input.order.is_empty(),
        _ => false,
    }
}

/// The source of a table, or of all that is below a node.
fn catalog_of(plan: &LogicalPlan, places: &[Place]) -> Option<Arc<Catalog>> {
    if let LogicalPlan::TableScan(scan) = plan {
        let source = source_as_provider(&scan.source).ok()?;
        return source.downcast_ref::<MooringTable>().map(|table| table.catalog.clone());
    }
    let mut found: Option<Arc<Catalog>> = None;
    for place in places {
        let Place::There(piece) = place else { return None };
        match &found {
            None => found = Some(piece.catalog.clone()),
            Some(catalog) if catalog.definition.key == piece.catalog.definition.key => {}
            Some(_) => return None,
        }
    }
    found
}
