//! Against an endpoint of Glue at the URL `MOORING_TEST_GLUE_ENDPOINT`, where the variable is set.

use super::connect::connect;
use super::*;
use crate::conformance::{Present, definition, run_read_only};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use aws_sdk_glue::Client;
use aws_sdk_glue::config::Credentials;
use aws_sdk_glue::types::{
    Column, DatabaseInput, PartitionInput, SerDeInfo, StorageDescriptor, TableInput,
};
use mooring_spi::{
    Bound, ColumnProjection, ColumnStatistics, Count, Definition, Domain, ErrorKind, FileFormat,
    PartitionProjection, Range, Value,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A metastore, and the client with which a test makes what it asks for.
async fn open(endpoint: &str, more: &[(&str, &str)]) -> (GlueMetastore, Client) {
    let own = [("endpoint", endpoint), ("region", "us-east-1"), ("retries_max", "1")];
    let properties = own.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into()));
    let properties: BTreeMap<String, String> = properties.collect();
    let settings = GlueSettings::from_properties(&properties).expect("settings");
    let credentials = Credentials::new("an-access-key", "a-secret-key", None, None, "tests");
    let client = connect(&settings).await.expect("a client");
    let config = client.config().to_builder().credentials_provider(credentials).build();
    let client = Client::from_conf(config);
    let mut metastore = GlueMetastore::new("lakehouse", settings, MetastoreMetrics::default());
    metastore.client.client = OnceCell::new_with(Some(client.clone()));
    (metastore, client)
}

/// Runs the test in a database of its own, if there is an endpoint.
async fn in_database(name: &str, test: impl AsyncFn(GlueMetastore, Client)) {
    let Ok(endpoint) = std::env::var("MOORING_TEST_GLUE_ENDPOINT") else { return };
    let (metastore, client) = open(&endpoint, &[]).await;
    let input = DatabaseInput::builder().name(name).build().expect("named");
    // One that an earlier run left.
    let _ = client.delete_database().name(name).send().await;
    client.create_database().database_input(input).send().await.expect("created");
    test(metastore, client.clone()).await;
    client.delete_database().name(name).send().await.expect("dropped");
}

fn column(name: &str, hive_type: &str) -> Column {
    Column::builder().name(name).r#type(hive_type).build().expect("named")
}

fn parquet(location: &str, columns: Vec<Column>) -> StorageDescriptor {
    let serde = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe";
    StorageDescriptor::builder()
        .set_columns(Some(columns))
        .location(location)
        .input_format("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat")
        .serde_info(SerDeInfo::builder().serialization_library(serde).build())
        .build()
}

async fn create_table(
    client: &Client,
    schema: &str,
    name: &str,
    storage: StorageDescriptor,
    keys: Vec<Column>,
) {
    let input = TableInput::builder()
        .name(name)
        .table_type("EXTERNAL_TABLE")
        .storage_descriptor(storage)
        .set_partition_keys(Some(keys));
    let input = input.build().expect("named");
    client.create_table().database_name(schema).table_input(input).send().await.expect("created");
}

/// The table `sales`, by year and city; the last year is none.
async fn create_sales(client: &Client, schema: &str) {
    let storage = |location: &str| parquet(location, vec![column("id", "int")]);
    let keys = vec![column("year", "int"), column("city", "string")];
    create_table(client, schema, "sales", storage("s3://bucket/sales"), keys).await;
    for (year, city) in [
        ("2023", "Rome"),
        ("2024", "Rome"),
        ("2024", "L'Aquila"),
        ("__HIVE_DEFAULT_PARTITION__", "Rome"),
    ] {
        let input = PartitionInput::builder()
            .values(year)
            .values(city)
            .storage_descriptor(storage(&format!("s3://bucket/sales/{year}/{city}")));
        let request = client.create_partition().database_name(schema).table_name("sales");
        request.partition_input(input.build()).send().await.expect("created");
    }
}

#[tokio::test]
async fn it_conforms() {
    in_database("mooring_suite", async |metastore, client| {
        let comment = HashMap::from([("comment".to_string(), "what it is".to_string())]);
        let expected = |name: &str, partition_columns: usize| TableDefinition {
            schema_name: "mooring_suite".into(),
            name: name.into(),
            columns: Arc::new(Schema::new(vec![
                Field::new("id", DataType::Int64, true).with_metadata(comment.clone()),
                Field::new("price", DataType::Decimal128(38, 10), true),
                Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
                Field::new("größe", DataType::Utf8, true),
                Field::new("day", DataType::Date32, true),
            ])),
            partition_columns,
            location: format!("s3://bucket/{name}"),
            format: FileFormat::Parquet,
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: partition_columns == 0,
            compression: None,
            options: BTreeMap::new(),
        };
        let id = Column::builder().name("id").r#type("bigint").comment("what it is");
        let mut columns = vec![
            id.build().expect("named"),
            column("price", "decimal(38,10)"),
            column("at", "timestamp"),
            column("größe", "string"),
        ];
        let day = column("day", "date");
        let storage = parquet("s3://bucket/by_day", columns.clone());
        create_table(&client, "mooring_suite", "by_day", storage, vec![day.clone()]).await;
        columns.push(day);
        create_table(
            &client,
            "mooring_suite",
            "flat",
            parquet("s3a://bucket/flat", columns),
            vec![],
        )
        .await;
        let tables = [expected("by_day", 1), expected("flat", 0)];
        run_read_only(&metastore, Present { schema: "mooring_suite", tables: &tables }).await;
    })
    .await;
}

