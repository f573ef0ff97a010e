//! Which catalogs are asked for what. Shapes: MySQL 8.0 Reference Manual, chapter 28.

use super::*;
use crate::session::Client;
use crate::statement::{Process, ServerStatus, Variables};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use mooring_engine::{Catalog, CatalogOrigin, Catalogs};
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, Domain, Error, ErrorKind, Predicate, Range, Result,
    Scan, ScanRequest, SchemaTable, Table, TableKind, TableStatistics, TableSummary, Value,
    ViewColumns, ViewDefinition, ViewDialect,
};
use mooring_state::StoredUser;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A source with the schemas `a` and `b`, each with the tables `t` and `v`; it writes down what
/// it is asked. Or one that is away.
#[derive(Debug, Default)]
struct Source {
    away: bool,
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl Connector for Source {
    async fn schemas(&self) -> Result<Vec<String>> {
        match self.away {
            true => Err(Error::new(ErrorKind::SourceUnavailable, "it does not answer")),
            false => Ok(vec!["a".to_owned(), "b".to_owned()]),
        }
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        self.asked.lock().push(schema.to_owned());
        let summary =
            |(name, kind): (&str, TableKind)| TableSummary { name: name.to_owned(), kind };
        Ok([("v", TableKind::View), ("t", TableKind::Table)].map(summary).to_vec())
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let resolved = tables.iter().map(|name| {
            self.asked.lock().push(name.to_string());
            let schema = Arc::new(Schema::new(vec![
                Field::new("id", DataType::Int64, false),
                Field::new("name", DataType::Utf8, true),
            ]));
            let view = (name.table == "v").then(|| {
                Arc::new(ViewDefinition {
                    schema_name: name.schema.clone(),
                    name: name.table.clone(),
                    columns: Arc::clone(&schema),
                    sql: "SELECT id, name FROM t".to_owned(),
                    dialect: ViewDialect::Hive,
                    default_schema: name.schema.clone(),
                    own_catalogs: Vec::new(),
                    columns_by: ViewColumns::Position,
                })
            });
            Some(Table {
                name: name.clone(),
                kind: if view.is_some() { TableKind::View } else { TableKind::Table },
                schema,
                statistics: TableStatistics::default(),
                handle: String::new(),
                view,
            })
        });
        Ok(resolved.collect())
    }

    async fn scan(&self, _request: ScanRequest<'_>) -> Result<Scan> {
        Err(Error::internal("no rows here"))
    }
}

struct Server;

#[async_trait]
impl ServerView for Server {
    fn processes(&self, by: &Client) -> Vec<Process> {
        vec![Process {
            connection_id: by.connection_id,
            user: by.user.clone(),
            host: by.address.to_string(),
            database: None,
            command: "Query".to_owned(),
            seconds: 3,
            state: None,
            statement: Some("SELECT 1".to_owned()),
        }]
    }

    fn status(&self) -> ServerStatus {
        ServerStatus::default()
    }

    async fn users(&self) -> Result<Vec<StoredUser>> {
        Ok(Vec::new())
    }
}

struct Fixture {
    tables: SessionTables,
    lake: Arc<Source>,
}

impl Fixture {
    fn new() -> Self {
        let catalogs = Catalogs::new(vec![]);
        let lake = Arc::new(Source::default());
        let away = Arc::new(Source { away: true, ..Source::default() });
        let sources = [("lake", lake.clone()), ("hive", away), ("tpch", Arc::default())];
        for (id, (name, connector)) in (1..).zip(sources) {
            let definition = CatalogDefinition {
                key: CatalogKey { id, version: 1 },
                name: name.to_owned(),
                kind: "test".to_owned(),
                properties: BTreeMap::new(),
            };
            catalogs.insert(Catalog { definition, origin: CatalogOrigin::BuiltIn, connector });
        }
        let client = Client {
            user: "root".to_owned(),
            administrator: false,
            address: ([127, 0, 0, 1], 1).into(),
            tls: None,
            connection_id: 7,
            account_host: "%".to_owned(),
            attributes: [("_pid".to_owned(), "12".to_owned())].into(),
        };
        let tables = SessionTables {
            catalogs: Arc::new(catalogs),
            catalog: "lake".to_owned(),
            client,
            variables: Variables::default(),
            server: Arc::new(Server),
            warnings: Arc::default(),
        };
        Self { tables, lake }
    }

    async fn rows(&self, table: &str, predicate: &Predicate) -> Result<RecordBatch> {
        let (schema, table) = table.split_once('.').expect("a dot");
        let name = [SchemaTable::new(schema, table)];
        let table = self.tables.resolve(&name).await?.remove(0).expect("a table");
        let projection: Vec<usize> = (0..table.schema.fields().len()).collect();
        let request = ScanRequest {
            table: &table,
            projection: &projection,
            predicate,
            limit: None,
            viewer: None,
            explain: false,
        };
        match self.tables.scan(request).await? {
            Scan::Rows(mut batches) => Ok(batches.remove(0)),
            other => panic!("not rows: {other:?}"),
        }
    }

