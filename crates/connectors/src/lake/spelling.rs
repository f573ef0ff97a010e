//! Keys that a JSON file has in another case than the table.
//!
//! JSON is read by exact names. A column whose key has another case would be null in every row without a
//! word, so it is refused at `CREATE` as far as the first record tells.

use super::location::Folder;
use super::record::first_record;
use arrow::datatypes::{FieldRef, SchemaRef};
use mooring_spi::{Compression, Error, ErrorKind, FileFormat, Result, fold};
use mooring_storage::CatalogStores;

/// A new table whose columns the statement names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) location: &'a str,
    pub(super) columns: &'a SchemaRef,
    pub(super) partition_columns: usize,
    pub(super) format: &'a FileFormat,
    pub(super) compression: Option<Compression>,
}

/// A folder with more files is taken as it is.
const LISTED_MAX: usize = 10_000;

/// Makes sure that something is at the location, and of JSON compares the declared columns with the first
/// record. A file that cannot be read is left to the query that reads it.
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
    let (FileFormat::Json, Some(file)) = (declared.format, files.first()) else { return Ok(()) };
    let compression = declared
        .compression
        .unwrap_or_else(|| super::compression::by_ending(file.location.as_ref()));
    let Some(record) = first_record(folder.store.as_ref(), file, compression).await else {
        return Ok(());
    };
    let fields = declared.columns.fields();
    let columns = &fields[..fields.len().saturating_sub(declared.partition_columns)];
    let names: Vec<&str> = record.iter().map(String::as_str).collect();
    match in_other_case(columns, &names) {
        None => Ok(()),
        Some((name, other)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "column `{name}` is `{other}` in file `{}/{}`; declare it as `{other}`",
                folder.store_url, file.location
            ),
        )),
    }
}

/// A name that the file has in another case only, and how it has it.
fn in_other_case<'a>(fields: &'a [FieldRef], file_names: &[&'a str]) -> Option<(&'a str, &'a str)> {
    fields.iter().map(|field| field.name().as_str()).find_map(|name| {
        if file_names.contains(&name) {
            return None;
        }
        let folded = fold(name);
        // A table may have both spellings, from files of two writers.
        let is_declared = |other: &str| fields.iter().any(|field| field.name() == other);
        let other = file_names.iter().find(|other| fold(other) == folded && !is_declared(other));
        other.map(|other| (name, *other))
    })
}
