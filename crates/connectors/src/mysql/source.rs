//! One server as the connector and the reader of one catalog version share it within a process.

use super::connect::MysqlConnect;
use super::connection::TextRow;
use super::failure::Failure;
use super::metrics::{MysqlMetrics, Outcome};
use super::pool::{Connect, Lease, NoConnection, Pool, PoolLimits};
use super::protocol::NamedColumn;
use super::settings::MysqlSettings;
use mooring_spi::{CatalogDefinition, CatalogKey, Error, ErrorKind, Result};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};

/// The servers of a process by catalog version: whoever asks for the same one shares its connections. Clones are the
/// same.
#[derive(Debug, Clone, Default)]
pub struct MysqlSources {
    metrics: MysqlMetrics,
    known: Arc<Mutex<HashMap<CatalogKey, Weak<MysqlSource>>>>,
}

impl MysqlSources {
    pub fn new(metrics: MysqlMetrics) -> Self {
        Self { metrics, known: Arc::default() }
    }

    /// # Errors
    /// `InvalidArgument`, naming the catalog and the property.
    pub(super) fn source(&self, definition: &CatalogDefinition) -> Result<Arc<MysqlSource>> {
        let settings = MysqlSettings::of(definition)?;
        let mut known = self.known.lock();
        known.retain(|_, source| source.strong_count() > 0);
        if let Some(source) = known.get(&definition.key).and_then(Weak::upgrade) {
            return Ok(source);
        }
        let source = Arc::new(MysqlSource::new(&definition.name, settings, self.metrics.clone()));
        known.insert(definition.key, Arc::downgrade(&source));
        Ok(source)
    }
}

#[derive(Debug)]
pub(super) struct MysqlSource {
    catalog: String,
    server: String,
    settings: MysqlSettings,
    metrics: MysqlMetrics,
    pool: Pool<MysqlConnect>,
}

impl MysqlSource {
    fn new(catalog: &str, settings: MysqlSettings, metrics: MysqlMetrics) -> Self {
        let limits = PoolLimits {
            connections_max: settings.connections_max,
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

    pub(super) fn count_rows(&self, rows: u64, bytes: u64) {
        self.metrics.count_rows(&self.catalog, rows, bytes);
    }

    /// The columns that a statement would give.
    pub(super) async fn describe(&self, sql: &str) -> Result<Vec<NamedColumn>> {
        let mut lease = self.lease().await?;
        let answer = match lease.get() {
            Some(connection) => connection.describe(sql).await,
            None => return Err(Error::internal("a lease without a connection")),
        };
        self.asked(lease, answer)
    }

    /// All rows of a short answer.
    pub(super) async fn ask(&self, sql: &str) -> Result<Vec<TextRow>> {
        let mut lease = self.lease().await?;
        let answer = match lease.get() {
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

    /// A connection, for which is waited.
    pub(super) async fn lease(&self) -> Result<Lease<MysqlConnect>> {
        self.pool.lease().await.map_err(|none| match none {
            NoConnection::Failed(failure) => self.error(failure),
            NoConnection::Busy(waited) => Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "catalog `{}`: all {} connections of `connections_max` were in use for {} ms",
                    self.catalog,
                    self.settings.connections_max,
                    waited.as_millis()
                ),
            ),
        })
    }

    /// A connection that nobody else wants now; `None` where there is none, or the server takes no more.
    pub(super) async fn lease_free(&self) -> Option<Lease<MysqlConnect>> {
        match self.pool.lease_free().await {
            Ok(lease) => lease,
            Err(failure) => {
                let error = self.error(failure);
                tracing::debug!(catalog = self.catalog, %error, "no further connection to a MySQL server");
                None
            }
        }
    }

    pub(super) fn free_connections(&self) -> usize {
        self.pool.free()
    }

    /// Ends the statement of a connection, by another one beside the pool's.
    pub(super) async fn kill(&self, id: u32) {
        let killed = async {
            let mut connection = self.pool.connect().connect().await?;
            connection.set_silence(self.settings.connect_timeout);
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
