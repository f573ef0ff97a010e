//! Expectations are read by hand from `HiveJsonReader.java`, or follow from what the modules say they do otherwise.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mooring_spi::ErrorKind;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn columns(data_type: DataType) -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("a", data_type, true),
        Field::new("b", DataType::Int32, true),
    ]))
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, true)))
}

fn map(value: DataType) -> DataType {
    let fields = vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

fn structure() -> DataType {
    let fields =
        vec![Field::new("x", DataType::Int32, true), Field::new("Y", DataType::Utf8, true)];
    DataType::Struct(fields.into())
}

/// The first column of the lines, as Arrow shows it.
fn read(data_type: &DataType, lines: &[&str], ignore_malformed: bool) -> Result<Vec<String>> {
    let options = HiveJsonOptions { ignore_malformed, ..HiveJsonOptions::default() };
    let mut decoder = JsonDecoder::new(&options, &columns(data_type.clone()), &[0], 100)?;
    for line in lines {
        decoder.line(line.as_bytes())?;
    }
    let Some(batch) = decoder.flush()? else { return Ok(Vec::new()) };
    let format = FormatOptions::default().with_null("NULL");
    let column = ArrayFormatter::try_new(batch.column(0), &format).unwrap();
    Ok((0..batch.num_rows()).map(|row| column.value(row).to_string()).collect())
}

#[test]
fn values() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    for (data_type, value, expected) in [
        (DataType::Utf8, r#""a\n\u00e9\ud83d\ude00\/""#, "a\né\u{1f600}/"),
        (DataType::Utf8, r#""\ud83d!""#, "\u{fffd}!"),
        (DataType::Utf8, "1.50", "1.50"),
        (DataType::Utf8, "true", "true"),
        (DataType::Utf8, r#"{"x" : [1, " "]}"#, r#"{"x":[1," "]}"#),
        (DataType::Utf8, "null", "NULL"),
        (DataType::Int32, "12", "12"),
        (DataType::Int32, "-1.9", "-1"),
        (DataType::Int32, "1e3", "1000"),
        (DataType::Int32, r#"" 7 ""#, "7"),
        (DataType::Int8, "true", "1"),
        (DataType::Int64, "9223372036854775807", "9223372036854775807"),
        (DataType::Float64, "1.5", "1.5"),
        (DataType::Float64, r#""1.5""#, "1.5"),
        (DataType::Boolean, "true", "true"),
        (DataType::Boolean, "0", "false"),
        (DataType::Boolean, r#""True""#, "true"),
        (DataType::Boolean, r#""yes""#, "false"),
        (DataType::Date32, r#""2020-01-05""#, "2020-01-05"),
        (timestamp.clone(), r#""2020-01-05 10:11:12""#, "2020-01-05T10:11:12"),
        (timestamp, r#""soon""#, "NULL"),
        (
            DataType::Decimal128(38, 18),
            "12345678901234567890.123456789012345678",
            "12345678901234567890.123456789012345678",
        ),
        (DataType::Decimal128(5, 2), r#""1.005""#, "1.01"),
        (DataType::Decimal128(5, 2), "123456", "NULL"),
        (DataType::Binary, r#""Zg""#, "5a67"),
        (list(DataType::Int32), "[1, null, \"3\"]", "[1, NULL, 3]"),
        (list(DataType::Int32), "[ ]", "[]"),
        (map(DataType::Int32), r#"{"k": 1, "l": null, "k": 2}"#, "{k: 2, l: NULL}"),
        (structure(), r#"{"X": 1, "y": "t", "z": {}}"#, "{x: 1, Y: t}"),
        (structure(), r#"{"X": 1, "x": 2, "X": 3}"#, "{x: 2, Y: NULL}"),
    ] {
        let line = format!(r#"{{"other": [{{}}], "a": {value}}}"#);
        assert_eq!(read(&data_type, &[&line], false).unwrap(), [expected], "{value}");
    }
}

#[test]
fn names_of_members() {
    for (line, expected) in [
        (r#"{"A": 1}"#, "1"),
        (r#"{"a": 1, "A": 2}"#, "1"),
        (r#"{"A": 2, "a": 1}"#, "1"),
        (r#"{"a": 1, "a": 2}"#, "2"),
        (r#"{"\u0061": 1}"#, "1"),
        (r#"{"b": 1}"#, "NULL"),
        (" {} ", "NULL"),
    ] {
        assert_eq!(read(&DataType::Int32, &[line], false).unwrap(), [expected], "{line}");
    }
}

#[test]
fn what_cannot_be_read_is_an_error_or_a_row_of_nulls() {
    let cases = [
        (DataType::Int32, "{"),
        (DataType::Int32, "[1]"),
        (DataType::Int32, "null"),
        (DataType::Int32, r#"{"a": 01}"#),
        (DataType::Int32, r#"{"a": 1,}"#),
        (DataType::Int32, r#"{"a": 1 "b": 2}"#),
        (DataType::Int32, r#"{"b": tru}"#),
        (DataType::Int32, "{\"b\": \"\t\"}"),
        (DataType::Int32, r#"{"a": "x"}"#),
        (DataType::Int32, r#"{"a": 2147483648}"#),
        (DataType::Int32, r#"{"a": []}"#),
        (DataType::Date32, r#"{"a": "x"}"#),
        (list(DataType::Int32), r#"{"a": [1, "x"]}"#),
        (list(DataType::Int32), r#"{"a": 1}"#),
        (map(DataType::Int32), r#"{"a": {"k": 1, "l": []}}"#),
        (structure(), r#"{"a": {"x": 1, "y": "t", "X": 1, "x": "s"}}"#),
    ];
    for (data_type, line) in cases {
        let error = read(&data_type, &[line], false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptData, "{line}");
        let rows = read(&data_type, &["{}", line, "", "{}"], true).unwrap();
        assert_eq!(rows, ["NULL"; 3], "{line}");
    }
    let deep = format!(r#"{{"b": {}"#, "[".repeat(100_000));
    assert_eq!(read(&DataType::Int32, &[&deep], false).unwrap_err().kind(), ErrorKind::CorruptData);
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_nothing(
        lines in vec(prop_oneof![vec(any::<u8>(), 0..40), "[{}\\[\\]\":,abx0-9.e\\\\u ]{0,40}".prop_map(String::into_bytes)], 1..20)
    ) {
        let options = HiveJsonOptions { ignore_malformed: true, ..HiveJsonOptions::default() };
        let types = list(structure());
        let mut decoder = JsonDecoder::new(&options, &columns(types), &[1, 0], 100).unwrap();
        for line in &lines {
            decoder.line(line).unwrap();
        }
        let rows = lines.iter().filter(|line| !trim(line).is_empty()).count();
        let read = decoder.flush().unwrap().map_or(0, |batch| batch.num_rows());
        prop_assert_eq!(read, rows);
    }
}
