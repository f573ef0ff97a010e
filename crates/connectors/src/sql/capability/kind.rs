//! Types as far as push-down tells them apart.

use arrow::datatypes::{DataType, TimeUnit};
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Of what has no value: an operator, `count(*)`.
    Rows,
    Boolean,
    /// `Int8`, `Int16` and `Int32`: compared and cast; arithmetic is of `Int64`.
    SmallInteger,
    Integer,
    Unsigned,
    /// `Float32`.
    SmallFloat,
    Float,
    Decimal,
    Text,
    Binary,
    Date,
    /// Wall time.
    Timestamp,
    /// A timestamp with a zone.
    Instant,
    /// Types that cross as a whole only, and columns with which the database does something else than the engine.
    Other,
}

/// What several tables say something of.
pub(super) const ROWS: &[Kind] = &[Kind::Rows];
pub(super) const ANY: &[Kind] = &[
    Kind::Boolean,
    Kind::SmallInteger,
    Kind::Integer,
    Kind::Unsigned,
    Kind::SmallFloat,
    Kind::Float,
    Kind::Decimal,
    Kind::Text,
    Kind::Binary,
    Kind::Date,
    Kind::Timestamp,
    Kind::Instant,
    Kind::Other,
];
pub(super) const INTEGERS: &[Kind] = &[Kind::SmallInteger, Kind::Integer];
pub(super) const CALENDAR: &[Kind] = &[Kind::Date, Kind::Timestamp];

impl Kind {
    pub fn of(data_type: &DataType) -> Kind {
        match data_type {
            DataType::Boolean => Kind::Boolean,
            DataType::Int8 | DataType::Int16 | DataType::Int32 => Kind::SmallInteger,
            DataType::Int64 => Kind::Integer,
            DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => {
                Kind::Unsigned
            }
            DataType::Float32 => Kind::SmallFloat,
            DataType::Float64 => Kind::Float,
            DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if *scale >= 0 => {
                Kind::Decimal
            }
            DataType::Utf8 => Kind::Text,
            DataType::Binary => Kind::Binary,
            DataType::Date32 => Kind::Date,
            DataType::Timestamp(TimeUnit::Microsecond, None) => Kind::Timestamp,
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Kind::Instant,
            _ => Kind::Other,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Rows => "rows",
            Kind::Boolean => "boolean",
            Kind::SmallInteger => "smaller integers",
            Kind::Integer => "bigint",
            Kind::Unsigned => "unsigned",
            Kind::SmallFloat => "real",
            Kind::Float => "double",
            Kind::Decimal => "decimal",
            Kind::Text => "text",
            Kind::Binary => "binary",
            Kind::Date => "date",
            Kind::Timestamp => "timestamp",
            Kind::Instant => "timestamp with zone",
            Kind::Other => "other types",
        })
    }
}
