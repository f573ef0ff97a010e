//! The connections of one version of a catalog in one process. What is dropped in the middle of something is
//! cancelled at the server, since nobody knows what it does.

use super::connect::PostgresConnect;
use super::connection::Connection;
use super::failure::{Failure, unavailable};
use super::protocol::{NamedColumn, TextRow};
use super::settings::PostgresSettings;
use crate::database::{
    self, DatabaseMetrics, Lease, NoConnection, Outcome, PoolLimits, Purpose, Reads,
};
use mooring_spi::{Demand, Error, ErrorKind, Part, Result, Share};
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

pub(super) struct Pool {
    pub catalog: String,
    pub settings: PostgresSettings,
    pub metrics: DatabaseMetrics,
    share: Mutex<Share>,
    connections: database::Pool<PostgresConnect>,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Pool {
    pub fn new(
        catalog: &str,
        settings: PostgresSettings,
        metrics: DatabaseMetrics,
        share: Share,
    ) -> Self {
        let (readers, holders) = places(settings.connections_max, share);
        let limits = PoolLimits {
            readers,
            holders,
            wait: settings.connection_wait,
            idle: settings.idle_timeout,
        };
        let connect = PostgresConnect::new(catalog, settings.clone());
        Self {
            catalog: catalog.to_owned(),
            share: Mutex::new(share),
            connections: database::Pool::new(connect, limits, metrics.pool(catalog)),
            settings,
            metrics,
        }
    }

    pub fn set_share(&self, share: Share) {
        *self.share.lock() = share;
        let (readers, holders) = places(self.settings.connections_max, share);
        self.connections.resize(readers, holders);
    }

    /// How many connections one scan takes in one task: half of those that a process has to read with.
    pub fn readers_per_scan(&self) -> usize {
        let share = *self.share.lock();
        let reading = match share.members.workers {
            0 => share,
            _ => share.of_worker(),
        };
        let (readers, _) = places(self.settings.connections_max, reading);
        (readers / 2).max(2)
    }

    /// Those who wait for a connection to read with.
    pub fn demand(&self) -> Arc<dyn Demand> {
        self.connections.demand()
    }

    /// A connection of its own for the caller, who is no query that reads.
    ///
    /// # Errors
    /// `LimitExceeded` when none is free in time, `SourceUnavailable`, `SourceRefused`.
    pub async fn acquire(self: &Arc<Self>, purpose: Purpose) -> Result<Pooled> {
        self.acquire_for(purpose, "").await
    }

    /// A connection for the query with an id.
    ///
    /// # Errors
    /// As [`Self::acquire`].
    pub async fn acquire_for(self: &Arc<Self>, purpose: Purpose, query: &str) -> Result<Pooled> {
        match self.connections.lease(purpose, query).await {
            Ok(lease) => Ok(Pooled { lease: Some(lease), pool: Arc::clone(self) }),
            Err(NoConnection::Failed(error)) => Err(error),
            Err(NoConnection::Busy { max, waited }) => {
                let what = match purpose {
                    Purpose::Read => "to read with",
                    Purpose::Hold => "that hold snapshots",
                };
                Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!(
                        "catalog `{}`: all {max} connections {what} that this process has of `connections_max` = {} \
                         were used for {} ms",
                        self.catalog,
                        self.settings.connections_max,
                        waited.as_millis()
                    ),
                ))
            }
        }
    }
}

/// How many connections a process has to read with, and to hold snapshots. Leases are opened by coordinators alone,
/// which have at least one connection for each; where there are workers, they read no rows.
fn places(connections_max: usize, share: Share) -> (usize, usize) {
    let own = share.of(connections_max);
    match (share.part, share.members.workers) {
        (Part::Worker, _) => (own, 0),
        (Part::Coordinator, workers) => {
            let own = own.max(2);
            let holders = if workers == 0 { own / 4 } else { own / 2 }.max(1);
            (own - holders, holders)
        }
    }
}

/// A connection in somebody's hands. When it is dropped, what it does is cancelled and it is closed;
/// [`Pooled::give_back`] keeps it.
pub(super) struct Pooled {
    lease: Option<Lease<PostgresConnect>>,
    pool: Arc<Pool>,
}

