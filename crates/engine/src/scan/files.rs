//! From a connector's `FileScan` to a `DataSourceExec` over our file source.

use super::reading::{Pruned, Reading};
use super::{MooringFileSource, inner_source, parquet_reader};
use crate::distribute::spreadable;
use crate::filtering_table::{filtered, physical_conditions};
use crate::sources::store_address;
use crate::value::{to_scalar, to_statistics};
use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::Result;
use datafusion::config::TableParquetOptions;
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter_pushdown::PushedDown;
use datafusion_datasource::PartitionedFile;
use mooring_spi::{
    CHARACTER_LENGTH, CatalogKey, Compression, Error, ErrorKind, FileEntry, FileFormat, FileScan,
    MISSING_VALUE,
};
use object_store::ObjectMeta;
use object_store::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// What a scan of files reads.
pub(crate) struct FilesRequest<'a> {
    pub catalog: CatalogKey,
    /// All columns of the table; the partition columns are the last ones.
    pub schema: &'a SchemaRef,
    /// The same, with what is declared of them beside their types.
    pub declared: &'a SchemaRef,
    pub projection: Option<Vec<usize>>,
    /// What the rows have to meet.
    pub conditions: &'a [Expr],
    pub limit: Option<usize>,
    /// Whether the filters leave so few rows that other columns are decoded for these alone.
    pub selects_few: bool,
}

pub(crate) fn files_plan(
    session: &dyn Session,
    request: &FilesRequest<'_>,
    scan: FileScan,
) -> Result<Arc<dyn ExecutionPlan>> {
    let compression = uniform_compression(&scan)?;
    let pruned = Pruned {
        files: scan.files.len(),
        files_total: scan.files_total,
        partitions: scan.partitions,
        partitions_total: scan.partitions_total,
    };
    let (file_columns, partition_columns) = split_schema(request.schema, scan.partition_columns);
    let (declared, _) = split_schema(request.declared, scan.partition_columns);
    let missing = match scan.format {
        FileFormat::Avro => said(&declared, MISSING_VALUE),
        _ => Vec::new(),
    };
    let reading = Reading {
        format: scan.format,
        columns_by: scan.columns_by,
        parquet_time_zone: scan.parquet_time_zone,
        compression,
        lengths: said(&declared, CHARACTER_LENGTH),
        missing,
        pruned,
    };
    let statistics = to_statistics(&scan.statistics, request.schema);
    let files = scan
        .files
        .iter()
        .map(|file| partitioned_file(file, &partition_columns))
        .collect::<Result<Vec<_>>>()?;
    let table_schema = TableSchema::builder(Arc::new(Schema::new(file_columns)))
        .with_table_partition_cols(partition_columns)
        .build();
    let mut parquet = TableParquetOptions {
        global: session.config_options().execution.parquet.clone(),
        ..TableParquetOptions::default()
    };
    parquet.global.pushdown_filters |= request.selects_few;
    let address = ObjectStoreUrl::parse(store_address(request.catalog, &scan.store))?;
    let columns = table_schema.file_schema();
    let reader = parquet_reader(session.config(), &address, columns, &reading)?;
    let inner = inner_source(&reading, table_schema, parquet, reader);
    let compression = stock_compression(&reading)?;
    let expr_adapter = reading.expr_adapter();
    let source: Arc<dyn FileSource> = Arc::new(MooringFileSource::new(inner, reading));
    let (source, left) = with_conditions(session, request, source)?;
    let groups = FileGroup::new(files).split_files(session.config().target_partitions());
    let config = FileScanConfigBuilder::new(address, source)
        .with_file_groups(groups)
        .with_file_compression_type(compression)
        .with_statistics(Arc::unwrap_or_clone(statistics))
        .with_projection_indices(request.projection.clone())?
        .with_limit(request.limit)
        .with_expr_adapter(expr_adapter)
        .build();
    let config = spreadable(config, session.config())?;
    filtered(session, DataSourceExec::from_data_source(config), left)
}

