//! The object stores of one catalog, one per bucket or web server. Catalogs never share a store: the same
//! bucket may be reached with different credentials.

use crate::disk::DiskStore;
use crate::http::server_store;
use crate::metered::MeteredStore;
use crate::metrics::StorageMetrics;
use crate::s3::bucket_store;
use crate::settings::StorageSettings;
use mooring_spi::{Error, ErrorKind, Result};
use object_store::ObjectStore;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// Past this, all stores are made anew: a catalog with more buckets only loses its connections.
const STORES_MAX: usize = 256;

/// Makes and keeps the object stores of one catalog.
pub struct CatalogStores {
    catalog: String,
    settings: StorageSettings,
    metrics: StorageMetrics,
    /// By `s3://bucket`, `https://host:port` or `file://`.
    stores: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl fmt::Debug for CatalogStores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CatalogStores")
            .field("catalog", &self.catalog)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl CatalogStores {
    /// `catalog` is the name that errors give.
    pub fn new(catalog: impl Into<String>, settings: StorageSettings) -> Self {
        Self {
            catalog: catalog.into(),
            settings,
            metrics: StorageMetrics::default(),
            stores: Mutex::default(),
        }
    }

    /// Counts into these metrics; without, requests are counted where nobody looks.
    #[must_use]
    pub fn with_metrics(mut self, metrics: StorageMetrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// The store that holds the URL's object; the URL's path does not matter.
    ///
    /// # Errors
    /// `Unsupported` for another scheme than `s3`, `http`, `https` and `file`; `AccessDenied` for a
    /// web server that is not to be reached; `InvalidArgument` for settings or references that
    /// cannot be used.
    pub fn store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        let host = url.host_str().unwrap_or_default();
        let key = match url.port() {
            Some(port) => format!("{}://{host}:{port}", url.scheme()),
            None => format!("{}://{host}", url.scheme()),
        };
        if let Some(store) = self.stores.lock().get(&key) {
            return Ok(Arc::clone(store));
        }
        let made = self.make(url)?;
        let mut stores = self.stores.lock();
        if stores.len() >= STORES_MAX {
            stores.clear();
        }
        // Another request may have made it meanwhile; all share the first one.
        Ok(Arc::clone(stores.entry(key).or_insert(made)))
    }

    fn make(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        match (url.scheme(), url.host_str()) {
            ("s3", Some(bucket)) if !bucket.is_empty() => {
                let settings = self.settings.resolve().map_err(|error| self.named(&error))?;
                let store = bucket_store(&self.catalog, bucket, &settings);
                let store = store.map_err(|error| self.named(&error))?;
                tracing::debug!(catalog = %self.catalog, bucket, "object store made");
                Ok(Arc::new(MeteredStore::new(Arc::new(store), self.metrics.clone())))
            }
            ("file", None | Some("")) => {
                let store = Arc::new(DiskStore::new());
                Ok(Arc::new(MeteredStore::new(store, self.metrics.clone())))
            }
            ("http" | "https", Some(_)) => {
                let hosts = self.settings.http_allowed_hosts();
                let store = server_store(url, hosts).map_err(|error| self.named(&error))?;
                tracing::debug!(catalog = %self.catalog, host = url.host_str(), "web server opened");
                Ok(Arc::new(MeteredStore::new(Arc::new(store), self.metrics.clone())))
            }
            ("s3", _) => Err(self.named(&Error::new(
                ErrorKind::InvalidArgument,
                "an `s3` location has no bucket; expected `s3://bucket/path/`",
            ))),
            ("file", Some(host)) => Err(self.named(&Error::unsupported(format!(
                "files of host `{host}` cannot be read; expected `file:///path/`"
            )))),
            (scheme, _) => Err(self.named(&Error::unsupported(format!(
                "locations with scheme `{scheme}` cannot be read; expected `s3`, `https`, \
                 `http` or `file`"
            )))),
        }
    }

    fn named(&self, error: &Error) -> Error {
        let message = format!("catalog `{}`: {}", self.catalog, error.message());
        Error::new(error.kind(), message).with_cause(error.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn stores(pairs: &[(&str, &str)]) -> CatalogStores {
        let properties: BTreeMap<String, String> =
            pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let settings = StorageSettings::from_properties(&properties).expect("settings");
        CatalogStores::new("lake", settings)
    }

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn one_store_per_bucket() {
        let stores = stores(&[("s3_access_key", "a"), ("s3_secret_key", "b")]);
        let first = stores.store(&url("s3://one/a")).expect("a store");
        let again = stores.store(&url("s3://one/b/c")).expect("a store");
        let other = stores.store(&url("s3://two/a")).expect("a store");
        assert!(Arc::ptr_eq(&first, &again));
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn what_cannot_be_reached_is_refused_by_name() {
        let stores = stores(&[]);
        for (text, part) in
            [("gs://bucket/a", "`gs`"), ("file://host/a", "`host`"), ("s3:///a", "no bucket")]
        {
            let error = stores.store(&url(text)).expect_err("refused");
            assert!(error.message().contains(part), "{error}");
            assert!(error.message().contains("`lake`"), "{error}");
        }
    }

    #[test]
    fn a_missing_secret_is_an_error_of_the_catalog() {
        let pairs = [("s3_access_key", "a"), ("s3_secret_key", "env:MOORING_NOT_SET")];
        let stores = stores(&pairs);
        let error = stores.store(&url("s3://one/a")).expect_err("refused");
        assert!(error.message().contains("MOORING_NOT_SET"), "{error}");
        stores.store(&url("file:///a")).expect("files need no secret");
    }
}
