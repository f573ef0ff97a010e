//! The door as a client meets it: a real listener, a fake session behind it, and a client made of
//! `mysql_common`'s own packets and scrambles.

use super::wire::Decoder;
use super::*;
use crate::session::{Completion, ResultSet};
use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use futures::StreamExt;
use mooring_spi::{Error, ErrorKind};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{self, HandshakePacket, HandshakeResponse};
use mysql_common::proto::{MyDeserialize, MySerialize};
use rsa::pkcs8::DecodePublicKey;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(60);

/// What happens behind the door.
#[derive(Default)]
struct Behind {
    ids: AtomicU32,
    dropped: Notify,
    is_dropped: AtomicBool,
    close: parking_lot::Mutex<Option<CancellationToken>>,
}

#[async_trait]
impl Accounts for Behind {
    async fn find(&self, user: &str, _address: IpAddr) -> Result<Option<Account>> {
        let (plugin, credential) = match user {
            "open" => (AuthPlugin::CachingSha2Password, Credential::NoPassword),
            "sha" => (
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
        Ok(Some(Account { user: user.to_owned(), plugin, credential }))
    }
}

struct Factory(Arc<Behind>);

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
        Ok(Box::new(FakeSession(self.0.clone())))
    }
}

struct FakeSession(Arc<Behind>);

/// Tells that a running statement was dropped.
struct Running(Arc<Behind>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.is_dropped.store(true, Ordering::Release);
        self.0.dropped.notify_one();
    }
}

fn columns() -> Vec<OutputColumn> {
    [("n", DataType::Int64), ("t", DataType::Utf8)]
        .map(|(name, data_type)| OutputColumn {
            label: name.to_owned(),
            field: Arc::new(Field::new(name, data_type, true)),
        })
        .to_vec()
}

fn batch(rows: i64) -> RecordBatch {
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
}

