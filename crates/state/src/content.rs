//! Whether the store has changed since it was read, without asking the database.
//!
//! Source: "WAL-mode File Format", section 2 "The WAL-Index File Format": the index of the write-ahead
//! log, a file beside the database that all its processes share, begins with a header that every
//! commit changes (`iChange`, `mxFrame` and check sums), in two copies, so that one who reads in the
//! middle of a change finds neither the old header nor a whole new one.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const HEADERS_BYTES: usize = 2 * 48;

/// The state of the whole store. Two that are equal mean that nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content([u8; HEADERS_BYTES]);

/// Where the state is read. A connection is always open, so that the file stays the same one.
#[derive(Debug)]
pub(crate) struct Contents(PathBuf);

impl Contents {
    /// `database`: the SQLite file.
    pub(crate) fn of(database: &Path) -> Self {
        let mut index = database.as_os_str().to_owned();
        index.push("-shm");
        Self(index.into())
    }

    /// `None` where it cannot be read.
    pub(crate) fn now(&self) -> Option<Content> {
        let mut headers = [0; HEADERS_BYTES];
        File::open(&self.0).ok()?.read_exact_at(&mut headers, 0).ok()?;
        Some(Content(headers))
    }
}
