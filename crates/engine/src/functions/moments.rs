//! Dates that meet text or a time, as in MySQL (MySQL 8.0 Reference Manual, sections 14.3 and
//! 14.7): text is compared with a date as a moment, and a date moved by hours, minutes or seconds
//! is a moment. DataFusion cuts the time in both.

use super::comparisons::{compared, map_compared};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, Operator, cast, lit};

/// Holds every date of MySQL.
const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);
const DAY_MICROSECONDS: i64 = 86_400_000_000;
/// In a second.
const NANOSECONDS: i64 = 1_000_000_000;

/// A literal without a time is compared as a date still, for which sources can prune.
pub(super) fn meet_text(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let operands = compared(&expr);
    let is = |operand: &Expr, wanted: fn(&DataType) -> bool| {
        operand.get_type(schema).is_ok_and(|found| wanted(&found))
    };
    let has_time = |operand: &&Expr| match literal(operand) {
        Some(text) => moment(text).is_some_and(|moment| moment % DAY_MICROSECONDS != 0),
        None => is(operand, is_text),
    };
    if !operands.iter().any(|operand| is(operand, is_date)) || !operands.iter().any(has_time) {
        return Transformed::no(expr);
    }
    Transformed::yes(map_compared(expr, |operand| match literal(&operand).and_then(moment) {
        Some(moment) => lit(ScalarValue::TimestampMicrosecond(Some(moment), None)),
        None if is(&operand, is_date) || is(&operand, is_text) => cast(operand, MOMENT),
        None => operand,
    }))
}

/// Text and dates that meet a timestamp are timestamps of microseconds. DataFusion 55.2 makes nanoseconds of both
/// sides, which end in 2262. A timestamp that has nanoseconds keeps them.
pub(super) fn meet_timestamp(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let becomes = |found: &DataType| is_date(found) || is_text(found);
    let types = compared(&expr).into_iter().filter_map(|operand| operand.get_type(schema).ok());
    let types: Vec<_> = types.collect();
    let mut zones = Vec::new();
    for found in &types {
        match found {
            DataType::Timestamp(TimeUnit::Nanosecond, _) => return Transformed::no(expr),
            DataType::Timestamp(_, zone) => zones.push(zone.clone()),
            _ => {}
        }
    }
    if zones.is_empty() || !types.iter().any(becomes) {
        return Transformed::no(expr);
    }
    let zone = zones.into_iter().flatten().next();
    let common = DataType::Timestamp(TimeUnit::Microsecond, zone);
    Transformed::yes(map_compared(expr, |operand| match literal(&operand).and_then(moment) {
        Some(moment) if common == MOMENT => {
            lit(ScalarValue::TimestampMicrosecond(Some(moment), None))
        }
        Some(_) | None => match operand.get_type(schema) {
            Ok(found) if becomes(&found) => cast(operand, common.clone()),
            Ok(_) | Err(_) => operand,
        },
    }))
}

fn is_date(found: &DataType) -> bool {
    matches!(found, DataType::Date32 | DataType::Date64)
}

fn is_of_seconds(found: &DataType) -> bool {
    matches!(found, DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None))
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Literal(value, _) => value.try_as_str().flatten(),
        Expr::Cast(Cast { expr, field }) if is_text(field.data_type()) => literal(expr),
        _ => None,
    }
}

/// In microseconds since 1970; `None` of what is neither a date nor a moment.
fn moment(text: &str) -> Option<i64> {
    let text = ScalarValue::from(text);
    let moment = text
        .cast_to(&MOMENT)
        .or_else(|_| text.cast_to(&DataType::Date32).and_then(|date| date.cast_to(&MOMENT)));
    match moment {
        Ok(ScalarValue::TimestampMicrosecond(moment, _)) => moment,
        Ok(_) | Err(_) => None,
    }
}

/// Wall time that meets an instant is of the session's time zone (MySQL 8.0 Reference Manual, section
/// 7.1.15); DataFusion takes it for UTC.
pub(super) fn meet_zone(expr: Expr, schema: &DFSchema, time_zone: &str) -> Transformed<Expr> {
    let zone = |operand: &Expr| match operand.get_type(schema) {
        Ok(DataType::Timestamp(_, zone)) => Some(zone),
        Ok(_) | Err(_) => None,
    };
    let zones: Vec<_> = compared(&expr).into_iter().filter_map(zone).collect();
    if zones.iter().all(Option::is_some) || zones.iter().all(Option::is_none) {
        return Transformed::no(expr);
    }
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(time_zone.into()));
    Transformed::yes(map_compared(expr, |operand| match zone(&operand) {
        Some(None) => cast(operand, instant.clone()),
        Some(Some(_)) | None => operand,
    }))
}

/// `date + INTERVAL 1 HOUR`: of seconds, as in MySQL, unless the interval has a part of one; and a
/// moment of seconds plus a part of one has the part too.
pub(super) fn add_time(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) =
        &expr
    else {
        return Transformed::no(expr);
    };
    let is_date = |operand: &Expr| {
        operand.get_type(schema).is_ok_and(|found| is_date(&found) || is_of_seconds(&found))
    };
    let interval = match (is_date(left), is_date(right)) {
        (true, false) => right,
        (false, true) => left,
        _ => return Transformed::no(expr),
    };
    let to = match nanoseconds(interval) {
        0 => return Transformed::no(expr),
        whole if whole % NANOSECONDS == 0 => DataType::Timestamp(TimeUnit::Second, None),
        _ => MOMENT,
    };
    let moved = |operand: &Expr| match is_date(operand) {
        true => Box::new(cast(operand.clone(), to.clone())),
        false => Box::new(operand.clone()),
    };
    let (left, right) = (moved(left), moved(right));
    Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op: *op, right }))
}

/// The time of an interval; 0 of what has no time, or is not known yet.
fn nanoseconds(interval: &Expr) -> i64 {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _) => interval.nanoseconds,
        Expr::Negative(interval) => nanoseconds(interval),
        _ => 0,
    }
}
