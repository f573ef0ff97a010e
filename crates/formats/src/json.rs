//! Lines of Hive's JSON SerDes: one object per line, whose members are found by name without regard to case.
//!
//! Sources: Apache Hive, `HiveJsonReader.java` and `serde2/JsonSerDe.java`; `hcatalog/data/JsonSerDe.java`.

mod parser;
mod value;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use mooring_spi::{HiveJsonOptions, Result};

use crate::LineDecoder;
use crate::batch::Batch;
use crate::values::{TimestampFormats, trim};
use value::{Member, corrupt, keep, malformed};

pub(crate) struct JsonDecoder {
    batch: Batch,
    /// The place of each projected column in the file's columns.
    projection: Vec<usize>,
    /// How many columns the file has.
    file_columns: usize,
    names: Names,
    ignore_malformed: bool,
    timestamp_formats: TimestampFormats,
}

/// The columns of the file by name. All of them, so that a name that is not projected is found at once, too.
struct Names {
    exact: HashMap<String, usize>,
    folded: HashMap<String, usize>,
}

impl Names {
    fn new(columns: &SchemaRef) -> Self {
        let mut names = Self { exact: HashMap::new(), folded: HashMap::new() };
        for (index, field) in columns.fields().iter().enumerate() {
            names.exact.entry(field.name().clone()).or_insert(index);
            names.folded.entry(field.name().to_lowercase()).or_insert(index);
        }
        names
    }

    /// The column of a name, and whether the name is exactly its own.
    fn find(&self, name: &str) -> Option<(usize, bool)> {
        if let Some(index) = self.exact.get(name) {
            return Some((*index, true));
        }
        self.folded.get(&name.to_lowercase()).map(|index| (*index, false))
    }
}

impl JsonDecoder {
    /// # Errors
    /// `Unsupported` for a type that no table of Hive has, or a timestamp pattern with an unknown letter.
    pub(crate) fn new(
        options: &HiveJsonOptions,
        file_columns: &SchemaRef,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        Ok(Self {
            batch: Batch::new(file_columns, projection, batch_rows)?,
            projection: projection.to_vec(),
            file_columns: file_columns.fields().len(),
            names: Names::new(file_columns),
            ignore_malformed: options.ignore_malformed,
            timestamp_formats: TimestampFormats::new(&options.timestamp_formats)?,
        })
    }

    /// Appends a value to every column, or to some when it fails.
    fn append_row(&mut self, line: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(line)
            .map_err(|error| corrupt("the line is no UTF-8").with_cause(error))?;
        let mut found: Vec<Member<'_>> = vec![None; self.file_columns];
        let names = &self.names;
        parser::members(text, &mut |key, value| {
            if let Some((index, exact)) = names.find(&parser::unescape(key))
                && let Some(member) = found.get_mut(index)
            {
                keep(member, value, exact);
            }
        })
        .map_err(malformed)?;
        for (column, index) in self.batch.columns.iter_mut().zip(&self.projection) {
            let member = found.get(*index).copied().flatten();
            value::append(column, member.map(|(value, _)| value), &self.timestamp_formats)?;
        }
        Ok(())
    }
}

impl LineDecoder for JsonDecoder {
    /// A line of blanks is no row.
    fn line(&mut self, line: &[u8]) -> Result<()> {
        if trim(line).is_empty() {
            return Ok(());
        }
        if let Err(error) = self.append_row(line) {
            self.batch.drop_row();
            if !self.ignore_malformed {
                return Err(error);
            }
            for column in &mut self.batch.columns {
                column.append_null();
            }
        }
        self.batch.end_row(line.len());
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
