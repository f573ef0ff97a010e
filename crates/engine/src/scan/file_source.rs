//! The one `FileSource`: it wraps DataFusion's sources of the single formats, names the file in
//! every error, and keeps what DataFusion's protobuf form of a file scan would lose.

use super::counted::CountedStore;
use super::file_errors::NamingMorselizer;
use super::footers::with_page_indexes;
use super::own::OwnSource;
use super::reading::Reading;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, not_impl_err};
use datafusion::config::{ConfigOptions, CsvOptions as StockCsvOptions, TableParquetOptions};
use datafusion::datasource::physical_plan::{
    CsvSource, FileOpener, FileScanConfig, FileSource, JsonSource, ParquetFileReaderFactory,
    ParquetSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{
    EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::filter_pushdown::FilterPushdownPropagation;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use datafusion_datasource::PartitionedFile;
use datafusion_datasource::morsel::Morselizer;
use mooring_spi::FileFormat;
use mooring_storage::PinnedStore;
use object_store::{ObjectMeta, ObjectStore};
use std::fmt;
use std::sync::Arc;

/// The source of one format together with the description that made it.
#[derive(Clone)]
pub(crate) struct MooringFileSource {
    pub inner: Arc<dyn FileSource>,
    pub reading: Reading,
}

impl MooringFileSource {
    pub fn new(inner: Arc<dyn FileSource>, reading: Reading) -> Self {
        Self { inner, reading }
    }

    fn wrap(&self, inner: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { inner, reading: self.reading.clone() })
    }
}

/// DataFusion's source for a format, or our own.
pub(crate) fn inner_source(
    reading: &Reading,
    schema: TableSchema,
    parquet: TableParquetOptions,
    reader: Arc<dyn ParquetFileReaderFactory>,
) -> Arc<dyn FileSource> {
    match &reading.format {
        FileFormat::Parquet => {
            let source = ParquetSource::new(schema).with_table_parquet_options(parquet);
            Arc::new(source.with_parquet_file_reader_factory(reader))
        }
        FileFormat::Csv(csv) => {
            let mut options = StockCsvOptions::default()
                .with_has_header(csv.has_header)
                .with_delimiter(csv.delimiter)
                .with_quote(csv.quote)
                .with_newlines_in_values(csv.newlines_in_values);
            options.escape = csv.escape;
            Arc::new(CsvSource::new(schema).with_csv_options(options))
        }
        FileFormat::Json => Arc::new(JsonSource::new(schema)),
        FileFormat::Orc
        | FileFormat::Avro
        | FileFormat::HiveText(_)
        | FileFormat::HiveCsv(_)
        | FileFormat::HiveJson(_) => Arc::new(OwnSource::new(reading.clone(), schema)),
    }
}

/// A source that DataFusion's protobuf form can carry: `inner` itself, or in place of one of our own
/// the simplest there is with the same columns.
///
/// # Errors
/// As pushing a projection down.
pub(crate) fn stock_carrier(inner: &Arc<dyn FileSource>) -> Result<Arc<dyn FileSource>> {
    let Some(own) = inner.downcast_ref::<OwnSource>() else { return Ok(inner.clone()) };
    let carrier = JsonSource::new(own.table_schema().clone());
    let projected = match own.projection() {
        Some(projection) => carrier.try_pushdown_projection(projection)?,
        None => None,
    };
    Ok(projected.unwrap_or_else(|| Arc::new(carrier)))
}

/// The store with the versions of the files that were listed. Readers of Parquet have theirs, see
/// `footers.rs`.
fn pinned_store(store: Arc<dyn ObjectStore>, config: &FileScanConfig) -> Arc<dyn ObjectStore> {
    let files = config.file_groups.iter().flat_map(|group| group.files());
    let tagged = files.filter_map(|file| {
        let ObjectMeta { location, e_tag, .. } = &file.object_meta;
        Some((location.clone(), e_tag.clone()?))
    });
    Arc::new(PinnedStore::new(store, tagged))
}

impl FileSource for MooringFileSource {
    fn create_file_opener(
        &self,
        _object_store: Arc<dyn ObjectStore>,
        _base_config: &FileScanConfig,
        _partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        not_impl_err!("files are opened by morselizers only")
    }

    fn create_morselizer(
        &self,
        object_store: Arc<dyn ObjectStore>,
        base_config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        let root = base_config.object_store_url.as_str().to_string();
        let inner = match self.inner.downcast_ref::<ParquetSource>() {
            Some(parquet) => with_page_indexes(parquet).create_morselizer(
                object_store,
                base_config,
                partition,
            )?,
            None => {
                let pinned = pinned_store(object_store, base_config);
                let counted = CountedStore::new(pinned, self.inner.metrics(), partition);
                self.inner.create_morselizer(Arc::new(counted), base_config, partition)?
            }
        };
        let header_lines = match &self.reading.format {
            FileFormat::Csv(options) => usize::from(options.has_header),
            _ => 0,
        };
        Ok(Box::new(NamingMorselizer::new(inner, &root, header_lines)))
    }

    fn table_schema(&self) -> &TableSchema {
        self.inner.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.wrap(self.inner.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.inner.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.inner.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.inner.metrics()
    }

    fn file_type(&self) -> &str {
        self.inner.file_type()
    }

    fn fmt_extra(&self, format_type: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        match format_type {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, ", {}", self.reading.pruned)?;
            }
            DisplayFormatType::TreeRender => {}
        }
        self.inner.fmt_extra(format_type, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.inner.supports_repartitioning()
    }

    fn repartitioned(
        &self,
        target_partitions: usize,
        repartition_file_min_size: usize,
        output_ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> Result<Option<FileScanConfig>> {
        self.inner.repartitioned(
            target_partitions,
            repartition_file_min_size,
            output_ordering,
            config,
        )
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let pushed = self.inner.try_pushdown_filters(filters, config)?;
        Ok(FilterPushdownPropagation {
            filters: pushed.filters,
            updated_node: pushed.updated_node.map(|inner| self.wrap(inner)),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        eq_properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.inner.try_pushdown_sort(order, eq_properties)? {
            SortOrderPushdownResult::Exact { inner } => {
                SortOrderPushdownResult::Exact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Inexact { inner } => {
                SortOrderPushdownResult::Inexact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.inner.reorder_files(files)
    }

    fn try_pushdown_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.inner.try_pushdown_projection(projection)?.map(|inner| self.wrap(inner)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.inner.apply_expressions(f)
    }
}
