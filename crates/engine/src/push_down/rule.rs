//! The walk over a plan, from the leaves up. A node whose inputs are pieces of one source becomes the next larger
//! piece if the source does it too; where it does not, its inputs are settled: each becomes one scan, or
//! stays as it was.

use super::expressions::expression;
use super::operators::{columns, operator, order_after, order_of};
use super::table::PushedTable;
use super::worth::{Worth, finds_pairs, worth};
use super::{OrderColumn, Piece, PushDownMode, Translated, refused};
use crate::catalogs::Catalog;
use crate::error::to_datafusion;
use crate::filtering_table::FilteringTable;
use crate::table::MooringTable;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result};
use datafusion::datasource::{provider_as_source, source_as_provider};
use datafusion::logical_expr::expr::Sort as SortExpr;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Sort, TableScan, TableScanBuilder,
};
use mooring_spi::{
    Error, Expression, ExpressionKind, Operator, PushDown, Relation, RelationColumn, Unsupported,
    Value,
};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) struct Rule {
    mode: PushDownMode,
    pub pieces: usize,
    pub notes: Vec<String>,
    /// What was pushed, in order. Plans of different pieces must not be equal, and those of equal ones may:
    /// DataFusion computes equal subqueries once, and a plan does not compare what a scan holds.
    pushed: Vec<String>,
}

/// A node after what is below it.
enum Place {
    /// Its source can do all of it.
    There(Box<Piece>),
    Here(LogicalPlan),
}

impl Rule {
    pub fn new(mode: PushDownMode) -> Self {
        Self { mode, pieces: 0, notes: Vec::new(), pushed: Vec::new() }
    }

    /// # Errors
    /// `Internal`, as rewriting a plan.
    pub fn whole(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        // A scan alone that applies its filters itself stays one, if nothing of it goes.
        let (alone, pieces) = (matches!(plan, LogicalPlan::TableScan(_)), self.pieces);
        let before = alone.then(|| plan.clone());
        let placed = match self.walk(plan)? {
            Place::There(piece) => self.settle(*piece)?,
            Place::Here(plan) => plan,
        };
        Ok(before.filter(|_| self.pieces == pieces).unwrap_or(placed))
    }

    fn walk(&mut self, plan: LogicalPlan) -> Result<Place> {
        let plan = plan.map_subqueries(|subquery| self.subquery(subquery))?.data;
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
        let Some(catalog) = catalog.filter(|catalog| catalog.connector.push_down().is_some())
        else {
            return self.here(plan, places);
        };
        let pieces = places.into_iter().filter_map(|place| match place {
            Place::There(piece) => Some(*piece),
            Place::Here(_) => None,
        });
        self.enlarge(plan, pieces.collect(), catalog)
    }

    fn subquery(&mut self, subquery: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        subquery.map_children(|plan| self.whole(plan).map(Transformed::yes))
    }

