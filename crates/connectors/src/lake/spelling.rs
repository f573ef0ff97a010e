//! Columns that a file names in another case than the table.
//!
//! Files are read by exact names. A column that a file has in another case only would be null in
//! every row without a word, so it is refused: at `CREATE` as far as the first files tell, and for
//! a query by every footer that is known.

use super::footer::{FileFooter, StoredFile, read_footer};
use super::location::Folder;
use super::record::first_record;
use arrow::datatypes::{FieldRef, SchemaRef};
use futures::{StreamExt, stream};
use mooring_spi::{Compression, Error, ErrorKind, Result, TableFormat, fold};
use mooring_storage::CatalogStores;
use object_store::ObjectMeta;
use std::fmt::Display;

/// A new table whose columns the statement names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) location: &'a str,
    pub(super) columns: &'a SchemaRef,
    pub(super) partition_columns: usize,
    pub(super) format: &'a TableFormat,
    pub(super) compression: Option<Compression>,
}

/// In a folder with more files, only a query's footers are looked at.
const LISTED_MAX: usize = 10_000;
/// How many files are looked at; of JSON, one record.
const FILES_READ: usize = 8;

/// Makes sure that something is at the location, and compares the declared columns with its first
/// files. A file that cannot be read is left to the query that reads it.
///
/// # Errors
/// `LocationNotFound`, naming it, when nothing is there; `InvalidArgument` for a column in another
/// case.
pub(super) async fn check_declared(stores: &CatalogStores, declared: Declared<'_>) -> Result<()> {
    let folder = Folder::open(stores, declared.location)?;
    let files = match folder.files(LISTED_MAX).await {
        Ok(files) => files,
        Err(error) if error.kind() == ErrorKind::LimitExceeded => return Ok(()),
        Err(error) => return Err(error),
    };
    let fields = declared.columns.fields();
    let columns = &fields[..fields.len().saturating_sub(declared.partition_columns)];
    match declared.format {
        TableFormat::Parquet => {
            for (path, footer) in first_footers(&folder, &files).await {
                check_footer(columns, &footer, &format_args!("{}/{path}", folder.store_url))?;
            }
            Ok(())
        }
        TableFormat::Json => {
            let Some(file) = files.first() else { return Ok(()) };
            let compression = declared
                .compression
                .unwrap_or_else(|| super::compression::by_ending(file.location.as_ref()));
            let Some(record) = first_record(folder.store.as_ref(), file, compression).await else {
                return Ok(());
            };
            let names: Vec<&str> = record.iter().map(String::as_str).collect();
            check(columns, &names, &format_args!("{}/{}", folder.store_url, file.location))
        }
        // By position.
        TableFormat::Csv(_) => Ok(()),
    }
}

/// # Errors
/// `InvalidArgument` when one of the columns, without the table's partition columns, is in the
/// file in another case only.
pub(super) fn check_footer(
    columns: &[FieldRef],
    footer: &FileFooter,
    file: &dyn Display,
) -> Result<()> {
    // Most files have all columns, and a look into the map tells.
    if columns.iter().all(|column| footer.columns.contains_key(column.name())) {
        return Ok(());
    }
    let names: Vec<&str> =
        footer.schema.fields().iter().map(|field| field.name().as_str()).collect();
    check(columns, &names, file)
}

fn check(columns: &[FieldRef], file_columns: &[&str], file: &dyn Display) -> Result<()> {
    for column in columns {
        let name = column.name().as_str();
        if file_columns.contains(&name) {
            continue;
        }
        let folded = fold(name);
        // A table may have both spellings, from files of two writers.
        let is_declared = |other: &str| columns.iter().any(|column| column.name() == other);
        let other_case =
            file_columns.iter().find(|other| fold(other) == folded && !is_declared(other));
        if let Some(other) = other_case {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("column `{name}` is `{other}` in file `{file}`; declare it as `{other}`"),
            ));
        }
    }
    Ok(())
}

async fn first_footers<'f>(folder: &Folder, files: &'f [ObjectMeta]) -> Vec<(&'f str, FileFooter)> {
    let reads: Vec<_> = files
        .iter()
        .take(FILES_READ)
        .map(|file| async move {
            let stored = StoredFile {
                store: folder.store.as_ref(),
                store_url: &folder.store_url,
                path: &file.location,
                size_bytes: file.size,
            };
            read_footer(stored).await.ok().map(|footer| (file.location.as_ref(), footer))
        })
        .collect();
    stream::iter(reads).buffered(FILES_READ).filter_map(|file| async { file }).collect().await
}
