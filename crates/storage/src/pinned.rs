//! Files as they were listed: what has another entity tag by now is an error, so that no reader puts bytes of
//! two versions of a file together.

use crate::disk::check_version;
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result, coalesce_ranges,
};
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// How a weak tag begins, by which a server tells no versions apart (RFC 9110, section 13.1.1).
const WEAK: &str = "W/";

/// A decorator that asks for known versions of files. A file without a tag is read as it is.
#[derive(Debug)]
pub struct PinnedStore {
    inner: Arc<dyn ObjectStore>,
    e_tags: HashMap<Path, String>,
    on_disk: bool,
}

impl PinnedStore {
    pub fn new(inner: Arc<dyn ObjectStore>, files: impl Iterator<Item = (Path, String)>) -> Self {
        let e_tags = files.filter(|(_, tag)| !tag.starts_with(WEAK)).collect();
        Self { inner, e_tags, on_disk: false }
    }

    /// Of a disk, where it costs least to look at a file's tag after its bytes.
    #[must_use]
    pub fn on_disk(mut self) -> Self {
        self.on_disk = true;
        self
    }
}

impl fmt::Display for PinnedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for PinnedStore {
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

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        if options.if_match.is_none() {
            options.if_match = self.e_tags.get(location).cloned();
        }
        self.inner.get_opts(location, options).await
    }

    /// A request for several ranges has no conditions; one for each has.
    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let Some(tag) = self.e_tags.get(location) else {
            return self.inner.get_ranges(location, ranges).await;
        };
        if self.on_disk {
            let read = self.inner.get_ranges(location, ranges).await?;
            // A file that has its tag still was not replaced before.
            return check_version(location, tag).map(|()| read);
        }
        let read = |range: Range<u64>| self.get_range(location, range);
        coalesce_ranges(ranges, read, OBJECT_STORE_COALESCE_DEFAULT).await
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
    use crate::disk::DiskStore;
    use object_store::memory::InMemory;

    async fn tag(store: &dyn ObjectStore, path: &Path) -> String {
        store.head(path).await.expect("there").e_tag.expect("a tag")
    }

    #[tokio::test]
    async fn another_version_of_a_file_is_not_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let on_disk = Path::from_absolute_path(folder.path()).expect("a path").join("a");
        let disk: Arc<dyn ObjectStore> = Arc::new(DiskStore::new());
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        for (store, path, is_disk) in [(disk, on_disk, true), (memory, Path::from("a"), false)] {
            store.put(&path, "first version".into()).await.expect("written");
            let tag = tag(store.as_ref(), &path).await;
            let pinned = PinnedStore::new(Arc::clone(&store), [(path.clone(), tag)].into_iter());
            let pinned = if is_disk { pinned.on_disk() } else { pinned };
            let read = pinned.get_ranges(&path, &[0..5, 6..13]).await.expect("read");
            assert_eq!(read, [Bytes::from("first"), Bytes::from("version")]);

            store.put(&path, "other version".into()).await.expect("written");
            for changed in [
                pinned.get_ranges(&path, &[0..5, 6..7]).await.map(|_| ()),
                pinned.get_range(&path, 0..5).await.map(|_| ()),
                pinned.get(&path).await.map(|_| ()),
            ] {
                let error = changed.expect_err("it changed");
                assert!(matches!(error, object_store::Error::Precondition { .. }), "{error}");
            }
            let weak = [(path.clone(), "W/\"1\"".to_owned())];
            let pinned = PinnedStore::new(store, weak.into_iter());
            assert_eq!(pinned.get_range(&path, 0..5).await.expect("read"), Bytes::from("other"));
        }
    }
}
