//! Schemas and projections: the bytes of a row are the specification's, and what is left out is passed over.

use super::files::{file, long, record, sized};
use super::*;
use datafusion::arrow::datatypes::Fields;
use mooring_spi::ErrorKind;
use serde_json::{Value, json};

fn structure(fields: &[(&str, DataType)]) -> DataType {
    let fields = fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
    DataType::Struct(fields.collect::<Fields>())
}

fn list(item: DataType) -> DataType {
    DataType::new_list(item, true)
}

fn refused(schema: &Value) -> Error {
    native(&file(schema, &[]), &[]).unwrap_err()
}

/// `first` defines a record, an enum and a fixed; the fields after it refer to them.
#[test]
fn what_a_left_out_field_defines_is_known() {
    let place = json!({"type": "record", "name": "Place", "fields": [
        {"name": "zip", "type": "int"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["HOME", "WORK"]}},
        {"name": "code", "type": {"type": "fixed", "name": "Code", "size": 2}},
    ]});
    let schema = record(json!([
        {"name": "first", "type": place},
        {"name": "second", "type": ["null", "Place"]},
        {"name": "kind", "type": "Kind"},
        {"name": "code", "type": {"type": "Code"}},
        {"name": "places", "type": {"type": "array", "items": "Place"}},
    ]));
    let place = |zip: i64, kind: i64| [long(zip), long(kind), b"ab".to_vec()].concat();
    let row = [
        place(1, 0),
        [long(1), place(2, 1)].concat(),
        long(1),
        b"cd".to_vec(),
        [long(2), place(3, 0), place(4, 1), long(0)].concat(),
    ];
    let file = file(&schema, &[&[row.concat()]]);
    let place = structure(&[("kind", DataType::Utf8), ("zip", DataType::Int64)]);
    let columns: [(&str, DataType, &str); 5] = [
        ("first", place.clone(), "{kind: HOME, zip: 1}"),
        ("second", place.clone(), "{kind: WORK, zip: 2}"),
        ("kind", DataType::Utf8, "WORK"),
        ("code", DataType::Binary, "6364"),
        ("places", list(place), "[{kind: HOME, zip: 3}, {kind: WORK, zip: 4}]"),
    ];
    for (name, kind, text) in &columns {
        // Commas part cells as well.
        assert_eq!(shown(&file, &[(*name, kind.clone())]), *text, "{name}");
    }
    let both = [("code", DataType::Binary), ("second", columns[1].1.clone())];
    assert_eq!(shown(&file, &both), "6364, {kind: WORK, zip: 2}");
}

