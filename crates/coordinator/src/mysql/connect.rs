//! The connection phase: from the first byte to an open session.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase".

use super::auth::{AuthError, AuthPlugin};
use super::error::{Origin, WireError, report};
use super::handshake::{BadResponse, HandshakeResponse, greeting, nonce, parse_response};
use super::metrics::HandshakeFailure;
use super::packet::{Channel, PacketError};
use super::reply::{put_error, put_ok};
use super::{MysqlDoor, MysqlSession, SessionRequest};
use crate::session::{Client, Completion};
use mysql_common::constants::CapabilityFlags;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// The largest packet of a client that has not proven who it is. (MySQL bounds the connection
/// attributes, the longest part of the handshake, to 64 KiB.)
const UNKNOWN_PEER_PACKET_MAX_BYTES: usize = 72 * 1024;

/// A connection past its handshake.
pub(super) struct Connected {
    pub(super) session: Box<dyn MysqlSession>,
    pub(super) client: Client,
    pub(super) capabilities: CapabilityFlags,
    pub(super) close: CancellationToken,
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

impl From<PacketError> for Failure {
    fn from(error: PacketError) -> Self {
        match error {
            PacketError::Closed | PacketError::Io(_) => {
                Self::silent(HandshakeFailure::Disconnected)
            }
            PacketError::WriteTimedOut => Self::silent(HandshakeFailure::TimedOut),
            PacketError::TooLarge => {
                Self::told(HandshakeFailure::Malformed, WireError::packet_too_large())
            }
            PacketError::OutOfOrder => {
                Self::told(HandshakeFailure::Malformed, WireError::out_of_order())
            }
        }
    }
}

/// Runs the connection phase within its time. `None` when there is no session; the client has
/// been told, and the failure counted and logged.
pub(super) async fn connect<R, W>(
    door: &MysqlDoor,
    channel: &mut Channel<R, W>,
    address: SocketAddr,
) -> Option<Connected>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    channel.reader.set_payload_max_bytes(UNKNOWN_PEER_PACKET_MAX_BYTES);
    let limit = Duration::from_millis(door.settings.handshake_timeout_ms);
    let outcome = tokio::time::timeout(limit, exchange(door, channel, address)).await;
    let failure = match outcome {
        Ok(Ok(connected)) => {
            channel.reader.set_payload_max_bytes(door.settings.max_allowed_packet_bytes);
            return Some(connected);
        }
        Ok(Err(failure)) => failure,
        Err(_) => Failure::silent(HandshakeFailure::TimedOut),
    };
    door.metrics.handshake_failed(failure.reason);
    if failure.reason != HandshakeFailure::AccessDenied {
        tracing::debug!(%address, reason = ?failure.reason, "no MySQL session");
    }
    if let Some(error) = failure.error {
        put_error(&mut channel.writer, &error);
        // The peer may be gone; nobody is left to be told then.
        let _ = tokio::time::timeout(limit, channel.writer.flush()).await;
    }
    None
}

async fn exchange<R, W>(
    door: &MysqlDoor,
    channel: &mut Channel<R, W>,
    address: SocketAddr,
) -> Result<Connected, Failure>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let connection_id = door.sessions.next_connection_id();
    let nonce = nonce();
    channel.send(&greeting(connection_id, &nonce, AuthPlugin::DEFAULT.name())).await?;
    let payload = channel.receive().await?;
    let response = parse_response(&payload).map_err(|refusal| match refusal {
        BadResponse::Malformed => {
            Failure::told(HandshakeFailure::Malformed, WireError::bad_handshake())
        }
        BadResponse::TlsRequested => {
            Failure::told(HandshakeFailure::TlsRequested, WireError::bad_handshake())
        }
    })?;
    let mut client =
        Client { user: response.user.clone(), administrator: false, address, connection_id };
    let origin = Origin { user: &response.user, connection_id };
    let refused = |error: mooring_spi::Error| {
        Failure::told(HandshakeFailure::Refused, report(&error, origin))
    };

    let peer = address.ip().to_canonical();
    let account = door.accounts.find(&client.user, peer).await.map_err(refused)?;
    door.authenticator
        .authenticate(channel, account.as_ref(), &nonce, &response)
        .await
        .map_err(|error| denied(error, &response, address))?;
    client.administrator = account.is_some_and(|account| account.administrator);

    let close = CancellationToken::new();
    let request = SessionRequest {
        client: client.clone(),
        database: response.database,
        close: close.clone(),
    };
    let session = door.sessions.open(request).await.map_err(refused)?;
    put_ok(&mut channel.writer, &Completion::default());
    channel.writer.flush().await?;
    Ok(Connected { session, client, capabilities: response.capabilities, close })
}

fn denied(error: AuthError, response: &HandshakeResponse, address: SocketAddr) -> Failure {
    let user = response.user.as_str();
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
        AuthError::Packet(error) => Failure::from(error),
    }
}
