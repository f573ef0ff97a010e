//! Expressions over one row, as `spi`'s documentation has them, and without DataFusion.

use super::relations::Row;
use chrono::{Datelike, NaiveDate, TimeDelta};
use datafusion::arrow::datatypes::DataType;
use mooring_spi::{Error, ErrorKind, Expression, ExpressionKind, Function, Result, Value};
use std::cmp::Ordering;

const DAY_MICROSECONDS: i64 = 86_400_000_000;

pub fn compute(expression: &Expression, row: &[Value]) -> Result<Value> {
    match &expression.kind {
        ExpressionKind::Column(column) => Ok(row[*column].clone()),
        ExpressionKind::Literal(value) => Ok(value.clone()),
        ExpressionKind::Cast(operand) => {
            Ok(cast(compute(operand, row)?, &operand.data_type, &expression.data_type))
        }
        ExpressionKind::Case { branches, otherwise } => {
            for (when, then) in branches {
                if is_true(&compute(when, row)?) {
                    return compute(then, row);
                }
            }
            otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| compute(otherwise, row))
        }
        ExpressionKind::Call { function, arguments } => {
            let values: Row =
                arguments.iter().map(|argument| compute(argument, row)).collect::<Result<_>>()?;
            call(*function, &values, &expression.data_type)
        }
        ExpressionKind::Subquery(_) => panic!("a subquery is worked out before the rows"),
    }
}

pub fn is_true(value: &Value) -> bool {
    *value == Value::Boolean(true)
}

/// The order of two values that are not null.
pub fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => (left + 0.0).total_cmp(&(right + 0.0)),
        (
            Value::Decimal { unscaled: left, scale: left_scale },
            Value::Decimal { unscaled: right, scale: right_scale },
        ) => {
            let scale = *left_scale.max(right_scale);
            rescaled(*left, *left_scale, scale).cmp(&rescaled(*right, *right_scale, scale))
        }
        _ => left.compare(right).unwrap_or_else(|| panic!("{left:?} beside {right:?}")),
    }
}

fn overflow() -> Error {
    Error::new(ErrorKind::InvalidValue, "a number does not fit")
}

fn call(function: Function, values: &[Value], data_type: &DataType) -> Result<Value> {
    let any_null = values.iter().any(Value::is_null);
    let compared = |test: fn(Ordering) -> bool| match values {
        [left, right] if !any_null => Value::Boolean(test(order(left, right))),
        _ => Value::Null,
    };
    Ok(match function {
        Function::Equal => compared(Ordering::is_eq),
        Function::NotEqual => compared(Ordering::is_ne),
        Function::Less => compared(Ordering::is_lt),
        Function::LessOrEqual => compared(Ordering::is_le),
        Function::Greater => compared(Ordering::is_gt),
        Function::GreaterOrEqual => compared(Ordering::is_ge),
        Function::Same => Value::Boolean(match (&values[0], &values[1]) {
            (Value::Null, Value::Null) => true,
            (Value::Null, _) | (_, Value::Null) => false,
            (left, right) => order(left, right).is_eq(),
        }),
        Function::In if any_null => Value::Null,
        Function::In => {
            Value::Boolean(values[1..].iter().any(|value| order(value, &values[0]).is_eq()))
        }
        Function::And => match values.contains(&Value::Boolean(false)) {
            true => Value::Boolean(false),
            false if any_null => Value::Null,
            false => Value::Boolean(true),
        },
        Function::Or => match values.contains(&Value::Boolean(true)) {
            true => Value::Boolean(true),
            false if any_null => Value::Null,
            false => Value::Boolean(false),
        },
        Function::IsNull => Value::Boolean(any_null),
        Function::IsNotNull => Value::Boolean(!any_null),
        Function::Coalesce => {
            values.iter().find(|value| !value.is_null()).cloned().unwrap_or(Value::Null)
        }
        _ if any_null => Value::Null,
        Function::Not => match values[0] {
            Value::Boolean(value) => Value::Boolean(!value),
            ref other => panic!("not {other:?}"),
        },
        Function::Add | Function::Subtract | Function::Multiply => {
            arithmetic(function, &values[0], &values[1], data_type)?
        }
        Function::Negate => match values[0] {
            Value::Float(value) => Value::Float(-value),
            Value::Decimal { unscaled, scale } => Value::Decimal { unscaled: -unscaled, scale },
            ref other => panic!("minus {other:?}"),
        },
        Function::Absolute => match values[0] {
            Value::Int(value) => Value::Int(value.checked_abs().ok_or_else(overflow)?),
            Value::Float(value) => Value::Float(value.abs()),
            Value::Decimal { unscaled, scale } => {
                Value::Decimal { unscaled: unscaled.abs(), scale }
            }
            ref other => panic!("the absolute of {other:?}"),
        },
        Function::Like => Value::Boolean(like(text(&values[0]), text(&values[1]))),
        Function::CharacterLength => Value::Int(text(&values[0]).chars().count() as i64),
        Function::Substring => {
            let place = |value: &Value| match value {
                Value::Int(place @ 1..) => *place as usize,
                other => panic!("a substring at {other:?}"),
            };
            let number = values.get(2).map_or(usize::MAX, place);
            let skipped = text(&values[0]).chars().skip(place(&values[1]) - 1);
            Value::Text(skipped.take(number).collect())
        }
        Function::Concat => Value::Text(values.iter().map(text).collect()),
        Function::Year => Value::Int(date(&values[0]).year().into()),
        Function::Month => Value::Int(date(&values[0]).month().into()),
        Function::Day => Value::Int(date(&values[0]).day().into()),
    })
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn date(value: &Value) -> NaiveDate {
    let days = match value {
        Value::Date(days) => i64::from(*days),
        Value::Timestamp(microseconds) => microseconds.div_euclid(DAY_MICROSECONDS),
        other => panic!("{other:?} is no moment"),
    };
    NaiveDate::default() + TimeDelta::days(days)
}

fn scale_of(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) => *scale,
        other => panic!("{other} is no decimal"),
    }
}

