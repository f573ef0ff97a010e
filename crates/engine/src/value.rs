//! Between `spi` values, predicates and statistics and DataFusion's.

use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use mooring_spi::{Count, TableStatistics, Value};
use std::sync::Arc;

/// The value as a scalar of the column's type; `None` where the two do not fit.
pub(crate) fn to_scalar(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    let scalar = match value {
        Value::Null => return ScalarValue::try_from(data_type).ok(),
        Value::Boolean(value) => ScalarValue::Boolean(Some(*value)),
        Value::Int(value) => ScalarValue::Int64(Some(*value)),
        Value::UInt(value) => ScalarValue::UInt64(Some(*value)),
        Value::Float(value) => ScalarValue::Float64(Some(*value)),
        Value::Decimal { unscaled, scale } => ScalarValue::Decimal128(Some(*unscaled), 38, *scale),
        Value::Text(value) => ScalarValue::Utf8(Some(value.clone())),
        Value::Binary(value) => ScalarValue::Binary(Some(value.clone())),
        Value::Date(value) => ScalarValue::Date32(Some(*value)),
        Value::Timestamp(value) => {
            let zone = match data_type {
                DataType::Timestamp(_, zone) => zone.clone(),
                _ => None,
            };
            ScalarValue::TimestampMicrosecond(Some(*value), zone)
        }
    };
    match scalar.data_type() == *data_type {
        true => Some(scalar),
        false => scalar.cast_to(data_type).ok(),
    }
}

/// The scalar as a value; `None` for a type that predicates do not carry.
pub(crate) fn from_scalar(scalar: &ScalarValue) -> Option<Value> {
    if scalar.is_null() {
        return Some(Value::Null);
    }
    Some(match scalar {
        ScalarValue::Boolean(Some(value)) => Value::Boolean(*value),
        ScalarValue::Int8(Some(value)) => Value::Int((*value).into()),
        ScalarValue::Int16(Some(value)) => Value::Int((*value).into()),
        ScalarValue::Int32(Some(value)) => Value::Int((*value).into()),
        ScalarValue::Int64(Some(value)) => Value::Int(*value),
        ScalarValue::UInt8(Some(value)) => Value::UInt((*value).into()),
        ScalarValue::UInt16(Some(value)) => Value::UInt((*value).into()),
        ScalarValue::UInt32(Some(value)) => Value::UInt((*value).into()),
        ScalarValue::UInt64(Some(value)) => Value::UInt(*value),
        ScalarValue::Float32(Some(value)) => Value::Float((*value).into()),
        ScalarValue::Float64(Some(value)) => Value::Float(*value),
        ScalarValue::Decimal128(Some(value), _, scale) => {
            Value::Decimal { unscaled: *value, scale: *scale }
        }
        ScalarValue::Utf8(Some(value))
        | ScalarValue::LargeUtf8(Some(value))
        | ScalarValue::Utf8View(Some(value)) => Value::Text(value.clone()),
        ScalarValue::Binary(Some(value))
        | ScalarValue::LargeBinary(Some(value))
        | ScalarValue::BinaryView(Some(value)) => Value::Binary(value.clone()),
        ScalarValue::Date32(Some(value)) => Value::Date(*value),
        ScalarValue::TimestampMicrosecond(Some(value), _) => Value::Timestamp(*value),
        ScalarValue::TimestampMillisecond(Some(value), _) => {
            Value::Timestamp(value.checked_mul(1_000)?)
        }
        ScalarValue::TimestampSecond(Some(value), _) => {
            Value::Timestamp(value.checked_mul(1_000_000)?)
        }
        ScalarValue::Dictionary(_, value) => return from_scalar(value),
        _ => return None,
    })
}

fn precision(count: Count) -> Precision<usize> {
    match count {
        Count::Exact(count) => Precision::Exact(usize::try_from(count).unwrap_or(usize::MAX)),
        Count::Estimate(count) => Precision::Inexact(usize::try_from(count).unwrap_or(usize::MAX)),
        Count::Unknown => Precision::Absent,
    }
}

/// The statistics of a table with `schema`, as the planner takes them. Bounds count as exact only
/// where the row count is.
pub(crate) fn to_statistics(statistics: &TableStatistics, schema: &SchemaRef) -> Arc<Statistics> {
    let exact = matches!(statistics.rows, Count::Exact(_));
    let bound = |value: &Option<Value>, data_type: &DataType| {
        let comparable = !matches!(data_type, DataType::Timestamp(TimeUnit::Nanosecond, _));
        match value.as_ref().filter(|_| comparable).and_then(|value| to_scalar(value, data_type)) {
            Some(scalar) if exact => Precision::Exact(scalar),
            Some(scalar) => Precision::Inexact(scalar),
            None => Precision::Absent,
        }
    };
    let columns = schema.fields().iter().enumerate().map(|(index, field)| {
        let Some(column) = statistics.columns.get(index) else {
            return ColumnStatistics::new_unknown();
        };
        let mut known = ColumnStatistics::new_unknown();
        known.null_count = precision(column.nulls);
        known.distinct_count = precision(column.distinct);
        known.min_value = bound(&column.min, field.data_type());
        known.max_value = bound(&column.max, field.data_type());
        known
    });
    let mut known = Statistics::new_unknown(schema);
    known.num_rows = precision(statistics.rows);
    known.total_byte_size = precision(statistics.bytes);
    known.column_statistics = columns.collect();
    Arc::new(known)
}
