//! A file from one place on, read some MiB ahead.

use crate::scan::own::stored::StoredFile;
use bytes::{Buf, Bytes, BytesMut};
use mooring_spi::Result;
use std::ops::Range;

/// What one request asks for, unless a block is larger.
const READ_BYTES: u64 = 4 << 20;

/// What is read of a file beyond what is surely wanted: of its start for the header, and after a range for
/// the end of the last block that begins in it.
const BEYOND_BYTES: u64 = 64 << 10;

pub(super) struct Input {
    file: StoredFile,
    /// Up to here all bytes are wanted.
    wanted_end: u64,
    /// Where `bytes` begin.
    place: u64,
    bytes: Bytes,
}

impl Input {
    /// At the start of a file of which `range` is wanted.
    pub fn new(file: StoredFile, range: &Range<u64>) -> Self {
        // The header stands before every range, and what comes after it may be far away.
        let wanted_end = if range.start == 0 { range.end } else { 0 };
        Self { file, wanted_end, place: 0, bytes: Bytes::new() }
    }

    /// Where the next byte stands.
    pub fn place(&self) -> u64 {
        self.place
    }

    pub fn file_bytes(&self) -> u64 {
        self.file.size_bytes
    }

    /// What has been read from there on.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether there is nothing after these bytes.
    pub fn is_read(&self) -> bool {
        self.bytes_end() >= self.file.size_bytes
    }

    pub fn skip(&mut self, count: usize) {
        self.bytes.advance(count.min(self.bytes.len()));
        self.place += count as u64;
    }

    /// Goes on with all bytes from `place` to `wanted_end`.
    pub fn seek(&mut self, place: u64, wanted_end: u64) {
        let forward = place.checked_sub(self.place).and_then(|count| usize::try_from(count).ok());
        match forward {
            Some(count) if count <= self.bytes.len() => self.bytes.advance(count),
            _ => self.bytes = Bytes::new(),
        }
        self.place = place;
        self.wanted_end = wanted_end;
    }

    /// Reads until there are `count` bytes, or the file ends.
    ///
    /// # Errors
    /// As [`StoredFile::read_range`].
    pub async fn fill(&mut self, count: usize) -> Result<()> {
        if self.bytes.len() >= count || self.is_read() {
            return Ok(());
        }
        let start = self.bytes_end();
        let ahead = (start + READ_BYTES).min(self.wanted_end.saturating_add(BEYOND_BYTES));
        let needed = self.place.saturating_add(count as u64);
        let end = needed.max(ahead).min(self.file.size_bytes);
        let more = self.file.read_range(start..end).await?;
        if self.bytes.is_empty() {
            self.bytes = more;
        } else {
            let mut joined = BytesMut::with_capacity(self.bytes.len() + more.len());
            joined.extend_from_slice(&self.bytes);
            joined.extend_from_slice(&more);
            self.bytes = joined.freeze();
        }
        Ok(())
    }

    fn bytes_end(&self) -> u64 {
        self.place + self.bytes.len() as u64
    }
}
