//! Files of this machine. A short read, and the listing of a small folder, happen where they are asked
//! for: what is hot is in memory, and handing the work to another thread and back takes longer.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, RenameOptions, Result,
};
use std::fmt;
use std::fs::{File, Metadata};
use std::future::ready;
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::SystemTime;

/// What is read at most without another thread: a cold disk delivers it in milliseconds.
const SHORT_READ_BYTES_MAX: u64 = 512 * 1024;

/// Files and folders that are listed at most without another thread.
const SHORT_LISTING_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct DiskStore(LocalFileSystem);

impl DiskStore {
    pub fn new() -> Self {
        Self(LocalFileSystem::new())
    }

    /// A short range of a known version of a file; `None` for another request, or where something goes wrong.
    fn read_version_now(&self, location: &Path, options: &GetOptions) -> Option<Result<GetResult>> {
        let Some(GetRange::Bounded(range)) = &options.range else { return None };
        options.if_match.as_ref()?;
        let is_plain = options.if_none_match.is_none()
            && options.if_modified_since.is_none()
            && options.if_unmodified_since.is_none()
            && options.version.is_none()
            && !options.head;
        if !is_plain || !is_short(std::slice::from_ref(range)) {
            return None;
        }
        let file = File::open(self.0.path_to_filesystem(location).ok()?).ok()?;
        let metadata = file.metadata().ok()?;
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: metadata.modified().ok()?.into(),
            size: metadata.len(),
            e_tag: Some(e_tag(&metadata)?),
            version: None,
        };
        if let Err(changed) = options.check_preconditions(&meta) {
            return Some(Err(changed));
        }
        let bytes = read_range(&file, range).ok()?;
        let payload = GetResultPayload::Stream(futures::stream::once(ready(Ok(bytes))).boxed());
        let (range, attributes) = (range.clone(), Attributes::default());
        Some(Ok(GetResult { payload, meta, range, attributes }))
    }

    fn read_now(&self, location: &Path, ranges: &[Range<u64>]) -> io::Result<Vec<Bytes>> {
        let path = self.0.path_to_filesystem(location).map_err(io::Error::other)?;
        let file = File::open(path)?;
        ranges.iter().map(|range| read_range(&file, range)).collect()
    }
}

fn read_range(file: &File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = usize::try_from(range.end - range.start).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Bytes::from(bytes))
}

/// What the stock store lists below a folder, in any order; `None` where that is long, or goes wrong:
/// then the stock store lists, and tells.
fn list_now(folder: PathBuf) -> Option<Vec<ObjectMeta>> {
    let mut left = SHORT_LISTING_MAX;
    let mut folders = vec![folder];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).ok()? {
            left = left.checked_sub(1)?;
            let path = entry.ok()?.path();
            let metadata = std::fs::metadata(&path).ok()?;
            if metadata.is_dir() {
                folders.push(path);
                continue;
            }
            let location = Path::from_absolute_path(&path).ok()?;
            if metadata.is_file() && !is_unfinished(&location) {
                files.push(ObjectMeta {
                    location,
                    last_modified: metadata.modified().ok()?.into(),
                    size: metadata.len(),
                    e_tag: Some(e_tag(&metadata)?),
                    version: None,
                });
            }
        }
    }
    Some(files)
}

/// `name#1`: what the stock store writes before it renames.
fn is_unfinished(location: &Path) -> bool {
    let suffix =
        location.filename().and_then(|name| name.split_once('#')).map(|(_, suffix)| suffix);
    suffix.is_some_and(|suffix| !suffix.is_empty() && suffix.bytes().all(|b| b.is_ascii_digit()))
}

/// As the stock store has it: inode, time of change in microseconds, size.
fn e_tag(metadata: &Metadata) -> Option<String> {
    let changed = metadata.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(format!("{:x}-{:x}-{:x}", metadata.ino(), changed.as_micros(), metadata.len()))
}

