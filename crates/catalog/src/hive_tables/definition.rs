//! A stored table as a definition that can be read, or the reason why it cannot.

use super::avro_schema::columns_by_schema;
use super::format::{column_match, of_storage};
use super::location::location;
use super::projection::partition_projection;
use super::types::{Characters, arrow_type, characters};
use super::view::view_definition;
use super::{StoredColumn, StoredTable, spark};
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    CHARACTER_LENGTH, Definition, Error, ErrorKind, FileFormat, MISSING_VALUE, PADDED_LENGTH,
    Result, STORED_UNPADDED, TableDefinition,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// # Errors
/// `Unsupported`, naming the table, for what would be read wrong as plain files, and for a view that no
/// text makes; `CorruptData`.
pub(crate) fn definition(table: &StoredTable) -> Result<Definition> {
    match table.kind.as_str() {
        "VIRTUAL_VIEW" => view_definition(table).map(Definition::View),
        _ => table_definition(table).map(Definition::Table),
    }
}

fn table_definition(table: &StoredTable) -> Result<TableDefinition> {
    let label = format!("{}.{}", table.schema, table.name);
    let parameters = &table.parameters;
    let what = other_than_files(&table.kind, parameters).or_else(|| {
        let by_folders =
            !table.partition_columns.is_empty() && spark::partitions_by_folders(parameters);
        by_folders.then(|| "a table of Spark whose partitions only its folders tell".to_owned())
    });
    if let Some(what) = what {
        return Err(Error::unsupported(format!(
            "table `{label}` is {what}, which is not read yet"
        )));
    }
    let storage = table.storage.as_ref().ok_or_else(|| {
        Error::new(ErrorKind::CorruptData, format!("table `{label}` has no storage descriptor"))
    })?;
    let what = format!("table `{label}`");
    let format = of_storage(&what, storage, parameters)?;
    let by_schema = match format == FileFormat::Avro {
        true => columns_by_schema(&what, storage, parameters)?,
        false => None,
    };
    let known_to_spark = spark::fields(&label, parameters)?;
    let mut columns = Vec::new();
    for column in by_schema.as_ref().unwrap_or(&storage.columns) {
        let field = field(&label, column)?;
        columns.push(match &format {
            FileFormat::HiveCsv(_) => as_text(field),
            _ => spark::spelled(&as_stored(field), &known_to_spark),
        });
    }
    for column in &table.partition_columns {
        columns.push(spark::spelled(&field(&label, column)?, &known_to_spark));
    }
    let own = columns.len() - table.partition_columns.len();
    let partition_projection = partition_projection(table, storage, &columns[own..])?;
    let location = location(&storage.location)?;
    Ok(TableDefinition {
        schema_name: table.schema.clone(),
        name: table.name.clone(),
        columns: Arc::new(Schema::new(columns)),
        partition_columns: table.partition_columns.len(),
        // Whoever truncates a table on S3, or makes one, leaves nothing there.
        may_be_absent: table.partition_columns.is_empty() && location.starts_with("s3://"),
        location,
        columns_by: column_match(&format, storage, parameters),
        partition_projection,
        format,
        compression: None,
        options: BTreeMap::new(),
    })
}

/// What a table is that is more than its files, by its kind and its parameters.
fn other_than_files(kind: &str, parameters: &BTreeMap<String, String>) -> Option<String> {
    let parameter = |name: &str| parameters.get(name).map(|value| value.to_ascii_lowercase());
    let is = |name: &str, value: &str| parameter(name).is_some_and(|found| found == value);
    if kind == "MATERIALIZED_VIEW" {
        return Some("a materialised view".to_owned());
    }
    if is("table_type", "iceberg") {
        return Some("an Iceberg table".to_owned());
    }
    // Apache Hudi and Delta Lake as their own writers and Spark register them.
    match parameter("spark.sql.sources.provider").as_deref() {
        Some("iceberg") => return Some("an Iceberg table".to_owned()),
        Some("delta") => return Some("a Delta table".to_owned()),
        Some("hudi") => return Some("a Hudi table".to_owned()),
        Some("parquet" | "orc" | "avro" | "hive") | None => {}
        Some(other) => return Some(format!("a table of Spark's source `{other}`")),
    }
    if is("table_type", "delta") || parameters.keys().any(|name| name.starts_with("delta.")) {
        return Some("a Delta table".to_owned());
    }
    if parameters.keys().any(|name| name.starts_with("hoodie.")) {
        return Some("a Hudi table".to_owned());
    }
    if is("transactional", "true") {
        return Some("a transactional (ACID) table".to_owned());
    }
    let handler = parameters.get("storage_handler")?;
    Some(format!("kept by the storage handler `{handler}`"))
}

