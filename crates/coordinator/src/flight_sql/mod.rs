//! The Flight SQL door: Arrow Flight SQL over gRPC, translated to sessions. It knows messages,
//! tokens, tickets and the forms of Arrow data; it must never know SQL.
//!
//! `arrow-flight` gives the messages. Its `FlightSqlService` is not implemented: it answers
//! `PollFlightInfo` and `GetSchema` by itself with a refusal, so the door is a `FlightService`.
//!
//! Source: the Arrow project's `format/Flight.proto` and `format/FlightSql.proto`, and its pages
//! "Arrow Flight RPC" and "Arrow Flight SQL".

mod actions;
mod batches;
mod body;
mod command;
mod gate;
mod held_limit;
mod info;
mod jwt;
mod listener;
mod login;
mod metadata;
mod metrics;
mod options;
mod options_messages;
mod parameters;
mod pieces;
mod poll;
mod prepared;
mod put;
mod reflection;
mod results;
mod service;
mod session;
mod sessions;
mod standing;
mod status;
mod stream;
mod ticket;
mod wire_types;

pub(crate) use jwt::TokensAsPasswords;
pub use jwt::{JwtSettings, JwtVerifier};
pub use metrics::FlightSqlMetrics;

use crate::mysql::{MysqlDoor, Network, Tls, UserPlaces};
use crate::session::SessionHub;
use held_limit::HeldLimit;
use sessions::Sessions;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;
use ticket::TicketKey;
use tokio::sync::Semaphore;

/// Passwords that are looked at, or about to be, at one time. More wait, each with its connection.
const LOGINS_AT_ONCE: usize = 64;

/// The limits of the door and what it offers. Defaults come from the configuration.
#[derive(Clone)]
pub struct FlightSqlSettings {
    /// Connections at a time, those that are just connecting included.
    pub connections_max: usize,
    /// From the first byte to the first call that the gate lets through.
    pub handshake_timeout: Duration,
    /// Calls of one connection at a time.
    pub calls_per_connection_max: u32,
    /// The largest message that a client may send.
    pub message_max_bytes: usize,
    /// How long a client may send nothing of a call that it has begun.
    pub body_timeout: Duration,
    /// The silence after which a client is asked whether it is still there.
    pub keepalive: Duration,
    /// How long a client may take no bytes while a result is sent to it.
    pub write_timeout: Duration,
    /// How long a token is taken, however busy its session is.
    pub token_lifetime: Duration,
    /// How long a ticket is taken, and a result kept that nobody fetches.
    pub ticket_lifetime: Duration,
    pub sessions_max: usize,
    /// Sessions of one user at a time; 0 for no limit.
    pub sessions_per_user_max: usize,
    /// Results of one session that are not read to their end.
    pub results_per_session_max: usize,
    /// Statements that all clients together may hold prepared.
    pub prepared_statements_max: usize,
    /// Rows of parameters that a prepared statement takes at once.
    pub parameter_rows_max: usize,
    /// Passwords are taken outside of TLS from other machines, too.
    pub clear_passwords: bool,
    /// Without it no token is taken but those of Handshake.
    pub jwt: Option<Arc<JwtVerifier>>,
    /// Without it no TLS is offered.
    pub tls: Option<Arc<Tls>>,
    /// Calls outside of TLS are refused, those of the same machine too.
    pub require_tls: bool,
    /// The networks whose PROXY headers are believed.
    pub proxy_networks: Vec<Network>,
}

/// The door. [`FlightSqlDoor::serve`] opens it.
pub struct FlightSqlDoor {
    settings: FlightSqlSettings,
    /// Who knows passwords, and delays those who guess.
    logins: Arc<MysqlDoor>,
    /// Passwords that are looked at.
    logins_at_once: Arc<Semaphore>,
    hub: Arc<SessionHub>,
    metrics: FlightSqlMetrics,
    sessions: Sessions,
    tickets: TicketKey,
    user_places: UserPlaces,
    connections: AtomicUsize,
    held: Arc<HeldLimit>,
    /// Bytes of calls that are on their way in.
    coming: Arc<HeldLimit>,
}

impl FlightSqlDoor {
    /// `logins`: the door whose accounts and delays after failed logins count here, too.
    pub fn new(
        settings: FlightSqlSettings,
        logins: Arc<MysqlDoor>,
        hub: Arc<SessionHub>,
        metrics: FlightSqlMetrics,
    ) -> Arc<Self> {
        let statements = metrics.prepared_statements.clone();
        let FlightSqlSettings { prepared_statements_max, message_max_bytes, .. } = settings;
        let held = HeldLimit::of_statements(prepared_statements_max, message_max_bytes, statements);
        Arc::new(Self {
            sessions: Sessions::new(metrics.clone()),
            settings,
            logins,
            logins_at_once: Arc::new(Semaphore::new(LOGINS_AT_ONCE)),
            hub,
            metrics,
            tickets: TicketKey::random(),
            user_places: UserPlaces::default(),
            connections: AtomicUsize::new(0),
            held,
            coming: HeldLimit::of_calls(message_max_bytes),
        })
    }
}
