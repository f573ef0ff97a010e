//! The partitions of a table that a predicate leaves.
//!
//! Counted, because tables have ten thousands of them: one call for names or for what a filter leaves, and
//! one per thousand partitions that match.

use super::client::Answer;
use super::partition_question::PartitionQuestion;
use super::thrift::{Value, Writer};
use super::{HiveMetastore, table};
use crate::hive_tables::{may_match, partition_definition, values_of_name};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, ErrorKind, PartitionDefinition, Predicate, Result, TableDefinition};
use tokio::task::yield_now;

/// Partitions per call.
const PARTITIONS_AT_ONCE: usize = 1_000;
/// What a filter's answer may have, whole partitions: one more than are taken, so that more are noticed.
const FILTERED_MAX: i16 = 1_001;
/// Calls for one table at one time.
const CALLS_AT_ONCE: usize = 4;
/// `max_parts` for all of them.
const ALL: i16 = -1;
/// Names, or partitions, that are looked at before the thread's other work has its turn.
const LOOKED_AT_ONCE: usize = 200;

impl HiveMetastore {
    /// # Errors
    /// `LimitExceeded`, naming the table, when more than `partitions_max` match.
    pub(super) async fn matching_partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Vec<PartitionDefinition>> {
        let names = match PartitionQuestion::of(table, predicate) {
            PartitionQuestion::Filter(filter) => {
                if let Some(found) = self.filtered(table, &filter, predicate).await? {
                    return Ok(found);
                }
                None
            }
            PartitionQuestion::NamesWith(values) => self.names_with(table, &values).await?,
            PartitionQuestion::AllNames => None,
        };
        let names = match names {
            Some(names) => names,
            None => self.all_names(table).await?,
        };
        let names = self.matching_names(table, names, predicate).await?;
        let calls: Vec<_> = names
            .chunks(PARTITIONS_AT_ONCE)
            .map(|names| self.partitions_by_name(table, names, predicate))
            .collect();
        let partitions: Vec<Vec<_>> =
            stream::iter(calls).buffered(CALLS_AT_ONCE).try_collect().await?;
        Ok(partitions.into_iter().flatten().collect())
    }

    async fn matching_names(
        &self,
        table: &TableDefinition,
        names: Vec<String>,
        predicate: &Predicate,
    ) -> Result<Vec<String>> {
        let mut matching = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if index % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1 {
                yield_now().await;
            }
            if !may_match(table, &values_of_name(table, &name)?, predicate) {
                continue;
            }
            matching.push(name);
            if matching.len() > self.client.settings().partitions_max {
                return Err(self.too_many(table));
            }
        }
        Ok(matching)
    }

    fn too_many(&self, table: &TableDefinition) -> Error {
        let (schema, name) = (&table.schema_name, &table.name);
        let limit = self.client.settings().partitions_max;
        Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "more than {limit} partitions of table `{schema}.{name}` match; narrow the condition on its \
                 partition columns, or raise `partitions_max` of catalog `{}`",
                self.client.catalog()
            ),
        )
    }

    async fn all_names(&self, table: &TableDefinition) -> Result<Vec<String>> {
        let method = "get_partition_names";
        let request =
            |call: Writer| call.text(1, &table.schema_name).text(2, &table.name).int16(3, ALL);
        let answer = self.client.call(method, request).await?;
        self.list(method, answer)?.iter().map(Value::as_text).collect()
    }

    /// `None` where the metastore does not answer this question.
    async fn names_with(
        &self,
        table: &TableDefinition,
        values: &[String],
    ) -> Result<Option<Vec<String>>> {
        let method = "get_partition_names_ps";
        let request = |call: Writer| {
            let call = call.text(1, &table.schema_name).text(2, &table.name);
            call.texts(3, values).int16(4, ALL)
        };
        let names = self.list_or_none(self.client.call(method, request).await?)?;
        names.map(|names| names.iter().map(Value::as_text).collect()).transpose()
    }

    /// `None` where the metastore does not answer this question, or with more than a thousand.
    async fn filtered(
        &self,
        table: &TableDefinition,
        filter: &str,
        predicate: &Predicate,
    ) -> Result<Option<Vec<PartitionDefinition>>> {
        let method = "get_partitions_by_filter";
        let request = |call: Writer| {
            let call = call.text(1, &table.schema_name).text(2, &table.name);
            call.text(3, filter).int16(4, FILTERED_MAX)
        };
        match self.list_or_none(self.client.call(method, request).await?)? {
            Some(found) if found.len() <= PARTITIONS_AT_ONCE => {
                self.definitions(table, &found, predicate).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn partitions_by_name(
        &self,
        table: &TableDefinition,
        names: &[String],
        predicate: &Predicate,
    ) -> Result<Vec<PartitionDefinition>> {
        let method = "get_partitions_by_names";
        let request =
            |call: Writer| call.text(1, &table.schema_name).text(2, &table.name).texts(3, names);
        let answer = self.client.call(method, request).await?;
        self.definitions(table, &self.list(method, answer)?, predicate).await
    }

    /// Those that match by what they say themselves: that counts, not their names, nor what was asked.
    async fn definitions(
        &self,
        table: &TableDefinition,
        found: &[Value],
        predicate: &Predicate,
    ) -> Result<Vec<PartitionDefinition>> {
        let mut definitions = Vec::new();
        for (index, value) in found.iter().enumerate() {
            if index % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1 {
                yield_now().await;
            }
            let Value::Struct(partition) = value else {
                return Err(self.client.corrupt("a partition that is no struct"));
            };
            let partition = partition_definition(table, &table::partition(partition)?)?;
            if may_match(table, &partition.values, predicate) {
                definitions.push(partition);
            }
        }
        if definitions.len() > self.client.settings().partitions_max {
            return Err(self.too_many(table));
        }
        Ok(definitions)
    }

    /// `None` for an exception and for a method that is not there: what was asked can be had otherwise.
    fn list_or_none(&self, answer: Answer) -> Result<Option<Vec<Value>>> {
        match answer {
            Answer::Value(Value::List(values)) => Ok(Some(values)),
            Answer::Value(_) => Err(self.client.corrupt("partitions that are no list")),
            Answer::Exception { .. } | Answer::NoSuchMethod => Ok(None),
        }
    }
}
