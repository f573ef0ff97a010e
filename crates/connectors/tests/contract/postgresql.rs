//! PostgreSQL catalogs against a real server, at `MOORING_TEST_POSTGRES_URL`, where databases may be made. Without
//! it there is nothing to test. Expected rows are what the statements that made them say.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use futures::TryStreamExt;
use mooring_connectors::DatabaseMetrics;
use mooring_connectors::conformance::{self, Subject};
use mooring_connectors::postgresql::PostgresFactory;
use mooring_spi::{
    Bound, CatalogDefinition, CatalogKey, Connector, ConnectorFactory, Domain, ErrorKind,
    OpenRequest, Predicate, Range, ReaderFactory, Result, Scan, ScanRequest, SchemaTable,
    SplitReader, SplitScan, Table, Value,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, NoTls};
use url::Url;

/// A change of state is awaited no longer.
const BOUND: Duration = Duration::from_secs(60);

/// A database of its own for one test.
struct Database {
    url: Url,
    name: String,
    client: Client,
}

async fn connect(url: &Url, database: &str) -> Client {
    let host = url.host_str().expect("a host");
    let socket = TcpStream::connect((host, url.port().unwrap_or(5432))).await.expect("a server");
    let mut config = Config::new();
    config.user(url.username()).dbname(database);
    if let Some(password) = url.password() {
        config.password(password);
    }
    let (client, connection) = config.connect_raw(socket, NoTls).await.expect("a login");
    tokio::spawn(connection);
    client
}

impl Database {
    /// `None` without a server.
    async fn make(sql: &str) -> Option<Self> {
        let url = Url::parse(&std::env::var("MOORING_TEST_POSTGRES_URL").ok()?).expect("a URL");
        let name = format!("mooring_test_{}", uuid::Uuid::new_v4().simple());
        let server = connect(&url, url.path().trim_start_matches('/')).await;
        server.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("a database");
        let client = connect(&url, &name).await;
        client.batch_execute(sql).await.expect(sql);
        Some(Self { url, name, client })
    }

