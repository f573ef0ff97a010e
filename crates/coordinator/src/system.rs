//! The catalog `system`: the cluster itself as tables.

use crate::membership::Membership;
use crate::query::{Queries, Query};
use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use mooring_engine::{Catalog, CatalogOrigin, Catalogs};
use mooring_spi::{
    Connector, Error, ErrorKind, Result, Scan, ScanRequest, SchemaTable, Table, TableKind,
    TableStatistics, TableSummary, pick_name,
};
use mooring_worker::VERSION;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

/// Every schema with its tables, whose names differ.
const SCHEMAS: [(&str, &[&str]); 2] =
    [("metadata", &["catalogs"]), ("runtime", &["nodes", "queries", "tasks"])];

/// What this process is to the cluster.
#[derive(Debug, Clone)]
pub struct OwnNode {
    pub node_id: String,
    /// `coordinator`, or `coordinator, worker` for the laptop cluster.
    pub role: &'static str,
    /// `HOST:PORT` of the internal port.
    pub address: String,
    pub cores: usize,
    pub memory_bytes: u64,
}

#[derive(Debug)]
pub struct SystemConnector {
    own: OwnNode,
    membership: Arc<Membership>,
    queries: Arc<Queries>,
    /// Which this is one of.
    catalogs: Weak<Catalogs>,
}

impl SystemConnector {
    pub fn new(
        own: OwnNode,
        membership: Arc<Membership>,
        queries: Arc<Queries>,
        catalogs: Weak<Catalogs>,
    ) -> Self {
        Self { own, membership, queries, catalogs }
    }

    fn batch(&self, table: &str, viewer: Option<&str>) -> Result<RecordBatch> {
        let mut queries = self.queries.list();
        queries.retain(|query| viewer.is_none_or(|viewer| query.user == viewer));
        let columns = match table {
            "catalogs" => catalogs_columns(&self.catalogs.upgrade().unwrap_or_default().all()),
            "nodes" => self.nodes(),
            "queries" => queries_columns(&queries),
            "tasks" => tasks_columns(&queries),
            other => return Err(Error::internal(format!("`system` has no table `{other}`"))),
        };
        RecordBatch::try_new(schema_of(table), columns)
            .map_err(|error| Error::internal("a system table has a wrong shape").with_cause(error))
    }

    fn nodes(&self) -> Vec<ArrayRef> {
        let nodes = self.membership.nodes();
        let own = &self.own;
        let address =
            |url: &str| url.trim_start_matches("http://").trim_end_matches('/').to_string();
        let with_own = |first: String, rest: Vec<String>| {
            let all: Vec<String> = std::iter::once(first).chain(rest).collect();
            Arc::new(StringArray::from(all)) as ArrayRef
        };
        let numbers = |first: u64, rest: Vec<u64>| {
            let all: Vec<u64> = std::iter::once(first).chain(rest).collect();
            Arc::new(UInt64Array::from(all)) as ArrayRef
        };
        let seen =
            std::iter::once(SystemTime::now()).chain(nodes.iter().map(|node| node.last_seen));
        vec![
            with_own(own.node_id.clone(), nodes.iter().map(|n| n.info.node_id.clone()).collect()),
            with_own(own.role.to_string(), nodes.iter().map(|_| "worker".to_string()).collect()),
            with_own(own.address.clone(), nodes.iter().map(|n| address(&n.info.url)).collect()),
            with_own(VERSION.to_string(), nodes.iter().map(|n| n.info.version.clone()).collect()),
            numbers(own.cores as u64, nodes.iter().map(|n| n.info.cores as u64).collect()),
            numbers(own.memory_bytes, nodes.iter().map(|n| n.info.memory_bytes).collect()),
            with_own(
                "active".to_string(),
                nodes.iter().map(|n| n.state.as_str().to_string()).collect(),
            ),
            numbers(0, nodes.iter().map(|n| n.running_tasks as u64).collect()),
            timestamps(seen),
        ]
    }
}

