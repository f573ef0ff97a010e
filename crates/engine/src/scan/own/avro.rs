//! Avro's object container files, each read by one task: the reader fails on a range of a file in which no
//! block begins.

use super::conform::Places;
use super::stored::StoredFile;
use super::{Wanted, guarded, opened};
use crate::error::to_datafusion;
use arrow_avro::errors::AvroError;
use arrow_avro::reader::HeaderInfo;
use arrow_avro::reader::async_reader::{AsyncAvroFileReader, AsyncFileReader, read_header_info};
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion_datasource::PartitionedFile;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use mooring_spi::{Error, ErrorKind};
use object_store::ObjectStore;
use serde_json::Value;
use std::ops::Range;
use std::sync::Arc;

/// The reader holds all bytes of a file at once.
const FILE_BYTES_MAX: u64 = 1 << 30;

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
        let mut stored = StoredFile {
            store: self.store.clone(),
            path: file.object_meta.location.clone(),
            size_bytes: file.object_meta.size,
        };
        Ok(Box::pin(opened(async move {
            let size = stored.size_bytes;
            let header = read_header_info(&mut stored, size, None).await.map_err(corrupt)?;
            let names = column_names(&header)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let places = Places::find(&wanted, &names)?;
            if size > FILE_BYTES_MAX {
                let message = format!(
                    "an Avro file is read as a whole: it has {size} bytes, and at most {FILE_BYTES_MAX} are read"
                );
                return Err(to_datafusion(Error::new(ErrorKind::LimitExceeded, message)));
            }
            let reader = AsyncAvroFileReader::builder(stored, size, wanted.batch_rows)
                .with_projection(places.to_read())
                .build_with_header(header)
                .map_err(corrupt)?;
            let rows = reader.map(move |batch| {
                let batch = batch.map_err(corrupt)?;
                places.conform(&wanted, &batch)
            });
            Ok(guarded(rows))
        })))
    }
}

/// The fields of the writer's record.
fn column_names(header: &HeaderInfo) -> Result<Vec<String>> {
    let schema = header.writer_schema().map_err(corrupt)?;
    let schema: Value = serde_json::from_str(&schema.json_string).map_err(corrupt)?;
    let fields = schema["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let name = |field: &Value| field["name"].as_str().map(str::to_owned);
    Ok(fields.iter().filter_map(name).collect())
}

impl AsyncFileReader for StoredFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, AvroError>> {
        async move { self.read(range).await.map_err(|error| AvroError::External(error.into())) }
            .boxed()
    }
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    let message = format!("the Avro file cannot be read: {error}");
    to_datafusion(Error::new(ErrorKind::CorruptData, message))
}
