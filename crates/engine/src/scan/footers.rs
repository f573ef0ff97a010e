//! The footers of Parquet files, kept for one store of one catalog version: DataFusion's cache knows a
//! file by its path, size and time alone, and two catalogs may have different files at one path.

use crate::error::to_datafusion;
use crate::sources::Sources;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::execution::cache::default_cache::DefaultCache;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::SessionConfig;
use mooring_spi::Error;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
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

/// Reads the files at `address` with the footers that are known of its store.
pub(crate) fn parquet_reader(
    config: &SessionConfig,
    address: &ObjectStoreUrl,
) -> Result<Arc<dyn ParquetFileReaderFactory>> {
    let sources = config
        .get_extension::<Sources>()
        .ok_or_else(|| to_datafusion(Error::internal("the session of a scan has no sources")))?;
    let (store, footers) = sources.open(address.as_ref()).map_err(to_datafusion)?;
    Ok(Arc::new(CachedParquetFileReaderFactory::new(store, footers)))
}
