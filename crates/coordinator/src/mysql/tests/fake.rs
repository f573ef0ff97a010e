//! A door with a fake session behind it.

use super::super::*;
use crate::session::{Completion, ResultSet};
use crate::statement::{LikePattern, SqlMode, statement_places};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use mooring_spi::{Error, ErrorKind};
use prometheus_client::metrics::counter::Counter;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What happens behind the door.
#[derive(Default)]
pub(super) struct Behind {
    pub(super) ids: AtomicU32,
    pub(super) dropped: Notify,
    pub(super) is_dropped: AtomicBool,
    pub(super) close: parking_lot::Mutex<Option<CancellationToken>>,
    /// Whoever got a session, in turn.
    pub(super) clients: parking_lot::Mutex<Vec<Client>>,
    /// Sessions that are open.
    pub(super) sessions: AtomicU32,
    /// The connections that COM_PROCESS_KILL named.
    pub(super) killed: parking_lot::Mutex<Vec<u32>>,
}

#[async_trait]
impl Accounts for Behind {
    async fn find(&self, user: &str, _address: IpAddr) -> Result<Option<Account>> {
        let tls = match user {
            "tls" => TlsRequirement::Ssl,
            "certificate" => TlsRequirement::Subject {
                subject: "/O=Example/CN=ana".to_owned(),
                issuer: Some("/CN=authority".to_owned()),
            },
            _ => TlsRequirement::None,
        };
        let (plugin, credential) = match user {
            "open" | "tls" | "certificate" => {
                (AuthPlugin::CachingSha2Password, Credential::NoPassword)
            }
            "sha" | "locked" => (
                AuthPlugin::CachingSha2Password,
                // "secret", computed with Python's hashlib
                Credential::CachingSha2(
                    "$A$005$012345678901234567895fkz3MBocEd.OaaR71/j.w9RXSrKttgCSpI2fGX1100".into(),
                ),
            ),
            "token" => (AuthPlugin::Jwt, Credential::Token),
            "native" => {
                (AuthPlugin::NativePassword, Credential::Native(native_credential("secret")))
            }
            _ => return Ok(None),
        };
        Ok(Some(Account {
            user: user.to_owned(),
            host: "%".to_owned(),
            locked: user == "locked",
            administrator: false,
            plugin,
            credential,
            tls,
        }))
    }
}

pub(super) struct Factory(Arc<Behind>);

#[async_trait]
impl SessionFactory for Factory {
    fn next_connection_id(&self) -> u32 {
        self.0.ids.fetch_add(1, Ordering::Relaxed) + 1
    }

    async fn open(&self, request: SessionRequest) -> Result<Box<dyn MysqlSession>> {
        if request.database.as_deref() == Some("nowhere") {
            return Err(Error::new(ErrorKind::SchemaNotFound, "no schema `nowhere`"));
        }
        *self.0.close.lock() = Some(request.close);
        self.0.clients.lock().push(request.client);
        self.0.sessions.fetch_add(1, Ordering::AcqRel);
        let (behind, changes) = (self.0.clone(), SessionChanges::default());
        Ok(Box::new(FakeSession { behind, state: FRESH, changes }))
    }
}

pub(super) struct FakeSession {
    behind: Arc<Behind>,
    state: SessionState,
    changes: SessionChanges,
}

const FRESH: SessionState = SessionState {
    autocommit: true,
    in_transaction: false,
    sql_mode: SqlMode { ansi_quotes: false, no_backslash_escapes: false, pipes_as_or: false },
    warnings: 0,
};

/// Where a prepared statement's text is kept.
const TEXT: &str = "text";

impl Drop for FakeSession {
    fn drop(&mut self) {
        self.behind.sessions.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Tells that a running statement was dropped.
pub(super) struct Running(Arc<Behind>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_dropped.store(true, Ordering::Release);
        self.0.dropped.notify_one();
    }
}

pub(super) fn columns() -> Vec<OutputColumn> {
    [("n", DataType::Int64), ("t", DataType::Utf8)]
        .map(|(name, data_type)| OutputColumn {
            label: name.to_owned(),
            field: Arc::new(Field::new(name, data_type, true)),
        })
        .to_vec()
}

pub(super) fn batch(rows: i64) -> RecordBatch {
    let fields: Vec<_> = columns().into_iter().map(|column| column.field).collect();
    let numbers = Int64Array::from_iter_values(0..rows);
    let texts = StringArray::from_iter_values((0..rows).map(|row| format!("row {row}")));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(numbers), Arc::new(texts)])
        .expect("a batch")
}

