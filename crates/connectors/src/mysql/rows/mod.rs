//! Rows of the binary protocol become Arrow arrays, value by value and without anything in between.
//!
//! Source: MySQL Source Code Documentation, "Binary Protocol Resultset".

mod column;
mod form;
mod number;
mod moment;

use super::protocol::{ColumnDefinition, Cursor, Malformed};
use super::settings::ZeroDates;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use column::Column;
use mooring_spi::{Error, ErrorKind, Result};

/// A batch ends with the row that brings it to so many bytes of text.
const BATCH_BYTES: usize = 8 << 20;
/// The bits of the map of nulls before the first column's.
const NULLS_OFFSET: usize = 2;

/// Why a value cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    Malformed(Malformed),
    /// A date that no calendar has.
    NoDate,
    /// More digits than the column has here.
    Digits,
    /// A text that is no UTF-8.
    Encoding,
}

impl From<Malformed> for Problem {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Gathers rows up to a batch.
#[derive(Debug)]
pub(super) struct RowDecoder {
    schema: SchemaRef,
    columns: Vec<Column>,
    /// Columns of the rows; one more than none where only their number is of interest.
    sent_columns: usize,
    batch_rows: usize,
    rows: usize,
    bytes: usize,
}

impl RowDecoder {
    /// # Errors
    /// `TypeMismatch`, naming the column, where the server's columns are not those of `schema`.
    pub(super) fn new(
        schema: SchemaRef,
        sent: &[ColumnDefinition],
        batch_rows: usize,
        zero_dates: ZeroDates,
    ) -> Result<Self> {
        Self::with_widths(schema, sent, batch_rows, zero_dates, false)
    }

    /// The same for what the server computed: its whole numbers may be of any width, and a value that does not fit is an
    /// error of its own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn of_computed(
        schema: SchemaRef,
        sent: &[ColumnDefinition],
        batch_rows: usize,
        zero_dates: ZeroDates,
    ) -> Result<Self> {
        Self::with_widths(schema, sent, batch_rows, zero_dates, true)
    }

    fn with_widths(
        schema: SchemaRef,
        sent: &[ColumnDefinition],
        batch_rows: usize,
        zero_dates: ZeroDates,
        are_computed: bool,
    ) -> Result<Self> {
        let wanted = schema.fields().len();
        if sent.len() != wanted.max(1) {
            return Err(Error::new(
                ErrorKind::TypeMismatch,
                format!("the server answers {} columns where {wanted} were expected", sent.len()),
            ));
        }
        let columns = schema.fields().iter().zip(sent);
        let columns = columns
            .map(|(field, sent)| Column::new(field, sent, batch_rows, zero_dates, are_computed));
        Ok(Self {
            columns: columns.collect::<Result<_>>()?,
            schema,
            sent_columns: sent.len(),
            batch_rows: batch_rows.max(1),
            rows: 0,
            bytes: 0,
        })
    }

    /// # Errors
    /// `InvalidValue` or `CorruptData`, naming the column.
    pub(super) fn push(&mut self, packet: &[u8]) -> Result<()> {
        let mut cursor = Cursor::new(packet);
        let header = cursor.take(1 + (self.sent_columns + NULLS_OFFSET).div_ceil(8));
        let nulls = &header.map_err(|malformed| corrupt(malformed.0))?[1..];
        for (at, column) in self.columns.iter_mut().enumerate() {
            let bit = at + NULLS_OFFSET;
            if nulls[bit / 8] & (1 << (bit % 8)) != 0 {
                column.push_null();
            } else if let Err(problem) = column.push(&mut cursor) {
                return Err(self.error(at, problem));
            }
        }
        if !self.columns.is_empty() && !cursor.is_empty() {
            return Err(corrupt("a row that is longer than its columns"));
        }
        self.rows += 1;
        self.bytes += packet.len();
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows so far, and the bytes that they came in.
    ///
    /// # Errors
    /// `InvalidValue` for a null where the table has none.
    pub(super) fn take(&mut self) -> Result<(RecordBatch, usize)> {
        let rows = std::mem::take(&mut self.rows);
        let arrays = self.columns.iter_mut().map(Column::finish).collect::<Vec<_>>();
        for (field, array) in self.schema.fields().iter().zip(&arrays) {
            if !field.is_nullable() && array.null_count() > 0 {
                return Err(Error::new(
                    ErrorKind::InvalidValue,
                    format!(
                        "column `{}` has a null although it is declared NOT NULL",
                        field.name()
                    ),
                ));
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| Error::internal("columns do not make a batch").with_cause(error))?;
        Ok((batch, std::mem::take(&mut self.bytes)))
    }

    fn error(&self, column: usize, problem: Problem) -> Error {
        let field = self.schema.field(column);
        let name = field.name();
        let invalid = |message: String| Error::new(ErrorKind::InvalidValue, message);
        match problem {
            Problem::Malformed(malformed) => corrupt(malformed.0),
            Problem::NoDate => invalid(format!(
                "column `{name}` has a date that no calendar has, such as `0000-00-00`; `zero_dates` = `null` \
                 reads it as null"
            )),
            Problem::Digits => invalid(format!(
                "column `{name}` has a value that does not fit {}",
                field.data_type()
            )),
            Problem::Encoding => Error::new(
                ErrorKind::CorruptData,
                format!("column `{name}` has a text that is no UTF-8"),
            ),
        }
    }
}

fn corrupt(what: &str) -> Error {
    Error::new(ErrorKind::CorruptData, format!("the server sent {what}"))
}

#[cfg(test)]
mod tests;
