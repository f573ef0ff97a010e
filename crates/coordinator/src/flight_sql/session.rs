//! A client's session behind this door: who it is, the session that runs its statements, and what
//! it has open.

use super::options::WireOptions;
use super::poll::Polls;
use super::prepared::PreparedStatements;
use super::results::Results;
use super::standing::Standing;
use super::status::not_authenticated;
use super::stream::{ConnectionMark, Peer};
use crate::mysql::{Account, Credential, UserPlace};
use crate::session::{Client, Prepared, Response, Session};
use arrow::array::timezone::Tz;
use mooring_spi::{Error, Result, Value};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::MutexGuard;
use tokio_util::sync::CancellationToken;

/// How long a session without a connection is kept for its client to come back.
const ABANDONED: Duration = Duration::from_secs(60);

/// What an account has to be still, for the tokens that it opened to be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountMark {
    host: String,
    administrator: bool,
    credential: Credential,
}

impl AccountMark {
    pub(super) fn of(account: &Account) -> Self {
        Self {
            host: account.host.clone(),
            administrator: account.administrator,
            credential: account.credential.clone(),
        }
    }
}

/// What a session is opened with.
pub(super) struct Opened {
    pub(super) account: Account,
    /// The changes of accounts until then.
    pub(super) account_changes: u64,
    pub(super) close: CancellationToken,
    pub(super) lifetime: Duration,
    pub(super) place: UserPlace,
    /// Nobody on a network could read its token.
    pub(super) is_private: bool,
}

pub(super) struct FlightSession {
    client: Client,
    account: AccountMark,
    pub(super) standing: Standing,
    pub(super) is_private: bool,
    /// Statements run one after the other; their results are read at the same time.
    session: tokio::sync::Mutex<Session>,
    /// Cancelled when the session is over, by whatever: it ends what the session runs.
    pub(super) close: CancellationToken,
    expires: Instant,
    idle_limit_s: AtomicU64,
    last_used: Mutex<Instant>,
    /// That of the session after its last statement.
    zone: Mutex<Option<Tz>>,
    /// Those by which it was used, and that may be open.
    connections: Mutex<Vec<ConnectionMark>>,
    /// Calls that are not answered yet.
    calls: AtomicUsize,
    pub(super) options: Mutex<WireOptions>,
    pub(super) results: Arc<Results>,
    pub(super) prepared: PreparedStatements,
    pub(super) polls: Polls,
    _place: UserPlace,
}

