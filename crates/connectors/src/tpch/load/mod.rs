//! Writes generated tables as Parquet files into an object store.
//!
//! A file appears whole or not at all, so a load that was interrupted goes on where it stopped
//! when it is made again. Dropping the future stops the load.

mod file;
mod layout;

use super::{ScaleFactor, TablePart, TpchTable};
use crate::lake::footer::{StoredFile, read_metadata};
use futures::{TryStreamExt, stream};
use layout::{file_name, is_file_of};
use mooring_spi::{Count, Error, Result};
use mooring_storage::to_spi_error;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Which table to write, and where to.
#[derive(Clone)]
pub struct LoadTable<'a> {
    pub store: Arc<dyn ObjectStore>,
    /// The table's own folder.
    pub prefix: Path,
    pub table: TpchTable,
    pub scale_factor: ScaleFactor,
    /// `None`: one per about 128 MiB, and at least two but for the three small tables.
    pub files: Option<usize>,
    /// Called from time to time, with what is done so far.
    pub progress: &'a (dyn Fn(LoadProgress) + Send + Sync),
}

impl fmt::Debug for LoadTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadTable")
            .field("prefix", &self.prefix)
            .field("table", &self.table)
            .field("scale_factor", &self.scale_factor)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadProgress {
    pub table: TpchTable,
    /// Rows that are in files or on their way there; those of files found complete included.
    pub rows_done: u64,
    /// May be an estimate for `lineitem`.
    pub rows_total: u64,
    pub files_done: usize,
    pub files_total: usize,
}

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadSummary {
    pub rows: u64,
    pub files_written: usize,
    /// Files that an earlier load had completed.
    pub files_kept: usize,
}

/// Writes all files of a table that are not there yet, as many at a time as there are processors.
/// Files of the same table that an earlier load cut in another way are removed first.
///
/// # Errors
/// What the store answers, by its kind.
pub async fn write_table(request: LoadTable<'_>) -> Result<LoadSummary> {
    let parts = layout::parts(request.table, request.scale_factor, request.files);
    let existing = existing_files(&request).await?;
    remove_other_layouts(&request, &existing, &parts).await?;

    let tracker = Tracker::new(&request, parts.len());
    let parallel = std::thread::available_parallelism().map_or(1, usize::from);
    let (tracker_ref, request_ref, existing_ref) = (&tracker, &request, &existing);
    let files_kept = AtomicUsize::new(0);
    let files_kept_ref = &files_kept;
    stream::iter(parts.iter().copied().map(Ok))
        .try_for_each_concurrent(parallel, |part| async move {
            let path = request_ref.prefix.clone().join(file_name(part));
            if let Some(rows) = complete_rows(request_ref, existing_ref.get(&path), part).await? {
                files_kept_ref.fetch_add(1, Ordering::Relaxed);
                tracker_ref.rows(rows);
            } else {
                file::write(&request_ref.store, &path, part, tracker_ref).await?;
            }
            tracker_ref.file();
            Ok(())
        })
        .await?;

    let files_kept = files_kept.into_inner();
    Ok(LoadSummary {
        rows: tracker.rows_done.into_inner(),
        files_written: parts.len() - files_kept,
        files_kept,
    })
}

async fn existing_files(request: &LoadTable<'_>) -> Result<HashMap<Path, ObjectMeta>> {
    request
        .store
        .list(Some(&request.prefix))
        .map_ok(|file| (file.location.clone(), file))
        .try_collect()
        .await
        .map_err(|error| to_spi_error(error, request.prefix.as_ref()))
}

async fn remove_other_layouts(
    request: &LoadTable<'_>,
    existing: &HashMap<Path, ObjectMeta>,
    parts: &[TablePart],
) -> Result<()> {
    let wanted: Vec<Path> =
        parts.iter().map(|part| request.prefix.clone().join(file_name(*part))).collect();
    for path in existing.keys() {
        let ours = path.filename().is_some_and(|name| is_file_of(request.table, name));
        if !ours || wanted.contains(path) {
            continue;
        }
        tracing::info!(path = path.as_ref(), "removing a file of an earlier load");
        let removed = request.store.delete(path).await;
        removed.map_err(|error| to_spi_error(error, path.as_ref()))?;
    }
    Ok(())
}

/// The rows of a file that need not be written again: its footer is readable and counts the rows
/// that the part has.
async fn complete_rows(
    request: &LoadTable<'_>,
    existing: Option<&ObjectMeta>,
    part: TablePart,
) -> Result<Option<u64>> {
    let Some(file) = existing else { return Ok(None) };
    let stored = StoredFile {
        store: request.store.as_ref(),
        store_url: "",
        path: &file.location,
        size_bytes: file.size,
    };
    let Ok(metadata) = read_metadata(stored).await else { return Ok(None) };
    let expected = tokio::task::spawn_blocking(move || part.rows())
        .await
        .map_err(|error| Error::internal("rows were not counted").with_cause(error))?;
    let found = u64::try_from(metadata.file_metadata().num_rows()).ok();
    Ok((found == Some(expected)).then_some(expected))
}

/// Counts rows and files and tells the caller.
struct Tracker<'a> {
    table: TpchTable,
    rows_done: AtomicU64,
    rows_total: u64,
    files_done: AtomicUsize,
    files_total: usize,
    progress: &'a (dyn Fn(LoadProgress) + Send + Sync),
}

impl<'a> Tracker<'a> {
    fn new(request: &LoadTable<'a>, files_total: usize) -> Self {
        let rows_total = match request.table.rows(request.scale_factor) {
            Count::Exact(rows) | Count::Estimate(rows) => rows,
            Count::Unknown => 0,
        };
        Self {
            table: request.table,
            rows_done: AtomicU64::new(0),
            rows_total,
            files_done: AtomicUsize::new(0),
            files_total,
            progress: request.progress,
        }
    }

    fn rows(&self, rows: u64) {
        self.rows_done.fetch_add(rows, Ordering::Relaxed);
        self.report();
    }

    fn file(&self) {
        self.files_done.fetch_add(1, Ordering::Relaxed);
        self.report();
    }

    fn report(&self) {
        (self.progress)(LoadProgress {
            table: self.table,
            rows_done: self.rows_done.load(Ordering::Relaxed),
            rows_total: self.rows_total,
            files_done: self.files_done.load(Ordering::Relaxed),
            files_total: self.files_total,
        });
    }
}
