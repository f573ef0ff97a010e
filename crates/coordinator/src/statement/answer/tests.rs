//! Labels and values: MySQL 8.4 reference manual, section 15.7.7.

use super::*;
use crate::session::TlsNames;
use crate::statement::{Statement, parse};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::pretty::pretty_format_batches;
use async_trait::async_trait;
use futures::TryStreamExt;
use mooring_engine::{Catalog, CatalogOrigin};
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, Error, ErrorKind, Scan, ScanRequest, SchemaTable,
    Table, TableKind, TableStatistics, TableSummary, pick_name,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Schemas with one table `T` each, or a source that is away.
#[derive(Debug)]
struct Source {
    schemas: Vec<&'static str>,
    away: bool,
}

#[async_trait]
impl Connector for Source {
    async fn schemas(&self) -> Result<Vec<String>> {
        if self.away {
            return Err(Error::new(ErrorKind::SourceUnavailable, "`hive` does not answer"));
        }
        Ok(self.schemas.iter().map(|name| (*name).to_owned()).collect())
    }

    async fn tables(&self, _schema: &str) -> Result<Vec<TableSummary>> {
        Ok(vec![
            TableSummary { name: "v".to_owned(), kind: TableKind::View },
            TableSummary { name: "T".to_owned(), kind: TableKind::Table },
        ])
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        tables.iter().map(|wanted| self.table(wanted)).collect()
    }

    async fn scan(&self, _request: ScanRequest<'_>) -> Result<Scan> {
        Err(Error::internal("no rows here"))
    }
}

impl Source {
    fn table(&self, wanted: &SchemaTable) -> Result<Option<Table>> {
        let schema = pick_name(&wanted.schema, self.schemas.iter().copied())?;
        let Some((schema, table)) = schema.zip(pick_name(&wanted.table, ["T"])?) else {
            return Ok(None);
        };
        let time = DataType::Timestamp(TimeUnit::Microsecond, None);
        Ok(Some(Table {
            name: SchemaTable::new(schema, table),
            kind: TableKind::Table,
            schema: Arc::new(Schema::new(vec![
                Field::new("id", DataType::Int64, false),
                Field::new("name", DataType::Utf8, true),
                Field::new("at", time, true),
            ])),
            statistics: TableStatistics::default(),
            handle: String::new(),
            view: None,
        }))
    }
}

/// A server without anything to tell.
struct Server;

#[async_trait]
impl crate::information_schema::ServerView for Server {
    fn processes(&self, _by: &Client) -> Vec<Process> {
        Vec::new()
    }

    fn status(&self) -> ServerStatus {
        ServerStatus::default()
    }

    async fn users(&self) -> Result<Vec<mooring_state::StoredUser>> {
        Ok(Vec::new())
    }
}

fn catalogs() -> Catalogs {
    let catalogs = Catalogs::new(vec![]);
    let sources = [
        ("lake", vec!["default", "Sales"], false),
        ("tpch", vec!["tiny", "sf1"], false),
        ("hive", vec![], true),
    ];
    for (id, (name, schemas, away)) in (1..).zip(sources) {
        let definition = CatalogDefinition {
            key: CatalogKey { id, version: 1 },
            name: name.to_owned(),
            kind: "test".to_owned(),
            properties: BTreeMap::new(),
        };
        catalogs.insert(Catalog {
            definition,
            origin: CatalogOrigin::BuiltIn,
            connector: Arc::new(Source { schemas, away }),
        });
    }
    catalogs
}

async fn answer(sql: &str) -> Result<String> {
    answer_in(sql, Some("default")).await
}

/// The answer as lines of cells, the labels first.
async fn answer_in(sql: &str, schema: Option<&str>) -> Result<String> {
    answer_with(sql, schema, &Mutex::default()).await
}

