//! A new table's definition, from what the statement says and what its files tell.

use super::infer::infer_schema;
use super::location::check_location;
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use mooring_spi::{Error, ErrorKind, NewTable, Result, TableDefinition, TableFormat};
use mooring_storage::{CatalogStores, Location};
use std::sync::Arc;

/// # Errors
/// `LocationNotFound`, `CorruptData`, `TypeMismatch` for what is at the location;
/// `InvalidArgument` for columns that cannot be.
pub(super) async fn definition(stores: &CatalogStores, new: NewTable) -> Result<TableDefinition> {
    refuse_null_text(&new)?;
    let location = Location::parse(&new.location)?.url().to_string();
    let columns = match new.columns.clone() {
        Some(columns) => {
            check_location(stores, &location).await?;
            columns
        }
        None => inferred(stores, &location, &new).await?,
    };
    if columns.fields().len() <= new.partition_columns.len() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("table `{}` has no column besides its partition columns", new.name),
        ));
    }
    Ok(TableDefinition {
        schema_name: new.schema_name,
        name: new.name,
        columns,
        partition_columns: new.partition_columns.len(),
        location,
        format: new.format,
        compression: new.compression,
        options: new.options,
    })
}

/// The columns of the files, then the partition columns; one without a type is text.
async fn inferred(stores: &CatalogStores, location: &str, new: &NewTable) -> Result<SchemaRef> {
    match new.format {
        TableFormat::Parquet => {}
        TableFormat::Csv(_) | TableFormat::Json => {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "table `{}` needs its columns in the statement: {} files do not tell their types",
                    new.name,
                    new.format.keyword()
                ),
            ));
        }
    }
    let files = infer_schema(stores, location).await?;
    let is_partition = |field: &FieldRef| {
        new.partition_columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(field.name()))
    };
    let mut fields: Vec<FieldRef> =
        files.fields().iter().filter(|field| !is_partition(field)).cloned().collect();
    for (name, data_type) in &new.partition_columns {
        let data_type = data_type.clone().unwrap_or(DataType::Utf8);
        fields.push(Arc::new(Field::new(name, data_type, true)));
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// The reader of CSV files knows one text for null, the empty one.
fn refuse_null_text(new: &NewTable) -> Result<()> {
    match &new.format {
        TableFormat::Csv(options)
            if options.null.as_deref().is_some_and(|null| !null.is_empty()) =>
        {
            Err(Error::unsupported(format!(
                "table `{}`: option `null` is not supported; an empty field is null",
                new.name
            )))
        }
        TableFormat::Csv(_) | TableFormat::Json | TableFormat::Parquet => Ok(()),
    }
}
