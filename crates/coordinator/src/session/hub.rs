//! All sessions of a coordinator: it opens them, lists them, and ends them on demand.

use super::long_statements::{LongStatement, LongStatements};
use super::state::Tracker;
use super::{Client, FIRST_CATALOG, FIRST_SCHEMA, Session};
use crate::accounts::StoredAccounts;
use crate::catalog_definitions::CatalogDefinitions;
use crate::information_schema::ServerView;
use crate::mysql::{MysqlSession, SessionFactory, SessionRequest};
use crate::query::{Query, Runner, cancelled, shortened};
use crate::statement::{Name, Process, ServerStatus, ServerVariables, Variables};
use async_trait::async_trait;
use mooring_engine::Catalogs;
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::StoredUser;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// The lower bits of a connection id count the connections of one coordinator, the upper ones are the
/// coordinator's number: an id is unique in the cluster and tells where a KILL has to go.
const CONNECTION_BITS: u32 = 21;

pub struct SessionHub {
    this: Weak<SessionHub>,
    runner: Runner,
    long_statements: LongStatements,
    variables: Arc<ServerVariables>,
    accounts: Arc<StoredAccounts>,
    definitions: Arc<CatalogDefinitions>,
    coordinator_number: u32,
    connections_made: AtomicU32,
    statements: AtomicU64,
    started: Instant,
    open: Mutex<BTreeMap<u32, OpenSession>>,
}

struct OpenSession {
    client: Client,
    database: Option<String>,
    close: CancellationToken,
    /// The last statement and when it began.
    statement: Option<(String, Instant)>,
    /// Whether the session is busy with it; its result may be read on after that.
    busy: bool,
    /// Cancelling it interrupts that statement.
    interrupt: CancellationToken,
    /// What statements have become that may not have ended: the last one at the end. There are
    /// several where a door lets results be read beside each other.
    queries: Vec<OpenQuery>,
    since: Instant,
}

struct OpenQuery {
    query: Weak<Query>,
    statement: (String, Instant),
}

impl OpenQuery {
    /// `None` when it has ended.
    fn running(&self) -> Option<Arc<Query>> {
        self.query.upgrade().filter(|query| !query.state().is_final())
    }
}

impl OpenSession {
    /// The statement that it is busy with, or the last one whose result is still read.
    fn running(&self) -> Option<&(String, Instant)> {
        match self.busy {
            true => self.statement.as_ref(),
            false => {
                let open = self.queries.iter().rev();
                open.filter(|one| one.running().is_some()).map(|one| &one.statement).next()
            }
        }
    }

    /// The query of [`OpenSession::running`].
    fn running_query(&self) -> Option<Arc<Query>> {
        let is_last =
            |one: &&OpenQuery| !self.busy || Some(&one.statement) == self.statement.as_ref();
        self.queries.iter().rev().filter(is_last).find_map(OpenQuery::running)
    }
}