struct Door {
    behind: Arc<Behind>,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Door {
    async fn open_with(connections_max: usize, handshake_timeout_ms: u64) -> Self {
        let settings = MysqlSettings {
            connections_max,
            handshake_timeout_ms,
            wait_timeout_s: 60,
            write_timeout_s: 60,
            max_allowed_packet_bytes: 1 << 20,
        };
        let behind = Arc::new(Behind::default());
        let factory = Arc::new(Factory(behind.clone()));
        let door = MysqlDoor::new(settings, behind.clone(), factory, MysqlMetrics::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let task = tokio::spawn(door.serve(listener, stop.clone()));
        Self { behind, address, stop, task }
    }

    async fn open() -> Self {
        Self::open_with(10, 60_000).await
    }

    async fn socket(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

/// One side of the protocol, as little of it as the tests need.
struct Peer {
    stream: TcpStream,
    sequence: u8,
    capabilities: CapabilityFlags,
}

impl Peer {
    async fn send(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
        let packet = [&length[..3], &[self.sequence], payload].concat();
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&packet).await.expect("written");
    }

    /// `None` at the end of the connection.
    async fn receive(&mut self) -> Option<Vec<u8>> {
        let mut header = [0; 4];
        let read = tokio::time::timeout(PATIENCE, self.stream.read_exact(&mut header)).await;
        read.expect("in time").ok()?;
        assert_eq!(header[3], self.sequence, "sequence");
        self.sequence = self.sequence.wrapping_add(1);
        let mut payload =
            vec![0; u32::from_le_bytes([header[0], header[1], header[2], 0]) as usize];
        self.stream.read_exact(&mut payload).await.expect("the payload");
        Some(payload)
    }

    async fn answer(&mut self) -> Vec<u8> {
        self.receive().await.expect("a packet")
    }

    /// Sends a command and takes the first packet of its answer.
    async fn command(&mut self, payload: &[u8]) -> Vec<u8> {
        self.sequence = 0;
        self.send(payload).await;
        self.answer().await
    }

    async fn query(&mut self, sql: &str) -> Vec<u8> {
        self.command(&[b"\x03", sql.as_bytes()].concat()).await
    }

    /// The rows of an answer whose first packet is taken, and the packet that ends them.
    async fn rows(&mut self) -> (Vec<Vec<String>>, Vec<u8>) {
        for _ in columns() {
            assert_eq!(&self.answer().await[..4], b"\x03def");
        }
        if !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
            assert_eq!(self.answer().await, [0xFE, 0, 0, 2, 0]);
        }
        let mut rows = Vec::new();
        loop {
            let packet = self.answer().await;
            if matches!(packet[0], 0xFE | 0xFF) {
                return (rows, packet);
            }
            let mut decoder = Decoder::new(&packet);
            let mut row = Vec::new();
            while !decoder.is_empty() {
                row.push(String::from_utf8_lossy(decoder.string().expect("a value")).into_owned());
            }
            rows.push(row);
        }
    }

    async fn connect(door: &Door) -> (Self, HandshakePacket<'static>) {
        let capabilities = handshake::CAPABILITIES;
        let mut peer = Self { stream: door.socket().await, sequence: 0, capabilities };
        let payload = peer.answer().await;
        let greeting = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).expect("greeting");
        (peer, greeting.into_owned())
    }

    async fn respond(
        &mut self,
        user: &str,
        scramble: Option<Vec<u8>>,
        plugin: packets::AuthPlugin<'_>,
        database: Option<&str>,
    ) -> Vec<u8> {
        let mut payload = Vec::new();
        HandshakeResponse::new(
            scramble,
            (8, 0, 36),
            Some(user.as_bytes()),
            database.map(str::as_bytes),
            Some(plugin),
            self.capabilities,
            None,
            1 << 24,
        )
        .serialize(&mut payload);
        self.send(&payload).await;
        self.answer().await
    }

    /// A session of the account without password.
    async fn open(door: &Door) -> Self {
        let (mut peer, _) = Self::connect(door).await;
        let answer =
            peer.respond("open", None, packets::AuthPlugin::CachingSha2Password, None).await;
        assert_eq!(answer[0], 0, "OK");
        peer
    }

    /// Logs in by `caching_sha2_password`; the first byte of the last packet, and whether the
    /// server was content with the fast proof.
    async fn log_in(door: &Door, user: &str, password: &str) -> (Vec<u8>, bool) {
        let (mut peer, greeting) = Self::connect(door).await;
        let nonce: [u8; 20] = greeting.nonce().try_into().expect("20 bytes");
        let scramble = mysql_common::auth::plugins::caching_sha2_password::scramble_sha256(
            &nonce,
            password.as_bytes(),
        );
        let plugin = packets::AuthPlugin::CachingSha2Password;
        let answer = peer.respond(user, scramble.map(Vec::from), plugin, None).await;
        if answer == [1, 3] {
            return (peer.answer().await, true);
        }
        if answer != [1, 4] {
            return (answer, false);
        }
        peer.send(&[2]).await;
        let pem = peer.answer().await;
        let key =
            rsa::RsaPublicKey::from_public_key_pem(std::str::from_utf8(&pem[1..]).expect("PEM"))
                .expect("a key");
        let masked: Vec<u8> = [password.as_bytes(), &[0]]
            .concat()
            .iter()
            .zip(nonce.iter().cycle())
            .map(|(a, b)| a ^ b)
            .collect();
        let encrypted = key
            .encrypt(&mut rand::thread_rng(), rsa::Oaep::new::<sha1::Sha1>(), &masked)
            .expect("encrypted");
        peer.send(&encrypted).await;
        (peer.answer().await, false)
    }
}

/// Number, SQLSTATE and text of an ERR packet.
fn error(packet: &[u8]) -> (u16, String, String) {
    assert_eq!(packet[0], 0xFF, "an error");
    let text = String::from_utf8_lossy(&packet[9..]).into_owned();
    let state = String::from_utf8_lossy(&packet[4..9]).into_owned();
    (u16::from_le_bytes([packet[1], packet[2]]), state, text)
}

#[tokio::test]
async fn the_second_login_is_fast_and_a_wrong_password_is_denied() {
    let door = Door::open().await;
    let denied = "Access denied for user 'sha'@'127.0.0.1' (using password: YES)";
    let (answer, _) = Peer::log_in(&door, "sha", "wrong").await;
    assert_eq!(error(&answer), (1045, "28000".to_owned(), denied.to_owned()));
    let (answer, fast) = Peer::log_in(&door, "sha", "secret").await;
    assert_eq!((answer[0], fast), (0, false));
    let (answer, fast) = Peer::log_in(&door, "sha", "secret").await;
    assert_eq!((answer[0], fast), (0, true));
    let (answer, fast) = Peer::log_in(&door, "sha", "wrong").await;
    assert_eq!((error(&answer).0, fast), (1045, false));
}

#[tokio::test]
async fn an_unknown_user_meets_the_same_exchange() {
    let door = Door::open().await;
    let (answer, fast) = Peer::log_in(&door, "nobody", "secret").await;
    assert_eq!((error(&answer).0, fast), (1045, false));
    let (answer, _) = Peer::log_in(&door, "nobody", "").await;
    assert!(error(&answer).2.ends_with("(using password: NO)"));
    let (answer, _) = Peer::log_in(&door, "open", "something").await;
    assert_eq!(error(&answer).0, 1045);
}

#[tokio::test]
async fn a_client_is_switched_to_the_plugin_of_its_account() {
    let door = Door::open().await;
    for (password, expected) in [("secret", 0), ("wrong", 0xFF)] {
        let (mut peer, _) = Peer::connect(&door).await;
        let plugin = packets::AuthPlugin::CachingSha2Password;
        let payload = peer.respond("native", Some(vec![1; 32]), plugin, None).await;
        let request = packets::AuthSwitchRequest::deserialize((), &mut ParseBuf(&payload));
        let request = request.expect("a request to switch");
        assert_eq!(request.auth_plugin(), packets::AuthPlugin::MysqlNativePassword);
        let scramble = mysql_common::auth::plugins::mysql_native_password::scramble_native(
            request.plugin_data(),
            password.as_bytes(),
        );
        peer.send(&scramble.expect("a scramble")).await;
        assert_eq!(peer.answer().await[0], expected);
    }
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = packets::AuthPlugin::MysqlNativePassword;
    let payload = peer.respond("sha", Some(vec![1; 20]), plugin, None).await;
    assert_eq!(&payload[..22], b"\xFEcaching_sha2_password");
}

#[tokio::test]
async fn the_database_of_the_handshake_may_be_refused() {
    let door = Door::open().await;
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = packets::AuthPlugin::CachingSha2Password;
    let answer = peer.respond("open", None, plugin, Some("nowhere")).await;
    assert_eq!((error(&answer).0, error(&answer).1.as_str()), (1049, "42000"));
    assert_eq!(peer.receive().await, None);
}

#[tokio::test]
async fn rows_come_with_and_without_deprecated_eof() {
    let door = Door::open().await;
    let expected = [["0", "row 0"], ["1", "row 1"], ["0", "row 0"]];
    for deprecated in [true, false] {
        let (mut peer, _) = Peer::connect(&door).await;
        peer.capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        peer.respond("open", None, packets::AuthPlugin::CachingSha2Password, None).await;
        assert_eq!(peer.query("rows").await, [2]);
        let (rows, end) = peer.rows().await;
        assert_eq!(rows, expected);
        let end_expected: &[u8] =
            if deprecated { &[0xFE, 0, 0, 2, 0, 0, 0] } else { &[0xFE, 0, 0, 2, 0] };
        assert_eq!(end, end_expected);
    }
}

#[tokio::test]
async fn every_command_has_its_answer() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    assert_eq!(peer.command(b"\x0E").await, [0, 0, 0, 2, 0, 0, 0]); // COM_PING
    assert_eq!(peer.query("SET x").await, [0, 3, 0, 2, 0, 1, 0]);
    assert_eq!(peer.command(b"\x02tpch.tiny").await[0], 0);
    assert_eq!(error(&peer.command(b"\x02nowhere").await).0, 1049);
    assert_eq!(error(&peer.query("wrong").await).1, "42S02");
    assert_eq!(error(&peer.command(b"\x03\xFF\xFE").await).0, 1300);
    let statistics = peer.command(b"\x09").await;
    assert!(statistics.starts_with(b"Uptime: ") && statistics.ends_with(b"0"));
    for unknown in [0x11, 0x16, 0x1F] {
        let (errno, state, _) = error(&peer.command(&[unknown, 0]).await);
        assert_eq!((errno, state.as_str()), (1047, "08S01"));
    }
    let definition = peer.command(b"\x04lineitem\0t%").await;
    assert!(definition.ends_with(&[0, 0, 0xFB]));
    assert_eq!(peer.answer().await[0], 0xFE);
    peer.sequence = 0;
    peer.send(b"\x01").await;
    assert_eq!(peer.receive().await, None);
}

