//! Counts the requests of an object store and what they read; changes nothing else.

use crate::metrics::{Operation, Outcome, StorageMetrics};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart,
};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A decorator that counts into [`StorageMetrics`].
#[derive(Debug)]
pub struct MeteredStore {
    inner: Arc<dyn ObjectStore>,
    metrics: StorageMetrics,
}

impl MeteredStore {
    pub fn new(inner: Arc<dyn ObjectStore>, metrics: StorageMetrics) -> Self {
        Self { inner, metrics }
    }

    fn counted<T>(&self, operation: Operation, result: Result<T>) -> Result<T> {
        self.metrics.count(operation, Outcome::of(&result));
        result
    }

    fn counted_stream<T: Send + 'static>(
        &self,
        operation: Operation,
        stream: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let mut request = Request::new(operation, self.metrics.clone());
        stream.inspect(move |item| request.see(item)).boxed()
    }
}

impl fmt::Display for MeteredStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for MeteredStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.counted(Operation::Put, self.inner.put_opts(location, payload, opts).await)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let started = self.inner.put_multipart_opts(location, opts).await;
        let upload = self.counted(Operation::Put, started)?;
        Ok(Box::new(MeteredUpload { upload, metrics: self.metrics.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let mut result = match self.inner.get_opts(location, options).await {
            Ok(result) => result,
            failed => return self.counted(Operation::Get, failed),
        };
        match result.payload {
            // The body has not come yet, and may break off.
            GetResultPayload::Stream(body) if !head => {
                let metrics = self.metrics.clone();
                let counted = self.counted_stream(Operation::Get, body).inspect(move |chunk| {
                    if let Ok(chunk) = chunk {
                        metrics.count_bytes_read(chunk.len() as u64);
                    }
                });
                result.payload = GetResultPayload::Stream(counted.boxed());
            }
            // Who gets a file reads it past us.
            GetResultPayload::File(..) if !head => {
                self.metrics.count(Operation::Get, Outcome::Ok);
                self.metrics.count_bytes_read(result.range.end.saturating_sub(result.range.start));
            }
            GetResultPayload::Stream(_) | GetResultPayload::File(..) => {
                self.metrics.count(Operation::Get, Outcome::Ok);
            }
        }
        Ok(result)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let read = self.inner.get_ranges(location, ranges).await;
        if let Ok(parts) = &read {
            self.metrics.count_bytes_read(parts.iter().map(|part| part.len() as u64).sum());
        }
        self.counted(Operation::GetRanges, read)
    }

    /// Counts the objects, which may be fewer requests.
    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let metrics = self.metrics.clone();
        self.inner
            .delete_stream(locations)
            .inspect(move |deleted| metrics.count(Operation::Delete, Outcome::of(deleted)))
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted_stream(Operation::List, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.counted_stream(Operation::List, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.counted(Operation::List, self.inner.list_with_delimiter(prefix).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.counted(Operation::Copy, self.inner.copy_opts(from, to, options).await)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.counted(Operation::Rename, self.inner.rename_opts(from, to, options).await)
    }
}

/// One request whose answer is a stream: counted once, when the stream is done with.
struct Request {
    operation: Operation,
    outcome: Outcome,
    metrics: StorageMetrics,
}

impl Request {
    fn new(operation: Operation, metrics: StorageMetrics) -> Self {
        Self { operation, outcome: Outcome::Ok, metrics }
    }

    fn see<T>(&mut self, item: &Result<T>) {
        if item.is_err() {
            self.outcome = Outcome::of(item);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.metrics.count(self.operation, self.outcome);
    }
}

#[derive(Debug)]
struct MeteredUpload {
    upload: Box<dyn MultipartUpload>,
    metrics: StorageMetrics,
}

#[async_trait]
impl MultipartUpload for MeteredUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let part = self.upload.put_part(data);
        let metrics = self.metrics.clone();
        Box::pin(async move {
            let done = part.await;
            metrics.count(Operation::Put, Outcome::of(&done));
            done
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.upload.complete().await;
        self.metrics.count(Operation::Put, Outcome::of(&done));
        done
    }

    async fn abort(&mut self) -> Result<()> {
        let done = self.upload.abort().await;
        self.metrics.count(Operation::Put, Outcome::of(&done));
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;
    use prometheus_client::registry::Registry;

    #[tokio::test]
    async fn requests_and_bytes_are_counted_by_their_names() {
        let metrics = StorageMetrics::default();
        let store = MeteredStore::new(Arc::new(InMemory::new()), metrics.clone());
        let path = Path::from("a/b");
        store.put(&path, "12345".into()).await.expect("put");
        store.get(&path).await.expect("got").bytes().await.expect("read");
        store.get_range(&path, 1..3).await.expect("read");
        store.get_ranges(&path, &[0..1, 4..5]).await.expect("read");
        store.head(&path).await.expect("there");
        store.get(&Path::from("no")).await.expect_err("not there");
        store.list(None).try_collect::<Vec<_>>().await.expect("listed");
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
        for line in [
            r#"mooring_storage_requests_total{operation="put",outcome="ok"} 1"#,
            r#"mooring_storage_requests_total{operation="get",outcome="ok"} 3"#,
            r#"mooring_storage_requests_total{operation="get",outcome="not_found"} 1"#,
            r#"mooring_storage_requests_total{operation="get_ranges",outcome="ok"} 1"#,
            r#"mooring_storage_requests_total{operation="list",outcome="ok"} 1"#,
            "mooring_storage_bytes_read_total 9",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line} is not in\n{text}");
        }
    }
}
