//! GetDbSchemas and GetTables.

use super::listing::{Place, schemas as places};
use super::{KINDS, kind_name};
use crate::flight_sql::options::WireOptions;
use crate::flight_sql::status::{defect, limit_exceeded};
use crate::flight_sql::wire_types::{column_metadata, column_type};
use crate::information_schema::listing::{DatabaseEntry, TableEntry, bounded, described};
use crate::statement::LikePattern;
use arrow::array::RecordBatch;
use arrow::datatypes::{Field, FieldRef, Fields, Schema};
use arrow_flight::sql::metadata::{GetDbSchemasBuilder, GetTablesBuilder};
use arrow_flight::sql::{CommandGetDbSchemas, CommandGetTables};
use futures::{StreamExt, stream};
use mooring_engine::{Catalog, Catalogs};
use mooring_spi::{Result, Table, TableSummary, fold};
use std::sync::Arc;

/// Schemas whose tables are listed at one time.
const REQUESTS_MAX: usize = 32;
/// Tables in one answer that also tells their columns.
const DESCRIBED_MAX: usize = 20_000;
/// Of those, so many are asked for before the answer grows.
const DESCRIBED_AT_ONCE: usize = 512;
/// One answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// What a table of flatbuffers takes besides its texts, about.
const TABLE_BYTES: usize = 32;
/// Tables in one answer.
const TABLES_MAX: usize = 1_000_000;

/// # Errors
/// What the catalog says that is asked for by name.
pub(super) async fn schemas(
    catalogs: &Catalogs,
    own: &Arc<Catalog>,
    question: &CommandGetDbSchemas,
) -> Result<RecordBatch> {
    let pattern = question.db_schema_filter_pattern.as_deref();
    let found = places(catalogs, own, question.catalog.as_deref(), pattern).await?;
    // The patterns were applied, without regard to case as everywhere.
    let mut builder = GetDbSchemasBuilder::new(None::<String>, None::<String>);
    for place in found {
        builder.append(place.catalog_name, place.schema);
    }
    builder.build().map_err(defect)
}

/// # Errors
/// What the catalog says that is asked for by name; `LimitExceeded` for too many tables.
pub(super) async fn tables(
    catalogs: &Catalogs,
    own: &Arc<Catalog>,
    question: &CommandGetTables,
    options: WireOptions,
) -> Result<RecordBatch> {
    let found = listed(catalogs, own, question).await?;
    let limit = if question.include_schema { DESCRIBED_MAX } else { TABLES_MAX };
    if found.len() > limit {
        return Err(limit_exceeded(format!(
            "the answer has {} tables, and at most {limit} are told at once; narrow it by catalog, schema or name",
            found.len()
        )));
    }
    let none = None::<String>;
    let types = Vec::<String>::new();
    let include = question.include_schema;
    let mut builder = GetTablesBuilder::new(none.clone(), none.clone(), none, types, include);
    let mut bytes = 0_usize;
    for group in found.chunks(DESCRIBED_AT_ONCE) {
        let descriptions = match question.include_schema {
            true => {
                let entries: Vec<TableEntry> =
                    group.iter().map(|(_, entry)| entry.clone()).collect();
                described(&entries).await
            }
            false => Vec::new(),
        };
        let mut described_tables = descriptions.into_iter();
        for (place, entry) in group {
            let name = &entry.summary.name;
            let schema = match described_tables.next() {
                None => Schema::empty(),
                Some(Ok(Some(table))) => told_schema(place, &table, options),
                // Gone since it was listed.
                Some(Ok(None)) => continue,
                Some(Err(error)) => {
                    tracing::warn!(schema = place.schema, table = name, %error, "columns left out of a listing");
                    Schema::empty()
                }
            };
            bytes += place.catalog_name.len() + place.schema.len() + name.len();
            bytes += schema_bytes(&schema);
            if bytes > ANSWER_BYTES_MAX {
                return Err(limit_exceeded(format!(
                    "the answer takes more than {ANSWER_BYTES_MAX} bytes; narrow it by catalog, schema or name"
                )));
            }
            let kind = kind_name(entry.summary.kind);
            let appended = builder.append(&place.catalog_name, &place.schema, name, kind, &schema);
            appended.map_err(defect)?;
        }
    }
    builder.build().map_err(defect)
}

