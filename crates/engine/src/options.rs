//! The options that travel with every fragment of a query. Only a registered configuration
//! extension crosses from coordinator to worker, so what a function or a scan must know of the
//! session stands here.

use datafusion::common::extensions_options;
use datafusion::config::ConfigExtension;
use mooring_spi::CatalogKey;

extensions_options! {
    /// Set by the coordinator for each query, read on every node that runs a part of it.
    pub struct MooringOptions {
        /// The query's id, as `system.runtime.queries` shows it.
        pub query_id: String, default = String::new()
        /// The session's time zone, an IANA name or an offset.
        pub time_zone: String, default = "UTC".to_string()
        /// Whose functions and literals are meant: `mysql`.
        pub dialect: String, default = "mysql".to_string()
        /// MySQL's `sql_mode`, as the session has set it.
        pub sql_mode: String, default = String::new()
        /// The user whose own queries alone are shown in `system.runtime`; empty for an administrator.
        pub viewer: String, default = String::new()
        /// The catalogs that the query reads, as keys separated by commas.
        pub catalogs: String, default = String::new()
        /// The leases that the query holds, as `KEY=TOKEN` separated by commas.
        pub leases: String, default = String::new()
        /// Rows per batch.
        pub batch_size_rows: usize, default = 16384
        /// How long a scan waits for the keys of its join.
        pub dynamic_filter_wait_ms: u64, default = 20_000
    }
}

impl ConfigExtension for MooringOptions {
    const PREFIX: &'static str = "mooring";
}

impl MooringOptions {
    pub fn set_catalogs(&mut self, keys: &[CatalogKey]) {
        self.catalogs = keys.iter().map(CatalogKey::to_string).collect::<Vec<_>>().join(",");
    }

    /// `leases`: tokens by catalog.
    pub fn set_leases<'a>(&mut self, leases: impl Iterator<Item = (CatalogKey, &'a str)>) {
        self.leases =
            leases.map(|(key, token)| format!("{key}={token}")).collect::<Vec<_>>().join(",");
    }

    /// The token of the query's lease of a catalog.
    pub fn lease(&self, key: CatalogKey) -> Option<&str> {
        let key = key.to_string();
        let of_key = |lease: &&str| lease.split_once('=').is_some_and(|(of, _)| of == key);
        self.leases.split(',').find(of_key)?.split_once('=').map(|(_, token)| token)
    }

    /// # Errors
    /// `Internal` when the text is no list of keys.
    pub fn catalog_keys(&self) -> mooring_spi::Result<Vec<CatalogKey>> {
        self.catalogs
            .split(',')
            .filter(|key| !key.is_empty())
            .map(|key| key.parse().map_err(mooring_spi::Error::internal))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leases_are_found_by_catalog() {
        let (first, second) = (CatalogKey { id: 1, version: 2 }, CatalogKey { id: 1, version: 22 });
        let mut options = MooringOptions::default();
        assert_eq!(options.lease(first), None);
        options.set_leases([(second, "00000003-1"), (first, "a=b")].into_iter());
        assert_eq!(options.lease(first), Some("a=b"));
        assert_eq!(options.lease(second), Some("00000003-1"));
        assert_eq!(options.lease(CatalogKey { id: 2, version: 2 }), None);
    }
}
