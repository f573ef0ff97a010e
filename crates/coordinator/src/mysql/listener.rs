//! The accept loop: one task per connection, so that a panic in one is contained in it.

use super::MysqlDoor;
use super::connection;
use super::error::WireError;
use super::metrics::HandshakeFailure;
use super::reply::error_before_greeting;
use socket2::{SockRef, TcpKeepalive};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 5;
/// After an accept failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl MysqlDoor {
    /// Serves clients until `stop` is cancelled; then accepts none, closes the idle ones, and
    /// returns when the busy ones have finished the statement they run. Dropping the future drops
    /// every connection, and with it what it runs.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = connections.join_next() => log_panic(ended),
                accepted = listener.accept() => match accepted {
                    Ok((stream, address)) => {
                        self.clone().admit(stream, address, &stop, &mut connections);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a MySQL connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        while let Some(ended) = connections.join_next().await {
            log_panic(ended);
        }
    }

    fn admit(
        self: Arc<Self>,
        stream: TcpStream,
        address: SocketAddr,
        stop: &CancellationToken,
        connections: &mut JoinSet<()>,
    ) {
        let Some(place) = Place::take(&self) else {
            self.metrics.handshake_failed(HandshakeFailure::TooManyConnections);
            tracing::warn!(%address, limit = self.settings.connections_max, "too many MySQL connections");
            // So short a packet fits the socket's empty buffer, or is not worth waiting for.
            let _ = stream.try_write(&error_before_greeting(&WireError::too_many_connections()));
            return;
        };
        let keepalive = Duration::from_secs(self.settings.tcp_keepalive_s);
        if let Err(error) = tune(&stream, keepalive) {
            tracing::debug!(%address, %error, "socket options could not be set");
        }
        let stop = stop.clone();
        connections.spawn(async move {
            connection::serve(&place.0, stream, address, &stop).await;
        });
    }
}

/// Small packets go out at once, and a client that has vanished without a word is noticed: after
/// `keepalive` of silence it is asked every so often, a few times, and then the connection ends.
fn tune(stream: &TcpStream, keepalive: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = TcpKeepalive::new()
        .with_time(keepalive)
        .with_interval(PROBE_INTERVAL.min(keepalive))
        .with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}

fn log_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "a MySQL connection panicked");
    }
}

/// One of the connections that may be open at a time; given back when dropped.
struct Place(Arc<MysqlDoor>);

impl Place {
    fn take(door: &Arc<MysqlDoor>) -> Option<Self> {
        let limit = door.settings.connections_max;
        door.open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| {
                (open < limit).then_some(open + 1)
            })
            .ok()?;
        door.metrics.connections.inc();
        door.metrics.connections_opened.inc();
        Some(Self(door.clone()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.metrics.connections.dec();
    }
}
