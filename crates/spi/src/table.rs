//! A table as a query sees it: pinned to one snapshot when the query's names are resolved.

use crate::{SchemaTable, Value, ViewDefinition};
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Key of a column's metadata: what rows have where their file, one of Avro, lacks the column; text that is
/// cast to the column's type. Without it they have null.
pub const MISSING_VALUE: &str = "missing_value";

/// What a name in a schema stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TableKind {
    Table,
    View,
    System,
}

/// A line of a table listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSummary {
    pub name: String,
    pub kind: TableKind,
}

/// A number that is known exactly or by estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum Count {
    Exact(u64),
    Estimate(u64),
    #[default]
    Unknown,
}

impl Count {
    fn estimated(self) -> Self {
        match self {
            Count::Exact(number) | Count::Estimate(number) => Count::Estimate(number),
            Count::Unknown => Count::Unknown,
        }
    }
}

/// What is known of one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ColumnStatistics {
    pub nulls: Count,
    pub distinct: Count,
    pub min: Option<Value>,
    pub max: Option<Value>,
}

/// What is known of a table, for the planner. `columns` is empty or has one entry per column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct TableStatistics {
    pub rows: Count,
    pub bytes: Count,
    pub columns: Vec<ColumnStatistics>,
}

impl TableStatistics {
    /// The same with every number an estimate, for it comes from somebody who does not see every change.
    #[must_use]
    pub fn estimated(mut self) -> Self {
        self.rows = self.rows.estimated();
        self.bytes = self.bytes.estimated();
        for column in &mut self.columns {
            column.nulls = column.nulls.estimated();
            column.distinct = column.distinct.estimated();
        }
        self
    }
}

/// One snapshot of a table. Serialised, it is what a connector needs to scan it.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The exact names, whatever case the statement used.
    pub name: SchemaTable,
    pub kind: TableKind,
    /// All columns in their order; partition columns last.
    pub schema: SchemaRef,
    pub statistics: TableStatistics,
    /// What the connector needs to find this snapshot again; opaque to everyone else.
    pub handle: String,
    /// What a view selects, where the connector knows it; the engine plans that in its place.
    pub view: Option<Arc<ViewDefinition>>,
}
