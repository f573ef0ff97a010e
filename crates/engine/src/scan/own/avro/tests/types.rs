//! Which of Arrow's types the types of Avro are.

use super::files::{file, long, record, sized};
use super::*;
use arrow_avro::reader::ReaderBuilder;
use serde_json::{Value, json};
use std::io::Cursor;

/// Types, each with the bytes of one value.
fn types() -> Vec<(Value, Vec<u8>)> {
    let logical = |kind: &str, meaning: &str| json!({"type": kind, "logicalType": meaning});
    let decimal = json!({"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2});
    let wide = json!({"type": "bytes", "logicalType": "decimal", "precision": 60});
    let fixed_decimal = json!({"type": "fixed", "name": "D", "size": 5, "logicalType": "decimal", "precision": 9, "scale": 3});
    let symbols = json!({"type": "enum", "name": "E", "symbols": ["A", "B"], "default": "A"});
    let inner = json!({"type": "record", "name": "R", "doc": "some text", "fields": [
        {"name": "größe", "type": ["string", "null"], "default": "x"},
        {"name": "again", "type": "E", "aliases": ["other"]},
    ]});
    let row = [sized("x"), long(1)].concat();
    let mut types = vec![
        (json!("boolean"), vec![1]),
        (json!("int"), long(-5)),
        (json!("long"), long(1 << 40)),
        (json!("float"), 1.5_f32.to_le_bytes().to_vec()),
        (json!("double"), 2.5_f64.to_le_bytes().to_vec()),
        (json!("bytes"), sized([0, 255])),
        (json!("string"), sized("größe")),
        (logical("int", "date"), long(19_000)),
        (logical("int", "time-millis"), long(1000)),
        (logical("int", "time-micros"), long(1000)),
        (logical("string", "varchar"), sized("x")),
        (json!({"type": "fixed", "name": "F", "size": 3}), b"abc".to_vec()),
        (decimal, sized([0xff])),
        (wide, sized([1; 20])),
        (fixed_decimal, vec![0, 0, 0, 1, 0]),
        (symbols, long(1)),
        (json!(["null", "int"]), vec![2, 4]),
        (json!(["int", "null"]), vec![2]),
        (json!({"type": "array", "items": ["null", "long"]}), vec![4, 0, 2, 2, 0]),
        (
            json!({"type": "map", "values": "double"}),
            [long(1), sized("key"), 0.5_f64.to_le_bytes().to_vec(), long(0)].concat(),
        ),
    ];
    for meaning in [
        "time-micros",
        "timestamp-millis",
        "timestamp-micros",
        "timestamp-nanos",
        "local-timestamp-millis",
        "local-timestamp-micros",
        "local-timestamp-nanos",
        "date",
    ] {
        types.push((logical("long", meaning), long(1 << 35)));
    }
    types.push((inner, [vec![0], row].concat()));
    types
}

fn all() -> (Vec<String>, Vec<u8>) {
    let (kinds, values): (Vec<Value>, Vec<Vec<u8>>) = types().into_iter().unzip();
    let names: Vec<String> = (0..kinds.len()).map(|place| format!("f{place}")).collect();
    let fields = names.iter().zip(kinds).map(|(name, kind)| json!({"name": name, "type": kind}));
    let schema = record(Value::Array(fields.collect()));
    (names, file(&schema, &[&[values.concat()], &[values.concat(), values.concat()]]))
}

/// A reader of whole files is the judge.
#[test]
fn types_and_values_are_those_of_arrow_avro() {
    let (names, file) = all();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut reader = ReaderBuilder::new().build(Cursor::new(&file)).unwrap();
    let schema = reader.schema();
    let expected = reader.next().unwrap().unwrap();
    let (batch, _) = native(&file, &names).unwrap();
    let batch = batch.unwrap();
    assert_eq!((batch.num_rows(), expected.num_rows()), (3, 3));
    for (place, name) in names.iter().enumerate() {
        let kinds = [batch.column(place).data_type(), schema.field(place).data_type()];
        assert_eq!(plain(kinds[0]), plain(kinds[1]), "{name}");
        let (alone, _) = native(&file, &[*name]).unwrap();
        assert_eq!(alone.unwrap().column(0), batch.column(place), "{name}");
        let values = [&batch, &expected].map(|batch| {
            lines(&[RecordBatch::try_from_iter([("f", batch.column(place).clone())]).unwrap()])
        });
        assert_eq!(values[0], values[1], "{name}");
    }
}

/// Fields without what a writer noted at them.
fn plain(kind: &DataType) -> String {
    match kind {
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| {
                format!("{} {} {}", field.name(), field.is_nullable(), plain(field.data_type()))
            });
            format!("struct {:?}", fields.collect::<Vec<_>>())
        }
        other => other.to_string(),
    }
}

