//! TLS as a client meets it: a rustls client, and what strangers try around the change to TLS.

use super::super::{Account, MysqlSettings, PasswordVerifier, Tls, TlsFiles, handshake};
use super::PATIENCE;
use super::fake::{Door, settings};
use super::folder::Folder;
use super::login::follow_switch;
use super::peer::{COMPRESSION, Peer, error};
use async_trait::async_trait;
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, HandshakePacket, SslRequest};
use mysql_common::proto::{MyDeserialize, MySerialize};
use rcgen::{CertificateParams, CertifiedKey, DnType, Issuer, KeyPair};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// An authority, a server that it has signed nothing for, and a client that it has.
struct Setting {
    folder: Folder,
    server: CertificateDer<'static>,
    authority: Issuer<'static, KeyPair>,
}

impl Setting {
    fn new() -> Self {
        let folder = Folder::new();
        let CertifiedKey { cert, signing_key } =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a pair");
        let write = |name: &str, text: String| {
            std::fs::write(folder.path().join(name), text).expect("written");
        };
        write("cert.pem", cert.pem());
        write("key.pem", signing_key.serialize_pem());
        let mut params = named(&[(DnType::CommonName, "authority")]);
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        write("ca.pem", params.self_signed(&key).expect("a certificate").pem());
        Self { server: cert.der().clone(), authority: Issuer::new(params, key), folder }
    }

    fn settings(&self) -> MysqlSettings {
        let file = |name: &str| self.folder.path().join(name);
        let files = TlsFiles {
            certificate: file("cert.pem"),
            key: file("key.pem"),
            client_ca: Some(file("ca.pem")),
        };
        MysqlSettings { tls: Some(Tls::load(files).expect("TLS")), ..settings() }
    }

    fn connector(&self, identity: Option<Identity>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.clone()).expect("a root");
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                builder.with_client_auth_cert(vec![certificate], key).expect("an identity")
            }
        };
        TlsConnector::from(Arc::new(config))
    }

    fn identity(&self, authority: &Issuer<'_, KeyPair>, name: &str) -> Identity {
        let key = KeyPair::generate().expect("a key");
        let params = named(&[(DnType::OrganizationName, "Example"), (DnType::CommonName, name)]);
        let certificate = params.signed_by(&key, authority).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        (certificate.der().clone(), key)
    }
}

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn named(names: &[(DnType, &str)]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, name) in names {
        params.distinguished_name.push(kind.clone(), *name);
    }
    params
}

fn capabilities() -> CapabilityFlags {
    handshake::CAPABILITIES.difference(COMPRESSION | CapabilityFlags::CLIENT_QUERY_ATTRIBUTES)
        | CapabilityFlags::CLIENT_SSL
}

/// The packet that asks for TLS.
fn tls_request() -> Vec<u8> {
    let mut payload = Vec::new();
    SslRequest::new(capabilities(), 1 << 24, 46).serialize(&mut payload);
    [&[32, 0, 0, 1][..], &payload].concat()
}

/// Sends `ahead` together with what is written first.
struct Joined {
    ahead: Vec<u8>,
    stream: TcpStream,
}

impl AsyncRead for Joined {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Joined {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let ahead = self.ahead.len();
        let all = [&self.ahead[..], bytes].concat();
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(context, &all))?;
        assert!(written >= ahead, "the segment fits the socket's buffer");
        self.ahead.clear();
        Poll::Ready(Ok(written - ahead))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

type SecurePeer = Peer<TlsStream<Joined>>;

/// Greeted in plain, the request for TLS and its first bytes in one segment, then inside TLS.
async fn connect(door: &Door, connector: &TlsConnector) -> io::Result<(SecurePeer, Vec<u8>)> {
    let mut plain = Peer { stream: door.socket().await, sequence: 0, capabilities: capabilities() };
    let payload = plain.answer().await;
    let greeting = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).expect("greeting");
    assert!(greeting.capabilities().contains(CapabilityFlags::CLIENT_SSL));
    let joined = Joined { ahead: tls_request(), stream: plain.stream };
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = connector.connect(name, joined).await?;
    let peer = Peer { stream, sequence: 2, capabilities: capabilities() };
    Ok((peer, greeting.nonce()))
}

