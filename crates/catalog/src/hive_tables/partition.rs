//! Partitions by name and as the metastore describes them.
//!
//! Source: Apache Hive, `Warehouse.makePartName` and `FileUtils.escapePathName`.

use super::avro_schema::check_partition;
use super::format::{FOOTER_LINES, HEADER_LINES, of_storage};
use super::location::location;
use super::statistics::counted;
use super::{Storage, StoredPartition};
use mooring_spi::{
    Error, ErrorKind, FileFormat, PartitionDefinition, Predicate, Result, TableDefinition, Value,
    partition_value,
};
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// The values of a name such as `year=2024/city=S%C3%A3o`, in the order of the table's columns.
///
/// # Errors
/// `CorruptData`, naming table and partition.
pub(crate) fn values_of_name(table: &TableDefinition, name: &str) -> Result<Vec<Value>> {
    values(table, name, &texts_of_name(name).unwrap_or_default())
}

/// The same as the texts that a partition has for values; `None` for what is no name.
pub(crate) fn texts_of_name(name: &str) -> Option<Vec<String>> {
    let text = |part: &str| {
        let (_, text) = part.split_once('=')?;
        Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
    };
    name.split('/').map(text).collect()
}

/// The values of a partition, whatever its format is.
///
/// # Errors
/// `CorruptData`, naming table and partition.
pub(crate) fn values_of_partition(
    table: &TableDefinition,
    partition: &StoredPartition,
) -> Result<Vec<Value>> {
    values(table, &partition.values.join("/"), &partition.values)
}

/// # Errors
/// `CorruptData`; `Unsupported` for a partition in a format that is not read. Both name it.
pub(crate) fn partition_definition(
    table: &TableDefinition,
    partition: &StoredPartition,
) -> Result<PartitionDefinition> {
    let name = partition.values.join("/");
    let label = format!("partition `{name}` of table `{}.{}`", table.schema_name, table.name);
    let storage = partition.storage.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::CorruptData, format!("{label} has no storage descriptor"))
    })?;
    let parameters = with_lines_of_table(table, storage, &partition.parameters);
    let format = of_storage(&label, storage, &parameters)?;
    // A table of Avro has one schema for all of its partitions.
    if format == FileFormat::Avro && table.format != FileFormat::Avro {
        check_partition(&label, storage, &partition.parameters)?;
    }
    let location = location(&storage.location)?;
    Ok(PartitionDefinition {
        values: values_of_partition(table, partition)?,
        // A disk's folder stays when its last file goes; on S3 there is nothing left of it.
        may_be_absent: location.starts_with("s3://"),
        location,
        format,
        statistics: counted(&partition.parameters),
    })
}

/// What a partition says, with the table's lines that are no rows where it says nothing of them: Hive asks the
/// table (`Utilities.getHeaderCount` of its descriptor).
fn with_lines_of_table(
    table: &TableDefinition,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut parameters = parameters.clone();
    let (header, footer) = table.format.header_and_footer_lines();
    for (name, lines) in [(HEADER_LINES, header), (FOOTER_LINES, footer)] {
        if lines > 0 && !storage.serde_parameters.contains_key(name) {
            parameters.entry(name.to_owned()).or_insert_with(|| lines.to_string());
        }
    }
    parameters
}

fn values(table: &TableDefinition, name: &str, texts: &[String]) -> Result<Vec<Value>> {
    let corrupt = |reason: String| {
        let (schema, table) = (&table.schema_name, &table.name);
        let message = format!("partition `{name}` of table `{schema}.{table}`: {reason}");
        Error::new(ErrorKind::CorruptData, message)
    };
    let first = table.columns.fields().len() - table.partition_columns;
    let columns = &table.columns.fields()[first..];
    if texts.len() != columns.len() {
        return Err(corrupt(format!("expected {} values", columns.len())));
    }
    let value = |(column, text): (_, &String)| partition_value(column, text).map_err(corrupt);
    columns.iter().map(AsRef::as_ref).zip(texts).map(value).collect()
}

