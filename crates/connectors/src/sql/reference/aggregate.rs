//! Groups, aggregates and windows.

use super::expression::{evaluate, fitted, order_of};
use super::{Overflow, Row, compare_keys, keys};
use mooring_spi::{Aggregate, AggregateFunction, Expression, Value, WindowCall, WindowFunction};
use std::cmp::Ordering;

pub(super) fn grouped(
    rows: &[Row],
    groups: &[Expression],
    aggregates: &[Aggregate],
) -> Result<Vec<Row>, Overflow> {
    let mut members: Vec<(Row, Vec<&Row>)> = Vec::new();
    if groups.is_empty() {
        members.push((Vec::new(), Vec::new()));
    }
    for row in rows {
        let key: Row = groups.iter().map(|group| evaluate(group, row)).collect::<Result<_, _>>()?;
        match members.iter_mut().find(|(other, _)| *other == key) {
            Some((_, rows)) => rows.push(row),
            None => members.push((key, vec![row])),
        }
    }
    let mut results = Vec::with_capacity(members.len());
    for (mut key, rows) in members {
        for call in aggregates {
            key.push(aggregate(call, &rows)?);
        }
        results.push(key);
    }
    Ok(results)
}

fn aggregate(call: &Aggregate, rows: &[&Row]) -> Result<Value, Overflow> {
    let mut values: Vec<Value> = Vec::new();
    for row in rows {
        if let Some(filter) = &call.filter
            && evaluate(filter, row)? != Value::Boolean(true)
        {
            continue;
        }
        let value = match &call.argument {
            None => Value::Boolean(true),
            Some(argument) => evaluate(argument, row)?,
        };
        let is_repeated = call.distinct && values.contains(&value);
        if !value.is_null() && !is_repeated {
            values.push(value);
        }
    }
    match call.function {
        AggregateFunction::Count => Ok(Value::Int(i64::try_from(values.len()).expect("few"))),
        AggregateFunction::Min => Ok(values.into_iter().min_by(order_of).unwrap_or(Value::Null)),
        AggregateFunction::Max => Ok(values.into_iter().max_by(order_of).unwrap_or(Value::Null)),
        AggregateFunction::Sum if values.is_empty() => Ok(Value::Null),
        AggregateFunction::Sum => {
            let mut sum = 0i128;
            for value in values {
                let Value::Decimal { unscaled, .. } = value else { panic!("a sum of {value:?}") };
                sum = sum.checked_add(unscaled).ok_or(Overflow)?;
            }
            fitted(sum, &call.data_type)
        }
    }
}

pub(super) fn windowed(rows: Vec<Row>, calls: &[WindowCall]) -> Result<Vec<Row>, Overflow> {
    let mut results = rows.clone();
    for call in calls {
        for (at, value) in window_values(&rows, call)?.into_iter().enumerate() {
            results[at].push(value);
        }
    }
    Ok(results)
}

fn window_values(rows: &[Row], call: &WindowCall) -> Result<Vec<Value>, Overflow> {
    let mut places: Vec<(Row, Row)> = Vec::with_capacity(rows.len());
    for row in rows {
        let partition: Result<Row, Overflow> =
            call.partition_by.iter().map(|expression| evaluate(expression, row)).collect();
        places.push((partition?, keys(row, &call.order_by)?));
    }
    let mut values = Vec::with_capacity(rows.len());
    for (at, (partition, own_keys)) in places.iter().enumerate() {
        let (mut before, mut peers_before) = (Vec::new(), 0);
        let mut up_to_peers: Vec<&Row> = Vec::new();
        for (other_at, (other_partition, other_keys)) in places.iter().enumerate() {
            if other_partition != partition {
                continue;
            }
            let ordering = compare_keys(other_keys, own_keys, &call.order_by);
            if ordering == Ordering::Less {
                before.push(other_keys);
            } else if ordering == Ordering::Equal && other_at < at {
                peers_before += 1;
            }
            if ordering != Ordering::Greater {
                up_to_peers.push(&rows[other_at]);
            }
        }
        values.push(match &call.function {
            WindowFunction::RowNumber => number(before.len() + peers_before + 1, call),
            WindowFunction::Rank => number(before.len() + 1, call),
            WindowFunction::DenseRank => {
                before.sort_by(|a, b| compare_keys(a, b, &call.order_by));
                before.dedup_by(|a, b| compare_keys(a, b, &call.order_by) == Ordering::Equal);
                number(before.len() + 1, call)
            }
            WindowFunction::Aggregate(function) => aggregate(function, &up_to_peers)?,
        });
    }
    Ok(values)
}

fn number(number: usize, call: &WindowCall) -> Value {
    let number = u64::try_from(number).expect("few");
    if call.data_type == arrow::datatypes::DataType::UInt64 {
        Value::UInt(number)
    } else {
        Value::Int(i64::try_from(number).expect("few"))
    }
}
