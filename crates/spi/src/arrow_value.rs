//! Between Arrow's values, text of partitions, and [`Value`].

use crate::{Value, padded, padded_length};
use arrow::array::{Array, AsArray, StringArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow::error::ArrowError;

/// One value of an array; `None` for a type that has no [`Value`].
pub fn value_at(array: &dyn Array, row: usize) -> Option<Value> {
    if array.is_null(row) {
        return Some(Value::Null);
    }
    let value = match array.data_type() {
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Int8 => Value::Int(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Value::Int(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Value::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Value::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => Value::UInt(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Value::UInt(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Value::UInt(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Value::UInt(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => Value::Float(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => Value::Decimal {
            unscaled: array.as_primitive::<Decimal128Type>().value(row),
            scale: *scale,
        },
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Value::Binary(array.as_binary::<i32>().value(row).to_owned()),
        DataType::Date32 => Value::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            Value::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        _ => return None,
    };
    Some(value)
}

/// What stands for null in the name of a partition: Hive's `hive.exec.default.partition.name`.
const NULL_PARTITION: &str = "__HIVE_DEFAULT_PARTITION__";

/// A partition's value of a column. That of a `char(n)` has n characters, whoever wrote the partition.
///
/// # Errors
/// Why `text` is none, as a part of a sentence.
pub fn partition_value(column: &Field, text: &str) -> Result<Value, String> {
    if text == NULL_PARTITION {
        return Ok(Value::Null);
    }
    if let Some(length) = padded_length(column) {
        return Ok(Value::Text(padded(text, length)));
    }
    parse(text, column.data_type())
        .map_err(|_| format!("`{text}` is no {}", column.data_type().to_string().to_lowercase()))
}

/// Reads a value of a column's type from text, as the engine casts text to that type.
fn parse(text: &str, data_type: &DataType) -> Result<Value, ArrowError> {
    match data_type {
        DataType::Utf8 => return Ok(Value::Text(text.to_owned())),
        DataType::Binary => return Ok(Value::Binary(text.as_bytes().to_owned())),
        _ => {}
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let array = cast_with_options(&StringArray::from(vec![text]), data_type, &options)?;
    match value_at(&array, 0) {
        Some(value) if !value.is_null() => Ok(value),
        _ => Err(ArrowError::CastError(format!("text cannot be read as {data_type}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_the_columns_type() {
        let wall = DataType::Timestamp(TimeUnit::Microsecond, None);
        let cases = [
            ("true", DataType::Boolean, Value::Boolean(true)),
            ("-7", DataType::Int32, Value::Int(-7)),
            ("7", DataType::UInt16, Value::UInt(7)),
            ("1.5", DataType::Float64, Value::Float(1.5)),
            ("1.5", DataType::Decimal128(5, 2), Value::Decimal { unscaled: 150, scale: 2 }),
            ("1.5", DataType::Utf8, Value::Text("1.5".into())),
            ("1970-01-02", DataType::Date32, Value::Date(1)),
            ("1970-01-01 00:00:01", wall, Value::Timestamp(1_000_000)),
        ];
        for (text, data_type, expected) in cases {
            assert_eq!(parse(text, &data_type).expect(text), expected);
        }
    }

    #[test]
    fn partitions_of_characters_have_all_of_them() {
        let metadata = [(crate::PADDED_LENGTH.to_owned(), "3".to_owned())];
        let column = Field::new("c", DataType::Utf8, true).with_metadata(metadata.into());
        for (text, expected) in [("a", "a  "), ("a  ", "a  "), ("", "   "), ("größe", "grö")] {
            assert_eq!(partition_value(&column, text), Ok(Value::Text(expected.to_owned())));
        }
        assert_eq!(partition_value(&column, NULL_PARTITION), Ok(Value::Null));
    }

    #[test]
    fn text_of_another_type_is_refused() {
        for (text, data_type) in [
            ("x", DataType::Int32),
            ("", DataType::Int64),
            ("300", DataType::Int8),
            ("2024-13-01", DataType::Date32),
            ("1000.0", DataType::Decimal128(5, 2)),
        ] {
            assert!(parse(text, &data_type).is_err(), "`{text}` as {data_type}");
        }
    }
}
