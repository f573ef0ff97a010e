//! The partitions of a table that a predicate leaves.
//!
//! Counted, because tables have ten thousands of them. A query makes one call for the table, perhaps one for
//! its statistics, one for names or for what a filter leaves, and one per thousand partitions that match.
//! Where a metastore refuses the question, all names are a call more: a question that it may refuse is
//! asked only where there was none for statistics, and not again for a while. Where a filter leaves more
//! than one call takes, the names are a call more, too, and the thousand that have come are one less.

use super::client::Answer;
use super::partition_question::PartitionQuestion;
use super::refusal::kind_of_exception;
use super::thrift::{Value, Writer};
use super::verdicts::Verdict;
use super::{HiveMetastore, table};
use crate::hive_tables::{may_match, partition_definition, texts_of_name, values_of_name};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, ErrorKind, PartitionDefinition, Predicate, Result, TableDefinition};
use std::collections::HashSet;
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

/// Partitions by the texts of their values.
type Seen = HashSet<Vec<String>>;

/// What one call answered of a table's partitions.
#[derive(Default)]
struct Found {
    /// All, whether they match or not.
    seen: Seen,
    matching: Vec<PartitionDefinition>,
    /// Whether they are no more than are taken at once: there may be others otherwise.
    is_whole: bool,
}

