//! How a catalog reaches its files: the `s3_*` and `http_*` properties of its definition.

use crate::secret::resolve_secret;
use mooring_spi::{Error, ErrorKind, Result, is_secret_reference};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::fmt;
use url::Url;

const KEYS: [&str; 6] = [
    "s3_region",
    "s3_endpoint",
    "s3_access_key",
    "s3_secret_key",
    "s3_path_style",
    "http_allowed_hosts",
];

/// Those of them that are secrets.
const SECRET_KEYS: [&str; 2] = ["s3_access_key", "s3_secret_key"];

/// The storage properties of a catalog. Each text may be a reference to a secret, which is
/// resolved when a store is made.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StorageSettings {
    region: Option<String>,
    endpoint: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    path_style: Option<bool>,
    http_allowed_hosts: Vec<String>,
}

impl fmt::Debug for StorageSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StorageSettings")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("has_keys", &self.access_key.is_some())
            .field("path_style", &self.path_style)
            .field("http_allowed_hosts", &self.http_allowed_hosts)
            .finish()
    }
}

/// The settings with every reference resolved.
pub(crate) struct ResolvedSettings {
    pub(crate) region: Option<String>,
    pub(crate) endpoint: Option<Url>,
    /// The access key and its secret.
    pub(crate) keys: Option<(SecretString, SecretString)>,
    /// The same as they are written, where one of them stands in a file.
    pub(crate) key_references: Option<(String, String)>,
    pub(crate) path_style: Option<bool>,
}

impl StorageSettings {
    /// Takes the `s3_*` and `http_*` properties out of a catalog's; all others belong to the catalog's kind.
    ///
    /// # Errors
    /// `InvalidArgument` for an unknown key of these, naming the nearest known one, and for a value
    /// that cannot be used.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        for key in properties.keys() {
            let is_ours = key.starts_with("s3_") || key.starts_with("http_");
            if is_ours && !KEYS.contains(&key.as_str()) {
                return Err(unknown_key(key));
            }
        }
        let settings = Self {
            region: properties.get("s3_region").cloned(),
            endpoint: properties.get("s3_endpoint").cloned(),
            access_key: properties.get("s3_access_key").cloned(),
            secret_key: properties.get("s3_secret_key").cloned(),
            path_style: properties.get("s3_path_style").map(|text| boolean(text)).transpose()?,
            http_allowed_hosts: match properties.get("http_allowed_hosts") {
                Some(text) => hosts(text)?,
                None => Vec::new(),
            },
        };
        if settings.access_key.is_some() != settings.secret_key.is_some() {
            return Err(invalid(
                "`s3_access_key` and `s3_secret_key` must be given together; without both, \
                 credentials come from the environment",
            ));
        }
        if let Some(endpoint) =
            settings.endpoint.as_deref().filter(|text| !is_secret_reference(text))
        {
            parse_endpoint(endpoint)?;
        }
        Ok(settings)
    }

    /// The names of all storage properties, for messages that list what a catalog takes.
    pub fn keys() -> &'static [&'static str] {
        &KEYS
    }

    /// The names of those that are secrets.
    pub fn secret_keys() -> &'static [&'static str] {
        &SECRET_KEYS
    }

    /// The hosts that are read whatever their addresses, and without TLS: in lower case.
    pub(crate) fn http_allowed_hosts(&self) -> &[String] {
        &self.http_allowed_hosts
    }

    fn key_references(&self) -> Option<(String, String)> {
        let pair = self.access_key.clone().zip(self.secret_key.clone())?;
        [&pair.0, &pair.1].iter().any(|key| key.starts_with("file:")).then_some(pair)
    }

    pub(crate) fn resolve(&self) -> Result<ResolvedSettings> {
        let resolve = |value: &Option<String>| value.as_deref().map(resolve_secret).transpose();
        let keys = match (resolve(&self.access_key)?, resolve(&self.secret_key)?) {
            (Some(access_key), Some(secret_key)) => Some((access_key, secret_key)),
            _ => None,
        };
        let endpoint = resolve(&self.endpoint)?;
        Ok(ResolvedSettings {
            region: resolve(&self.region)?.map(|region| region.expose_secret().to_string()),
            endpoint: endpoint.map(|text| parse_endpoint(text.expose_secret())).transpose()?,
            keys,
            key_references: self.key_references(),
            path_style: self.path_style,
        })
    }
}

