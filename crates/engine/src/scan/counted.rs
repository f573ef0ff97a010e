//! What is asked of a store, counted for EXPLAIN ANALYZE as DataFusion counts it for Parquet: the bytes of the
//! ranges, as they are stored, and of a body those that came.

use async_trait::async_trait;
use bytes::Bytes;
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, MetricBuilder, MetricCategory, MetricType,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A decorator that counts what it reads.
#[derive(Debug)]
pub(super) struct CountedStore {
    inner: Arc<dyn ObjectStore>,
    bytes_scanned: Count,
}

impl CountedStore {
    /// Of one partition of a scan that has these metrics.
    pub fn new(
        inner: Arc<dyn ObjectStore>,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Self {
        let bytes_scanned = MetricBuilder::new(metrics)
            .with_type(MetricType::Summary)
            .with_category(MetricCategory::Bytes)
            .counter("bytes_scanned", partition);
        Self { inner, bytes_scanned }
    }
}

impl fmt::Display for CountedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for CountedStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let has_body = !options.head;
        let mut found = self.inner.get_opts(location, options).await?;
        if !has_body {
            return Ok(found);
        }
        found.payload = match found.payload {
            // Readers of text read it themselves.
            GetResultPayload::File(file, path) => {
                let bytes = found.range.end - found.range.start;
                self.bytes_scanned.add(usize::try_from(bytes).unwrap_or(usize::MAX));
                GetResultPayload::File(file, path)
            }
            GetResultPayload::Stream(body) => {
                let bytes_scanned = self.bytes_scanned.clone();
                let counted = body.inspect_ok(move |chunk| bytes_scanned.add(chunk.len()));
                GetResultPayload::Stream(counted.boxed())
            }
        };
        Ok(found)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = self.inner.get_ranges(location, ranges).await?;
        self.bytes_scanned.add(read.iter().map(Bytes::len).sum());
        Ok(read)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::executor::block_on;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    #[test]
    fn bytes_are_counted_as_they_come() {
        let metrics = ExecutionPlanMetricsSet::new();
        let store = CountedStore::new(Arc::new(InMemory::new()), &metrics, 3);
        let path = Path::from("a");
        let scanned =
            || metrics.clone_inner().sum_by_name("bytes_scanned").map(|sum| sum.as_usize());
        block_on(async {
            store.put(&path, vec![7; 100].into()).await.unwrap();
            store.head(&path).await.unwrap();
            assert_eq!(scanned(), Some(0));
            store.get_ranges(&path, &[0..10, 50..55]).await.unwrap();
            assert_eq!(scanned(), Some(15));
            let body = store.get(&path).await.unwrap();
            // Nothing has come yet.
            assert_eq!(scanned(), Some(15));
            body.bytes().await.unwrap();
            assert_eq!(scanned(), Some(115));
            store.get_range(&path, 90..100).await.unwrap();
            assert_eq!(scanned(), Some(125));
        });
    }
}