impl SessionHub {
    /// `coordinator_number`: below 2048, and another for each coordinator of the cluster.
    pub fn new(
        runner: Runner,
        variables: ServerVariables,
        accounts: Arc<StoredAccounts>,
        definitions: Arc<CatalogDefinitions>,
        coordinator_number: u32,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: this.clone(),
            runner,
            long_statements: LongStatements::default(),
            variables: Arc::new(variables),
            accounts,
            definitions,
            coordinator_number,
            connections_made: AtomicU32::new(0),
            statements: AtomicU64::new(0),
            started: Instant::now(),
            open: Mutex::default(),
        })
    }

    /// Waits until a statement of `length` bytes may be read and planned.
    ///
    /// # Errors
    /// `LimitExceeded` when it waited too long.
    pub(super) async fn long_statement(&self, length: usize) -> Result<Option<LongStatement>> {
        self.long_statements.admit(length, self.runner.queries.settings().queue_timeout).await
    }

    /// The users, and their changes.
    pub fn accounts(&self) -> &StoredAccounts {
        &self.accounts
    }

    /// The catalogs that statements define.
    pub(super) fn definitions(&self) -> &Arc<CatalogDefinitions> {
        &self.definitions
    }

    /// The open sessions as SHOW PROCESSLIST prints them: all to an administrator, a user's own to
    /// every other one.
    pub fn processes(&self, by: &Client) -> Vec<Process> {
        let open = self.open.lock();
        let process = |session: &OpenSession| {
            let running = session.running();
            let since = running.map_or(session.since, |(_, since)| *since);
            let query = session.running_query();
            Process {
                connection_id: session.client.connection_id,
                user: session.client.user.clone(),
                host: session.client.address.to_string(),
                database: session.database.clone(),
                command: if running.is_some() { "Query" } else { "Sleep" }.to_string(),
                seconds: since.elapsed().as_secs(),
                state: running.and(query).map(|query| query.state().as_str().to_string()),
                statement: running.map(|(statement, _)| statement.clone()),
            }
        };
        let visible = |session: &&OpenSession| by.administrator || session.client.user == by.user;
        open.values().filter(visible).map(process).collect()
    }

    pub fn status(&self) -> ServerStatus {
        let open = self.open.lock();
        let running = open.values().filter(|session| session.running().is_some()).count();
        ServerStatus {
            uptime_seconds: self.started.elapsed().as_secs(),
            connections: open.len() as u64,
            statements: self.statements.load(Ordering::Relaxed),
            running_statements: running as u64,
        }
    }

    /// Ends a statement, or the session with it. A user may end its own.
    ///
    /// # Errors
    /// `ConnectionNotFound` for a connection that is not there, `AccessDenied` for another user's.
    pub fn kill(&self, connection_id: u32, query_only: bool, by: &Client) -> Result<()> {
        let coordinator_number = connection_id >> CONNECTION_BITS;
        if coordinator_number != self.coordinator_number {
            return Err(Error::new(
                ErrorKind::ConnectionNotFound,
                format!(
                    "connection `{connection_id}` belongs to coordinator {coordinator_number}, and this is {}; \
                     send the KILL there",
                    self.coordinator_number
                ),
            ));
        }
        let open = self.open.lock();
        let session = open.get(&connection_id).ok_or_else(|| {
            Error::new(
                ErrorKind::ConnectionNotFound,
                format!("unknown connection id `{connection_id}`; see SHOW PROCESSLIST"),
            )
        })?;
        if session.client.user != by.user && !by.administrator {
            return Err(Error::new(
                ErrorKind::AccessDenied,
                format!("connection `{connection_id}` belongs to another user"),
            ));
        }
        session.interrupt.cancel();
        for query in session.queries.iter().filter_map(|one| one.query.upgrade()) {
            query.cancel.cancel();
        }
        if !query_only {
            session.close.cancel();
        }
        Ok(())
    }

    fn enter(&self, client: &Client, close: CancellationToken) -> SessionPlace {
        let session = OpenSession {
            client: client.clone(),
            database: None,
            close,
            statement: None,
            busy: false,
            interrupt: CancellationToken::new(),
            queries: Vec::new(),
            since: Instant::now(),
        };
        self.open.lock().insert(client.connection_id, session);
        SessionPlace { hub: self.this.clone(), connection_id: client.connection_id }
    }
}

#[async_trait]
impl ServerView for SessionHub {
    fn processes(&self, by: &Client) -> Vec<Process> {
        self.processes(by)
    }

    fn status(&self) -> ServerStatus {
        self.status()
    }

    async fn users(&self) -> Result<Vec<StoredUser>> {
        self.accounts.users().await
    }
}

#[async_trait]
impl SessionFactory for SessionHub {
    fn next_connection_id(&self) -> u32 {
        let counter_mask = (1 << CONNECTION_BITS) - 1;
        let open = self.open.lock();
        loop {
            let made = self.connections_made.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            let id = (self.coordinator_number << CONNECTION_BITS) | (made & counter_mask);
            // 0 is what clients take for no connection.
            if id & counter_mask != 0 && !open.contains_key(&id) {
                return id;
            }
        }
    }

