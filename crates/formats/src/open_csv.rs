//! Lines of Hive's `OpenCSVSerde`: all columns are text.
//!
//! Source: `OpenCSVSerde.java`, which makes a `CSVReader` of each line, and `CSVParser.parseLine` of opencsv 2.3,
//! the release that it is built with; the states and their names are the parser's.

#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use mooring_spi::{Error, ErrorKind, HiveCsvOptions, Result};

use crate::LineDecoder;
use crate::batch::Batch;
use crate::column::{Column, Values};

pub(crate) struct OpenCsvDecoder {
    batch: Batch,
    separator: u8,
    quote: u8,
    escape: u8,
    /// The places in the batch of each column of the file.
    slots: Vec<Vec<usize>>,
    /// The field under construction.
    field: Vec<u8>,
}

impl OpenCsvDecoder {
    /// # Errors
    /// `InvalidArgument` when two of separator, quote and escape are the same; `Unsupported` for a column that is
    /// not text.
    pub(crate) fn new(
        options: &HiveCsvOptions,
        file_columns: &SchemaRef,
        projection: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let HiveCsvOptions { separator, quote, escape, .. } = *options;
        // `CSVParser` takes the byte 0 for one that is not there.
        let same = |one: u8, other: u8| one == other && one != 0;
        if separator == 0
            || same(separator, quote)
            || same(separator, escape)
            || same(quote, escape)
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "`separatorChar`, `quoteChar` and `escapeChar` of a table must be different, and the first must be set",
            ));
        }
        let mut slots = vec![Vec::new(); file_columns.fields().len()];
        for (slot, index) in projection.iter().enumerate() {
            let field = file_columns.field(*index);
            if field.data_type() != &DataType::Utf8 {
                return Err(Error::unsupported(format!(
                    "column `{}` has type `{}`; `OpenCSVSerde` has columns of text only",
                    field.name(),
                    field.data_type()
                )));
            }
            slots[*index].push(slot);
        }
        let batch = Batch::new(file_columns, projection, batch_rows)?;
        Ok(Self { batch, separator, quote, escape, slots, field: Vec::new() })
    }

    /// Ends the field of the column at `index`.
    fn end_field(&mut self, index: usize) {
        append(&mut self.batch, &self.slots, index, &self.field);
        self.field.clear();
    }

    /// How many fields the line has.
    fn fields(&mut self, line: &[u8]) -> usize {
        if !line.iter().any(|byte| *byte == self.quote || *byte == self.escape) {
            let mut count = 0;
            for field in line.split(|byte| *byte == self.separator) {
                append(&mut self.batch, &self.slots, count, field);
                count += 1;
            }
            return count;
        }
        let after_third = after_third_character(line);
        let mut count = 0;
        let mut in_quotes = false;
        let mut in_field = false;
        let mut at = 0;
        while let Some(byte) = line.get(at).copied() {
            let next = line.get(at + 1).copied();
            if byte == self.escape {
                // Before anything but a quote or an escape, or outside of a field, an escape is nothing.
                if let Some(next) = next.filter(|next| {
                    (in_quotes || in_field) && (*next == self.quote || *next == self.escape)
                }) {
                    self.field.push(next);
                    at += 1;
                }
            } else if byte == self.quote {
                if (in_quotes || in_field) && next == Some(self.quote) {
                    self.field.push(self.quote);
                    at += 1;
                } else {
                    in_quotes = !in_quotes;
                    // A quote in the middle of a field belongs to it: a,bc"d"ef,g
                    let middle = at >= after_third
                        && line[at - 1] != self.separator
                        && next.is_some_and(|next| next != self.separator);
                    if middle {
                        if !self.field.is_empty() && self.field.iter().all(is_white_space) {
                            self.field.clear();
                        } else {
                            self.field.push(byte);
                        }
                    }
                }
                in_field = !in_field;
            } else if byte == self.separator && !in_quotes {
                self.end_field(count);
                count += 1;
                in_field = false;
            } else {
                self.field.push(byte);
                in_field = true;
            }
            at += 1;
        }
        if in_quotes {
            // `CSVReader` waits for another line and gets none: the field is lost.
            self.field.clear();
            return count;
        }
        self.end_field(count);
        count + 1
    }
}

/// Where the fourth character of Java's (a unit of UTF-16) starts; opencsv counts them, and takes a quote among the
/// first three for one at the beginning. A line that is no UTF-8 is counted in bytes.
fn after_third_character(line: &[u8]) -> usize {
    let start = &line[..line.len().min(16)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The sixteenth byte may cut a character.
        Err(error) => std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut units = 0;
    for (at, character) in text.char_indices() {
        if units >= 3 {
            return at;
        }
        units += character.len_utf16();
    }
    text.len().max(3)
}

/// `Character.isWhitespace` of Java, for bytes of ASCII.
fn is_white_space(byte: &u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | 0x1c..=0x1f | b' ')
}

/// A field beyond the last column is nothing.
fn append(batch: &mut Batch, slots: &[Vec<usize>], index: usize, value: &[u8]) {
    for slot in slots.get(index).into_iter().flatten() {
        let Column { present, values } = &mut batch.columns[*slot];
        if let Values::Utf8(spans) = values {
            spans.push(value);
            present.append_non_null();
        }
    }
}

impl LineDecoder for OpenCsvDecoder {
    /// An empty field is an empty text; a field that the line lacks is null. An empty line has no fields.
    fn line(&mut self, line: &[u8]) -> Result<()> {
        let count = if line.is_empty() { 0 } else { self.fields(line) };
        for slot in self.slots.iter().skip(count).flatten() {
            self.batch.columns[*slot].append_null();
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
