//! An answer under way: labels and lines, and in the end one Arrow batch.

use crate::session::{OutputColumn, ResultSet};
use crate::statement::Filter;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::{StreamExt, stream};
use mooring_spi::{Error, Result};
use std::sync::Arc;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    Null,
    Text(String),
    Int(i64),
}

impl Cell {
    pub(crate) fn number(&self) -> Option<i64> {
        match self {
            Cell::Int(number) => Some(*number),
            Cell::Null | Cell::Text(_) => None,
        }
    }

    pub(crate) fn text(&self) -> Option<String> {
        match self {
            Cell::Null => None,
            Cell::Text(text) => Some(text.clone()),
            Cell::Int(number) => Some(number.to_string()),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Cell::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Cell::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Cell::Int(number)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Cell::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Cell::Null, Into::into)
    }
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
}

/// Lines of equal length under their labels.
pub(super) struct Rows {
    columns: Vec<(String, Kind)>,
    lines: Vec<Vec<Cell>>,
}

impl Rows {
    /// Columns of text.
    pub(super) fn of_text(labels: &[&str]) -> Self {
        Self::new(&labels.iter().map(|label| (*label, Kind::Text)).collect::<Vec<_>>())
    }

    pub(super) fn new(columns: &[(&str, Kind)]) -> Self {
        let columns = columns.iter().map(|(label, kind)| ((*label).to_owned(), *kind)).collect();
        Self { columns, lines: Vec::new() }
    }

    pub(super) fn push<const N: usize>(&mut self, line: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.lines.push(line.into());
    }

    /// Keeps the lines that the filter wants.
    pub(super) fn filtered(mut self, filter: &Filter) -> Result<Self> {
        let labels: Vec<&str> = self.columns.iter().map(|(label, _)| label.as_str()).collect();
        let mut kept = Vec::with_capacity(self.lines.len());
        for line in self.lines {
            let texts: Vec<Option<String>> = line.iter().map(Cell::text).collect();
            if filter.keeps(&labels, &texts)? {
                kept.push(line);
            }
        }
        self.lines = kept;
        Ok(self)
    }

    /// Puts another label over the first column.
    pub(super) fn labelled(mut self, first: String) -> Self {
        if let Some((label, _)) = self.columns.first_mut() {
            *label = first;
        }
        self
    }

    pub(super) fn into_result_set(self) -> Result<ResultSet> {
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.columns.len());
        for (position, (label, kind)) in self.columns.iter().enumerate() {
            let cells = self.lines.iter().map(|line| line.get(position).unwrap_or(&Cell::Null));
            let (array, data_type): (ArrayRef, DataType) = match kind {
                Kind::Text => {
                    (Arc::new(cells.map(Cell::text).collect::<StringArray>()), DataType::Utf8)
                }
                Kind::Int => {
                    (Arc::new(cells.map(Cell::number).collect::<Int64Array>()), DataType::Int64)
                }
            };
            arrays.push(array);
            let field = Arc::new(Field::new(label, data_type, true));
            columns.push(OutputColumn { label: label.clone(), field });
        }
        let fields: Vec<_> = columns.iter().map(|column| column.field.clone()).collect();
        let batch =
            RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|error| {
                Error::internal("the lines of an answer do not fit its columns").with_cause(error)
            })?;
        Ok(ResultSet { columns, batches: stream::once(async { Ok(batch) }).boxed() })
    }
}
