//! Rows as batches, one batch at a time and no further than it takes: a reader that stops early has nothing
//! read for it.

use super::blocks::Blocks;
use super::content::{Content, PIECE_BYTES};
use super::encoding::Unread;
use super::schema::Refused;
use super::schema_text::schema_text;
use super::types::Field;
use super::walk::{Columns, Row};
use super::{corrupt, unread};
use arrow_avro::reader::{Decoder, ReaderBuilder};
use arrow_avro::schema::{
    AvroSchema, CONFLUENT_MAGIC, Fingerprint, FingerprintAlgorithm, SchemaStore,
};
use datafusion::arrow::array::{ArrayRef, NullArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field as ArrayField, Schema};
use datafusion::arrow::error::ArrowError;
use mooring_spi::{Error, ErrorKind, Result};
use std::mem;
use std::sync::Arc;

/// A batch whose arrays take this much is full, however few its rows are.
const BATCH_BYTES_MAX: u64 = 64 << 20;

/// What one row may take in arrays, so that no array of a batch has more than its offsets of 32 bits reach.
const ROW_ARRAY_BYTES_MAX: u64 = 256 << 20;

/// arrow-avro takes single rows behind the number of their schema; ours is 0.
const ROW_START: [u8; 5] = [CONFLUENT_MAGIC[0], 0, 0, 0, 0];

/// What opening a block is worth in bytes, when it is about whose turn it is.
const BLOCK_WORK_BYTES: usize = 4 << 10;

pub(super) struct Rows {
    blocks: Blocks,
    content: Option<Content>,
    /// Between two blocks, what the next one is decompressed into.
    buffer: Vec<u8>,
    columns: Columns,
    arrays: Arrays,
    /// The bytes of a row that are read, where those are not all.
    part: Vec<u8>,
    /// What has been done since other tasks had their turn.
    work_bytes: usize,
}

impl Rows {
    /// Of `fields`, which are all of the file, those at the places `read`, in ascending order.
    ///
    /// # Errors
    /// As [`schema_text`].
    pub fn new(
        blocks: Blocks,
        fields: &[Field],
        read: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        Ok(Self {
            blocks,
            content: None,
            buffer: Vec::new(),
            columns: Columns::new(fields, read),
            arrays: Arrays::new(fields, read, batch_rows.max(1))?,
            part: Vec::new(),
            work_bytes: 0,
        })
    }

    /// # Errors
    /// `CorruptData` for rows that are not of their schema, `LimitExceeded` for one that is too large; as
    /// [`Blocks::next`] and [`Content::fill`].
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while !self.arrays.is_full() {
            if self.work_bytes >= PIECE_BYTES {
                self.work_bytes = 0;
                tokio::task::yield_now().await;
            }
            let Some(content) = &mut self.content else {
                let Some(block) = self.blocks.next().await? else { break };
                let buffer = mem::take(&mut self.buffer);
                self.content = Some(Content::open(block, self.blocks.codec, buffer)?);
                self.work_bytes += BLOCK_WORK_BYTES;
                continue;
            };
            if content.rows_left == 0 {
                let is_read = content.rest().is_empty();
                if !is_read || content.fill().await? > 0 {
                    return Err(content.corrupt("it goes on after its last row"));
                }
                self.buffer = self.content.take().map(Content::into_buffer).unwrap_or_default();
                continue;
            }
            let passed = self.columns.row(content.rest(), &mut self.part);
            match passed {
                Ok(row) => {
                    let bytes = match self.columns.is_whole() {
                        true => &content.rest()[..row.bytes],
                        false => &self.part[..],
                    };
                    self.arrays.add(bytes, &row).map_err(|error| content.error(&error))?;
                    content.skip_row(row.bytes);
                }
                Err(Unread::Corrupt(what)) => return Err(content.corrupt(what)),
                Err(Unread::Ends) => {
                    let more = content.fill().await?;
                    if more == 0 {
                        return Err(content.corrupt("it ends in a row"));
                    }
                    self.work_bytes += more;
                }
                Err(Unread::TooLong(_)) if content.is_whole() => {
                    return Err(content.corrupt("it ends in a row"));
                }
                Err(Unread::TooLong(_)) => return Err(content.long_row()),
            }
        }
        self.arrays.take()
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.content.as_ref().map_or(0, Content::held_bytes)
    }
}

