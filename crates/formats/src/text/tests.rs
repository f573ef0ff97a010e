//! Expectations are read by hand from the sources named in the modules.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use mooring_spi::ErrorKind;

use super::*;

fn schema(types: &[DataType]) -> SchemaRef {
    let field = |(index, data_type): (usize, &DataType)| {
        Field::new(format!("c{index}"), data_type.clone(), true)
    };
    Arc::new(Schema::new(types.iter().enumerate().map(field).collect::<Vec<_>>()))
}

/// The values of one line, as Arrow shows them.
fn read(options: &HiveTextOptions, types: &[DataType], line: &[u8]) -> Vec<String> {
    let projection: Vec<_> = (0..types.len()).collect();
    let mut decoder = TextDecoder::new(options, &schema(types), &projection, 10).unwrap();
    decoder.line(line).unwrap();
    let batch = decoder.flush().unwrap().unwrap();
    assert_eq!(batch.num_rows(), 1);
    let format = FormatOptions::default().with_null("NULL");
    let text = |column| ArrayFormatter::try_new(column, &format).unwrap().value(0).to_string();
    batch.columns().iter().map(|column| text(column.as_ref())).collect()
}

fn comma() -> HiveTextOptions {
    HiveTextOptions { separators: b",;:|".to_vec(), ..HiveTextOptions::default() }
}

fn list(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("element", element, true)))
}

fn map(key: DataType, value: DataType) -> DataType {
    let fields = vec![Field::new("key", key, false), Field::new("value", value, true)];
    DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields.into()), false)), false)
}

fn structure() -> DataType {
    let fields =
        vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)];
    DataType::Struct(fields.into())
}

#[test]
fn primitive_values() {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    for (data_type, text, expected) in [
        (DataType::Utf8, "a b", "a b"),
        (DataType::Utf8, "", ""),
        (DataType::Utf8, "\\N", "NULL"),
        (DataType::Int8, "127", "127"),
        (DataType::Int8, "128", "NULL"),
        (DataType::Int16, "-32768", "-32768"),
        (DataType::Int16, "-32769", "NULL"),
        (DataType::Int32, "2147483648", "NULL"),
        (DataType::Int64, "12.7", "12"),
        (DataType::Int64, "", "NULL"),
        (DataType::Boolean, "TRUE", "true"),
        (DataType::Boolean, "False", "false"),
        (DataType::Boolean, "t", "NULL"),
        (DataType::Boolean, "1", "NULL"),
        (DataType::Float64, "1.5f", "1.5"),
        (DataType::Float32, "x", "NULL"),
        (DataType::Date32, "2020-01-05", "2020-01-05"),
        (DataType::Date32, "1-1-1", "NULL"),
        (DataType::Decimal128(5, 2), "1.005", "1.01"),
        (DataType::Decimal128(5, 2), "1000", "NULL"),
        (DataType::Binary, "Zm9v", "666f6f"),
        (DataType::Binary, "?", "3f"),
        (timestamp.clone(), "2020-01-05 10:11:12.5", "2020-01-05T10:11:12.500"),
        (timestamp, "today", "NULL"),
    ] {
        assert_eq!(read(&comma(), &[data_type], text.as_bytes()), [expected], "{text}");
    }
}

#[test]
fn fields_of_a_line() {
    let types = [DataType::Utf8, DataType::Int32, DataType::Utf8];
    assert_eq!(read(&comma(), &types, b"a,1,b"), ["a", "1", "b"]);
    assert_eq!(read(&comma(), &types, b"a"), ["a", "NULL", "NULL"]);
    assert_eq!(read(&comma(), &types, b"a,1,b,c"), ["a", "1", "b"]);
    assert_eq!(read(&comma(), &types, b""), ["", "NULL", "NULL"]);
    assert_eq!(read(&comma(), &types[1..], b""), ["NULL", "NULL"]);
    assert_eq!(read(&comma(), &types, b"a,1,\xff"), ["a", "1", "\u{fffd}"]);
    let rest = HiveTextOptions { last_column_takes_rest: true, ..comma() };
    assert_eq!(read(&rest, &types, b"a,1,b,c,"), ["a", "1", "b,c,"]);
    let null = HiveTextOptions { null: String::new(), ..comma() };
    assert_eq!(read(&null, &types, b",1,\\N"), ["NULL", "1", "\\N"]);
}

#[test]
fn escapes() {
    let options = HiveTextOptions { escape: Some(b'\\'), ..comma() };
    let types = [DataType::Utf8, DataType::Utf8];
    assert_eq!(read(&options, &types, br"a\,b,c\\"), ["a,b", r"c\"]);
    assert_eq!(read(&options, &types, br"a\nb\r\tc,d\"), ["a\nb\rtc", r"d\"]);
    // The null text is compared with the bytes as they stand.
    assert_eq!(read(&options, &types, br"\N,\\N"), ["NULL", r"\N"]);
}

#[test]
fn nested_values() {
    for (data_type, text, expected) in [
        (list(DataType::Int32), "1;x;3", "[1, NULL, 3]"),
        (list(DataType::Int32), "", "[]"),
        (list(DataType::Utf8), ";", "[, ]"),
        (list(DataType::Utf8), "\\N", "NULL"),
        (list(list(DataType::Int32)), "1:2;;3", "[[1, 2], [], [3]]"),
        (map(DataType::Utf8, DataType::Int32), "a:1;b:2", "{a: 1, b: 2}"),
        (map(DataType::Utf8, DataType::Int32), "a:1;a:2", "{a: 1}"),
        (map(DataType::Utf8, DataType::Int32), "a;\\N:2;b:", "{a: NULL, b: NULL}"),
        (map(DataType::Int32, DataType::Utf8), "x:1;2:y:z", "{2: y:z}"),
        (map(DataType::Utf8, DataType::Int32), "", "{}"),
        (structure(), "1;a", "{x: 1, y: a}"),
        (structure(), "", "{x: NULL, y: NULL}"),
        (structure(), "\\N", "NULL"),
    ] {
        assert_eq!(read(&comma(), &[data_type], text.as_bytes()), [expected], "{text}");
    }
}

#[test]
fn projected_columns_come_in_their_order() {
    let types = [DataType::Utf8, DataType::Int32, DataType::Utf8];
    let mut decoder = TextDecoder::new(&comma(), &schema(&types), &[2, 0], 1).unwrap();
    assert!(decoder.flush().unwrap().is_none());
    decoder.line(b"a,1,b").unwrap();
    assert!(decoder.full());
    let batch = decoder.flush().unwrap().unwrap();
    assert_eq!(batch.schema().field(0).name(), "c2");
    assert_eq!(batch.num_columns(), 2);
    assert_eq!(decoder.rows(), 0);
    let mut decoder = TextDecoder::new(&comma(), &schema(&types), &[], 1).unwrap();
    decoder.line(b"a,1,b").unwrap();
    assert_eq!(decoder.flush().unwrap().unwrap().num_rows(), 1);
}

#[test]
fn too_deep_a_type_is_refused() {
    let options = HiveTextOptions { separators: b",;".to_vec(), ..comma() };
    let types = [list(list(DataType::Int32))];
    let error = TextDecoder::new(&options, &schema(&types), &[0], 1).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("`c0`"), "{error}");
}