/// One row: a number, and a text of so many bytes.
fn long_row(bytes: usize) -> RecordBatch {
    let fields: Vec<_> = columns().into_iter().map(|column| column.field).collect();
    let text = StringArray::from(vec!["x".repeat(bytes)]);
    let number = Int64Array::from(vec![0]);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(number), Arc::new(text)])
        .expect("a batch")
}

impl FakeSession {
    /// What one statement does, by its text.
    fn run(&mut self, sql: &str) -> Result<Response> {
        let running = Running(self.behind.clone());
        self.state.warnings = 0;
        let batches = match sql.trim() {
            "SET x" => {
                return Ok(Response::Done(Completion {
                    affected_rows: 3,
                    warnings: 1,
                    ..Default::default()
                }));
            }
            "BEGIN" => {
                self.state.in_transaction = true;
                return Ok(Response::Done(Completion::default()));
            }
            "SET time_zone" => {
                self.changes.variables.push(("time_zone".to_owned(), "+02:00".to_owned()));
                return Ok(Response::Done(Completion::default()));
            }
            "SET no_backslash_escapes" => {
                self.state.sql_mode.no_backslash_escapes = true;
                return Ok(Response::Done(Completion::default()));
            }
            "panic" => panic!("as asked"),
            "wrong" => {
                return Err(Error::new(ErrorKind::TableNotFound, "table `x` does not exist"));
            }
            "rows" => futures::stream::iter([Ok(batch(2)), Ok(batch(1))]).boxed(),
            "rows with warnings" => {
                self.state.warnings = 2;
                futures::stream::iter([Ok(batch(1))]).boxed()
            }
            "wrong later" => {
                let error = Error::new(ErrorKind::SourceUnavailable, "gone");
                futures::stream::iter([Ok(batch(2)), Err(error)]).boxed()
            }
            "for ever" => {
                futures::stream::iter([Ok(batch(2))]).chain(futures::stream::pending()).boxed()
            }
            "flood" => futures::stream::repeat_with(|| Ok(batch(1000))).boxed(),
            other => match other.strip_prefix("long ").and_then(|bytes| bytes.parse().ok()) {
                Some(bytes) => futures::stream::iter([Ok(long_row(bytes))]).boxed(),
                None => return Err(Error::unsupported(other)),
            },
        };
        let batches = batches.map(move |batch| {
            let _held = &running;
            batch
        });
        Ok(Response::Rows(ResultSet { columns: columns(), batches: batches.boxed() }))
    }
}

/// A row of the values as Rust shows them, one column each.
fn echo(values: &[Value], columns: &[OutputColumn]) -> RecordBatch {
    let array = |value: &Value| Arc::new(StringArray::from(vec![format!("{value:?}")])) as ArrayRef;
    let fields: Vec<_> = columns.iter().map(|column| column.field.clone()).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), values.iter().map(array).collect())
        .expect("a batch")
}

#[async_trait]
impl MysqlSession for FakeSession {
    async fn execute(&mut self, sql: &str) -> Result<Response> {
        self.run(sql)
    }

    async fn use_database(&mut self, database: &str) -> Result<()> {
        match database {
            "tpch.tiny" => {
                self.changes.database = Some(database.to_owned());
                Ok(())
            }
            other => Err(Error::new(ErrorKind::SchemaNotFound, other)),
        }
    }

    async fn table_columns(&mut self, _table: &str, pattern: &str) -> Result<Vec<OutputColumn>> {
        let wanted = |column: &OutputColumn| {
            pattern.is_empty() || LikePattern::new(pattern).matches(&column.label)
        };
        Ok(columns().into_iter().filter(wanted).collect())
    }

