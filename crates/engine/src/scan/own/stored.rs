//! A file of an object store as readers ask for it: by ranges of bytes that lie within it.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use std::io;
use std::ops::Range;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) struct StoredFile {
    pub store: Arc<dyn ObjectStore>,
    pub path: Path,
    pub size_bytes: u64,
}

impl StoredFile {
    /// # Errors
    /// `InvalidData` for a range beyond the file, which a footer may claim; what the store answers.
    pub async fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        if range.start > range.end || range.end > self.size_bytes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "bytes {} to {} of a file that has {}",
                    range.start, range.end, self.size_bytes
                ),
            ));
        }
        // A stripe may lack a stream, and stores have no empty ranges.
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        Ok(self.store.get_range(&self.path, range).await?)
    }
}
