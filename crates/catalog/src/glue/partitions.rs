//! The partitions of a table: those that an expression leaves, or all of them in segments.

use super::client::{Answer, GlueClient};
use super::expression::expression;
use super::pages::each_page;
use super::table::stored_partition;
use crate::hive_tables::{may_match, partition_definition, values_of_partition};
use aws_sdk_glue::operation::get_partitions::builders::GetPartitionsFluentBuilder;
use aws_sdk_glue::types::{Partition, Segment};
use futures::future::try_join_all;
use mooring_spi::{Error, ErrorKind, PartitionDefinition, Predicate, Result, TableDefinition};
use parking_lot::Mutex;
use std::collections::HashSet;

/// Of `GetPartitions`; the most that Glue allows.
const PARTITIONS_AT_ONCE: i32 = 1_000;
/// Parts of a table's partitions that are listed at one time; Glue allows ten.
const SEGMENTS: i32 = 4;

/// # Errors
/// Those of the calls and of partitions that cannot be read; `LimitExceeded`, naming the table.
pub(super) async fn matching(
    client: &GlueClient,
    table: &TableDefinition,
    predicate: &Predicate,
) -> Result<Vec<PartitionDefinition>> {
    if let Some(expression) = expression(table, predicate) {
        let listing = Listing::new(client, table, predicate);
        let asked = listing.all_pages(|request| request.expression(&expression)).await?;
        // Glue refuses an expression when a partition's value is none of its column's type, one that is
        // null for instance.
        if let Listed::Whole = asked {
            return Ok(listing.found());
        }
    }
    let listing = Listing::new(client, table, predicate);
    let segments: Vec<_> = (0..SEGMENTS).map(|number| listing.segment(number)).collect();
    try_join_all(segments).await?;
    Ok(listing.found())
}

enum Listed {
    Whole,
    /// Why Glue does not answer the request.
    Refused(String),
}

/// What is found of a table's partitions so far.
struct Listing<'a> {
    client: &'a GlueClient,
    table: &'a TableDefinition,
    predicate: &'a Predicate,
    found: Mutex<Found>,
}

#[derive(Default)]
struct Found {
    /// The values of every partition that came, whether it matches or not.
    seen: HashSet<Vec<String>>,
    matching: Vec<PartitionDefinition>,
}

impl<'a> Listing<'a> {
    fn new(client: &'a GlueClient, table: &'a TableDefinition, predicate: &'a Predicate) -> Self {
        Self { client, table, predicate, found: Mutex::default() }
    }

    fn found(self) -> Vec<PartitionDefinition> {
        self.found.into_inner().matching
    }

    async fn segment(&self, number: i32) -> Result<()> {
        let segment = Segment::builder().segment_number(number).total_segments(SEGMENTS).build();
        let segment = segment.map_err(|error| {
            Error::internal("a segment of partitions lacks a number").with_cause(error)
        })?;
        match self.all_pages(|request| request.segment(segment.clone())).await? {
            Listed::Whole => Ok(()),
            Listed::Refused(why) => Err(self.client.refused("GetPartitions", &why)),
        }
    }

    async fn all_pages(
        &self,
        only: impl Fn(GetPartitionsFluentBuilder) -> GetPartitionsFluentBuilder + Send + Sync,
    ) -> Result<Listed> {
        let refused = Mutex::new(None);
        let (refused, only) = (&refused, &only);
        let page = |token: Option<String>| async move {
            let call = |client: aws_sdk_glue::Client| {
                let request = client
                    .get_partitions()
                    .set_catalog_id(self.client.settings().catalog_id.clone())
                    .database_name(&self.table.schema_name)
                    .table_name(&self.table.name)
                    .exclude_column_schema(true)
                    .max_results(PARTITIONS_AT_ONCE)
                    .set_next_token(token);
                only(request).send()
            };
            match self.client.call("GetPartitions", call).await? {
                Answer::Value(page) => Ok((page.partitions.unwrap_or_default(), page.next_token)),
                Answer::Absent => Err(self.gone()),
                Answer::Refused(why) => {
                    *refused.lock() = Some(why);
                    Ok((Vec::new(), None))
                }
            }
        };
        each_page(&format!("partitions of table `{}`", self.label()), page, |partitions| {
            self.take(&partitions)
        })
        .await?;
        Ok(refused.lock().take().map_or(Listed::Whole, Listed::Refused))
    }

    /// Keeps what matches, whatever Glue made of the expression.
    fn take(&self, partitions: &[Partition]) -> Result<()> {
        let mut found = self.found.lock();
        for partition in partitions {
            let partition = stored_partition(partition);
            // An endpoint that knows no segments answers all partitions in each of them.
            if !found.seen.insert(partition.values.clone()) {
                continue;
            }
            if found.seen.len() > self.client.settings().partitions_max {
                return Err(too_many(self.client, self.table));
            }
            let values = values_of_partition(self.table, &partition)?;
            if may_match(self.table, &values, self.predicate) {
                found.matching.push(partition_definition(self.table, &partition)?);
            }
        }
        Ok(())
    }

    /// It was there when the query's names were resolved.
    fn gone(&self) -> Error {
        let (label, catalog) = (self.label(), self.client.catalog());
        let message = format!("table `{label}` is no longer in catalog `{catalog}`");
        Error::new(ErrorKind::TableNotFound, message)
    }

    fn label(&self) -> String {
        format!("{}.{}", self.table.schema_name, self.table.name)
    }
}

pub(super) fn too_many(client: &GlueClient, table: &TableDefinition) -> Error {
    let (schema, name, catalog) = (&table.schema_name, &table.name, client.catalog());
    let limit = client.settings().partitions_max;
    Error::new(
        ErrorKind::LimitExceeded,
        format!(
            "the query needs more than {limit} partitions of table `{schema}.{name}`; give conditions on \
             its partition columns, or raise `partitions_max` of catalog `{catalog}`"
        ),
    )
}