/// A call of a session, which is not idle meanwhile.
pub(super) struct Busy(Arc<FlightSession>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.touch();
        self.0.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

impl FlightSession {
    pub(super) fn new(session: Session, client: Client, opened: Opened) -> Self {
        let now = Instant::now();
        let Opened { account, account_changes, close, lifetime, place, is_private } = opened;
        let zone = Mutex::new(session.time_zone().ok());
        Self {
            idle_limit_s: AtomicU64::new(session.idle_limit().as_secs()),
            client,
            account: AccountMark::of(&account),
            standing: Standing::new(account, account_changes),
            is_private,
            session: tokio::sync::Mutex::new(session),
            close,
            // A lifetime beyond what the clock can tell is one without end.
            expires: now
                .checked_add(lifetime)
                .unwrap_or(now + Duration::from_secs(u32::MAX.into())),
            last_used: Mutex::new(now),
            zone,
            connections: Mutex::default(),
            calls: AtomicUsize::new(0),
            options: Mutex::default(),
            results: Arc::default(),
            prepared: PreparedStatements::default(),
            polls: Polls::default(),
            _place: place,
        }
    }

    /// The connection id of its session.
    pub(super) fn id(&self) -> u32 {
        self.client.connection_id
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether the account is the one that opened it, unchanged.
    pub(super) fn is_of(&self, account: &Account) -> bool {
        self.account == AccountMark::of(account)
    }

    pub(super) fn enter(self: &Arc<Self>) -> Busy {
        self.calls.fetch_add(1, Ordering::AcqRel);
        Busy(self.clone())
    }

    /// It is idle from now on, unless something of it is used.
    pub(super) fn touch(&self) {
        *self.last_used.lock() = Instant::now();
    }

    pub(super) fn is_expired(&self, now: Instant) -> bool {
        now >= self.expires
    }

    /// Whether nothing of it is used, for longer than it may be idle.
    pub(super) fn is_idle(&self, now: Instant) -> bool {
        let limit = Duration::from_secs(self.idle_limit_s.load(Ordering::Relaxed));
        !self.is_busy() && now.saturating_duration_since(*self.last_used.lock()) >= limit
    }

    pub(super) fn zone(&self) -> Option<Tz> {
        *self.zone.lock()
    }

    /// What a statement may have changed, for those who do not wait for the session.
    fn follow(&self, session: &Session) {
        self.idle_limit_s.store(session.idle_limit().as_secs(), Ordering::Relaxed);
        *self.zone.lock() = session.time_zone().ok();
    }

    pub(super) fn note_connection(&self, peer: &Peer) {
        ConnectionMark::note(&mut self.connections.lock(), peer);
    }

    /// Whether its client has gone for good, as far as can be told: JDBC's says nothing when it closes
    /// a connection.
    pub(super) fn is_abandoned(&self, now: Instant) -> bool {
        !self.is_busy()
            && self.results.is_empty()
            && self.polls.is_empty()
            && !self.connections.lock().iter().any(ConnectionMark::is_open)
            && now.saturating_duration_since(*self.last_used.lock()) >= ABANDONED
    }

    pub(super) fn last_used(&self) -> Instant {
        *self.last_used.lock()
    }

    /// Whether nothing of it is open: its client would lose what it has set, and its token.
    pub(super) fn is_spare(&self) -> bool {
        !self.is_busy()
            && self.results.is_empty()
            && self.prepared.is_empty()
            && self.polls.is_empty()
    }

    /// Whether a call runs or a result is being read.
    pub(super) fn is_busy(&self) -> bool {
        self.calls.load(Ordering::Acquire) > 0 || self.results.is_being_read()
    }

    /// Ends what it runs and has open.
    pub(super) fn end(&self) {
        self.close.cancel();
        self.results.clear();
        self.prepared.clear();
        self.polls.clear();
    }

    /// Waits for the statements before.
    ///
    /// # Errors
    /// `AuthenticationFailed` when the session ends meanwhile.
    pub(super) async fn lock(&self) -> Result<MutexGuard<'_, Session>> {
        tokio::select! {
            biased;
            () = self.close.cancelled() => Err(ended()),
            session = self.session.lock() => Ok(session),
        }
    }

    /// # Errors
    /// As [`Session::execute`]; `AuthenticationFailed` when the session ends meanwhile.
    pub(super) async fn execute(&self, sql: &str) -> Result<Response> {
        let mut session = self.lock().await?;
        let response = self.unless_ended(session.execute(sql)).await;
        self.follow(&session);
        response
    }

    /// # Errors
    /// As [`Session::prepare`]; `AuthenticationFailed` when the session ends meanwhile.
    pub(super) async fn prepare(&self, sql: &str) -> Result<Prepared> {
        let mut session = self.lock().await?;
        self.unless_ended(session.prepare(sql)).await
    }

    /// # Errors
    /// As [`Session::execute_prepared`]; `AuthenticationFailed` when the session ends meanwhile.
    pub(super) async fn execute_prepared(
        &self,
        prepared: &Prepared,
        values: Vec<Value>,
    ) -> Result<Response> {
        let mut session = self.lock().await?;
        let response = self.unless_ended(session.execute_prepared(prepared, values)).await;
        self.follow(&session);
        response
    }

    pub(super) async fn unless_ended<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.close.cancelled() => Err(ended()),
        }
    }
}

pub(super) fn ended() -> Error {
    not_authenticated(
        "the session has ended: it was closed, killed, or idle for too long; log in again",
    )
}
