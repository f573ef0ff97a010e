//! Relations and expressions in few words.

use arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, AggregateFunction, Expression, ExpressionKind, Function, JoinKind, Operator,
    Relation, RelationColumn, SortKey, Table, Value,
};
use std::sync::Arc;

pub(super) fn column(relation: &Relation, at: usize) -> Expression {
    Expression {
        kind: ExpressionKind::Column(at),
        data_type: relation.columns[at].data_type.clone(),
    }
}

pub(super) fn literal(value: Value, data_type: DataType) -> Expression {
    Expression { kind: ExpressionKind::Literal(value), data_type }
}

pub(super) fn integer(value: i64) -> Expression {
    literal(Value::Int(value), DataType::Int64)
}

pub(super) fn text(value: &str) -> Expression {
    literal(Value::Text(value.to_owned()), DataType::Utf8)
}

pub(super) fn call(
    function: Function,
    arguments: Vec<Expression>,
    data_type: DataType,
) -> Expression {
    Expression { kind: ExpressionKind::Call { function, arguments }, data_type }
}

pub(super) fn test(function: Function, arguments: Vec<Expression>) -> Expression {
    call(function, arguments, DataType::Boolean)
}

pub(super) fn cast(input: Expression, data_type: DataType) -> Expression {
    Expression { kind: ExpressionKind::Cast(Box::new(input)), data_type }
}

fn columns_of(expressions: &[Expression]) -> Vec<RelationColumn> {
    expressions
        .iter()
        .map(|expression| RelationColumn {
            data_type: expression.data_type.clone(),
            nullable: true,
        })
        .collect()
}

pub(super) fn scan(table: &Arc<Table>, projection: Vec<usize>) -> Relation {
    let columns = projection
        .iter()
        .map(|&at| {
            let field = table.schema.field(at);
            RelationColumn { data_type: field.data_type().clone(), nullable: field.is_nullable() }
        })
        .collect();
    Relation { operator: Operator::Scan { table: table.clone(), projection }, columns }
}

pub(super) fn filter(input: Relation, conditions: Vec<Expression>) -> Relation {
    let columns = input.columns.clone();
    Relation { operator: Operator::Filter { input: Box::new(input), conditions }, columns }
}

pub(super) fn project(input: Relation, expressions: Vec<Expression>) -> Relation {
    let columns = columns_of(&expressions);
    Relation { operator: Operator::Project { input: Box::new(input), expressions }, columns }
}

pub(super) fn aggregate(
    input: Relation,
    groups: Vec<Expression>,
    aggregates: Vec<Aggregate>,
) -> Relation {
    let mut columns = columns_of(&groups);
    columns.extend(aggregates.iter().map(|aggregate| RelationColumn {
        data_type: aggregate.data_type.clone(),
        nullable: true,
    }));
    Relation {
        operator: Operator::Aggregate { input: Box::new(input), groups, aggregates },
        columns,
    }
}

pub(super) fn of(
    function: AggregateFunction,
    argument: Option<Expression>,
    data_type: DataType,
) -> Aggregate {
    Aggregate { function, argument, distinct: false, filter: None, data_type }
}

pub(super) fn sort_key(expression: Expression) -> SortKey {
    SortKey { expression, descending: false, nulls_first: false }
}

pub(super) fn limit(
    input: Relation,
    order: Vec<SortKey>,
    limit: Option<u64>,
    offset: u64,
) -> Relation {
    let columns = input.columns.clone();
    Relation { operator: Operator::Limit { input: Box::new(input), order, limit, offset }, columns }
}

pub(super) fn join(
    left: Relation,
    right: Relation,
    kind: JoinKind,
    conditions: Vec<Expression>,
) -> Relation {
    let mut columns = left.columns.clone();
    if !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti) {
        columns.extend(right.columns.clone());
        columns.iter_mut().for_each(|column| column.nullable = true);
    }
    let operator =
        Operator::Join { left: Box::new(left), right: Box::new(right), kind, conditions };
    Relation { operator, columns }
}

pub(super) fn union(inputs: Vec<Relation>) -> Relation {
    let columns = inputs[0].columns.clone();
    Relation { operator: Operator::Union { inputs }, columns }
}
