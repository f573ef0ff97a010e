//! The one suite that every metastore which can be changed passes.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use mooring_spi::{
    ColumnMatch, Compression, CsvOptions, Definition, ErrorKind, FileFormat, Metastore, Predicate,
    Result, TableDefinition, TableKind,
};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Arc;

/// What the suite must know of the metastore under test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// Whether names keep the case of the statement; otherwise they come back in lower case.
    pub(crate) keeps_case: bool,
    /// A folder, with a slash at its end, that tables may name as their location.
    pub(crate) location: &'a str,
}

impl Subject<'_> {
    fn exact(&self, name: &str) -> String {
        if self.keeps_case { name.to_string() } else { name.to_lowercase() }
    }
}

/// Runs the whole suite; it leaves nothing behind.
pub(crate) async fn run(metastore: &dyn Metastore, subject: Subject<'_>) {
    schemas_are_made_found_and_dropped(metastore, subject).await;
    absent_names_are_told_apart(metastore, subject).await;
    definitions_come_back_whole(metastore, subject).await;
    taken_names_are_refused_in_any_case(metastore, subject).await;
    tables_are_replaced_in_one_step(metastore, subject).await;
    a_schema_with_tables_needs_cascade(metastore, subject).await;
}

async fn schemas_are_made_found_and_dropped(metastore: &dyn Metastore, subject: Subject<'_>) {
    metastore.create_schema("Mooring_Suite").await.expect("created");
    let exact = subject.exact("Mooring_Suite");
    assert!(metastore.schemas().await.expect("schemas").contains(&exact));
    assert!(metastore.tables("mooring_SUITE").await.expect("tables").is_empty());
    metastore.drop_schema("MOORING_suite", false).await.expect("dropped");
    assert!(!metastore.schemas().await.expect("schemas").contains(&exact));
}

async fn absent_names_are_told_apart(metastore: &dyn Metastore, subject: Subject<'_>) {
    let (schema, table) = ("mooring_suite", "t");
    let absent = definition(schema, table, subject.location);
    refused(metastore.tables(schema).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.drop_schema(schema, false).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.drop_schema(schema, true).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.create_table(&absent).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.replace_table(&absent).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.drop_table(schema, table).await, ErrorKind::SchemaNotFound, schema);
    assert_eq!(metastore.table(schema, table).await.expect("read"), None);
    metastore.create_schema(schema).await.expect("created");
    assert_eq!(metastore.table(schema, table).await.expect("read"), None);
    refused(metastore.drop_table(schema, table).await, ErrorKind::TableNotFound, table);
    metastore.drop_schema(schema, false).await.expect("dropped");
}

async fn definitions_come_back_whole(metastore: &dyn Metastore, subject: Subject<'_>) {
    metastore.create_schema("mooring_suite").await.expect("created");
    let formats = [
        ("Of_Parquet", FileFormat::Parquet),
        (
            "of_csv",
            FileFormat::Csv(CsvOptions {
                has_header: false,
                delimiter: b'|',
                ..CsvOptions::default()
            }),
        ),
        ("of_json", FileFormat::Json),
    ];
    for (name, format) in formats {
        let location = format!("{}{name}/", subject.location);
        let table = TableDefinition { format, ..definition("mooring_suite", name, &location) };
        metastore.create_table(&table).await.expect("created");
        let typed = name.to_uppercase();
        let found = metastore.table("MOORING_suite", &typed).await.expect("read").expect("there");
        let found = found.into_table().expect("a table");
        assert_eq!(found, TableDefinition { name: subject.exact(name), ..table });
        let partitions = metastore.partitions(&found, &Predicate::new()).await.expect("asked");
        assert!(partitions.is_none_or(|partitions| partitions.is_empty()));
    }
    let tables = metastore.tables("mooring_suite").await.expect("tables");
    assert!(tables.iter().all(|table| table.kind == TableKind::Table));
    let mut names: Vec<String> = tables.into_iter().map(|table| table.name).collect();
    names.sort();
    assert_eq!(names, [subject.exact("Of_Parquet"), "of_csv".into(), "of_json".into()]);
    metastore.drop_table("mooring_suite", "OF_CSV").await.expect("dropped");
    assert_eq!(metastore.table("mooring_suite", "of_csv").await.expect("read"), None);
    metastore.drop_schema("mooring_suite", true).await.expect("dropped");
}

