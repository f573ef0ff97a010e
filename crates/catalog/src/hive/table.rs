//! A table of the metastore as a definition that can be read, or the reason why it cannot.

use super::spark;
use super::thrift::{Struct, Value};
use super::types::arrow_type;
use arrow::datatypes::{Field, Schema};
use mooring_spi::{Error, ErrorKind, Result, TableDefinition, TableFormat};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The input formats that are Parquet: Hive's, and its name before Hive 0.13.
const PARQUET_INPUTS: [&str; 2] = [
    "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "parquet.hive.DeprecatedParquetInputFormat",
];

/// Fields of `Table`: 1 name, 2 database, 7 storage, 8 partition columns, 9 parameters, 12 kind.
///
/// # Errors
/// `Unsupported`, naming the table, for what would be read wrong as plain Parquet files.
pub(super) fn definition(table: &Struct) -> Result<TableDefinition> {
    let (schema_name, name) = (table.text(2)?, table.text(1)?);
    let label = format!("{schema_name}.{name}");
    let parameters = table.texts(9)?;
    let storage = table.structure(7).ok_or_else(|| {
        Error::new(ErrorKind::CorruptData, format!("table `{label}` has no storage descriptor"))
    })?;
    let partition_columns = table.list(8)?;
    let what = other_than_files(&table.text(12)?, &parameters).or_else(|| {
        let by_folders = !partition_columns.is_empty() && spark::partitions_by_folders(&parameters);
        by_folders.then(|| "a table of Spark whose partitions only its folders tell".to_owned())
    });
    if let Some(what) = what {
        return Err(Error::unsupported(format!(
            "table `{label}` is {what}, which is not read yet"
        )));
    }
    if [&parameters, &serde_parameters(storage)?].into_iter().any(by_position) {
        return Err(Error::unsupported(format!(
            "table `{label}` finds its columns by position (`{BY_POSITION}`), which is not read yet"
        )));
    }
    check_format(&format!("table `{label}`"), storage)?;
    let known_to_spark = spark::fields(&label, &parameters)?;
    let columns: Result<Vec<Field>> = storage
        .list(1)?
        .iter()
        .chain(partition_columns)
        .map(|column| Ok(spark::spelled(&field(&label, column)?, &known_to_spark)))
        .collect();
    Ok(TableDefinition {
        schema_name,
        name,
        columns: Arc::new(Schema::new(columns?)),
        partition_columns: partition_columns.len(),
        location: location(&storage.text(2)?)?,
        format: TableFormat::Parquet,
        compression: None,
        options: BTreeMap::new(),
    })
}

/// What a table is that is more than its files, by its kind and its parameters.
fn other_than_files(kind: &str, parameters: &BTreeMap<String, String>) -> Option<String> {
    let parameter = |name: &str| parameters.get(name).map(|value| value.to_ascii_lowercase());
    let is = |name: &str, value: &str| parameter(name).is_some_and(|found| found == value);
    if kind == "VIRTUAL_VIEW" || kind == "MATERIALIZED_VIEW" {
        return Some("a view".to_owned());
    }
    if is("table_type", "iceberg") {
        return Some("an Iceberg table".to_owned());
    }
    // Apache Hudi and Delta Lake as their own writers and Spark register them.
    match parameter("spark.sql.sources.provider").as_deref() {
        Some("iceberg") => return Some("an Iceberg table".to_owned()),
        Some("delta") => return Some("a Delta table".to_owned()),
        Some("hudi") => return Some("a Hudi table".to_owned()),
        Some("parquet" | "hive") | None => {}
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
    if let Some(handler) = parameters.get("storage_handler") {
        return Some(format!("kept by the storage handler `{handler}`"));
    }
    is("projection.enabled", "true").then(|| "a table with partition projection".to_owned())
}

const BY_POSITION: &str = "parquet.column.index.access";

fn by_position(parameters: &BTreeMap<String, String>) -> bool {
    parameters.get(BY_POSITION).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Field 3 of `SerDeInfo`.
fn serde_parameters(storage: &Struct) -> Result<BTreeMap<String, String>> {
    storage.structure(7).map_or_else(|| Ok(BTreeMap::new()), |serde| serde.texts(3))
}

/// Fields of `StorageDescriptor`: 1 columns, 2 location, 3 input format, 7 SerDe.
///
/// # Errors
/// `Unsupported`, naming `what` and its input format.
pub(super) fn check_format(what: &str, storage: &Struct) -> Result<()> {
    let input = storage.text(3)?;
    if PARQUET_INPUTS.contains(&input.as_str()) {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "{what} has the input format `{input}`; of a Hive Metastore's tables, those in Parquet are read so far"
    )))
}