pub(super) fn field(label: &str, column: &StoredColumn) -> Result<Field> {
    let StoredColumn { name, hive_type, comment, missing } = column;
    let data_type = arrow_type(hive_type).map_err(|error| {
        let message = format!("column `{name}` of table `{label}`: {}", error.message());
        Error::new(error.kind(), message)
    })?;
    let mut metadata = HashMap::new();
    if !comment.is_empty() {
        metadata.insert("comment".to_owned(), comment.clone());
    }
    if let Some(missing) = missing {
        metadata.insert(MISSING_VALUE.to_owned(), missing.clone());
    }
    if let Some(characters) = characters(hive_type) {
        let (key, length) = match characters {
            Characters::AtMost(length) => (CHARACTER_LENGTH, length),
            Characters::Exactly(length) => (PADDED_LENGTH, length),
        };
        metadata.insert(key.to_owned(), length.to_string());
    }
    Ok(Field::new(name, data_type, true).with_metadata(metadata))
}

/// The column of a SerDe that knows text alone, whatever type was declared.
fn as_text(mut field: Field) -> Field {
    for key in [CHARACTER_LENGTH, PADDED_LENGTH] {
        field.metadata_mut().remove(key);
    }
    field.with_data_type(DataType::Utf8)
}

/// A column whose values are in files, where Spark fills those of `char(n)` up and Hive does not.
fn as_stored(mut field: Field) -> Field {
    if field.metadata().contains_key(PADDED_LENGTH) {
        field.metadata_mut().insert(STORED_UNPADDED.to_owned(), "true".to_owned());
    }
    field
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn lengths_of_characters_are_declared() {
        let column = |hive_type: &str| {
            let column = StoredColumn {
                name: "c".to_owned(),
                hive_type: hive_type.to_owned(),
                comment: String::new(),
                missing: None,
            };
            field("s.t", &column).expect(hive_type)
        };
        let says = |field: Field, expected: &[(&str, &str)]| {
            let expected: HashMap<String, String> = parameters(expected).into_iter().collect();
            assert_eq!(field.metadata(), &expected);
        };
        says(column("char(5)"), &[(PADDED_LENGTH, "5")]);
        says(column("varchar(5)"), &[(CHARACTER_LENGTH, "5")]);
        says(as_stored(column("char(5)")), &[(PADDED_LENGTH, "5"), (STORED_UNPADDED, "true")]);
        says(as_stored(column("varchar(5)")), &[(CHARACTER_LENGTH, "5")]);
        says(as_stored(column("array<char(5)>")), &[]);
        says(as_text(column("char(5)")), &[]);
        says(as_text(column("varchar(5)")), &[]);
    }

    #[test]
    fn tables_that_are_more_than_files_are_named() {
        for (kind, pairs, expected) in [
            ("MATERIALIZED_VIEW", &[][..], "a materialised view"),
            ("EXTERNAL_TABLE", &[("table_type", "ICEBERG")], "an Iceberg table"),
            ("MANAGED_TABLE", &[("spark.sql.sources.provider", "DELTA")], "a Delta table"),
            ("EXTERNAL_TABLE", &[("spark.sql.sources.provider", "hudi")], "a Hudi table"),
            ("MANAGED_TABLE", &[("transactional", "true")], "a transactional (ACID) table"),
            (
                "MANAGED_TABLE",
                &[("spark.sql.sources.provider", "csv")],
                "a table of Spark's source `csv`",
            ),
            (
                "EXTERNAL_TABLE",
                &[("storage_handler", "x.HBase")],
                "kept by the storage handler `x.HBase`",
            ),
        ] {
            assert_eq!(other_than_files(kind, &parameters(pairs)).as_deref(), Some(expected));
        }
        let plain =
            parameters(&[("transactional", "false"), ("EXTERNAL", "TRUE"), ("numRows", "1")]);
        assert_eq!(other_than_files("EXTERNAL_TABLE", &plain), None);
    }
}
