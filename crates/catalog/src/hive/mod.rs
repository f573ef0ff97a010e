//! A Hive Metastore: the catalog that Hive, Spark, Trino and others share, asked over Thrift. It is read,
//! not changed.
//!
//! Source: Apache Hive, `standalone-metastore/src/main/thrift/hive_metastore.thrift`, versions 2.3 to 4.

mod client;
mod metrics;
mod settings;
mod table;
mod thrift;

pub use metrics::MetastoreMetrics;
pub use settings::{HIVE_PROPERTIES, HiveSettings};

use crate::hive_tables::{definition, may_match, partition_definition, values_of_name};
use async_trait::async_trait;
use client::{Answer, HiveClient};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{
    Definition, Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableSummary, fold,
};
use thrift::{Struct, Value};

/// Partitions per call.
const PARTITIONS_AT_ONCE: usize = 1_000;
/// Calls for one table at one time.
const CALLS_AT_ONCE: usize = 4;
/// `max_parts` for all of them.
const ALL: i16 = -1;

/// The tables of one Hive Metastore. It keeps names in lower case.
#[derive(Debug)]
pub struct HiveMetastore {
    client: HiveClient,
}

impl HiveMetastore {
    /// `catalog`: its name, for messages and metrics.
    pub fn new(catalog: &str, settings: HiveSettings, metrics: MetastoreMetrics) -> Self {
        Self { client: HiveClient::new(catalog.to_owned(), settings, metrics) }
    }

    /// The table as the metastore has it; `None` when schema or table are not there.
    async fn raw_table(&self, schema: &str, table: &str) -> Result<Option<Struct>> {
        let request = |call: thrift::Writer| {
            call.structure(1, |request| request.text(1, schema).text(2, table))
        };
        let answer = match self.client.call("get_table_req", request).await? {
            // A request struct came with version 2.3, and version 4 has nothing else.
            Answer::NoSuchMethod => {
                self.client.call("get_table", |call| call.text(1, schema).text(2, table)).await?
            }
            Answer::Value(Value::Struct(mut result)) => match result.take(1) {
                Some(table) => Answer::Value(table),
                None => return Err(self.client.corrupt("`get_table_req` without a table")),
            },
            answer => answer,
        };
        match answer {
            Answer::Value(Value::Struct(table)) => Ok(Some(table)),
            Answer::Exception { number: 2, .. } => Ok(None),
            answer => Err(self.client.unexpected("get_table", &answer)),
        }
    }

    async fn schema_exists(&self, schema: &str) -> Result<bool> {
        match self.client.call("get_database", |call| call.text(1, schema)).await? {
            Answer::Value(_) => Ok(true),
            Answer::Exception { number: 1, .. } => Ok(false),
            answer => Err(self.client.unexpected("get_database", &answer)),
        }
    }

    async fn partition_names(&self, table: &TableDefinition) -> Result<Vec<String>> {
        let names = |call: thrift::Writer| {
            call.text(1, &table.schema_name).text(2, &table.name).int16(3, ALL)
        };
        let answer = self.client.call("get_partition_names", names).await?;
        self.list("get_partition_names", answer)?.iter().map(Value::as_text).collect()
    }

    async fn partitions_by_name(
        &self,
        table: &TableDefinition,
        names: &[String],
    ) -> Result<Vec<PartitionDefinition>> {
        let method = "get_partitions_by_names";
        let request = |call: thrift::Writer| {
            call.text(1, &table.schema_name).text(2, &table.name).texts(3, names)
        };
        let answer = self.client.call(method, request).await?;
        let partition = |value: &Value| match value {
            Value::Struct(partition) => partition_definition(table, &table::partition(partition)?),
            _ => Err(self.client.corrupt("a partition that is no struct")),
        };
        self.list(method, answer)?.iter().map(partition).collect()
    }

    fn list(&self, method: &str, answer: Answer) -> Result<Vec<Value>> {
        match answer {
            Answer::Value(Value::List(values)) => Ok(values),
            answer => Err(self.client.unexpected(method, &answer)),
        }
    }

    fn refused<T>(&self, what: &str) -> Result<T> {
        let catalog = self.client.catalog();
        Err(Error::unsupported(format!(
            "catalog `{catalog}` is a Hive Metastore, which is only read; {what} with the engine that owns it"
        )))
    }
}

#[async_trait]
impl Metastore for HiveMetastore {
    async fn schemas(&self) -> Result<Vec<String>> {
        let answer = self.client.call("get_all_databases", |call| call).await?;
        self.list("get_all_databases", answer)?.iter().map(Value::as_text).collect()
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let name = fold(schema);
        let answer =
            self.client.call("get_table_meta", |call| call.text(1, &name).text(2, "*")).await?;
        let tables = self.list("get_table_meta", answer)?;
        if tables.is_empty() && !self.schema_exists(&name).await? {
            return Err(Error::new(
                ErrorKind::SchemaNotFound,
                format!("unknown schema `{schema}` in catalog `{}`", self.client.catalog()),
            ));
        }
        let summary = |table: &Value| match table {
            Value::Struct(table) => {
                let kind = match table.text(3)?.as_str() {
                    "VIRTUAL_VIEW" | "MATERIALIZED_VIEW" => TableKind::View,
                    _ => TableKind::Table,
                };
                Ok(TableSummary { name: table.text(2)?, kind })
            }
            _ => Err(self.client.corrupt("a table that is no struct")),
        };
        tables.iter().map(summary).collect()
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>> {
        match self.raw_table(&fold(schema), &fold(table)).await? {
            Some(table) => definition(&table::table(&table)?).map(Some),
            None => Ok(None),
        }
    }

    fn lists_partitions(&self) -> bool {
        true
    }

    async fn partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        let mut names = Vec::new();
        for name in self.partition_names(table).await? {
            if may_match(table, &values_of_name(table, &name)?, predicate) {
                names.push(name);
            }
        }
        let calls: Vec<_> = names
            .chunks(PARTITIONS_AT_ONCE)
            .map(|names| self.partitions_by_name(table, names))
            .collect();
        let partitions: Vec<Vec<_>> =
            stream::iter(calls).buffered(CALLS_AT_ONCE).try_collect().await?;
        // What a partition itself says counts, not what its name does.
        let matching = |found: &PartitionDefinition| may_match(table, &found.values, predicate);
        Ok(Some(partitions.into_iter().flatten().filter(matching).collect()))
    }

    async fn create_schema(&self, _schema: &str) -> Result<()> {
        self.refused("create databases")
    }

    async fn drop_schema(&self, _schema: &str, _cascade: bool) -> Result<()> {
        self.refused("drop databases")
    }

    async fn create_table(&self, _table: &TableDefinition) -> Result<()> {
        self.refused("create tables")
    }

    async fn drop_table(&self, _schema: &str, _table: &str) -> Result<()> {
        self.refused("drop tables")
    }

    async fn replace_table(&self, _table: &TableDefinition) -> Result<()> {
        self.refused("change tables")
    }
}
