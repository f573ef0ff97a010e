//! How the files of one scan become rows: what a connector says of them, and a worker must know.

use mooring_spi::{ColumnMatch, Compression, FileFormat};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub format: FileFormat,
    pub columns_by: ColumnMatch,
    pub compression: Compression,
}
