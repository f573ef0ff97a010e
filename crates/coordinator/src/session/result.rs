//! What a statement comes to, before a door translates it.

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use futures::StreamExt;
use mooring_spi::{BatchStream, Error, Result};
use std::sync::Arc;

/// One column of a result: its label as the client sees it and its Arrow field.
#[derive(Debug, Clone)]
pub struct OutputColumn {
    pub label: String,
    pub field: FieldRef,
}

/// What a statement came to.
pub enum Response {
    /// No rows: the statement did its work.
    Done(Completion),
    Rows(ResultSet),
}

/// The outcome of a statement without a result set.
#[derive(Debug, Default, Clone)]
pub struct Completion {
    pub affected_rows: u64,
    pub warnings: u16,
    pub info: String,
}

/// A result set: its columns are known before the first row; its batches have `columns.len()`
/// columns of the fields' types. Dropping it cancels the query. An error may come after rows.
pub struct ResultSet {
    pub columns: Vec<OutputColumn>,
    pub batches: BatchStream,
}

impl ResultSet {
    pub fn schema(&self) -> SchemaRef {
        let fields: Vec<FieldRef> =
            self.columns.iter().map(|column| column.field.clone()).collect();
        SchemaRef::new(Schema::new(fields))
    }

    /// One column of text lines.
    ///
    /// # Errors
    /// `Internal`.
    pub(crate) fn of_lines(label: &str, lines: &str) -> Result<Self> {
        let field = Arc::new(Field::new(label, DataType::Utf8, false));
        let lines: ArrayRef = Arc::new(StringArray::from(lines.lines().collect::<Vec<_>>()));
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field.clone()])), vec![lines])
            .map_err(|error| Error::internal("lines are no column").with_cause(error))?;
        Ok(Self {
            columns: vec![OutputColumn { label: label.to_string(), field }],
            batches: futures::stream::iter([Ok(batch)]).boxed(),
        })
    }
}
