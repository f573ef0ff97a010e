//! Object stores: one per catalog and bucket, with the catalog's own credentials, bounded retries
//! and counted requests; locations as users write them; and listings. Beside them what all sources have in common: where
//! secrets come from, and whom TLS trusts.
//!
//! This crate knows paths and bytes. It must never know tables.

mod credentials;
mod disk;
mod error;
mod http;
mod list;
mod location;
mod metered;
mod metrics;
mod pinned;
mod referenced_keys;
mod s3;
mod secret;
mod settings;
mod stores;
mod tls;

#[cfg(test)]
mod http_tests;
#[cfg(test)]
mod s3_tests;

pub use error::to_spi_error;
pub use list::{LIST_FILES_MAX, find_files, list_files};
pub use location::Location;
pub use metered::MeteredStore;
pub use metrics::StorageMetrics;
pub use pinned::PinnedStore;
pub use secret::resolve_secret;
pub use settings::StorageSettings;
pub use stores::CatalogStores;
pub use tls::{distrust, tls_name, unnamed_tls, verified_tls};
