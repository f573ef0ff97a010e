//! The accept loop: plain connections and TLS on one port, told apart by their first byte, then
//! given to tonic's server.

use super::FlightSqlDoor;
use super::gate::Gate;
use super::metrics::Refusal;
use super::reflection::reflection;
use super::service::FlightSql;
use super::stream::{ClientStream, Peer, Rewound, Transport};
use crate::mysql::{
    Encryption, PROXY_TELLING_BYTES, ProxyHeader, peer_certificate, proxy_header, tls_names,
};
use arrow_flight::flight_service_server::FlightServiceServer;
use bytes::{Buf, BytesMut};
use futures::StreamExt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tonic::service::Routes;
use tonic_health::ServingStatus;

/// After an accept failed, which is mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Connections that are past TLS and that the server has not taken yet.
const ACCEPTED_AHEAD: usize = 16;
/// The type of a TLS record that begins a handshake (RFC 8446, section 5.1). HTTP/2 in the clear
/// begins with `P` (RFC 9113, section 3.4).
const TLS_HANDSHAKE: u8 = 0x16;
/// What is read of a connection before it is known what it is.
const AHEAD_BYTES: usize = 1024;
/// How long a client may take to answer whether it is still there.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// All headers of a call together: a token takes at most two thirds of it.
const HEADER_BYTES_MAX: u32 = 24 * 1024;
/// What a client may send ahead in one call, and in all of a connection. Strangers may, too.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

const FLIGHT_SERVICE: &str = "arrow.flight.protocol.FlightService";

/// One of the connections that may be open at a time; given back when dropped.
pub(super) struct Place(Arc<FlightSqlDoor>);

impl Place {
    fn take(door: &Arc<FlightSqlDoor>) -> Option<Self> {
        let limit = door.settings.connections_max;
        door.connections
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
        self.0.connections.fetch_sub(1, Ordering::AcqRel);
        self.0.metrics.connections.dec();
    }
}

type Accepted = ClientStream<Place>;

impl FlightSqlDoor {
    /// Serves clients until `stop` is cancelled; then takes no call more, lets go of the results
    /// that nobody reads, and returns when those that are read have been sent.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        let (sender, receiver) = mpsc::channel(ACCEPTED_AHEAD);
        let accepting = accept(self.clone(), listener, sender, stop.clone());
        let _accepting = AbortOnDropHandle::new(tokio::spawn(accepting));
        let sweeping = self.clone().sweep();
        let _sweeping = AbortOnDropHandle::new(tokio::spawn(sweeping));

        let (mut health, health_service) = tonic_health::server::health_reporter();
        health.set_service_status(FLIGHT_SERVICE, ServingStatus::Serving).await;
        let flight = FlightServiceServer::new(FlightSql::new(self.clone()))
            .max_decoding_message_size(self.settings.message_max_bytes);
        let mut routes = Routes::new(flight).add_service(health_service);
        if let Some((current, earlier)) = reflection() {
            routes = routes.add_service(current).add_service(earlier);
        }
        let (door, stopping) = (self.clone(), stop.clone());
        let closing = async move {
            stopping.cancelled().await;
            for service in ["", FLIGHT_SERVICE] {
                health.set_service_status(service, ServingStatus::NotServing).await;
                // Who watches is told that, and then that there is no more.
                health.clear_service_status(service).await;
            }
            // A client that is told to go away cannot ask for them any more.
            door.sessions.let_go_of_unread();
        };
        let _closing = AbortOnDropHandle::new(tokio::spawn(closing));
        let incoming = ReceiverStream::new(receiver).map(Ok::<Accepted, io::Error>);
        let served = tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(self.settings.keepalive))
            .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
            .http2_max_header_list_size(HEADER_BYTES_MAX)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_concurrent_streams(self.settings.calls_per_connection_max)
            .layer(Gate::new(self.clone(), stop.clone()))
            .add_routes(routes)
            .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the Flight SQL port failed");
        }
        self.sessions.end_all();
    }
}

