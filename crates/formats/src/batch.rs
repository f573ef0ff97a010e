//! The columns of a batch under construction: what the decoders have in common.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use mooring_spi::{Error, Result};

use crate::MAX_BATCH_BYTES;
use crate::column::Column;

pub(crate) struct Batch {
    schema: SchemaRef,
    pub(crate) columns: Vec<Column>,
    rows: usize,
    bytes: usize,
    batch_rows: usize,
}

impl Batch {
    /// # Errors
    /// As [`Column::new`].
    pub(crate) fn new(
        file_columns: &SchemaRef,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let schema = file_columns.project(projection).map_err(|error| {
            Error::internal("the projection does not fit the file's columns").with_cause(error)
        })?;
        let columns = schema
            .fields()
            .iter()
            .map(|field| Column::new(field.data_type()))
            .collect::<Result<_>>()?;
        Ok(Self {
            schema: Arc::new(schema),
            columns,
            rows: 0,
            bytes: 0,
            batch_rows: batch_rows.max(1),
        })
    }

    /// The row is whole: every column has one more value.
    pub(crate) fn end_row(&mut self, line_bytes: usize) {
        self.rows += 1;
        self.bytes += line_bytes;
        debug_assert!(self.columns.iter().all(|column| column.len() == self.rows));
    }

    /// Forgets what was appended of a row that has no end.
    pub(crate) fn drop_row(&mut self) {
        for column in &mut self.columns {
            column.truncate(self.rows);
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= MAX_BATCH_BYTES
    }

    /// # Errors
    /// As [`Column::finish`].
    pub(crate) fn flush(&mut self) -> Result<Option<RecordBatch>> {
        if self.rows == 0 {
            return Ok(None);
        }
        let columns = self.columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map(Some).map_err(
            |error| {
                Error::new(
                    mooring_spi::ErrorKind::CorruptData,
                    "a file's values do not fit its table's columns",
                )
                .with_cause(error)
            },
        )
    }
}
