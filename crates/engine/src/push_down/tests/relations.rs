//! Relations over rows in memory, as `spi`'s documentation has them, and without DataFusion. Where it leaves open
//! which rows there are, or in which order, it is others than DataFusion's.

use super::compute::{compute, is_true, order};
use datafusion::arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, AggregateFunction, Error, ErrorKind, Expression, JoinKind, Operator, Relation,
    Result, SortKey, Table, Value, WindowCall, WindowFunction,
};
use std::cmp::Ordering;

pub type Row = Vec<Value>;

/// Pairs of rows that one operator may look at: it looks at all, and joins of joins have many.
const PAIRS_MAX: usize = 2_000_000;

fn in_bounds(left: usize, right: usize) -> Result<()> {
    match left.saturating_mul(right) <= PAIRS_MAX {
        true => Ok(()),
        false => Err(Error::new(ErrorKind::LimitExceeded, "too many rows for a test")),
    }
}

pub fn rows_of(relation: &Relation, tables: &dyn Fn(&Table) -> Vec<Row>) -> Result<Vec<Row>> {
    let mut value_of = |subquery: &Relation| {
        let mut rows = rows_of(subquery, tables)?;
        assert!(rows.len() <= 1, "{} rows of {subquery:?}", rows.len());
        Ok::<_, Error>(rows.pop().map_or(Value::Null, |row| row[0].clone()))
    };
    let mut with_values = relation.clone();
    for expression in with_values.expressions_mut() {
        expression.replace_subqueries(&mut value_of)?;
    }
    rows_with_values(&with_values, tables)
}

/// Of a relation whose outermost operator has no subqueries.
fn rows_with_values(relation: &Relation, tables: &dyn Fn(&Table) -> Vec<Row>) -> Result<Vec<Row>> {
    let mut rows = match &relation.operator {
        Operator::Scan { table, projection } => {
            let pick = |row: Row| projection.iter().map(|column| row[*column].clone()).collect();
            tables(table).into_iter().map(pick).collect()
        }
        Operator::Filter { input, conditions } => {
            let mut kept = Vec::new();
            for row in rows_of(input, tables)? {
                if all_true(conditions, &row)? {
                    kept.push(row);
                }
            }
            kept
        }
        Operator::Project { input, expressions } => rows_of(input, tables)?
            .iter()
            .map(|row| values(expressions, row))
            .collect::<Result<Vec<Row>>>()?,
        Operator::Aggregate { input, groups, aggregates } => {
            aggregated(rows_of(input, tables)?, groups, aggregates)?
        }
        Operator::Limit { input, order, limit, offset } => {
            let rows = rows_of(input, tables)?;
            let mut rows = sorted(rows, order)?;
            if order.is_empty() {
                // Any rows: the last ones.
                rows.reverse();
            }
            let limit = limit.map_or(usize::MAX, |limit| limit as usize);
            rows.into_iter().skip(*offset as usize).take(limit).collect()
        }
        Operator::Join { left, right, kind, conditions } => {
            let (left_rows, right_rows) = (rows_of(left, tables)?, rows_of(right, tables)?);
            let (left_width, right_width) = (left.columns.len(), right.columns.len());
            joined(left_rows, right_rows, (left_width, right_width), *kind, conditions)?
        }
        Operator::Union { inputs } => {
            let mut all = Vec::new();
            for input in inputs {
                all.extend(rows_of(input, tables)?);
            }
            all
        }
        Operator::Window { input, calls } => windows(rows_of(input, tables)?, calls)?,
    };
    // A relation has no order.
    let half = rows.len() / 2;
    rows.rotate_left(half);
    assert!(rows.iter().all(|row| row.len() == relation.columns.len()), "{relation:?}");
    for row in &rows {
        for (value, column) in row.iter().zip(&relation.columns) {
            assert!(column.nullable || !value.is_null(), "null in {relation:?}");
        }
    }
    Ok(rows)
}

