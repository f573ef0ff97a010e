//! The one suite that every metastore passes: whole if it can be changed, in part if it is only read.

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

/// What the read-only part must know of the metastore under test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Present<'a> {
    pub(crate) schema: &'a str,
    /// Tables of the schema as they must come back, with no partitions yet.
    pub(crate) tables: &'a [TableDefinition],
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

/// Runs what asks and changes nothing.
pub(crate) async fn run_read_only(metastore: &dyn Metastore, present: Present<'_>) {
    absent_names_are_not_found(metastore, present).await;
    names_are_listed(metastore, present).await;
    definitions_are_whole_in_any_case(metastore, present).await;
}

async fn absent_names_are_not_found(metastore: &dyn Metastore, present: Present<'_>) {
    let (schema, absent) = (present.schema, "mooring_absent");
    refused(metastore.tables(absent).await, ErrorKind::SchemaNotFound, absent);
    assert!(!metastore.schemas().await.expect("schemas").contains(&absent.to_string()));
    for (schema, table) in [(absent, absent), (schema, absent), (schema, "no \"such'\ntable`")] {
        assert_eq!(metastore.table(schema, table).await.expect("asked"), None, "{table}");
    }
    for table in present.tables {
        assert_eq!(metastore.table(absent, &table.name).await.expect("asked"), None);
    }
}

async fn names_are_listed(metastore: &dyn Metastore, present: Present<'_>) {
    let schemas = metastore.schemas().await.expect("schemas");
    assert_eq!(schemas.iter().filter(|schema| *schema == present.schema).count(), 1, "{schemas:?}");
    for schema in [present.schema, &present.schema.to_uppercase()] {
        let tables = metastore.tables(schema).await.expect("tables");
        for expected in present.tables {
            let found: Vec<_> = tables.iter().filter(|table| table.name == expected.name).collect();
            assert_eq!(found.len(), 1, "{tables:?}");
            assert_eq!(found[0].kind, TableKind::Table);
        }
    }
}

async fn definitions_are_whole_in_any_case(metastore: &dyn Metastore, present: Present<'_>) {
    for expected in present.tables {
        let (schema, name) = (present.schema.to_uppercase(), expected.name.to_uppercase());
        for (schema, name) in [(present.schema, &*expected.name), (&schema, &name)] {
            let found = metastore.table(schema, name).await.expect("read").expect("there");
            assert_eq!(found, Definition::Table(expected.clone()));
        }
        let partitions = metastore.partitions(expected, &Predicate::new()).await.expect("asked");
        assert_eq!(partitions.is_some(), metastore.lists_partitions());
        assert!(partitions.is_none_or(|partitions| partitions.is_empty()));
    }
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
    refused(metastore.drop_schema(schema, false).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.drop_schema(schema, true).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.create_table(&absent).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.replace_table(&absent).await, ErrorKind::SchemaNotFound, schema);
    refused(metastore.drop_table(schema, table).await, ErrorKind::SchemaNotFound, schema);
    metastore.create_schema(schema).await.expect("created");
    absent_names_are_not_found(metastore, Present { schema, tables: &[] }).await;
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
    let mut expected = Vec::new();
    for (name, format) in formats {
        let location = format!("{}{name}/", subject.location);
        let table = TableDefinition { format, ..definition("mooring_suite", name, &location) };
        metastore.create_table(&table).await.expect("created");
        expected.push(TableDefinition { name: subject.exact(name), ..table });
    }
    let tables = metastore.tables("mooring_suite").await.expect("tables");
    assert_eq!(tables.len(), expected.len());
    run_read_only(metastore, Present { schema: "mooring_suite", tables: &expected }).await;
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
        partition_projection: None,
        may_be_absent: false,
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