    async fn open(&self, request: SessionRequest) -> Result<Box<dyn MysqlSession>> {
        Ok(Box::new(self.open_session(request).await?))
    }
}

impl SessionHub {
    /// # Errors
    /// `CatalogNotFound`, `SchemaNotFound` for the database.
    pub(crate) async fn open_session(&self, request: SessionRequest) -> Result<Session> {
        let hub = self
            .this
            .upgrade()
            .ok_or_else(|| Error::new(ErrorKind::ShuttingDown, "the server is shutting down"))?;
        let place = self.enter(&request.client, request.close);
        let variables = Variables::new(self.variables.clone());
        let mut session = Session {
            tracker: Tracker::new(&variables),
            client: request.client,
            runner: self.runner.clone(),
            hub,
            place,
            catalog: FIRST_CATALOG.to_string(),
            schema: Some(FIRST_SCHEMA.to_string()),
            variables,
            warnings: Vec::new(),
            first_rows_wait: None,
        };
        session.place.set_database(session.database_label());
        if let Some(database) = request.database {
            session.enter(&Name(vec![database])).await?;
            // The client asked for it, and an error would have told that it is not so.
            session.take_changes();
        }
        Ok(session)
    }

    /// All catalogs, for a door that lists them.
    pub(crate) fn catalogs(&self) -> &Arc<Catalogs> {
        self.runner.engine.catalogs()
    }

    /// Where what computes runs, away from the doors' threads.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runner.runtime
    }
}

/// A session's line in the list; it goes with the session.
pub(super) struct SessionPlace {
    hub: Weak<SessionHub>,
    connection_id: u32,
}

impl SessionPlace {
    fn update(&self, change: impl FnOnce(&SessionHub, &mut OpenSession)) {
        if let Some(hub) = self.hub.upgrade()
            && let Some(session) = hub.open.lock().get_mut(&self.connection_id)
        {
            change(&hub, session);
        }
    }

    pub fn set_database(&self, database: Option<String>) {
        self.update(|_, session| session.database = database);
    }

    /// Lists a statement until the answer is dropped.
    pub fn begin(&self, statement: &str) -> RunningStatement {
        let interrupt = CancellationToken::new();
        let statement = shortened(statement);
        self.update(|hub, session| {
            hub.statements.fetch_add(1, Ordering::Relaxed);
            session.statement = Some((statement, Instant::now()));
            session.busy = true;
            session.interrupt = interrupt.clone();
            session.queries.retain(|one| one.running().is_some());
        });
        let place = SessionPlace { hub: self.hub.clone(), connection_id: self.connection_id };
        RunningStatement { place, interrupt }
    }

    /// Names the query that the running statement has become.
    pub fn set_query(&self, query: &Arc<Query>) {
        self.update(|_, session| {
            if let Some(statement) = session.statement.clone() {
                session.queries.push(OpenQuery { query: Arc::downgrade(query), statement });
            }
        });
    }

    fn leave(&self) {
        if let Some(hub) = self.hub.upgrade() {
            hub.open.lock().remove(&self.connection_id);
        }
    }

    fn idle(&self) {
        self.update(|_, session| {
            session.busy = false;
            session.since = Instant::now();
        });
    }
}

pub(super) struct RunningStatement {
    place: SessionPlace,
    interrupt: CancellationToken,
}

impl RunningStatement {
    /// Does what the statement asks for, unless KILL interrupts it; a query that it has begun ends
    /// with it.
    ///
    /// # Errors
    /// `Cancelled`, and those of `work`.
    pub async fn unless_killed<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            done = work => done,
            () = self.interrupt.cancelled() => Err(cancelled()),
        }
    }
}

impl Drop for RunningStatement {
    fn drop(&mut self) {
        self.place.idle();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.place.leave();
    }
}
