//! The values of one column, from their binary form into the builder of their Arrow type.

use super::numeric::decimal;
use super::text::TextBuilder;
use super::{Bytes, corrupt};
use crate::postgresql::types::Decode;
use arrow::array::{
    Array, ArrayBuilder, ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder,
    Date32Builder, Decimal128Builder, Float32Builder, Float64Builder, Int16Builder, Int32Builder,
    Int64Builder, ListArray, PrimitiveArray, PrimitiveBuilder, StringBuilder,
    Time64MicrosecondBuilder, TimestampMicrosecondBuilder, UInt64Builder,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;

/// From 1970-01-01, where Arrow begins, to 2000-01-01, where PostgreSQL does.
const DAYS_TO_2000: i32 = 10_957;
const MICROS_TO_2000: i64 = 946_684_800_000_000;
const DAY_MICROS: i64 = 86_400_000_000;
/// Text of unknown length is about this long.
const TEXT_BYTES: usize = 16;
/// Of values, for a batch after the first.
const CAPACITY_MAX: usize = 1 << 20;

pub(super) enum ColumnBuilder {
    Boolean(BooleanBuilder),
    Int16(Int16Builder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    UInt64(UInt64Builder),
    Float32(Float32Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder, u8, i8),
    Text(TextBuilder),
    Uuid(StringBuilder),
    Binary(BinaryBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Timestamp(TimestampMicrosecondBuilder),
    List(Box<ListBuilder>),
}

/// Of one dimension.
pub(super) struct ListBuilder {
    elements: ColumnBuilder,
    /// Where each list ends, behind a zero.
    ends: Vec<i32>,
    valid: Vec<bool>,
    count: i32,
}

impl ColumnBuilder {
    pub fn new(decode: &Decode, rows: usize) -> Self {
        match decode {
            Decode::Boolean => Self::Boolean(BooleanBuilder::with_capacity(rows)),
            Decode::Int16 => Self::Int16(Int16Builder::with_capacity(rows)),
            Decode::Int32 => Self::Int32(Int32Builder::with_capacity(rows)),
            Decode::Int64 => Self::Int64(Int64Builder::with_capacity(rows)),
            Decode::UInt64 => Self::UInt64(UInt64Builder::with_capacity(rows)),
            Decode::Float32 => Self::Float32(Float32Builder::with_capacity(rows)),
            Decode::Float64 => Self::Float64(Float64Builder::with_capacity(rows)),
            Decode::Decimal { precision, scale } => {
                Self::Decimal(Decimal128Builder::with_capacity(rows), *precision, *scale)
            }
            Decode::Text => Self::Text(TextBuilder::with_capacity(rows, rows * TEXT_BYTES)),
            Decode::Uuid => Self::Uuid(StringBuilder::with_capacity(rows, rows * 36)),
            Decode::Binary => Self::Binary(BinaryBuilder::with_capacity(rows, rows * TEXT_BYTES)),
            Decode::Date => Self::Date(Date32Builder::with_capacity(rows)),
            Decode::Time => Self::Time(Time64MicrosecondBuilder::with_capacity(rows)),
            Decode::Timestamp | Decode::TimestampUtc => {
                Self::Timestamp(TimestampMicrosecondBuilder::with_capacity(rows))
            }
            Decode::List(element) => Self::List(Box::new(ListBuilder {
                elements: Self::new(element, rows),
                ends: vec![0],
                valid: Vec::with_capacity(rows),
                count: 0,
            })),
        }
    }

    /// `None` is null.
    ///
    /// # Errors
    /// `CorruptData`, `InvalidValue`.
    // Once for each value: a call would cost as much as what is done.
    #[inline(always)]
    pub fn append(&mut self, value: Option<&[u8]>) -> Result<()> {
        let Some(value) = value else { return self.append_null() };
        match self {
            Self::Boolean(builder) => builder.append_value(fixed::<1>(value)? != [0]),
            Self::Int16(builder) => builder.append_value(i16::from_be_bytes(fixed(value)?)),
            Self::Int32(builder) => builder.append_value(i32::from_be_bytes(fixed(value)?)),
            Self::Int64(builder) => builder.append_value(i64::from_be_bytes(fixed(value)?)),
            Self::UInt64(builder) => builder.append_value(counted(value)?),
            // All NaN are one to PostgreSQL; here one with a sign would be the least number.
            Self::Float32(builder) => {
                let number = f32::from_be_bytes(fixed(value)?);
                builder.append_value(if number.is_nan() { f32::NAN } else { number });
            }
            Self::Float64(builder) => {
                let number = f64::from_be_bytes(fixed(value)?);
                builder.append_value(if number.is_nan() { f64::NAN } else { number });
            }
            Self::Decimal(builder, precision, scale) => {
                builder.append_value(decimal(value, *precision, *scale)?);
            }
            Self::Text(builder) => builder.append_value(value)?,
            Self::Uuid(builder) => append_uuid(builder, fixed(value)?),
            Self::Binary(builder) => builder.append_value(value),
            Self::Date(builder) => builder.append_value(date(value)?),
            Self::Time(builder) => builder.append_value(time(value)?),
            Self::Timestamp(builder) => builder.append_value(timestamp(value)?),
            Self::List(builder) => builder.append(Some(value))?,
        }
        Ok(())
    }

    fn append_null(&mut self) -> Result<()> {
        match self {
            Self::Boolean(builder) => builder.append_null(),
            Self::Int16(builder) => builder.append_null(),
            Self::Int32(builder) => builder.append_null(),
            Self::Int64(builder) => builder.append_null(),
            Self::UInt64(builder) => builder.append_null(),
            Self::Float32(builder) => builder.append_null(),
            Self::Float64(builder) => builder.append_null(),
            Self::Decimal(builder, ..) => builder.append_null(),
            Self::Text(builder) => builder.append_null()?,
            Self::Uuid(builder) => builder.append_null(),
            Self::Binary(builder) => builder.append_null(),
            Self::Date(builder) => builder.append_null(),
            Self::Time(builder) => builder.append_null(),
            Self::Timestamp(builder) => builder.append_null(),
            Self::List(builder) => builder.append(None)?,
        }
        Ok(())
    }

    /// The values so far, as an array of `data_type`.
    ///
    /// # Errors
    /// `Internal` where the type is not the decoder's.
    pub fn finish(&mut self, data_type: &DataType) -> Result<ArrayRef> {
        let other_type = |error| {
            Error::internal(format!("a column is not read as {data_type}")).with_cause(error)
        };
        Ok(match self {
            Self::Boolean(builder) => Arc::new(builder.finish()),
            Self::Int16(builder) => Arc::new(finished(builder)),
            Self::Int32(builder) => Arc::new(finished(builder)),
            Self::Int64(builder) => Arc::new(finished(builder)),
            Self::UInt64(builder) => Arc::new(finished(builder)),
            Self::Float32(builder) => Arc::new(finished(builder)),
            Self::Float64(builder) => Arc::new(finished(builder)),
            Self::Decimal(builder, precision, scale) => {
                let values = finished(builder).with_precision_and_scale(*precision, *scale);
                Arc::new(values.map_err(other_type)?)
            }
            Self::Text(builder) => Arc::new(builder.finish().map_err(other_type)?),
            Self::Uuid(builder) => Arc::new(builder.finish()),
            Self::Binary(builder) => Arc::new(builder.finish()),
            Self::Date(builder) => Arc::new(finished(builder)),
            Self::Time(builder) => Arc::new(finished(builder)),
            Self::Timestamp(builder) => {
                let zone = match data_type {
                    DataType::Timestamp(_, zone) => zone.clone(),
                    _ => None,
                };
                Arc::new(finished(builder).with_timezone_opt(zone))
            }
            Self::List(builder) => Arc::new(builder.finish(data_type).map_err(other_type)?),
        })
    }
}

impl ListBuilder {
    #[inline(never)]
    fn append(&mut self, value: Option<&[u8]>) -> Result<()> {
        if let Some(value) = value {
            self.append_elements(value)?;
        }
        self.ends.push(self.count);
        self.valid.push(value.is_some());
        Ok(())
    }

    /// Source of the form: `array_send` of PostgreSQL.
    fn append_elements(&mut self, value: &[u8]) -> Result<()> {
        let mut bytes = Bytes(value);
        let dimensions = bytes.i32()?;
        let (_has_nulls, _element_type) = (bytes.i32()?, bytes.i32()?);
        match dimensions {
            0 => {}
            1 => {
                let (count, _lower_bound) = (bytes.i32()?, bytes.i32()?);
                if count < 0 {
                    return Err(corrupt("an array has fewer elements than none"));
                }
                for _ in 0..count {
                    let element = bytes.field()?;
                    self.elements.append(element)?;
                    self.count = self
                        .count
                        .checked_add(1)
                        .ok_or_else(|| corrupt("a batch has too many elements of arrays"))?;
                }
            }
            2..=6 => {
                let message = format!(
                    "an array of {dimensions} dimensions has no place in a list; read it as text by a view"
                );
                return Err(Error::new(ErrorKind::InvalidValue, message));
            }
            _ => return Err(corrupt("an array has no such number of dimensions")),
        }
        match bytes.0.is_empty() {
            true => Ok(()),
            false => Err(corrupt("an array is longer than its elements")),
        }
    }

    fn finish(&mut self, data_type: &DataType) -> Result<ListArray, arrow::error::ArrowError> {
        let DataType::List(field) = data_type else {
            return Err(arrow::error::ArrowError::SchemaError("it is a list".to_owned()));
        };
        let elements = self.elements.finish(field.data_type());
        let elements = elements
            .map_err(|error| arrow::error::ArrowError::from_external_error(error.into()))?;
        let ends = std::mem::replace(&mut self.ends, vec![0]);
        let valid = NullBuffer::from(std::mem::take(&mut self.valid));
        self.count = 0;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        ListArray::try_new(Arc::clone(field), offsets, elements, Some(valid))
    }
}

/// The next batch has probably as many values, so that its builder need not grow step by step.
fn finished<T: ArrowPrimitiveType>(builder: &mut PrimitiveBuilder<T>) -> PrimitiveArray<T> {
    let (length, capacity) = (builder.len(), builder.capacity());
    let next = PrimitiveBuilder::with_capacity(length.min(CAPACITY_MAX));
    let mut values = std::mem::replace(builder, next).finish();
    if capacity / 2 > length {
        values.shrink_to_fit();
    }
    values
}

fn fixed<const N: usize>(value: &[u8]) -> Result<[u8; N]> {
    value.try_into().map_err(|_| other_length(value.len(), N))
}

#[cold]
fn other_length(length: usize, expected: usize) -> Error {
    corrupt(&format!("a value has {length} bytes, expected {expected}"))
}

#[inline(never)]
fn append_uuid(builder: &mut StringBuilder, id: [u8; 16]) {
    let mut shown = uuid::Uuid::encode_buffer();
    builder.append_value(uuid::Uuid::from_bytes(id).hyphenated().encode_lower(&mut shown));
}

fn counted(value: &[u8]) -> Result<u64> {
    u64::try_from(i64::from_be_bytes(fixed(value)?))
        .map_err(|_| corrupt("a number of rows is below zero"))
}

#[inline]
fn date(value: &[u8]) -> Result<i32> {
    let days = i32::from_be_bytes(fixed(value)?);
    match days {
        i32::MAX => Err(endless("date", "infinity")),
        i32::MIN => Err(endless("date", "-infinity")),
        days => days.checked_add(DAYS_TO_2000).ok_or_else(|| beyond("date")),
    }
}

fn timestamp(value: &[u8]) -> Result<i64> {
    let micros = i64::from_be_bytes(fixed(value)?);
    match micros {
        i64::MAX => Err(endless("timestamp", "infinity")),
        i64::MIN => Err(endless("timestamp", "-infinity")),
        micros => micros.checked_add(MICROS_TO_2000).ok_or_else(|| beyond("timestamp")),
    }
}

fn time(value: &[u8]) -> Result<i64> {
    let micros = i64::from_be_bytes(fixed(value)?);
    match micros {
        0..DAY_MICROS => Ok(micros),
        DAY_MICROS => Err(Error::new(
            ErrorKind::InvalidValue,
            "the time 24:00:00 has no place in a day; leave it out in the query, or read it as text by a view",
        )),
        _ => Err(corrupt("a time is outside of a day")),
    }
}

#[cold]
fn endless(what: &str, value: &str) -> Error {
    let message = format!(
        "the {what} `{value}` has no place among {what}s; leave it out in the query, or read it as text by a view"
    );
    Error::new(ErrorKind::InvalidValue, message)
}

#[cold]
fn beyond(what: &str) -> Error {
    Error::new(ErrorKind::InvalidValue, format!("a {what} is beyond what can be told"))
}
