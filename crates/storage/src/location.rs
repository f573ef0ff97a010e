//! Locations as users and metastores write them: `s3://bucket/path/`, `file:///path/`,
//! `https://host/path/file`, or a path of this machine. A location in its canonical form is a URL (RFC 3986, percent-encoded).

use mooring_spi::{Error, ErrorKind, Result};
use object_store::path::Path as ObjectPath;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;
use url::Url;

/// What is encoded in a segment: the URL standard's path set, and what it would change itself.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

const FILE_STORE: &str = "file://";
const EXPECTED: &str =
    "expected `s3://bucket/path/`, `https://host/path/file`, `file:///path/` or a path";

/// A folder or a file in one object store.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    store: String,
    prefix: ObjectPath,
    is_folder: bool,
    url: Url,
}

impl Location {
    /// Reads a location; a relative path starts at the current folder.
    ///
    /// # Errors
    /// `InvalidArgument` for a text that is no location, `Unsupported` for another scheme.
    pub fn parse(text: &str) -> Result<Self> {
        match split_scheme(text) {
            Some((scheme, rest)) => parse_url(text, &scheme, rest),
            None => {
                let base = std::env::current_dir().map_err(|error| {
                    let message = format!(
                        "location `{text}` is relative, and the current folder \
                         cannot be read"
                    );
                    Error::new(ErrorKind::InvalidArgument, message).with_cause(error)
                })?;
                parse_path(text, &base)
            }
        }
    }

    /// Reads a location; a relative path starts at `base`, an absolute path of this machine.
    ///
    /// # Errors
    /// As [`Location::parse`].
    pub fn parse_from(text: &str, base: &Path) -> Result<Self> {
        match split_scheme(text) {
            Some((scheme, rest)) => parse_url(text, &scheme, rest),
            None => parse_path(text, base),
        }
    }

    /// Scheme, host and port: `s3://bucket`, `https://host:8443` or `file://`.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The path inside the store, decoded; the root for a whole bucket.
    pub fn prefix(&self) -> &ObjectPath {
        &self.prefix
    }

    /// Whether it ends in a slash. One that does not may still turn out to be a folder.
    pub fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// The canonical URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is a file of a web server, which has no listings.
    pub fn is_http(&self) -> bool {
        matches!(self.url.scheme(), "http" | "https")
    }

    /// The path on this machine, where it is one.
    pub fn local_path(&self) -> Option<PathBuf> {
        (self.store == FILE_STORE).then(|| Path::new("/").join(self.prefix.as_ref()))
    }

