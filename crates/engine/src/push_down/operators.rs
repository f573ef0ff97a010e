//! Nodes of a plan as operators of the relational language. Each function here answers the operator over inputs
//! that cross; whether the source does it is asked afterwards.

use super::aggregates::{aggregate, sort_keys, window_call};
use super::expressions::{Scope, column_at, compared, expression};
use super::subqueries::Subqueries;
use super::{OrderColumn, Piece, PushDownMode, Translated, refused};
use crate::table::MooringTable;
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, JoinType, NullEquality};
use datafusion::datasource::source_as_provider;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Aggregate, Distinct, Expr, ExprSchemable, FetchType, Join, Limit, LogicalPlan, Projection,
    SkipType, Sort, TableScan, Window,
};
use mooring_spi::{
    Expression, ExpressionKind, Function, JoinKind, Operator, Relation, RelationColumn, SortKey,
};
use std::sync::Arc;

/// The columns of a plan.
pub(super) fn columns(schema: &DFSchema) -> Vec<RelationColumn> {
    let column = |field: &FieldRef| RelationColumn {
        data_type: field.data_type().clone(),
        nullable: field.is_nullable(),
    };
    schema.fields().iter().map(column).collect()
}

/// The operator of a plan's outermost node; a filter is left to [`conditions`].
///
/// # Errors
/// Why it does not cross.
pub(super) fn operator(
    plan: &LogicalPlan,
    inputs: &[Piece],
    subqueries: &Subqueries,
    mode: PushDownMode,
) -> Translated<Operator> {
    match (plan, inputs) {
        (LogicalPlan::TableScan(scan), []) => table_scan(scan, mode),
        (LogicalPlan::Projection(projection), [input]) => project(projection, input, subqueries),
        (LogicalPlan::SubqueryAlias(_), [input]) => Ok(input.relation.operator.clone()),
        (LogicalPlan::Aggregate(aggregate), [input]) => group(aggregate, input, subqueries),
        (LogicalPlan::Distinct(Distinct::All(_)), [input]) => Ok(distinct(input)),
        (LogicalPlan::Distinct(Distinct::On(_)), [_]) => refused("`DISTINCT ON`"),
        (LogicalPlan::Limit(limit), [input]) => any_rows(limit, input, mode),
        (LogicalPlan::Sort(sort), [input]) => first_rows(sort, (input, subqueries), mode),
        (LogicalPlan::Join(join), [left, right]) => pairs(join, (left, right), subqueries),
        (LogicalPlan::Union(_), [_, ..]) => union(plan, inputs),
        (LogicalPlan::Window(window), [input]) => windows(window, input, subqueries),
        _ => refused("no operator of sources"),
    }
}

/// The scan of a table. Its filters are hints: a filter stands above it.
fn table_scan(scan: &TableScan, mode: PushDownMode) -> Translated<Operator> {
    let Ok(source) = source_as_provider(&scan.source) else {
        return refused("no table of a source");
    };
    let Some(table) = source.downcast_ref::<MooringTable>() else {
        return refused("no table of a source");
    };
    let all = || (0..table.table.schema.fields().len()).collect();
    let projection = scan.projection.clone().unwrap_or_else(all);
    let operator = Operator::Scan { table: Arc::new(table.table.clone()), projection };
    let Some(fetch) = scan.fetch else { return Ok(operator) };
    if !scan.filters.is_empty() {
        return refused("a limit beside conditions");
    }
    let relation = Relation { operator, columns: columns(&scan.projected_schema) };
    limited(relation, Vec::new(), Some(fetch as u64), 0, mode)
}

fn project(
    projection: &Projection,
    input: &Piece,
    subqueries: &Subqueries,
) -> Translated<Operator> {
    let scope = Scope { schema: input.plan.schema(), subqueries };
    let mut expressions = Vec::with_capacity(projection.expr.len());
    for expr in &projection.expr {
        expressions.push(expression(expr, scope)?);
    }
    let same = expressions.len() == input.relation.columns.len()
        && expressions
            .iter()
            .enumerate()
            .all(|(index, expression)| expression.kind == ExpressionKind::Column(index));
    Ok(match same {
        true => input.relation.operator.clone(),
        false => Operator::Project { input: Box::new(input.relation.clone()), expressions },
    })
}

