//! The relational language, worked out row by row as its documentation says: what databases are held against.

mod aggregate;
mod expression;
mod pattern;

use mooring_spi::{Expression, JoinKind, Operator, Relation, SortKey, Table, Value};
use std::cmp::Ordering;

pub(super) use expression::{compare, evaluate};

pub(super) type Row = Vec<Value>;

/// A value that does not fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

/// The rows of a relation over tables that are in memory.
pub(super) fn rows(
    relation: &Relation,
    tables: &dyn Fn(&Table) -> Vec<Row>,
) -> Result<Vec<Row>, Overflow> {
    let has_subqueries =
        relation.expressions().iter().any(|expression| !expression.subqueries().is_empty());
    if has_subqueries {
        return operator(&without_subqueries(relation, tables)?, tables);
    }
    operator(relation, tables)
}

/// The same with their values in the places of the outermost operator's subqueries.
fn without_subqueries(
    relation: &Relation,
    tables: &dyn Fn(&Table) -> Vec<Row>,
) -> Result<Relation, Overflow> {
    let mut value_of = |subquery: &Relation| -> Result<Value, Overflow> {
        let found = rows(subquery, tables)?;
        match found.as_slice() {
            [] => Ok(Value::Null),
            [row] if row.len() == 1 => Ok(row[0].clone()),
            other => panic!("a subquery that is {other:?}"),
        }
    };
    let mut replaced = relation.clone();
    for expression in replaced.expressions_mut() {
        expression.replace_subqueries(&mut value_of)?;
    }
    Ok(replaced)
}

fn operator(
    relation: &Relation,
    tables: &dyn Fn(&Table) -> Vec<Row>,
) -> Result<Vec<Row>, Overflow> {
    match &relation.operator {
        Operator::Scan { table, projection } => Ok(tables(table)
            .into_iter()
            .map(|row| projection.iter().map(|&at| row[at].clone()).collect())
            .collect()),
        Operator::Filter { input, conditions } => {
            let mut kept = Vec::new();
            for row in rows(input, tables)? {
                if all_true(conditions, &row)? {
                    kept.push(row);
                }
            }
            Ok(kept)
        }
        Operator::Project { input, expressions } => rows(input, tables)?
            .iter()
            .map(|row| expressions.iter().map(|expression| evaluate(expression, row)).collect())
            .collect(),
        Operator::Aggregate { input, groups, aggregates } => {
            aggregate::grouped(&rows(input, tables)?, groups, aggregates)
        }
        Operator::Limit { input, order, limit, offset } => {
            let sorted = sorted(rows(input, tables)?, order)?;
            let skipped = sorted.into_iter().skip(usize::try_from(*offset).unwrap_or(usize::MAX));
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
            Ok(skipped.take(limit).collect())
        }
        Operator::Join { left, right, kind, conditions } => join(
            (&rows(left, tables)?, &rows(right, tables)?),
            (left.columns.len(), right.columns.len()),
            (*kind, conditions),
        ),
        Operator::Union { inputs } => {
            let mut all = Vec::new();
            for input in inputs {
                all.extend(rows(input, tables)?);
            }
            Ok(all)
        }
        Operator::Window { input, calls } => aggregate::windowed(rows(input, tables)?, calls),
    }
}

pub(super) fn all_true(conditions: &[Expression], row: &[Value]) -> Result<bool, Overflow> {
    for condition in conditions {
        if evaluate(condition, row)? != Value::Boolean(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// In the order of the keys; equal rows stay in their order.
fn sorted(rows: Vec<Row>, order: &[SortKey]) -> Result<Vec<Row>, Overflow> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        keyed.push((keys(&row, order)?, row));
    }
    keyed.sort_by(|(a, _), (b, _)| compare_keys(a, b, order));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

pub(super) fn keys(row: &[Value], order: &[SortKey]) -> Result<Row, Overflow> {
    order.iter().map(|key| evaluate(&key.expression, row)).collect()
}

pub(super) fn compare_keys(a: &[Value], b: &[Value], order: &[SortKey]) -> Ordering {
    for ((a, b), key) in a.iter().zip(b).zip(order) {
        let ordering = match (a.is_null(), b.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if key.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if key.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if key.descending => compare(b, a),
            (false, false) => compare(a, b),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}

fn join(
    (left, right): (&[Row], &[Row]),
    (left_width, right_width): (usize, usize),
    (kind, conditions): (JoinKind, &[Expression]),
) -> Result<Vec<Row>, Overflow> {
    let mut joined = Vec::new();
    let mut right_found = vec![false; right.len()];
    for left_row in left {
        let mut left_found = false;
        for (right_row, found) in right.iter().zip(&mut right_found) {
            let pair: Row = left_row.iter().chain(right_row).cloned().collect();
            if !all_true(conditions, &pair)? {
                continue;
            }
            (left_found, *found) = (true, true);
            if !matches!(kind, JoinKind::LeftSemi | JoinKind::LeftAnti) {
                joined.push(pair);
            }
        }
        match kind {
            JoinKind::LeftSemi if left_found => joined.push(left_row.clone()),
            JoinKind::LeftAnti if !left_found => joined.push(left_row.clone()),
            JoinKind::Left | JoinKind::Full if !left_found => {
                joined.push(left_row.iter().cloned().chain(nulls(right_width)).collect());
            }
            JoinKind::Inner
            | JoinKind::Left
            | JoinKind::Right
            | JoinKind::Full
            | JoinKind::LeftSemi
            | JoinKind::LeftAnti => {}
        }
    }
    if matches!(kind, JoinKind::Right | JoinKind::Full) {
        for (row, _) in right.iter().zip(right_found).filter(|(_, found)| !found) {
            joined.push(nulls(left_width).chain(row.iter().cloned()).collect());
        }
    }
    Ok(joined)
}

fn nulls(width: usize) -> impl Iterator<Item = Value> {
    std::iter::repeat_n(Value::Null, width)
}
