//! How the files of one scan become rows, and what EXPLAIN tells of them: what a connector says, and a
//! worker must know.

use super::evolved_columns::ColumnNamingAdapters;
use super::wall_times::WallTimeAdapters;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use mooring_spi::{ColumnMatch, Compression, FileFormat, TimeZone};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reading {
    pub format: FileFormat,
    pub columns_by: ColumnMatch,
    pub parquet_time_zone: TimeZone,
    pub compression: Compression,
    /// Beyond how many characters values of the columns of files are cut, if these are files of text; none if no
    /// column has such a length.
    pub lengths: Vec<Option<u64>>,
    /// What rows have for columns of files that their file lacks, if it is one of Avro, as text; null where none is
    /// said, and for all of them if the list is empty.
    pub missing: Vec<Option<String>>,
    pub pruned: Pruned,
}

impl Reading {
    /// What fits the table's expressions to the columns of each file; `None`: as DataFusion does it. Its
    /// protobuf form of a scan loses it.
    pub fn expr_adapter(&self) -> Option<Arc<dyn PhysicalExprAdapterFactory>> {
        match self.format {
            FileFormat::Parquet => Some(Arc::new(ColumnNamingAdapters(WallTimeAdapters))),
            FileFormat::Orc
            | FileFormat::Avro
            | FileFormat::Csv(_)
            | FileFormat::Json
            | FileFormat::HiveText(_)
            | FileFormat::HiveCsv(_)
            | FileFormat::HiveJson(_) => None,
        }
    }
}

/// What a scan reads of a table, over all of its tasks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pruned {
    pub files: usize,
    pub files_total: usize,
    pub partitions: usize,
    /// `None` where only those that match are known.
    pub partitions_total: Option<usize>,
}

impl fmt::Display for Pruned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "files={} of {}", self.files, self.files_total)?;
        match (self.partitions, self.partitions_total) {
            (0, None | Some(0)) => Ok(()),
            (read, Some(all)) => write!(f, ", partitions={read} of {all}"),
            (read, None) => write!(f, ", partitions={read}, those that match"),
        }
    }
}
