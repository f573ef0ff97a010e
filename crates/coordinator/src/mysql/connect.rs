//! The connection phase: from the first byte to an open session, and again for COM_CHANGE_USER.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase", "COM_CHANGE_USER".

use super::auth::{AuthError, AuthPlugin, Encryption, Exchange};
use super::error::{Origin, WireError, report};
use super::handshake::{
    FirstPacket, HandshakeResponse, Login, Nonce, greeting, nonce, offered, parse_change_user,
    parse_response,
};
use super::metrics::HandshakeFailure;
use super::packet::{Algorithm, Channel, PacketError};
use super::proxy_protocol::{HeaderError, take_header};
use super::reply::{put_error, put_ok};
use super::transport::{ReadSide, WriteSide, into_tls};
use super::user_places::UserPlace;
use super::wire::Malformed;
use super::{MysqlDoor, MysqlSession, SessionRequest};
use crate::session::{Client, Completion, TlsNames};
use mysql_common::constants::CapabilityFlags;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long a client that sent too much may take to read why.
pub(super) const LINGER: Duration = Duration::from_secs(2);

pub(super) type ClientChannel = Channel<ReadSide, WriteSide>;

/// What a connection keeps for its whole life, whoever uses it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// The client's, by the PROXY header where there is one.
    pub(super) address: SocketAddr,
    pub(super) connection_id: u32,
    pub(super) capabilities: CapabilityFlags,
    pub(super) encryption: Encryption,
    tls_names: Option<TlsNames>,
    nonce: Nonce,
}

/// A connection past its handshake.
pub(super) struct Connected {
    pub(super) session: Box<dyn MysqlSession>,
    pub(super) client: Client,
    pub(super) capabilities: CapabilityFlags,
    pub(super) close: CancellationToken,
    pub(super) link: Link,
    _place: UserPlace,
}

/// Why there is no session, and what the client is told, if anything.
struct Failure {
    reason: HandshakeFailure,
    error: Option<WireError>,
}

impl Failure {
    fn silent(reason: HandshakeFailure) -> Self {
        Self { reason, error: None }
    }

    fn told(reason: HandshakeFailure, error: WireError) -> Self {
        Self { reason, error: Some(error) }
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Self {
        Self::told(HandshakeFailure::Malformed, WireError::bad_handshake())
    }
}

impl From<PacketError> for Failure {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Closed | PacketError::Io(_) => {
                Self::silent(HandshakeFailure::Disconnected)
            }
            PacketError::WriteTimedOut => Self::silent(HandshakeFailure::TimedOut),
            PacketError::AllowanceSpent => {
                Self::told(HandshakeFailure::TooManyBytes, WireError::packet_too_large())
            }
            PacketError::TooLarge => {
                Self::told(HandshakeFailure::Malformed, WireError::packet_too_large())
            }
            PacketError::OutOfOrder => {
                Self::told(HandshakeFailure::Malformed, WireError::out_of_order())
            }
            PacketError::NotCompressed => {
                Self::told(HandshakeFailure::Malformed, WireError::not_compressed())
            }
        }
    }
}

/// Runs the connection phase within its time. `None` when there is no session; the client has
/// been told, and the failure counted and logged.
pub(super) async fn connect(
    door: &MysqlDoor,
    channel: &mut ClientChannel,
    address: SocketAddr,
) -> Option<Connected> {
    channel.reader.set_allowance(Some(door.settings.handshake_max_bytes));
    let mut peer = address;
    let limit = Duration::from_millis(door.settings.handshake_timeout_ms);
    let outcome = tokio::time::timeout(limit, shake_hands(door, channel, &mut peer)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(too_late()));
    let (connected, compression) = match outcome {
        Ok(connected) => connected,
        Err(failure) => {
            refuse(door, channel, peer, failure).await;
            return None;
        }
    };
    channel.reader.set_allowance(None);
    if let Some(algorithm) = compression {
        channel.compress(algorithm);
    }
    Some(connected)
}

