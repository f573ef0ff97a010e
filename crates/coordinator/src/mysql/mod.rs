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
#[doc(hidden)]
pub mod decoders;
mod connection;
mod error;
mod handshake;
mod hex;
mod listener;
mod login_delay;
mod metrics;
mod packet;
mod parameter;
mod password_login;
mod prepared;
mod proxy_protocol;
mod query_attributes;
mod reply;
mod result_set;
mod row;
mod tls;
mod transport;
mod user_places;
mod wire;

pub(crate) use auth::Encryption;
pub use auth::{
    Account, Accounts, AuthPlugin, Credential, PasswordVerifier, StoredCredentials, TlsRequirement,
    caching_sha2_credential, native_credential,
};
pub use handshake::SERVER_VERSION;
pub use metrics::MysqlMetrics;
pub(crate) use password_login::{LoginFailure, PasswordLogin};
pub use proxy_protocol::Network;
pub(crate) use proxy_protocol::{
    Parsed as ProxyHeader, TELLING_BYTES as PROXY_TELLING_BYTES, parse as proxy_header,
};
pub(crate) use tls::peer_certificate;
pub use tls::{Tls, TlsFiles, self_signed};
pub(crate) use transport::tls_names;
pub(crate) use user_places::{UserPlace, UserPlaces};

use crate::session::{
    Client, OutputColumn, Prepared, Response, Session, SessionChanges, SessionState,
};
use async_trait::async_trait;
use auth::Authenticator;
use login_delay::LoginDelay;
use mooring_spi::{Result, Value};
use prepared::StatementLimit;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// The limits of the door and what it offers. Defaults come from the configuration.
#[derive(Clone)]
pub struct MysqlSettings {
    /// Connections at a time, those that are just connecting included.
    pub connections_max: usize,
    /// Sessions of one user at a time; 0 for no limit.
    pub connections_per_user_max: usize,
    /// From the first byte to the session.
    pub handshake_timeout_ms: u64,
    /// What a client may send before it has proven who it is.
    pub handshake_max_bytes: usize,
    /// How long a connection may be idle.
    pub wait_timeout_s: u64,
    /// How long a client may take no bytes while a result is sent to it.
    pub write_timeout_s: u64,
    /// The largest statement, and the largest row.
    pub max_allowed_packet_bytes: usize,
    /// Failed logins in a row from one address before the next ones are delayed.
    pub login_failures_max: u32,
    /// The longest delay; never more than half of the handshake's time.
    pub login_delay_max_ms: u64,
    /// The silence after which a client's host is asked whether it is still there.
    pub tcp_keepalive_s: u64,
    /// Without it no TLS is offered.
    pub tls: Option<Arc<Tls>>,
    /// Clients without TLS are refused before they could send a password, those of the same
    /// machine too.
    pub require_tls: bool,
    /// The networks whose PROXY headers are believed.
    pub proxy_networks: Vec<Network>,
    /// A secret of the cluster, by which a name that is no user's looks like a user's.
    pub unknown_user_key: [u8; 32],
    /// Statements that all clients together may hold prepared.
    pub prepared_statements_max: usize,
}

/// What a connection asks of its session; [`Session`] is the one that does it.
#[async_trait]
pub trait MysqlSession: Send {
    async fn execute(&mut self, sql: &str) -> Result<Response>;
    async fn use_database(&mut self, database: &str) -> Result<()>;
    async fn table_columns(&mut self, table: &str, pattern: &str) -> Result<Vec<OutputColumn>>;
    async fn prepare(&mut self, sql: &str) -> Result<Prepared>;
    async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Response>;

    /// How long the client may be idle, when the session itself says so (`wait_timeout`).
    fn idle_limit(&self) -> Option<Duration> {
        None
    }

    /// Where the statements of a text stand in it, in their order. Never empty, and never fails:
    /// what cannot be cut is the last one's, whose execution tells.
    async fn statements(&self, text: &str) -> Vec<Range<usize>>;

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

    async fn table_columns(&mut self, table: &str, pattern: &str) -> Result<Vec<OutputColumn>> {
        Session::table_columns(self, table, pattern).await
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

    fn idle_limit(&self) -> Option<Duration> {
        Some(Session::idle_limit(self))
    }

    async fn statements(&self, text: &str) -> Vec<Range<usize>> {
        Session::statements(self, text).await
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
    login_delay: LoginDelay,
    statements: Arc<StatementLimit>,
    open: AtomicUsize,
    user_places: UserPlaces,
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
        verifier: Arc<dyn PasswordVerifier>,
    ) -> Arc<Self> {
        let authenticator = Authenticator::start(verifier, settings.unknown_user_key);
        let delay_max_ms = settings.login_delay_max_ms.min(settings.handshake_timeout_ms / 2);
        let login_delay = LoginDelay::new(
            settings.login_failures_max,
            Duration::from_millis(delay_max_ms),
            metrics.clone(),
        );
        let statements = StatementLimit::new(
            settings.prepared_statements_max,
            metrics.prepared_statements.clone(),
        );
        Arc::new(Self {
            login_delay,
            settings,
            statements,
            accounts,
            sessions,
            metrics,
            authenticator,
            open: AtomicUsize::new(0),
            user_places: UserPlaces::default(),
            questions: AtomicU64::new(0),
            started: Instant::now(),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests;
