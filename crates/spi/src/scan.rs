//! The three answers to a scan request: files, splits or rows. Files and splits are read on
//! workers, rows are a small batch made on the coordinator.

use crate::{
    ColumnMatch, Compression, FileFormat, Predicate, ScanLease, Table, TableStatistics, TimeZone,
    Value,
};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

/// What the engine asks a connector.
#[derive(Debug)]
pub struct ScanRequest<'a> {
    pub table: &'a Table,
    /// Indexes into `table.schema`, in output order.
    pub projection: &'a [usize],
    pub predicate: &'a Predicate,
    /// No more rows than this are needed; a connector may ignore it.
    pub limit: Option<u64>,
    /// The user whose own queries alone may be shown; `None` for one who may see everybody's.
    pub viewer: Option<&'a str>,
    /// Whether the plan is shown: what only `EXPLAIN` tells is asked for then.
    pub explain: bool,
}

/// A connector's answer.
#[derive(Debug)]
pub enum Scan {
    /// One entry per combination of store, format and compression; the rows are the union of all.
    Files(Vec<FileScan>),
    Splits(SplitScan),
    /// Batches with the request's projection applied.
    Rows(Vec<RecordBatch>),
}

/// Files of one format in one object store that together are the snapshot under the predicate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FileScan {
    /// Scheme and host of the store: `s3://bucket` or `file://`.
    pub store: String,
    pub format: FileFormat,
    pub columns_by: ColumnMatch,
    /// In whose wall time the instants of a Parquet file are in a column without zone, unless the file
    /// says it.
    pub parquet_time_zone: TimeZone,
    pub files: Vec<FileEntry>,
    /// Of the files that are left, before the engine filters.
    #[serde(skip)]
    pub statistics: TableStatistics,
    /// How many of the table's schema's last columns come from `FileEntry::partition_values`.
    pub partition_columns: usize,
    /// Files of the table before pruning by the predicate.
    pub files_total: usize,
    /// Partitions that `files` are of.
    pub partitions: usize,
    /// `None` where only those that match are known, and nobody tells how many there are, or wants to know.
    pub partitions_total: Option<usize>,
}

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileEntry {
    /// The key inside the store, without a leading slash, percent-encoded as it is stored.
    pub path: String,
    pub size_bytes: u64,
    /// Milliseconds since 1970-01-01 UTC.
    pub modified_ms: i64,
    pub e_tag: Option<String>,
    pub compression: Compression,
    /// One value per partition column.
    pub partition_values: Vec<Value>,
}

/// Remote work in pieces that workers share.
#[derive(Debug)]
pub struct SplitScan {
    pub splits: Vec<Split>,
    /// How many splits one task may read at once; at least two, or all splits are one task's.
    pub readers_max: usize,
    pub statistics: TableStatistics,
    /// What makes several splits, and those of other scans of the catalog, one state. `None` where they are
    /// that anyway.
    pub lease: Option<ScanLease>,
}

/// An opaque piece of remote work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// What the reader needs to open it.
    pub payload: String,
    /// What `EXPLAIN` shows: of a source that runs statements the whole one, however long.
    pub label: String,
    /// About how many bytes of Arrow data it yields; decides over how many tasks a scan spreads.
    pub size_bytes: u64,
}

/// The schema of the projected columns.
pub(crate) fn project(schema: &SchemaRef, projection: &[usize]) -> crate::Result<SchemaRef> {
    schema.project(projection).map(SchemaRef::new).map_err(|error| {
        crate::Error::internal("projection names a column beyond the schema").with_cause(error)
    })
}

impl ScanRequest<'_> {
    /// The schema that the answer's rows have.
    ///
    /// # Errors
    /// `Internal` when the projection names a column that the table lacks.
    pub fn projected_schema(&self) -> crate::Result<SchemaRef> {
        project(&self.table.schema, self.projection)
    }
}
