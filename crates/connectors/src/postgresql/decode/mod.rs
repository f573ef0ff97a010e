//! Rows of a binary COPY to Arrow batches, straight from the bytes of each message. Source of the form:
//! PostgreSQL's manual, COPY, "Binary Format"; that of a value is what the type's `send` function writes.
//! Nothing that the bytes say is believed before it is checked.

mod column;
mod numeric;
mod text;

use super::types::Column;
use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use column::ColumnBuilder;
use mooring_spi::{Error, ErrorKind, Result};

const SIGNATURE: &[u8] = b"PGCOPY\n\xff\r\n\0";

/// Builds batches out of messages. A server sends one row with each message; several are taken too, and a row
/// that goes beyond its message is refused.
pub(super) struct BatchDecoder {
    schema: SchemaRef,
    columns: Vec<(String, ColumnBuilder)>,
    state: State,
    rows: usize,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Rows,
    Ended,
}

impl BatchDecoder {
    /// `columns` fit the fields of `schema`.
    pub fn new(schema: SchemaRef, columns: &[Column], capacity_rows: usize) -> Self {
        let builder = |column: &Column| {
            (column.name.clone(), ColumnBuilder::new(&column.decode, capacity_rows))
        };
        let columns = columns.iter().map(builder).collect();
        Self { schema, columns, state: State::Header, rows: 0, bytes: 0 }
    }

    /// # Errors
    /// `CorruptData` for bytes that are not in the form, `InvalidValue` for a value that has no place in its
    /// column's type; both name the column.
    pub fn take(&mut self, message: &[u8]) -> Result<()> {
        let mut bytes = Bytes(message);
        if self.state == State::Header {
            header(&mut bytes)?;
            self.state = State::Rows;
        }
        while !bytes.0.is_empty() {
            if self.state == State::Ended {
                return Err(corrupt("there is something after the end of the rows"));
            }
            self.row(&mut bytes)?;
        }
        self.bytes += message.len();
        Ok(())
    }

    fn row(&mut self, bytes: &mut Bytes<'_>) -> Result<()> {
        let fields = bytes.i16()?;
        if fields == -1 {
            self.state = State::Ended;
            return Ok(());
        }
        if usize::try_from(fields).ok() != Some(self.columns.len()) {
            let expected = self.columns.len();
            return Err(corrupt(&format!("a row has {fields} fields, expected {expected}")));
        }
        for (name, builder) in &mut self.columns {
            let value = bytes.field();
            value
                .and_then(|value| builder.append(value))
                .map_err(|error| of_column(name, &error))?;
        }
        self.rows += 1;
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Of the messages since the last batch.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the server said that there are no more rows.
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// The rows since the last batch.
    ///
    /// # Errors
    /// `FileChanged` for a null in a column that had none when the query was planned.
    pub fn finish(&mut self) -> Result<RecordBatch> {
        let fields = self.schema.fields().iter().zip(&mut self.columns);
        let arrays = fields.map(|(field, (_, builder))| builder.finish(field.data_type()));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows));
        (self.rows, self.bytes) = (0, 0);
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options).map_err(|error| {
            let message = "the table was changed since the query was planned: a column that was NOT NULL has nulls";
            Error::new(ErrorKind::FileChanged, message).with_cause(error)
        })
    }
}

fn header(bytes: &mut Bytes<'_>) -> Result<()> {
    if bytes.take(SIGNATURE.len())? != SIGNATURE {
        return Err(corrupt("it does not begin with the signature of a binary COPY"));
    }
    // Bits 16 to 31 tell of what a reader must know.
    if (bytes.i32()? as u32) >> 16 != 0 {
        return Err(corrupt("it has flags that are not known"));
    }
    let extension = bytes.i32()?;
    let extension = usize::try_from(extension).map_err(|_| corrupt("its header is too short"))?;
    bytes.take(extension).map(drop)
}

#[cold]
fn of_column(name: &str, error: &Error) -> Error {
    Error::new(error.kind(), format!("column `{name}`: {}", error.message()))
}

#[cold]
fn corrupt(problem: &str) -> Error {
    Error::new(ErrorKind::CorruptData, format!("the database's answer is damaged: {problem}"))
}

#[cold]
fn ends_early() -> Error {
    corrupt("it ends within a value")
}

/// What is left of a message.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(ends_early)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A value behind its length; `None` for null.
    fn field(&mut self) -> Result<Option<&'a [u8]>> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length =
                    usize::try_from(length).map_err(|_| corrupt("a length is below zero"))?;
                self.take(length).map(Some)
            }
        }
    }
}

#[cfg(test)]
mod tests;
