//! The client's side of the protocol, made of `mysql_common`'s packets and scrambles.

use super::super::handshake;
use super::super::wire::Decoder;
use super::PATIENCE;
use super::fake::{Door, columns};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{self, HandshakePacket, HandshakeResponse};
use mysql_common::proto::{MyDeserialize, MySerialize};
use rsa::pkcs8::DecodePublicKey;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a client does not ask for unless its test is about it.
pub(super) const COMPRESSION: CapabilityFlags =
    CapabilityFlags::CLIENT_COMPRESS.union(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM);

/// One side of the protocol, as little of it as the tests need.
pub(super) struct Peer<S = TcpStream> {
    pub(super) stream: S,
    pub(super) sequence: u8,
    pub(super) capabilities: CapabilityFlags,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(super) async fn send(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
        let packet = [&length[..3], &[self.sequence], payload].concat();
        self.sequence = self.sequence.wrapping_add(1);
        self.stream.write_all(&packet).await.expect("written");
    }

    /// `None` at the end of the connection.
    pub(super) async fn receive(&mut self) -> Option<Vec<u8>> {
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

    pub(super) async fn answer(&mut self) -> Vec<u8> {
        self.receive().await.expect("a packet")
    }

    /// Sends a command and takes the first packet of its answer.
    pub(super) async fn command(&mut self, payload: &[u8]) -> Vec<u8> {
        self.sequence = 0;
        self.send(payload).await;
        self.answer().await
    }

    pub(super) async fn query(&mut self, sql: &str) -> Vec<u8> {
        self.command(&[b"\x03", sql.as_bytes()].concat()).await
    }

    pub(super) async fn send_query_and_expect_the_end(&mut self, sql: &str) {
        self.sequence = 0;
        self.send(&[b"\x03", sql.as_bytes()].concat()).await;
        assert_eq!(self.receive().await, None);
    }

    /// The rows of an answer whose first packet is taken, and the packet that ends them.
    pub(super) async fn rows(&mut self) -> (Vec<Vec<String>>, Vec<u8>) {
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

    pub(super) async fn respond(
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
            Some([("program_name".to_owned(), "peer".to_owned())].into()),
            1 << 24,
        )
        .serialize(&mut payload);
        self.send(&payload).await;
        self.answer().await
    }

    /// Logs in by `caching_sha2_password`: the last packet, and whether the server was content with
    /// the fast proof. Inside TLS the password goes as it is, else under the server's key.
    pub(super) async fn prove(
        &mut self,
        nonce: &[u8],
        user: &str,
        password: &str,
        is_encrypted: bool,
    ) -> (Vec<u8>, bool) {
        let plugin = packets::AuthPlugin::CachingSha2Password;
        let answer = self.respond(user, scramble(nonce, password), plugin, None).await;
        self.prove_fully(answer, nonce, password, is_encrypted).await
    }

    /// Goes on from the answer to a fast proof.
    pub(super) async fn prove_fully(
        &mut self,
        answer: Vec<u8>,
        nonce: &[u8],
        password: &str,
        is_encrypted: bool,
    ) -> (Vec<u8>, bool) {
        if answer == [1, 3] {
            return (self.answer().await, true);
        }
        if answer != [1, 4] {
            return (answer, false);
        }
        let terminated = [password.as_bytes(), &[0]].concat();
        if is_encrypted {
            self.send(&terminated).await;
            return (self.answer().await, false);
        }
        self.send(&[2]).await;
        let pem = self.answer().await;
        let key =
            rsa::RsaPublicKey::from_public_key_pem(std::str::from_utf8(&pem[1..]).expect("PEM"))
                .expect("a key");
        let masked: Vec<u8> =
            terminated.iter().zip(nonce.iter().cycle()).map(|(a, b)| a ^ b).collect();
        let encrypted = key
            .encrypt(&mut rand::thread_rng(), rsa::Oaep::new::<sha1::Sha1>(), &masked)
            .expect("encrypted");
        self.send(&encrypted).await;
        (self.answer().await, false)
    }
}

impl Peer {
    pub(super) async fn connect(door: &Door) -> (Self, HandshakePacket<'static>) {
        // Attributes stand before every statement; the tests of them ask for them.
        let capabilities = handshake::CAPABILITIES
            .difference(COMPRESSION | CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
        let mut peer = Self { stream: door.socket().await, sequence: 0, capabilities };
        let payload = peer.answer().await;
        let greeting = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).expect("greeting");
        (peer, greeting.into_owned())
    }

    /// A session of the account without password.
    pub(super) async fn open(door: &Door) -> Self {
        Self::open_with(door, |_| {}).await
    }

    /// The same, of a client that is told to know more or less.
    pub(super) async fn open_with(door: &Door, set: impl FnOnce(&mut CapabilityFlags)) -> Self {
        let (mut peer, _) = Self::connect(door).await;
        set(&mut peer.capabilities);
        let answer =
            peer.respond("open", None, packets::AuthPlugin::CachingSha2Password, None).await;
        assert_eq!(answer[0], 0, "OK");
        peer
    }

    /// Logs in on a new connection; see [`Peer::prove`].
    pub(super) async fn log_in(door: &Door, user: &str, password: &str) -> (Vec<u8>, bool) {
        let (mut peer, greeting) = Self::connect(door).await;
        peer.prove(&greeting.nonce(), user, password, false).await
    }
}

/// The fast proof of `caching_sha2_password`.
pub(super) fn scramble(nonce: &[u8], password: &str) -> Option<Vec<u8>> {
    let nonce: [u8; 20] = nonce.try_into().expect("20 bytes");
    mysql_common::auth::plugins::caching_sha2_password::scramble_sha256(&nonce, password.as_bytes())
        .map(Vec::from)
}

/// Number, SQLSTATE and text of an ERR packet.
pub(super) fn error(packet: &[u8]) -> (u16, String, String) {
    assert_eq!(packet[0], 0xFF, "an error");
    let text = String::from_utf8_lossy(&packet[9..]).into_owned();
    let state = String::from_utf8_lossy(&packet[4..9]).into_owned();
    (u16::from_le_bytes([packet[1], packet[2]]), state, text)
}
