//! Rows of result sets, straight from Arrow batches into the output buffer: one encoder per column
//! and batch, no allocation per value. The text and the binary protocol share the encoders; they
//! differ in how a value is put.

mod encoder;
mod text;
mod binary;
mod calendar;
mod interval;
mod json;
mod number;

use super::wire::put_string;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use encoder::Encoder;
use mooring_spi::{Error, ErrorKind, Result};

/// The protocol that rows are sent by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowForm {
    /// Answers to COM_QUERY.
    Text,
    /// Answers to COM_STMT_EXECUTE and COM_STMT_FETCH.
    Binary,
}

/// Encodes the rows of one batch.
pub(crate) struct BatchEncoder<'a> {
    columns: Vec<Encoder<'a>>,
    form: RowForm,
}

impl<'a> BatchEncoder<'a> {
    /// # Errors
    /// `Unsupported` for an Arrow type without a form, `InvalidValue` for a date that MySQL clients
    /// cannot read.
    pub(crate) fn new(batch: &'a RecordBatch, form: RowForm) -> Result<Self> {
        for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            check_dates(field.name(), column)?;
        }
        let columns = batch.columns().iter().map(|column| Encoder::new(column.as_ref()));
        Ok(Self { columns: columns.collect::<Result<_>>()?, form })
    }

    /// Appends the payload of one row.
    #[inline]
    pub(crate) fn put_row(&self, out: &mut Vec<u8>, row: usize) {
        match self.form {
            RowForm::Text => text::put_row(out, &self.columns, row),
            RowForm::Binary => binary::put_row(out, &self.columns, row),
        }
    }
}

/// Appends a value that is not null as a length-encoded string of MySQL's text of it.
#[inline]
fn put_text(out: &mut Vec<u8>, encoder: &Encoder<'_>, row: usize) {
    if let Some(bytes) = encoder.bytes(row) {
        return put_string(out, bytes);
    }
    // Most texts are shorter than the 251 bytes from which on the length takes more than one byte.
    let start = out.len();
    out.push(0);
    encoder.put_text(out, row);
    let length = out.len() - start - 1;
    match u8::try_from(length) {
        Ok(short @ 0..=250) => out[start] = short,
        _ => lengthen(out, start),
    }
}

/// Makes room for a length of more than one byte.
#[cold]
fn lengthen(out: &mut Vec<u8>, start: usize) {
    let text = out.split_off(start + 1);
    out.truncate(start);
    put_string(out, &text);
}

/// Refuses dates beyond the years 0000 to 9999, which the protocol has no form for.
fn check_dates(name: &str, column: &ArrayRef) -> Result<()> {
    let days = match column.data_type() {
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>();
            ends(values.iter().flatten().map(i64::from), |days| days)
        }
        DataType::Date64 => {
            let values = column.as_primitive::<Date64Type>();
            ends(values.iter().flatten(), |value| calendar::day_of(value, TimeUnit::Millisecond))
        }
        DataType::Timestamp(unit, _) => {
            let day = |value| calendar::day_of(value, *unit);
            match unit {
                TimeUnit::Second => {
                    ends(column.as_primitive::<TimestampSecondType>().iter().flatten(), day)
                }
                TimeUnit::Millisecond => {
                    ends(column.as_primitive::<TimestampMillisecondType>().iter().flatten(), day)
                }
                TimeUnit::Microsecond => {
                    ends(column.as_primitive::<TimestampMicrosecondType>().iter().flatten(), day)
                }
                TimeUnit::Nanosecond => {
                    ends(column.as_primitive::<TimestampNanosecondType>().iter().flatten(), day)
                }
            }
        }
        DataType::Dictionary(_, _) => {
            return check_dates(name, column.as_any_dictionary().values());
        }
        _ => None,
    };
    match days {
        Some((first, last))
            if !calendar::DAYS.contains(&first) || !calendar::DAYS.contains(&last) =>
        {
            Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "column `{name}` holds a date beyond the years 0000 to 9999, which MySQL \
                     clients cannot read; cast it to text"
                ),
            ))
        }
        _ => Ok(()),
    }
}

/// The days of the least and the greatest value.
fn ends(values: impl Iterator<Item = i64>, day: impl Fn(i64) -> i64) -> Option<(i64, i64)> {
    let (least, greatest) = values.fold(None, |ends: Option<(i64, i64)>, value| match ends {
        None => Some((value, value)),
        Some((least, greatest)) => Some((least.min(value), greatest.max(value))),
    })?;
    Some((day(least), day(greatest)))
}