/// Takes connections until `stop`. Each is looked at in a task of its own.
async fn accept(
    door: Arc<FlightSqlDoor>,
    listener: TcpListener,
    sender: mpsc::Sender<Accepted>,
    stop: CancellationToken,
) {
    let mut arriving = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = arriving.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => {
                    let Some(place) = Place::take(&door) else {
                        door.metrics.refused(Refusal::TooManyConnections);
                        let limit = door.settings.connections_max;
                        tracing::warn!(%address, limit, "too many Flight SQL connections");
                        continue;
                    };
                    arriving.spawn(arrive(door.clone(), stream, address, place, sender.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a Flight SQL connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

async fn arrive(
    door: Arc<FlightSqlDoor>,
    stream: TcpStream,
    address: SocketAddr,
    place: Place,
    sender: mpsc::Sender<Accepted>,
) {
    let deadline = Instant::now() + door.settings.handshake_timeout;
    let entered = tokio::time::timeout_at(deadline, enter(&door, stream, address)).await;
    let (transport, peer) = match entered {
        Ok(Ok(entered)) => entered,
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "no Flight SQL connection");
            return;
        }
        Err(_) => {
            door.metrics.refused(Refusal::TimedOut);
            tracing::debug!(%address, "a Flight SQL client said nothing in time");
            return;
        }
    };
    let metrics = door.metrics.clone();
    // It goes when the server is stopping.
    let _ = sender.send(ClientStream::new(transport, peer, deadline, metrics, place)).await;
}

/// Takes a balancer's header off, and the connection into TLS where its first byte asks for that.
async fn enter(
    door: &FlightSqlDoor,
    mut stream: TcpStream,
    balancer: SocketAddr,
) -> io::Result<(Transport, Peer)> {
    stream.set_nodelay(true)?;
    let mut ahead = BytesMut::with_capacity(AHEAD_BYTES);
    let is_proxied = door.settings.proxy_networks.iter().any(|one| one.contains(balancer.ip()));
    let address = match is_proxied {
        true => take_header(&mut stream, &mut ahead).await?.unwrap_or(balancer),
        false => balancer,
    };
    if ahead.is_empty() {
        read_more(&mut stream, &mut ahead).await?;
    }
    let is_tls = ahead.first() == Some(&TLS_HANDSHAKE);
    let stream = Rewound { ahead, stream };
    if !is_tls {
        let peer = Peer::new(address, Encryption::None, None);
        return Ok((Transport::Plain(stream), peer));
    }
    let Some(tls) = &door.settings.tls else {
        door.metrics.refused(Refusal::TlsFailed);
        return Err(io::Error::other("TLS is asked for, and there is no certificate"));
    };
    let acceptor = over_http2(&tls.acceptor().await);
    let accepted = acceptor.accept(stream).await.inspect_err(|_| {
        door.metrics.refused(Refusal::TlsFailed);
    })?;
    let connection = accepted.get_ref().1;
    let certificate = connection.peer_certificates().and_then(|chain| chain.first());
    let encryption = match certificate.map(peer_certificate) {
        None => Encryption::Tls,
        Some(Some(names)) => Encryption::MutualTls(names),
        Some(None) => return Err(io::Error::other("an unreadable client certificate")),
    };
    let peer = Peer::new(address, encryption, tls_names(connection));
    Ok((Transport::Tls(Box::new(accepted)), peer))
}

/// The address in a balancer's header. `None`: there is none, or the balancer itself speaks.
async fn take_header(
    stream: &mut TcpStream,
    ahead: &mut BytesMut,
) -> io::Result<Option<SocketAddr>> {
    while ahead.len() < PROXY_TELLING_BYTES {
        read_more(stream, ahead).await?;
    }
    loop {
        match proxy_header(ahead) {
            ProxyHeader::NoHeader => return Ok(None),
            ProxyHeader::Malformed => return Err(io::Error::other("a broken PROXY header")),
            ProxyHeader::Incomplete => read_more(stream, ahead).await?,
            ProxyHeader::Header { address, length } => {
                ahead.advance(length);
                return Ok(address);
            }
        }
    }
}

async fn read_more(stream: &mut TcpStream, ahead: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(ahead).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// As the MySQL door's, for clients that agree on HTTP/2 by ALPN (RFC 9113, section 3.3).
fn over_http2(acceptor: &TlsAcceptor) -> TlsAcceptor {
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    async fn taken(sent: &[u8]) -> (io::Result<Option<SocketAddr>>, BytesMut) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("an address"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (mut client, mut stream) = (client.expect("connected"), accepted.expect("accepted").0);
        client.write_all(sent).await.expect("sent");
        client.shutdown().await.expect("closed");
        let mut ahead = BytesMut::with_capacity(AHEAD_BYTES);
        let address = take_header(&mut stream, &mut ahead).await;
        while read_more(&mut stream, &mut ahead).await.is_ok() {}
        (address, ahead)
    }

    /// The examples of "The PROXY protocol", section 2.1.
    #[tokio::test]
    async fn a_balancers_header_is_taken_off_what_follows() {
        let line = b"PROXY TCP4 255.255.255.255 255.255.255.254 65535 443\r\nPRI * HTTP/2.0";
        let (address, ahead) = taken(line).await;
        let expected = SocketAddr::from(([255, 255, 255, 255], 65535));
        assert_eq!(address.expect("a header"), Some(expected));
        assert_eq!(&ahead[..], b"PRI * HTTP/2.0");
        let (address, ahead) = taken(b"PROXY UNKNOWN\r\n\x16\x03").await;
        assert_eq!(address.expect("a header"), None);
        assert_eq!(&ahead[..], b"\x16\x03");
    }

    #[tokio::test]
    async fn without_a_header_nothing_is_taken() {
        let (address, ahead) = taken(b"PRI * HTTP/2.0").await;
        assert_eq!(address.expect("no header"), None);
        assert_eq!(&ahead[..], b"PRI * HTTP/2.0");
        for broken in [&b"PROXY TCP4 x y 1 2\r\n"[..], b"PROXY TCP4 1.2.3.4", b"PRI"] {
            assert!(taken(broken).await.0.is_err(), "{broken:?}");
        }
    }
}
