//! A new table's definition, from what the statement says and what its files tell.

use super::infer::infer_schema;
use super::spelling::{Declared, check_declared};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use mooring_spi::{
    ColumnMatch, CsvOptions, Error, ErrorKind, FileFormat, NewTable, Result, TableDefinition,
};
use mooring_storage::{CatalogStores, Location};
use std::sync::Arc;

/// # Errors
/// `LocationNotFound`, `CorruptData`, `TypeMismatch` for what is at the location;
/// `InvalidArgument` for columns that cannot be.
pub(super) async fn definition(stores: &CatalogStores, new: NewTable) -> Result<TableDefinition> {
    refuse_null_text(&new.name, &new.format)?;
    let location = Location::parse(&new.location)?.url().to_string();
    let columns = match new.columns.clone() {
        Some(columns) => {
            let declared = Declared {
                location: &location,
                columns: &columns,
                partition_columns: new.partition_columns.len(),
                format: &new.format,
                compression: new.compression,
            };
            check_declared(stores, declared).await?;
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
        columns_by: ColumnMatch::default(),
        partition_projection: None,
        may_be_absent: false,
        compression: new.compression,
        options: new.options,
    })
}

/// The columns of the files, then the partition columns; one without a type is text.
async fn inferred(stores: &CatalogStores, location: &str, new: &NewTable) -> Result<SchemaRef> {
    if new.format != FileFormat::Parquet {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "table `{}` needs its columns in the statement: only Parquet files are asked for them, not {}",
                new.name,
                new.format.keyword()
            ),
        ));
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
///
/// # Errors
/// `Unsupported` for another one.
pub(super) fn refuse_null_text(table: &str, format: &FileFormat) -> Result<()> {
    let FileFormat::Csv(CsvOptions { null: Some(null), .. }) = format else { return Ok(()) };
    if null.is_empty() {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "table `{table}`: option `null` is not supported; an empty field is null"
    )))
}