async fn connected(door: &Door, setting: &Setting) -> (SecurePeer, Vec<u8>) {
    connect(door, &setting.connector(None)).await.expect("TLS")
}

#[tokio::test]
async fn inside_tls_the_password_goes_as_it_is() {
    let setting = Setting::new();
    let door = Door::open_as(setting.settings()).await;
    for (password, expected, is_fast) in
        [("wrong", 0xFF, false), ("secret", 0, false), ("secret", 0, true)]
    {
        let (mut peer, nonce) = connected(&door, &setting).await;
        let (answer, fast) = peer.prove(&nonce, "sha", password, true).await;
        assert_eq!((answer[0], fast), (expected, is_fast));
        if expected == 0 {
            assert_eq!(peer.query("rows").await, [2]);
            assert_eq!(peer.rows().await.0.len(), 3);
        }
    }
}

#[tokio::test]
async fn inside_tls_a_clear_password_is_taken_for_any_account() {
    let setting = Setting::new();
    let door = Door::open_as(setting.settings()).await;
    for user in ["sha", "native", "nobody"] {
        for password in ["secret", "wrong"] {
            let (mut peer, _) = connected(&door, &setting).await;
            let sent = [password.as_bytes(), &[0]].concat();
            let answer = peer.respond(user, Some(sent), AuthPlugin::MysqlClearPassword, None).await;
            let is_right = user != "nobody" && password == "secret";
            assert_eq!(answer[0] == 0, is_right, "{user} {password}");
        }
    }
}

/// Lets in whoever knows the word, whatever is stored.
struct OneWord;

#[async_trait]
impl PasswordVerifier for OneWord {
    fn needs_clear_password(&self, _account: &Account) -> bool {
        true
    }

    async fn verify(&self, _account: &Account, password: &[u8]) -> mooring_spi::Result<bool> {
        Ok(password == b"a token")
    }
}

#[tokio::test]
async fn another_verifier_gets_the_password_inside_tls_only() {
    let setting = Setting::new();
    let door = Door::open_verified(setting.settings(), Arc::new(OneWord)).await;
    for (user, word, expected) in
        [("sha", "a token", 0), ("sha", "secret", 0xFF), ("nobody", "a token", 0xFF)]
    {
        let (mut peer, _) = connected(&door, &setting).await;
        let plugin = AuthPlugin::CachingSha2Password;
        let request = peer.respond(user, Some(vec![1; 32]), plugin, None).await;
        assert_eq!(&request[..21], b"\xFEmysql_clear_password");
        assert_eq!(follow_switch(&mut peer, &request, word, true).await[0], expected);
    }
    assert_eq!(error(&Peer::log_in(&door, "sha", "a token").await.0).0, 1045);
}

#[tokio::test]
async fn plain_text_after_the_request_for_tls_is_never_a_packet() {
    let setting = Setting::new();
    let door = Door::open_as(setting.settings()).await;
    let mut login = Vec::new();
    mysql_common::packets::HandshakeResponse::new(
        None::<Vec<u8>>,
        (8, 0, 36),
        Some(&b"open"[..]),
        None::<&[u8]>,
        Some(AuthPlugin::CachingSha2Password),
        capabilities(),
        None,
        1 << 24,
    )
    .serialize(&mut login);
    for sequence in [1, 2] {
        let (mut peer, _) = Peer::connect(&door).await;
        let length = login.len().to_le_bytes()[0];
        let injected = [&[length, 0, 0, sequence][..], &login].concat();
        let segment = [tls_request(), injected].concat();
        peer.stream.write_all(&segment).await.expect("written");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, peer.stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok());
        // At most a TLS alert (record type 21).
        assert!(rest.is_empty() || rest[0] == 21, "{rest:?}");
        assert!(door.behind.clients.lock().is_empty());
    }
}

