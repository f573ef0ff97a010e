//! A location in its store, and whether anything is there.

use mooring_spi::{ErrorKind, Result};
use mooring_storage::{CatalogStores, Location, find_files, list_files};
use object_store::{ObjectMeta, ObjectStore};
use std::sync::Arc;

/// Makes sure that something is at a location, before a table is created over it: a file, or a
/// folder that may be empty where the store knows such.
///
/// # Errors
/// `LocationNotFound`, naming it, when nothing is there; `InvalidArgument` for no location.
pub async fn check_location(stores: &CatalogStores, location: &str) -> Result<()> {
    match Folder::open(stores, location)?.files(0).await {
        Ok(_) => Ok(()),
        // There is a file already.
        Err(error) if error.kind() == ErrorKind::LimitExceeded => Ok(()),
        Err(error) => Err(error),
    }
}

/// A location and the store that reaches it.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    pub(super) location: Location,
    /// Scheme and host.
    pub(super) store_url: Arc<str>,
    pub(super) store: Arc<dyn ObjectStore>,
}

impl Folder {
    pub(super) fn open(stores: &CatalogStores, location: &str) -> Result<Self> {
        let location = Location::parse(location)?;
        let store = stores.store(location.url())?;
        let store_url = Arc::from(location.store());
        Ok(Self { location, store_url, store })
    }

    /// The data files in the order of their paths; none for a folder that is empty.
    ///
    /// # Errors
    /// As [`list_files`].
    pub(super) async fn files(&self, files_max: usize) -> Result<Vec<ObjectMeta>> {
        list_files(self.store.as_ref(), &self.location, files_max).await
    }

    /// The same; `may_be_absent`: none where nothing is there, either.
    ///
    /// # Errors
    /// As [`find_files`] where it may be absent.
    pub(super) async fn files_or_none(
        &self,
        may_be_absent: bool,
        files_max: usize,
    ) -> Result<Vec<ObjectMeta>> {
        if !may_be_absent {
            return self.files(files_max).await;
        }
        let found = find_files(self.store.as_ref(), &self.location, files_max).await?;
        Ok(found.unwrap_or_default())
    }
}
