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
mod verdicts;
mod thrift;

#[cfg(test)]
mod tests;

pub use settings::{HIVE_PROPERTIES, HiveSettings};
pub use tls::MetastoreTls;

use crate::hive_tables::{
    KeptStatistics, ProjectedPartitions, definition, parameter_statistics, projected_partitions,
};
use crate::metrics::MetastoreMetrics;
use async_trait::async_trait;
use client::{Answer, HiveClient};
use mooring_spi::{
    Definition, Error, ErrorKind, Metastore, PartitionDefinition, Predicate, Result,
    TableDefinition, TableKind, TableStatistics, TableSummary, fold,
};
use thrift::{Struct, Value};
use verdicts::{Verdict, Verdicts};

/// The tables of one Hive Metastore. It keeps names in lower case.
#[derive(Debug)]
pub struct HiveMetastore {
    client: HiveClient,
    statistics: KeptStatistics,
    verdicts: Verdicts,
}

impl HiveMetastore {
    /// `catalog`: its name, for messages and metrics.
    pub fn new(catalog: &str, settings: HiveSettings, metrics: MetastoreMetrics) -> Self {
        let client = HiveClient::new(catalog.to_owned(), settings, metrics);
        Self { client, statistics: KeptStatistics::default(), verdicts: Verdicts::default() }
    }

    /// The table as the metastore has it; `None` when schema or table are not there.
    async fn raw_table(&self, schema: &str, table: &str) -> Result<Option<Struct>> {
        let answer = match self.table_by_request(schema, table).await? {
            Some(answer) => answer,
            None => {
                self.client.call("get_table", |call| call.text(1, schema).text(2, table)).await?
            }
        };
        match answer {
            Answer::Value(Value::Struct(table)) => Ok(Some(table)),
            Answer::Exception { number: 2, .. } => Ok(None),
            answer => Err(self.client.unexpected("get_table", &answer)),
        }
    }

    /// By the method that came with version 2.3 and is the only one of version 4; `None` where it is not
    /// there.
    async fn table_by_request(&self, schema: &str, table: &str) -> Result<Option<Answer>> {
        let method = "get_table_req";
        if self.verdicts.of(method, None) == Verdict::Refused {
            return Ok(None);
        }
        let request = |call: thrift::Writer| {
            call.structure(1, |request| request.text(1, schema).text(2, table))
        };
        match self.client.call(method, request).await? {
            Answer::NoSuchMethod => {
                self.verdicts.put(method, None, Verdict::Refused);
                Ok(None)
            }
            Answer::Value(Value::Struct(mut result)) => match result.take(1) {
                Some(table) => Ok(Some(Answer::Value(table))),
                None => Err(self.client.corrupt("`get_table_req` without a table")),
            },
            answer => Ok(Some(answer)),
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
        let partitions_max = self.client.settings().partitions_max;
        match projected_partitions(table, predicate, partitions_max).await? {
            None => self.matching_partitions(table, predicate).await.map(Some),
            Some(ProjectedPartitions::All(projected)) => Ok(Some(projected)),
            Some(ProjectedPartitions::TooMany) => Err(self.too_many(table)),
        }
    }

    async fn partitions_total(&self, table: &TableDefinition) -> Result<Option<u64>> {
        match table.partition_projection {
            Some(_) => Ok(None),
            None => self.count_partitions(table).await,
        }
    }

    async fn statistics(&self, table: &TableDefinition) -> Result<Option<TableStatistics>> {
        // Whoever counted rows counted those of partitions that the metastore lists.
        match table.partition_projection {
            Some(_) => Ok(None),
            None => Ok(self.table_statistics(table).await),
        }
    }

    fn refuses(&self, what: &str) -> Error {
        let catalog = self.client.catalog();
        Error::unsupported(format!(
            "catalog `{catalog}` is a Hive Metastore, which is only read; {what} with the engine that owns it"
        ))
    }
}
