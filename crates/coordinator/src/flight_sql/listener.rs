//! The accept loop: plain connections and TLS on one port, told apart by their first byte, then
//! given to tonic's server.

use super::FlightSqlDoor;
use super::gate::Gate;
use super::metrics::Refusal;
use super::reflection::reflection;
use super::service::FlightSql;
use super::stream::{ClientStream, Peer, Transport};
use crate::mysql::{Encryption, peer_certificate, tls_names};
use arrow_flight::flight_service_server::FlightServiceServer;
use futures::StreamExt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
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
/// How long a client may take to answer whether it is still there.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// All headers of a call together: a JWT takes a few KiB.
const HEADER_BYTES_MAX: u32 = 64 * 1024;
/// What a client may send ahead in one call, and in all of a connection.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

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

        let (health, health_service) = tonic_health::server::health_reporter();
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
            .layer(Gate::new(self.clone()))
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
    let time = door.settings.handshake_timeout;
    let entered = tokio::time::timeout(time, enter(&door, stream, address)).await;
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
    let _ = sender.send(ClientStream::new(transport, peer, time, metrics, place)).await;
}

/// Takes the connection into TLS where its first byte asks for that.
async fn enter(
    door: &FlightSqlDoor,
    stream: TcpStream,
    address: SocketAddr,
) -> io::Result<(Transport, Peer)> {
    stream.set_nodelay(true)?;
    let mut first = [0];
    if stream.peek(&mut first).await? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if first != [TLS_HANDSHAKE] {
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

/// As the MySQL door's, for clients that agree on HTTP/2 by ALPN (RFC 9113, section 3.3).
fn over_http2(acceptor: &TlsAcceptor) -> TlsAcceptor {
    let mut config = ServerConfig::clone(acceptor.config());
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
