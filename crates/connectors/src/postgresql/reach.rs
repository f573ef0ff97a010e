//! The way to a server, for a session or to cancel what another one does.

use super::failure::Failure;
use super::settings::PostgresSettings;
use crate::database::{ByteStream, Socket, Wire, WireError};
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// A server that has gone without a word is noticed after about a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// A connection to the server, encrypted as the settings ask for, and whether it is.
pub(super) async fn secured(
    settings: &PostgresSettings,
) -> Result<(Box<dyn ByteStream>, bool), Failure> {
    let stream = Box::new(Socket::new(socket(settings).await?));
    settings.tls.secure(&settings.host, stream, settings.connect_timeout).await
}

/// Tries each address of the host, with an equal share of the time.
async fn socket(settings: &PostgresSettings) -> Result<TcpStream, Failure> {
    let (host, port) = (settings.host.as_str(), settings.port);
    let unreachable = |problem: io::Error| {
        Failure::Unreachable(format!("`{host}:{port}` cannot be reached: {problem}"))
    };
    let addresses: Vec<_> = lookup_host((host, port)).await.map_err(unreachable)?.collect();
    let share = settings.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = io::Error::other("the name has no address");
    for address in addresses {
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return prepared(stream).map_err(unreachable),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(unreachable(last))
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

/// Asks the server to stop what the session of a key does. It answers by closing.
pub(super) async fn cancel(key: (i32, i32), settings: &PostgresSettings) -> Result<(), Failure> {
    let (stream, _) = secured(settings).await?;
    let mut wire = Wire::new(stream, settings.connect_timeout);
    let mut request = BytesMut::new();
    frontend::cancel_request(key.0, key.1, &mut request);
    wire.send(&request).await?;
    match wire.fill(1).await {
        Ok(()) | Err(WireError::Lost(_)) => Ok(()),
        Err(silent @ WireError::Silent(_)) => Err(silent.into()),
    }
}
