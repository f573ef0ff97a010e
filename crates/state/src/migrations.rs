//! The store's tables, version by version, and the refusal of a store from the future.

use crate::failure::unusable;
use crate::location::Backend;
use crate::store::{ATTEMPTS_MAX, State};
use mooring_spi::{Error, ErrorKind, Result};
use sqlx::migrate::{MigrateError, Migrator};
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

const MIGRATION_TIMEOUT: Duration = Duration::from_secs(120);
const MOORING_VERSION: &str = env!("CARGO_PKG_VERSION");
const WRITTEN_BY: &str = "written_by";

/// The newest version of the store's tables that this program knows.
pub(crate) fn known_version() -> i64 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// Brings the store to the version of this program.
pub(crate) async fn run(state: &State) -> Result<()> {
    let migrated = tokio::time::timeout(MIGRATION_TIMEOUT, migrate(state)).await;
    match migrated {
        Ok(Ok(())) => note_writer(state).await,
        Ok(Err(error)) => Err(refusal(state, error).await),
        Err(_) => Err(Error::new(
            ErrorKind::StateUnusable,
            format!(
                "{} was not brought to version {} within {} s; another Mooring may be at it",
                state.label(),
                known_version(),
                MIGRATION_TIMEOUT.as_secs()
            ),
        )),
    }
}

/// PostgreSQL locks out other starters. SQLite does not: of two that start at once, one fails and
/// finds the other's work when it tries again.
async fn migrate(state: &State) -> Result<(), MigrateError> {
    let attempts = match state.backend() {
        Backend::Sqlite => ATTEMPTS_MAX,
        Backend::PostgreSql => 1,
    };
    let mut attempt = 1;
    loop {
        match MIGRATIONS.run(&state.pool).await {
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))
                if attempt < attempts =>
            {
                attempt += 1;
            }
            done => return done,
        }
    }
}

/// Leaves this program's version for the message that an older one may have to give.
async fn note_writer(state: &State) -> Result<()> {
    state
        .run(|| async {
            sqlx::query(
                "INSERT INTO store_facts (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )
            .bind(WRITTEN_BY)
            .bind(MOORING_VERSION)
            .execute(&state.pool)
            .await?;
            Ok(())
        })
        .await
}

async fn refusal(state: &State, error: MigrateError) -> Error {
    let label = state.label();
    match error {
        MigrateError::VersionMissing(missing) => {
            let (version, writer) = newest_version(state).await;
            let version = version.unwrap_or(missing);
            let writer = writer.map(|writer| format!(" by Mooring {writer}")).unwrap_or_default();
            Error::new(
                ErrorKind::StateUnusable,
                format!(
                    "{label} has version {version}, written{writer}; this is Mooring \
                     {MOORING_VERSION} and knows versions up to {}; use that newer Mooring or \
                     another state folder",
                    known_version()
                ),
            )
        }
        MigrateError::VersionMismatch(version) => Error::new(
            ErrorKind::StateUnusable,
            format!(
                "{label} was brought to version {version} by another build of Mooring than \
                 {MOORING_VERSION}; use that build or another state folder"
            ),
        ),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            unusable(label, error)
        }
        other => Error::new(
            ErrorKind::StateUnusable,
            format!("{label} cannot be brought to version {}: {other}", known_version()),
        )
        .with_cause(other),
    }
}

/// What a newer store says of itself, as far as its tables still answer.
async fn newest_version(state: &State) -> (Option<i64>, Option<String>) {
    let version = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations")
        .fetch_one(&state.pool)
        .await
        .ok();
    let writer = sqlx::query_scalar("SELECT value FROM store_facts WHERE name = $1")
        .bind(WRITTEN_BY)
        .fetch_one(&state.pool)
        .await
        .ok();
    (version, writer)
}
