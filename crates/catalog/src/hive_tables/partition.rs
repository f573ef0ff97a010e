//! Partitions by name and as the metastore describes them.
//!
//! Source: Apache Hive, `Warehouse.makePartName` and `FileUtils.escapePathName`.

use super::StoredPartition;
use super::format::of_storage;
use super::location::location;
use super::statistics::counted;
use mooring_spi::{
    Error, ErrorKind, PartitionDefinition, Predicate, Result, TableDefinition, Value,
    partition_value,
};
use percent_encoding::percent_decode_str;

/// The values of a name such as `year=2024/city=S%C3%A3o`, in the order of the table's columns.
///
/// # Errors
/// `CorruptData`, naming table and partition.
pub(crate) fn values_of_name(table: &TableDefinition, name: &str) -> Result<Vec<Value>> {
    let texts: Option<Vec<String>> = name
        .split('/')
        .map(|part| {
            let (_, text) = part.split_once('=')?;
            Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
        })
        .collect();
    values(table, name, &texts.unwrap_or_default())
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
    Ok(PartitionDefinition {
        values: values_of_partition(table, partition)?,
        location: location(&storage.location)?,
        format: of_storage(&label, storage, &partition.parameters)?,
        statistics: counted(&partition.parameters),
    })
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
    use mooring_spi::{Domain, FileFormat, Range};
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
            compression: None,
            options: Default::default(),
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
