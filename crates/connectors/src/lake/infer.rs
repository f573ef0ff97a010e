//! The columns of a table that was created without naming them, from its Parquet files.

use super::file_schema::table_schema;
use super::footer::{StoredFile, read_footer};
use super::location::Folder;
use arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::{CatalogStores, LIST_FILES_MAX};
use std::sync::Arc;

/// How many files are asked for their columns.
const FILES_READ: usize = 8;

/// The columns of the first files in the order of their paths: a column that any of them has,
/// where it is met first, nullable because another file may lack it. Partition columns, which no
/// file has, are the caller's to add.
///
/// # Errors
/// `LocationNotFound` when there is no file; `CorruptData`, naming the file, for one that is not a
/// whole Parquet file; `TypeMismatch` when two files disagree about a column.
pub async fn infer_schema(stores: &CatalogStores, location: &str) -> Result<SchemaRef> {
    let folder = Folder::open(stores, location)?;
    let mut files = folder.files(LIST_FILES_MAX).await?;
    if files.is_empty() {
        return Err(Error::new(
            ErrorKind::LocationNotFound,
            format!("`{location}` holds no file to take columns from; name them in the statement"),
        ));
    }
    files.truncate(FILES_READ);

    let reads: Vec<_> = files
        .iter()
        .map(|file| {
            read_footer(StoredFile {
                store: folder.store.as_ref(),
                store_url: &folder.store_url,
                path: &file.location,
                size_bytes: file.size,
            })
        })
        .collect();
    let footers: Vec<_> = stream::iter(reads).buffered(FILES_READ).try_collect().await?;

    let schemas = footers.iter().map(|footer| &footer.schema);
    merged_columns(schemas.zip(files.iter().map(|file| file.location.as_ref())))
}

/// Every column of any of the files, each given with its path: where it is met first, and nullable.
///
/// # Errors
/// `TypeMismatch` when two files disagree about a column.
pub(super) fn merged_columns<'f>(
    files: impl Iterator<Item = (&'f Schema, &'f str)>,
) -> Result<SchemaRef> {
    // Each column with the file that named it first.
    let mut columns: Vec<(FieldRef, &str)> = Vec::new();
    for (schema, file) in files {
        for field in table_schema(schema).fields() {
            add_column(&mut columns, field, file)?;
        }
    }
    let fields: Vec<FieldRef> = columns.into_iter().map(|(field, _)| field).collect();
    Ok(Arc::new(Schema::new(fields)))
}

fn add_column<'f>(
    columns: &mut Vec<(FieldRef, &'f str)>,
    field: &Field,
    file: &'f str,
) -> Result<()> {
    let known = columns.iter().find(|(known, _)| known.name() == field.name());
    let Some((known, known_file)) = known else {
        // Nothing else that a file says of itself: `char(n)` and the like are declared by metastores.
        columns.push((Arc::new(Field::new(field.name(), field.data_type().clone(), true)), file));
        return Ok(());
    };
    if known.data_type() == field.data_type() {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::TypeMismatch,
        format!(
            "column `{}` is {} in file `{known_file}` and {} in file `{file}`; name the columns \
             in a `CREATE EXTERNAL TABLE`",
            field.name(),
            known.data_type(),
            field.data_type()
        ),
    ))
}
