//! What the footer of a Parquet file tells a planner. Source of the rules for statistics:
//! parquet.thrift of apache/parquet-format, `Statistics` and `ColumnOrder`.

use super::file_schema::table_type;
use arrow::array::{Array, ArrayRef, BooleanArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use mooring_spi::{Error, ErrorKind, Result, Value, value_at};
use mooring_storage::to_spi_error;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::async_reader::MetadataFetch;
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::{ColumnOrder, Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// A file's rows and columns, without what only its reader needs.
#[derive(Debug, Clone)]
pub(crate) struct FileFooter {
    pub(super) rows: u64,
    /// Before compression, encoded.
    pub(super) data_bytes: u64,
    /// In the forms that the file has; see [`table_type`].
    pub(super) schema: Schema,
    pub(super) columns: HashMap<String, FooterColumn>,
}

/// One column that is not nested.
#[derive(Debug, Clone)]
pub(super) struct FooterColumn {
    /// As tables have it.
    pub(super) data_type: DataType,
    pub(super) nulls: Option<u64>,
    pub(super) range: Option<FooterRange>,
}

/// No value that is not null lies outside. Where `exact`, both ends are values of the column.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FooterRange {
    pub(super) min: Value,
    pub(super) max: Value,
    pub(super) exact: bool,
}

/// A file in an object store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoredFile<'a> {
    pub(crate) store: &'a dyn ObjectStore,
    /// Scheme and host, for errors.
    pub(crate) store_url: &'a str,
    pub(crate) path: &'a Path,
    pub(crate) size_bytes: u64,
}

/// Reads a file's metadata without its page indexes.
///
/// # Errors
/// `CorruptData`, naming the file, when it is no whole Parquet file; else what the store answers.
pub(crate) async fn read_metadata(file: StoredFile<'_>) -> Result<ParquetMetaData> {
    // Most footers fit in this, so that one request is enough.
    const FIRST_REQUEST_BYTES: usize = 64 * 1024;
    let reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(FIRST_REQUEST_BYTES));
    reader.load_and_finish(file, file.size_bytes).await.map_err(|error| match error {
        ParquetError::External(cause) => match cause.downcast::<object_store::Error>() {
            Ok(error) => to_spi_error(*error, &file.to_string()),
            Err(cause) => file.corrupt(&cause.to_string()),
        },
        error => file.corrupt(&error.to_string()).with_cause(error),
    })
}

/// Reads a footer and keeps what planning needs of it.
///
/// # Errors
/// As [`read_metadata`].
pub(super) async fn read_footer(file: StoredFile<'_>) -> Result<FileFooter> {
    let metadata = read_metadata(file).await?;
    summarize(&metadata).map_err(|error| file.corrupt(&error.to_string()).with_cause(error))
}

impl MetadataFetch for StoredFile<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.store.get_range(self.path, range).map(|found| Ok(found?)).boxed()
    }
}

impl StoredFile<'_> {
    fn corrupt(&self, reason: &str) -> Error {
        let message = format!("file `{self}` is not a readable Parquet file: {reason}");
        Error::new(ErrorKind::CorruptData, message)
    }
}

impl fmt::Display for StoredFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.store_url, self.path)
    }
}

fn summarize(metadata: &ParquetMetaData) -> Result<FileFooter, ParquetError> {
    let file = metadata.file_metadata();
    let rows = u64::try_from(file.num_rows())
        .map_err(|_| ParquetError::General("the count of rows is negative".into()))?;
    let data_bytes = metadata
        .row_groups()
        .iter()
        .map(|group| u64::try_from(group.total_byte_size()).unwrap_or(0))
        .sum();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;

    let mut columns = HashMap::with_capacity(schema.fields().len());
    for leaf in 0..file.schema_descr().num_columns() {
        let name = file.schema_descr().get_column_root(leaf).name();
        match schema.column_with_name(name) {
            Some((_, field)) if !field.data_type().is_nested() => {
                columns.insert(name.to_owned(), summarize_column(metadata, leaf, field)?);
            }
            _ => {}
        }
    }
    Ok(FileFooter { rows, data_bytes, schema, columns })
}

fn summarize_column(
    metadata: &ParquetMetaData,
    leaf: usize,
    field: &Field,
) -> Result<FooterColumn, ParquetError> {
    let descriptor = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::from_column_index(leaf, field, descriptor)?
        .with_missing_null_counts_as_zero(false);
    let groups = metadata.row_groups();
    let null_counts = converter.row_group_null_counts(groups)?;
    let nulls = (null_counts.null_count() == 0)
        .then(|| null_counts.values().iter().fold(0_u64, |sum, nulls| sum.saturating_add(*nulls)));

    let data_type = table_type(field.data_type());
    let mut range = None;
    if has_trusted_order(metadata, leaf, &data_type) {
        // The engine casts the column in the same way, and every such cast keeps the order.
        let mins = cast(&converter.row_group_mins(groups)?, &data_type)?;
        let maxes = cast(&converter.row_group_maxes(groups)?, &data_type)?;
        let exact = all_true(&converter.row_group_is_min_value_exact(groups)?)
            && all_true(&converter.row_group_is_max_value_exact(groups)?);
        let filled: Vec<usize> = (0..groups.len())
            .filter(|group| {
                let rows = u64::try_from(groups[*group].num_rows()).unwrap_or(0);
                !(null_counts.is_valid(*group) && null_counts.value(*group) == rows)
            })
            .collect();
        range = join_ranges(&mins, &maxes, &filled, exact);
    }
    Ok(FooterColumn { data_type, nulls, range })
}

/// Whether minimum and maximum mean what a comparison of values means. They do not for floats (NaN
/// is left out of them), 96-bit timestamps (no order is defined), text and bytes of a file that
/// names no order, and the deprecated fields (their order was the writer's choice).
fn has_trusted_order(metadata: &ParquetMetaData, leaf: usize, data_type: &DataType) -> bool {
    let file = metadata.file_metadata();
    let deprecated = metadata.row_groups().iter().any(|group| {
        group.column(leaf).statistics().is_some_and(|found| found.is_min_max_deprecated())
    });
    let physical_type = file.schema_descr().column(leaf).physical_type();
    let order_named = matches!(file.column_order(leaf), ColumnOrder::TYPE_DEFINED_ORDER(_));
    let needs_order = matches!(physical_type, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY);
    !deprecated
        && physical_type != Type::INT96
        && !data_type.is_floating()
        && (order_named || !needs_order)
}

/// The range over the row groups that hold a value; `None` when one of them has none.
fn join_ranges(
    mins: &ArrayRef,
    maxes: &ArrayRef,
    groups: &[usize],
    exact: bool,
) -> Option<FooterRange> {
    let mut joined: Option<FooterRange> = None;
    for group in groups {
        let (min, max) = (value_at(mins, *group)?, value_at(maxes, *group)?);
        // Nulls and ends that do not compare, or stand the wrong way round, tell nothing.
        if !matches!(min.compare(&max)?, Ordering::Less | Ordering::Equal) {
            return None;
        }
        joined = Some(match joined {
            None => FooterRange { min, max, exact },
            Some(before) => FooterRange {
                min: if min.compare(&before.min)? == Ordering::Less { min } else { before.min },
                max: if max.compare(&before.max)? == Ordering::Greater { max } else { before.max },
                exact,
            },
        });
    }
    joined
}

fn all_true(flags: &BooleanArray) -> bool {
    flags.iter().all(|flag| flag == Some(true))
}