    fn catalog(&self, more: &[(&str, &str)]) -> (Arc<dyn Connector>, Arc<dyn SplitReader>) {
        let port = self.url.port().unwrap_or(5432).to_string();
        let mut properties: BTreeMap<String, String> = [
            ("host", self.url.host_str().expect("a host")),
            ("port", port.as_str()),
            ("database", &self.name),
            ("user", self.url.username()),
            ("password", self.url.password().unwrap_or_default()),
            ("tls", "disable"),
            ("split_bytes", "65536"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        properties.extend(more.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let definition = CatalogDefinition {
            key: CatalogKey { id: 1, version: 1 },
            name: "pg".into(),
            kind: "postgresql".into(),
            properties,
        };
        let factory = PostgresFactory::new(DatabaseMetrics::default());
        let connector = factory.connector(&definition).expect("a connector");
        (connector, factory.reader(&definition).expect("a reader"))
    }

    async fn number(&self, sql: &str) -> i64 {
        self.client.query_one(sql, &[]).await.expect(sql).get(0)
    }

    /// Asks again until the answer is the expected one.
    async fn until(&self, sql: &str, expected: i64) {
        let end = Instant::now() + BOUND;
        while self.number(sql).await != expected {
            assert!(Instant::now() < end, "{sql} is not {expected}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn remove(self) {
        let server = connect(&self.url, self.url.path().trim_start_matches('/')).await;
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        server.batch_execute(&sql).await.expect("dropped");
    }
}

async fn resolved(connector: &dyn Connector, schema: &str, name: &str) -> Table {
    let found = connector.resolve(&[SchemaTable::new(schema, name)]).await.expect("an answer");
    found.into_iter().next().flatten().expect("the table")
}

async fn splits(connector: &dyn Connector, table: &Table, predicate: &Predicate) -> SplitScan {
    let projection: Vec<usize> = (0..table.schema.fields().len()).collect();
    let request = ScanRequest {
        table,
        projection: &projection,
        predicate,
        limit: None,
        viewer: None,
        explain: false,
    };
    match connector.scan(request).await.expect("a scan") {
        Scan::Splits(scan) => scan,
        other => panic!("not splits: {other:?}"),
    }
}

fn opening(table: &Table, scan: &SplitScan, at: usize, lease: Option<&str>) -> OpenRequest {
    OpenRequest {
        split: scan.splits[at].clone(),
        schema: table.schema.clone(),
        predicate: Predicate::new(),
        batch_size_rows: 1_000,
        lease: lease.map(str::to_owned),
        query_id: String::new(),
    }
}

async fn read(reader: &dyn SplitReader, request: OpenRequest) -> Result<Vec<RecordBatch>> {
    reader.open(request).await?.try_collect().await
}

fn sum(batches: &[RecordBatch], column: usize) -> i64 {
    let values = batches.iter().flat_map(|batch| batch.column(column).as_primitive::<Int64Type>());
    values.flatten().sum()
}

const TABLES: &str = "
    CREATE SCHEMA shop;
    CREATE TABLE shop.numbers (id int8 PRIMARY KEY, v int8 NOT NULL, filler text);
    INSERT INTO shop.numbers SELECT g, 1, repeat('x', 100) FROM generate_series(1, 20000) g;
    CREATE TABLE shop.\"Parted\" (k int8, v int8) PARTITION BY RANGE (k);
    CREATE TABLE shop.low PARTITION OF shop.\"Parted\" FOR VALUES FROM (0) TO (10000);
    CREATE TABLE shop.high PARTITION OF shop.\"Parted\" FOR VALUES FROM (10000) TO (20000);
    INSERT INTO shop.\"Parted\" SELECT g, 2 FROM generate_series(0, 19999) g;
    ANALYZE;
";

#[tokio::test]
async fn tables_keep_the_connector_contract() {
    let Some(database) = Database::make(TABLES).await else { return };
    let (connector, reader) = database.catalog(&[]);
    let names = [SchemaTable::new("shop", "numbers"), SchemaTable::new("shop", "Parted")];
    let subject = Subject {
        connector: connector.as_ref(),
        reader: Some(reader.as_ref()),
        tables: [&names[0], &names[1]],
    };
    conformance::check(subject).await.expect("the contract holds");
    let listed = connector.tables("shop").await.expect("tables");
    let listed: Vec<&str> = listed.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(listed, ["Parted", "numbers"]);
    assert_eq!(resolved(connector.as_ref(), "shop", "LOW").await.name.table, "low");
    database.remove().await;
}

#[tokio::test]
async fn all_pieces_are_of_one_state_while_rows_move() {
    let Some(database) = Database::make(TABLES).await else { return };
    let (connector, reader) = database.catalog(&[]);
    for (name, rows) in [("numbers", 20_000), ("Parted", 40_000)] {
        let table = resolved(connector.as_ref(), "shop", name).await;
        let scan = splits(connector.as_ref(), &table, &Predicate::new()).await;
        assert!(scan.splits.len() > 2, "{:?}", scan.splits);
        let wanted = scan.lease.as_ref().expect("a lease");
        let needs = wanted.needs.iter().cloned().collect();
        let lease = wanted.source.open(&needs).await.expect("a snapshot");
        let mut total = 0;
        for at in 0..scan.splits.len() {
            let request = opening(&table, &scan, at, Some(&lease.token));
            total += sum(&read(reader.as_ref(), request).await.expect("rows"), 1);
            // Every row moves to another place.
            if at < 3 {
                let change = format!("UPDATE shop.\"{name}\" SET v = v + 1");
                database.client.batch_execute(&change).await.expect("changed");
            }
        }
        assert_eq!(total, rows, "{name}");
        drop(lease);
    }
    database.remove().await;
}

#[tokio::test]
async fn what_is_read_cannot_be_rewritten_below_a_query() {
    let Some(database) = Database::make(TABLES).await else { return };
    let (connector, _reader) = database.catalog(&[]);
    let table = resolved(connector.as_ref(), "shop", "numbers").await;
    let scan = splits(connector.as_ref(), &table, &Predicate::new()).await;
    let wanted = scan.lease.expect("a lease");
    let needs = wanted.needs.iter().cloned().collect();
    let lease = wanted.source.open(&needs).await.expect("a snapshot");
    database.client.batch_execute("SET lock_timeout = '100ms'").await.expect("set");
    for sql in ["TRUNCATE shop.numbers", "VACUUM FULL shop.numbers"] {
        let error = database.client.batch_execute(sql).await.expect_err(sql);
        assert_eq!(error.code().expect("a state").code(), "55P03");
    }
    drop(lease);
    database.client.batch_execute("SET lock_timeout = 0").await.expect("set");
    // Waits until the lease's transaction has ended.
    database.client.batch_execute("TRUNCATE shop.numbers").await.expect("truncated");
    database.remove().await;
}

fn only(column: &str, low: i64, high: i64) -> Predicate {
    let range =
        Range { low: Bound::Included(Value::Int(low)), high: Bound::Included(Value::Int(high)) };
    Predicate::from([(column.to_owned(), Domain { ranges: vec![range], nulls: false })])
}

#[tokio::test]
async fn what_an_index_finds_is_one_statement() {
    let Some(database) = Database::make(TABLES).await else { return };
    let (connector, reader) = database.catalog(&[]);
    let numbers = resolved(connector.as_ref(), "shop", "numbers").await;
    let scan = splits(connector.as_ref(), &numbers, &only("id", 7, 9)).await;
    assert_eq!(scan.splits.len(), 1, "{:?}", scan.splits);
    let batches = read(reader.as_ref(), opening(&numbers, &scan, 0, None)).await.expect("rows");
    assert_eq!(sum(&batches, 0), 7 + 8 + 9);
    // Without an index, and in one of the two partitions.
    let parted = resolved(connector.as_ref(), "shop", "Parted").await;
    let scan = splits(connector.as_ref(), &parted, &only("k", 0, 4_999)).await;
    assert!(scan.splits.iter().all(|split| split.label.contains("\"shop\".\"low")), "{scan:?}");
    database.remove().await;
}

#[tokio::test]
async fn a_stream_that_is_dropped_stops_the_server() {
    // In the list of columns a series is made while it is read.
    let slow = "CREATE VIEW public.slow AS SELECT generate_series(1::int8, 1000000000000) AS g";
    let Some(database) = Database::make(slow).await else { return };
    let (connector, reader) = database.catalog(&[("connections_max", "2")]);
    let table = resolved(connector.as_ref(), "public", "slow").await;
    let scan = splits(connector.as_ref(), &table, &Predicate::new()).await;
    let running = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'mooring' AND state = 'active'";
    // There is one connection to read with: the second waits for the end of the first.
    for _ in 0..2 {
        let mut batches =
            reader.open(opening(&table, &scan, 0, None)).await.expect("the statement runs");
        assert_eq!(batches.try_next().await.expect("rows").expect("a batch").num_rows(), 1_000);
        database.until(running, 1).await;
        drop(batches);
    }
    database.until(running, 0).await;
    database.remove().await;
}

#[tokio::test]
async fn values_without_a_place_name_their_column() {
    let sql = "CREATE TABLE bad_date (c date); INSERT INTO bad_date VALUES ('infinity');
        CREATE TABLE bad_number (c numeric); INSERT INTO bad_number VALUES ('NaN');
        CREATE TABLE bad_digits (c numeric); INSERT INTO bad_digits VALUES (0.1234567891);
        CREATE TABLE bad_list (c int4[]); INSERT INTO bad_list VALUES ('{{1},{2}}');
        CREATE TABLE bad_time (c time); INSERT INTO bad_time VALUES ('24:00');";
    let Some(database) = Database::make(sql).await else { return };
    let (connector, reader) = database.catalog(&[]);
    for name in ["bad_date", "bad_number", "bad_digits", "bad_list", "bad_time"] {
        let table = resolved(connector.as_ref(), "public", name).await;
        let scan = splits(connector.as_ref(), &table, &Predicate::new()).await;
        let error = read(reader.as_ref(), opening(&table, &scan, 0, None)).await.expect_err(name);
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
        let named = error.message().contains("catalog `pg`") && error.message().contains("`c`");
        assert!(named, "{error}");
    }
    database.remove().await;
}

#[tokio::test]
async fn a_table_that_changes_before_it_is_read_is_said_to() {
    let Some(database) = Database::make("CREATE TABLE t (a int4, b int4)").await else { return };
    let (connector, reader) = database.catalog(&[]);
    let table = resolved(connector.as_ref(), "public", "t").await;
    let scan = splits(connector.as_ref(), &table, &Predicate::new()).await;
    for change in ["ALTER TABLE t DROP COLUMN b", "DROP TABLE t"] {
        database.client.batch_execute(change).await.expect(change);
        let error = read(reader.as_ref(), opening(&table, &scan, 0, None)).await.expect_err(change);
        assert_eq!(error.kind(), ErrorKind::FileChanged, "{error}");
    }
    database.remove().await;
}
