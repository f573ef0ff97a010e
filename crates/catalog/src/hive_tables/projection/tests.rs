//! The examples of Athena's documentation, and what is said of properties that are wrong.

mod avro;
mod characters;
mod narrowing;

use super::partitions::projected;
use super::*;
use crate::hive_tables::{StoredColumn, definition};
use chrono::NaiveDateTime;
use mooring_spi::{
    Bound, Domain, ErrorKind, PartitionDefinition, Predicate, Range, TableDefinition, Value,
};
use std::slice;

const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
const ROOT: &str = "s3://bucket/prefix/";

/// Over one file column, with these partition columns and properties, of which `enabled` is one.
fn defined(columns: &[(&str, &str)], properties: &[(&str, &str)]) -> Result<TableDefinition> {
    let column = |(name, hive_type): &(&str, &str)| StoredColumn {
        name: (*name).to_owned(),
        hive_type: (*hive_type).to_owned(),
        comment: String::new(),
        missing: None,
    };
    let stored = StoredTable {
        schema: "s".into(),
        name: "t".into(),
        kind: "EXTERNAL_TABLE".into(),
        parameters: [("projection.enabled", "TRUE")]
            .iter()
            .chain(properties)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        storage: Some(Storage {
            columns: vec![column(&("id", "int"))],
            location: ROOT.into(),
            input_format: PARQUET.into(),
            ..Storage::default()
        }),
        partition_columns: columns.iter().map(column).collect(),
        ..StoredTable::default()
    };
    definition(&stored).map(|definition| definition.into_table().expect("a table"))
}

/// With the partition column `c`, whose properties have these names behind `projection.c.`.
fn of_column(hive_type: &str, properties: &[(&str, &str)]) -> Result<TableDefinition> {
    let names: Vec<String> =
        properties.iter().map(|(name, _)| format!("projection.c.{name}")).collect();
    let named: Vec<(&str, &str)> =
        names.iter().zip(properties).map(|(name, (_, value))| (name.as_str(), *value)).collect();
    defined(&[("c", hive_type)], &named)
}

fn now() -> NaiveDateTime {
    "2024-03-31T10:30:00".parse().expect("a time")
}

fn asked(table: &TableDefinition, predicate: &Predicate) -> Result<ProjectedPartitions> {
    Ok(projected(table, predicate, now(), 100_000)?.expect("a projection"))
}

fn found(table: &TableDefinition, predicate: &Predicate) -> Vec<PartitionDefinition> {
    match asked(table, predicate).expect("partitions") {
        ProjectedPartitions::All(found) => found,
        ProjectedPartitions::TooMany => panic!("too many"),
    }
}