    /// `echo ? ?` shows its parameters, `echo binary ?` has one in a place for bytes, and every
    /// other text is a statement as it is executed.
    async fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        let kind = if sql.contains("binary") { DataType::Binary } else { DataType::Null };
        let parameters = vec![kind; sql.matches('?').count()];
        let mut columns = match sql {
            "wrong" => return Err(Error::new(ErrorKind::TableNotFound, "no `x`")),
            "SET x" => Vec::new(),
            echo if echo.starts_with("echo") => {
                let field = Arc::new(Field::new("p", DataType::Utf8, true));
                let column = OutputColumn { label: "p".to_owned(), field };
                vec![column; parameters.len()]
            }
            _ => columns(),
        };
        for column in &mut columns {
            let field = column.field.as_ref().clone();
            let metadata = [(TEXT.to_owned(), sql.to_owned())].into();
            column.field = Arc::new(field.with_metadata(metadata));
        }
        Ok(Prepared::new(parameters, columns, sql))
    }

    async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Response> {
        let columns = prepared.columns.clone();
        let text = columns.first().and_then(|column| column.field.metadata().get(TEXT));
        match text.map(String::as_str) {
            Some(text) if !text.starts_with("echo") => self.run(text),
            Some(_) => {
                let batch = echo(&parameters, &columns);
                let batches = futures::stream::iter([Ok(batch)]).boxed();
                Ok(Response::Rows(ResultSet { columns, batches }))
            }
            None => self.run("SET x"),
        }
    }

    async fn statements(&self, text: &str) -> Vec<Range<usize>> {
        statement_places(text, self.state.sql_mode)
    }

    async fn reset(&mut self) -> Result<()> {
        self.state = FRESH;
        Ok(())
    }

    fn kill(&self, connection_id: u32) -> Result<()> {
        if connection_id == 404 {
            return Err(Error::new(ErrorKind::InvalidArgument, "no connection `404`"));
        }
        self.behind.killed.lock().push(connection_id);
        Ok(())
    }

    async fn processes(&mut self) -> Result<Response> {
        self.run("rows")
    }

    fn state(&self) -> SessionState {
        self.state
    }

    fn take_changes(&mut self) -> SessionChanges {
        std::mem::take(&mut self.changes)
    }
}

/// Without TLS and with room for ten.
pub(super) fn settings() -> MysqlSettings {
    MysqlSettings {
        connections_max: 10,
        connections_per_user_max: 0,
        handshake_timeout_ms: 60_000,
        handshake_max_bytes: 72 << 10,
        wait_timeout_s: 60,
        write_timeout_s: 60,
        max_allowed_packet_bytes: 1 << 20,
        prepared_statements_max: 100,
        login_failures_max: 3,
        login_delay_max_ms: 1,
        tcp_keepalive_s: 60,
        tls: None,
        require_tls: false,
        proxy_networks: Vec::new(),
        unknown_user_key: [0; 32],
    }
}

/// A door that takes no connections, and the logins that failed at it.
pub(crate) fn closed_door(verifier: Arc<dyn PasswordVerifier>) -> (Arc<MysqlDoor>, Counter) {
    let behind = Arc::new(Behind::default());
    let factory = Arc::new(Factory(behind.clone()));
    let metrics = MysqlMetrics::default();
    let failed = metrics.logins_failed.clone();
    (MysqlDoor::new(settings(), behind, factory, metrics, verifier), failed)
}

pub(super) struct Door {
    pub(super) behind: Arc<Behind>,
    pub(super) address: std::net::SocketAddr,
    pub(super) stop: CancellationToken,
    pub(super) task: tokio::task::JoinHandle<()>,
}

impl Door {
    pub(super) async fn open_with(connections_max: usize, handshake_timeout_ms: u64) -> Self {
        Self::open_as(MysqlSettings { connections_max, handshake_timeout_ms, ..settings() }).await
    }

    pub(super) async fn open_as(settings: MysqlSettings) -> Self {
        Self::open_verified(settings, Arc::new(StoredCredentials::default())).await
    }

    pub(super) async fn open_verified(
        settings: MysqlSettings,
        verifier: Arc<dyn PasswordVerifier>,
    ) -> Self {
        let behind = Arc::new(Behind::default());
        let factory = Arc::new(Factory(behind.clone()));
        let metrics = MysqlMetrics::default();
        let door = MysqlDoor::new(settings, behind.clone(), factory, metrics, verifier);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(door.serve(listener, stop.clone()));
        Self { behind, address, stop, task }
    }

    pub(super) async fn open() -> Self {
        Self::open_as(settings()).await
    }

    pub(super) async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}
