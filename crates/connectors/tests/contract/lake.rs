//! Tables over files: the contract, statistics, snapshots and inferred columns.

use crate::warehouse::{Warehouse, columns, names, rows};
use arrow::array::{RecordBatch, StringViewArray, TimestampNanosecondArray};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use mooring_connectors::conformance::{self, Subject};
use mooring_connectors::lake::{LakeSettings, infer_schema};
use mooring_spi::{Compression, Count, CsvOptions, FileFormat, Predicate, SchemaTable, Value};
use std::sync::Arc;

#[tokio::test]
async fn tables_over_files_keep_the_connector_contract() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("first", "a.parquet", &rows(&[(Some(1), Some("x"))]));
    warehouse.write_text("second", "a.csv", "id,name\n1,x\n");
    warehouse.create("first", &columns(), 0, FileFormat::Parquet).await;
    warehouse.create("second", &columns(), 0, FileFormat::Csv(CsvOptions::default())).await;
    let tables = ["first", "second"].map(|name| SchemaTable::new("default", name));
    let subject =
        Subject { connector: &warehouse.connector, reader: None, tables: [&tables[0], &tables[1]] };
    conformance::check(subject).await.expect("the contract holds");
}

#[tokio::test]
async fn footers_give_exact_statistics() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(3), Some("b")), (None, Some("c"))]));
    warehouse.write_parquet("t", "b.parquet", &rows(&[(Some(-5), None), (Some(9), Some("a"))]));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let statistics = warehouse.resolve("t").await.expect("resolved").statistics;
    assert_eq!(statistics.rows, Count::Exact(4));
    let [id, name] = &statistics.columns[..] else { panic!("two columns") };
    assert_eq!(id.nulls, Count::Exact(1));
    assert_eq!((id.min.clone(), id.max.clone()), (Some(Value::Int(-5)), Some(Value::Int(9))));
    assert_eq!(name.nulls, Count::Exact(1));
    let text = |text: &str| Some(Value::Text(text.into()));
    assert_eq!((name.min.clone(), name.max.clone()), (text("a"), text("c")));
}

#[tokio::test]
async fn text_that_the_footer_cuts_is_no_minimum() {
    let warehouse = Warehouse::new();
    let long = "x".repeat(500);
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some(&long))]));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let statistics = warehouse.resolve("t").await.expect("resolved").statistics;
    assert_eq!((&statistics.columns[1].min, &statistics.columns[1].max), (&None, &None));
}

#[tokio::test]
async fn many_files_are_estimated_from_some() {
    let warehouse =
        Warehouse::with_settings(LakeSettings { footers_max_files: 3, ..LakeSettings::default() });
    for file in 0..40 {
        let name = format!("{file:02}.parquet");
        warehouse.write_parquet("t", &name, &rows(&[(Some(1), Some("x")), (Some(2), Some("y"))]));
    }
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    assert_eq!(table.statistics.rows, Count::Estimate(80));
    assert!(table.statistics.columns.is_empty());
    assert_eq!(warehouse.scan(&table, &Predicate::new()).await.files.len(), 40);
}

#[tokio::test]
async fn a_scan_has_the_files_of_its_resolve() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), None)]));
    warehouse.write_parquet("t", "_SUCCESS", &rows(&[(Some(1), None)]));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    warehouse.write_parquet("t", "b.parquet", &rows(&[(Some(2), None)]));
    let scan = warehouse.scan(&table, &Predicate::new()).await;
    assert_eq!(names(&scan, "t"), ["a.parquet"]);
    assert_eq!((scan.store.as_str(), scan.files_total), ("file://", 1));
    let again = warehouse.resolve("t").await.expect("resolved");
    let scan = warehouse.scan(&again, &Predicate::new()).await;
    assert_eq!(names(&scan, "t"), ["a.parquet", "b.parquet"]);
}

#[tokio::test]
async fn an_evicted_snapshot_is_listed_again() {
    let warehouse = Warehouse::with_settings(LakeSettings {
        snapshot_cache_files: 0,
        ..LakeSettings::default()
    });
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), None)]));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    let scan = warehouse.scan(&table, &Predicate::new()).await;
    assert_eq!(scan.statistics.rows, Count::Exact(1));
}

#[tokio::test]
async fn text_files_are_compressed_as_their_ending_says() {
    let warehouse = Warehouse::new();
    for name in ["a.json", "b.json.gz", "c.json.BZ2", "d.json.xz", "e.json.zst"] {
        warehouse.write_text("t", name, "{}");
    }
    warehouse.create("t", &columns(), 0, FileFormat::Json).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    assert_eq!(table.statistics.rows, Count::Unknown);
    assert_eq!(table.statistics.bytes, Count::Estimate(10));
    let scans = warehouse.scans(&table, &Predicate::new()).await.expect("scans");
    let found: Vec<Compression> =
        scans.iter().flat_map(|scan| &scan.files).map(|file| file.compression).collect();
    assert_eq!(
        found,
        [
            Compression::None,
            Compression::Gzip,
            Compression::Bzip2,
            Compression::Xz,
            Compression::Zstd
        ]
    );
}

#[tokio::test]
async fn files_that_are_compressed_differently_are_scans_of_their_own() {
    let warehouse = Warehouse::new();
    for name in ["a.csv", "b.csv.gz", "c.csv", "d.csv.gz"] {
        warehouse.write_text("t", name, "id,name\n");
    }
    warehouse.create("t", &columns(), 0, FileFormat::Csv(CsvOptions::default())).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    let scans = warehouse.scans(&table, &Predicate::new()).await.expect("scans");
    let found: Vec<Vec<String>> = scans.iter().map(|scan| names(scan, "t")).collect();
    assert_eq!(found, [["a.csv", "c.csv"], ["b.csv.gz", "d.csv.gz"]]);
    assert_eq!(scans.iter().map(|scan| scan.files_total).sum::<usize>(), 4);
}

#[tokio::test]
async fn columns_are_inferred_from_all_files() {
    let warehouse = Warehouse::new();
    let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
    let other = Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8View, false),
        Field::new("at", nanos, false),
    ]));
    let arrays: [arrow::array::ArrayRef; 2] = [
        Arc::new(StringViewArray::from(vec!["x"])),
        Arc::new(TimestampNanosecondArray::from(vec![1])),
    ];
    let batch = RecordBatch::try_new(other, arrays.to_vec()).expect("a batch");
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("x"))]));
    warehouse.write_parquet("t", "b.parquet", &batch);
    let found = infer_schema(&warehouse.stores, &warehouse.location("t")).await.expect("columns");
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    let expected = [("id", DataType::Int64), ("name", DataType::Utf8), ("at", micros)];
    assert_eq!(found.fields().len(), expected.len());
    for (field, (name, data_type)) in found.fields().iter().zip(expected) {
        assert_eq!((field.name().as_str(), field.data_type()), (name, &data_type));
        assert!(field.is_nullable());
    }
}
