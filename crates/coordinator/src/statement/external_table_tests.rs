use super::super::{COMMENT_KEY, Statement, parse};
use super::*;
use arrow::datatypes::{DataType, Field};
use mooring_spi::CsvOptions;

fn table(sql: &str) -> CreateExternalTable {
    match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
        Statement::CreateExternalTable(table) => *table,
        other => panic!("another statement: {other:?}"),
    }
}

fn refused(sql: &str) -> (ErrorKind, String) {
    let error = parse(sql).expect_err(sql);
    (error.kind(), error.message().to_owned())
}

fn names(table: &CreateExternalTable) -> Vec<String> {
    let columns = table.columns.as_ref().expect("columns");
    columns.fields().iter().map(|field| field.name().clone()).collect()
}

#[test]
fn the_least_is_a_name_a_format_and_a_location() {
    let table = table("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 's3://b/t/'");
    assert_eq!(table.name, Name(vec!["t".into()]));
    assert_eq!((table.columns, table.format), (None, FileFormat::Parquet));
    assert_eq!(table.location, "s3://b/t/");
    assert!(!table.if_not_exists && table.options.is_empty());
}

#[test]
fn clauses_come_in_any_order() {
    let table = table(
        "create external table if not exists `tpch.x`.`T` (a BIGINT NOT NULL COMMENT 'the key',
         b DECIMAL(15, 2), c VARCHAR(10) NULL) OPTIONS ('quote' '''', null = 'NA', header false)
         LOCATION '/data/t' COMPRESSION TYPE GZIP PARTITIONED BY (b) DELIMITER '|' STORED AS csv;",
    );
    assert!(table.if_not_exists);
    assert_eq!(table.name, Name(vec!["tpch.x".into(), "T".into()]));
    assert_eq!(names(&table), ["a", "c", "b"]);
    let columns = table.columns.as_ref().expect("columns");
    let expected = Field::new("a", DataType::Int64, false);
    assert_eq!(columns.field(0).clone().with_metadata(Default::default()), expected);
    assert_eq!(columns.field(0).metadata().get(COMMENT_KEY).map(String::as_str), Some("the key"));
    assert_eq!(
        table.partition_columns,
        [PartitionColumn { name: "b".into(), data_type: Some(DataType::Decimal128(15, 2)) }]
    );
    assert_eq!(table.compression, Some(Compression::Gzip));
    let csv = CsvOptions {
        has_header: false,
        delimiter: b'|',
        quote: b'\'',
        null: Some("NA".into()),
        ..CsvOptions::default()
    };
    assert_eq!(table.format, FileFormat::Csv(csv));
    let options: Vec<&str> = table.options.keys().map(String::as_str).collect();
    assert_eq!(options, ["delimiter", "header", "null", "quote"]);
}

#[test]
fn partition_columns_may_bring_their_types() {
    let listed = table(
        "CREATE EXTERNAL TABLE t (a INT) PARTITIONED BY (d DATE, e TEXT) STORED AS JSON LOCATION 'x'",
    );
    assert_eq!(names(&listed), ["a", "d", "e"]);
    let inferred =
        table("CREATE EXTERNAL TABLE t PARTITIONED BY (d DATE, e) STORED AS PARQUET LOCATION 'x'");
    assert_eq!(inferred.columns, None);
    let types: Vec<_> =
        inferred.partition_columns.into_iter().map(|column| column.data_type).collect();
    assert_eq!(types, [Some(DataType::Date32), None]);
}

#[test]
fn header_row_and_datafusion_names_are_read() {
    let with_header =
        table("CREATE EXTERNAL TABLE t STORED AS CSV WITH HEADER ROW LOCATION 'x' OPTIONS ()");
    assert_eq!(with_header.format, FileFormat::Csv(CsvOptions::default()));
    let dotted = table(
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x' OPTIONS (format.has_header 'false')",
    );
    let csv = CsvOptions { has_header: false, ..CsvOptions::default() };
    assert_eq!(dotted.format, FileFormat::Csv(csv));
}

#[test]
fn mistakes_are_named() {
    let tail = "STORED AS PARQUET LOCATION 'x'";
    let cases = [
        (format!("CREATE EXTERNAL TABLE t (a INT, A INT) {tail}"), ErrorKind::InvalidArgument, "`A`"),
        (format!("CREATE EXTERNAL TABLE t (a INT) PARTITIONED BY (b) {tail}"), ErrorKind::InvalidArgument, "`b`"),
        (format!("CREATE EXTERNAL TABLE t (a INT) PARTITIONED BY (a) {tail}"), ErrorKind::InvalidArgument, "besides"),
        (format!("CREATE EXTERNAL TABLE t (a INT) PARTITIONED BY (a INT) {tail}"), ErrorKind::InvalidArgument, "two types"),
        (format!("CREATE EXTERNAL TABLE t (a JSON) {tail}"), ErrorKind::Unsupported, "`JSON`"),
        (format!("CREATE EXTERNAL TABLE t {tail} LOCATION 'y'"), ErrorKind::SyntaxError, "`LOCATION`"),
        (format!("CREATE EXTERNAL TABLE t {tail} COMPRESSION TYPE GZIP"), ErrorKind::InvalidArgument, "inside"),
        (format!("CREATE EXTERNAL TABLE t {tail} OPTIONS ('a' 'b')"), ErrorKind::InvalidArgument, "`a`"),
        (format!("CREATE EXTERNAL TABLE t {tail} SORTED BY (a)"), ErrorKind::SyntaxError, "`SORTED`"),
        ("CREATE EXTERNAL TABLE t LOCATION 'x'".into(), ErrorKind::SyntaxError, "STORED AS"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV".into(), ErrorKind::SyntaxError, "LOCATION"),
        ("CREATE EXTERNAL TABLE t STORED AS SEQUENCEFILE LOCATION 'x'".into(), ErrorKind::Unsupported, "SEQUENCEFILE"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x' OPTIONS (delimeter ';')".into(), ErrorKind::InvalidArgument, "`delimiter`"),
        ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION 'x' DELIMITER ';' OPTIONS (delimiter ';')".into(), ErrorKind::SyntaxError, "`delimiter`"),
        ("CREATE EXTERNAL TABLE t (a INT PRIMARY KEY) STORED AS CSV LOCATION 'x'".into(), ErrorKind::SyntaxError, "`PRIMARY`"),
    ];
    for (sql, kind, part) in cases {
        let (found, message) = refused(&sql);
        assert_eq!(found, kind, "{sql}: {message}");
        assert!(message.contains(part), "{sql}: {message}");
    }
}
