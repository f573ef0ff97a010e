//! Names that a file has in another case, and what else a definition may say that would read as
//! something else.

use crate::warehouse::{Warehouse, columns, rows};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use mooring_spi::{CsvOptions, Domain, Error, ErrorKind, FileFormat, Predicate, Range, Value};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn shouted() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("NAME", DataType::Utf8, true),
    ]))
}

#[track_caller]
fn assert_names_both(error: &Error, file: &str) {
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    for part in ["`NAME`", "declare it as `name`", file] {
        assert!(error.message().contains(part), "{error}");
    }
}

fn only(value: Value) -> Domain {
    Domain { ranges: vec![Range::exactly(value)], nulls: false }
}

/// How many files a scan of `table` reads.
async fn files_left(warehouse: &Warehouse, table: &str, column: &str, domain: Domain) -> usize {
    let table = warehouse.resolve(table).await.expect("resolved");
    let predicate = Predicate::from([(column.to_owned(), domain)]);
    let scans = warehouse.scans(&table, &predicate).await.expect("scanned");
    scans.iter().map(|scan| scan.files.len()).sum()
}

#[tokio::test]
async fn a_parquet_column_in_another_case_is_pruned_by_its_own_range() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("x"))]));
    warehouse.declare("t", &shouted(), FileFormat::Parquet).await.expect("created");
    warehouse.create("t", &shouted(), 0, FileFormat::Parquet).await;
    let text = |text: &str| only(Value::Text(text.to_owned()));
    assert_eq!(files_left(&warehouse, "t", "NAME", text("x")).await, 1);
    assert_eq!(files_left(&warehouse, "t", "NAME", text("y")).await, 0);
    let nulls = Domain { ranges: Vec::new(), nulls: true };
    assert_eq!(files_left(&warehouse, "t", "NAME", nulls).await, 0);
}

/// The file's column is the one of just that name, so that the other one is null in all of its rows.
#[tokio::test]
async fn a_table_may_have_both_spellings() {
    let warehouse = Warehouse::new();
    let both = Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, true),
        Field::new("NAME", DataType::Utf8, true),
    ]));
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("x"))]));
    warehouse.declare("t", &both, FileFormat::Parquet).await.expect("created");
    warehouse.create("t", &both, 0, FileFormat::Parquet).await;
    let nulls = || Domain { ranges: Vec::new(), nulls: true };
    assert_eq!(files_left(&warehouse, "t", "NAME", nulls()).await, 1);
    assert_eq!(files_left(&warehouse, "t", "name", nulls()).await, 0);
    assert_eq!(files_left(&warehouse, "t", "NAME", only(Value::Text("x".into()))).await, 0);
}

#[tokio::test]
async fn a_json_key_in_another_case_is_refused_when_it_is_declared() {
    let record = "\n{\"id\": 1,\n \"name\": {\"NAME\": []}}\n{\"id\": 2, \"NAME\": 1}";
    for (file, packer) in [("a.json", "cat"), ("a.json.gz", "gzip"), ("a.json.xz", "xz")] {
        let warehouse = Warehouse::new();
        warehouse.write_text("t", file, "");
        std::fs::write(warehouse.file("t", file), packed(packer, record)).expect("written");
        let error = warehouse.declare("t", &shouted(), FileFormat::Json).await;
        assert_names_both(&error.expect_err("refused"), file);
        warehouse.declare("t", &columns(), FileFormat::Json).await.expect("created");
    }
}

/// A file that is not what it should be is an error of the query that reads it.
#[tokio::test]
async fn files_that_cannot_be_read_do_not_stop_a_declaration() {
    let warehouse = Warehouse::new();
    warehouse.write_text("t", "a.json", "[1");
    for (table, format) in [("t", FileFormat::Json), ("u", FileFormat::Parquet)] {
        warehouse.write_text(table, "a.json", "[1");
        warehouse.declare(table, &shouted(), format).await.expect("created");
    }
    let nowhere = warehouse.declare("v", &shouted(), FileFormat::Parquet).await;
    assert_eq!(nowhere.expect_err("nothing there").kind(), ErrorKind::LocationNotFound);
}

#[tokio::test]
async fn another_text_for_null_is_refused_at_creation_and_in_old_definitions() {
    let warehouse = Warehouse::new();
    warehouse.write_text("t", "a.csv", "id,name\nNA,x\n");
    let format =
        FileFormat::Csv(CsvOptions { null: Some("NA".to_owned()), ..CsvOptions::default() });
    let declared = warehouse.declare("t", &columns(), format.clone()).await;
    warehouse.create("t", &columns(), 0, format).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    let scanned = warehouse.scans(&table, &Predicate::new()).await;
    for error in [declared.expect_err("refused"), scanned.expect_err("refused")] {
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("option `null`"), "{error}");
    }
}

/// What a program of the system makes of a text.
fn packed(program: &str, text: &str) -> Vec<u8> {
    let mut child = Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a program of every system");
    child.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("written");
    child.wait_with_output().expect("ended").stdout
}
