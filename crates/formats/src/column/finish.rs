//! A column's values as an Arrow array.

use std::mem::take;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, ListArray, MapArray, PrimitiveArray,
    StringArray, StructArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type, TimestampMicrosecondType,
};
use arrow::error::ArrowError;
use mooring_spi::{Error, ErrorKind, Result};

use super::{Column, Spans, StructValues, Values};

impl Column {
    /// What was appended; the column is empty then.
    ///
    /// # Errors
    /// `LimitExceeded` when an array would hold more than 2 GiB of text or elements.
    pub(crate) fn finish(&mut self) -> Result<ArrayRef> {
        let len = self.len();
        let nulls = self.present.finish();
        Ok(match &mut self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int8(values) => primitive::<Int8Type>(values, nulls),
            Values::Int16(values) => primitive::<Int16Type>(values, nulls),
            Values::Int32(values) => primitive::<Int32Type>(values, nulls),
            Values::Int64(values) => primitive::<Int64Type>(values, nulls),
            Values::Float32(values) => primitive::<Float32Type>(values, nulls),
            Values::Float64(values) => primitive::<Float64Type>(values, nulls),
            Values::Date32(values) => primitive::<Date32Type>(values, nulls),
            Values::Timestamp { values, data_type, .. } => {
                let values = ScalarBuffer::from(take(values));
                Arc::new(
                    PrimitiveArray::<TimestampMicrosecondType>::new(values, nulls)
                        .with_data_type(data_type.clone()),
                )
            }
            Values::Decimal { values, precision, scale } => Arc::new(
                Decimal128Array::new(ScalarBuffer::from(take(values)), nulls)
                    .with_precision_and_scale(*precision, *scale)
                    .map_err(unusable)?,
            ),
            Values::Utf8(spans) => Arc::new(text(spans, nulls)?),
            Values::Binary(spans) => {
                let offsets = offsets(&take(&mut spans.ends))?;
                let bytes = Buffer::from_vec(take(&mut spans.bytes));
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls).map_err(unusable)?)
            }
            Values::List(list) => {
                let offsets = offsets(&take(&mut list.ends))?;
                let elements = list.elements.finish()?;
                let field = list.field.clone();
                Arc::new(ListArray::try_new(field, offsets, elements, nulls).map_err(unusable)?)
            }
            Values::Map(map) => {
                let offsets = offsets(&take(&mut map.ends))?;
                let columns = vec![map.keys.finish()?, map.values.finish()?];
                let entries =
                    StructArray::try_new(map.entries.clone(), columns, None).map_err(unusable)?;
                Arc::new(
                    MapArray::try_new(map.field.clone(), offsets, entries, nulls, map.ordered)
                        .map_err(unusable)?,
                )
            }
            Values::Struct(values) => Arc::new(structs(values, nulls, len)?),
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(take(values)), nulls))
}

fn structs(
    values: &mut StructValues,
    nulls: Option<NullBuffer>,
    len: usize,
) -> Result<StructArray> {
    let columns = values.columns.iter_mut().map(Column::finish).collect::<Result<Vec<_>>>()?;
    StructArray::try_new_with_length(values.fields.clone(), columns, nulls, len).map_err(unusable)
}

/// What is no UTF-8 becomes U+FFFD, as when Java decodes it.
fn text(spans: &mut Spans, nulls: Option<NullBuffer>) -> Result<StringArray> {
    let ends = take(&mut spans.ends);
    let bytes = Buffer::from_vec(take(&mut spans.bytes));
    if let Ok(array) = StringArray::try_new(offsets(&ends)?, bytes.clone(), nulls.clone()) {
        return Ok(array);
    }
    let mut repaired = Spans::new();
    let mut start = 0;
    for end in ends {
        repaired.push(String::from_utf8_lossy(&bytes[start..end]).as_bytes());
        start = end;
    }
    let offsets = offsets(&repaired.ends)?;
    StringArray::try_new(offsets, Buffer::from_vec(repaired.bytes), nulls).map_err(unusable)
}

fn offsets(ends: &[usize]) -> Result<OffsetBuffer<i32>> {
    let last = ends.last().copied().unwrap_or(0);
    if i32::try_from(last).is_err() {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "a column of one batch holds {last} bytes or elements; at most {} fit",
                i32::MAX
            ),
        ));
    }
    let mut offsets = Vec::with_capacity(ends.len() + 1);
    offsets.push(0);
    // No end is beyond the last.
    offsets.extend(ends.iter().map(|end| *end as i32));
    Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
}

/// Only a field that may not be null brings this about.
fn unusable(error: ArrowError) -> Error {
    Error::new(ErrorKind::CorruptData, "the values of a column do not fit its type")
        .with_cause(error)
}
