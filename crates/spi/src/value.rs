//! A single value as it stands in predicates, partition values and statistics.

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// One value of a column. Values of different variants do not compare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Boolean(bool),
    /// Every signed integer width.
    Int(i64),
    /// Every unsigned integer width.
    UInt(u64),
    Float(f64),
    /// `unscaled * 10^-scale`.
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    Text(String),
    Binary(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01 00:00:00, wall time or UTC as the column's type says.
    Timestamp(i64),
}

impl Value {
    /// The order of two values of one type; `None` for nulls, NaN and values of different types.
    /// Text compares by its bytes.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (
                Value::Decimal { unscaled: a, scale: scale_a },
                Value::Decimal { unscaled: b, scale: scale_b },
            ) if scale_a == scale_b => Some(a.cmp(b)),
            (Value::Text(a), Value::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Value::Binary(a), Value::Binary(b)) => Some(a.cmp(b)),
            (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
            (Value::Timestamp(a), Value::Timestamp(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }
}