impl HiveMetastore {
    /// # Errors
    /// `LimitExceeded`, naming the table, when more than `partitions_max` match.
    pub(super) async fn matching_partitions(
        &self,
        table: &TableDefinition,
        predicate: &Predicate,
    ) -> Result<Vec<PartitionDefinition>> {
        let mut found = Found::default();
        let names = match self.question(table, predicate) {
            PartitionQuestion::Filter(filter) => {
                match self.filtered(table, &filter, predicate).await? {
                    Some(all) if all.is_whole => return Ok(all.matching),
                    Some(first) => found = first,
                    None => {}
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
        let names = self.matching_names(table, names, predicate, &found).await?;
        let calls: Vec<_> = names
            .chunks(PARTITIONS_AT_ONCE)
            .map(|names| self.partitions_by_name(table, names, predicate, &found.seen))
            .collect();
        let partitions: Vec<Vec<_>> =
            stream::iter(calls).buffered(CALLS_AT_ONCE).try_collect().await?;
        found.matching.extend(partitions.into_iter().flatten());
        Ok(found.matching)
    }

    /// `None` where the metastore does not count them.
    pub(super) async fn count_partitions(&self, table: &TableDefinition) -> Result<Option<u64>> {
        // An empty filter leaves all.
        let request =
            |call: Writer| call.text(1, &table.schema_name).text(2, &table.name).text(3, "");
        match self.client.call("get_num_partitions_by_filter", request).await? {
            Answer::Value(Value::Int(count)) => Ok(u64::try_from(count).ok()),
            Answer::Value(_) => Err(self.client.corrupt("a number of partitions that is none")),
            Answer::Exception { .. } | Answer::NoSuchMethod => Ok(None),
        }
    }

    /// What the metastore is asked, as far as it may be asked at all.
    fn question(&self, table: &TableDefinition, predicate: &Predicate) -> PartitionQuestion {
        let question = PartitionQuestion::of(table, predicate);
        let Some(method) = question.refusable_method() else { return question };
        match self.verdicts.of(method, Some(table)) {
            Verdict::Answered => question,
            Verdict::Refused => PartitionQuestion::AllNames,
            // A refusal would be one call too many. The next query has the statistics already.
            Verdict::Unknown if self.statistics.is_asked(table) => PartitionQuestion::AllNames,
            Verdict::Unknown => question,
        }
    }

    /// The names that match and are not found yet.
    async fn matching_names(
        &self,
        table: &TableDefinition,
        names: Vec<String>,
        predicate: &Predicate,
        found: &Found,
    ) -> Result<Vec<String>> {
        let mut matching = Vec::new();
        for (index, name) in names.into_iter().enumerate() {
            if index % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1 {
                yield_now().await;
            }
            if !may_match(table, &values_of_name(table, &name)?, predicate) {
                continue;
            }
            let is_found = !found.seen.is_empty()
                && texts_of_name(&name).is_some_and(|texts| found.seen.contains(&texts));
            if is_found {
                continue;
            }
            matching.push(name);
            if found.matching.len() + matching.len() > self.client.settings().partitions_max {
                return Err(self.too_many(table));
            }
        }
        Ok(matching)
    }

    pub(super) fn too_many(&self, table: &TableDefinition) -> Error {
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
        let names = self.list_or_none(method, table, self.client.call(method, request).await?)?;
        names.map(|names| names.iter().map(Value::as_text).collect()).transpose()
    }

    /// `None` where the metastore does not answer this question. Of more than a thousand the first ones.
    async fn filtered(
        &self,
        table: &TableDefinition,
        filter: &str,
        predicate: &Predicate,
    ) -> Result<Option<Found>> {
        let method = "get_partitions_by_filter";
        let request = |call: Writer| {
            let call = call.text(1, &table.schema_name).text(2, &table.name);
            call.text(3, filter).int16(4, FILTERED_MAX)
        };
        match self.list_or_none(method, table, self.client.call(method, request).await?)? {
            Some(found) => self.definitions(table, &found, predicate, &Seen::new()).await.map(Some),
            None => Ok(None),
        }
    }

    /// Of these names, without those that are `seen`.
    async fn partitions_by_name(
        &self,
        table: &TableDefinition,
        names: &[String],
        predicate: &Predicate,
        seen: &Seen,
    ) -> Result<Vec<PartitionDefinition>> {
        let method = "get_partitions_by_names";
        let request =
            |call: Writer| call.text(1, &table.schema_name).text(2, &table.name).texts(3, names);
        let answer = self.client.call(method, request).await?;
        let found = self.definitions(table, &self.list(method, answer)?, predicate, seen).await?;
        Ok(found.matching)
    }

    /// Those that match by what they say themselves: that counts, not their names, nor what was asked.
    async fn definitions(
        &self,
        table: &TableDefinition,
        partitions: &[Value],
        predicate: &Predicate,
        seen: &Seen,
    ) -> Result<Found> {
        let is_whole = partitions.len() <= PARTITIONS_AT_ONCE;
        let mut found = Found { is_whole, ..Found::default() };
        for (index, value) in partitions.iter().enumerate() {
            if index % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1 {
                yield_now().await;
            }
            let Value::Struct(partition) = value else {
                return Err(self.client.corrupt("a partition that is no struct"));
            };
            let partition = table::partition(partition)?;
            if seen.contains(&partition.values) || !found.seen.insert(partition.values.clone()) {
                continue;
            }
            let partition = partition_definition(table, &partition)?;
            if may_match(table, &partition.values, predicate) {
                found.matching.push(partition);
            }
        }
        if found.matching.len() > self.client.settings().partitions_max {
            return Err(self.too_many(table));
        }
        Ok(found)
    }

    /// `None` for an exception and for a method that is not there: what was asked can be had otherwise.
    fn list_or_none(
        &self,
        method: &'static str,
        table: &TableDefinition,
        answer: Answer,
    ) -> Result<Option<Vec<Value>>> {
        let verdict = match &answer {
            Answer::Value(Value::List(_)) => Verdict::Answered,
            // It says nothing of the question that the metastore's database is away.
            Answer::Exception { message, .. }
                if kind_of_exception(message) == ErrorKind::SourceUnavailable =>
            {
                Verdict::Unknown
            }
            Answer::Value(_) | Answer::Exception { .. } | Answer::NoSuchMethod => Verdict::Refused,
        };
        self.verdicts.put(method, Some(table), verdict);
        match answer {
            Answer::Value(Value::List(values)) => Ok(Some(values)),
            Answer::Value(_) => Err(self.client.corrupt("partitions that are no list")),
            Answer::Exception { .. } | Answer::NoSuchMethod => Ok(None),
        }
    }
}