/// The source with all conditions in it, if it is one that can apply them, and those that are left.
fn with_conditions<'a>(
    session: &dyn Session,
    request: &FilesRequest<'a>,
    source: Arc<dyn FileSource>,
) -> Result<(Arc<dyn FileSource>, &'a [Expr])> {
    if request.conditions.is_empty() {
        return Ok((source, &[]));
    }
    let conditions = physical_conditions(session, request.schema, request.conditions)?;
    let pushed = source.try_pushdown_filters(conditions, session.config_options())?;
    let all = pushed.filters.iter().all(|pushed| matches!(pushed, PushedDown::Yes));
    Ok(match pushed.updated_node {
        Some(filtering) if all => (filtering, &[]),
        Some(pruning) => (pruning, request.conditions),
        None => (source, request.conditions),
    })
}

fn split_schema(schema: &SchemaRef, partition_columns: usize) -> (Vec<FieldRef>, Vec<FieldRef>) {
    let fields: Vec<FieldRef> = schema.fields().iter().cloned().collect();
    let at = fields.len().saturating_sub(partition_columns);
    let (file, partition) = fields.split_at(at);
    (file.to_vec(), partition.to_vec())
}

/// What the columns say under a key of their metadata; nothing at all if none does.
fn said<T: FromStr>(columns: &[FieldRef], key: &str) -> Vec<Option<T>> {
    let said = |column: &FieldRef| column.metadata().get(key)?.parse().ok();
    let said: Vec<Option<T>> = columns.iter().map(said).collect();
    match said.iter().all(Option::is_none) {
        true => Vec::new(),
        false => said,
    }
}

fn partitioned_file(file: &FileEntry, partition_columns: &[FieldRef]) -> Result<PartitionedFile> {
    let location = Path::parse(&file.path)?;
    let modified = chrono::DateTime::from_timestamp_millis(file.modified_ms).unwrap_or_default();
    let mut partitioned = PartitionedFile::from(ObjectMeta {
        location,
        last_modified: modified,
        size: file.size_bytes,
        e_tag: file.e_tag.clone(),
        version: None,
    });
    for (value, column) in file.partition_values.iter().zip(partition_columns) {
        let scalar = to_scalar(value, column.data_type()).ok_or_else(|| {
            crate::error::to_datafusion(Error::new(
                ErrorKind::CorruptData,
                format!(
                    "`{}`: the value of partition column `{}` is no {}",
                    file.path,
                    column.name(),
                    column.data_type()
                ),
            ))
        })?;
        partitioned.partition_values.push(scalar);
    }
    Ok(partitioned)
}

/// A scan has one compression for all its files.
fn uniform_compression(scan: &FileScan) -> Result<Compression> {
    let first = scan.files.first().map_or(Compression::None, |file| file.compression);
    if scan.files.iter().any(|file| file.compression != first) {
        return Err(crate::error::to_datafusion(Error::internal(
            "files of one scan are compressed differently",
        )));
    }
    Ok(first)
}

/// The compression as DataFusion has it. It keeps a compressed file whole; our own sources decompress
/// for themselves, so that any that is not plain will do for them.
///
/// # Errors
/// `Unsupported` for a text format of DataFusion's in a compression that it lacks.
pub(crate) fn stock_compression(reading: &Reading) -> Result<FileCompressionType> {
    let is_stock = matches!(reading.format, FileFormat::Csv(_) | FileFormat::Json);
    Ok(match reading.compression {
        Compression::None => FileCompressionType::UNCOMPRESSED,
        Compression::Gzip => FileCompressionType::GZIP,
        Compression::Bzip2 => FileCompressionType::BZIP2,
        Compression::Xz => FileCompressionType::XZ,
        Compression::Zstd => FileCompressionType::ZSTD,
        other if is_stock => {
            return Err(crate::error::to_datafusion(Error::unsupported(format!(
                "{} files compressed as {other:?} are not read",
                reading.format.keyword()
            ))));
        }
        Compression::Zlib | Compression::HadoopSnappy | Compression::HadoopLz4 => {
            FileCompressionType::GZIP
        }
    })
}