/// Fields of `FieldSchema`: 1 name, 2 type, 3 comment.
fn field(label: &str, column: &Value) -> Result<Field> {
    let Value::Struct(column) = column else {
        let message = format!("table `{label}` has a column that is none");
        return Err(Error::new(ErrorKind::CorruptData, message));
    };
    let name = column.text(1)?;
    let data_type = arrow_type(&column.text(2)?).map_err(|error| {
        let message = format!("column `{name}` of table `{label}`: {}", error.message());
        Error::new(error.kind(), message)
    })?;
    let field = Field::new(name, data_type, true);
    let comment = column.text(3)?;
    Ok(match comment.is_empty() {
        true => field,
        false => field.with_metadata(HashMap::from([("comment".to_owned(), comment)])),
    })
}

/// A location as Mooring writes it. Hadoop's is no URL: a `%` in it stands for itself, in a partition's
/// folder most of all. A folder of this machine becomes a path; `s3a` and `s3n` are S3.
///
/// # Errors
/// `Unsupported`, naming it, for what is neither.
pub(super) fn location(hadoop: &str) -> Result<String> {
    let (scheme, rest) = hadoop.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "file" => {
            // `file:/path`, or with an empty host.
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.starts_with('/') {
                return Ok(path.to_owned());
            }
        }
        "s3" | "s3a" | "s3n" => {
            if let Some(path) = rest.strip_prefix("//") {
                let encoded = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
                return Ok(format!("s3://{encoded}"));
            }
        }
        _ => {}
    }
    Err(Error::unsupported(format!(
        "the location `{hadoop}` is not supported; those on S3 and `file:/PATH` are"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tables_that_are_more_than_files_are_named() {
        for (kind, pairs, expected) in [
            ("VIRTUAL_VIEW", &[][..], "a view"),
            ("EXTERNAL_TABLE", &[("table_type", "ICEBERG")], "an Iceberg table"),
            ("MANAGED_TABLE", &[("spark.sql.sources.provider", "DELTA")], "a Delta table"),
            ("EXTERNAL_TABLE", &[("spark.sql.sources.provider", "hudi")], "a Hudi table"),
            ("MANAGED_TABLE", &[("transactional", "true")], "a transactional (ACID) table"),
            (
                "EXTERNAL_TABLE",
                &[("projection.enabled", "TRUE")],
                "a table with partition projection",
            ),
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

    #[test]
    fn hadoops_locations_are_read() {
        for (hadoop, ours) in [
            ("file:/tmp/a b%2F", "/tmp/a b%2F"),
            ("file:///tmp/a", "/tmp/a"),
            ("s3a://bucket/c=a%2Fb", "s3://bucket/c=a%252Fb"),
            ("S3://bucket/t", "s3://bucket/t"),
        ] {
            assert_eq!(location(hadoop).expect(hadoop), ours);
        }
        for hadoop in ["hdfs://n/t", "/user/hive/t", "file://host/t", "s3a:t", ""] {
            let error = location(hadoop).expect_err(hadoop);
            assert!(error.message().contains(&format!("`{hadoop}`")), "{error}");
        }
    }
}