/// "Names": a name with a dot is whole, one without is of the namespace around it.
#[test]
fn names_are_of_their_namespaces() {
    let number = |name: &str, bytes: usize| json!({"type": "fixed", "name": name, "size": bytes});
    let inner = json!({"type": "record", "name": "Inner", "namespace": "c.d", "fields": [
        {"name": "own", "type": number("F", 3)},
        {"name": "of_c", "type": "F"},
        {"name": "of_a", "type": "a.b.F"},
        {"name": "of_none", "type": "G"},
    ]});
    let dotted = json!({"type": "record", "name": "e.Dotted", "namespace": "ignored", "fields": [
        {"name": "own", "type": number("F", 4)},
        {"name": "again", "type": "F"},
    ]});
    let schema = json!({"type": "record", "name": "row", "namespace": "a.b", "fields": [
        {"name": "g", "type": {"type": "fixed", "name": "G", "namespace": "", "size": 1}},
        {"name": "f", "type": number("F", 2)},
        {"name": "inner", "type": inner},
        {"name": "dotted", "type": dotted},
        {"name": "last", "type": {"type": "array", "items": "e.F"}},
        {"name": "near", "type": "F"},
    ]});
    let row = [
        b"1".to_vec(),
        b"22".to_vec(),
        b"333333221".to_vec(),
        b"44444444".to_vec(),
        [long(1), b"5555".to_vec(), long(0)].concat(),
        b"66".to_vec(),
    ];
    let file = file(&schema, &[&[row.concat()]]);
    let of = |names: [&'static str; 4]| structure(&names.map(|name| (name, DataType::Binary)));
    let columns = [
        ("g", DataType::Binary),
        ("near", DataType::Binary),
        ("inner", of(["own", "of_c", "of_a", "of_none"])),
    ];
    assert_eq!(
        shown(&file, &columns),
        "31, 3636, {own: 333333, of_c: 333333, of_a: 3232, of_none: 31}"
    );
    assert_eq!(shown(&file, &[("last", list(DataType::Binary))]), "[35353535]");
}

#[test]
fn what_takes_no_bytes_is_null() {
    let nothing =
        json!({"type": "record", "name": "Nothing", "fields": [{"name": "n", "type": "null"}]});
    let some = json!({"type": "record", "name": "Some", "fields": [
        {"name": "gone", "type": "Nothing"}, {"name": "x", "type": "int"}, {"name": "n", "type": "null"},
    ]});
    let schema = record(json!([
        {"name": "n", "type": "null"},
        {"name": "nothing", "type": nothing},
        {"name": "some", "type": some},
        {"name": "holes", "type": {"type": "map", "values": "null"}},
    ]));
    let rows = [7, 8].map(|x| [long(x), long(1), sized("key"), long(0)].concat());
    let file = file(&schema, &[&rows]);
    let some = structure(&[("x", DataType::Int32), ("gone", DataType::Utf8)]);
    let columns = [("n", DataType::Int32), ("some", some), ("nothing", DataType::Utf8)];
    assert_eq!(shown(&file, &columns), ", {x: 7, gone: }, \n, {x: 8, gone: }, ");
    assert_eq!(shown(&file, &[("n", DataType::Utf8)]), "\n");
    let error = native(&file, &["holes"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("field `holes`: a map whose values"), "{error}");
}

#[test]
fn schemas_that_cost_nothing_to_multiply_are_refused() {
    let items =
        |items: Value| record(json!([{"name": "a", "type": {"type": "array", "items": items}}]));
    let empty = json!({"type": "record", "name": "E", "fields": []});
    let nested = json!({"type": "record", "name": "N", "fields": [{"name": "e", "type": empty}]});
    let zero = json!({"type": "fixed", "name": "Z", "size": 0});
    let list = json!(["null", {"type": "record", "name": "L", "fields": [
        {"name": "next", "type": ["null", "L"]},
    ]}]);
    let itself = record(json!([{"name": "next", "type": ["null", "row"]}]));
    let cases = [
        (items(json!("null")), "field `a`: an array whose items take no bytes"),
        (items(nested), "field `a`: an array whose items take no bytes"),
        (items(zero), "fixed `Z` has no bytes"),
        (items(list), "field `next`: type `L` contains itself"),
        (itself, "field `next`: type `row` contains itself"),
        (record(json!([])), "takes any bytes"),
        (record(json!([{"name": "n", "type": "null"}])), "takes any bytes"),
        (json!("string"), "not of a record"),
        (json!(["null", record(json!([]))]), "not of a record"),
    ];
    for (schema, part) in cases {
        let error = refused(&schema);
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{schema}");
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn what_is_no_schema_is_corrupt() {
    let field = |kind: Value| record(json!([{"name": "a", "type": kind}]));
    let schemas = [
        field(json!("missing")),
        field(json!({"type": "array"})),
        field(json!({"items": "int"})),
        field(json!({"type": "fixed", "name": "F"})),
        field(json!({"type": "fixed", "size": 3})),
        field(json!({"type": "enum", "name": "E", "symbols": [1]})),
        field(json!(["null", ["int"]])),
        field(json!(["int", {"type": "int", "logicalType": "date"}])),
        field(json!([])),
        field(json!(7)),
        json!({"type": "record", "name": "r"}),
        json!({"type": "record", "fields": []}),
        record(json!([{"type": "int"}])),
        record(json!([{"name": "a"}])),
    ];
    for schema in schemas {
        assert_eq!(refused(&schema).kind(), ErrorKind::CorruptData, "{schema}");
    }
    for text in ["", "{", "\u{0}", r#"{"type": "record""#] {
        let header = files::header(&[("avro.schema", text.as_bytes())]);
        assert_eq!(native(&header, &[]).unwrap_err().kind(), ErrorKind::CorruptData);
    }
}

/// A definition that stands twice is what it says at each place; what refers to it could be either.
#[test]
fn names_may_be_defined_again_but_not_referred_to() {
    let number = |bytes: usize| json!({"type": "fixed", "name": "F", "size": bytes});
    let mut fields =
        vec![json!({"name": "a", "type": number(1)}), json!({"name": "b", "type": number(2)})];
    let data = [b"xyz".to_vec()];
    let columns = [("a", DataType::Binary), ("b", DataType::Binary)];
    assert_eq!(shown(&file(&record(json!(fields)), &[&data]), &columns), "78, 797a");
    fields.push(json!({"name": "c", "type": "F"}));
    let error = refused(&record(json!(fields)));
    assert_eq!(error.kind(), ErrorKind::CorruptData);
    assert!(error.message().contains("`F` is defined several times"), "{error}");
}

/// As deep as is read, and one more; arrays and records, which take more brackets.
#[test]
fn deep_schemas_are_bounded() {
    let arrays = |depth: usize| {
        (1..depth).fold(json!("int"), |inner, _| json!({"type": "array", "items": inner}))
    };
    let records = |depth: usize| {
        (1..depth).fold(json!("int"), |inner, level| {
            json!({"type": "record", "name": format!("r{level}"), "fields": [{"name": "f", "type": inner}]})
        })
    };
    let of = |kind: Value| record(json!([{"name": "a", "type": kind}]));
    let row = [vec![2; 31], long(5), vec![0; 31]].concat();
    let (batch, _) = native(&file(&of(arrays(32)), &[&[row]]), &["a"]).unwrap();
    assert_eq!(batch.unwrap().num_rows(), 1);
    let (batch, _) = native(&file(&of(records(32)), &[&[long(5)]]), &["a"]).unwrap();
    assert_eq!(batch.unwrap().num_rows(), 1);
    for schema in [of(arrays(33)), of(records(33))] {
        assert_eq!(refused(&schema).kind(), ErrorKind::LimitExceeded);
    }
}

/// Each record has two of the one before: what would be written out is 2^31 types.
#[test]
fn references_that_multiply_are_counted() {
    let mut fields = vec![
        json!({"name": "r0", "type": {"type": "record", "name": "R0", "fields": [{"name": "x", "type": "int"}]}}),
    ];
    for level in 1..31 {
        let inner = format!("R{}", level - 1);
        fields.push(json!({"name": format!("r{level}"), "type": {"type": "record", "name": format!("R{level}"),
            "fields": [{"name": "a", "type": inner}, {"name": "b", "type": inner}]}}));
    }
    let file = file(&record(json!(fields)), &[]);
    assert_eq!(native(&file, &["r30"]).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(native(&file, &["r5"]).unwrap().0.is_none());
}
