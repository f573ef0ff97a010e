//! A Hive Metastore: the catalog that Hive, Spark, Trino and others share, asked over Thrift. It is read,
//! not changed.
//!
//! Source: Apache Hive, `standalone-metastore/src/main/thrift/hive_metastore.thrift`, versions 2.3 to 4.

mod settings;
mod tls;
mod client;
mod refusal;
mod table;
mod partitions;
mod partition_question;
mod statistics;
mod thrift;

#[cfg(test)]
mod tests;

pub use settings::{HIVE_PROPERTIES, HiveSettings};
pub use tls::MetastoreTls;

use crate::hive_tables::{KeptStatistics, definition, parameter_statistics};
use crate::metrics::MetastoreMetrics;
use async_trait::async_trait;
use client::{Answer, HiveClient};
use mooring_spi::{
    Definition, Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableStatistics, TableSummary, fold,
};
use thrift::{Struct, Value};

/// The tables of one Hive Metastore. It keeps names in lower case.
#[derive(Debug)]
pub struct HiveMetastore {
    client: HiveClient,
    /// What the parameters of tables told when their definitions were asked for.
    statistics: KeptStatistics,
}

impl HiveMetastore {
    /// `catalog`: its name, for messages and metrics.
    pub fn new(catalog: &str, settings: HiveSettings, metrics: MetastoreMetrics) -> Self {
        let client = HiveClient::new(catalog.to_owned(), settings, metrics);
        Self { client, statistics: KeptStatistics::default() }
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
        let Some(table) = self.raw_table(&fold(schema), &fold(table)).await? else {
            return Ok(None);
        };
        let stored = table::table(&table)?;
        let definition = definition(&stored)?;
        if let Definition::Table(table) = &definition {
            self.statistics.put(table, parameter_statistics(table, &stored.parameters));
        }
        Ok(Some(definition))
    }

    fn lists_partitions(&self) -> bool {
        true
    }

    async fn partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        self.matching_partitions(table, predicate).await.map(Some)
    }

    async fn statistics(&self, table: &TableDefinition) -> Result<Option<TableStatistics>> {
        Ok(self.table_statistics(table).await)
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
