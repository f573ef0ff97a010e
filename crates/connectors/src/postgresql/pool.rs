//! The connections of one version of a catalog in one process: bounded, kept for a while, and never reused when
//! nobody knows what they are doing.

use super::connection::{Connection, NotConnected};
use super::failure::{failed, is_of_login, unavailable};
use super::settings::PostgresSettings;
use crate::database_metrics::{ConnectionState, DatabaseMetrics, InState, StatementOutcome};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::resolve_secret;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::Client;

/// How long a login that was refused is not tried again with the same password. A server counts failures.
const LOGIN_PAUSE: Duration = Duration::from_secs(30);
/// A connection that was idle for longer is asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);

/// What a connection is for; each purpose has a share of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Snapshot,
}

pub(super) struct Pool {
    pub catalog: String,
    pub settings: PostgresSettings,
    pub metrics: DatabaseMetrics,
    readers: Arc<Semaphore>,
    snapshots: Arc<Semaphore>,
    idle: Mutex<IdleConnections>,
    login: Login,
}

#[derive(Default)]
struct IdleConnections {
    /// The one that was used last is last.
    connections: Vec<Idle>,
    /// Whether somebody closes those that are idle for too long.
    watched: bool,
}

struct Idle {
    connection: Connection,
    since: Instant,
    _counted: InState,
}

/// What is known of the password. Until one was accepted, one connection tries at a time.
#[derive(Default)]
struct Login {
    accepted: AtomicBool,
    alone: tokio::sync::Mutex<()>,
    refused: Mutex<Option<Refused>>,
}

struct Refused {
    password: Option<SecretString>,
    at: Instant,
    error: Error,
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("catalog", &self.catalog).finish_non_exhaustive()
    }
}

impl Pool {
    pub fn new(catalog: &str, settings: PostgresSettings, metrics: DatabaseMetrics) -> Self {
        let snapshots = settings.snapshots_max();
        Self {
            catalog: catalog.to_owned(),
            readers: Arc::new(Semaphore::new(settings.connections_max - snapshots)),
            snapshots: Arc::new(Semaphore::new(snapshots)),
            settings,
            metrics,
            idle: Mutex::default(),
            login: Login::default(),
        }
    }