/// Whether a partition with these values may hold rows for which every domain holds.
pub(crate) fn may_match(table: &TableDefinition, values: &[Value], predicate: &Predicate) -> bool {
    let first = table.columns.fields().len() - table.partition_columns;
    predicate.iter().all(|(name, domain)| {
        let column = table.columns.index_of(name).ok().and_then(|index| index.checked_sub(first));
        column.and_then(|index| values.get(index)).is_none_or(|value| domain.may_contain(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use mooring_spi::{Domain, HiveTextOptions, Range};
    use std::sync::Arc;

    fn table() -> TableDefinition {
        let field = |name, data_type| Field::new(name, data_type, true);
        TableDefinition {
            schema_name: "s".into(),
            name: "t".into(),
            columns: Arc::new(Schema::new(vec![
                field("id", DataType::Int64),
                field("year", DataType::Int32),
                field("city", DataType::Utf8),
            ])),
            partition_columns: 2,
            location: "file:///t/".into(),
            format: FileFormat::Parquet,
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: Default::default(),
        }
    }

    #[test]
    fn lines_that_are_no_rows_are_the_tables_unless_a_partition_says_otherwise() {
        let options = HiveTextOptions { header_lines: 1, ..HiveTextOptions::default() };
        let table = TableDefinition { format: FileFormat::HiveText(options), ..table() };
        for (said, expected) in [(None, 1), (Some("0"), 0), (Some("2"), 2)] {
            let said = said.map(|lines: &str| (HEADER_LINES.to_owned(), lines.to_owned()));
            let partition = StoredPartition {
                values: vec!["2024".into(), "Rome".into()],
                storage: Some(Storage {
                    location: "file:/t/x/".into(),
                    input_format: "org.apache.hadoop.mapred.TextInputFormat".into(),
                    serde: "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe".into(),
                    ..Storage::default()
                }),
                parameters: said.into_iter().collect(),
            };
            let found = partition_definition(&table, &partition).expect("a partition").format;
            let FileFormat::HiveText(found) = found else { panic!("no text: {found:?}") };
            assert_eq!(found.header_lines, expected);
        }
    }

    #[test]
    fn names_are_decoded_and_typed() {
        for (name, expected) in [
            (
                "year=2024/city=S%C3%A3o%2FPaulo",
                [Value::Int(2024), Value::Text("São/Paulo".into())],
            ),
            ("year=__HIVE_DEFAULT_PARTITION__/city=a=b", [Value::Null, Value::Text("a=b".into())]),
        ] {
            assert_eq!(values_of_name(&table(), name).expect(name), expected);
        }
        for name in ["year=x/city=y", "year=2024", "", "year=1/city=%FF", "year=1/city=a/b=c"] {
            let error = values_of_name(&table(), name).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            assert!(error.message().contains("`s.t`"), "{error}");
        }
    }

    #[test]
    fn folders_of_object_stores_are_there_with_their_files_alone() {
        const PARQUET: &str = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat";
        for (location, may_be_absent) in [("s3a://bucket/t", true), ("file:/t", false)] {
            let partition = StoredPartition {
                values: vec!["2024".into(), "Rome".into()],
                storage: Some(Storage {
                    location: location.into(),
                    input_format: PARQUET.into(),
                    ..Storage::default()
                }),
                ..StoredPartition::default()
            };
            let found = partition_definition(&table(), &partition).expect("a partition");
            assert_eq!(found.may_be_absent, may_be_absent, "{location}");
        }
    }

    #[test]
    fn a_predicate_leaves_what_it_may_contain() {
        let only = |value| Domain { ranges: vec![Range::exactly(value)], nulls: false };
        let matches = |column: &str, domain, name: &str| {
            let predicate = Predicate::from([(column.to_owned(), domain)]);
            may_match(&table(), &values_of_name(&table(), name).expect(name), &predicate)
        };
        assert!(matches("year", only(Value::Int(2024)), "year=2024/city=a"));
        assert!(!matches("year", only(Value::Int(2024)), "year=2023/city=a"));
        assert!(!matches("city", only(Value::Text("b".into())), "year=2024/city=a"));
        assert!(!matches("year", only(Value::Int(1)), "year=__HIVE_DEFAULT_PARTITION__/city=a"));
        assert!(matches("id", only(Value::Int(7)), "year=2024/city=a"));
    }
}