fn queries_columns(queries: &[Arc<Query>]) -> Vec<ArrayRef> {
    let text = |read: fn(&Query) -> String| {
        Arc::new(StringArray::from_iter_values(queries.iter().map(|query| read(query)))) as ArrayRef
    };
    let numbers = |read: fn(&Query) -> u64| {
        Arc::new(UInt64Array::from_iter_values(queries.iter().map(|query| read(query)))) as ArrayRef
    };
    let errors = |read: fn(&Error) -> String| {
        let values = queries.iter().map(|query| query.error().as_ref().map(read));
        Arc::new(StringArray::from_iter(values)) as ArrayRef
    };
    vec![
        text(|query| query.id.clone()),
        text(|query| query.state().as_str().to_string()),
        text(|query| query.user.clone()),
        numbers(|query| query.connection_id.into()),
        text(|query| query.statement.clone()),
        timestamps(queries.iter().map(|query| query.received)),
        milliseconds(queries.iter().map(|query| query.elapsed())),
        numbers(|query| query.output().0),
        numbers(|query| query.output().1),
        numbers(|query| query.attempts().into()),
        errors(|error| error.kind().code().to_string()),
        errors(|error| error.message().to_string()),
    ]
}

fn tasks_columns(queries: &[Arc<Query>]) -> Vec<ArrayRef> {
    let tasks: Vec<_> = queries
        .iter()
        .flat_map(|query| query.tasks.records().into_iter().map(|task| (query.id.clone(), task)))
        .collect();
    let numbers = |values: Vec<u64>| Arc::new(UInt64Array::from(values)) as ArrayRef;
    vec![
        Arc::new(StringArray::from_iter_values(tasks.iter().map(|(id, _)| id))),
        numbers(tasks.iter().map(|(_, task)| task.attempt as u64).collect()),
        numbers(tasks.iter().map(|(_, task)| task.stage_id as u64).collect()),
        numbers(tasks.iter().map(|(_, task)| task.task_id as u64).collect()),
        Arc::new(StringArray::from_iter_values(tasks.iter().map(|(_, task)| &task.worker))),
        Arc::new(StringArray::from_iter_values(tasks.iter().map(|(_, task)| task.state.as_str()))),
        numbers(tasks.iter().map(|(_, task)| task.rows).collect()),
        numbers(tasks.iter().map(|(_, task)| task.bytes).collect()),
        milliseconds(tasks.iter().map(|(_, task)| task.elapsed)),
    ]
}

fn timestamps(values: impl Iterator<Item = SystemTime>) -> ArrayRef {
    let micros = values.map(|value| {
        let since = value.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    });
    Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
}

fn milliseconds(values: impl Iterator<Item = Duration>) -> ArrayRef {
    let millis = values.map(|value| i64::try_from(value.as_millis()).unwrap_or(i64::MAX));
    Arc::new(Int64Array::from_iter_values(millis))
}