fn boolean(text: &str) -> Result<bool> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(invalid(format!("`s3_path_style` is `{text}`; expected `true` or `false`"))),
    }
}

/// Names or addresses separated by commas, in the URL standard's form.
fn hosts(text: &str) -> Result<Vec<String>> {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    names
        .map(|name| {
            let url = Url::parse(&format!("http://{name}/")).ok();
            let is_host =
                |url: &Url| url.port().is_none() && url.path() == "/" && url.username().is_empty();
            let host = url.filter(is_host).and_then(|url| url.host_str().map(str::to_owned));
            host.filter(|_| !name.contains([':', '/', '@']) || name.starts_with('[')).ok_or_else(
                || {
                    invalid(format!(
                        "`http_allowed_hosts` has `{name}`; expected the name or the address of a \
                         host, without scheme and port, IPv6 in brackets"
                    ))
                },
            )
        })
        .collect()
}

/// The endpoint without a path, so that a bucket can be put before its host or after it.
fn parse_endpoint(text: &str) -> Result<Url> {
    let wrong = |why: &str| {
        invalid(format!("`s3_endpoint` {why}; expected a URL such as `http://127.0.0.1:9000`"))
    };
    let url = Url::parse(text).map_err(|_| wrong("is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("is neither `http` nor `https`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a user or a password; use `s3_access_key` and `s3_secret_key`"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has more than a host and a port"));
    }
    Ok(url)
}

fn unknown_key(key: &str) -> Error {
    let nearest = KEYS.iter().min_by_key(|known| strsim::damerau_levenshtein(key, known));
    let hint = nearest.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
    invalid(format!("storage property `{key}` is unknown{hint}"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<StorageSettings> {
        let properties =
            pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        StorageSettings::from_properties(&properties)
    }

    #[test]
    fn an_unknown_key_names_the_nearest() {
        for (key, nearest) in [
            ("s3_acess_key", "`s3_access_key`"),
            ("s3_pathstyle", "`s3_path_style`"),
            ("http_hosts", "`http_allowed_hosts`"),
        ] {
            let error = parse(&[(key, "x")]).expect_err("unknown");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(key), "{error}");
            assert!(error.message().contains(nearest), "{error}");
        }
    }

    #[test]
    fn other_properties_are_left_to_the_catalog() {
        assert_eq!(parse(&[("uris", "thrift://a")]).expect("fine"), StorageSettings::default());
    }

    #[test]
    fn values_that_cannot_be_used_are_refused() {
        for pairs in [
            &[("s3_access_key", "a")][..],
            &[("s3_secret_key", "a")],
            &[("s3_path_style", "yes")],
            &[("s3_endpoint", "127.0.0.1:9000")],
            &[("s3_endpoint", "ftp://host")],
            &[("s3_endpoint", "http://host/path")],
            &[("s3_endpoint", "http://a:s3cret@host")],
            &[("http_allowed_hosts", "good.example, https://host")],
            &[("http_allowed_hosts", "host:8080")],
            &[("http_allowed_hosts", "::1")],
        ] {
            let error = parse(pairs).expect_err("refused");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{pairs:?}");
            assert!(error.message().contains(pairs[0].0), "{error}");
            assert!(!error.message().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn hosts_are_put_into_one_form() {
        let settings = parse(&[("http_allowed_hosts", " Data.Example,127.1, [::1] ,")]);
        let settings = settings.expect("parsed");
        assert_eq!(settings.http_allowed_hosts(), ["data.example", "127.0.0.1", "[::1]"]);
    }

    #[test]
    fn references_are_resolved_late_and_keys_are_not_shown() {
        let pairs = [("s3_access_key", "AK1"), ("s3_secret_key", "env:MOORING_NOT_SET")];
        let settings = parse(&pairs).expect("parsed");
        assert!(settings.resolve().is_err());
        assert!(!format!("{settings:?}").contains("AK1"));
    }
}