/// Runs COM_CHANGE_USER, whose packet is `request` behind its code, within the time of a
/// handshake. The old session must be gone. `None` as for [`connect`]: as in MySQL, a login that
/// fails ends the connection (`dispatch_command` of `sql/sql_parse.cc`).
pub(super) async fn change_user(
    door: &MysqlDoor,
    channel: &mut ClientChannel,
    link: Link,
    request: &[u8],
) -> Option<Connected> {
    let address = link.address;
    let allowed = door.settings.handshake_max_bytes.checked_sub(request.len());
    channel.reader.set_allowance(Some(allowed.unwrap_or_default()));
    let limit = Duration::from_millis(door.settings.handshake_timeout_ms);
    let outcome = tokio::time::timeout(limit, async {
        // It came as a statement would, and may be as long.
        allowed.ok_or(PacketError::AllowanceSpent)?;
        let login = parse_change_user(request, link.capabilities)?;
        let opened = log_in(door, channel, link, login, IsNonceUsed::Yes).await?;
        Ok(opened)
    });
    let outcome = outcome.await;
    match outcome.unwrap_or_else(|_| Err(too_late())) {
        Ok(connected) => {
            channel.reader.set_allowance(None);
            Some(connected)
        }
        Err(failure) => {
            refuse(door, channel, address, failure).await;
            None
        }
    }
}

fn too_late() -> Failure {
    Failure::told(HandshakeFailure::TimedOut, WireError::read_timed_out())
}

async fn refuse(
    door: &MysqlDoor,
    channel: &mut ClientChannel,
    address: SocketAddr,
    failure: Failure,
) {
    door.metrics.handshake_failed(failure.reason);
    if failure.reason != HandshakeFailure::AccessDenied {
        tracing::debug!(%address, reason = ?failure.reason, "no MySQL session");
    }
    if let Some(error) = failure.error {
        put_error(&mut channel.writer, &error);
        // The peer may be gone; nobody is left to be told then.
        let limit = Duration::from_millis(door.settings.handshake_timeout_ms);
        let _ = tokio::time::timeout(limit, channel.writer.flush()).await;
        if failure.reason == HandshakeFailure::TooManyBytes {
            // What is left unread would reset the connection, and the error be lost with it.
            let _ = tokio::time::timeout(LINGER, channel.reader.discard()).await;
        }
    }
}

/// Greets, finds out who speaks, takes the connection into TLS, and logs in.
async fn shake_hands(
    door: &MysqlDoor,
    channel: &mut ClientChannel,
    peer: &mut SocketAddr,
) -> Result<(Connected, Option<Algorithm>), Failure> {
    let connection_id = door.sessions.next_connection_id();
    let nonce = nonce();
    let offered = offered(door.settings.tls.is_some());
    channel.send(&greeting(connection_id, &nonce, AuthPlugin::DEFAULT.name(), offered)).await?;
    let balancer = peer.ip();
    if door.settings.proxy_networks.iter().any(|network| network.contains(balancer)) {
        match take_header(&mut channel.reader).await {
            Ok(Some(client)) => *peer = client,
            Ok(None) => {}
            Err(HeaderError::Malformed) => {
                return Err(Failure::silent(HandshakeFailure::BadProxyHeader));
            }
            Err(HeaderError::Packet(error)) => return Err(error.into()),
        }
    }
    let (mut encryption, mut tls_names) = (Encryption::None, None);
    let mut first = parse_response(&channel.receive().await?, offered)?;
    if first == FirstPacket::TlsRequest
        && let Some(tls) = &door.settings.tls
    {
        (encryption, tls_names) = into_tls(channel, tls).await.map_err(|error| {
            tracing::debug!(address = %*peer, ?error, "no TLS with a MySQL client");
            Failure::silent(HandshakeFailure::TlsFailed)
        })?;
        first = parse_response(&channel.receive().await?, offered)?;
    }
    // TLS within TLS is none either.
    let FirstPacket::Response(HandshakeResponse { capabilities, login, compression }) = first
    else {
        return Err(Malformed.into());
    };
    if door.settings.require_tls && !encryption.is_encrypted() {
        return Err(Failure::told(HandshakeFailure::TlsRequired, WireError::tls_required()));
    }
    let link = Link { address: *peer, connection_id, capabilities, encryption, tls_names, nonce };
    let connected = log_in(door, channel, link, login, IsNonceUsed::No).await?;
    Ok((connected, compression))
}

