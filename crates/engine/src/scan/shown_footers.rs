//! Readers of Parquet files that see another footer than the file's own, which is made from it.

use datafusion::common::Result;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion_datasource::PartitionedFile;
use futures::FutureExt;
use futures::future::BoxFuture;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::ParquetMetaData;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

/// What is changed of a footer.
pub(super) trait FooterChange: Debug + Send + Sync + 'static {
    /// How the file's own is asked for.
    fn options(&self, asked: ArrowReaderOptions) -> ArrowReaderOptions {
        asked
    }

    /// What is shown; `None`: the file's own.
    ///
    /// # Errors
    /// When the footer contradicts itself or the table.
    fn shown(&self, _footer: &ParquetMetaData) -> ParquetResult<Option<ParquetMetaData>> {
        Ok(None)
    }
}

/// The readers of `inner`, with changed footers.
#[derive(Debug)]
pub(super) struct ShownFooters<C> {
    inner: Arc<dyn ParquetFileReaderFactory>,
    change: Arc<C>,
}

impl<C: FooterChange> ShownFooters<C> {
    pub fn new(inner: Arc<dyn ParquetFileReaderFactory>, change: C) -> Self {
        Self { inner, change: Arc::new(change) }
    }
}

impl<C: FooterChange> ParquetFileReaderFactory for ShownFooters<C> {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let inner = self.inner.create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(Box::new(Reader { inner, change: Arc::clone(&self.change) }))
    }
}

struct Reader<C> {
    inner: Box<dyn AsyncFileReader + Send>,
    change: Arc<C>,
}

impl<C: FooterChange> AsyncFileReader for Reader<C> {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<bytes::Bytes>> {
        self.inner.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<bytes::Bytes>>> {
        self.inner.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        let options = self.change.options(options.cloned().unwrap_or_default());
        async move {
            let footer = self.inner.get_metadata(Some(&options)).await?;
            Ok(self.change.shown(&footer)?.map_or(footer, Arc::new))
        }
        .boxed()
    }
}