    /// The node over what becomes of its inputs.
    fn here(&mut self, plan: LogicalPlan, places: Vec<Place>) -> Result<Place> {
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
        inputs: Vec<Piece>,
        catalog: Arc<Catalog>,
    ) -> Result<Place> {
        if let (LogicalPlan::Filter(filter), [_]) = (&plan, inputs.as_slice()) {
            return self.filter(filter.clone(), inputs, catalog);
        }
        let Some(source) = catalog.connector.push_down() else {
            return self.here(plan, there(inputs));
        };
        let relation = operator(&plan, &inputs, self.mode).and_then(|operator| {
            if !finds_pairs(&operator) {
                return refused("each row of one side would meet each of the other");
            }
            supported(source, Relation { operator, columns: columns(plan.schema()) })
        });
        let relation = match relation {
            Ok(relation) => relation,
            Err(reason) => {
                self.note(&catalog, &plan, &reason);
                return self.here(plan, there(inputs));
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
        let piece = Piece { catalog, relation, plan, inputs, order: order.unwrap_or_default() };
        match (&piece.plan, order_is_lost(&piece)) {
            (_, false) => Ok(Place::There(Box::new(piece))),
            // The first rows are found there, and sorted here.
            (LogicalPlan::Sort(sort), true) => {
                let first_rows = sort.clone();
                let rows = self.settle(piece)?;
                match rows {
                    LogicalPlan::Sort(rows) => Ok(Place::Here(LogicalPlan::Sort(rows))),
                    rows => Ok(Place::Here(LogicalPlan::Sort(Sort {
                        input: Arc::new(rows),
                        ..first_rows
                    }))),
                }
            }
            (_, true) => {
                let Piece { plan, inputs, .. } = piece;
                self.here(plan, there(inputs))
            }
        }
    }

    /// The conditions that the source computes go there, the others stay.
    fn filter(
        &mut self,
        filter: Filter,
        mut inputs: Vec<Piece>,
        catalog: Arc<Catalog>,
    ) -> Result<Place> {
        let plan = LogicalPlan::Filter(filter.clone());
        let (Some(source), Some(input)) = (catalog.connector.push_down(), inputs.pop()) else {
            return self.here(plan, there(inputs));
        };
        let (mut go, mut stay) = (Vec::new(), Vec::new());
        let mut conditions = Vec::new();
        let mut reason = None;
        for condition in split_conjunction(&filter.predicate) {
            let crossed = expression(condition, input.plan.schema()).and_then(|crossed| {
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
            return self.here(plan, vec![Place::There(Box::new(input))]);
        };
        let operator = Operator::Filter { input: Box::new(input.relation.clone()), conditions };
        let columns = columns(filter.input.schema());
        let relation = match supported(source, Relation { operator, columns }) {
            Ok(relation) => relation,
            Err(reason) => {
                self.note(&catalog, &plan, &reason);
                return self.here(plan, vec![Place::There(Box::new(input))]);
            }
        };
        let order = input.order.clone();
        let part = Filter::new(predicate, filter.input.clone());
        let part = LogicalPlan::Filter(part);
        let piece = Piece { catalog, relation, plan: part, inputs: vec![input], order };
        let Some(rest) = conjunction(stay) else { return Ok(Place::There(Box::new(piece))) };
        // A scan that stays one has the whole filter above it.
        if worth(&piece.relation) == Worth::Apart {
            return self.here(plan, there(piece.inputs));
        }
        let rest = LogicalPlan::Filter(Filter::new(rest, filter.input));
        self.here(rest, vec![Place::There(Box::new(piece))])
    }

    /// One scan in the place of a piece, if that is worth a statement of its own.
    fn settle(&mut self, piece: Piece) -> Result<LogicalPlan> {
        match worth(&piece.relation) {
            Worth::Whole => return self.scan(piece),
            Worth::Apart => {}
            Worth::Harm(reason) => {
                if let Operator::Join { .. } = piece.relation.operator {
                    self.note(&piece.catalog, &piece.plan, &Unsupported(reason));
                }
            }
        }
        let Piece { plan, inputs, .. } = piece;
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
        let table = Arc::new(PushedTable::new(piece.catalog, relation, schema.fields()));
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
    if !piece.order.is_empty() {
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

/// The scan of a table that applies its filters itself, as one with a filter above it, where its source
/// may do more.
fn with_filter(scan: &TableScan) -> Result<Option<LogicalPlan>> {
    let source = source_as_provider(&scan.source)?;
    let Some(FilteringTable(table)) = source.downcast_ref::<FilteringTable>() else {
        return Ok(None);
    };
    if table.catalog.connector.push_down().is_none() {
        return Ok(None);
    }
    let all = || (0..scan.source.schema().fields().len()).collect();
    let wanted: Vec<usize> = scan.projection.clone().unwrap_or_else(all);
    let mut needed: BTreeSet<usize> = wanted.iter().copied().collect();
    for column in scan.filters.iter().flat_map(Expr::column_refs) {
        needed.insert(scan.source.schema().index_of(&column.name)?);
    }
    let bare = TableScanBuilder::new(scan.table_name.clone(), provider_as_source(table.clone()))
        .with_projection(Some(needed.into_iter().collect()))
        .with_filters(scan.filters.clone())
        .build()?;
    let filter = conjunction(scan.filters.clone());
    let mut plan = LogicalPlan::TableScan(bare);
    if let Some(filter) = filter {
        plan = LogicalPlan::Filter(Filter::try_new(filter, Arc::new(plan))?);
    }
    if let Some(fetch) = scan.fetch {
        plan = LogicalPlanBuilder::from(plan).limit(0, Some(fetch))?.build()?;
    }
    let schema = scan.projected_schema.clone();
    let columns = schema.iter().map(|(qualifier, field)| Expr::Column((qualifier, field).into()));
    let projection =
        Projection::try_new_with_schema(columns.collect(), Arc::new(plan), schema.clone())?;
    Ok(Some(LogicalPlan::Projection(projection)))
}

/// The node with others in the places of its inputs, which have the same schemas.
fn over(plan: LogicalPlan, inputs: Vec<LogicalPlan>) -> Result<LogicalPlan> {
    let mut inputs = inputs.into_iter();
    let plan = plan.map_children(|_| match inputs.next() {
        Some(input) => Ok(Transformed::yes(input)),
        None => {
            Err(to_datafusion(Error::internal("a node of a plan has inputs that were not seen")))
        }
    })?;
    Ok(plan.data)
}

/// Rows without columns as rows of one, for statements have a column at least.
fn with_one_column(input: Relation) -> Relation {
    use datafusion::arrow::datatypes::DataType;
    let one =
        Expression { kind: ExpressionKind::Literal(Value::Int(1)), data_type: DataType::Int64 };
    Relation {
        operator: Operator::Project { input: Box::new(input), expressions: vec![one] },
        columns: vec![RelationColumn { data_type: DataType::Int64, nullable: false }],
    }
}

/// How many rows a limit leaves, as far as nothing makes more of them.
fn most_rows(relation: &Relation) -> Option<usize> {
    match &relation.operator {
        Operator::Limit { limit: Some(limit), .. } => usize::try_from(*limit).ok(),
        Operator::Limit { input, .. }
        | Operator::Filter { input, .. }
        | Operator::Project { input, .. } => most_rows(input),
        Operator::Scan { .. }
        | Operator::Aggregate { .. }
        | Operator::Join { .. }
        | Operator::Union { .. }
        | Operator::Window { .. } => None,
    }
}

/// DataFusion takes away a sort below a limit that does not say how many rows it keeps.
fn sorted(plan: LogicalPlan, order: &[OrderColumn], fetch: Option<usize>) -> LogicalPlan {
    if order.is_empty() {
        return plan;
    }
    let key = |order: &OrderColumn| {
        let column = Expr::Column(Column::from(plan.schema().qualified_field(order.column)));
        SortExpr::new(column, order.ascending, order.nulls_first)
    };
    let expr = order.iter().map(key).collect();
    LogicalPlan::Sort(Sort { expr, input: Arc::new(plan), fetch })
}