fn group(node: &Aggregate, input: &Piece, subqueries: &Subqueries) -> Translated<Operator> {
    let scope = Scope { schema: input.plan.schema(), subqueries };
    let mut groups = Vec::with_capacity(node.group_expr.len());
    for expr in &node.group_expr {
        if let Expr::GroupingSet(_) = expr {
            return refused("grouping sets");
        }
        groups.push(expression(expr, scope)?);
    }
    let mut aggregates = Vec::with_capacity(node.aggr_expr.len());
    for expr in &node.aggr_expr {
        aggregates.push(aggregate(expr, scope)?);
    }
    if groups.is_empty() && aggregates.is_empty() {
        return refused("an aggregate of nothing");
    }
    Ok(Operator::Aggregate { input: Box::new(input.relation.clone()), groups, aggregates })
}

fn distinct(input: &Piece) -> Operator {
    let groups = every_column(&input.relation);
    Operator::Aggregate { input: Box::new(input.relation.clone()), groups, aggregates: Vec::new() }
}

fn every_column(relation: &Relation) -> Vec<Expression> {
    let columns = relation.columns.iter().enumerate();
    columns.map(|(index, column)| column_at(index, &column.data_type)).collect()
}

/// A limit; over rows in an order, of the first ones.
fn any_rows(limit: &Limit, input: &Piece, mode: PushDownMode) -> Translated<Operator> {
    let (Ok(SkipType::Literal(skip)), Ok(FetchType::Literal(fetch))) =
        (limit.get_skip_type(), limit.get_fetch_type())
    else {
        return refused("a limit that is no literal");
    };
    let keys = input.order.iter().filter_map(|order| {
        let column = input.relation.columns.get(order.column)?;
        Some(SortKey {
            expression: column_at(order.column, &column.data_type),
            descending: !order.ascending,
            nulls_first: order.nulls_first,
        })
    });
    let fetch = fetch.map(|fetch| fetch as u64);
    limited(input.relation.clone(), keys.collect(), fetch, skip as u64, mode)
}

/// A sort that keeps the first rows only. Whoever puts the relation in its place sorts these again.
fn first_rows(
    sort: &Sort,
    (input, subqueries): (&Piece, &Subqueries),
    mode: PushDownMode,
) -> Translated<Operator> {
    let Some(fetch) = sort.fetch else { return refused("a relation has no order") };
    let keys = sort_keys(&sort.expr, Scope { schema: input.plan.schema(), subqueries })?;
    limited(input.relation.clone(), keys, Some(fetch as u64), 0, mode)
}

fn limited(
    input: Relation,
    order: Vec<SortKey>,
    limit: Option<u64>,
    offset: u64,
    mode: PushDownMode,
) -> Translated<Operator> {
    if mode == PushDownMode::Verified && !tells_rows_apart(&order, &input) {
        return refused("which rows it leaves is not said, and `pushdown_verify` compares them");
    }
    // `LIMIT` over the limit that DataFusion put into the scan.
    if order.is_empty()
        && let Operator::Limit { input, order: inner, limit: Some(most), offset: 0 } =
            &input.operator
        && inner.is_empty()
    {
        let left = most.saturating_sub(offset);
        return Ok(Operator::Limit {
            input: input.clone(),
            order,
            limit: Some(limit.map_or(left, |limit| limit.min(left))),
            offset,
        });
    }
    Ok(Operator::Limit { input: Box::new(input), order, limit, offset })
}

/// Whether rows that are equal by the keys are equal.
pub(super) fn tells_rows_apart(order: &[SortKey], input: &Relation) -> bool {
    (0..input.columns.len())
        .all(|index| order.iter().any(|key| key.expression.kind == ExpressionKind::Column(index)))
}