#[tokio::test]
async fn partitions_are_those_that_may_match() {
    in_database("mooring_partitions", async |metastore, client| {
        create_sales(&client, "mooring_partitions").await;
        let table = metastore.table("mooring_partitions", "sales").await.expect("read");
        let table = table.and_then(Definition::into_table).expect("there");
        let exactly = |value| Domain { ranges: vec![Range::exactly(value)], nulls: false };
        let from_2024 = Range { low: Bound::Included(Value::Int(2024)), high: Bound::Unbounded };
        let from_2024 = Domain { ranges: vec![from_2024], nulls: false };
        let cities = |city: &str| exactly(Value::Text(city.into()));
        for (predicate, expected) in [
            (Predicate::new(), 4),
            (Predicate::from([("city".into(), cities("L'Aquila"))]), 1),
            (Predicate::from([("city".into(), cities("Rome"))]), 3),
            (Predicate::from([("city".into(), cities("no\\where"))]), 0),
            // The endpoint does not compare a year that is no number.
            (Predicate::from([("year".into(), from_2024)]), 2),
            (Predicate::from([("id".into(), exactly(Value::Int(7)))]), 4),
        ] {
            let found = metastore.partitions(&table, &predicate).await.expect("asked");
            assert_eq!(found.expect("listed").len(), expected, "{predicate:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn too_many_partitions_name_their_table() {
    in_database("mooring_too_many", async |_, client| {
        create_sales(&client, "mooring_too_many").await;
        let endpoint = std::env::var("MOORING_TEST_GLUE_ENDPOINT").expect("in a database");
        let (metastore, _) = open(&endpoint, &[("partitions_max", "3")]).await;
        let table = metastore.table("mooring_too_many", "sales").await.expect("read");
        let table = table.and_then(Definition::into_table).expect("there");
        let error = metastore.partitions(&table, &Predicate::new()).await.expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        assert!(error.message().contains("`mooring_too_many.sales`"), "{error}");
        assert!(error.message().contains("`partitions_max`"), "{error}");
        // Those that an expression leaves out are not answered at all.
        let rome = Range::exactly(Value::Text("Rome".into()));
        let rome = Domain { ranges: vec![rome], nulls: false };
        let found = metastore.partitions(&table, &Predicate::from([("city".into(), rome)])).await;
        assert_eq!(found.expect("few").expect("listed").len(), 3);
    })
    .await;
}

#[tokio::test]
async fn who_does_not_answer_is_named() {
    // Taken, and let go again: nobody listens there.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let (metastore, _) = open(&endpoint, &[("timeout_ms", "20000")]).await;
    drop(listener);
    let error = metastore.schemas().await.expect_err("nobody is there");
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(error.message().contains("`lakehouse`"), "{error}");
    assert!(error.message().contains(&endpoint), "{error}");
    assert!(!error.message().contains("a-secret-key"), "{error}");
}

#[tokio::test]
async fn who_is_silent_is_waited_for_no_longer_than_said() {
    // It accepts and says nothing.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    let (metastore, _) = open(&endpoint, &[("timeout_ms", "200")]).await;
    let error = metastore.table("a", "b").await.expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::SourceUnavailable);
    assert!(error.message().contains("200 ms"), "{error}");
}

#[tokio::test]
async fn projected_tables_have_no_statistics() {
    let (metastore, _) = open("http://127.0.0.1:1", &[]).await;
    let listed = definition("a", "b", "s3://c/");
    // Columns are told too, so that nobody is asked for them.
    let columns = vec![ColumnStatistics::default(); listed.columns.fields().len()];
    let told = TableStatistics { rows: Count::Estimate(9), columns, ..TableStatistics::default() };
    metastore.statistics.put(&listed, Some(told.clone()));
    assert_eq!(metastore.statistics(&listed).await.expect("kept"), Some(told));
    let projection =
        PartitionProjection { columns: vec![ColumnProjection::Injected], location: Vec::new() };
    let projected = TableDefinition { partition_projection: Some(projection), ..listed };
    assert_eq!(metastore.statistics(&projected).await.expect("none"), None);
}

#[tokio::test]
async fn changes_are_refused_by_name() {
    let (metastore, _) = open("http://127.0.0.1:1", &[]).await;
    let table = definition("a", "b", "s3://c/");
    for (refused, what) in [
        (metastore.create_schema("a").await, "create databases"),
        (metastore.drop_schema("a", true).await, "drop databases"),
        (metastore.create_table(&table).await, "create tables"),
        (metastore.drop_table("a", "b").await, "drop tables"),
        (metastore.replace_table(&table).await, "change tables"),
    ] {
        let error = refused.expect_err("only read");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`lakehouse`"), "{error}");
        assert!(error.message().contains(what), "{error}");
    }
}