/// A table has text of them, and arrow-avro 16 bytes.
#[test]
fn uuids_are_text() {
    let uuid = "6f1b1d3e-0000-4000-8000-00000000000a";
    let schema = record(json!([{"name": "u", "type": {"type": "string", "logicalType": "uuid"}}]));
    let file = file(&schema, &[&[sized(uuid)]]);
    assert_eq!(shown(&file, &[("u", DataType::Utf8)]), uuid);
}

/// A table has bytes of them, and arrow-avro an interval that is cast to nothing.
#[test]
fn durations_are_bytes() {
    let duration = json!({"type": "fixed", "name": "I", "size": 12, "logicalType": "duration"});
    let file = file(&record(json!([{"name": "d", "type": duration}])), &[&[vec![1; 12]]]);
    assert_eq!(shown(&file, &[("d", DataType::Binary)]), "01".repeat(12));
}

/// A column has one type.
#[test]
fn unions_of_several_types_are_refused_where_they_are_read() {
    let inside = json!({"type": "array", "items": ["string", "null", "bytes"]});
    let schema = record(json!([
        {"name": "id", "type": "int"},
        {"name": "either", "type": ["null", "int", "string"]},
        {"name": "inside", "type": inside},
    ]));
    let row = [long(7), long(2), sized("x"), long(1), long(0), sized("y"), long(0)].concat();
    let file = file(&schema, &[&[row]]);
    for name in ["either", "inside"] {
        let error = read(&file, &wanted(&[(name, DataType::Int32)], 9)).unwrap_err();
        assert_eq!(error.kind(), mooring_spi::ErrorKind::Unsupported);
        let named = format!("field `{name}`: a union of several types");
        assert!(error.message().contains(&named), "{error}");
    }
    assert_eq!(shown(&file, &[("id", DataType::Int32)]), "7");
}

/// "Logical Types": one that is invalid is as if it were not there.
#[test]
fn logical_types_that_are_invalid_are_none() {
    let kinds = [
        json!({"type": "bytes", "logicalType": "decimal"}),
        json!({"type": "bytes", "logicalType": "decimal", "precision": 0}),
        json!({"type": "bytes", "logicalType": "decimal", "precision": 2, "scale": 3}),
        json!({"type": "string", "logicalType": "date"}),
        json!({"type": "string", "logicalType": 7}),
    ];
    for kind in kinds {
        let schema = record(json!([{"name": "f", "type": kind}]));
        let (batch, _) = native(&file(&schema, &[&[sized("a")]]), &["f"]).unwrap();
        let batch = batch.unwrap();
        let found = batch.column(0).data_type();
        assert!(matches!(found, DataType::Binary | DataType::Utf8), "{kind}: {found}");
    }
    // Of nine digits, four bytes are the least.
    for (size, precision, is_decimal) in [(4, 9, true), (4, 10, false), (3, 9, false)] {
        let kind = json!({"type": "fixed", "name": "F", "size": size, "logicalType": "decimal", "precision": precision});
        let schema = record(json!([{"name": "f", "type": kind}]));
        let (batch, _) = native(&file(&schema, &[&[vec![0; size]]]), &["f"]).unwrap();
        let batch = batch.unwrap();
        let found = matches!(batch.column(0).data_type(), DataType::Decimal128(_, 0));
        assert_eq!(found, is_decimal, "{size} {precision}");
    }
}