/// Where they are below the table.
fn folders(table: &TableDefinition, predicate: &Predicate) -> Vec<String> {
    let folder = |found: PartitionDefinition| {
        assert!(found.may_be_absent);
        let folder = found.location.strip_prefix(ROOT).and_then(|it| it.strip_suffix('/'));
        folder.expect("a folder of the table").to_owned()
    };
    found(table, predicate).into_iter().map(folder).collect()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn one_of(column: &str, values: &[Value]) -> Predicate {
    let ranges = values.iter().cloned().map(Range::exactly).collect();
    Predicate::from([(column.to_owned(), Domain { ranges, nulls: false })])
}

fn above(column: &str, value: Value) -> Predicate {
    let range = Range { low: Bound::Excluded(value), high: Bound::Unbounded };
    Predicate::from([(column.to_owned(), Domain { ranges: vec![range], nulls: false })])
}

/// Athena's documentation, "Supported types for partition projection", "Enum type" and "Integer type", and
/// "Use partition projection with Amazon Athena", "Projectable partition structures".
#[test]
fn enums_and_integers_are_those_of_the_documentation() {
    for (hive_type, properties, expected) in [
        (
            "string",
            &[("type", " Enum "), ("values", "A,B,Unknown")][..],
            &["A", "B", "Unknown"][..],
        ),
        ("string", &[("type", "enum"), ("values", "A, B,A")], &["A", " B"]),
        ("int", &[("type", "enum"), ("values", "2023,2024")], &["2023", "2024"]),
        ("int", &[("type", "integer"), ("range", "1,3"), ("interval", "1")], &["1", "2", "3"]),
        ("bigint", &[("type", "integer"), ("range", " 1 , 3 "), ("interval", " 2 ")], &["1", "3"]),
        ("int", &[("type", "INTEGER"), ("range", "1,3"), ("digits", "1")], &["1", "2", "3"]),
        ("string", &[("type", "integer"), ("range", "1,3"), ("digits", "2")], &["01", "02", "03"]),
        ("tinyint", &[("type", "integer"), ("range", "-1,1")], &["-1", "0", "1"]),
        ("varchar(9)", &[("type", "integer"), ("range", "0001,0002")], &["1", "2"]),
        (
            "string",
            &[("type", "integer"), ("range", "500,650"), ("interval", "50"), ("digits", "4")],
            &["0500", "0550", "0600", "0650"],
        ),
    ] {
        let table = of_column(hive_type, properties).expect("defined");
        let expected: Vec<String> = expected.iter().map(|value| format!("c={value}")).collect();
        assert_eq!(folders(&table, &Predicate::new()), expected, "{properties:?}");
    }
}

/// The same, "Date type", at 2024-03-31 10:30: first and last value, and how many there are.
#[test]
fn dates_are_those_of_the_documentation() {
    for (format, range, interval, first, last, count) in [
        ("yyyy-MM", "2017-01,2018-12", Some(("1", "MONTHS")), "2017-01", "2018-12", 24),
        ("yyyy-MM", "2017-01,2018-12", Some(("2", "months")), "2017-01", "2018-11", 12),
        ("yyyyMM", "201701,201812", None, "201701", "201812", 24),
        // Nine years with two leap days.
        ("MM-dd-yyyy", "01-01-2010,12-31-2018", None, "01-01-2010", "12-31-2018", 3287),
        ("yyyyMM", "NOW-3YEARS,NOW", None, "202103", "202403", 37),
        ("yyyyMM", "201801,NOW+1MONTH", None, "201801", "202404", 76),
        ("yyyy", "2017,2019", None, "2017", "2019", 3),
        ("yyyyMMdd", "NOW-2WEEKS,NOW", Some(("1", "WEEKS")), "20240317", "20240331", 3),
        (
            "dd-MM-yyyy-HH-mm-ss",
            "NOW-1MINUTES,NOW",
            Some(("15", "SECONDS")),
            "31-03-2024-10-29-00",
            "31-03-2024-10-30-00",
            5,
        ),
        // More often than the pattern tells apart.
        ("yyyyMM", "201701,201812", Some(("1", "SECONDS")), "201701", "201812", 24),
        ("yyyyMM", "201701,201703", Some(("7", "DAYS")), "201701", "201702", 2),
        ("yyyyMMdd", "20240128,20240428", Some(("1", "MONTHS")), "20240128", "20240428", 4),
        ("yyyyMMdd", "20240128,20240427", Some(("1", "MONTHS")), "20240128", "20240328", 3),
        ("yyyyMMdd", "20200228,20240227", Some(("2", "YEARS")), "20200228", "20220228", 2),
        ("yyyyMMdd", "2030-01-01,NOW", None, "", "", 0),
    ] {
        let range = range.replace("2030-01-01", "20300101");
        let mut properties = vec![("type", "date"), ("format", format), ("range", range.as_str())];
        if let Some((number, unit)) = interval {
            properties.extend([("interval", number), ("interval.unit", unit)]);
        }
        let table = of_column("string", &properties).expect("defined");
        let found = folders(&table, &Predicate::new());
        let value = |folder: Option<&String>| folder.map_or("", |folder| &folder[2..]).to_owned();
        assert_eq!(found.len(), count, "{properties:?}");
        assert_eq!(
            (value(found.first()), value(found.last())),
            (first.to_owned(), last.to_owned())
        );
    }
}

#[test]
fn dates_are_of_their_columns_type() {
    // Days from `date -u -d 2024-02-29 +%s` divided by 86,400.
    let day = 19_782;
    for (hive_type, format, expected) in [
        ("date", "dd.MM.yyyy", Value::Date(day)),
        ("timestamp", "yyyy-MM-dd", Value::Timestamp(i64::from(day) * 86_400_000_000)),
        ("int", "yyyyMMdd", Value::Int(20_240_229)),
        ("string", "d/M/yy", text("29/2/24")),
    ] {
        let properties = [("type", "date"), ("format", format), ("range", "NOW-1MONTH,NOW")];
        let table = of_column(hive_type, &properties).expect("defined");
        let all = found(&table, &Predicate::new());
        assert_eq!(found(&table, &one_of("c", slice::from_ref(&expected))), all[..1]);
        assert_eq!(all[0].values, [expected]);
    }
}

/// Athena's documentation, "Amazon Data Firehose example".
#[test]
fn conditions_choose_places_of_the_template() {
    let table = defined(
        &[("day", "string"), ("hour", "int")],
        &[
            ("projection.day.type", "date"),
            ("projection.day.format", "yyyy/MM/dd"),
            ("projection.day.range", "2021/01/01,NOW"),
            ("projection.day.interval", "1"),
            ("projection.day.interval.unit", "DAYS"),
            // Names are those of any case.
            ("projection.HOUR.type", "integer"),
            ("projection.hour.Range", "0,23"),
            ("projection.hour.digits", "2"),
            ("storage.location.template", "s3://bucket/prefix/${day}/${Hour}/"),
        ],
    )
    .expect("defined");
    let mut predicate = one_of("day", &[text("2021/11/09")]);
    predicate.extend(above("hour", Value::Int(3)));
    let expected: Vec<String> = (4..24).map(|hour| format!("2021/11/09/{hour:02}")).collect();
    assert_eq!(folders(&table, &predicate), expected);
    let values = [text("2021/11/09"), Value::Int(4)];
    assert_eq!(found(&table, &predicate)[0].values, values);

    let mut latest = above("day", text("2024/03/30"));
    latest.extend(one_of("hour", &[Value::Int(0), Value::Int(10)]));
    assert_eq!(folders(&table, &latest), ["2024/03/31/00", "2024/03/31/10"]);
    // "Considerations and limitations": values beyond the range are no error, and have no rows.
    for day in ["2020/12/31", "2024/04/01", "2021-11-09", ""] {
        assert!(folders(&table, &one_of("day", &[text(day)])).is_empty());
    }
}

/// Athena's documentation, "Use dynamic ID partitioning".
#[test]
fn injected_values_are_those_of_the_query() {
    let table = |hive_type| {
        let template = ("storage.location.template", "s3://bucket/prefix/${device_id}");
        let properties = [("projection.device_id.type", "injected"), template];
        defined(&[("device_id", hive_type)], &properties).expect("defined")
    };
    let texts = |values: &[&str]| -> Vec<Value> { values.iter().map(|it| text(it)).collect() };
    let by_text = table("string");
    for (values, expected) in [
        (
            &["4a770164-0392-4a41-8565-40ed8cec737e"][..],
            &["4a770164-0392-4a41-8565-40ed8cec737e"][..],
        ),
        (&["b", "a", "b"], &["b", "a"]),
        (&["..", "a/../b", "", "__HIVE_DEFAULT_PARTITION__"], &["%252E%252E", "a%252F..%252Fb"]),
    ] {
        assert_eq!(folders(&by_text, &one_of("device_id", &texts(values))), expected);
    }
    assert_eq!(folders(&table("tinyint"), &one_of("device_id", &[Value::Int(7)])), ["7"]);
    assert!(folders(&table("tinyint"), &one_of("device_id", &[Value::Int(300)])).is_empty());
    assert_eq!(
        folders(&table("date"), &one_of("device_id", &[Value::Date(19_782)])),
        ["2024-02-29"]
    );

    let all = Range { low: Bound::Unbounded, high: Bound::Unbounded };
    let not_null = Domain { ranges: vec![all], nulls: false };
    for predicate in [
        Predicate::new(),
        above("device_id", text("a")),
        one_of("device_id", &[Value::Int(7)]),
        Predicate::from([("device_id".to_owned(), not_null)]),
    ] {
        let error = asked(&by_text, &predicate).expect_err("no value");
        assert_eq!(error.kind(), ErrorKind::InvalidQuery);
        for named in ["`s.t`", "`device_id = 'value'`", "as text", "`injected`"] {
            assert!(error.message().contains(named), "{error}");
        }
    }
    let error = asked(&table("int"), &Predicate::new()).expect_err("no value");
    assert!(error.message().contains("`device_id = value`"), "{error}");
    assert!(!error.message().contains("as text"), "{error}");
    // `device_id = 'a' AND device_id = 'b'`, and `device_id IS NULL`.
    let none = Range { low: Bound::Included(text("b")), high: Bound::Included(text("a")) };
    for ranges in [vec![none], vec![]] {
        let domain = Domain { ranges, nulls: true };
        assert!(folders(&by_text, &Predicate::from([("device_id".to_owned(), domain)])).is_empty());
    }
}

#[test]
fn a_long_range_is_no_long_way() {
    let ever = format!("{},{}", i64::MIN, i64::MAX);
    let seconds = [("interval", "1"), ("interval.unit", "SECONDS")];
    let clock = |format: &str, range: &str| {
        let properties = [("type", "date"), ("format", format), ("range", range)];
        of_column("string", &[&properties[..], &seconds[..]].concat()).expect("defined")
    };
    for (table, value) in [
        (
            of_column("bigint", &[("type", "integer"), ("range", ever.as_str())]),
            Value::Int(i64::MAX),
        ),
        (of_column("string", &[("type", "integer"), ("range", ever.as_str())]), text("-77")),
        (
            of_column("string", &[("type", "integer"), ("range", "0,9000000"), ("digits", "7")]),
            text("0000077"),
        ),
        (Ok(clock("yyyyMMddHHmmss", "19700101000000,NOW")), text("20240229115959")),
        (Ok(clock("dd-MM-yyyy HH:mm:ss", "01-01-1970 00:00:00,NOW")), text("29-02-2024 11:59:59")),
    ] {
        let table = table.expect("defined");
        let found = found(&table, &one_of("c", slice::from_ref(&value)));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].values, [value]);
        let all = asked(&table, &Predicate::new()).expect("asked");
        assert_eq!(all, ProjectedPartitions::TooMany);
    }
    let unordered =
        of_column("string", &[("type", "integer"), ("range", "0,9000000")]).expect("defined");
    let error = asked(&unordered, &above("c", text("z"))).expect_err("too many to look at");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(
        error.message().contains("`c = value`") && error.message().contains("`s.t`"),
        "{error}"
    );
}

