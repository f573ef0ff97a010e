//! The MySQL door: MySQL's client/server protocol over TCP, translated to sessions. It knows
//! packets, passwords and the forms of values; it must never know SQL.
//!
//! Written here and not taken from a crate because the one there was (`opensrv-mysql`) cannot face
//! a network; see ARCHITECTURE.md. `mysql_common` gives the constants and the connection phase's
//! packets.

mod answer;
mod auth;
mod column;
mod command;
mod connect;
mod connection;
mod error;
mod handshake;
mod hex;
mod listener;
mod metrics;
mod packet;
mod parameter;
mod prepared;
mod query_attributes;
mod reply;
mod result_set;
mod row;
mod wire;

pub use auth::{
    Account, Accounts, AuthPlugin, Credential, caching_sha2_credential, native_credential,
};
pub use handshake::SERVER_VERSION;
pub use metrics::MysqlMetrics;

use crate::session::{
    Client, OutputColumn, Prepared, Response, Session, SessionChanges, SessionState,
};
use async_trait::async_trait;
use auth::Authenticator;
use mooring_spi::{Result, Value};
use prepared::StatementLimit;
use serde::Deserialize;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// The limits of the door. Defaults come from the configuration.
#[derive(Debug, Clone, Deserialize)]
pub struct MysqlSettings {
    /// Connections at a time, those that are just connecting included.
    pub connections_max: usize,
    /// From the first byte to the session.
    pub handshake_timeout_ms: u64,
    /// How long a connection may be idle.
    pub wait_timeout_s: u64,
    /// How long a client may take no bytes while a result is sent to it.
    pub write_timeout_s: u64,
    /// The largest statement, and the largest row.
    pub max_allowed_packet_bytes: usize,
    /// Statements that all clients together may hold prepared.
    pub prepared_statements_max: usize,
}

/// What a connection asks of its session; [`Session`] is the one that does it.
#[async_trait]
pub trait MysqlSession: Send {
    async fn execute(&mut self, sql: &str) -> Result<Response>;
    async fn use_database(&mut self, database: &str) -> Result<()>;
    async fn table_columns(&self, table: &str) -> Result<Vec<OutputColumn>>;
    async fn prepare(&mut self, sql: &str) -> Result<Prepared>;
    async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Response>;

    /// Where the statements of a text stand in it, in their order. Never empty, and never fails:
    /// what cannot be cut is the last one's, whose execution tells.
    fn statements(&self, text: &str) -> Vec<Range<usize>>;

    /// As a new session of the same client, in the same database.
    async fn reset(&mut self) -> Result<()>;

    /// Ends a connection, as KILL does.
    fn kill(&self, connection_id: u32) -> Result<()>;

    /// What SHOW PROCESSLIST answers.
    async fn processes(&mut self) -> Result<Response>;

    /// How the session stands after its last statement.
    fn state(&self) -> SessionState;

    /// What has changed of the session, and is to be told to its client, since the last call.
    fn take_changes(&mut self) -> SessionChanges;
}

#[async_trait]
impl MysqlSession for Session {
    async fn execute(&mut self, sql: &str) -> Result<Response> {
        Session::execute(self, sql).await
    }

    async fn use_database(&mut self, database: &str) -> Result<()> {
        Session::use_database(self, database).await
    }

    async fn table_columns(&self, table: &str) -> Result<Vec<OutputColumn>> {
        Session::table_columns(self, table).await
    }

    async fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        Session::prepare(self, sql).await
    }

    async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Response> {
        Session::execute_prepared(self, prepared, parameters).await
    }

    fn statements(&self, text: &str) -> Vec<Range<usize>> {
        Session::statements(self, text)
    }

    async fn reset(&mut self) -> Result<()> {
        Session::reset(self);
        Ok(())
    }

    fn kill(&self, connection_id: u32) -> Result<()> {
        Session::end_connection(self, connection_id)
    }

    async fn processes(&mut self) -> Result<Response> {
        Session::execute(self, "SHOW PROCESSLIST").await
    }

    fn state(&self) -> SessionState {
        Session::state(self)
    }

    fn take_changes(&mut self) -> SessionChanges {
        Session::take_changes(self)
    }
}

/// An authenticated client that wants a session.
#[derive(Debug)]
pub struct SessionRequest {
    pub client: Client,
    /// The database of the handshake: a schema, or `catalog.schema`.
    pub database: Option<String>,
    /// Cancelling it closes the connection and with it whatever it runs (`KILL CONNECTION`).
    pub close: CancellationToken,
}

/// Makes sessions.
#[async_trait]
pub trait SessionFactory: Send + Sync {
    /// A number that no other connection of this process has, through whichever door.
    fn next_connection_id(&self) -> u32;

    /// # Errors
    /// `CatalogNotFound`, `SchemaNotFound` for the database.
    async fn open(&self, request: SessionRequest) -> Result<Box<dyn MysqlSession>>;
}

/// The door. [`MysqlDoor::serve`] opens it.
pub struct MysqlDoor {
    settings: MysqlSettings,
    accounts: Arc<dyn Accounts>,
    sessions: Arc<dyn SessionFactory>,
    metrics: MysqlMetrics,
    authenticator: Authenticator,
    statements: Arc<StatementLimit>,
    open: AtomicUsize,
    questions: AtomicU64,
    started: Instant,
}

impl MysqlDoor {
    /// Begins at once to make the RSA key, in the background. Must be called within a Tokio
    /// runtime.
    pub fn new(
        settings: MysqlSettings,
        accounts: Arc<dyn Accounts>,
        sessions: Arc<dyn SessionFactory>,
        metrics: MysqlMetrics,
    ) -> Arc<Self> {
        let statements = StatementLimit::new(
            settings.prepared_statements_max,
            metrics.prepared_statements.clone(),
        );
        Arc::new(Self {
            settings,
            statements,
            accounts,
            sessions,
            metrics,
            authenticator: Authenticator::start(),
            open: AtomicUsize::new(0),
            questions: AtomicU64::new(0),
            started: Instant::now(),
        })
    }
}

#[cfg(test)]
mod tests;
