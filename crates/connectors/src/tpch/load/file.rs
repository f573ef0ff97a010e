//! Writes one file: rows are generated and encoded on a blocking thread, and a bounded channel
//! carries the bytes to the upload.

use super::super::TablePart;
use super::super::generate::Batches;
use super::Tracker;
use super::layout::row_group_rows;
use arrow::array::RecordBatch;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use mooring_spi::{Error, Result};
use mooring_storage::to_spi_error;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Bytes per uploaded piece; S3 wants at least 5 MiB.
const CHUNK_BYTES: usize = 8 * 1024 * 1024;
/// Pieces that wait between the encoder and the upload, and pieces in flight to the store.
const CHUNKS_WAITING: usize = 4;
const ROWS_PER_BATCH: usize = 8_192;
/// A lookup by key reads one page of each column, so pages are smaller than a writer makes them.
const ROWS_PER_PAGE: usize = 1_024;
const PAGE_BYTES: usize = 32 * 1024;

/// Writes the rows of a part to `path`, which appears when it is complete.
pub(super) async fn write(
    store: &Arc<dyn ObjectStore>,
    path: &Path,
    part: TablePart,
    tracker: &Tracker<'_>,
) -> Result<()> {
    let failed = |error| to_spi_error(error, path.as_ref());
    let upload = store.put_multipart(path).await.map_err(failed)?;
    let mut upload = WriteMultipart::new_with_chunk_size(upload, CHUNK_BYTES);

    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
    let encoder = tokio::task::spawn_blocking(move || encode(part, sender));
    let sent = send(receiver, &mut upload, path, tracker).await;
    // The receiver is gone by now, so the encoder stops at its next batch.
    let encoded = encoder
        .await
        .map_err(|error| Error::internal("an encoder broke off").with_cause(error))
        .and_then(|encoded| encoded);
    match sent.and(encoded) {
        Ok(()) => upload.finish().await.map(|_| ()).map_err(failed),
        Err(error) => {
            if let Err(abort) = upload.abort().await {
                tracing::warn!(path = path.as_ref(), error = %abort, "an upload was not aborted");
            }
            Err(error)
        }
    }
}

/// What the encoder tells: rows that it took in, and bytes that are ready.
enum Encoded {
    Rows(u64),
    Chunk(Bytes),
}

async fn send(
    mut receiver: mpsc::Receiver<Encoded>,
    upload: &mut WriteMultipart,
    path: &Path,
    tracker: &Tracker<'_>,
) -> Result<()> {
    while let Some(encoded) = receiver.recv().await {
        match encoded {
            Encoded::Rows(rows) => tracker.rows(rows),
            Encoded::Chunk(bytes) => {
                upload
                    .wait_for_capacity(CHUNKS_WAITING)
                    .await
                    .map_err(|error| to_spi_error(error, path.as_ref()))?;
                upload.put(bytes);
            }
        }
    }
    Ok(())
}

/// Runs on a blocking thread. Ends early when the receiver is gone.
#[expect(clippy::needless_pass_by_value, reason = "the channel must close when this returns")]
fn encode(part: TablePart, sender: mpsc::Sender<Encoded>) -> Result<()> {
    let schema = part.table.schema();
    let mut batches = Batches::new(part, schema.clone(), ROWS_PER_BATCH)?.peekable();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_row_count_limit(ROWS_PER_PAGE)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_max_row_group_row_count(Some(row_group_rows(part)));
    if let Some(Ok(first)) = batches.peek() {
        for column in nearly_unique(first)? {
            properties = properties.set_column_dictionary_enabled(column, false);
        }
    }
    // Without Arrow's own schema in it, a file is what any other engine would have written.
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let failed = |error| Error::internal(format!("`{part}` was not encoded")).with_cause(error);
    let chunks = Chunks { sender: sender.clone(), buffer: Vec::new() };
    let mut writer =
        ArrowWriter::try_new_with_options(chunks, Arc::clone(&schema), options).map_err(failed)?;
    for batch in batches {
        let batch = batch?;
        writer.write(&batch).map_err(failed)?;
        if sender.blocking_send(Encoded::Rows(batch.num_rows() as u64)).is_err() {
            return Err(Error::internal(format!("the upload of `{part}` broke off")));
        }
    }
    let mut chunks = writer.into_inner().map_err(failed)?;
    chunks.send_buffer().map_err(|error| {
        Error::internal(format!("the upload of `{part}` broke off")).with_cause(error)
    })
}

/// Columns most of whose values come once. A dictionary of them is as large as the column itself, and
/// whoever wants one page has to read and unpack it whole.
fn nearly_unique(batch: &RecordBatch) -> Result<Vec<ColumnPath>> {
    let failed = |error| Error::internal("values could not be compared").with_cause(error);
    let mut found = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let converter = RowConverter::new(vec![SortField::new(field.data_type().clone())]);
        let rows = converter
            .map_err(failed)?
            .convert_columns(std::slice::from_ref(column))
            .map_err(failed)?;
        let distinct: HashSet<_> = rows.iter().collect();
        if distinct.len() * 2 > batch.num_rows() {
            found.push(ColumnPath::from(field.name().as_str()));
        }
    }
    Ok(found)
}

/// Collects bytes into chunks and sends them.
struct Chunks {
    sender: mpsc::Sender<Encoded>,
    buffer: Vec<u8>,
}

impl Chunks {
    fn send_buffer(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        self.sender
            .blocking_send(Encoded::Chunk(chunk))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

impl io::Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK_BYTES {
            self.send_buffer()?;
        }
        Ok(bytes.len())
    }

    /// The writer flushes after each row group; chunks are sent by their size only.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
