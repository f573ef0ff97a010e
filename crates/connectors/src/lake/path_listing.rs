//! Which files match a pattern below a folder. Folders are listed one level at a time, so that only
//! those that match are looked into; `**` lists all below.

use super::location::Folder;
use super::path_pattern::{Pattern, is_any_folders, matches_name, matches_path};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::to_spi_error;
use object_store::ObjectMeta;
use object_store::path::Path;
use std::pin::pin;

/// Listings at one time.
const LISTINGS_MAX: usize = 16;

/// The files that match, in the order of their paths; those without a byte are left out, as
/// [`Folder::files`] does.
///
/// # Errors
/// `LimitExceeded` where more than `entries_max` files and folders are met.
pub(super) async fn matching_files(
    folder: &Folder,
    pattern: &Pattern,
    entries_max: usize,
) -> Result<Vec<ObjectMeta>> {
    let walk = Walk { folder, entries_max };
    let mut files = walk.files(pattern.names()).await?;
    files.retain(|file| file.size > 0);
    files.sort_unstable_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

struct Walk<'a> {
    folder: &'a Folder,
    entries_max: usize,
}

impl Walk<'_> {
    async fn files(&self, names: &[String]) -> Result<Vec<ObjectMeta>> {
        let mut folders = vec![self.folder.location.prefix().clone()];
        let mut entries = 0;
        for (depth, name) in names.iter().enumerate() {
            if is_any_folders(name) {
                return self.below(folders, &names[depth..], entries).await;
            }
            let is_last = depth + 1 == names.len();
            let listings = stream::iter(folders).map(|folder| async move {
                self.folder.store.list_with_delimiter(Some(&folder)).await
            });
            let mut listings = pin!(listings.buffered(LISTINGS_MAX));
            let mut found = Vec::new();
            let mut files = Vec::new();
            while let Some(listing) = listings.try_next().await.map_err(|error| self.told(error))? {
                entries += listing.objects.len() + listing.common_prefixes.len();
                self.check(entries)?;
                let is_match =
                    |path: &Path| path.filename().is_some_and(|found| matches_name(name, found));
                match is_last {
                    true => files.extend(
                        listing.objects.into_iter().filter(|object| is_match(&object.location)),
                    ),
                    false => found.extend(listing.common_prefixes.into_iter().filter(is_match)),
                }
            }
            if is_last {
                return Ok(files);
            }
            folders = found;
        }
        Ok(Vec::new())
    }

    async fn below(
        &self,
        folders: Vec<Path>,
        names: &[String],
        mut entries: usize,
    ) -> Result<Vec<ObjectMeta>> {
        let mut files = Vec::new();
        for folder in folders {
            let mut listing = self.folder.store.list(Some(&folder));
            while let Some(file) = listing.try_next().await.map_err(|error| self.told(error))? {
                entries += 1;
                self.check(entries)?;
                let Some(below) = file.location.prefix_match(&folder) else { continue };
                let below: Vec<_> = below.collect();
                let below: Vec<&str> = below.iter().map(AsRef::as_ref).collect();
                if matches_path(names, &below) {
                    files.push(file);
                }
            }
        }
        Ok(files)
    }

    fn check(&self, entries: usize) -> Result<()> {
        match entries <= self.entries_max {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "more than {} files and folders below `{}` would be looked at; name a smaller \
                     folder",
                    self.entries_max, self.folder.location
                ),
            )),
        }
    }

    fn told(&self, error: object_store::Error) -> Error {
        to_spi_error(error, &self.folder.location.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::super::path_pattern;
    use super::*;
    use mooring_storage::{CatalogStores, StorageSettings};

    async fn matched(root: &str, pattern: &str, entries_max: usize) -> Result<Vec<String>> {
        let (location, pattern) = path_pattern::parse(&format!("{root}/{pattern}"))?;
        let stores = CatalogStores::new("lake", StorageSettings::default());
        let folder = Folder::open(&stores, location.url().as_str())?;
        let files = matching_files(&folder, &pattern.expect("a pattern"), entries_max).await?;
        let root = format!("{}/", root.trim_start_matches('/'));
        let name = |file: &ObjectMeta| file.location.as_ref().replacen(&root, "", 1);
        Ok(files.iter().map(name).collect())
    }

    #[tokio::test]
    async fn files_are_matched_at_every_level() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in
            ["a.csv", "b 1.csv", "_c.csv", "x/a.csv", "x/y/a.csv", "x/y/b.txt", "z/_t/a.csv"]
        {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, "1").expect("written");
        }
        std::fs::write(folder.path().join("empty.csv"), "").expect("written");
        let root = folder.path().to_str().expect("unicode");
        for (pattern, expected) in [
            ("*.csv", &["a.csv", "b 1.csv"][..]),
            ("*/a.csv", &["x/a.csv"]),
            ("[xz]/*/*", &["x/y/a.csv", "x/y/b.txt"]),
            ("**/*.csv", &["a.csv", "b 1.csv", "x/a.csv", "x/y/a.csv"]),
            ("x/**/a.*", &["x/a.csv", "x/y/a.csv"]),
            ("_c*", &["_c.csv"]),
            ("none/*", &[]),
            ("*.parquet", &[]),
        ] {
            assert_eq!(matched(root, pattern, 100).await.expect(pattern), expected, "{pattern}");
        }
        for pattern in ["*", "**/*.csv"] {
            let error = matched(root, pattern, 3).await.expect_err("too many");
            assert_eq!(error.kind(), ErrorKind::LimitExceeded);
        }
    }
}