    /// The same location as a folder.
    #[must_use]
    pub fn into_folder(mut self) -> Self {
        // Every location's URL has a path with segments.
        if let Ok(mut segments) = self.url.path_segments_mut() {
            segments.pop_if_empty().push("");
        }
        self.is_folder = true;
        self
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

/// The scheme in lower case and what follows its colon. `None` for a path.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|character: char| character.is_ascii_alphabetic())
        && scheme.chars().all(|character| {
            character.is_ascii_alphanumeric() || matches!(character, '+' | '-' | '.')
        });
    let scheme = scheme.to_ascii_lowercase();
    // A file may have a colon in its name; Hadoop writes `file:/path`.
    let is_url = rest.starts_with("//") || (scheme == "file" && rest.starts_with('/'));
    (is_scheme && is_url).then_some((scheme, rest))
}

/// The URL is taken apart here and not by a URL parser, which would resolve `..` before we see it.
fn parse_url(text: &str, scheme: &str, rest: &str) -> Result<Location> {
    let after_slashes = rest.strip_prefix("//");
    let (host, path) = match after_slashes {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    if host.contains('@') {
        let instead = match scheme {
            "http" | "https" => "files behind a login are not read",
            _ => "use the catalog's `s3_access_key` and `s3_secret_key`",
        };
        return Err(invalid(format!(
            "a location of scheme `{scheme}` has a user or a password; {instead}"
        )));
    }
    if matches!(scheme, "http" | "https") && text.contains('?') {
        // Not shown: what follows is often a signature.
        return Err(invalid(format!(
            "the location on host `{host}` has a `?`; URLs with a query are not read, and in a \
             name it is written `%3F`"
        )));
    }
    if let Some(character) = text.chars().find(|character| matches!(character, '?' | '#')) {
        let encoded = utf8_percent_encode(&character.to_string(), SEGMENT).to_string();
        return Err(invalid(format!(
            "location `{text}` has a `{character}`; in a name it is written `{encoded}`"
        )));
    }
    let store = match scheme {
        "s3" | "s3a" | "s3n" => format!("s3://{}", checked_bucket(text, host)?),
        "http" | "https" => web_server(text, scheme, host)?,
        "file" if host.is_empty() || host.eq_ignore_ascii_case("localhost") => {
            FILE_STORE.to_string()
        }
        "file" => {
            let message =
                format!("location `{text}` is on host `{host}`; expected `file:///path/`");
            return Err(invalid(message));
        }
        other => {
            let message = format!("location `{text}` has scheme `{other}`; {EXPECTED}");
            return Err(Error::unsupported(message));
        }
    };
    let path = path.strip_prefix('/').unwrap_or(path);
    let mut names = Vec::new();
    for segment in path.split('/') {
        let name = percent_decode_str(segment).decode_utf8().map_err(|error| {
            invalid(format!("location `{text}` is not valid unicode")).with_cause(error)
        })?;
        names.push(name.into_owned());
    }
    let is_folder = names.last().is_some_and(String::is_empty);
    if is_folder {
        names.pop();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    build(text, store, &names, is_folder)
}

fn checked_bucket<'a>(text: &str, bucket: &'a str) -> Result<&'a str> {
    if bucket.is_empty() {
        return Err(invalid(format!("location `{text}` has no bucket; {EXPECTED}")));
    }
    let allowed =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if let Some(wrong) = bucket.chars().find(|character| !allowed(*character)) {
        let message = format!(
            "location `{text}` has {wrong:?} in its bucket; expected letters, digits, `-`, `_` \
             or `.`"
        );
        return Err(invalid(message));
    }
    Ok(bucket)
}

/// Scheme, host and port in the URL standard's form, which knows many spellings of one address.
fn web_server(text: &str, scheme: &str, host: &str) -> Result<String> {
    let wrong = || invalid(format!("location `{text}` has no usable host; {EXPECTED}"));
    let url = Url::parse(&format!("{scheme}://{host}/")).map_err(|_| wrong())?;
    // Part of a path: a host in which the URL standard sees more than a host.
    let host = url.host_str().filter(|host| !host.is_empty() && url.path() == "/");
    let host = host.ok_or_else(wrong)?;
    Ok(match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// A path of this machine is taken as it is typed: nothing is decoded, and `..` is resolved by
/// the names alone, without a look at the disk.
fn parse_path(text: &str, base: &Path) -> Result<Location> {
    if text.is_empty() {
        return Err(invalid(format!("the location is empty; {EXPECTED}")));
    }
    let path = base.join(text);
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().ok_or_else(|| {
                invalid(format!("location `{}` is not valid unicode", path.display()))
            })?),
            Component::ParentDir => {
                names.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    let last = text.rsplit('/').next().unwrap_or_default();
    build(text, FILE_STORE.to_string(), &names, matches!(last, "" | "." | ".."))
}

/// `names` are decoded, and without the empty one after a last slash.
fn build(text: &str, store: String, names: &[&str], is_folder: bool) -> Result<Location> {
    let mut canonical = store.clone();
    for name in names {
        if matches!(*name, "." | "..") {
            return Err(invalid(format!(
                "location `{text}` has `{name}` in its path; write it out"
            )));
        }
        if name.is_empty() || name.contains('/') {
            let message = format!("location `{text}` has an empty name or a `%2F` in its path");
            return Err(invalid(message));
        }
        canonical.push('/');
        canonical.extend(utf8_percent_encode(name, SEGMENT));
    }
    let is_folder = is_folder || names.is_empty();
    if is_folder {
        canonical.push('/');
    }
    let wrong = |error: &dyn fmt::Display| {
        invalid(format!("location `{}` cannot be used: {error}", text.escape_debug()))
    };
    let prefix = ObjectPath::parse(names.join("/")).map_err(|error| wrong(&error))?;
    let url = Url::parse(&canonical).map_err(|error| wrong(&error))?;
    debug_assert_eq!(url.as_str(), canonical, "the canonical form is the URL parser's too");
    Ok(Location { store, prefix, is_folder, url })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
