//! The footers of Parquet files, kept for one store of one catalog version: DataFusion's cache knows a
//! file by its path, size and time alone, and two catalogs may have different files at one path.

use super::column_names::TableNames;
use super::reading::Reading;
use super::shown_footers::{FooterChange, ShownFooters};
use super::wall_times::InstantFooters;
use crate::error::to_datafusion;
use crate::sources::Sources;
use chrono::{DateTime, Utc};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileSource, ParquetFileReaderFactory, ParquetSource};
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::prelude::SessionConfig;
use datafusion_datasource::PartitionedFile;
use mooring_spi::Error;
use mooring_storage::PinnedStore;
use object_store::ObjectStore;
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::PageIndexPolicy;
use std::collections::HashMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Memory for the footers of one store.
const FOOTERS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The caches of one catalog version, by the store's root.
#[derive(Default)]
pub(crate) struct FooterCaches(Mutex<HashMap<String, Arc<FileMetadataCache>>>);

impl fmt::Debug for FooterCaches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FooterCaches").finish_non_exhaustive()
    }
}

impl FooterCaches {
    pub(crate) fn of(&self, root: &str) -> Arc<FileMetadataCache> {
        let mut caches = self.0.lock();
        let cache = caches
            .entry(root.to_string())
            .or_insert_with(|| Arc::new(DefaultCache::new(FOOTERS_BYTES_MAX).with_name("footers")));
        cache.clone()
    }
}

/// Reads the files at `address` with the footers that are known of its store, with the names that the
/// table has for `columns`, and with what tells wall time from instants.
pub(crate) fn parquet_reader(
    config: &SessionConfig,
    address: &ObjectStoreUrl,
    columns: &SchemaRef,
    reading: &Reading,
) -> Result<Arc<dyn ParquetFileReaderFactory>> {
    let sources = config
        .get_extension::<Sources>()
        .ok_or_else(|| to_datafusion(Error::internal("the session of a scan has no sources")))?;
    let (store, footers) = sources.open(address.as_ref()).map_err(to_datafusion)?;
    let on_disk = address.as_str().ends_with("+file:///");
    let inner = Arc::new(PinnedReaders { store, footers, on_disk });
    let names = TableNames { columns: columns.clone(), by: reading.columns_by };
    let named = Arc::new(ShownFooters::new(inner, names));
    let instants = InstantFooters { zone: reading.parquet_time_zone };
    Ok(Arc::new(ShownFooters::new(named, instants)))
}

/// Readers of the versions of files that were listed.
#[derive(Debug)]
struct PinnedReaders {
    store: Arc<dyn ObjectStore>,
    footers: Arc<FileMetadataCache>,
    on_disk: bool,
}

impl ParquetFileReaderFactory for PinnedReaders {
    fn create_reader(
        &self,
        partition: usize,
        mut file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let mut store = Arc::clone(&self.store);
        if let Some(tag) = &file.object_meta.e_tag {
            let pinned = [(file.object_meta.location.clone(), tag.clone())].into_iter();
            let pinned = PinnedStore::new(store, pinned);
            store = Arc::new(if self.on_disk { pinned.on_disk() } else { pinned });
            // The cache tells versions of a file by its size and time, which may have no more than seconds.
            file.object_meta.last_modified = moment_of(tag);
        }
        CachedParquetFileReaderFactory::new(store, Arc::clone(&self.footers)).create_reader(
            partition,
            file,
            metadata_size_hint,
            metrics,
        )
    }
}

/// A time that stands for a tag: different tags have different ones, but for a chance of one in billions.
fn moment_of(tag: &str) -> DateTime<Utc> {
    let mut hasher = DefaultHasher::new();
    tag.hash(&mut hasher);
    // Within the years that a date can have.
    let milliseconds = (hasher.finish() >> 14).cast_signed();
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}

/// A source with a predicate asks for the page index together with the footer, so that both are kept.
/// DataFusion asks for the footer alone, and reads the index for each query anew.
pub(crate) fn with_page_indexes(source: &ParquetSource) -> ParquetSource {
    let source = source.clone();
    match (source.filter(), source.parquet_file_reader_factory()) {
        (Some(_), Some(factory)) => {
            let factory = Arc::new(ShownFooters::new(factory.clone(), PageIndexes));
            source.with_parquet_file_reader_factory(factory)
        }
        _ => source,
    }
}

#[derive(Debug)]
struct PageIndexes;

impl FooterChange for PageIndexes {
    fn options(&self, asked: ArrowReaderOptions) -> ArrowReaderOptions {
        asked.with_page_index_policy(PageIndexPolicy::Optional)
    }
}
