//! PostgreSQL: tables of a live database, read by binary COPY straight into Arrow.
//!
//! A scan is a set of statements, each a split; several of them, also those of other scans of the query, read
//! under one exported snapshot. What is sent of a predicate may keep too much, never too little.

mod settings;
mod tls;
mod failure;
mod protocol;
mod reach;
mod connection;
mod connect;
mod pool;
mod types;
mod metadata;
mod statistics;
mod sql;
mod cut;
mod parts;
mod connector;
mod push_down;
mod snapshot;
mod reader;
mod decode;

pub use connector::PostgresConnector;
pub use reader::PostgresReader;
pub use settings::{NumericAs, POSTGRESQL_PROPERTIES, PostgresSettings};
pub use types::{Column, Decode};

use crate::database::DatabaseMetrics;
use mooring_spi::{
    CatalogDefinition, CatalogKey, Connector, ConnectorFactory, ReaderFactory, Result, Share,
    SplitReader,
};
use parking_lot::Mutex;
use pool::Pool;
use settings::DIRECTING_PROPERTIES;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The catalog kind.
pub const KIND: &str = "postgresql";

/// Makes connectors and readers; those of one version of a catalog share their connections. Clones are the same.
#[derive(Debug, Clone)]
pub struct PostgresFactory {
    metrics: DatabaseMetrics,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug)]
struct Known {
    share: Share,
    pools: HashMap<CatalogKey, Weak<Pool>>,
}

impl PostgresFactory {
    pub fn new(metrics: DatabaseMetrics) -> Self {
        let known = Known { share: Share::ALONE, pools: HashMap::new() };
        Self { metrics, known: Arc::new(Mutex::new(known)) }
    }

    fn pool(&self, definition: &CatalogDefinition) -> Result<Arc<Pool>> {
        let settings = PostgresSettings::of(definition)?;
        let mut known = self.known.lock();
        if let Some(pool) = known.pools.get(&definition.key).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let metrics = self.metrics.of_catalog(&definition.name);
        let pool = Arc::new(Pool::new(&definition.name, settings, metrics, known.share));
        known.pools.retain(|_, pool| pool.strong_count() > 0);
        known.pools.insert(definition.key, Arc::downgrade(&pool));
        Ok(pool)
    }
}

impl ConnectorFactory for PostgresFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn directs_secrets(&self, property: &str) -> bool {
        DIRECTING_PROPERTIES.contains(&property)
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        Ok(Arc::new(PostgresConnector::new(self.pool(definition)?)))
    }
}

impl ReaderFactory for PostgresFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn reader(&self, definition: &CatalogDefinition) -> Result<Arc<dyn SplitReader>> {
        Ok(Arc::new(PostgresReader { pool: self.pool(definition)? }))
    }

    fn set_share(&self, share: Share) {
        let mut known = self.known.lock();
        known.share = share;
        for pool in known.pools.values().filter_map(Weak::upgrade) {
            pool.set_share(share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::ErrorKind;

    fn definition(version: u64, more: &[(&str, &str)]) -> CatalogDefinition {
        let needed = [("host", "h"), ("database", "d"), ("user", "u"), ("tls", "disable")];
        let pairs = needed.iter().chain(more);
        CatalogDefinition {
            key: CatalogKey { id: 1, version },
            name: "pg".to_owned(),
            kind: KIND.to_owned(),
            properties: pairs.map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        }
    }

    #[test]
    fn properties_are_checked_beside_a_pool_that_is_there() {
        let factory = PostgresFactory::new(DatabaseMetrics::default());
        let first = factory.pool(&definition(1, &[])).expect("a pool");
        assert!(Arc::ptr_eq(&first, &factory.pool(&definition(1, &[])).expect("the same")));
        for wrong in [("bogus", "x"), ("connections_max", "-5")] {
            let error = factory.pool(&definition(1, &[wrong])).expect_err("not checked");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
        let other = factory.pool(&definition(2, &[])).expect("a pool");
        assert!(!Arc::ptr_eq(&first, &other), "a version has connections of its own");
    }
}
