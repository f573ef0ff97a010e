//! Which files are under a location.

use crate::error::to_spi_error;
use crate::location::Location;
use futures::TryStreamExt;
use mooring_spi::{Error, ErrorKind, Result};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::time::SystemTime;

/// The default bound of one listing.
pub const LIST_FILES_MAX: usize = 1_000_000;

/// The files of [`find_files`].
///
/// # Errors
/// `LocationNotFound` when nothing at all is there, and those of [`find_files`].
pub async fn list_files(
    store: &dyn ObjectStore,
    location: &Location,
    files_max: usize,
) -> Result<Vec<ObjectMeta>> {
    find_files(store, location, files_max).await?.ok_or_else(|| {
        Error::new(ErrorKind::LocationNotFound, format!("`{location}` does not exist"))
    })
}

/// The files under a folder, in the order of their paths, or the one file that the location is; `None`
/// when nothing at all is there.
///
/// Skipped are files with a name, or below a folder with a name, that starts with `_` or `.`, and
/// files without a byte: object stores mark folders by them, and no format has rows in them.
///
/// # Errors
/// `Unsupported` for a folder of a web server, `LimitExceeded` past `files_max` files, and what the store
/// says: a bucket that is not there is `LocationNotFound`.
pub async fn find_files(
    store: &dyn ObjectStore,
    location: &Location,
    files_max: usize,
) -> Result<Option<Vec<ObjectMeta>>> {
    if location.is_http() {
        return web_file(store, location).await.map(|file| Some(vec![file]));
    }
    let told = |error| to_spi_error(error, &location.to_string());
    let mut files = Vec::new();
    let mut is_there = false;
    let mut listing = store.list(Some(location.prefix()));
    while let Some(object) = listing.try_next().await.map_err(told)? {
        is_there = true;
        if object.size == 0 || is_hidden(&object.location, location.prefix()) {
            continue;
        }
        if files.len() == files_max {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("`{location}` has more than {files_max} files; name a smaller folder"),
            ));
        }
        files.push(object);
    }
    if is_there {
        files.sort_unstable_by(|a, b| a.location.cmp(&b.location));
        return Ok(Some(files));
    }
    if let Some(file) = single_file(store, location).await? {
        return Ok(Some(vec![file]));
    }
    Ok(is_local_folder(location).await.then_some(files))
}

/// Whether a name below the prefix says that the file is not data: `_SUCCESS`, `.hidden/a`.
fn is_hidden(path: &Path, prefix: &Path) -> bool {
    let Some(mut names) = path.prefix_match(prefix) else {
        return false;
    };
    names.any(|name| name.as_ref().starts_with(['_', '.']))
}

