//! Lines of Hive's `LazySimpleSerDe`.
//!
//! Sources: Apache Hive, `serde2/lazy/`: `LazyStruct`, `LazyArray`, `LazyMap`, `LazyUtils`, `LazyFactory` and the
//! `Lazy` class of each primitive type.

mod fields;
mod value;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod properties;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use mooring_spi::{Error, HiveTextOptions, Result};

use crate::LineDecoder;
use crate::batch::Batch;
use crate::values::TimestampFormats;
use fields::Fields;

pub(crate) struct TextDecoder {
    batch: Batch,
    dialect: Dialect,
    /// How many columns the file has.
    file_columns: usize,
    /// The projected columns in the file's order: place in the file, place in the batch.
    wanted: Vec<(usize, usize)>,
}

/// What all values of a table share.
pub(crate) struct Dialect {
    separators: Vec<u8>,
    escape: Option<u8>,
    null: Vec<u8>,
    last_takes_rest: bool,
    timestamp_formats: TimestampFormats,
}

impl TextDecoder {
    /// # Errors
    /// `Unsupported` for a type that needs more separators than there are, or that text cannot hold.
    pub(crate) fn new(
        options: &HiveTextOptions,
        file_columns: &SchemaRef,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let batch = Batch::new(file_columns, projection, batch_rows)?;
        for index in projection {
            let field = file_columns.field(*index);
            let needed = 1 + separators_needed(field.data_type());
            if needed > options.separators.len() {
                return Err(Error::unsupported(format!(
                    "column `{}` is nested so deep that its table needs {needed} separators; it has {}",
                    field.name(),
                    options.separators.len()
                )));
            }
        }
        let mut wanted: Vec<_> =
            projection.iter().enumerate().map(|(slot, index)| (*index, slot)).collect();
        wanted.sort_unstable();
        Ok(Self {
            batch,
            dialect: Dialect {
                separators: options.separators.clone(),
                escape: options.escape,
                null: options.null.as_bytes().to_vec(),
                last_takes_rest: options.last_column_takes_rest,
                timestamp_formats: TimestampFormats::new(&options.timestamp_formats)?,
            },
            file_columns: file_columns.fields().len(),
            wanted,
        })
    }
}

/// `LazyFactory`: an array and a struct have one separator, a map has one between entries and one inside of them.
fn separators_needed(data_type: &DataType) -> usize {
    match data_type {
        DataType::List(field) => 1 + separators_needed(field.data_type()),
        DataType::Struct(fields) => {
            1 + fields.iter().map(|field| separators_needed(field.data_type())).max().unwrap_or(0)
        }
        DataType::Map(entries, _) => 1 + separators_needed(entries.data_type()),
        _ => 0,
    }
}

impl LineDecoder for TextDecoder {
    /// A field that the line lacks is null, fields beyond the last column are nothing. So an empty line is an empty
    /// first field, and the rest null.
    fn line(&mut self, line: &[u8]) -> Result<()> {
        let Self { batch, dialect, file_columns, wanted } = self;
        let mut fields = Fields::new(line, dialect, 0, *file_columns);
        let mut next = 0;
        let mut field = None;
        for (index, slot) in wanted.iter() {
            while next <= *index {
                field = fields.next();
                next += 1;
            }
            value::append(&mut batch.columns[*slot], field, dialect, 1);
        }
        batch.end_row(line.len());
        Ok(())
    }

    fn rows(&self) -> usize {
        self.batch.rows()
    }

    fn full(&self) -> bool {
        self.batch.full()
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        self.batch.flush()
    }
}