fn rescaled(unscaled: i128, scale: i8, wanted: i8) -> i128 {
    assert!(wanted >= scale, "digits are cut");
    unscaled * 10_i128.pow((wanted - scale) as u32)
}

fn arithmetic(
    function: Function,
    left: &Value,
    right: &Value,
    data_type: &DataType,
) -> Result<Value> {
    Ok(match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let result = match function {
                Function::Add => left.checked_add(*right),
                Function::Subtract => left.checked_sub(*right),
                _ => left.checked_mul(*right),
            };
            Value::Int(result.ok_or_else(overflow)?)
        }
        (Value::Float(left), Value::Float(right)) => Value::Float(match function {
            Function::Add => left + right,
            Function::Subtract => left - right,
            _ => left * right,
        }),
        (
            Value::Decimal { unscaled: left, scale: left_scale },
            Value::Decimal { unscaled: right, scale: right_scale },
        ) => {
            let scale = scale_of(data_type);
            let (left_wide, right_wide) =
                (|| rescaled(*left, *left_scale, scale), || rescaled(*right, *right_scale, scale));
            let unscaled = match function {
                Function::Add => left_wide() + right_wide(),
                Function::Subtract => left_wide() - right_wide(),
                _ => rescaled(left * right, left_scale + right_scale, scale),
            };
            Value::Decimal { unscaled, scale }
        }
        other => panic!("{function:?} of {other:?}"),
    })
}

fn cast(value: Value, from: &DataType, to: &DataType) -> Value {
    match (value, to) {
        (Value::Null, _) => Value::Null,
        (Value::Int(value), DataType::Decimal128(_, scale)) => {
            Value::Decimal { unscaled: rescaled(value.into(), 0, *scale), scale: *scale }
        }
        (Value::Int(value), DataType::Float64) => Value::Float(value as f64),
        (Value::Int(value), DataType::Utf8) => Value::Text(value.to_string()),
        (Value::Int(value), to) if to.is_signed_integer() => Value::Int(value),
        (Value::Decimal { unscaled, scale }, DataType::Decimal128(_, wanted)) => {
            Value::Decimal { unscaled: rescaled(unscaled, scale, *wanted), scale: *wanted }
        }
        (Value::Date(days), DataType::Timestamp(..)) => {
            Value::Timestamp(i64::from(days) * DAY_MICROSECONDS)
        }
        (value, to) => panic!("a cast of {value:?} from {from} to {to}"),
    }
}

fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let ends = text.char_indices().map(|(start, _)| start).chain([text.len()]);
            ends.into_iter().any(|start| like(&text[start..], rest.as_str()))
        }
        Some(wanted) => {
            let literal = if wanted == '\\' { rest.next() } else { None };
            let mut characters = text.chars();
            match characters.next() {
                None => false,
                Some(character) => {
                    let matches = match literal {
                        Some(literal) => character == literal,
                        None => wanted == '_' || character == wanted,
                    };
                    matches && like(characters.as_str(), rest.as_str())
                }
            }
        }
    }
}

#[test]
fn patterns_match_as_in_the_standard() {
    for (text, pattern, matches) in [
        ("größe", "gr__e", true),
        ("größe", "%ö%", true),
        ("", "%", true),
        ("", "_", false),
        ("a%b", r"a\%b", true),
        ("axb", r"a\%b", false),
        ("X", "x", false),
    ] {
        assert_eq!(like(text, pattern), matches, "{text} LIKE {pattern}");
    }
}
