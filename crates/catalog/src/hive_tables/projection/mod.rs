//! Athena's partition projection: a table's properties tell its partitions, so that no metastore is asked
//! for them. What a property means is read once, with the table; which partitions match is told for each
//! query, by the query's time.
//!
//! Source: Amazon Athena User Guide, "Supported types for partition projection", "Set up partition
//! projection", "Use dynamic ID partitioning" and "Amazon Data Firehose example". What these leave open is a
//! choice of ours; steps of months from a day that not every month has, which Trino counts in another way, are
//! refused.

mod properties;
mod column;
mod date_pattern;
mod date_bound;
mod template;
mod sequence;
mod integers;
mod dates;
mod values;
mod partitions;

#[cfg(test)]
mod tests;

pub(crate) use partitions::{ProjectedPartitions, projected_partitions};

use super::{Storage, StoredTable};
use arrow::datatypes::Field;
use column::column_projection;
use mooring_spi::{PartitionProjection, Result};
use properties::Properties;
use template::location_parts;

/// `None` of a table whose partitions are listed. `fields`: those of its partition columns.
///
/// # Errors
/// `CorruptData` and `Unsupported`, naming table and property, what was wrong and what would be right.
pub(super) fn partition_projection(
    table: &StoredTable,
    storage: &Storage,
    fields: &[Field],
) -> Result<Option<PartitionProjection>> {
    let label = format!("{}.{}", table.schema, table.name);
    let properties = Properties { table: &label, parameters: &table.parameters };
    let is_enabled = properties
        .get("projection.enabled")
        .is_some_and(|enabled| enabled.trim().eq_ignore_ascii_case("true"));
    if !is_enabled || table.partition_columns.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> =
        table.partition_columns.iter().map(|column| column.name.as_str()).collect();
    let columns = names
        .iter()
        .zip(fields)
        .map(|(name, field)| column_projection(properties.of_column(name), field))
        .collect::<Result<_>>()?;
    let location = location_parts(properties, &storage.location, &names)?;
    Ok(Some(PartitionProjection { columns, location }))
}
