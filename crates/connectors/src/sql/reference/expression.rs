//! Expressions over one row.

use super::{Overflow, pattern};
use crate::sql::calendar::civil;
use arrow::datatypes::DataType;
use mooring_spi::{Expression, ExpressionKind, Function, Value};
use std::cmp::Ordering;

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

pub(in super::super) fn evaluate(
    expression: &Expression,
    row: &[Value],
) -> Result<Value, Overflow> {
    match &expression.kind {
        ExpressionKind::Column(at) => Ok(row[*at].clone()),
        ExpressionKind::Literal(value) => Ok(value.clone()),
        ExpressionKind::Cast(input) => cast(evaluate(input, row)?, &expression.data_type),
        ExpressionKind::Case { branches, otherwise } => {
            for (condition, result) in branches {
                if evaluate(condition, row)? == Value::Boolean(true) {
                    return evaluate(result, row);
                }
            }
            otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| evaluate(otherwise, row))
        }
        ExpressionKind::Call { function, arguments } => {
            let values: Vec<Value> = arguments
                .iter()
                .map(|argument| evaluate(argument, row))
                .collect::<Result<_, _>>()?;
            call(*function, &values, &expression.data_type)
        }
        ExpressionKind::Subquery(_) => panic!("a subquery is worked out before the rows"),
    }
}

/// Of two values of one type that are not null.
pub(in super::super) fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => match (a.is_nan(), b.is_nan()) {
            (false, false) => a.partial_cmp(b).expect("numbers compare"),
            (a, b) => a.cmp(&b),
        },
        (
            Value::Decimal { unscaled: a, scale: a_scale },
            Value::Decimal { unscaled: b, scale: b_scale },
        ) => {
            let scale = *a_scale.max(b_scale);
            // Before the point, and behind it: both at once might have too many digits.
            let parts = |unscaled: i128, from: i8| {
                let one = power(from);
                (unscaled.div_euclid(one), unscaled.rem_euclid(one) * power(scale - from))
            };
            parts(*a, *a_scale).cmp(&parts(*b, *b_scale))
        }
        (a, b) => a.compare(b).unwrap_or_else(|| panic!("{a:?} beside {b:?}")),
    }
}

fn call(function: Function, values: &[Value], data_type: &DataType) -> Result<Value, Overflow> {
    let truth = |is: bool| Ok(Value::Boolean(is));
    match function {
        Function::And => return Ok(all(values, false)),
        Function::Or => return Ok(all(values, true)),
        Function::IsNull => return truth(values[0].is_null()),
        Function::IsNotNull => return truth(!values[0].is_null()),
        Function::Same => {
            return truth(match (values[0].is_null(), values[1].is_null()) {
                (false, false) => compare(&values[0], &values[1]) == Ordering::Equal,
                (a, b) => a == b,
            });
        }
        Function::Coalesce => {
            return Ok(values
                .iter()
                .find(|value| !value.is_null())
                .cloned()
                .unwrap_or(Value::Null));
        }
        Function::In => {
            let equal: Vec<Value> = values[1..]
                .iter()
                .map(|other| call(Function::Equal, &[values[0].clone(), other.clone()], data_type))
                .collect::<Result<_, _>>()?;
            return Ok(all(&equal, true));
        }
        _ => {}
    }
    if values.iter().any(Value::is_null) {
        return Ok(Value::Null);
    }
    match function {
        Function::Equal => truth(compare(&values[0], &values[1]) == Ordering::Equal),
        Function::NotEqual => truth(compare(&values[0], &values[1]) != Ordering::Equal),
        Function::Less => truth(compare(&values[0], &values[1]) == Ordering::Less),
        Function::LessOrEqual => truth(compare(&values[0], &values[1]) != Ordering::Greater),
        Function::Greater => truth(compare(&values[0], &values[1]) == Ordering::Greater),
        Function::GreaterOrEqual => truth(compare(&values[0], &values[1]) != Ordering::Less),
        Function::Not => truth(values[0] == Value::Boolean(false)),
        Function::Add | Function::Subtract | Function::Multiply => {
            arithmetic(function, (&values[0], &values[1]), data_type)
        }
        Function::Negate | Function::Absolute => sign(function, &values[0]),
        Function::Like => truth(pattern::matches(text(&values[0]), text(&values[1]))),
        Function::CharacterLength => {
            Ok(Value::Int(i64::try_from(text(&values[0]).chars().count()).expect("short")))
        }
        Function::Substring => {
            let number = |value: &Value| match value {
                Value::Int(number) => usize::try_from(*number).expect("1 and more"),
                other => panic!("{other:?} is no place"),
            };
            let characters = text(&values[0]).chars().skip(number(&values[1]) - 1);
            Ok(Value::Text(match values.get(2) {
                Some(most) => characters.take(number(most)).collect(),
                None => characters.collect(),
            }))
        }
        Function::Concat => Ok(Value::Text(values.iter().map(text).collect())),
        Function::Year | Function::Month | Function::Day => {
            let (year, month, day) = civil(days(&values[0]));
            Ok(Value::Int(match function {
                Function::Year => year,
                Function::Month => month,
                _ => day,
            }))
        }
        other => panic!("{other:?} is worked out above"),
    }
}

