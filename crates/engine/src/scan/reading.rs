//! How the files of one scan become rows, and what EXPLAIN tells of them: what a connector says, and a
//! worker must know.

use mooring_spi::{ColumnMatch, Compression, FileFormat};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub format: FileFormat,
    pub columns_by: ColumnMatch,
    pub compression: Compression,
    pub pruned: Pruned,
}

/// What a scan reads of a table, over all of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    pub files: usize,
    pub files_total: usize,
    pub partitions: usize,
    /// `None` where a metastore was asked for those that match.
    pub partitions_total: Option<usize>,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files={} of {}", self.files, self.files_total)?;
        match (self.partitions, self.partitions_total) {
            (0, None | Some(0)) => Ok(()),
            (read, Some(all)) => write!(f, ", partitions={read} of {all}"),
            (read, None) => write!(f, ", partitions={read}, chosen by the metastore"),
        }
    }
}
