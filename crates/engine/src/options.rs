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
        /// Rows per batch.
        pub batch_size_rows: usize, default = 16384
    }
}

impl ConfigExtension for MooringOptions {
    const PREFIX: &'static str = "mooring";
}

impl MooringOptions {
    pub fn set_catalogs(&mut self, keys: &[CatalogKey]) {
        self.catalogs = keys.iter().map(CatalogKey::to_string).collect::<Vec<_>>().join(",");
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