    /// The values of a column of text.
    async fn texts(&self, table: &str, column: &str, predicate: &Predicate) -> Vec<String> {
        let batch = self.rows(table, predicate).await.expect("rows");
        let column = batch.column_by_name(column).expect("a column").as_string::<i32>();
        column.iter().map(|text| text.unwrap_or_default().to_owned()).collect()
    }
}

fn equal(column: &str, values: &[&str]) -> (String, Domain) {
    let range = |value: &&str| Range::exactly(Value::Text((*value).to_owned()));
    (column.to_owned(), Domain { ranges: values.iter().map(range).collect(), nulls: false })
}

#[tokio::test]
async fn every_table_gives_rows_of_its_shape() {
    let fixture = Fixture::new();
    for table in TABLES.iter().copied().flatten() {
        let name = format!("{}.{}", table.schema, table.name.to_lowercase());
        match fixture.rows(&name, &Predicate::new()).await {
            Ok(batch) => assert_eq!(batch.num_columns(), table.columns.len(), "{name}"),
            // Readers do not see the users.
            Err(error) => {
                assert_eq!((name.as_str(), error.kind()), ("mysql.user", ErrorKind::AccessDenied));
            }
        }
    }
}

#[tokio::test]
async fn databases_are_plain_here_and_dotted_elsewhere() {
    let fixture = Fixture::new();
    let names =
        fixture.texts("information_schema.schemata", "SCHEMA_NAME", &Predicate::new()).await;
    let own = ["a", "b", "information_schema", "mysql", "performance_schema"];
    assert_eq!(names, [&own[..], &["tpch.a", "tpch.b"]].concat());
    let warnings = fixture.tables.warnings.lock();
    assert_eq!((warnings.len(), warnings[0].code), (1, 1429));
    assert!(warnings[0].message.contains("`hive`"), "{}", warnings[0].message);
}

#[tokio::test]
async fn only_what_a_predicate_pins_is_listed() {
    let fixture = Fixture::new();
    let predicate = Predicate::from([
        equal("TABLE_SCHEMA", &["b", "lake.a", "nowhere", "no.where"]),
        equal("TABLE_NAME", &["t"]),
    ]);
    let table = "information_schema.columns";
    let schemas = fixture.texts(table, "TABLE_SCHEMA", &predicate).await;
    // Under the names that were asked for.
    assert_eq!(schemas, ["b", "b", "lake.a", "lake.a"]);
    let mut asked = std::mem::take(&mut *fixture.lake.asked.lock());
    asked.sort();
    assert_eq!(asked, ["a", "a.t", "b", "b.t"]);
    assert!(fixture.tables.warnings.lock().is_empty());
    let types = fixture.texts(table, "DATA_TYPE", &predicate).await;
    assert_eq!(types, ["bigint", "varchar", "bigint", "varchar"]);
}

#[tokio::test]
async fn tables_and_views_have_their_types() {
    let fixture = Fixture::new();
    let predicate = Predicate::from([equal("TABLE_SCHEMA", &["a"])]);
    let types = fixture.texts("information_schema.tables", "TABLE_TYPE", &predicate).await;
    assert_eq!(types, ["BASE TABLE", "VIEW"]);
    let views = fixture.texts("information_schema.views", "TABLE_NAME", &predicate).await;
    assert_eq!(views, ["v"]);
    let texts = fixture.texts("information_schema.views", "VIEW_DEFINITION", &predicate).await;
    assert_eq!(texts, ["SELECT id, name FROM t"]);
    let own = Predicate::from([equal("TABLE_SCHEMA", &["Information_Schema"])]);
    let types = fixture.texts("information_schema.TABLES", "TABLE_TYPE", &own).await;
    assert!(types.len() >= 30 && types.iter().all(|kind| kind == "SYSTEM VIEW"));
}

#[tokio::test]
async fn a_client_sees_what_it_told_of_itself() {
    let fixture = Fixture::new();
    let table = "performance_schema.session_connect_attrs";
    assert_eq!(fixture.texts(table, "ATTR_NAME", &Predicate::new()).await, ["_pid"]);
    assert_eq!(fixture.texts(table, "ATTR_VALUE", &Predicate::new()).await, ["12"]);
}

#[tokio::test]
async fn a_column_without_characters_has_no_character_set() {
    let fixture = Fixture::new();
    let predicate = Predicate::from([equal("TABLE_SCHEMA", &["a"]), equal("TABLE_NAME", &["t"])]);
    let batch = fixture.rows("information_schema.columns", &predicate).await.expect("rows");
    let sets = batch.column_by_name("CHARACTER_SET_NAME").expect("a column").as_string::<i32>();
    assert!(sets.is_null(0) && sets.value(1) == "utf8mb4");
}