/// Whether the file at `location` is the version with this tag.
///
/// # Errors
/// `Precondition` for another one; `NotFound` where there is none.
pub(crate) fn check_version(location: &Path, tag: &str) -> Result<()> {
    static PATHS: LazyLock<LocalFileSystem> = LazyLock::new(LocalFileSystem::new);
    let path = PATHS.path_to_filesystem(location)?;
    let metadata = std::fs::metadata(path).map_err(|error| object_store::Error::NotFound {
        path: location.to_string(),
        source: error.into(),
    })?;
    match e_tag(&metadata) {
        Some(found) if found == tag => Ok(()),
        _ => Err(object_store::Error::Precondition {
            path: location.to_string(),
            source: "the file has another entity tag by now".into(),
        }),
    }
}

fn is_short(ranges: &[Range<u64>]) -> bool {
    let mut left = SHORT_READ_BYTES_MAX;
    ranges.iter().all(|range| {
        let length = range.end.checked_sub(range.start);
        length.and_then(|length| left.checked_sub(length)).map(|rest| left = rest).is_some()
    })
}

impl fmt::Display for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for DiskStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.0.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        match self.read_version_now(location, &options) {
            Some(read) => read,
            None => self.0.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if is_short(ranges)
            && let Ok(read) = self.read_now(location, ranges)
        {
            return Ok(read);
        }
        // It also says in the store's own words what is wrong.
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let folder = prefix.and_then(|prefix| self.0.path_to_filesystem(prefix).ok());
        match folder.and_then(list_now) {
            Some(files) => futures::stream::iter(files.into_iter().map(Ok)).boxed(),
            None => self.0.list(prefix),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.0.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    #[tokio::test]
    async fn short_and_long_reads_give_the_same() {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes: Vec<u8> = (0..SHORT_READ_BYTES_MAX + 10).map(|at| (at % 251) as u8).collect();
        let file = folder.path().join("a b");
        std::fs::write(&file, &bytes).expect("written");
        let location = Path::from_absolute_path(&file).expect("a path");
        let (store, stock) = (DiskStore::new(), LocalFileSystem::new());
        let end = bytes.len() as u64;
        for ranges in [[3..9, end - 4..end, 5..5], [0..end, 0..0, 1..2]] {
            assert_eq!(
                store.get_ranges(&location, &ranges).await.expect("read"),
                stock.get_ranges(&location, &ranges).await.expect("read"),
            );
        }
        for (location, range) in [(location, end - 1..end + 1), (Path::from("no/such"), 0..1)] {
            let error = store.get_ranges(&location, std::slice::from_ref(&range)).await;
            let expected = stock.get_ranges(&location, &[range]).await;
            assert_eq!(
                error.map_err(|error| error.to_string()),
                expected.map_err(|error| error.to_string()),
            );
        }
    }

    async fn listed(store: &dyn ObjectStore, prefix: &Path) -> Vec<ObjectMeta> {
        let mut files: Vec<_> = store.list(Some(prefix)).try_collect().await.expect("listed");
        files.sort_by(|a, b| a.location.cmp(&b.location));
        files
    }

    #[tokio::test]
    async fn short_and_long_listings_are_the_stock_stores() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, stock) = (DiskStore::new(), LocalFileSystem::new());
        let prefix = Path::from_absolute_path(folder.path()).expect("a path");
        std::fs::create_dir_all(folder.path().join("p=1/empty")).expect("made");
        std::os::unix::fs::symlink(folder.path().join("a b"), folder.path().join("link"))
            .expect("linked");
        for name in ["a b", "p=1/ü%20.csv", "p=1/_x", "b#7", "b#x", "c#"] {
            std::fs::write(folder.path().join(name), name).expect("written");
        }
        let few = listed(&store, &prefix).await;
        assert_eq!(few, listed(&stock, &prefix).await);
        assert_eq!(few.len(), 6);
        std::os::unix::fs::symlink(folder.path(), folder.path().join("p=1/loop")).expect("linked");
        let error = store.list(Some(&prefix)).try_collect::<Vec<_>>().await.expect_err("a loop");
        assert!(error.to_string().contains("loop"), "{error}");
        std::fs::remove_file(folder.path().join("p=1/loop")).expect("removed");
        for number in 0..=SHORT_LISTING_MAX {
            std::fs::write(folder.path().join(format!("{number}")), "x").expect("written");
        }
        assert_eq!(listed(&store, &prefix).await, listed(&stock, &prefix).await);
        let nothing = prefix.join("nothing");
        assert_eq!(listed(&store, &nothing).await, listed(&stock, &nothing).await);
    }
}
