//! ORC, read stripe by stripe: a range of a file has the stripes that begin in it.

use super::conform::Places;
use super::stored::StoredFile;
use super::{Wanted, guarded, opened};
use crate::error::to_datafusion;
use bytes::Bytes;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion_datasource::PartitionedFile;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use mooring_spi::{Error, ErrorKind};
use object_store::ObjectStore;
use orc_rust::ArrowReaderBuilder;
use orc_rust::projection::ProjectionMask;
use orc_rust::reader::AsyncChunkReader;
use orc_rust::schema::TimestampPrecision;
use std::io;
use std::sync::Arc;

pub(super) struct OrcOpener {
    store: Arc<dyn ObjectStore>,
    wanted: Arc<Wanted>,
}

impl OrcOpener {
    pub fn new(store: Arc<dyn ObjectStore>, wanted: Wanted) -> Self {
        Self { store, wanted: Arc::new(wanted) }
    }
}

impl FileOpener for OrcOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let wanted = self.wanted.clone();
        let stored = StoredFile {
            store: self.store.clone(),
            path: file.object_meta.location.clone(),
            size_bytes: file.object_meta.size,
        };
        Ok(Box::pin(opened(async move {
            let mut builder = ArrowReaderBuilder::try_new_async(stored).await.map_err(corrupt)?;
            let root = builder.file_metadata().root_data_type().clone();
            let names: Vec<&str> = root.children().iter().map(|column| column.name()).collect();
            let places = Places::find(&wanted, &names)?;
            let to_read = places.to_read();
            let columns = to_read.iter().map(|&place| root.children()[place].data_type());
            let mask = ProjectionMask::roots(&root, columns.map(|column| column.column_index()));
            if let Some(range) = &file.range {
                let start = usize::try_from(range.start).unwrap_or_default();
                let end = usize::try_from(range.end).unwrap_or(usize::MAX);
                builder = builder.with_file_byte_range(start..end);
            }
            let stream = builder
                .with_projection(mask)
                .with_batch_size(wanted.batch_rows)
                .with_timestamp_precision(TimestampPrecision::Microsecond)
                .build_async();
            let rows = stream.map(move |batch| {
                let batch = batch.map_err(corrupt)?;
                places.conform(&wanted, &batch)
            });
            Ok(guarded(rows))
        })))
    }
}

impl AsyncChunkReader for StoredFile {
    fn len(&mut self) -> BoxFuture<'_, io::Result<u64>> {
        std::future::ready(Ok(self.size_bytes)).boxed()
    }

    fn get_bytes(&mut self, start: u64, length: u64) -> BoxFuture<'_, io::Result<Bytes>> {
        let end = start.saturating_add(length);
        async move { self.read(start..end).await }.boxed()
    }
}

fn corrupt(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    let message = format!("the ORC file cannot be read: {error}");
    to_datafusion(Error::new(ErrorKind::CorruptData, message))
}