#[tokio::test]
async fn a_request_out_of_order_is_refused() {
    let setting = Setting::new();
    let with_tls = Door::open_as(setting.settings()).await;
    // Inside TLS there is no second request.
    let (mut peer, _) = connected(&with_tls, &setting).await;
    peer.send(&tls_request()[4..]).await;
    assert_eq!(error(&peer.answer().await).0, 1043);
    // Where none was offered there is none.
    let without = Door::open().await;
    let (mut peer, _) = Peer::connect(&without).await;
    peer.stream.write_all(&tls_request()).await.expect("written");
    peer.sequence = 2;
    assert_eq!(error(&peer.answer().await).0, 1043);
    // A sequence number of its own.
    let (mut peer, _) = Peer::connect(&with_tls).await;
    peer.sequence = 7;
    peer.send(&tls_request()[4..]).await;
    peer.sequence = 1;
    assert_eq!(error(&peer.answer().await).0, 1156);
}

#[tokio::test]
async fn plain_clients_are_refused_where_tls_is_required() {
    let setting = Setting::new();
    let door = Door::open_as(MysqlSettings { require_tls: true, ..setting.settings() }).await;
    let (answer, _) = Peer::log_in(&door, "sha", "secret").await;
    assert_eq!((error(&answer).0, error(&answer).1.as_str()), (3159, "HY000"));
    let (mut peer, nonce) = connected(&door, &setting).await;
    assert_eq!(peer.prove(&nonce, "sha", "secret", true).await.0[0], 0);
}

#[tokio::test]
async fn an_account_gets_the_connection_that_it_demands() {
    let setting = Setting::new();
    let door = Door::open_as(setting.settings()).await;
    let plugin = AuthPlugin::CachingSha2Password;
    for user in ["tls", "certificate"] {
        let (mut peer, _) = Peer::connect(&door).await;
        let answer = peer.respond(user, None, plugin.clone(), None).await;
        assert_eq!(error(&answer).0, 1045, "{user} in plain");
    }
    for (user, name, expected) in [
        ("tls", None, 0),
        ("certificate", None, 0xFF),
        ("certificate", Some("ana"), 0),
        ("certificate", Some("bob"), 0xFF),
        ("open", Some("bob"), 0),
    ] {
        let identity = name.map(|name| setting.identity(&setting.authority, name));
        let connector = setting.connector(identity);
        let (mut peer, _) = connect(&door, &connector).await.expect("TLS");
        let answer = peer.respond(user, None, plugin.clone(), None).await;
        assert_eq!(answer[0], expected, "{user} as {name:?}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let (setting, other) = (Setting::new(), Setting::new());
    let door = Door::open_as(setting.settings()).await;
    let identity = setting.identity(&other.authority, "ana");
    let connector = setting.connector(Some(identity));
    // By TLS 1.3 a client learns of it only when it reads.
    if let Ok((mut peer, _)) = connect(&door, &connector).await {
        let mut rest = Vec::new();
        assert!(peer.stream.read_to_end(&mut rest).await.is_err());
    }
    assert!(door.behind.clients.lock().is_empty());
}

#[tokio::test]
async fn a_statement_is_dropped_when_its_client_leaves_tls() {
    let setting = Setting::new();
    for says_so in [true, false] {
        let door = Door::open_as(setting.settings()).await;
        let (mut peer, _) = connected(&door, &setting).await;
        peer.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
        assert_eq!(peer.query("for ever").await, [2]);
        assert!(!door.behind.is_dropped.load(Ordering::Acquire));
        // close_notify, or nothing but the end of the TCP connection
        if says_so {
            peer.stream.shutdown().await.expect("shut down");
            tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
        } else {
            drop(peer);
            tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
        }
    }
}
