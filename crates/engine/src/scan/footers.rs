//! The footers of Parquet files, kept for one store of one catalog version: DataFusion's cache knows a
//! file by its path, size and time alone, and two catalogs may have different files at one path.

use super::column_names::TableNames;
use crate::error::to_datafusion;
use crate::sources::Sources;
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
use futures::future::BoxFuture;
use mooring_spi::{ColumnMatch, Error};
use parking_lot::Mutex;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
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

/// Reads the files at `address` with the footers that are known of its store, and with the names that the
/// table has for `columns`.
pub(crate) fn parquet_reader(
    config: &SessionConfig,
    address: &ObjectStoreUrl,
    columns: &SchemaRef,
    by: ColumnMatch,
) -> Result<Arc<dyn ParquetFileReaderFactory>> {
    let sources = config
        .get_extension::<Sources>()
        .ok_or_else(|| to_datafusion(Error::internal("the session of a scan has no sources")))?;
    let (store, footers) = sources.open(address.as_ref()).map_err(to_datafusion)?;
    let inner = Arc::new(CachedParquetFileReaderFactory::new(store, footers));
    Ok(Arc::new(TableNames { inner, columns: columns.clone(), by }))
}

/// A source with a predicate asks for the page index together with the footer, so that both are kept.
/// DataFusion asks for the footer alone, and reads the index for each query anew.
pub(crate) fn with_page_indexes(source: &ParquetSource) -> ParquetSource {
    let source = source.clone();
    match (source.filter(), source.parquet_file_reader_factory()) {
        (Some(_), Some(factory)) => {
            let factory = Arc::new(PageIndexes(factory.clone()));
            source.with_parquet_file_reader_factory(factory)
        }
        _ => source,
    }
}

#[derive(Debug)]
struct PageIndexes(Arc<dyn ParquetFileReaderFactory>);

impl ParquetFileReaderFactory for PageIndexes {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let reader = self.0.create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(PageIndexReader(reader)))
    }
}

struct PageIndexReader(Box<dyn AsyncFileReader + Send>);

impl AsyncFileReader for PageIndexReader {
    fn get_bytes(
        &mut self,
        range: Range<u64>,
    ) -> BoxFuture<'_, parquet::errors::Result<bytes::Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<bytes::Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        let options = options.cloned().unwrap_or_default();
        let options = options.with_page_index_policy(PageIndexPolicy::Optional);
        Box::pin(async move { self.0.get_metadata(Some(&options)).await })
    }
}
