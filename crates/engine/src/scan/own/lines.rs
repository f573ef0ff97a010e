//! The text formats of Hive, line by line. A range of a file has the lines that begin in it.

use super::Wanted;
use super::conform::with_lengths;
use crate::error::to_datafusion;
use crate::scan::reading::Reading;
use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion_datasource::PartitionedFile;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use mooring_formats::{LineDecoder, Lines, LinesOptions, decoder, decompressed};
use mooring_storage::to_spi_error;
use object_store::{GetOptions, GetRange, ObjectStore};
use std::sync::Arc;

pub(super) struct LineOpener {
    store: Arc<dyn ObjectStore>,
    reading: Reading,
    wanted: Wanted,
}

impl LineOpener {
    pub fn new(store: Arc<dyn ObjectStore>, reading: Reading, wanted: Wanted) -> Self {
        Self { store, reading, wanted }
    }
}

impl FileOpener for LineOpener {
    fn open(&self, file: PartitionedFile) -> Result<FileOpenFuture> {
        let Wanted { columns, projection, batch_rows, .. } = &self.wanted;
        let format = &self.reading.format;
        let decoder = decoder(format, columns, projection, *batch_rows).map_err(to_datafusion)?;
        let mut options = LinesOptions::of(format);
        let mut start = 0;
        if let Some(range) = &file.range {
            start = u64::try_from(range.start).unwrap_or_default();
            let end = u64::try_from(range.end).unwrap_or_default();
            options.starts_inside = start > 0;
            options.range_bytes = (end < file.object_meta.size).then(|| end.saturating_sub(start));
        }
        let lines = Lines::new(&options).map_err(to_datafusion)?;
        let (store, compression) = (self.store.clone(), self.reading.compression);
        let length = |column: &usize| self.reading.lengths.get(*column).copied().flatten();
        let lengths: Vec<Option<u64>> = projection.iter().map(length).collect();
        Ok(Box::pin(async move {
            let path = file.object_meta.location;
            let from = GetOptions {
                range: (start > 0).then_some(GetRange::Offset(start)),
                ..GetOptions::default()
            };
            let found = store.get_opts(&path, from).await?;
            let name = path.to_string();
            let bytes = found.into_stream().map_err(move |error| to_spi_error(error, &name));
            let input = decompressed(bytes, compression);
            let batches =
                stream::try_unfold(LineReader { lines, decoder, input }, |mut reader| async move {
                    let batch = reader.next().await?;
                    Ok::<_, mooring_spi::Error>(batch.map(|batch| (batch, reader)))
                });
            let has_lengths = lengths.iter().any(Option::is_some);
            let batches = batches.map(move |batch| {
                let batch = batch.map_err(to_datafusion)?;
                if has_lengths { with_lengths(&batch, &lengths) } else { Ok(batch) }
            });
            Ok(batches.boxed())
        }))
    }
}

struct LineReader {
    lines: Lines,
    decoder: Box<dyn LineDecoder>,
    input: BoxStream<'static, mooring_spi::Result<Bytes>>,
}

impl LineReader {
    async fn next(&mut self) -> mooring_spi::Result<Option<RecordBatch>> {
        loop {
            while let Some(line) = self.lines.next_line()? {
                self.decoder.line(line)?;
                if self.decoder.full() {
                    return self.decoder.flush();
                }
            }
            if self.lines.is_done() {
                return self.decoder.flush();
            }
            match self.input.next().await {
                Some(chunk) => self.lines.push(chunk?),
                None => self.lines.finish(),
            }
        }
    }
}