fn values(expressions: &[Expression], row: &[Value]) -> Result<Row> {
    expressions.iter().map(|expression| compute(expression, row)).collect()
}

fn all_true(conditions: &[Expression], row: &[Value]) -> Result<bool> {
    for condition in conditions {
        if !is_true(&compute(condition, row)?) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Nulls are one value.
fn same(left: &[Value], right: &[Value]) -> bool {
    left.iter().zip(right).all(|pair| match pair {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (left, right) => order(left, right).is_eq(),
    })
}

fn compare(keys: &[SortKey], left: &[Value], right: &[Value]) -> Ordering {
    for (index, key) in keys.iter().enumerate() {
        let compared = match (&left[index], &right[index]) {
            (Value::Null, Value::Null) => Ordering::Equal,
            (Value::Null, _) if key.nulls_first => Ordering::Less,
            (Value::Null, _) => Ordering::Greater,
            (_, Value::Null) if key.nulls_first => Ordering::Greater,
            (_, Value::Null) => Ordering::Less,
            (left, right) if key.descending => order(right, left),
            (left, right) => order(left, right),
        };
        if compared != Ordering::Equal {
            return compared;
        }
    }
    Ordering::Equal
}

fn key_values(keys: &[SortKey], row: &[Value]) -> Result<Row> {
    keys.iter().map(|key| compute(&key.expression, row)).collect()
}

fn sorted(rows: Vec<Row>, keys: &[SortKey]) -> Result<Vec<Row>> {
    let mut keyed = Vec::with_capacity(rows.len());
    for row in rows {
        keyed.push((key_values(keys, &row)?, row));
    }
    keyed.sort_by(|(left, _), (right, _)| compare(keys, left, right));
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}

fn aggregated(rows: Vec<Row>, groups: &[Expression], aggregates: &[Aggregate]) -> Result<Vec<Row>> {
    in_bounds(rows.len(), rows.len())?;
    let mut found: Vec<(Row, Vec<Row>)> = Vec::new();
    if groups.is_empty() {
        found.push((Vec::new(), Vec::new()));
    }
    for row in rows {
        let key = values(groups, &row)?;
        match found.iter_mut().find(|(known, _)| same(known, &key)) {
            Some((_, members)) => members.push(row),
            None => found.push((key, vec![row])),
        }
    }
    let mut answer = Vec::with_capacity(found.len());
    for (mut key, members) in found {
        for aggregate in aggregates {
            key.push(one_value(aggregate, &members)?);
        }
        answer.push(key);
    }
    Ok(answer)
}

fn one_value(aggregate: &Aggregate, rows: &[Row]) -> Result<Value> {
    let mut taken: Vec<Value> = Vec::new();
    for row in rows {
        let takes_part = match &aggregate.filter {
            Some(filter) => is_true(&compute(filter, row)?),
            None => true,
        };
        let value = match &aggregate.argument {
            Some(argument) => compute(argument, row)?,
            None => Value::Boolean(true),
        };
        let known = |value: &Value| taken.iter().any(|other| order(other, value).is_eq());
        if takes_part && !value.is_null() && !(aggregate.distinct && known(&value)) {
            taken.push(value);
        }
    }
    Ok(match aggregate.function {
        AggregateFunction::Count => Value::Int(taken.len() as i64),
        AggregateFunction::Min => taken.into_iter().min_by(order).unwrap_or(Value::Null),
        AggregateFunction::Max => taken.into_iter().max_by(order).unwrap_or(Value::Null),
        AggregateFunction::Sum if taken.is_empty() => Value::Null,
        AggregateFunction::Sum => sum(&taken, &aggregate.data_type)?,
    })
}

fn sum(values: &[Value], data_type: &DataType) -> Result<Value> {
    let DataType::Decimal128(precision, scale) = data_type else {
        panic!("a sum of {data_type}");
    };
    let mut total = 0_i128;
    for value in values {
        match value {
            Value::Decimal { unscaled, scale: found } if found == scale => total += unscaled,
            other => panic!("a sum of {other:?} with {scale} digits"),
        }
    }
    match total.abs() < 10_i128.pow(u32::from(*precision)) {
        true => Ok(Value::Decimal { unscaled: total, scale: *scale }),
        false => Err(Error::new(ErrorKind::InvalidValue, "a sum does not fit")),
    }
}

fn joined(
    left: Vec<Row>,
    right: Vec<Row>,
    (left_width, right_width): (usize, usize),
    kind: JoinKind,
    conditions: &[Expression],
) -> Result<Vec<Row>> {
    in_bounds(left.len(), right.len())?;
    let nulls = |width: usize| vec![Value::Null; width];
    let mut answer = Vec::new();
    let mut right_matched = vec![false; right.len()];
    for left_row in &left {
        let mut matched = false;
        for (index, right_row) in right.iter().enumerate() {
            let pair: Row = left_row.iter().chain(right_row).cloned().collect();
            if all_true(conditions, &pair)? {
                matched = true;
                right_matched[index] = true;
                match kind {
                    JoinKind::LeftSemi | JoinKind::LeftAnti => {}
                    JoinKind::Inner | JoinKind::Left | JoinKind::Right | JoinKind::Full => {
                        answer.push(pair);
                    }
                }
            }
        }
        match kind {
            JoinKind::LeftSemi if matched => answer.push(left_row.clone()),
            JoinKind::LeftAnti if !matched => answer.push(left_row.clone()),
            JoinKind::Left | JoinKind::Full if !matched => {
                answer.push(left_row.iter().cloned().chain(nulls(right_width)).collect());
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
        for (row, matched) in right.into_iter().zip(right_matched) {
            if !matched {
                answer.push(nulls(left_width).into_iter().chain(row).collect());
            }
        }
    }
    Ok(answer)
}

fn windows(rows: Vec<Row>, calls: &[WindowCall]) -> Result<Vec<Row>> {
    in_bounds(rows.len(), rows.len())?;
    let mut answer = rows.clone();
    for call in calls {
        for (place, row) in rows.iter().enumerate() {
            answer[place].push(over_window(call, row, place, &rows)?);
        }
    }
    Ok(answer)
}

fn over_window(call: &WindowCall, row: &Row, place: usize, rows: &[Row]) -> Result<Value> {
    let partition = values(&call.partition_by, row)?;
    let key = key_values(&call.order_by, row)?;
    let mut before: Vec<Row> = Vec::new();
    let mut peers_before = 0;
    let mut up_to_peers = Vec::new();
    for (other_place, other) in rows.iter().enumerate() {
        if !same(&values(&call.partition_by, other)?, &partition) {
            continue;
        }
        let other_key = key_values(&call.order_by, other)?;
        match compare(&call.order_by, &other_key, &key) {
            Ordering::Less => {
                before.push(other_key);
                up_to_peers.push(other.clone());
            }
            Ordering::Equal => {
                peers_before += usize::from(other_place < place);
                up_to_peers.push(other.clone());
            }
            Ordering::Greater => {}
        }
    }
    Ok(match &call.function {
        WindowFunction::RowNumber => number(before.len() + peers_before + 1, &call.data_type),
        WindowFunction::Rank => number(before.len() + 1, &call.data_type),
        WindowFunction::DenseRank => {
            let mut different: Vec<Row> = Vec::new();
            for key in before {
                if !different.iter().any(|known| same(known, &key)) {
                    different.push(key);
                }
            }
            number(different.len() + 1, &call.data_type)
        }
        WindowFunction::Aggregate(aggregate) => one_value(aggregate, &up_to_peers)?,
    })
}

fn number(number: usize, data_type: &DataType) -> Value {
    match data_type.is_unsigned_integer() {
        true => Value::UInt(number as u64),
        false => Value::Int(number as i64),
    }
}
