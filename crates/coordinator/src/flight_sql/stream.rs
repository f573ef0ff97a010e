//! A client's connection, plain or inside TLS, and what is known of it. One that brings no call
//! which the gate lets through is ended at its deadline, whatever it sends until then.

use super::metrics::{FlightSqlMetrics, Refusal};
use super::results::next_id;
use crate::mysql::Encryption;
use crate::session::TlsNames;
use bytes::{Buf, BytesMut};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) encryption: Encryption,
    pub(super) tls_names: Option<TlsNames>,
    vouched: Arc<AtomicBool>,
    /// One login at a time: as at the MySQL door, a connection is one guess before a failure counts.
    pub(super) login: Arc<Semaphore>,
    /// The calls without a login that it may still send at one time.
    pub(super) open_calls: Arc<Semaphore>,
    /// Which connection it is.
    number: u64,
}

/// Calls without a login that a connection may be sending at one time.
const OPEN_CALLS_MAX: usize = 8;

/// Tells whether a connection is still there.
#[derive(Debug, Clone)]
pub(super) struct ConnectionMark(Weak<AtomicBool>);

impl ConnectionMark {
    pub(super) fn is_open(&self) -> bool {
        self.0.strong_count() > 0
    }

    fn is_of(&self, peer: &Peer) -> bool {
        self.0.as_ptr() == Arc::as_ptr(&peer.vouched)
    }

    /// Adds that of `peer`, and takes away those that are gone.
    pub(super) fn note(marks: &mut Vec<Self>, peer: &Peer) {
        marks.retain(Self::is_open);
        if !marks.iter().any(|mark| mark.is_of(peer)) {
            marks.push(Self(Arc::downgrade(&peer.vouched)));
        }
    }
}

impl Peer {
    pub(super) fn new(
        address: SocketAddr,
        encryption: Encryption,
        tls_names: Option<TlsNames>,
    ) -> Self {
        let login = Arc::new(Semaphore::new(1));
        let open_calls = Arc::new(Semaphore::new(OPEN_CALLS_MAX));
        let vouched = Arc::default();
        Self { address, encryption, tls_names, vouched, login, open_calls, number: next_id() }
    }

    /// The gate has let a call of it through: the connection may stay.
    pub(super) fn vouch(&self) {
        self.vouched.store(true, Ordering::Relaxed);
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether nobody on a network can read along.
    pub(super) fn is_private(&self) -> bool {
        self.encryption.is_encrypted() || self.address.ip().to_canonical().is_loopback()
    }
}

#[derive(Debug)]
pub(super) enum Transport {
    Plain(Rewound),
    Tls(Box<TlsStream<Rewound>>),
}

/// A connection of which some bytes were read already; they come first.
#[derive(Debug)]
pub(super) struct Rewound {
    pub(super) ahead: BytesMut,
    pub(super) stream: TcpStream,
}

/// One connection, with what it holds of the door.
pub(super) struct ClientStream<P> {
    transport: Transport,
    peer: Peer,
    deadline: Option<Pin<Box<Sleep>>>,
    metrics: FlightSqlMetrics,
    _place: P,
}

impl<P> ClientStream<P> {
    pub(super) fn new(
        transport: Transport,
        peer: Peer,
        deadline: Instant,
        metrics: FlightSqlMetrics,
        place: P,
    ) -> Self {
        let deadline = Some(Box::pin(tokio::time::sleep_until(deadline)));
        Self { transport, peer, deadline, metrics, _place: place }
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let Some(deadline) = &mut self.deadline else { return Ok(()) };
        if self.peer.vouched.load(Ordering::Relaxed) {
            self.deadline = None;
            return Ok(());
        }
        match deadline.as_mut().poll(context) {
            Poll::Pending => Ok(()),
            Poll::Ready(()) => {
                self.metrics.refused(Refusal::TimedOut);
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}

impl<P> Connected for ClientStream<P> {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl<P: Unpin> AsyncRead for ClientStream<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Err(error) = this.poll_deadline(context) {
            return Poll::Ready(Err(error));
        }
        match &mut this.transport {
            Transport::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, into),
        }
    }
}

impl<P: Unpin> AsyncWrite for ClientStream<P> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Transport::Tls(stream) => {
                Pin::new(stream.as_mut()).poll_write_vectored(context, slices)
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.transport {
            Transport::Plain(stream) => stream.is_write_vectored(),
            Transport::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_flush(context),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Transport::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return Pin::new(&mut this.stream).poll_read(context, into);
        }
        let length = this.ahead.len().min(into.remaining());
        into.put_slice(&this.ahead[..length]);
        this.ahead.advance(length);
        if this.ahead.is_empty() {
            this.ahead = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    async fn pair(time: Duration) -> (ClientStream<()>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("an address"));
        let (client, accepted) = tokio::join!(client, listener.accept());
        let (stream, address) = accepted.expect("a connection");
        let peer = Peer::new(address, Encryption::None, None);
        let transport = Transport::Plain(Rewound { ahead: BytesMut::from(&b"ab"[..]), stream });
        let deadline = Instant::now() + time;
        let stream = ClientStream::new(transport, peer, deadline, FlightSqlMetrics::default(), ());
        (stream, client.expect("a connection"))
    }

    #[tokio::test]
    async fn a_connection_that_brings_no_call_ends() {
        let (mut stream, _client) = pair(Duration::ZERO).await;
        let mut read = Vec::new();
        let error = stream.read_to_end(&mut read).await.expect_err("too late");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn one_that_was_let_through_stays() {
        let (mut stream, mut client) = pair(Duration::ZERO).await;
        stream.connect_info().vouch();
        tokio::io::AsyncWriteExt::write_all(&mut client, &[7]).await.expect("sent");
        let mut read = [0; 3];
        stream.read_exact(&mut read).await.expect("read");
        assert_eq!(&read, b"ab\x07");
    }
}
