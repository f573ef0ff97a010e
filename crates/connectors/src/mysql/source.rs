//! One server as the connector and the reader of one catalog version share it within a process.

use super::connect::MysqlConnect;
use super::connection::TextRow;
use super::failure::Failure;
use super::protocol::NamedColumn;
use super::settings::MysqlSettings;
use crate::database::{
    Connect, DatabaseMetrics, Lease, NoConnection, Outcome, Pool, PoolLimits, Purpose,
};
use mooring_spi::{CatalogDefinition, CatalogKey, Demand, Error, ErrorKind, Result, Share};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use tokio::time::Instant;

/// The servers of a process by catalog version: whoever asks for the same one shares its connections. Clones are the
/// same.
#[derive(Debug, Clone)]
pub struct MysqlSources {
    metrics: DatabaseMetrics,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug)]
struct Known {
    share: Share,
    sources: HashMap<CatalogKey, Weak<MysqlSource>>,
}

impl MysqlSources {
    pub fn new(metrics: DatabaseMetrics) -> Self {
        let known = Known { share: Share::ALONE, sources: HashMap::new() };
        Self { metrics, known: Arc::new(Mutex::new(known)) }
    }

    /// # Errors
    /// `InvalidArgument`, naming the catalog and the property.
    pub(super) fn source(&self, definition: &CatalogDefinition) -> Result<Arc<MysqlSource>> {
        let settings = MysqlSettings::of(definition)?;
        let mut known = self.known.lock();
        known.sources.retain(|_, source| source.strong_count() > 0);
        if let Some(source) = known.sources.get(&definition.key).and_then(Weak::upgrade) {
            return Ok(source);
        }
        let metrics = self.metrics.of_catalog(&definition.name);
        let source = Arc::new(MysqlSource::new(&definition.name, settings, metrics, known.share));
        known.sources.insert(definition.key, Arc::downgrade(&source));
        Ok(source)
    }

    pub(super) fn set_share(&self, share: Share) {
        let mut known = self.known.lock();
        known.share = share;
        for source in known.sources.values().filter_map(Weak::upgrade) {
            source.set_share(share);
        }
    }
}

#[derive(Debug)]
pub(super) struct MysqlSource {
    catalog: String,
    server: String,
    settings: MysqlSettings,
    metrics: DatabaseMetrics,
    share: Mutex<Share>,
    pool: Pool<MysqlConnect>,
    /// Whoever ends a statement: there is one connection at a time beside the pool's.
    ending: tokio::sync::Mutex<()>,
}

impl MysqlSource {
    fn new(catalog: &str, settings: MysqlSettings, metrics: DatabaseMetrics, share: Share) -> Self {
        let limits = PoolLimits {
            readers: share.of(settings.connections_max),
            holders: 0,
            wait: settings.connection_wait,
            idle: settings.idle_timeout,
        };
        let connect = MysqlConnect::new(settings.clone());
        Self {
            catalog: catalog.to_owned(),
            server: settings.server(),
            pool: Pool::new(connect, limits, metrics.pool(catalog)),
            settings,
            metrics,
            share: Mutex::new(share),
            ending: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> &MysqlSettings {
        &self.settings
    }

    pub(super) fn catalog(&self) -> &str {
        &self.catalog
    }

    /// A failure as a client is told it.
    pub(super) fn error(&self, failure: Failure) -> Error {
        failure.into_error(&self.catalog, &self.server)
    }

    pub(super) fn count_statement(&self, outcome: Outcome) {
        self.metrics.count_statement(&self.catalog, outcome);
    }

    pub(super) fn count_rows(&self, rows: usize, bytes: usize) {
        self.metrics.count_read(&self.catalog, rows, bytes);
    }

    /// How many splits of a scan one process reads at once.
    pub(super) fn readers_max(&self) -> usize {
        let share = *self.share.lock();
        let readers = match share.members.workers {
            0 => self.pool.readers(),
            _ => share.of_worker().of(self.settings.connections_max),
        };
        readers.max(2)
    }

    fn set_share(&self, share: Share) {
        *self.share.lock() = share;
        self.pool.resize(share.of(self.settings.connections_max), 0);
    }

    /// Those who wait for a connection.
    pub(super) fn demand(&self) -> Arc<dyn Demand> {
        self.pool.demand()
    }

    /// The columns that a user's query would give.
    pub(super) async fn describe(&self, sql: &str) -> Result<Vec<NamedColumn>> {
        let mut lease = self.lease("").await?;
        let answer = match lease.get_mut() {
            Some(connection) => connection.describe(sql).await,
            None => return Err(Error::internal("a lease without a connection")),
        };
        self.asked(lease, answer)
    }

    /// All rows of a short answer.
    pub(super) async fn ask(&self, sql: &str) -> Result<Vec<TextRow>> {
        let mut lease = self.lease("").await?;
        let answer = match lease.get_mut() {
            Some(connection) => connection.ask(sql).await,
            None => return Err(Error::internal("a lease without a connection")),
        };
        self.asked(lease, answer)
    }

    fn asked<T>(
        &self,
        lease: Lease<MysqlConnect>,
        answer: std::result::Result<T, Failure>,
    ) -> Result<T> {
        let outcome = answer.as_ref().err().map_or(Outcome::Ok, Failure::outcome);
        self.count_statement(outcome);
        if answer.as_ref().err().is_none_or(Failure::leaves_connection) {
            lease.give_back();
        }
        answer.map_err(|failure| self.error(failure))
    }

    /// A connection, for which is waited; `query` is empty for who is none.
    pub(super) async fn lease(&self, query: &str) -> Result<Lease<MysqlConnect>> {
        self.pool.lease(Purpose::Read, query).await.map_err(|none| match none {
            NoConnection::Failed(failure) => self.error(failure),
            NoConnection::Busy { max, waited } => Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "catalog `{}`: all {max} connections that this process has of `connections_max` = {} were in \
                     use for {} ms",
                    self.catalog,
                    self.settings.connections_max,
                    waited.as_millis()
                ),
            ),
        })
    }

    /// A connection that nobody else wants now; `None` where there is none, or the server takes no more.
    pub(super) async fn lease_free(&self, query: &str) -> Option<Lease<MysqlConnect>> {
        match self.pool.lease_free(Purpose::Read, query).await {
            Ok(lease) => lease,
            Err(failure) => {
                let error = self.error(failure);
                tracing::debug!(catalog = self.catalog, %error, "no further connection to a MySQL server");
                None
            }
        }
    }

    /// How many connections nobody has.
    pub(super) fn free_connections(&self) -> usize {
        self.pool.free(Purpose::Read)
    }

    /// Ends the statement of a connection, by another one beside the pool's.
    pub(super) async fn kill(&self, id: u32) {
        let _one_at_a_time = self.ending.lock().await;
        let limit = self.settings.connect_timeout;
        let killed = async {
            let mut connection = self.pool.connect().connect(Instant::now() + limit).await?;
            connection.set_silence(limit);
            let killed = connection.run(&format!("KILL QUERY {id}")).await;
            connection.quit().await;
            killed
        };
        match killed.await {
            Ok(()) => {}
            // It had ended.
            Err(Failure::Refused(error)) if error.number == 1094 => {}
            Err(failure) => {
                let error = self.error(failure);
                tracing::warn!(catalog = self.catalog, id, %error, "a statement at a MySQL server may go on");
            }
        }
    }
}
