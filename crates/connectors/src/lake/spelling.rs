//! Columns that a file names in another case than the table.
//!
//! Files are read by exact names. A column that a file has in another case only would be null in
//! every row without a word, so it is refused: at `CREATE` as far as the first files tell, and for
//! a query by every footer that is known.

use super::footer::{FileFooter, StoredFile, read_footer};
use super::location::Folder;
use super::record::first_record;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use futures::{StreamExt, stream};
use mooring_spi::{Compression, Error, ErrorKind, FileFormat, Result, fold};
use mooring_storage::CatalogStores;
use object_store::ObjectMeta;
use std::fmt::Display;

/// A new table whose columns the statement names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Declared<'a> {
    pub(super) location: &'a str,
    pub(super) columns: &'a SchemaRef,
    pub(super) partition_columns: usize,
    pub(super) format: &'a FileFormat,
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
        FileFormat::Parquet => {
            for (path, footer) in first_footers(&folder, &files).await {
                check_footer(columns, &footer, &format_args!("{}/{path}", folder.store_url))?;
            }
            Ok(())
        }
        FileFormat::Json => {
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
        // By position, or without regard to case.
        FileFormat::Orc
        | FileFormat::Avro
        | FileFormat::Csv(_)
        | FileFormat::HiveText(_)
        | FileFormat::HiveCsv(_)
        | FileFormat::HiveJson(_) => Ok(()),
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
    for column in columns.iter().filter(|column| column.data_type().is_nested()) {
        if let Ok(in_file) = footer.schema.field_with_name(column.name()) {
            check_nested(column.name(), column.data_type(), in_file.data_type(), file)?;
        }
    }
    // Most files have all columns, and a look into the map tells.
    if columns.iter().all(|column| footer.columns.contains_key(column.name())) {
        return Ok(());
    }
    let names: Vec<&str> =
        footer.schema.fields().iter().map(|field| field.name().as_str()).collect();
    check(columns, &names, file)
}

/// The same for the fields of a structure, wherever it stands in its column.
fn check_nested(
    column: &str,
    ours: &DataType,
    in_file: &DataType,
    file: &dyn Display,
) -> Result<()> {
    match (ours, in_file) {
        (DataType::Struct(ours), DataType::Struct(in_file)) => {
            let names: Vec<&str> = in_file.iter().map(|field| field.name().as_str()).collect();
            if let Some((name, other)) = in_other_case(ours, &names) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "field `{name}` of column `{column}` is `{other}` in file `{file}`; declare it as `{other}`"
                    ),
                ));
            }
            ours.iter().try_for_each(|field| match in_file.find(field.name()) {
                Some((_, other)) => {
                    check_nested(column, field.data_type(), other.data_type(), file)
                }
                None => Ok(()),
            })
        }
        (DataType::List(ours), DataType::List(in_file)) => {
            check_nested(column, ours.data_type(), in_file.data_type(), file)
        }
        // Keys and values have other names in the files of other writers, and are found by place.
        (DataType::Map(ours, _), DataType::Map(in_file, _)) => {
            match (ours.data_type(), in_file.data_type()) {
                (DataType::Struct(ours), DataType::Struct(in_file)) => {
                    ours.iter().zip(in_file).try_for_each(|(ours, in_file)| {
                        check_nested(column, ours.data_type(), in_file.data_type(), file)
                    })
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn check(columns: &[FieldRef], file_columns: &[&str], file: &dyn Display) -> Result<()> {
    match in_other_case(columns, file_columns) {
        None => Ok(()),
        Some((name, other)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("column `{name}` is `{other}` in file `{file}`; declare it as `{other}`"),
        )),
    }
}

/// A name that the file has in another case only, and how it has it.
fn in_other_case<'a>(
    fields: impl IntoIterator<Item = &'a FieldRef> + Clone,
    file_names: &[&'a str],
) -> Option<(&'a str, &'a str)> {
    fields.clone().into_iter().map(|field| field.name().as_str()).find_map(|name| {
        if file_names.contains(&name) {
            return None;
        }
        let folded = fold(name);
        // A table may have both spellings, from files of two writers.
        let is_declared =
            |other: &str| fields.clone().into_iter().any(|field| field.name() == other);
        let other = file_names.iter().find(|other| fold(other) == folded && !is_declared(other));
        other.map(|other| (name, *other))
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Fields};
    use std::sync::Arc;

    fn place(name: &str) -> DataType {
        DataType::Struct(Fields::from(vec![Field::new(name, DataType::Int32, true)]))
    }

    fn list(item: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("element", item, true)))
    }

    fn map(key: &str, value: DataType) -> DataType {
        let pair = Fields::from(vec![
            Field::new(key, DataType::Utf8, false),
            Field::new("value", value, true),
        ]);
        DataType::Map(Arc::new(Field::new("entries", DataType::Struct(pair), false)), false)
    }

    #[test]
    fn fields_in_another_case_are_refused_wherever_they_stand() {
        let file = "s3://b/f.parquet";
        let checked = |ours: DataType, theirs: DataType| check_nested("c", &ours, &theirs, &file);
        for wrap in [|data_type| data_type, list, |data_type| map("key", list(data_type))] {
            let error = checked(wrap(place("zipCode")), wrap(place("zipcode"))).expect_err("case");
            for word in ["`zipCode`", "`c`", "`zipcode`", file] {
                assert!(error.message().contains(word), "{error}");
            }
            checked(wrap(place("zipCode")), wrap(place("zipCode"))).expect("the same");
            checked(wrap(place("zipCode")), wrap(place("city"))).expect("it came later");
        }
        checked(map("key", place("zip")), map("Key", place("zip"))).expect("keys have no name");
    }
}