/// The schema of that name with its tables.
fn find_schema(name: &str) -> Result<Option<(&'static str, &'static [&'static str])>> {
    let found = pick_name(name, SCHEMAS.map(|(schema, _)| schema))?;
    Ok(found.and_then(|found| SCHEMAS.into_iter().find(|(schema, _)| *schema == found)))
}

fn catalogs_columns(catalogs: &[Arc<Catalog>]) -> Vec<ArrayRef> {
    let text = |value: fn(&Catalog) -> Option<&str>| {
        let values = catalogs.iter().map(|catalog| value(catalog));
        Arc::new(values.collect::<StringArray>()) as ArrayRef
    };
    let number = |value: fn(&Catalog) -> u64| {
        let values = catalogs.iter().map(|catalog| value(catalog));
        Arc::new(UInt64Array::from_iter_values(values)) as ArrayRef
    };
    vec![
        text(|catalog| Some(&catalog.definition.name)),
        text(|catalog| Some(&catalog.definition.kind)),
        number(|catalog| catalog.definition.key.id),
        number(|catalog| catalog.definition.key.version),
        text(|catalog| {
            Some(match &catalog.origin {
                CatalogOrigin::BuiltIn => "server",
                CatalogOrigin::Configured => "configuration",
                CatalogOrigin::Stored { .. } => "sql",
            })
        }),
        text(|catalog| match &catalog.origin {
            CatalogOrigin::Stored { comment, .. } => comment.as_deref(),
            CatalogOrigin::BuiltIn | CatalogOrigin::Configured => None,
        }),
        Arc::new(catalogs.iter().map(|catalog| problem(catalog)).collect::<StringArray>()),
    ]
}

/// Why a catalog cannot be made, or what was wrong when its source was last reached.
fn problem(catalog: &Catalog) -> Option<String> {
    let of_definition = match &catalog.origin {
        CatalogOrigin::Stored { problem, .. } => problem.clone(),
        CatalogOrigin::BuiltIn | CatalogOrigin::Configured => None,
    };
    of_definition.or_else(|| catalog.connector.problem())
}

/// Times of day are UTC.
fn schema_of(table: &str) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let number = |name: &str| Field::new(name, DataType::UInt64, false);
    let moment = |name: &str| {
        Field::new(name, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false)
    };
    let elapsed = || Field::new("elapsed_ms", DataType::Int64, false);
    let fields = match table {
        "catalogs" => vec![
            text("catalog_name"),
            text("kind"),
            number("catalog_id"),
            number("version"),
            text("defined_by"),
            Field::new("comment", DataType::Utf8, true),
            Field::new("problem", DataType::Utf8, true),
        ],
        "nodes" => vec![
            text("node_id"),
            text("role"),
            text("address"),
            text("version"),
            number("cores"),
            number("memory_bytes"),
            text("state"),
            number("running_tasks"),
            moment("last_seen"),
        ],
        "queries" => vec![
            text("query_id"),
            text("state"),
            text("user_name"),
            number("connection_id"),
            text("statement"),
            moment("received"),
            elapsed(),
            number("rows"),
            number("bytes"),
            number("attempts"),
            Field::new("error_code", DataType::Utf8, true),
            Field::new("error_message", DataType::Utf8, true),
        ],
        _ => vec![
            text("query_id"),
            number("attempt"),
            number("stage_id"),
            number("task_id"),
            text("worker"),
            text("state"),
            number("rows"),
            number("bytes"),
            elapsed(),
        ],
    };
    Arc::new(Schema::new(fields))
}

#[async_trait]
impl Connector for SystemConnector {
    async fn schemas(&self) -> Result<Vec<String>> {
        Ok(SCHEMAS.map(|(schema, _)| schema.to_string()).to_vec())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let Some((_, tables)) = find_schema(schema)? else {
            let known = SCHEMAS.map(|(schema, _)| format!("`{schema}`")).join(" and ");
            return Err(Error::new(
                ErrorKind::SchemaNotFound,
                format!("catalog `system` has no schema `{schema}`; there are {known}"),
            ));
        };
        let summary = |name: &str| TableSummary { name: name.to_string(), kind: TableKind::System };
        Ok(tables.iter().copied().map(summary).collect())
    }

    async fn resolve(&self, tables: &[SchemaTable]) -> Result<Vec<Option<Table>>> {
        let mut resolved = Vec::with_capacity(tables.len());
        for table in tables {
            let found = match find_schema(&table.schema)? {
                Some((schema, tables)) => {
                    pick_name(&table.table, tables.iter().copied())?.map(|name| (schema, name))
                }
                None => None,
            };
            resolved.push(found.map(|(schema, name)| Table {
                name: SchemaTable::new(schema, name),
                kind: TableKind::System,
                schema: schema_of(name),
                statistics: TableStatistics::default(),
                handle: name.to_string(),
                view: None,
            }));
        }
        Ok(resolved)
    }

    async fn scan(&self, request: ScanRequest<'_>) -> Result<Scan> {
        let batch = self.batch(&request.table.handle, request.viewer)?;
        let projected = batch.project(request.projection).map_err(|error| {
            Error::internal("a system table lacks a projected column").with_cause(error)
        })?;
        Ok(Scan::Rows(vec![projected]))
    }
}