    /// A connection of its own for the caller.
    ///
    /// # Errors
    /// `LimitExceeded` when none is free in time, `SourceUnavailable`, `SourceRefused`.
    pub async fn acquire(self: &Arc<Self>, purpose: Purpose) -> Result<Pooled> {
        let permit = self.permit(purpose).await?;
        let connection = match self.kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Pooled {
            connection: Some(connection),
            permit: Some(permit),
            _used: self.metrics.in_state(&self.catalog, ConnectionState::Used),
            pool: Arc::clone(self),
        })
    }

    async fn permit(&self, purpose: Purpose) -> Result<OwnedSemaphorePermit> {
        let (semaphore, what) = match purpose {
            Purpose::Read => (&self.readers, "connections to read with"),
            Purpose::Snapshot => (&self.snapshots, "connections that hold snapshots"),
        };
        let waiting = self.metrics.in_state(&self.catalog, ConnectionState::Waiting);
        let free =
            tokio::time::timeout(self.settings.connection_wait, semaphore.clone().acquire_owned());
        let permit = free.await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Error::internal("a pool of connections is closed")),
            Err(_) => Err(Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "catalog `{}`: all {what} were used for {} ms; `connections_max` is {}",
                    self.catalog,
                    self.settings.connection_wait.as_millis(),
                    self.settings.connections_max
                ),
            )),
        }
    }

    /// A connection that is idle and lives.
    async fn kept(&self) -> Option<Connection> {
        loop {
            let idle = self.idle.lock().connections.pop()?;
            if idle.connection.client.is_closed() {
                continue;
            }
            if idle.since.elapsed() < FRESH {
                return Some(idle.connection);
            }
            let lives = idle.connection.client.check_connection();
            let lives = tokio::time::timeout(self.settings.connect_timeout, lives).await;
            if matches!(lives, Ok(Ok(()))) {
                return Some(idle.connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection> {
        let bound = self.settings.connect_timeout;
        match tokio::time::timeout(bound, self.log_in()).await {
            Ok(connected) => connected,
            Err(_) => {
                let problem = format!("no connection within {} ms", bound.as_millis());
                Err(unavailable(&self.catalog, &problem))
            }
        }
    }

    async fn log_in(&self) -> Result<Connection> {
        let _alone = match self.login.accepted.load(Ordering::Acquire) {
            true => None,
            false => Some(self.login.alone.lock().await),
        };
        // A reference is looked up each time, so a changed secret is taken up.
        let password = self.password()?;
        if let Some(error) = self.refused(password.as_ref()) {
            return Err(error);
        }
        match Connection::open(&self.catalog, &self.settings, password.as_ref()).await {
            Ok(connection) => {
                self.login.accepted.store(true, Ordering::Release);
                Ok(connection)
            }
            Err(NotConnected::Socket(error)) => Err(error),
            Err(NotConnected::Database(error)) => {
                let of_login = is_of_login(&error);
                let error = failed(&self.catalog, error);
                if of_login {
                    self.login.accepted.store(false, Ordering::Release);
                    let (error, at) = (error.clone(), Instant::now());
                    *self.login.refused.lock() = Some(Refused { password, at, error });
                }
                Err(error)
            }
        }
    }

    fn password(&self) -> Result<Option<SecretString>> {
        let resolved =
            self.settings.password.as_ref().map(|text| resolve_secret(text.expose_secret()));
        resolved.transpose().map_err(|error| {
            let message = format!("catalog `{}`: `password`: {}", self.catalog, error.message());
            Error::new(error.kind(), message)
        })
    }

    /// The error of this very password, if it is young.
    fn refused(&self, password: Option<&SecretString>) -> Option<Error> {
        let refused = self.login.refused.lock();
        let refused = refused.as_ref().filter(|refused| refused.at.elapsed() < LOGIN_PAUSE)?;
        let same = password.map(ExposeSecret::expose_secret)
            == refused.password.as_ref().map(ExposeSecret::expose_secret);
        same.then(|| refused.error.clone())
    }

    fn keep(self: &Arc<Self>, connection: Connection) {
        if connection.client.is_closed() {
            return;
        }
        let runtime = connection.runtime.clone();
        let counted = self.metrics.in_state(&self.catalog, ConnectionState::Idle);
        let mut idle = self.idle.lock();
        idle.connections.push(Idle { connection, since: Instant::now(), _counted: counted });
        if !std::mem::replace(&mut idle.watched, true) {
            let pool = Arc::downgrade(self);
            let timeout = self.settings.idle_timeout;
            runtime.spawn(async move {
                loop {
                    tokio::time::sleep(timeout).await;
                    match pool.upgrade() {
                        Some(pool) if pool.close_idle() => {}
                        Some(_) | None => return,
                    }
                }
            });
        }
    }

    /// Closes what was idle for long enough; whether something is left.
    fn close_idle(&self) -> bool {
        let timeout = self.settings.idle_timeout;
        let mut idle = self.idle.lock();
        idle.connections.retain(|idle| idle.since.elapsed() < timeout);
        idle.watched = !idle.connections.is_empty();
        idle.watched
    }
}

/// A connection in somebody's hands. When it is dropped, what it does is cancelled and it is closed;
/// [`Pooled::give_back`] keeps it.
pub(super) struct Pooled {
    connection: Option<Connection>,
    permit: Option<OwnedSemaphorePermit>,
    _used: InState,
    pool: Arc<Pool>,
}

impl Pooled {
    /// # Errors
    /// `Internal`.
    pub fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(|| Error::internal("a connection was given back"))
    }

    /// # Errors
    /// `Internal`.
    pub fn client(&self) -> Result<&Client> {
        Ok(&self.connection()?.client)
    }

    /// Runs one statement about tables or transactions, in its time.
    ///
    /// # Errors
    /// `SourceUnavailable` when the time is over, and what the database answers.
    pub async fn answer<T>(
        &self,
        statement: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let bound = self.pool.settings.metadata_timeout;
        let answer = match tokio::time::timeout(bound, statement).await {
            Ok(answer) => answer.map_err(|error| failed(&self.pool.catalog, error)),
            Err(_) => {
                let problem = format!("no answer within {} ms", bound.as_millis());
                Err(unavailable(&self.pool.catalog, &problem))
            }
        };
        self.count(match answer {
            Ok(_) => StatementOutcome::Ok,
            Err(_) => StatementOutcome::Error,
        });
        answer
    }

    pub fn count(&self, outcome: StatementOutcome) {
        self.pool.metrics.count_statement(&self.pool.catalog, outcome);
    }

    /// Keeps the connection for others: it has no open transaction and no statement runs.
    pub fn give_back(mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.keep(connection);
        }
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let (permit, pool) = (self.permit.take(), Arc::clone(&self.pool));
        let runtime = connection.runtime.clone();
        runtime.spawn(async move {
            connection.cancel(&pool.catalog, &pool.settings).await;
            // Until now it counted as one of those that there may be.
            drop(permit);
        });
    }
}
