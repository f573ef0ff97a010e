//! How a table is described.

use super::connector::SessionTables;
use super::listing::{DatabaseEntry, TableEntry};
use crate::statement::Cell;
use arrow::array::{
    ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use mooring_spi::{Error, Result};
use mooring_state::StoredUser;
use std::sync::Arc;

/// One row, in the order of the columns.
pub(super) type Line = Vec<Cell>;

pub(super) struct TableDefinition {
    pub(super) schema: &'static str,
    /// As MySQL prints it.
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) rows: Rows,
}

/// Where the rows come from.
pub(super) enum Rows {
    /// There are none.
    None,
    /// From the program and the session.
    Of(fn(&SessionTables) -> Vec<Line>),
    PerDatabase(fn(&DatabaseEntry) -> Line),
    /// A table without a row is left out.
    PerTable(fn(&TableEntry) -> Option<Line>),
    PerView(fn(&ViewEntry<'_>) -> Line),
    PerColumn(fn(&ColumnEntry<'_>) -> Line),
    /// Of the state store, for administrators only.
    PerUser(fn(&StoredUser) -> Line),
}

pub(super) struct ViewEntry<'a> {
    pub(super) table: &'a TableEntry,
    /// What it selects, in the dialect of the engine that made it; `None` where it cannot be read.
    pub(super) sql: Option<&'a str>,
}

pub(super) struct ColumnEntry<'a> {
    pub(super) table: &'a TableEntry,
    pub(super) field: &'a Field,
    /// From 1.
    pub(super) position: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    UInt,
    BigInt,
    UBigInt,
    /// To the second.
    Moment,
}

pub(super) struct Column {
    pub(super) name: &'static str,
    kind: Kind,
    nullable: bool,
}

/// A column that is never null.
pub(super) const fn set(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

/// A column that may be null.
pub(super) const fn null(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

/// A column of text that is never null.
pub(super) const fn text(name: &'static str) -> Column {
    set(name, Kind::Text)
}

/// A column of text that may be null.
pub(super) const fn null_text(name: &'static str) -> Column {
    null(name, Kind::Text)
}

impl TableDefinition {
    pub(super) fn schema(&self) -> SchemaRef {
        let field =
            |column: &Column| Field::new(column.name, column.kind.data_type(), column.nullable);
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    /// # Errors
    /// `Internal` for lines that do not fit the columns.
    pub(super) fn batch(&self, lines: &[Line]) -> Result<RecordBatch> {
        let wrong = |reason: String| {
            Error::internal(format!("rows of `{}.{}`: {reason}", self.schema, self.name))
        };
        if let Some(line) = lines.iter().find(|line| line.len() != self.columns.len()) {
            let (found, wanted) = (line.len(), self.columns.len());
            return Err(wrong(format!("{found} values for {wanted} columns")));
        }
        let arrays = self.columns.iter().enumerate().map(|(position, column)| {
            column.kind.array(lines.iter().map(|line| line.get(position).unwrap_or(&Cell::Null)))
        });
        RecordBatch::try_new(self.schema(), arrays.collect())
            .map_err(|error| wrong(error.to_string()))
    }
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Kind::Text => DataType::Utf8,
            Kind::Int => DataType::Int32,
            Kind::UInt => DataType::UInt32,
            Kind::BigInt => DataType::Int64,
            Kind::UBigInt => DataType::UInt64,
            Kind::Moment => DataType::Timestamp(TimeUnit::Second, None),
        }
    }

    fn array<'a>(self, cells: impl Iterator<Item = &'a Cell>) -> ArrayRef {
        let numbers = |cell: &Cell| cell.number();
        match self {
            Kind::Text => Arc::new(cells.map(Cell::text).collect::<StringArray>()),
            Kind::Int => Arc::new(cells.map(numbers).map(narrow).collect::<Int32Array>()),
            Kind::UInt => Arc::new(cells.map(numbers).map(narrow).collect::<UInt32Array>()),
            Kind::BigInt => Arc::new(cells.map(numbers).collect::<Int64Array>()),
            Kind::UBigInt => Arc::new(cells.map(numbers).map(narrow).collect::<UInt64Array>()),
            Kind::Moment => Arc::new(cells.map(numbers).collect::<TimestampSecondArray>()),
        }
    }
}

/// A number that its column cannot hold is unknown.
fn narrow<N: TryFrom<i64>>(number: Option<i64>) -> Option<N> {
    number.and_then(|number| N::try_from(number).ok())
}
