//! The AWS Glue Data Catalog: tables of Hive's model behind an API of AWS. It is read, not changed.
//!
//! Source: AWS Glue Web API Reference, `GetDatabases`, `GetTables`, `GetTable`, `GetPartitions`,
//! `GetColumnStatisticsForTable`.

mod client;
mod connect;
mod expression;
mod failure;
mod pages;
mod partitions;
mod rate;
mod settings;
mod statistics;
mod table;

#[cfg(test)]
mod tests;

pub use settings::{GLUE_PROPERTIES, GLUE_SECRET_PROPERTIES, GlueSettings};

use crate::hive_tables::{
    KeptStatistics, ProjectedPartitions, definition, parameter_statistics, projected_partitions,
};
use crate::metrics::MetastoreMetrics;
use async_trait::async_trait;
use aws_sdk_glue::types::{Table, TableAttributes};
use client::{Answer, GlueClient};
use mooring_spi::{
    Definition, Error, Metastore, PartitionDefinition, Predicate, Result, TableDefinition,
    TableKind, TableStatistics, TableSummary, fold,
};
use pages::all_pages;
use partitions::too_many;

/// Databases or tables per call; the most that Glue allows.
const NAMES_AT_ONCE: i32 = 100;
/// Characters of a name in Glue.
const NAME_CHARACTERS_MAX: usize = 255;

/// The tables of one Data Catalog. It keeps names in lower case.
#[derive(Debug)]
pub struct GlueMetastore {
    client: GlueClient,
    statistics: KeptStatistics,
}

impl GlueMetastore {
    /// `catalog`: its name, for messages and metrics. AWS is first asked when a query needs it.
    pub fn new(catalog: &str, settings: GlueSettings, metrics: MetastoreMetrics) -> Self {
        let client = GlueClient::new(catalog.to_owned(), settings, metrics);
        Self { client, statistics: KeptStatistics::default() }
    }

    fn definition(&self, schema: &str, table: &Table) -> Result<Definition> {
        let stored = table::stored_table(schema, table)?;
        let definition = definition(&stored)?;
        if let Definition::Table(table) = &definition {
            self.statistics.put(table, parameter_statistics(table, &stored.parameters));
        }
        Ok(definition)
    }

    fn catalog_id(&self) -> Option<String> {
        self.client.settings().catalog_id.clone()
    }
}

#[async_trait]
impl Metastore for GlueMetastore {
    async fn schemas(&self) -> Result<Vec<String>> {
        let method = "GetDatabases";
        let page = |token: Option<String>| async move {
            let call = |client: aws_sdk_glue::Client| {
                client
                    .get_databases()
                    .set_catalog_id(self.catalog_id())
                    .max_results(NAMES_AT_ONCE)
                    .set_next_token(token)
                    .send()
            };
            match self.client.call(method, call).await? {
                Answer::Value(page) => Ok((page.database_list, page.next_token)),
                Answer::Absent => Err(self.client.refused(method, "there is no such Data Catalog")),
                Answer::Refused(why) => Err(self.client.refused(method, &why)),
            }
        };
        let list = format!("databases of catalog `{}`", self.client.catalog());
        let databases = all_pages(&list, page).await?;
        Ok(databases.into_iter().map(|database| database.name).collect())
    }

    async fn tables(&self, schema: &str) -> Result<Vec<TableSummary>> {
        let name = fold(schema);
        if !may_be_a_name(&name) {
            return Err(self.client.unknown_schema(schema));
        }
        let (method, name) = ("GetTables", &name);
        let page = |token: Option<String>| async move {
            let call = |client: aws_sdk_glue::Client| {
                client
                    .get_tables()
                    .set_catalog_id(self.catalog_id())
                    .database_name(name)
                    .attributes_to_get(TableAttributes::Name)
                    .attributes_to_get(TableAttributes::TableType)
                    .max_results(NAMES_AT_ONCE)
                    .set_next_token(token)
                    .send()
            };
            match self.client.call(method, call).await? {
                Answer::Value(page) => Ok((page.table_list.unwrap_or_default(), page.next_token)),
                Answer::Absent => Err(self.client.unknown_schema(schema)),
                Answer::Refused(why) => Err(self.client.refused(method, &why)),
            }
        };
        let list = format!("tables of schema `{schema}` in catalog `{}`", self.client.catalog());
        let tables = all_pages(&list, page).await?;
        Ok(tables.iter().map(summary).collect())
    }

    async fn table(&self, schema: &str, table: &str) -> Result<Option<Definition>> {
        let (schema, table) = (&fold(schema), &fold(table));
        if !may_be_a_name(schema) || !may_be_a_name(table) {
            return Ok(None);
        }
        let call = |client: aws_sdk_glue::Client| {
            let request = client.get_table().set_catalog_id(self.catalog_id());
            request.database_name(schema).name(table).send()
        };
        match self.client.call("GetTable", call).await? {
            Answer::Value(answer) => match answer.table {
                Some(table) => self.definition(schema, &table).map(Some),
                None => Err(self.client.corrupt("`GetTable` without a table")),
            },
            Answer::Absent => Ok(None),
            Answer::Refused(why) => Err(self.client.refused("GetTable", &why)),
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
        let partitions_max = self.client.settings().partitions_max;
        match projected_partitions(table, predicate, partitions_max).await? {
            None => partitions::matching(&self.client, table, predicate).await.map(Some),
            Some(ProjectedPartitions::All(projected)) => Ok(Some(projected)),
            Some(ProjectedPartitions::TooMany) => Err(too_many(&self.client, table)),
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
            "catalog `{catalog}` is AWS Glue, which is only read; {what} with the engine that owns it"
        ))
    }
}

fn summary(table: &Table) -> TableSummary {
    let kind = match table.table_type() {
        Some("VIRTUAL_VIEW" | "MATERIALIZED_VIEW") => TableKind::View,
        _ => TableKind::Table,
    };
    TableSummary { name: table.name().to_owned(), kind }
}

/// Other texts are no names to Glue, and it would refuse the request.
fn may_be_a_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && !name.contains(char::is_control)
}
