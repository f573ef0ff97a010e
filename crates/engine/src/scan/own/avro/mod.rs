//! Avro's object container files. What is of the container is read and checked here: the header, blocks of a
//! range of the file, their sync markers, what they decompress to, and every length, count and branch in the
//! rows. arrow-avro then makes arrays of rows that are known to be whole and of a bounded size, because it
//! takes memory as a file asks for it.
//!
//! Source: Apache Avro 1.12 specification. Blocks belong to the range in which the sync marker before them
//! begins, as in `sync` and `pastSync` of Avro's own `DataFileReader`.

mod encoding;
mod input;
mod header;
mod blocks;
mod content;
mod types;
mod schema;
mod schema_text;
mod walk;
mod rows;

#[cfg(test)]
mod tests;

use super::conform::Places;
use super::stored::StoredFile;
use super::{Wanted, guarded, opened};
use crate::error::to_datafusion;
use blocks::Blocks;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion_datasource::PartitionedFile;
use futures::{StreamExt, TryStreamExt, stream};
use header::Header;
use input::Input;
use mooring_spi::{Error, ErrorKind};
use object_store::ObjectStore;
use rows::Rows;
use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

/// What a row may take in its file.
const ROW_BYTES_MAX: usize = 128 << 20;

pub(super) struct AvroOpener {
    store: Arc<dyn ObjectStore>,
    wanted: Arc<Wanted>,
}

impl AvroOpener {
    pub fn new(store: Arc<dyn ObjectStore>, wanted: Wanted) -> Self {
        Self { store, wanted: Arc::new(wanted) }
    }
}

impl FileOpener for AvroOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let wanted = self.wanted.clone();
        let size_bytes = file.object_meta.size;
        let stored = StoredFile {
            store: self.store.clone(),
            path: file.object_meta.location.clone(),
            size_bytes,
        };
        let range = match &file.range {
            Some(range) => offset(range.start)..offset(range.end).min(size_bytes),
            None => 0..size_bytes,
        };
        Ok(Box::pin(opened(async move {
            // Writers make a file of no bytes where they have no rows.
            if size_bytes == 0 {
                return Ok(stream::empty().boxed());
            }
            let (places, rows) = open(stored, range, &wanted).await?;
            let batches = stream::try_unfold(rows, |mut rows| async move {
                let batch = rows.next().await?;
                Ok::<_, Error>(batch.map(|batch| (batch, rows)))
            });
            let batches = batches.map_err(to_datafusion);
            Ok(guarded(batches.map(move |batch| places.conform(&wanted, &batch?))))
        })))
    }
}

async fn open(stored: StoredFile, range: Range<u64>, wanted: &Wanted) -> Result<(Places, Rows)> {
    let mut input = Input::new(stored, &range);
    let header = Header::read(&mut input).await.map_err(to_datafusion)?;
    let fields = schema::columns(&header.schema).map_err(to_datafusion)?;
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    let places = Places::find(wanted, &names)?;
    let blocks = Blocks::new(input, header, range);
    let rows = Rows::new(blocks, &fields, &places.to_read(), wanted.batch_rows);
    Ok((places, rows.map_err(to_datafusion)?))
}

/// A place of a range, which are signed in DataFusion.
fn offset(place: i64) -> u64 {
    u64::try_from(place).unwrap_or_default()
}

fn corrupt(what: impl Display) -> Error {
    unread(ErrorKind::CorruptData, what)
}

fn unread(kind: ErrorKind, what: impl Display) -> Error {
    Error::new(kind, format!("the Avro file cannot be read: {what}"))
}
