//! A door with a fake session behind it.

use super::super::*;
use crate::session::{Completion, ResultSet};
use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use mooring_spi::{Error, ErrorKind};
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
        Ok(Box::new(FakeSession(self.0.clone())))
    }
}

pub(super) struct FakeSession(Arc<Behind>);

impl Drop for FakeSession {
    fn drop(&mut self) {
        self.0.sessions.fetch_sub(1, Ordering::AcqRel);
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

#[async_trait]
impl MysqlSession for FakeSession {
    async fn execute(&mut self, sql: &str) -> Result<Response> {
        let running = Running(self.0.clone());
        let batches = match sql {
            "SET x" => {
                return Ok(Response::Done(Completion {
                    affected_rows: 3,
                    warnings: 1,
                    ..Default::default()
                }));
            }
            "panic" => panic!("as asked"),
            "wrong" => {
                return Err(Error::new(ErrorKind::TableNotFound, "table `x` does not exist"));
            }
            "rows" => futures::stream::iter([Ok(batch(2)), Ok(batch(1))]).boxed(),
            "wrong later" => {
                let error = Error::new(ErrorKind::SourceUnavailable, "gone");
                futures::stream::iter([Ok(batch(2)), Err(error)]).boxed()
            }
            "for ever" => {
                futures::stream::iter([Ok(batch(2))]).chain(futures::stream::pending()).boxed()
            }
            "flood" => futures::stream::repeat_with(|| Ok(batch(1000))).boxed(),
            other => return Err(Error::unsupported(other)),
        };
        let batches = batches.map(move |batch| {
            let _held = &running;
            batch
        });
        Ok(Response::Rows(ResultSet { columns: columns(), batches: batches.boxed() }))
    }

    async fn use_database(&mut self, database: &str) -> Result<()> {
        match database {
            "tpch.tiny" => Ok(()),
            other => Err(Error::new(ErrorKind::SchemaNotFound, other)),
        }
    }

    async fn table_columns(&self, _table: &str) -> Result<Vec<OutputColumn>> {
        Ok(columns())
    }

    async fn prepare(&mut self, _sql: &str) -> Result<Prepared> {
        Ok(Prepared::new(Vec::new(), Vec::new(), ""))
    }

    async fn execute_prepared(
        &mut self,
        _prepared: &Prepared,
        _parameters: Vec<Value>,
    ) -> Result<Response> {
        Ok(Response::Done(Completion::default()))
    }
}

/// Without TLS and with room for ten.
pub(super) fn settings() -> MysqlSettings {
    MysqlSettings {
        connections_max: 10,
        connections_per_user_max: 0,
        handshake_timeout_ms: 60_000,
        wait_timeout_s: 60,
        write_timeout_s: 60,
        max_allowed_packet_bytes: 1 << 20,
        login_failures_max: 3,
        login_delay_max_ms: 1,
        tcp_keepalive_s: 60,
        tls: None,
        require_tls: false,
        proxy_networks: Vec::new(),
        unknown_user_key: [0; 32],
    }
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
        let door = MysqlDoor::with_verifier(settings, behind.clone(), factory, metrics, verifier);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(door.serve(listener, stop.clone()));
        Self { behind, address, stop, task }
    }

    pub(super) async fn open() -> Self {
        Self::open_with(10, 60_000).await
    }

    pub(super) async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}