#[tokio::test]
async fn an_error_after_rows_ends_them_and_the_session_goes_on() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    peer.query("wrong later").await;
    let (rows, end) = peer.rows().await;
    assert_eq!((rows.len(), error(&end).0), (2, 1429));
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_turn() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let ping = [1, 0, 0, 0, 0x0E];
    let close = [5, 0, 0, 0, 0x19, 1, 0, 0, 0]; // COM_STMT_CLOSE, which has no answer
    let segment = [&ping[..], &close, &ping, &[5, 0, 0, 0, 3], b"rows", &ping].concat();
    peer.stream.write_all(&segment).await.expect("written");
    for _ in 0..2 {
        peer.sequence = 1;
        assert_eq!(peer.answer().await[0], 0);
    }
    peer.sequence = 1;
    assert_eq!(peer.answer().await, [2]);
    assert_eq!(peer.rows().await.0.len(), 3);
    peer.sequence = 1;
    assert_eq!(peer.answer().await[0], 0);
}

#[tokio::test]
async fn a_statement_is_dropped_when_its_client_leaves() {
    for statement in ["for ever", "flood"] {
        let door = Door::open().await;
        let mut peer = Peer::open(&door).await;
        assert_eq!(peer.query(statement).await, [2]);
        assert!(!door.behind.is_dropped.load(Ordering::Acquire));
        drop(peer);
        tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
    }
}