/// `AND` where `decisive` is false, `OR` where it is true.
fn all(values: &[Value], decisive: bool) -> Value {
    if values.contains(&Value::Boolean(decisive)) {
        Value::Boolean(decisive)
    } else if values.contains(&Value::Null) {
        Value::Null
    } else {
        Value::Boolean(!decisive)
    }
}

fn arithmetic(
    function: Function,
    (a, b): (&Value, &Value),
    data_type: &DataType,
) -> Result<Value, Overflow> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => {
            let result = match function {
                Function::Add => a.checked_add(*b),
                Function::Subtract => a.checked_sub(*b),
                _ => a.checked_mul(*b),
            };
            result.map(Value::Int).ok_or(Overflow)
        }
        (
            Value::Decimal { unscaled: a, scale: a_scale },
            Value::Decimal { unscaled: b, scale: b_scale },
        ) => {
            let scale = *a_scale.max(b_scale);
            let scaled = |unscaled: &i128, from: i8| unscaled.checked_mul(power(scale - from));
            let result = match function {
                Function::Multiply => a.checked_mul(*b),
                Function::Add => {
                    scaled(a, *a_scale).and_then(|a| a.checked_add(scaled(b, *b_scale)?))
                }
                _ => scaled(a, *a_scale).and_then(|a| a.checked_sub(scaled(b, *b_scale)?)),
            };
            fitted(result.ok_or(Overflow)?, data_type)
        }
        (a, b) => panic!("arithmetic of {a:?} and {b:?}"),
    }
}

fn sign(function: Function, value: &Value) -> Result<Value, Overflow> {
    let negate = function == Function::Negate;
    match value {
        Value::Int(number) => {
            let result = if negate { number.checked_neg() } else { number.checked_abs() };
            result.map(Value::Int).ok_or(Overflow)
        }
        Value::Decimal { unscaled, scale } => {
            let unscaled = if negate { -unscaled } else { unscaled.abs() };
            Ok(Value::Decimal { unscaled, scale: *scale })
        }
        Value::Float(number) => Ok(Value::Float(if negate { -number } else { number.abs() })),
        other => panic!("the sign of {other:?}"),
    }
}

fn cast(value: Value, to: &DataType) -> Result<Value, Overflow> {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Int(number), DataType::Int32) => {
            i32::try_from(number).map(|_| Value::Int(number)).map_err(|_| Overflow)
        }
        (Value::Int(number), DataType::Int64) => Ok(Value::Int(number)),
        (Value::UInt(number), DataType::Int64) => {
            i64::try_from(number).map(Value::Int).map_err(|_| Overflow)
        }
        #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is meant")]
        (Value::Int(number), DataType::Float64) => Ok(Value::Float(number as f64)),
        (Value::Int(number), DataType::Utf8) => Ok(Value::Text(number.to_string())),
        (Value::Int(number), DataType::Decimal128(_, scale)) => {
            let unscaled = i128::from(number).checked_mul(power(*scale)).ok_or(Overflow)?;
            fitted(unscaled, to)
        }
        (Value::Decimal { unscaled, scale }, DataType::Decimal128(_, to_scale)) => {
            fitted(unscaled.checked_mul(power(to_scale - scale)).ok_or(Overflow)?, to)
        }
        (Value::Date(days), DataType::Timestamp(..)) => {
            i64::from(days).checked_mul(MICROSECONDS_PER_DAY).map(Value::Timestamp).ok_or(Overflow)
        }
        (value, to) => panic!("{value:?} as {to}"),
    }
}

/// A decimal of so many digits.
pub(super) fn fitted(unscaled: i128, data_type: &DataType) -> Result<Value, Overflow> {
    let DataType::Decimal128(precision, scale) = data_type else {
        panic!("{data_type} is no decimal");
    };
    let limit = 10u128.pow(u32::from(*precision));
    if unscaled.unsigned_abs() >= limit {
        return Err(Overflow);
    }
    Ok(Value::Decimal { unscaled, scale: *scale })
}

fn power(exponent: i8) -> i128 {
    10i128.pow(u32::try_from(exponent).expect("no digit is lost"))
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn days(value: &Value) -> i32 {
    match value {
        Value::Date(days) => *days,
        Value::Timestamp(microseconds) => {
            i32::try_from(microseconds.div_euclid(MICROSECONDS_PER_DAY)).expect("a day")
        }
        other => panic!("{other:?} has no day"),
    }
}