/// The order in which a sort gives rows, as far as columns tell it.
pub(super) fn order_of(sort: &Sort) -> Option<Vec<OrderColumn>> {
    let mut order = Vec::with_capacity(sort.expr.len());
    for key in &sort.expr {
        let Expr::Column(column) = &key.expr else { return None };
        let column = sort.input.schema().maybe_index_of_column(column)?;
        order.push(OrderColumn { column, ascending: key.asc, nulls_first: key.nulls_first });
    }
    Some(order)
}

/// The same order among the columns that a projection leaves.
pub(super) fn order_after(
    order: &[OrderColumn],
    projection: &Projection,
) -> Option<Vec<OrderColumn>> {
    let none = Subqueries::default();
    let scope = Scope { schema: projection.input.schema(), subqueries: &none };
    let place = |column: usize| {
        projection.expr.iter().position(|expr| {
            matches!(expression(expr, scope), Ok(Expression { kind: ExpressionKind::Column(from), .. }) if from == column)
        })
    };
    let moved = |order: &OrderColumn| Some(OrderColumn { column: place(order.column)?, ..*order });
    order.iter().map(moved).collect()
}

fn pairs(
    join: &Join,
    (left, right): (&Piece, &Piece),
    subqueries: &Subqueries,
) -> Translated<Operator> {
    if join.null_aware && may_be_null(join) {
        return refused("`NOT IN` of a subquery that may hold nulls");
    }
    let (kind, swapped) = match join.join_type {
        JoinType::Inner => (JoinKind::Inner, false),
        JoinType::Left => (JoinKind::Left, false),
        JoinType::Right => (JoinKind::Right, false),
        JoinType::Full => (JoinKind::Full, false),
        JoinType::LeftSemi => (JoinKind::LeftSemi, false),
        JoinType::LeftAnti => (JoinKind::LeftAnti, false),
        JoinType::RightSemi => (JoinKind::LeftSemi, true),
        JoinType::RightAnti => (JoinKind::LeftAnti, true),
        JoinType::LeftMark | JoinType::RightMark => return refused("a join that marks rows"),
    };
    let (first, second) = if swapped { (right, left) } else { (left, right) };
    let Ok(schema) = first.plan.schema().join(second.plan.schema()) else {
        return refused("columns of one name");
    };
    let scope = Scope { schema: &schema, subqueries };
    let mut conditions = Vec::new();
    for (left_key, right_key) in &join.on {
        let equal = match join.null_equality {
            NullEquality::NullEqualsNothing => Function::Equal,
            NullEquality::NullEqualsNull => Function::Same,
        };
        let left_key = expression(left_key, scope)?;
        let right_key = expression(right_key, scope)?;
        conditions.push(compared(equal, left_key, right_key)?);
    }
    for condition in join.filter.iter().flat_map(split_conjunction) {
        conditions.push(expression(condition, scope)?);
    }
    Ok(Operator::Join {
        left: Box::new(first.relation.clone()),
        right: Box::new(second.relation.clone()),
        kind,
        conditions,
    })
}

/// Whether a key of either side may be null.
fn may_be_null(join: &Join) -> bool {
    let (left, right) = (join.left.schema(), join.right.schema());
    join.filter.is_some()
        || join.on.iter().any(|(left_key, right_key)| {
            left_key.nullable(left).unwrap_or(true) || right_key.nullable(right).unwrap_or(true)
        })
}

fn union(plan: &LogicalPlan, inputs: &[Piece]) -> Translated<Operator> {
    let wanted = columns(plan.schema());
    for input in inputs {
        let differs = input.relation.columns.len() != wanted.len()
            || input
                .relation
                .columns
                .iter()
                .zip(&wanted)
                .any(|(has, wants)| has.data_type != wants.data_type);
        if differs {
            return refused("a union of different types");
        }
    }
    Ok(Operator::Union { inputs: inputs.iter().map(|input| input.relation.clone()).collect() })
}

fn windows(window: &Window, input: &Piece, subqueries: &Subqueries) -> Translated<Operator> {
    let scope = Scope { schema: input.plan.schema(), subqueries };
    let mut calls = Vec::with_capacity(window.window_expr.len());
    for expr in &window.window_expr {
        calls.push(window_call(expr, scope)?);
    }
    Ok(Operator::Window { input: Box::new(input.relation.clone()), calls })
}
