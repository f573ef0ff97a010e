use super::*;
use proptest::prelude::*;

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn column(name: &str, hive_type: &str, comment: &str) -> StoredColumn {
    StoredColumn {
        name: name.to_owned(),
        hive_type: hive_type.to_owned(),
        comment: comment.to_owned(),
        missing: None,
    }
}

/// A table that keeps the column `id`.
fn storage() -> Storage {
    Storage { columns: vec![column("id", "int", "of ours")], ..Storage::default() }
}

fn of(parameters: &[(&str, &str)]) -> Result<Option<Vec<StoredColumn>>> {
    columns_by_schema("table `s.t`", &storage(), &properties(parameters))
}

/// By a record of these fields.
fn of_fields(fields: &str) -> Result<Vec<StoredColumn>> {
    let literal = format!(r#"{{"type": "record", "name": "a.Row", "fields": [{fields}]}}"#);
    of(&[(LITERAL, &literal)]).map(|columns| columns.expect("by the schema"))
}

/// The Hive type of a field of this Avro type.
fn of_type(avro: &str) -> Result<String> {
    of_fields(&format!(r#"{{"name": "x", "type": {avro}}}"#))
        .map(|mut columns| columns.remove(0).hive_type)
}

#[test]
fn types_are_those_of_hive() {
    for (avro, hive) in [
        (r#""long""#, "bigint"),
        (r#"["null", "bytes"]"#, "binary"),
        (r#"["string", "null"]"#, "string"),
        (r#"{"type": "int", "logicalType": "date"}"#, "date"),
        (r#"["null", {"type": "long", "logicalType": "timestamp-millis"}]"#, "timestamp"),
        (r#"{"type": "long", "logicalType": "timestamp-micros"}"#, "bigint"),
        (
            r#"{"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}"#,
            "decimal(10,2)",
        ),
        (r#"{"type": "bytes", "logicalType": "decimal", "precision": 5}"#, "decimal(5,0)"),
        (r#"{"type": "string", "logicalType": "varchar", "maxLength": 9}"#, "varchar(9)"),
        (r#"{"type": "fixed", "name": "F", "size": 4}"#, "binary"),
        (r#"{"type": "enum", "name": "E", "symbols": ["A"]}"#, "string"),
        (
            r#"{"type": "array", "items": {"type": "map", "values": ["null", "double"]}}"#,
            "array<map<string,double>>",
        ),
        (
            r#"{"type": "record", "name": "R", "fields": [{"name": "Zip", "type": "int", "default": null},
                {"name": "e", "type": {"type": "enum", "name": "E", "symbols": []}}, {"name": "f", "type": "E"}]}"#,
            "struct<zip:int,e:string,f:string>",
        ),
    ] {
        assert_eq!(of_type(avro).expect(avro), hive);
    }
}

#[test]
fn types_are_found_by_their_names() {
    let place = r#"{"name": "home", "type": {"type": "record", "name": "Place", "fields": [{"name": "zip", "type": "int"}]}}"#;
    for reference in [r#""Place""#, r#""a.Place""#, r#"{"type": "Place"}"#, r#"["null", "Place"]"#]
    {
        let fields = format!(r#"{place}, {{"name": "work", "type": {reference}}}"#);
        let columns = of_fields(&fields).expect(reference);
        assert_eq!(columns[1].hive_type, "struct<zip:int>", "{reference}");
    }
}

#[test]
fn names_defaults_and_comments_come_along() {
    let columns = of_fields(
        r#"{"name": "ID", "type": "int", "doc": "not so"}, {"name": "note", "type": "string", "default": "none yet"},
           {"name": "n", "type": ["null", "long"], "default": null, "doc": "how many"},
           {"name": "b", "type": "boolean", "default": false}, {"name": "i", "type": "int", "default": -3},
           {"name": "d", "type": "double", "default": 1.5}"#,
    );
    let with_default = |name, hive_type, missing: &str| StoredColumn {
        missing: Some(missing.to_owned()),
        ..column(name, hive_type, "")
    };
    let expected = [
        column("id", "int", "of ours"),
        with_default("note", "string", "none yet"),
        column("n", "bigint", "how many"),
        with_default("b", "boolean", "false"),
        with_default("i", "int", "-3"),
        with_default("d", "double", "1.5"),
    ];
    assert_eq!(columns.expect("columns"), expected);
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let record =
        |fields: &str| format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
    for (avro, why) in [
        (r#"["int", "string"]"#.to_owned(), "union"),
        (r#"["null"]"#.to_owned(), "union"),
        (r#"["null", "int", "long"]"#.to_owned(), "union"),
        (r#""Nobody""#.to_owned(), "`Nobody`"),
        (
            r#"{"type": "fixed", "name": "F", "size": 8, "logicalType": "decimal"}"#.to_owned(),
            "`decimal`",
        ),
        (r#"{"type": "bytes", "logicalType": "decimal"}"#.to_owned(), "precision"),
        (r#"{"type": "string", "logicalType": "uuid"}"#.to_owned(), "`uuid`"),
        (
            r#"{"type": "enum", "name": "E", "symbols": ["A"], "default": "A"}"#.to_owned(),
            "enumeration",
        ),
        (r#"{"type": "array"}"#.to_owned(), "`items`"),
        ("7".to_owned(), "`7`"),
        (record(r#"{"name": "a", "type": "int", "default": 1}"#), "`a` in it has a default"),
        (record(r#"{"name": "a", "type": "int", "aliases": ["b"]}"#), "aliases"),
        (record(r#"{"name": "again", "type": ["null", "R"]}"#), "in itself"),
        (record(r#"{"name": "a b", "type": "int"}"#), "`a b`"),
        (record(""), "without fields"),
    ] {
        let error = of_type(&avro).expect_err(why);
        for named in ["table `s.t`", LITERAL, "field `x`", why] {
            assert!(error.message().contains(named), "{error}");
        }
    }
    let text = r#"{"name": "x", "type": {"type": "map", "values": "int"}, "default": {}}"#;
    let error = of_fields(text).expect_err("a default");
    assert!(
        error.message().contains("field `x`: the default `{}` of a `map<string,int>`"),
        "{error}"
    );
    for (literal, why) in
        [("{", "no JSON"), (r#""string""#, "no record"), (r#"{"type": "record"}"#, "name")]
    {
        let error = of(&[(LITERAL, literal)]).expect_err(why);
        assert!(
            error.message().contains("table `s.t`") && error.message().contains(why),
            "{error}"
        );
    }
}

/// Twelve records, each with ten fields of the one before.
#[test]
fn a_schema_that_grows_beyond_measure_is_refused() {
    let mut avro = r#""int""#.to_owned();
    for level in 0..12 {
        let mut fields = format!(r#"{{"name": "f0", "type": {avro}}}"#);
        for number in 1..10 {
            let before = if level == 0 { "int".to_owned() } else { format!("R{}", level - 1) };
            fields += &format!(r#", {{"name": "f{number}", "type": "{before}"}}"#);
        }
        avro = format!(r#"{{"type": "record", "name": "R{level}", "fields": [{fields}]}}"#);
    }
    let error = of_type(&avro).expect_err("it is too large");
    assert!(error.message().contains("types"), "{error}");
}

/// Few types, and much text: a long name of a field, or of the space of all names in it, in many places.
#[test]
fn long_names_in_many_places_are_refused() {
    let long = "n".repeat(300_000);
    let again: Vec<String> =
        (0..20).map(|number| format!(r#"{{"name": "f{number}", "type": "R"}}"#)).collect();
    let named = format!(
        r#"{{"name": "x", "type": {{"type": "record", "name": "R", "fields": [{{"name": "{long}", "type": "int"}}]}}}}, {}"#,
        again.join(", ")
    );
    let fixed: Vec<String> = (0..20)
        .map(|number| {
            format!(
                r#"{{"name": "f{number}", "type": {{"type": "fixed", "name": "F{number}", "size": 1}}}}"#
            )
        })
        .collect();
    let spaced = format!(
        r#"{{"name": "x", "type": {{"type": "record", "name": "{long}.R", "fields": [{}]}}}}"#,
        fixed.join(", ")
    );
    for fields in [named, spaced] {
        let error = of_fields(&fields).expect_err("it is too large");
        assert!(error.message().contains("bytes of names"), "it says something else");
        assert!(error.message().len() < 1_000);
    }
    of_fields(&format!(r#"{{"name": "{long}", "type": "int"}}"#)).expect("one long name");
}

#[test]
fn a_schema_elsewhere_is_refused_without_its_secrets() {
    let url = "https://me:hunter2@schemas.example/row.avsc?token=hunter2";
    let error = of(&[(URL, url)]).expect_err("it is elsewhere");
    assert!(error.message().contains("`https://schemas.example/row.avsc`"), "{error}");
    assert!(!error.message().contains("hunter2"), "{error}");
    // The literal counts, and `none` says nothing.
    let literal = r#"{"type": "record", "name": "R", "fields": [{"name": "x", "type": "int"}]}"#;
    let columns = of(&[(URL, url), (LITERAL, literal)]).expect("columns").expect("by the schema");
    assert_eq!(columns, [column("x", "int", "")]);
    of(&[(URL, url), (LITERAL, "none")]).expect_err("it is elsewhere");
    assert_eq!(of(&[(URL, "none")]).expect("the metastore's"), None);
    assert_eq!(of(&[]).expect("the metastore's"), None);
}

#[test]
fn a_table_counts_before_its_serde() {
    let literal = |name: &str| {
        format!(
            r#"{{"type": "record", "name": "R", "fields": [{{"name": "{name}", "type": "int"}}]}}"#
        )
    };
    let serde_parameters = properties(&[(LITERAL, &literal("old"))]);
    let storage = Storage { serde_parameters, ..storage() };
    for (parameters, expected) in
        [(properties(&[]), "old"), (properties(&[(LITERAL, &literal("new"))]), "new")]
    {
        let columns = columns_by_schema("table `s.t`", &storage, &parameters).expect("columns");
        assert_eq!(columns.expect("by the schema"), [column(expected, "int", "")]);
    }
}

#[test]
fn columns_that_nobody_has_told_are_missed() {
    let marker = column("col", "array<string>", "from deserializer");
    for columns in [vec![], vec![marker]] {
        let storage = Storage { columns, ..Storage::default() };
        let error =
            columns_by_schema("table `s.t`", &storage, &properties(&[])).expect_err("no columns");
        assert!(error.message().contains(LITERAL), "{error}");
    }
}

#[test]
fn partitions_of_other_tables_have_no_values_of_their_own() {
    let check = |fields: &str| {
        let literal = format!(r#"{{"type": "record", "name": "R", "fields": [{fields}]}}"#);
        check_partition("partition `1`", &storage(), &properties(&[(LITERAL, &literal)]))
    };
    check(r#"{"name": "x", "type": "int"}"#).expect("nulls for what is missing");
    let error = check(r#"{"name": "x", "type": "int", "default": 7}"#).expect_err("its own value");
    assert!(
        error.message().contains("partition `1`") && error.message().contains("`x`"),
        "{error}"
    );
    // Glue leaves the columns of partitions out.
    check_partition("partition `1`", &Storage::default(), &properties(&[])).expect("no schema");
}

proptest! {
    #[test]
    fn any_text_is_refused_or_read(text in r#"[a-z{}\[\]":, 0-9]{0,80}"#) {
        let _ = of(&[(LITERAL, &text)]);
        let _ = of_type(&text);
        let _ = of_fields(&text);
    }
}
