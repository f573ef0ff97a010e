//! Files and folders that are not what a definition says.

use crate::warehouse::{Warehouse, columns, rows};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_connectors::lake::{check_location, infer_schema};
use mooring_spi::{Connector, CsvOptions, Error, ErrorKind, FileFormat, SchemaTable};
use std::sync::Arc;

fn assert_corrupt(error: &Error, file: &str) {
    assert_eq!(error.kind(), ErrorKind::CorruptData, "{error}");
    assert!(error.message().contains(file), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_whole_parquet_file_is_named() {
    for (name, length) in [("truncated.parquet", 100), ("short.parquet", 5)] {
        let warehouse = Warehouse::new();
        warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("x"))]));
        warehouse.write_parquet("t", name, &rows(&[(Some(1), Some("x"))]));
        let path = warehouse.file("t", name);
        let bytes = std::fs::read(&path).expect("the file");
        std::fs::write(&path, &bytes[..length]).expect("cut");
        warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
        assert_corrupt(&warehouse.resolve("t").await.expect_err("corrupt"), name);
        let inferred = infer_schema(&warehouse.stores, &warehouse.location("t")).await;
        assert_corrupt(&inferred.expect_err("corrupt"), name);
    }
}

#[tokio::test]
async fn a_table_is_described_whatever_its_files_are() {
    let warehouse = Warehouse::new();
    warehouse.write_text("broken", "a.parquet", &"id,name\n1,x\n".repeat(100));
    std::fs::create_dir_all(warehouse.file("empty", "")).expect("a folder");
    for name in ["broken", "empty", "nowhere"] {
        warehouse.create(name, &columns(), 0, FileFormat::Parquet).await;
        let asked = [SchemaTable::new("DEFAULT", name.to_uppercase())];
        let described = warehouse.connector.describe(&asked).await.expect("described");
        let [Some(table)] = described.as_slice() else { panic!("`{name}` is not there") };
        assert_eq!((&table.name.table, &table.schema), (&name.to_owned(), &columns()));
        // Nothing was pinned.
        let scans = warehouse.scans(table, &Default::default()).await;
        assert_eq!(scans.expect_err("no snapshot").kind(), ErrorKind::Internal);
    }
}

#[tokio::test]
async fn a_text_file_is_no_parquet_file() {
    let warehouse = Warehouse::new();
    warehouse.write_text("t", "a.csv", &"id,name\n1,x\n".repeat(100));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    assert_corrupt(&warehouse.resolve("t").await.expect_err("corrupt"), "a.csv");
}

#[tokio::test]
async fn a_partition_folder_that_is_missing_or_mistyped_is_named() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("n", DataType::Int32, true),
    ]));
    for file in ["n=one/a.csv", "m=1/a.csv", "a.csv"] {
        let warehouse = Warehouse::new();
        warehouse.write_text("t", file, "id\n1\n");
        let format = FileFormat::Csv(CsvOptions::default());
        warehouse.create("t", &schema, 1, format).await;
        let error = warehouse.resolve("t").await.expect_err("corrupt");
        assert_corrupt(&error, file);
        assert!(error.message().contains("`n`"), "{error}");
    }
}

#[tokio::test]
async fn a_location_that_is_not_there_is_named() {
    let warehouse = Warehouse::new();
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let location = warehouse.location("t");
    let errors = [
        warehouse.resolve("t").await.expect_err("not there"),
        check_location(&warehouse.stores, &location).await.expect_err("not there"),
        infer_schema(&warehouse.stores, &location).await.expect_err("not there"),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::LocationNotFound);
        assert!(error.message().contains(&location), "{error}");
    }
}

#[tokio::test]
async fn an_empty_folder_is_an_empty_table_without_columns_to_infer() {
    let warehouse = Warehouse::new();
    std::fs::create_dir_all(warehouse.file("t", "")).expect("a folder");
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let location = warehouse.location("t");
    check_location(&warehouse.stores, &location).await.expect("it is there");
    let table = warehouse.resolve("t").await.expect("resolved");
    let scan = warehouse.scan(&table, &Default::default()).await;
    assert!(scan.files.is_empty() && scan.files_total == 0);
    let error = infer_schema(&warehouse.stores, &location).await.expect_err("no file");
    assert_eq!(error.kind(), ErrorKind::LocationNotFound);
}

#[tokio::test]
async fn a_location_with_files_is_there() {
    let warehouse = Warehouse::new();
    for name in ["a.csv", "b.csv"] {
        warehouse.write_text("t", name, "1");
    }
    check_location(&warehouse.stores, &warehouse.location("t")).await.expect("it is there");
}

#[tokio::test]
async fn files_that_disagree_about_a_column_are_both_named() {
    let warehouse = Warehouse::new();
    let batch = rows(&[(Some(1), Some("x"))]);
    warehouse.write_parquet("t", "a.parquet", &batch);
    let text = Arc::new(Schema::new(vec![Field::new("id", DataType::Utf8, true)]));
    let other = arrow::array::RecordBatch::try_new(text, vec![batch.column(1).clone()]);
    warehouse.write_parquet("t", "b.parquet", &other.expect("a batch"));
    let error = infer_schema(&warehouse.stores, &warehouse.location("t")).await;
    let error = error.expect_err("they disagree");
    assert_eq!(error.kind(), ErrorKind::TypeMismatch);
    for part in ["`id`", "a.parquet", "b.parquet"] {
        assert!(error.message().contains(part), "{error}");
    }
}