/// What becomes a batch.
struct Arrays {
    /// None if no column that is read takes bytes.
    decoder: Option<Decoder>,
    /// Of each column that is read, in their order, whether it takes no bytes.
    empty: Vec<bool>,
    batch_rows: usize,
    rows: usize,
    bytes: u64,
}

impl Arrays {
    fn new(fields: &[Field], read: &[usize], batch_rows: usize) -> Result<Self> {
        let read: Vec<&Field> = read.iter().filter_map(|&place| fields.get(place)).collect();
        let empty = read.iter().map(|field| field.node.is_empty()).collect();
        let full: Vec<&Field> = read.into_iter().filter(|field| !field.node.is_empty()).collect();
        let decoder = match full.is_empty() {
            true => None,
            false => Some(decoder(&full, batch_rows)?),
        };
        Ok(Self { decoder, empty, batch_rows, rows: 0, bytes: 0 })
    }

    fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.bytes >= BATCH_BYTES_MAX
    }

    /// Adds a row, of which these are the bytes that are read.
    fn add(&mut self, bytes: &[u8], row: &Row) -> Result<()> {
        if row.array_bytes > ROW_ARRAY_BYTES_MAX {
            let message = format!(
                "a row takes {} bytes in memory, and at most {ROW_ARRAY_BYTES_MAX} are read",
                row.array_bytes
            );
            return Err(Error::new(ErrorKind::LimitExceeded, message));
        }
        if let Some(decoder) = &mut self.decoder {
            let decoded = decoder
                .decode(&ROW_START)
                .and_then(|start| Ok(start + decoder.decode(bytes)?))
                .map_err(|error| Error::new(ErrorKind::CorruptData, error.to_string()))?;
            if decoded != ROW_START.len() + bytes.len() {
                return Err(Error::internal("a row of Avro ends where its reader does not see it"));
            }
        }
        self.rows += 1;
        self.bytes += row.array_bytes;
        Ok(())
    }

    /// The rows that were added, if there are any.
    fn take(&mut self) -> Result<Option<RecordBatch>> {
        let (rows, options) = (self.rows, RecordBatchOptions::new());
        (self.rows, self.bytes) = (0, 0);
        if rows == 0 {
            return Ok(None);
        }
        let decoded = match &mut self.decoder {
            Some(decoder) => decoder.flush().map_err(corrupt)?,
            None => None,
        };
        let mut full = decoded.iter().flat_map(RecordBatch::columns);
        let columns = self.empty.iter().map(|is_empty| match is_empty {
            true => Some(Arc::new(NullArray::new(rows)) as ArrayRef),
            false => full.next().cloned(),
        });
        let columns: Vec<ArrayRef> = columns.flatten().collect();
        let fields = columns.iter().enumerate().map(|(place, column)| {
            ArrayField::new(format!("c{place}"), column.data_type().clone(), true)
        });
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let options = options.with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::new(schema), columns, &options)
            .map(Some)
            .map_err(corrupt)
    }
}

fn decoder(columns: &[&Field], batch_rows: usize) -> Result<Decoder> {
    let schema = schema_text(columns).map_err(Refused::into_error)?;
    let refused =
        |error: ArrowError| unread(ErrorKind::Unsupported, format!("its schema: {error}"));
    let mut store = SchemaStore::new_with_type(FingerprintAlgorithm::Id);
    store.set(Fingerprint::Id(0), AvroSchema::new(schema)).map_err(refused)?;
    let builder = ReaderBuilder::new().with_batch_size(batch_rows).with_writer_schema_store(store);
    builder.build_decoder().map_err(refused)
}
