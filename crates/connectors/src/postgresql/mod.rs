//! PostgreSQL: tables of a live database, read by binary COPY straight into Arrow.
//!
//! A scan is a set of statements, each a split; several of them, also those of other scans of the query, read
//! under one exported snapshot. What is sent of a predicate may keep too much, never too little.

mod settings;
mod tls;
mod failure;
mod connection;
mod connect;
mod pool;
mod types;
mod metadata;
mod statistics;
mod sql;
mod cut;
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
        let mut known = self.known.lock();
        if let Some(pool) = known.pools.get(&definition.key).and_then(Weak::upgrade) {
            return Ok(pool);
        }
        let settings = PostgresSettings::of(definition)?;
        let pool =
            Arc::new(Pool::new(&definition.name, settings, self.metrics.clone(), known.share));
        known.pools.retain(|_, pool| pool.strong_count() > 0);
        known.pools.insert(definition.key, Arc::downgrade(&pool));
        Ok(pool)
    }
}

impl ConnectorFactory for PostgresFactory {
    fn kind(&self) -> &'static str {
        KIND
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