async fn taken_names_are_refused_in_any_case(metastore: &dyn Metastore, subject: Subject<'_>) {
    metastore.create_schema("Mooring_Suite").await.expect("created");
    for again in ["Mooring_Suite", "mooring_suite"] {
        let exact = subject.exact("Mooring_Suite");
        refused(metastore.create_schema(again).await, ErrorKind::SchemaExists, &exact);
    }
    let table = definition("mooring_suite", "Orders", subject.location);
    metastore.create_table(&table).await.expect("created");
    for again in ["Orders", "orders"] {
        let second = definition("mooring_suite", again, subject.location);
        let exact = subject.exact("Orders");
        refused(metastore.create_table(&second).await, ErrorKind::TableExists, &exact);
    }
    metastore.drop_schema("mooring_suite", true).await.expect("dropped");
}

async fn tables_are_replaced_in_one_step(metastore: &dyn Metastore, subject: Subject<'_>) {
    metastore.create_schema("mooring_suite").await.expect("created");
    let first = definition("mooring_suite", "t", subject.location);
    metastore.replace_table(&first).await.expect("added");
    let columns = Arc::new(Schema::new(vec![Field::new("other", DataType::Utf8, true)]));
    let second = TableDefinition { columns, partition_columns: 0, ..first };
    metastore.replace_table(&second).await.expect("replaced");
    let found = metastore.table("mooring_suite", "t").await.expect("read");
    assert_eq!(found, Some(Definition::Table(second)));
    assert_eq!(metastore.tables("mooring_suite").await.expect("tables").len(), 1);
    metastore.drop_schema("mooring_suite", true).await.expect("dropped");
}

async fn a_schema_with_tables_needs_cascade(metastore: &dyn Metastore, subject: Subject<'_>) {
    let (schema, table) = ("mooring_suite", "t");
    metastore.create_schema(schema).await.expect("created");
    let held = definition(schema, table, subject.location);
    metastore.create_table(&held).await.expect("created");
    refused(metastore.drop_schema(schema, false).await, ErrorKind::SchemaNotEmpty, schema);
    let found = metastore.table(schema, table).await.expect("read");
    assert_eq!(found, Some(Definition::Table(held)));
    metastore.drop_schema(schema, true).await.expect("dropped");
    metastore.create_schema(schema).await.expect("created again");
    assert!(metastore.tables(schema).await.expect("tables").is_empty());
    metastore.drop_schema(schema, false).await.expect("dropped");
}

/// A partitioned table with a column of each kind of type, in Parquet.
pub(crate) fn definition(schema: &str, table: &str, location: &str) -> TableDefinition {
    let comment = HashMap::from([("comment".to_string(), "what it is".to_string())]);
    let items = DataType::List(Arc::new(Field::new("element", DataType::Float64, true)));
    let columns = Schema::new(vec![
        Field::new("id", DataType::Int64, true).with_metadata(comment),
        Field::new("price", DataType::Decimal128(38, 10), true),
        Field::new("at", DataType::Timestamp(TimeUnit::Microsecond, None), true),
        Field::new("items", items, true),
        Field::new("größe", DataType::Utf8, true),
        Field::new("day", DataType::Date32, true),
    ]);
    TableDefinition {
        schema_name: schema.into(),
        name: table.into(),
        columns: Arc::new(columns),
        partition_columns: 1,
        location: location.into(),
        format: FileFormat::Parquet,
        columns_by: ColumnMatch::default(),
        compression: Some(Compression::None),
        options: BTreeMap::from([("note".to_string(), "it's `quoted`".to_string())]),
    }
}

#[track_caller]
fn refused<T: Debug>(result: Result<T>, kind: ErrorKind, naming: &str) {
    let error = result.expect_err("refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(naming), "{error} does not name {naming}");
}
