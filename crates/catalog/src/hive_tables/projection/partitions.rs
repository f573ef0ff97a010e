//! The partitions of a projected table that a query may ask for.

use super::sequence::ProjectedValue;
use super::template::partition_location;
use super::values::ProjectedColumn;
use chrono::{DateTime, NaiveDateTime, Utc};
use mooring_spi::{
    Error, PartitionDefinition, PartitionProjection, Predicate, Result, TableDefinition,
};
use std::time::SystemTime;
use tokio::task::spawn_blocking;

#[derive(Debug, PartialEq)]
pub(crate) enum ProjectedPartitions {
    All(Vec<PartitionDefinition>),
    /// More than there may be in one query.
    TooMany,
}

/// Those of now that may hold rows under the predicate, without a question to anybody; `None` of a table
/// whose partitions are listed.
///
/// # Errors
/// `InvalidQuery` where the predicate has to pin a column and does not; `CorruptData`, `LimitExceeded`. All
/// name the table.
pub(crate) async fn projected_partitions(
    table: &TableDefinition,
    predicate: &Predicate,
    partitions_max: usize,
) -> Result<Option<ProjectedPartitions>> {
    if table.partition_projection.is_none() {
        return Ok(None);
    }
    let (table, predicate) = (table.clone(), predicate.clone());
    let now = DateTime::<Utc>::from(SystemTime::now()).naive_utc();
    // There may be a hundred thousand of them, and other queries wait for this thread.
    let made = spawn_blocking(move || projected(&table, &predicate, now, partitions_max));
    made.await.map_err(|error| {
        Error::internal("the partitions of a projection were not made").with_cause(error)
    })?
}

/// The same at a given time, in UTC.
pub(super) fn projected(
    table: &TableDefinition,
    predicate: &Predicate,
    now: NaiveDateTime,
    partitions_max: usize,
) -> Result<Option<ProjectedPartitions>> {
    let Some(projection) = &table.partition_projection else { return Ok(None) };
    let own = table.columns.fields().len().saturating_sub(table.partition_columns);
    let fields = &table.columns.fields()[own..];
    if fields.len() != projection.columns.len() {
        return Err(Error::internal(format!(
            "table `{}.{}` has a projection of other columns than its partition columns",
            table.schema_name, table.name
        )));
    }
    let mut columns = Vec::with_capacity(fields.len());
    for (field, projection) in fields.iter().zip(&projection.columns) {
        let column = ProjectedColumn { table, field, projection };
        columns.push(column.values(predicate.get(field.name()), now, partitions_max)?);
    }
    if columns.iter().any(Vec::is_empty) {
        return Ok(Some(ProjectedPartitions::All(Vec::new())));
    }
    let count = columns.iter().try_fold(1_usize, |count, values| count.checked_mul(values.len()));
    let Some(count) = count.filter(|count| *count <= partitions_max) else {
        return Ok(Some(ProjectedPartitions::TooMany));
    };
    let mut partitions = Vec::with_capacity(count);
    for number in 0..count {
        partitions.push(partition(table, projection, &combination(&columns, number))?);
    }
    Ok(Some(ProjectedPartitions::All(partitions)))
}

/// One value per column: the last column's change the fastest.
fn combination(columns: &[Vec<ProjectedValue>], number: usize) -> Vec<&ProjectedValue> {
    let mut rest = number;
    let mut values: Vec<&ProjectedValue> = columns
        .iter()
        .rev()
        .map(|column| {
            let value = &column[rest % column.len()];
            rest /= column.len();
            value
        })
        .collect();
    values.reverse();
    values
}

fn partition(
    table: &TableDefinition,
    projection: &PartitionProjection,
    values: &[&ProjectedValue],
) -> Result<PartitionDefinition> {
    let texts: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
    let location = partition_location(projection, &texts).map_err(|error| {
        let (schema, name) = (&table.schema_name, &table.name);
        Error::new(error.kind(), format!("table `{schema}.{name}`: {}", error.message()))
    })?;
    Ok(PartitionDefinition {
        values: values.iter().map(|value| value.value.clone()).collect(),
        location,
        format: table.format.clone(),
        statistics: None,
        may_be_absent: true,
    })
}
