//! Whether the store has changed since it was read, without asking the database.
//!
//! Source: "WAL-mode File Format", section 2 "The WAL-Index File Format": the index of the write-ahead
//! log, a file beside the database that all its processes share, begins with a header that every
//! commit changes (`iChange`, `mxFrame` and check sums), in two copies, so that one who reads in the
//! middle of a change finds neither the old header nor a whole new one.

use parking_lot::Mutex;
use std::fs::File;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

const HEADERS_BYTES: usize = 2 * 48;

/// The index files that were opened. They are never closed: a process that closes any descriptor of a
/// file loses all its POSIX locks on that file, SQLite's too ("How To Corrupt An SQLite Database
/// File", section 2.2).
static OPEN: Mutex<Vec<&'static File>> = Mutex::new(Vec::new());
/// There is one for each store that a process opens; a process that makes more does not need this.
const OPEN_MAX: usize = 64;

/// The state of the whole store. Two that are equal mean that nothing was written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    inode: (u64, u64),
    headers: [u8; HEADERS_BYTES],
}

/// Where the state is read. A connection is always open, so that the file stays the same one.
#[derive(Debug)]
pub(crate) struct Contents {
    index: PathBuf,
    file: Mutex<Option<&'static File>>,
}

impl Contents {
    /// `database`: the SQLite file.
    pub(crate) fn of(database: &Path) -> Self {
        let mut index = database.as_os_str().to_owned();
        index.push("-shm");
        Self { index: index.into(), file: Mutex::default() }
    }

    /// `None` where it cannot be read.
    pub(crate) fn now(&self) -> Option<Content> {
        let there = std::fs::metadata(&self.index).ok()?;
        let inode = (there.dev(), there.ino());
        let mut kept = self.file.lock();
        let file = match *kept {
            Some(file) if inode_of(file) == Some(inode) => file,
            _ => *kept.insert(open(&self.index, inode)?),
        };
        drop(kept);
        let mut headers = [0; HEADERS_BYTES];
        file.read_exact_at(&mut headers, 0).ok()?;
        Some(Content { inode, headers })
    }
}

fn inode_of(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|there| (there.dev(), there.ino()))
}

/// The file, opened for ever.
fn open(index: &Path, inode: (u64, u64)) -> Option<&'static File> {
    let mut files = OPEN.lock();
    if let Some(file) = files.iter().find(|file| inode_of(file) == Some(inode)) {
        return Some(*file);
    }
    if files.len() >= OPEN_MAX {
        return None;
    }
    let file: &'static File = Box::leak(Box::new(File::open(index).ok()?));
    files.push(file);
    Some(file)
}