impl Pooled {
    /// # Errors
    /// `Internal`.
    pub fn connection(&mut self) -> Result<&mut Connection> {
        let connection = self.lease.as_mut().and_then(Lease::get_mut);
        connection.ok_or_else(|| Error::internal("a connection was given back"))
    }

    pub fn runtime(&self) -> Option<Handle> {
        self.lease.as_ref().and_then(Lease::get).map(|connection| connection.runtime.clone())
    }

    /// Its query waits for rows until what this gives is dropped.
    pub fn reads(&self) -> Option<Reads> {
        self.lease.as_ref().map(Lease::reads)
    }

    /// Runs statements of ours, in their time; the rows of all of them.
    ///
    /// # Errors
    /// `SourceUnavailable` when the time is over, and what the database answers.
    pub async fn run(&mut self, statements: &str) -> Result<Vec<TextRow>> {
        let bound = self.pool.settings.metadata_timeout;
        let answer = timeout(bound, self.connection()?.run(statements)).await;
        self.answered(answer)
    }

    /// Asks a question about tables, in its time. Its parameters are texts.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn ask(&mut self, statement: &str, parameters: &[&str]) -> Result<Vec<TextRow>> {
        let bound = self.pool.settings.metadata_timeout;
        let answer = timeout(bound, self.connection()?.ask(statement, parameters)).await;
        self.answered(answer)
    }

    /// The columns that a user's query would give, or what the database says against the query.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn describe(&mut self, query: &str) -> Result<Result<Vec<NamedColumn>, String>> {
        let bound = self.pool.settings.metadata_timeout;
        let answer = timeout(bound, self.connection()?.describe(query)).await;
        self.answered(answer.map(|described| match described {
            Ok(columns) => Ok(Ok(columns)),
            Err(failure) => failure.of_query().map(Err),
        }))
    }

    /// Counts a statement that was answered, or not in time.
    fn answered<T>(&self, answer: Result<Result<T, Failure>, Elapsed>) -> Result<T> {
        let answer = match answer {
            Ok(answer) => answer.map_err(|failure| failure.into_error(&self.pool.catalog)),
            Err(_) => {
                let bound_ms = self.pool.settings.metadata_timeout.as_millis();
                let problem = format!("no answer within {bound_ms} ms");
                Err(unavailable(&self.pool.catalog, &problem))
            }
        };
        let outcome = answer.as_ref().err().map_or(Outcome::Ok, Outcome::of);
        self.pool.metrics.count_statement(&self.pool.catalog, outcome);
        answer
    }

    /// Keeps the connection for others where it has no open transaction and no statement runs; else it ends.
    pub fn give_back(mut self) {
        if self.connection().is_ok_and(|connection| connection.is_idle())
            && let Some(lease) = self.lease.take()
        {
            lease.give_back();
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some((connection, ending)) = self.lease.take().and_then(Lease::end) else { return };
        let pool = Arc::clone(&self.pool);
        let runtime = connection.runtime.clone();
        runtime.spawn(async move {
            connection.close(&pool.catalog, &pool.settings).await;
            // Until now it counted as one of those that there may be.
            drop(ending);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::places;
    use mooring_spi::{Members, Part, Share};

    #[test]
    fn coordinators_hold_and_workers_read() {
        let of = |part, workers| Share { members: Members { coordinators: 1, workers }, part };
        assert_eq!(places(16, Share::ALONE), (12, 4));
        assert_eq!(places(2, Share::ALONE), (1, 1));
        assert_eq!(places(16, of(Part::Coordinator, 2)), (3, 3));
        assert_eq!(places(16, of(Part::Worker, 2)), (5, 0));
        assert_eq!(places(6, of(Part::Coordinator, 2)), (1, 1));
        assert_eq!(places(6, of(Part::Worker, 2)), (2, 0));
        // Each has what it cannot be without.
        assert_eq!(places(2, of(Part::Coordinator, 9)), (1, 1));
        assert_eq!(places(2, of(Part::Worker, 9)), (1, 0));
    }
}
