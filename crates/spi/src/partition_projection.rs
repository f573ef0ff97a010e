//! Partitions that follow from their table's definition, where others are listed: what Athena calls
//! partition projection.
//!
//! Source: Amazon Athena User Guide, "Use partition projection with Amazon Athena".

use serde::{Deserialize, Serialize};

/// Which partitions a table has, and where they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartitionProjection {
    /// One per partition column, in the table's order. Every combination of their values is a partition,
    /// whether its folder is there or not.
    pub columns: Vec<ColumnProjection>,
    /// Written after each other they are a partition's location, as Hadoop writes one.
    pub location: Vec<LocationPart>,
}

/// A number is a column's place among the partition columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LocationPart {
    Text(String),
    /// The column's value as it stands in locations.
    Value(usize),
    /// The same, escaped as in the names of Hive's folders.
    EscapedValue(usize),
}

/// The values of a partition column.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ColumnProjection {
    /// Those that these texts stand for. None of them is empty, and none is there twice.
    Enumerated(Vec<String>),
    Integers(IntegerProjection),
    Dates(DateProjection),
    /// Those that a query asks for.
    Injected,
}

/// `min`, and on in steps of `interval` up to `max`, which is one of them if a step ends there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct IntegerProjection {
    pub min: i64,
    pub max: i64,
    /// At least 1.
    pub interval: u64,
    /// How many characters a value has at least; zeros stand before it.
    pub digits: Option<usize>,
}

/// The same of dates and times, in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DateProjection {
    pub min: DateBound,
    pub max: DateBound,
    /// A pattern of Java's `DateTimeFormatter`; how values stand in locations.
    pub format: String,
    /// At least 1.
    pub interval: u32,
    pub unit: CalendarUnit,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum DateBound {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    At(i64),
    /// The time of the query, moved by each of these.
    Now(Vec<(i32, CalendarUnit)>),
}

/// The finer the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CalendarUnit {
    Years,
    Months,
    Weeks,
    Days,
    Hours,
    Minutes,
    Seconds,
}
