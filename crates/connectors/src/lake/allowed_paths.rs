//! Which paths users may read that are no administrators: those below the folders and URLs that the
//! configuration lists. Locations are compared in their canonical form, by whole names; on this
//! machine both the path as written and what links make of it must lie below a listed folder.

use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::Location;
use object_store::ObjectMeta;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Folders and files; none by default.
#[derive(Debug, Clone, Default)]
pub struct AllowedPaths(Arc<[Location]>);

impl AllowedPaths {
    /// # Errors
    /// `InvalidArgument`, `Unsupported` for a text that is no absolute path and no URL.
    pub fn new(texts: &[String]) -> Result<Self> {
        let locations = texts.iter().map(|text| {
            if !text.contains("://") && !text.starts_with('/') {
                let message = format!("`{text}` is no absolute path and no URL");
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            Location::parse(text)
        });
        Ok(Self(locations.collect::<Result<Vec<_>>>()?.into()))
    }

    /// Refuses in the same words whether or not anything is there.
    ///
    /// # Errors
    /// `AccessDenied`, naming the path as it was typed.
    pub(super) async fn check(&self, typed: &str, location: &Location) -> Result<()> {
        let roots: Vec<&Location> = self.0.iter().filter(|root| is_below(location, root)).collect();
        let is_allowed = match location.local_path() {
            None => !roots.is_empty(),
            Some(path) => is_linked_below(&roots, vec![path]).await?,
        };
        if is_allowed { Ok(()) } else { Err(refusal(typed)) }
    }

    /// The same for files that were found below an allowed folder, where links may lead out of it.
    ///
    /// # Errors
    /// `AccessDenied`, naming the path as it was typed.
    pub(super) async fn check_files(
        &self,
        typed: &str,
        location: &Location,
        files: &[ObjectMeta],
    ) -> Result<()> {
        if location.local_path().is_none() {
            return Ok(());
        }
        let roots: Vec<&Location> = self.0.iter().filter(|root| is_below(location, root)).collect();
        let paths = files.iter().map(|file| Path::new("/").join(file.location.as_ref())).collect();
        if is_linked_below(&roots, paths).await? { Ok(()) } else { Err(refusal(typed)) }
    }
}

fn refusal(typed: &str) -> Error {
    Error::new(
        ErrorKind::AccessDenied,
        format!(
            "path `{typed}` may not be read: users that are no administrators read paths only below \
             those that `paths.allowed` in the configuration lists"
        ),
    )
}

/// By whole names: `/data` holds `/data/x`, and not `/database`.
fn is_below(location: &Location, root: &Location) -> bool {
    location.store() == root.store() && location.prefix().prefix_matches(root.prefix())
}

/// Whether every path, its links followed, is below one of the folders, theirs followed.
async fn is_linked_below(roots: &[&Location], paths: Vec<PathBuf>) -> Result<bool> {
    let roots: Vec<PathBuf> = roots.iter().filter_map(|root| root.local_path()).collect();
    if roots.is_empty() {
        return Ok(false);
    }
    let followed = move || {
        let roots: Vec<PathBuf> =
            roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
        paths.iter().all(|path| {
            let target = target(path);
            target.is_some_and(|target| roots.iter().any(|root| target.starts_with(root)))
        })
    };
    tokio::task::spawn_blocking(followed)
        .await
        .map_err(|error| Error::internal("links were not followed").with_cause(error))
}

/// Where a path leads; for one that is not there, where its nearest folder does, so that nobody can
/// tell by the answer what is behind a link. `None` for a link that leads nowhere.
fn target(path: &Path) -> Option<PathBuf> {
    let mut at = path;
    loop {
        match at.canonicalize() {
            Ok(target) => return Some(target),
            Err(_) if at.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink()) => {
                return None;
            }
            Err(_) => at = at.parent()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    async fn is_allowed(allowed: &AllowedPaths, text: &str) -> bool {
        let location = Location::parse(text).expect("a location");
        match allowed.check(text, &location).await {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
                assert_eq!(error.message(), refusal(text).message());
                false
            }
        }
    }

    #[tokio::test]
    async fn urls_are_compared_by_whole_names() {
        let texts = ["s3://b/public/", "https://Host:443/data/"].map(str::to_owned);
        let allowed = AllowedPaths::new(&texts).expect("locations");
        for text in
            ["s3://b/public/", "s3a://b/public/x/", "s3://b/%70ublic/x", "https://host/data/a"]
        {
            assert!(is_allowed(&allowed, text).await, "{text}");
        }
        for text in [
            "s3://b/publicity/x",
            "s3://b/",
            "s3://c/public/x",
            "https://host/database",
            "https://host:444/data/a",
            "http://host/data/a",
            "/public/x",
        ] {
            assert!(!is_allowed(&allowed, text).await, "{text}");
        }
        assert!(AllowedPaths::new(&["data/".to_owned()]).is_err());
        assert!(!is_allowed(&AllowedPaths::default(), "s3://b/public/x").await);
    }

    #[tokio::test]
    async fn links_and_dots_do_not_lead_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| format!("{}/{name}", folder.path().display());
        for name in ["open/in", "secret", "openly"] {
            std::fs::create_dir_all(path(name)).expect("made");
        }
        std::fs::write(path("secret/s.csv"), "x").expect("written");
        std::fs::write(path("open/in/a.csv"), "x").expect("written");
        symlink(path("secret"), path("open/out")).expect("linked");
        symlink(path("nowhere"), path("open/dangling")).expect("linked");
        symlink(path("open/in"), path("open/also")).expect("linked");
        symlink(path("open"), path("alias")).expect("linked");
        let allowed = AllowedPaths::new(&[path("open/")]).expect("locations");
        for name in ["open/", "open/in/a.csv", "open/in/none", "open/none/none", "open/also/a.csv"]
        {
            assert!(is_allowed(&allowed, &path(name)).await, "{name}");
        }
        for name in [
            "open/../secret/s.csv",
            "open/out/s.csv",
            "open/out/none.csv",
            "open/dangling",
            "openly/a",
            "secret/none",
            "alias/in/a.csv",
        ] {
            assert!(!is_allowed(&allowed, &path(name)).await, "{name}");
        }
        let through_alias = AllowedPaths::new(&[path("alias/")]).expect("locations");
        assert!(is_allowed(&through_alias, &path("alias/in/a.csv")).await);
    }
}