async fn single_file(store: &dyn ObjectStore, location: &Location) -> Result<Option<ObjectMeta>> {
    if location.is_folder() {
        return Ok(None);
    }
    match store.head(location.prefix()).await {
        Ok(file) => Ok(Some(file)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(to_spi_error(error, &location.to_string())),
    }
}

/// The one file that a location on a web server can be.
async fn web_file(store: &dyn ObjectStore, location: &Location) -> Result<ObjectMeta> {
    if location.is_folder() || location.prefix().as_ref().contains(['*', '?', '[']) {
        return Err(Error::unsupported(format!(
            "`{location}` is no single file, and web servers have no listings; name the file"
        )));
    }
    let Some(mut file) = single_file(store, location).await? else {
        let message = format!("`{location}` does not exist");
        return Err(Error::new(ErrorKind::LocationNotFound, message));
    };
    // Without a tag and a time of change, nothing that was read of the file may be kept.
    if file.e_tag.is_none() && file.last_modified.timestamp() == 0 {
        file.last_modified = SystemTime::now().into();
    }
    Ok(file)
}

/// An object store knows no empty folder; a disk does.
async fn is_local_folder(location: &Location) -> bool {
    let Some(path) = location.local_path() else {
        return false;
    };
    tokio::fs::metadata(path).await.is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    async fn bucket(keys: &[(&str, &str)]) -> InMemory {
        let store = InMemory::new();
        for (key, text) in keys {
            let path = Path::parse(key).expect("a key");
            store.put(&path, text.to_string().into()).await.expect("put");
        }
        store
    }

    async fn names(store: &dyn ObjectStore, text: &str) -> Result<Vec<String>> {
        let location = Location::parse(text).expect("a location");
        let files = list_files(store, &location, LIST_FILES_MAX).await?;
        Ok(files.into_iter().map(|file| file.location.to_string()).collect())
    }

    #[tokio::test]
    async fn data_files_are_listed_in_order() {
        let store = bucket(&[
            ("_top/t/p=2/b.csv", "x"),
            ("_top/t/p=1/a b.csv", "x"),
            ("_top/t/_SUCCESS", "x"),
            ("_top/t/_temporary/c.csv", "x"),
            ("_top/t/p=1/.a.csv.crc", "x"),
            ("_top/t/p=3", ""),
            ("_top/t2/d.csv", "x"),
        ])
        .await;
        let expected = ["_top/t/p=1/a b.csv", "_top/t/p=2/b.csv"];
        for text in ["s3://b/_top/t/", "s3://b/_top/t"] {
            assert_eq!(names(&store, text).await.expect("listed"), expected);
        }
    }

    #[tokio::test]
    async fn a_file_is_listed_as_itself() {
        let store = bucket(&[("a/_b.csv", "x")]).await;
        assert_eq!(names(&store, "s3://b/a/_b.csv").await.expect("listed"), ["a/_b.csv"]);
        let error = names(&store, "s3://b/a/_b.csv/").await.expect_err("no folder");
        assert_eq!(error.kind(), ErrorKind::LocationNotFound);
    }

    #[tokio::test]
    async fn nothing_there_is_an_error_that_names_the_location() {
        let store = bucket(&[("a/_SUCCESS", "x")]).await;
        let error = names(&store, "s3://b/c%20d/").await.expect_err("nothing there");
        assert_eq!(error.kind(), ErrorKind::LocationNotFound);
        assert!(error.message().contains("`s3://b/c%20d/`"), "{error}");
        assert!(names(&store, "s3://b/a/").await.expect("hidden files only").is_empty());
        let location = Location::parse("s3://b/c%20d/").expect("a location");
        let found = find_files(&store, &location, LIST_FILES_MAX).await.expect("asked");
        assert!(found.is_none());
    }

    #[tokio::test]
    async fn a_listing_has_a_bound() {
        let store = bucket(&[("a/1", "x"), ("a/2", "x"), ("a/3", "x")]).await;
        let location = Location::parse("s3://b/a/").expect("a location");
        assert_eq!(list_files(&store, &location, 3).await.expect("listed").len(), 3);
        let error = list_files(&store, &location, 2).await.expect_err("too many");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    #[tokio::test]
    async fn folders_on_disk_may_be_empty_and_have_any_name() {
        let folder = tempfile::Builder::new().prefix("ü %20 a").tempdir().expect("a folder");
        let store = LocalFileSystem::new();
        let path = folder.path().to_str().expect("unicode").to_string();
        assert!(names(&store, &path).await.expect("an empty folder").is_empty());
        std::fs::write(folder.path().join("x y#ü.csv"), "1").expect("written");
        let listed = names(&store, &path).await.expect("listed");
        assert_eq!(listed, [format!("{}/x y#ü.csv", path.trim_start_matches('/'))]);
        let file = names(&store, &format!("{path}/x y#ü.csv")).await.expect("listed");
        assert_eq!(file, listed);
        let error = names(&store, &format!("{path}/no")).await.expect_err("nothing there");
        assert_eq!(error.kind(), ErrorKind::LocationNotFound);
    }
}
