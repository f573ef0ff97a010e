//! The store itself: its connections, and the bounds under which every piece of work runs.

use crate::content::{Content, Contents};
use crate::failure::{Failure, unusable};
use crate::location::{Backend, StateLocation, Target};
use crate::migrations;
use futures::FutureExt;
use mooring_spi::{Error, ErrorKind, Result};
use sqlx::any::AnyPoolOptions;
use sqlx::{Any, AnyConnection, AnyPool, Connection, Transaction};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS_MAX: u32 = 8;
/// How long a request waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one piece of work may take, its wait for a connection included.
const WORK_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a change is tried when others keep changing the same entries meanwhile.
pub(crate) const ATTEMPTS_MAX: usize = 5;

const SQLITE_SESSION: &str = "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = ON; \
     PRAGMA journal_mode = WAL";
/// The server gives up a little before we do, so that it answers with a reason.
const POSTGRESQL_SESSION: &str = "SET statement_timeout = 25000; SET lock_timeout = 10000";

/// The open store. Clones share their connections.
#[derive(Debug, Clone)]
pub struct State {
    pub(crate) pool: AnyPool,
    backend: Backend,
    contents: Option<Arc<Contents>>,
    label: Arc<str>,
}

impl State {
    /// Opens the store, makes it where there is none, and brings it to this version.
    ///
    /// # Errors
    /// `StateUnusable` when it cannot be reached, read or written, or was written by a newer
    /// version; `InvalidArgument` for a URL that is not PostgreSQL's.
    pub async fn open(location: &StateLocation) -> Result<State> {
        sqlx::any::install_default_drivers();
        let target = location.prepare().await?;
        let pool = connect(&target).await.map_err(|error| unusable(&target.label, error))?;
        let contents = target.file.as_deref().map(Contents::of).map(Arc::new);
        let state = State { pool, backend: target.backend, contents, label: target.label.into() };
        if let Err(error) = migrations::run(&state).await {
            // A failed migration may hold the database's migration lock: end the session.
            state.close().await;
            return Err(error);
        }
        tracing::info!(store = %state.label, schema_version = migrations::known_version(), "state store is open");
        Ok(state)
    }

    /// Ends all connections, after the work on them.
    pub async fn close(&self) {
        if tokio::time::timeout(WORK_TIMEOUT, self.pool.close()).await.is_err() {
            tracing::warn!(store = %self.label, "state store was left with work on it");
        }
    }

    /// How errors name the store: its folder, or its URL without password.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What the store holds now: who keeps what was read after it can tell whether it still holds.
    /// `None` where only the database could tell.
    pub fn content(&self) -> Option<Content> {
        self.contents.as_ref()?.now()
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    /// Runs a piece of work under the time-out and names the store in its error. Work that the
    /// database undid because of others is done again, a bounded number of times.
    pub(crate) async fn run<T, F>(&self, work: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let attempts = async {
            for _ in 1..ATTEMPTS_MAX {
                match work().await {
                    Err(failure) if failure.is_conflict() => {}
                    done => return done,
                }
            }
            work().await
        };
        match tokio::time::timeout(WORK_TIMEOUT, attempts).await {
            Ok(done) => done.map_err(|failure| failure.told(&self.label)),
            Err(_) => Err(Error::new(
                ErrorKind::StateUnusable,
                format!("{} did not answer within {} s", self.label, WORK_TIMEOUT.as_secs()),
            )),
        }
    }

    /// Begins a transaction that will write. SQLite takes its write lock at once: a transaction
    /// that starts with a read could not wait for the lock later.
    pub(crate) async fn begin(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self.backend {
            Backend::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Backend::PostgreSql => self.pool.begin().await,
        }
    }

    /// Locks a catalog's schemas, or the named one, until the transaction's end; how many there
    /// are. Who drops schemas or their tables does this first: all take their locks in one order,
    /// from the schema down, and none waits for one that waits for it. SQLite has one lock, which
    /// `begin` took.
    pub(crate) async fn lock_schemas(
        &self,
        transaction: &mut Transaction<'static, Any>,
        catalog_id: i64,
        folded_name: Option<&str>,
    ) -> Result<usize, sqlx::Error> {
        let sql = match self.backend {
            Backend::Sqlite => {
                "SELECT name FROM embedded_schemas WHERE catalog_id = $1 \
                 AND (folded_name = $2 OR $2 IS NULL)"
            }
            Backend::PostgreSql => {
                "SELECT name FROM embedded_schemas WHERE catalog_id = $1 \
                 AND (folded_name = $2 OR $2 IS NULL) ORDER BY folded_name FOR UPDATE"
            }
        };
        let locked: Vec<String> = sqlx::query_scalar(sql)
            .bind(catalog_id)
            .bind(folded_name)
            .fetch_all(&mut **transaction)
            .await?;
        Ok(locked.len())
    }
}

/// A number that the store carries as BIGINT.
pub(crate) fn to_bigint(number: u64) -> Result<i64> {
    i64::try_from(number)
        .map_err(|_| Error::internal(format!("number {number} does not fit the state store")))
}

pub(crate) fn from_bigint(number: i64) -> Result<u64> {
    u64::try_from(number).map_err(|_| {
        Error::new(ErrorKind::StateUnusable, format!("the state store holds number {number}"))
    })
}

/// Names that neither database could store alike.
pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        let message = format!("the name of a {what} is empty; expected at least one character");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    if let Some(character) = name.chars().find(|character| character.is_control()) {
        let message = format!(
            "{what} `{}` has the control character {:?} in its name",
            name.escape_debug(),
            character
        );
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    Ok(())
}

/// Opens one connection first: the pool would keep trying, and then tell nothing of the reason.
async fn connect(target: &Target) -> Result<AnyPool, sqlx::Error> {
    let first = AnyConnection::connect(target.url.as_str());
    let first = tokio::time::timeout(ACQUIRE_TIMEOUT, first).await;
    first.unwrap_or(Err(sqlx::Error::PoolTimedOut))?.close().await?;
    let session = match target.backend {
        Backend::Sqlite => SQLITE_SESSION,
        Backend::PostgreSql => POSTGRESQL_SESSION,
    };
    let options = AnyPoolOptions::new();
    let options = match target.backend {
        // One is kept for ever: see `content`.
        Backend::Sqlite => options.min_connections(1).idle_timeout(None).max_lifetime(None),
        Backend::PostgreSql => options,
    };
    options
        .max_connections(CONNECTIONS_MAX)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A file does not go away as a server does, and each query asks the store.
        .test_before_acquire(target.backend == Backend::PostgreSql)
        .after_connect(move |connection, _| set_up(connection, session).boxed())
        .connect(target.url.as_str())
        .await
}

async fn set_up(connection: &mut AnyConnection, session: &'static str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(session).execute(connection).await?;
    Ok(())
}