/// About what a schema takes in an answer.
fn schema_bytes(schema: &Schema) -> usize {
    let fields = schema.fields().iter().map(|field| {
        let told =
            field.metadata().iter().map(|(key, value)| key.len() + value.len() + TABLE_BYTES);
        field.name().len() + TABLE_BYTES + told.sum::<usize>()
    });
    TABLE_BYTES + fields.sum::<usize>()
}

/// The tables that a question allows, with where they are.
async fn listed(
    catalogs: &Catalogs,
    own: &Arc<Catalog>,
    question: &CommandGetTables,
) -> Result<Vec<(Place, TableEntry)>> {
    let wanted_kinds: Vec<&str> = KINDS
        .map(kind_name)
        .into_iter()
        .filter(|kind| {
            question.table_types.is_empty() || question.table_types.iter().any(|name| name == kind)
        })
        .collect();
    if wanted_kinds.is_empty() {
        return Ok(Vec::new());
    }
    let schema_pattern = question.db_schema_filter_pattern.as_deref();
    let found = places(catalogs, own, question.catalog.as_deref(), schema_pattern).await?;
    let requests: Vec<_> = found.iter().map(|place| tables_of(place.clone())).collect();
    let listings: Vec<_> = stream::iter(requests).buffered(REQUESTS_MAX).collect().await;
    let pattern = question.table_name_filter_pattern.as_deref().map(LikePattern::new);
    let mut entries = Vec::new();
    for (place, mut summaries) in found.into_iter().zip(listings) {
        summaries.retain(|summary| {
            wanted_kinds.contains(&kind_name(summary.kind))
                && pattern.as_ref().is_none_or(|pattern| pattern.matches(&summary.name))
        });
        summaries.sort_unstable_by_key(|summary| fold(&summary.name));
        let database = Arc::new(DatabaseEntry {
            label: place.schema.clone(),
            catalog: place.catalog.clone(),
            schema: place.schema.clone(),
        });
        for summary in summaries {
            let entry = TableEntry { database: database.clone(), summary };
            entries.push((place.clone(), entry));
        }
    }
    Ok(entries)
}

/// Nothing of a schema that does not answer: it must not hide the rest.
async fn tables_of(place: Place) -> Vec<TableSummary> {
    bounded(place.catalog.connector.tables(&place.schema)).await.unwrap_or_else(|error| {
        let Place { catalog_name, schema, .. } = &place;
        tracing::warn!(catalog_name, schema, %error, "left out of a listing");
        Vec::new()
    })
}

/// A table's columns as results have them, with what JDBC's drivers read of each.
fn told_schema(place: &Place, table: &Table, options: WireOptions) -> Schema {
    let field = |field: &FieldRef| {
        let metadata = column_metadata(
            field,
            [
                ("CATALOG_NAME", &place.catalog_name),
                ("SCHEMA_NAME", &place.schema),
                ("TABLE_NAME", &table.name.table),
                ("IS_AUTO_INCREMENT", "0"),
                ("IS_CASE_SENSITIVE", "1"),
                ("IS_READ_ONLY", "1"),
                ("IS_SEARCHABLE", "1"),
            ],
        );
        let data_type = column_type(field.data_type(), options);
        Field::new(field.name(), data_type, field.is_nullable()).with_metadata(metadata)
    };
    Schema::new(table.schema.fields().iter().map(field).collect::<Fields>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flight_sql::info::schema_bytes as written;
    use arrow::datatypes::DataType;

    /// What is written by Arrow's own encoder is the measure.
    #[test]
    fn an_answer_is_counted_about_as_it_is_written() {
        let field = |number: usize| {
            let metadata = ["CATALOG_NAME", "SCHEMA_NAME", "TABLE_NAME", "TYPE_NAME"]
                .map(|key| (format!("ARROW:FLIGHT:SQL:{key}"), format!("value {number}")));
            Field::new(format!("column_{number}"), DataType::Utf8, true)
                .with_metadata(metadata.into())
        };
        let schema = Schema::new((0..100).map(field).collect::<Fields>());
        let (counted, written) = (schema_bytes(&schema), written(&schema).expect("written").len());
        assert!(counted > written / 2 && counted < written * 2, "{counted} for {written}");
    }
}
