//! Values of partition columns from folder names, in the form that Hive gives them:
//! `column=value/`, special characters percent-encoded (`FileUtils.escapePathName`), and
//! `__HIVE_DEFAULT_PARTITION__` for null (`hive.exec.default.partition.name`).

use arrow::datatypes::Field;
use mooring_spi::{Error, ErrorKind, Result, Value, fold, partition_value};
use mooring_storage::Location;
use object_store::path::{Path, PathPart};
use percent_encoding::percent_decode_str;

/// One value per partition column, from the folders of `file` below `table`.
///
/// # Errors
/// `CorruptData`, naming file and column, for a folder that is missing or holds no such value.
pub(super) fn values_from_path<'a>(
    table: &Location,
    file: &Path,
    columns: impl Iterator<Item = &'a Field>,
) -> Result<Vec<Value>> {
    let folders = named_folders(table, file);
    let named: Vec<(String, &str)> =
        folders.iter().map(|(name, value)| (decode_lossy(name), value.as_str())).collect();

    let mut values = Vec::new();
    for column in columns {
        let exact = named.iter().find(|(name, _)| name == column.name());
        let folded = || named.iter().find(|(name, _)| fold(name) == fold(column.name()));
        let value = match exact.or_else(folded) {
            Some((_, text)) => value_from_text(column, text),
            None => Err("its path has no folder for it; expected `column=value`".to_owned()),
        };
        values.push(value.map_err(|reason| {
            let message = format!(
                "file `{}/{file}` has no value of partition column `{}`: {reason}",
                table.store(),
                column.name()
            );
            Error::new(ErrorKind::CorruptData, message)
        })?);
    }
    Ok(values)
}

/// Names and values of the folders of `file` below `table` that have them, decoded.
pub(super) fn folders_of(table: &Location, file: &Path) -> Vec<(String, String)> {
    let named = named_folders(table, file).into_iter();
    named.map(|(name, value)| (decode_lossy(&name), decode_lossy(&value))).collect()
}

/// The same as they stand in the path.
fn named_folders(table: &Location, file: &Path) -> Vec<(String, String)> {
    let mut folders: Vec<PathPart<'_>> =
        file.prefix_match(table.prefix()).map(Iterator::collect).unwrap_or_default();
    // The last one is the file's own name.
    folders.pop();
    let named = folders.iter().filter_map(|folder| folder.as_ref().split_once('='));
    named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The error is the reason alone.
fn value_from_text(column: &Field, text: &str) -> Result<Value, String> {
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| format!("`{text}` is no UTF-8 when it is decoded"))?;
    partition_value(column, &decoded)
}

fn decode_lossy(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    fn values(file: &str, columns: &[Field]) -> Result<Vec<Value>> {
        let table = Location::parse("s3://b/warehouse/t/").expect("a location");
        values_from_path(&table, &Path::parse(file).expect("a path"), columns.iter())
    }

    #[test]
    fn values_are_decoded_and_typed_in_the_columns_order() {
        let columns =
            [Field::new("city", DataType::Utf8, true), Field::new("day", DataType::Date32, true)];
        let found = values("warehouse/t/Day=1970-01-02/city=S%C3%A3o%20Paulo%2FSP/f", &columns);
        assert_eq!(found.expect("values"), [Value::Text("São Paulo/SP".into()), Value::Date(1)]);
    }

    #[test]
    fn the_default_partition_is_null() {
        let column = [Field::new("n", DataType::Int32, true)];
        let found = values("warehouse/t/n=__HIVE_DEFAULT_PARTITION__/f", &column);
        assert_eq!(found.expect("a value"), [Value::Null]);
    }

    #[test]
    fn folders_above_the_table_do_not_count() {
        let column = [Field::new("warehouse", DataType::Utf8, true)];
        assert!(values("warehouse/t/f", &column).is_err());
    }

    #[test]
    fn errors_name_file_and_column() {
        let column = [Field::new("n", DataType::Int32, true)];
        let files =
            ["warehouse/t/n=x/f", "warehouse/t/f", "warehouse/t/n=%FF/f", "warehouse/t/n=1"];
        for file in files {
            let error = values(file, &column).expect_err(file);
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            assert!(
                error.message().contains(&format!("`s3://b/{file}`"))
                    && error.message().contains("`n`")
            );
        }
    }
}