#[tokio::test]
async fn a_killed_connection_ends_within_its_statement() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    peer.query("for ever").await;
    door.behind.close.lock().as_ref().expect("a session").cancel();
    tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only() {
    let door = Door::open().await;
    let mut other = Peer::open(&door).await;
    let mut peer = Peer::open(&door).await;
    peer.send_query_and_expect_the_end("panic").await;
    assert_eq!(other.command(b"\x0E").await[0], 0);
}

impl Peer {
    async fn send_query_and_expect_the_end(&mut self, sql: &str) {
        self.sequence = 0;
        self.send(&[b"\x03", sql.as_bytes()].concat()).await;
        assert_eq!(self.receive().await, None);
    }
}

#[tokio::test]
async fn too_large_and_misnumbered_packets_are_told_and_end_the_connection() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let large = vec![b'x'; (1 << 20) + 1];
    assert_eq!(error(&peer.command(&large).await).0, 1153);
    assert_eq!(peer.receive().await, None);
    let mut peer = Peer::open(&door).await;
    peer.sequence = 5;
    peer.send(b"\x0E").await;
    peer.sequence = 1;
    assert_eq!(error(&peer.answer().await).0, 1156);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let door = Door::open_with(1, 60_000).await;
    let first = Peer::open(&door).await;
    let mut second =
        Peer { stream: door.socket().await, sequence: 0, capabilities: CapabilityFlags::empty() };
    assert_eq!(second.answer().await, b"\xFF\x10\x04Too many connections");
    drop(first);
    tokio::time::timeout(PATIENCE, async {
        loop {
            let mut peer = Peer {
                stream: door.socket().await,
                sequence: 0,
                capabilities: CapabilityFlags::empty(),
            };
            if peer.answer().await[0] == 10 {
                break;
            }
        }
    })
    .await
    .expect("the place is free again");
}

#[tokio::test]
async fn strangers_are_let_go() {
    let door = Door::open_with(10, 300).await;
    for bytes in
        [&b""[..], b"\x05", b"GET / HTTP/1.1\r\n\r\n", b"\xFF\xFF\xFF\x01", b"\x01\0\0\x01x"]
    {
        let (mut peer, _) = Peer::connect(&door).await;
        peer.stream.write_all(bytes).await.expect("written");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, peer.stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_statements_finish() {
    let door = Door::open().await;
    let mut idle = Peer::open(&door).await;
    let mut busy = Peer::open(&door).await;
    busy.query("for ever").await;
    door.stop.cancel();
    assert_eq!(idle.receive().await, None);
    assert!(!door.behind.is_dropped.load(Ordering::Acquire));
    assert!(!door.task.is_finished());
    // The caller's bound has passed.
    door.task.abort();
    tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
}
