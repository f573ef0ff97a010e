//! Footers by file version: a file with the same path, size and e-tag (or time of change) is the
//! same file, so what was read of it stays true.

use super::footer::{FileFooter, StoredFile, read_footer};
use moka::future::Cache;
use mooring_spi::{FileEntry, Result};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct FooterKey {
    store: String,
    path: String,
    size_bytes: u64,
    version: FileVersion,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum FileVersion {
    Tag(String),
    ModifiedMs(i64),
}

#[derive(Debug)]
pub(super) struct FooterCache {
    footers: Cache<FooterKey, Arc<FileFooter>>,
}

impl FooterCache {
    /// Holds footers with this many columns in all.
    pub(super) fn new(columns_max: u64) -> Self {
        let footers = Cache::builder()
            .max_capacity(columns_max)
            .weigher(|_, footer: &Arc<FileFooter>| {
                u32::try_from(footer.schema.fields().len() + 1).unwrap_or(u32::MAX)
            })
            .build();
        Self { footers }
    }

    /// The footer of a file; read at most once by those who ask at the same time.
    ///
    /// # Errors
    /// As [`read_footer`]; an error is not kept.
    pub(super) async fn footer(
        &self,
        file: StoredFile<'_>,
        entry: &FileEntry,
    ) -> Result<Arc<FileFooter>> {
        let version = match &entry.e_tag {
            Some(tag) => FileVersion::Tag(tag.clone()),
            None => FileVersion::ModifiedMs(entry.modified_ms),
        };
        let key = FooterKey {
            store: file.store_url.to_owned(),
            path: entry.path.clone(),
            size_bytes: entry.size_bytes,
            version,
        };
        let read = async { read_footer(file).await.map(Arc::new) };
        self.footers.try_get_with(key, read).await.map_err(|error| (*error).clone())
    }
}