async fn answer_with(
    sql: &str,
    schema: Option<&str>,
    left_out: &Mutex<Vec<Warning>>,
) -> Result<String> {
    let client = Client {
        user: "root".to_owned(),
        account_host: "localhost".to_owned(),
        administrator: true,
        address: ([127, 0, 0, 1], 1).into(),
        tls: Some(TlsNames { version: "TLSv1.3", cipher: "TLS_AES_128_GCM_SHA256" }),
        connection_id: 7,
        attributes: [].into(),
    };
    let process = Process {
        connection_id: 7,
        user: "root".to_owned(),
        host: "127.0.0.1:1".to_owned(),
        database: None,
        command: "Query".to_owned(),
        seconds: 3,
        state: None,
        statement: Some("SELECT 1".repeat(20)),
    };
    let warning = |level, code| Warning { level, code, message: "m".to_owned() };
    let catalogs = Arc::new(catalogs());
    let tables = crate::information_schema::SessionTables {
        catalogs: catalogs.clone(),
        catalog: "lake".to_owned(),
        client: client.clone(),
        variables: Variables::default(),
        server: Arc::new(Server),
        warnings: Arc::default(),
    };
    let context = ShowContext {
        catalogs: &catalogs,
        session_tables: &tables.into_catalog(),
        catalog: "lake",
        schema,
        variables: &Variables::default(),
        client: &client,
        warnings: &[warning("Warning", 1292), warning("Error", 1064)],
        left_out,
        processes: &[process],
        status: ServerStatus::default(),
    };
    let set = match parse(sql)? {
        Statement::Show(statement) => show(&statement, &context).await?,
        Statement::Describe(statement) => describe(&statement, &context).await?,
        other => panic!("no SHOW: {other:?}"),
    };
    let labels: Vec<String> = set.columns.iter().map(|column| column.label.clone()).collect();
    let batches: Vec<_> = set.batches.try_collect().await?;
    let table = pretty_format_batches(&batches).expect("a table").to_string();
    let mut lines = vec![labels.join("|")];
    for line in table.lines().skip(3).filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        lines.push(cells.join("|"));
    }
    Ok(lines.join("\n"))
}

#[tokio::test]
async fn databases_and_tables() {
    for (sql, expected) in [
        (
            "SHOW DATABASES",
            "Database\ndefault\ninformation_schema\nmysql\nperformance_schema\nSales\ntpch.sf1\ntpch.tiny",
        ),
        ("SHOW SCHEMAS LIKE 'tpch%'", "Database (tpch%)\ntpch.sf1\ntpch.tiny"),
        ("SHOW DATABASES WHERE `Database` = 'sales'", "Database\nSales"),
        ("SHOW DATABASES FROM TPCH", "Database\nsf1\ntiny"),
        ("SHOW CATALOGS", "Catalog\nhive\nlake\ntpch"),
        ("SHOW TABLES", "Tables_in_default\nT\nv"),
        ("SHOW TABLES FROM `tpch.tiny` LIKE 't'", "Tables_in_tpch.tiny (t)\nT"),
        ("SHOW TABLES FROM SALES", "Tables_in_Sales\nT\nv"),
        (
            "SHOW FULL TABLES FROM tpch.tiny WHERE Table_type = 'VIEW'",
            "Tables_in_tpch.tiny|Table_type\nv|VIEW",
        ),
        (
            "SHOW CREATE DATABASE sales",
            "Database|Create Database\nSales|CREATE DATABASE `Sales` /*!40100 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin */",
        ),
    ] {
        let found = answer(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, expected, "{sql}");
    }
    let status = answer("SHOW TABLE STATUS LIKE 'T'").await.expect("a status");
    assert!(status.ends_with("\nT|MOORING|10|Dynamic|||||||||||utf8mb4_bin|||"), "{status}");
}

#[tokio::test]
async fn a_catalog_that_is_away_is_named_in_a_warning() {
    for (sql, warns) in [
        ("SHOW DATABASES", true),
        ("SHOW DATABASES LIKE 'tpch%'", true),
        ("SHOW DATABASES FROM tpch", false),
        ("SHOW TABLES", false),
    ] {
        let left_out = Mutex::default();
        answer_with(sql, Some("default"), &left_out).await.expect(sql);
        let warning = Warning {
            level: "Warning",
            // MySQL's ER_CONNECT_TO_FOREIGN_DATA_SOURCE.
            code: 1429,
            message: "`hive` is left out: `hive` does not answer".to_owned(),
        };
        let expected = if warns { vec![warning] } else { Vec::new() };
        assert_eq!(left_out.into_inner(), expected, "{sql}");
    }
}

