//! Where the store is, how to connect to it, and how errors name it without its password.

use mooring_spi::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use std::path::{Path, PathBuf};
use url::Url;

/// The file of the store inside the state folder.
const FILE_NAME: &str = "state.db";

/// Where the store is.
#[derive(Debug, Clone)]
pub enum StateLocation {
    /// A folder of this machine; the store is the SQLite file `state.db` in it.
    Folder(PathBuf),
    /// The URL of a PostgreSQL database: `postgresql://user:password@host:5432/database`.
    Url(SecretString),
}

/// The two kinds of database behind the store; they differ in how a connection is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backend {
    Sqlite,
    PostgreSql,
}

/// A location that is ready to be connected to.
pub(crate) struct Target {
    pub(crate) backend: Backend,
    /// The SQLite file.
    pub(crate) file: Option<PathBuf>,
    pub(crate) url: Url,
    /// How errors name the store.
    pub(crate) label: String,
}

impl StateLocation {
    /// Makes the folder where there is none, and the URL to connect to.
    pub(crate) async fn prepare(&self) -> Result<Target> {
        match self {
            StateLocation::Folder(folder) => prepare_folder(folder).await,
            StateLocation::Url(url) => postgresql_target(url),
        }
    }
}

async fn prepare_folder(folder: &Path) -> Result<Target> {
    let label = format!("the state folder `{}`", folder.display());
    let unusable = |what: &str, error: std::io::Error| {
        let message = format!("{label} cannot be used: {what}: {error}");
        Error::new(ErrorKind::StateUnusable, message).with_cause(error)
    };
    let folder = std::path::absolute(folder).map_err(|error| unusable("its path", error))?;
    tokio::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .await
        .map_err(|error| unusable("it cannot be made", error))?;
    let file = folder.join(FILE_NAME);
    // SQLite would make the file readable by everyone; it holds password hashes.
    tokio::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&file)
        .await
        .map_err(|error| unusable(&format!("`{FILE_NAME}` cannot be written"), error))?;
    let url = sqlite_url(&file).ok_or_else(|| {
        let message = format!("{label} cannot be used: its path is not valid unicode");
        Error::new(ErrorKind::StateUnusable, message)
    })?;
    Ok(Target { backend: Backend::Sqlite, file: Some(file), url, label })
}

/// The path as a `sqlite:` URL. `None` when it is no unicode text.
fn sqlite_url(file: &Path) -> Option<Url> {
    let mut url = Url::parse("sqlite:///").ok()?;
    let mut names = Vec::new();
    for component in file.components() {
        if let std::path::Component::Normal(name) = component {
            names.push(name.to_str()?);
        }
    }
    url.path_segments_mut().ok()?.clear().extend(names);
    url.set_query(Some("mode=rwc"));
    Some(url)
}

fn postgresql_target(secret: &SecretString) -> Result<Target> {
    let expected = "expected `postgresql://user:password@host:5432/database`";
    let url = Url::parse(secret.expose_secret()).map_err(|error| {
        let message = format!("the state store's URL is no URL ({error}); {expected}");
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        let message = format!("the state store's URL has scheme `{}`; {expected}", url.scheme());
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(Target { backend: Backend::PostgreSql, file: None, label: postgresql_label(&url), url })
}

/// Names user, host, port and database; a password may also stand in the query, so that goes too.
fn postgresql_label(url: &Url) -> String {
    let mut text = String::from("postgresql://");
    if !url.username().is_empty() {
        text.push_str(url.username());
        text.push('@');
    }
    text.push_str(url.host_str().unwrap_or_default());
    if let Some(port) = url.port() {
        text.push_str(&format!(":{port}"));
    }
    text.push_str(url.path());
    format!("the state store `{text}`")
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_label_has_no_password() {
        let url = "postgresql://anna:s3cret@db.example:5433/state?password=s3cret";
        let target = postgresql_target(&SecretString::from(url)).expect("a target");
        assert_eq!(target.label, "the state store `postgresql://anna@db.example:5433/state`");
    }

    #[test]
    fn an_error_has_no_password() {
        for url in ["mysql://anna:s3cret@db/state", "postgresql://anna:s3cret@db:99999/state"] {
            let error = postgresql_target(&SecretString::from(url)).err().expect("an error");
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn a_file_name_with_reserved_characters_is_encoded() {
        let url = sqlite_url(Path::new("/a b/c?d#e%41/ü/state.db")).expect("a URL");
        assert_eq!(url.as_str(), "sqlite:///a%20b/c%3Fd%23e%2541/%C3%BC/state.db?mode=rwc");
    }
}
