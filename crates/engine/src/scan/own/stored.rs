//! A file of an object store as readers ask for it: by ranges of bytes that lie within it.

use bytes::Bytes;
use mooring_spi::{Error, ErrorKind};
use mooring_storage::to_spi_error;
use object_store::ObjectStore;
use object_store::path::Path;
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
    /// As [`Self::read_ranges`].
    pub async fn read_range(&self, range: Range<u64>) -> mooring_spi::Result<Bytes> {
        let read = self.read_ranges(&[range]).await?;
        Ok(read.into_iter().next().unwrap_or_default())
    }

    /// The bytes of several ranges, asked for together: a store puts those that lie close into one request.
    ///
    /// # Errors
    /// `CorruptData` for a range beyond the file, which a footer may claim, and for a file that has become
    /// shorter; what the store answers.
    pub async fn read_ranges(&self, ranges: &[Range<u64>]) -> mooring_spi::Result<Vec<Bytes>> {
        let corrupt = |message: String| Error::new(ErrorKind::CorruptData, message);
        for Range { start, end } in ranges {
            if start > end || *end > self.size_bytes {
                return Err(corrupt(format!(
                    "bytes {start} to {end} of a file that has {}",
                    self.size_bytes
                )));
            }
        }
        let wanted: Vec<_> = ranges.iter().filter(|range| !range.is_empty()).cloned().collect();
        let mut read = Vec::new();
        if !wanted.is_empty() {
            read = self
                .store
                .get_ranges(&self.path, &wanted)
                .await
                .map_err(|error| to_spi_error(error, self.path.as_ref()))?;
        }
        let mut read = read.into_iter();
        let mut bytes = Vec::with_capacity(ranges.len());
        for range in ranges {
            let found =
                if range.is_empty() { Bytes::new() } else { read.next().unwrap_or_default() };
            if found.len() as u64 != range.end - range.start {
                return Err(corrupt("the file has become shorter while it was read".to_owned()));
            }
            bytes.push(found);
        }
        Ok(bytes)
    }
}