/// Whether an earlier login was made with the connection's nonce.
enum IsNonceUsed {
    No,
    Yes,
}

async fn log_in(
    door: &MysqlDoor,
    channel: &mut ClientChannel,
    link: Link,
    login: Login,
    is_nonce_used: IsNonceUsed,
) -> Result<Connected, Failure> {
    let Link { address, connection_id, capabilities, .. } = link;
    let origin = Origin { user: &login.user, connection_id };
    let refused = |error: mooring_spi::Error| {
        Failure::told(HandshakeFailure::Refused, report(&error, origin))
    };
    let peer = address.ip().to_canonical();
    door.login_delay.turn(peer).await.map_err(|_| {
        let error = WireError::too_many_logins_waiting(&peer.to_string());
        Failure::told(HandshakeFailure::AccessDenied, error)
    })?;
    let account = door.accounts.find(&login.user, peer).await.map_err(refused)?;
    let exchange = Exchange {
        login: &login,
        account: account.as_ref(),
        capabilities,
        is_encrypted: link.encryption.is_encrypted(),
        nonce: &link.nonce,
        is_nonce_used: matches!(is_nonce_used, IsNonceUsed::Yes),
    };
    let authenticated = door.authenticator.authenticate(channel, exchange).await;
    if let Err(error) = authenticated {
        if error.is_guess() {
            door.login_delay.failed(peer, &login.user).await;
        }
        return Err(denied(error, &login, address, refused));
    }
    // The exchange lets in nobody without an account.
    let Some(account) = account.filter(|account| account.tls.is_met(&link.encryption)) else {
        door.login_delay.failed(peer, &login.user).await;
        let error = AuthError::Denied { with_password: !login.auth_response.is_empty() };
        return Err(denied(error, &login, address, refused));
    };
    door.login_delay.succeeded(peer, &login.user).await;
    if account.locked {
        tracing::warn!(user = account.user, %address, "MySQL account is locked");
        let error = WireError::account_locked(&account.user, &peer.to_string());
        return Err(Failure::told(HandshakeFailure::AccessDenied, error));
    }
    let limit = door.settings.connections_per_user_max;
    let Some(place) = door.user_places.take(&account.user, limit) else {
        tracing::warn!(user = account.user, %address, limit, "too many MySQL connections of a user");
        return Err(Failure::told(
            HandshakeFailure::TooManyUserConnections,
            WireError::too_many_user_connections(&account.user),
        ));
    };
    let client = Client {
        user: login.user.clone(),
        account_host: account.host,
        administrator: account.administrator,
        address,
        tls: link.tls_names,
        connection_id,
        attributes: login.attributes.clone(),
    };
    let close = CancellationToken::new();
    let request = SessionRequest {
        client: client.clone(),
        database: login.database.clone(),
        close: close.clone(),
    };
    let session = door.sessions.open(request).await.map_err(refused)?;
    put_ok(&mut channel.writer, &Completion::default());
    channel.writer.flush().await?;
    Ok(Connected { session, client, capabilities, close, link, _place: place })
}

fn denied(
    error: AuthError,
    login: &Login,
    address: SocketAddr,
    refused: impl Fn(mooring_spi::Error) -> Failure,
) -> Failure {
    let user = login.user.as_str();
    match error {
        AuthError::Denied { with_password } => {
            tracing::warn!(user, %address, with_password, "MySQL access denied");
            let host = address.ip().to_canonical().to_string();
            Failure::told(
                HandshakeFailure::AccessDenied,
                WireError::access_denied(user, &host, with_password),
            )
        }
        AuthError::UnsupportedClient => Failure::told(
            HandshakeFailure::UnsupportedPlugin,
            WireError::unsupported_client_plugin(),
        ),
        AuthError::Verifier(error) => refused(error),
        AuthError::Packet(error) => Failure::from(error),
    }
}