#[tokio::test]
async fn columns_and_definitions() {
    for (sql, expected) in [
        (
            "DESCRIBE t",
            "Field|Type|Null|Key|Default|Extra\nid|bigint|NO|||\nname|varchar(16383)|YES|||\nat|datetime(6)|YES|||",
        ),
        (
            "DESC `tpch.tiny`.t NAME",
            "Field|Type|Null|Key|Default|Extra\nname|varchar(16383)|YES|||",
        ),
        (
            "SHOW FULL COLUMNS FROM T FROM tpch.sf1 LIKE 'n%'",
            "Field|Type|Collation|Null|Key|Default|Extra|Privileges|Comment\nname|varchar(16383)|utf8mb4_bin|YES||||select|",
        ),
        (
            "SHOW KEYS FROM t",
            "Table|Non_unique|Key_name|Seq_in_index|Column_name|Collation|Cardinality|Sub_part|Packed|Null|Index_type|Comment|Index_comment|Visible|Expression",
        ),
    ] {
        let found = answer(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, expected, "{sql}");
    }
    let created = answer("SHOW CREATE TABLE t").await.expect("a table");
    for part in ["CREATE TABLE `T` (", "`id` bigint NOT NULL,", ") ENGINE=MOORING"] {
        assert!(created.contains(part), "{created}");
    }
}

#[tokio::test]
async fn the_server_tells_of_itself() {
    for (sql, expected) in [
        (
            "SHOW VARIABLES LIKE 'lower_case_table_names'",
            "Variable_name|Value\nlower_case_table_names|0",
        ),
        (
            "SHOW VARIABLES WHERE Variable_name IN ('autocommit', 'time_zone')",
            "Variable_name|Value\nautocommit|ON\ntime_zone|SYSTEM",
        ),
        ("SHOW STATUS LIKE 'Ssl_v%'", "Variable_name|Value\nSsl_version|TLSv1.3"),
        ("SHOW STATUS LIKE 'Ssl_cipher'", "Variable_name|Value\nSsl_cipher|TLS_AES_128_GCM_SHA256"),
        ("SHOW WARNINGS LIMIT 1", "Level|Code|Message\nWarning|1292|m"),
        ("SHOW ERRORS", "Level|Code|Message\nError|1064|m"),
        ("SHOW COUNT(*) WARNINGS", "@@session.warning_count\n2"),
        (
            "SHOW CHARSET LIKE 'utf8mb4'",
            "Charset|Description|Default collation|Maxlen\nutf8mb4|UTF-8 Unicode|utf8mb4_bin|4",
        ),
        (
            "SHOW COLLATION WHERE Id = 255",
            "Collation|Charset|Id|Default|Compiled|Sortlen|Pad_attribute\nutf8mb4_0900_ai_ci|utf8mb4|255||Yes|0|NO PAD",
        ),
        (
            "SHOW TRIGGERS",
            "Trigger|Event|Table|Statement|Timing|Created|sql_mode|Definer|character_set_client|collation_connection|Database Collation",
        ),
    ] {
        let found = answer(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(found, expected, "{sql}");
    }
    let processes = answer("SHOW PROCESSLIST").await.expect("processes");
    assert!(
        processes
            .starts_with("Id|User|Host|db|Command|Time|State|Info\n7|root|127.0.0.1:1||Query|3||")
    );
    assert!(
        processes.len() < 200 && answer("SHOW FULL PROCESSLIST").await.expect("all").len() > 200
    );
}

#[tokio::test]
async fn errors_have_their_kinds() {
    for (sql, kind, part) in [
        ("DESCRIBE nothing", ErrorKind::TableNotFound, "`lake.default.nothing`"),
        ("DESCRIBE nowhere.t", ErrorKind::SchemaNotFound, "`nowhere`"),
        ("DESCRIBE tpch.nowhere.t", ErrorKind::SchemaNotFound, "`tpch`"),
        ("SHOW COLUMNS FROM a.b.c", ErrorKind::CatalogNotFound, "`a`"),
        ("SHOW TABLES FROM tpch", ErrorKind::SchemaNotFound, "`tpch.schema`"),
        ("SHOW TABLES FROM `hive.x`", ErrorKind::SourceUnavailable, "`hive`"),
        ("SHOW INDEX FROM nothing", ErrorKind::TableNotFound, "`lake.default.nothing`"),
    ] {
        let error = answer(sql).await.expect_err(sql);
        assert_eq!(error.kind(), kind, "{sql}: {error}");
        assert!(error.message().contains(part), "{sql}: {error}");
    }
    for sql in ["SHOW TABLES", "DESCRIBE t"] {
        let error = answer_in(sql, None).await.expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::NoSchemaSelected, "{sql}");
    }
}
