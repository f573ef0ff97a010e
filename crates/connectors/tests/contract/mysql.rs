//! Tables of a real MariaDB, those of `tests/clients/mariadb_tables.py`, at the address `MOORING_TEST_MYSQL_URL`, where
//! the variable is set.

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Decimal128Type, Field, Int64Type, Schema};
use futures::TryStreamExt;
use mooring_connectors::DatabaseMetrics;
use mooring_connectors::conformance::{self, Subject};
use mooring_connectors::mysql::{MysqlConnectorFactory, MysqlReaderFactory, MysqlSources};
use mooring_spi::{
    BatchStream, Bound, CatalogDefinition, CatalogKey, Connector, ConnectorFactory, Count, Domain,
    ErrorKind, OpenRequest, Predicate, Range, ReaderFactory, Scan, ScanRequest, SchemaTable, Split,
    SplitReader, Table, TableKind, Value, value_at,
};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const SCHEMA: &str = "market";

struct Catalog {
    connector: Arc<dyn Connector>,
    reader: Arc<dyn SplitReader>,
}

/// `None` where there is no server.
fn catalog(more: &[(&str, &str)]) -> Option<Catalog> {
    let server = std::env::var("MOORING_TEST_MYSQL_URL").ok()?;
    let url = Url::parse(&server).expect("a URL");
    let port = url.port().expect("a port").to_string();
    let host = url.host_str().expect("a host");
    let own = [("host", host), ("port", port.as_str()), ("user", url.username())];
    let properties = own.iter().chain(more);
    let definition = CatalogDefinition {
        key: CatalogKey { id: 1, version: 1 },
        name: "shop".to_owned(),
        kind: "mysql".to_owned(),
        properties: properties
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let sources = MysqlSources::new(DatabaseMetrics::default());
    let connector =
        MysqlConnectorFactory(sources.clone()).connector(&definition).expect("a connector");
    let reader = MysqlReaderFactory(sources).reader(&definition).expect("a reader");
    Some(Catalog { connector, reader })
}

/// As of a scan, with a statement that no scan would have.
async fn read(
    catalog: &Catalog,
    sql: &str,
    columns: &[(&str, DataType)],
) -> mooring_spi::Result<BatchStream> {
    let fields = columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let payload = json!({
        "sql": sql, "columns": columns.len(), "keys": [], "known": {}, "is_foreign": false, "is_computed": false,
        "settings": "",
    });
    let request = OpenRequest {
        split: Split { payload: payload.to_string(), label: sql.to_owned(), size_bytes: 0 },
        schema,
        predicate: Predicate::new(),
        batch_size_rows: 1_000,
        lease: None,
        query_id: String::new(),
    };
    catalog.reader.open(request).await
}

async fn batches(catalog: &Catalog, sql: &str, columns: &[(&str, DataType)]) -> Vec<RecordBatch> {
    let stream = read(catalog, sql, columns).await.expect("a stream");
    stream.try_collect().await.expect("batches")
}

#[tokio::test]
async fn tables_keep_the_connector_contract() {
    for more in [
        &[][..],
        &[("parallel_reads", "inconsistent")],
        &[("parallel_reads", "locked")],
        &[("database", SCHEMA)],
    ] {
        let Some(catalog) = catalog(more) else { return };
        for pair in [["orders", "empty"], ["of_orders", "numbers"], ["Mixed Case", "parts"]] {
            let names = pair.map(|table| SchemaTable::new(SCHEMA, table));
            let subject = Subject {
                connector: catalog.connector.as_ref(),
                reader: Some(catalog.reader.as_ref()),
                tables: [&names[0], &names[1]],
            };
            conformance::check(subject).await.expect("the contract holds");
        }
    }
}

#[tokio::test]
async fn tables_are_described() {
    let Some(catalog) = catalog(&[]) else { return };
    let names = ["numbers", "of_orders"].map(|table| SchemaTable::new(SCHEMA, table));
    let found = catalog.connector.resolve(&names).await.expect("resolved");
    let [Some(numbers), Some(view)] = found.as_slice() else { panic!("{found:?}") };
    // Three hundred thousand rows, by InnoDB's estimate.
    let Count::Estimate(rows) = numbers.statistics.rows else { panic!("no estimate") };
    assert!((200_000..400_000).contains(&rows), "{rows}");
    assert!(matches!(numbers.statistics.columns[0].distinct, Count::Estimate(_)));
    assert_eq!((numbers.kind, view.kind), (TableKind::Table, TableKind::View));
    assert_eq!(view.statistics.rows, Count::Unknown);
    // sum(DECIMAL(10, 2)) has 22 digits more, and count(*) is a number of 64 bits.
    let types: Vec<&DataType> =
        view.schema.fields().iter().map(|field| field.data_type()).collect();
    assert_eq!(types, [&DataType::Utf8, &DataType::Decimal128(32, 2), &DataType::Int64]);
}

#[tokio::test]
async fn any_statement_is_read() {
    let Some(catalog) = catalog(&[]) else { return };
    let sql = "SELECT count(*), sum(price) FROM market.orders";
    let columns = [("n", DataType::Int64), ("total", DataType::Decimal128(38, 2))];
    let read = batches(&catalog, sql, &columns).await;
    assert_eq!(read[0].column(0).as_primitive::<Int64Type>().value(0), 5);
    // 10.50 + 0.01 - 5.00 + 99.99 + 10.50
    let total = read[0].column(1).as_primitive::<Decimal128Type>().value(0);
    assert_eq!(total, 11_600);
}

#[tokio::test]
async fn other_columns_than_expected_are_named() {
    let Some(catalog) = catalog(&[]) else { return };
    let sql = "SELECT note FROM market.orders";
    let refused = read(&catalog, sql, &[("note", DataType::Int32)]).await.err().expect("text");
    assert_eq!(refused.kind(), ErrorKind::TypeMismatch);
    for word in ["`shop`", "`note`"] {
        assert!(refused.message().contains(word), "{refused}");
    }
    let refused = read(&catalog, "SELECT 1 FROM market.nowhere", &[]).await.err().expect("none");
    assert_eq!(refused.kind(), ErrorKind::TableNotFound);
    let refused = read(&catalog, "DELETE FROM market.orders", &[]).await.err().expect("a write");
    assert_eq!(refused.kind(), ErrorKind::SourceRefused, "{refused}");
    // The connection is still good.
    assert_eq!(batches(&catalog, "SELECT 1", &[]).await[0].num_rows(), 1);
}

/// With one connection, what is dropped has to give its place back.
#[tokio::test]
async fn a_dropped_stream_frees_its_connection() {
    let Some(catalog) = catalog(&[("connections_max", "1")]) else { return };
    let columns = [("seq", DataType::UInt64)];
    for _ in 0..3 {
        let mut stream =
            read(&catalog, "SELECT seq FROM market.endless", &columns).await.expect("a stream");
        let batch = stream.try_next().await.expect("a batch").expect("rows");
        assert_eq!(batch.num_rows(), 1_000);
    }
    assert_eq!(batches(&catalog, "SELECT 1", &[]).await[0].num_rows(), 1);
}

/// The second half of the statement takes hours and has no rows.
#[tokio::test]
async fn a_stream_that_is_dropped_off_its_runtime_ends_its_statement() {
    let Some(catalog) = catalog(&[("connections_max", "1")]) else { return };
    let sql = "SELECT CAST(id AS UNSIGNED) AS seq FROM market.numbers AS dropped_off UNION ALL SELECT seq FROM market.silent";
    let mut stream = read(&catalog, sql, &[("seq", DataType::UInt64)]).await.expect("a stream");
    stream.try_next().await.expect("a batch").expect("rows");
    std::thread::spawn(move || drop(stream)).join().expect("dropped");
    // Without saying the name.
    let running = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
                   WHERE INFO LIKE CONCAT('%dropped_', 'off%')";
    let ended = async {
        loop {
            let found = batches(&catalog, running, &[("running", DataType::Int64)]).await;
            if found[0].column(0).as_primitive::<Int64Type>().value(0) == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), ended).await.expect("an end at the server");
}

/// The rows that a scan gives under a predicate, before anybody filters again.
async fn scanned(catalog: &Catalog, table: &Table, predicate: &Predicate) -> RecordBatch {
    let projection: Vec<usize> = (0..table.schema.fields().len()).collect();
    let request = ScanRequest {
        table,
        projection: &projection,
        predicate,
        limit: None,
        viewer: None,
        explain: false,
    };
    let scan = catalog.connector.scan(request).await.expect("a scan");
    let Scan::Splits(scan) = scan else { panic!("no splits: {scan:?}") };
    let mut batches = Vec::new();
    for split in scan.splits {
        let request = OpenRequest {
            split,
            schema: Arc::clone(&table.schema),
            predicate: Predicate::new(),
            batch_size_rows: 1_000,
            lease: None,
            query_id: String::new(),
        };
        let stream = catalog.reader.open(request).await.expect("a stream");
        let more: Vec<RecordBatch> = stream.try_collect().await.expect("batches");
        batches.extend(more);
    }
    concat_batches(&table.schema, &batches).expect("one batch")
}

fn values(rows: &RecordBatch, column: usize) -> Vec<Value> {
    (0..rows.num_rows()).filter_map(|row| value_at(rows.column(column), row)).collect()
}

/// Every range between two values of a column, with its ends and without, and with nulls and without.
fn domains(values: &[Value]) -> Vec<Domain> {
    let known = values.iter().filter(|value| !value.is_null());
    let mut bounds = vec![Bound::Unbounded];
    for value in known {
        bounds.extend([Bound::Included(value.clone()), Bound::Excluded(value.clone())]);
    }
    let mut domains = vec![Domain { ranges: Vec::new(), nulls: true }];
    for low in &bounds {
        for high in &bounds {
            for nulls in [false, true] {
                let range = Range { low: low.clone(), high: high.clone() };
                domains.push(Domain { ranges: vec![range], nulls });
            }
        }
    }
    domains
}

/// Whatever the server is asked to check, it leaves out no row that lies in the domain by our own comparison.
#[tokio::test]
async fn conditions_lose_no_row() {
    for (name, zero_dates) in [("orders", "error"), ("all_types", "error"), ("zero_days", "null")] {
        let Some(catalog) = catalog(&[("zero_dates", zero_dates)]) else { return };
        let wanted = [SchemaTable::new(SCHEMA, name)];
        let found = catalog.connector.resolve(&wanted).await.expect("resolved").remove(0);
        let table = found.expect("the table");
        let all = scanned(&catalog, &table, &Predicate::new()).await;
        let ids = values(&all, 0);
        for (at, field) in table.schema.fields().iter().enumerate() {
            let column = values(&all, at);
            if column.len() < ids.len() {
                continue;
            }
            for domain in domains(&column) {
                let held = ids.iter().zip(&column).filter(|(_, value)| domain.may_contain(value));
                let predicate = Predicate::from([(field.name().clone(), domain.clone())]);
                let left = values(&scanned(&catalog, &table, &predicate).await, 0);
                for (id, value) in held {
                    assert!(left.contains(id), "{name}.{}: {value:?} in {domain:?}", field.name());
                }
            }
        }
    }
}