#[test]
fn properties_that_are_wrong_say_so() {
    let years = [("type", "date"), ("range", "2024,2025"), ("format", "yyyy")];
    let date = |name: &'static str, value: &'static str| {
        let mut properties = years.to_vec();
        properties.retain(|(known, _)| *known != name);
        properties.push((name, value));
        properties
    };
    for (hive_type, properties, property, right) in [
        ("string", vec![], "type", "`injected`"),
        ("string", vec![("type", "hash")], "type", "`injected`"),
        ("string", vec![("type", "enum")], "values", "commas"),
        ("string", vec![("type", "enum"), ("values", "A,,B")], "values", "none of them empty"),
        ("int", vec![("type", "enum"), ("values", "1,B")], "values", "int32"),
        ("int", vec![("type", "integer")], "range", "`0,23`"),
        ("int", vec![("type", "integer"), ("range", "3,1")], "range", "`0,23`"),
        ("int", vec![("type", "integer"), ("range", "1-3")], "range", "`0,23`"),
        ("tinyint", vec![("type", "integer"), ("range", "1,128")], "range", "int8"),
        ("double", vec![("type", "integer"), ("range", "1,3")], "type", "whole numbers"),
        ("int", vec![("type", "integer"), ("range", "1,3"), ("interval", "0")], "interval", "1"),
        ("int", vec![("type", "integer"), ("range", "1,3"), ("digits", "99")], "digits", "64"),
        ("string", vec![("type", "date")], "format", "`yyyy-MM-dd`"),
        ("string", date("format", "YYYY"), "format", "`YYYY`"),
        ("string", date("range", "2024"), "range", "`NOW-3YEARS`"),
        ("string", date("range", "2024,20-25"), "range", "`yyyy`"),
        ("string", date("range", "2024,2023"), "range", "`yyyy`"),
        ("string", date("interval", "x"), "interval", "4294967295"),
        ("string", date("interval.unit", "MILLISECONDS"), "interval.unit", "SECONDS are"),
        ("string", date("interval.unit", "FORTNIGHTS"), "interval.unit", "SECONDS"),
        ("boolean", date("type", "date"), "type", "timestamps"),
        ("boolean", vec![("type", "injected")], "type", "whole numbers"),
    ] {
        let error = of_column(hive_type, &properties).expect_err("refused");
        assert!(matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::Unsupported), "{error}");
        for named in ["`s.t`", &format!("`projection.c.{property}`"), right] {
            assert!(error.message().contains(named), "{error} does not name {named}");
        }
    }
    // From a day that not every month has.
    for (range, unit, is_refused) in [
        ("20240129,20240430", "MONTHS", true),
        ("20240229,20280229", "YEARS", true),
        ("NOW-1YEAR,NOW", "MONTHS", true),
        ("20240128,NOW", "MONTHS", false),
        ("20240131,NOW", "WEEKS", false),
    ] {
        let date = [("type", "date"), ("format", "yyyyMMdd"), ("range", range)];
        let step = [("interval", "1"), ("interval.unit", unit)];
        match of_column("string", &[&date[..], &step[..]].concat()) {
            Ok(_) => assert!(!is_refused, "{range} {unit}"),
            Err(error) => {
                assert!(is_refused, "{error}");
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                for named in ["`s.t`", "`projection.c.range`", "28th"] {
                    assert!(error.message().contains(named), "{error}");
                }
            }
        }
    }
    for (hive_type, format, property) in [
        ("string", "yyyy-MM-dd HH", "interval"),
        ("date", "yyyy-MM-dd HH", "format"),
        ("int", "yyyy-MM-dd", "format"),
    ] {
        let properties = [("type", "date"), ("format", format), ("range", "NOW,NOW")];
        let error = of_column(hive_type, &properties).expect_err("refused");
        assert!(error.message().contains(&format!("`projection.c.{property}`")), "{error}");
    }
}

#[test]
fn tables_without_a_projection_have_none() {
    for (columns, enabled) in [(&[("c", "int")][..], "false"), (&[("c", "int")], ""), (&[], "true")]
    {
        let table = defined(columns, &[("projection.enabled", enabled)]).expect("defined");
        assert_eq!(table.partition_projection, None);
        assert_eq!(projected(&table, &Predicate::new(), now(), 1).expect("asked"), None);
    }
}
