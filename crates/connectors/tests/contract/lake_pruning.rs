//! Which files a predicate leaves: by partition values and by footers.

use crate::warehouse::{Warehouse, columns, names, rows};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use mooring_spi::{Bound, Count, CsvOptions, Domain, FileFormat, Predicate, Range, Value};
use std::sync::Arc;

/// `columns()` with the partition columns `day` and `city`.
fn partitioned() -> SchemaRef {
    let mut fields: Vec<Field> =
        columns().fields().iter().map(|field| field.as_ref().clone()).collect();
    fields.push(Field::new("day", DataType::Date32, true));
    fields.push(Field::new("city", DataType::Utf8, true));
    Arc::new(Schema::new(fields))
}

fn predicate(column: &str, ranges: Vec<Range>, nulls: bool) -> Predicate {
    Predicate::from([(column.to_owned(), Domain { ranges, nulls })])
}

fn at_least(value: Value) -> Vec<Range> {
    vec![Range { low: Bound::Included(value), high: Bound::Unbounded }]
}

#[tokio::test]
async fn partitions_are_found_typed_and_pruned() {
    let warehouse = Warehouse::new();
    let text = "id,name\n1,x\n";
    warehouse.write_text("t", "day=2024-01-01/city=S%C3%A3o%20Paulo/a.csv", text);
    warehouse.write_text("t", "day=2024-01-02/city=Oslo/a.csv", text);
    warehouse.write_text("t", "day=__HIVE_DEFAULT_PARTITION__/city=Oslo/a.csv", text);
    let format = FileFormat::Csv(CsvOptions::default());
    warehouse.create("t", &partitioned(), 2, format).await;
    let table = warehouse.resolve("t").await.expect("resolved");

    let all = warehouse.scan(&table, &Predicate::new()).await;
    let found: Vec<_> = all.files.iter().map(|file| file.partition_values.clone()).collect();
    let text = |text: &str| Value::Text(text.into());
    // 2024-01-01 is 19,723 days after 1970-01-01.
    assert_eq!(
        found,
        [
            vec![Value::Date(19_723), text("São Paulo")],
            vec![Value::Date(19_724), text("Oslo")],
            vec![Value::Null, text("Oslo")],
        ]
    );
    let late = predicate("day", at_least(Value::Date(19_724)), false);
    let late = warehouse.scan(&table, &late).await;
    assert_eq!(names(&late, "t"), ["day=2024-01-02/city=Oslo/a.csv"]);
    assert_eq!((late.files_total, late.partition_columns), (3, 2));

    let unknown = warehouse.scan(&table, &predicate("day", Vec::new(), true)).await;
    assert_eq!(names(&unknown, "t"), ["day=__HIVE_DEFAULT_PARTITION__/city=Oslo/a.csv"]);
}

#[tokio::test]
async fn footers_prune_files_and_leave_their_statistics() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("a")), (Some(5), None)]));
    warehouse.write_parquet("t", "b.parquet", &rows(&[(Some(5), Some("b"))]));
    warehouse.write_parquet("t", "c.parquet", &rows(&[(None, Some("c")), (None, Some("c"))]));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    let cases = [
        (predicate("id", at_least(Value::Int(5)), false), vec!["a.parquet", "b.parquet"], 3),
        (predicate("id", at_least(Value::Int(6)), false), vec![], 0),
        (
            predicate("id", vec![Range::exactly(Value::Int(3))], true),
            vec!["a.parquet", "c.parquet"],
            4,
        ),
        (predicate("name", Vec::new(), true), vec!["a.parquet"], 2),
        (
            predicate("name", at_least(Value::Text("b".into())), false),
            vec!["b.parquet", "c.parquet"],
            3,
        ),
        (predicate("other", Vec::new(), false), vec!["a.parquet", "b.parquet", "c.parquet"], 5),
    ];
    for (predicate, files, rows) in cases {
        let scan = warehouse.scan(&table, &predicate).await;
        assert_eq!(names(&scan, "t"), files, "{predicate:?}");
        assert_eq!(scan.statistics.rows, Count::Exact(rows), "{predicate:?}");
        assert_eq!(scan.files_total, 3);
    }
}

#[tokio::test]
async fn a_column_that_a_file_lacks_is_null_there() {
    let warehouse = Warehouse::new();
    let wide = rows(&[(Some(1), Some("a"))]);
    warehouse.write_parquet("t", "a.parquet", &wide);
    warehouse.write_parquet("t", "b.parquet", &wide.project(&[0]).expect("a projection"));
    warehouse.create("t", &columns(), 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    assert_eq!(table.statistics.columns[1].nulls, Count::Exact(1));
    let filled = predicate("name", at_least(Value::Text(String::new())), false);
    assert_eq!(names(&warehouse.scan(&table, &filled).await, "t"), ["a.parquet"]);
}

#[tokio::test]
async fn a_column_of_another_type_prunes_nothing() {
    let warehouse = Warehouse::new();
    warehouse.write_parquet("t", "a.parquet", &rows(&[(Some(1), Some("a"))]));
    let other = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Utf8, true),
        Field::new("name", DataType::Utf8, true),
    ]));
    warehouse.create("t", &other, 0, FileFormat::Parquet).await;
    let table = warehouse.resolve("t").await.expect("resolved");
    assert_eq!(table.statistics.rows, Count::Exact(1));
    let predicate = predicate("id", at_least(Value::Text("9".into())), false);
    assert_eq!(warehouse.scan(&table, &predicate).await.files.len(), 1);
}

#[tokio::test]
async fn partition_columns_have_statistics_too() {
    let warehouse = Warehouse::new();
    let one = rows(&[(Some(1), Some("a"))]);
    warehouse.write_parquet("t", "day=2024-01-01/city=Oslo/a.parquet", &one);
    warehouse.write_parquet("t", "day=2024-01-03/city=__HIVE_DEFAULT_PARTITION__/a.parquet", &one);
    warehouse.create("t", &partitioned(), 2, FileFormat::Parquet).await;
    let statistics = warehouse.resolve("t").await.expect("resolved").statistics;
    let [.., day, city] = &statistics.columns[..] else { panic!("four columns") };
    assert_eq!(day.min, Some(Value::Date(19_723)));
    assert_eq!(day.max, Some(Value::Date(19_725)));
    assert_eq!((day.nulls, city.nulls), (Count::Exact(0), Count::Exact(1)));
}
