//! The two halves of a client's connection, plain or inside TLS, and the way from one to the
//! other in the middle of the handshake.

use super::auth::Encryption;
use super::packet::{Channel, PacketError};
use super::tls::{Tls, peer_certificate};
use crate::session::TlsNames;
use bytes::{Buf, BytesMut};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::rustls::{CipherSuite, ProtocolVersion, ServerConnection};
use tokio_rustls::server::TlsStream;

type Encrypted = TlsStream<Rewound>;

#[derive(Debug)]
pub(super) enum ReadSide {
    Plain(OwnedReadHalf),
    Tls(tokio::io::ReadHalf<Encrypted>),
    /// Between plain and TLS, and after TLS could not be agreed upon.
    Gone,
}

#[derive(Debug)]
pub(super) enum WriteSide {
    Plain(OwnedWriteHalf),
    Tls(tokio::io::WriteHalf<Encrypted>),
    Gone,
}

pub(super) fn split(stream: TcpStream) -> (ReadSide, WriteSide) {
    let (read, write) = stream.into_split();
    (ReadSide::Plain(read), WriteSide::Plain(write))
}

/// Takes the connection into TLS, whose first bytes are what has been read ahead: nothing that
/// came in plain text after the request for TLS is ever taken for a packet.
///
/// # Errors
/// `Io` when the client does not agree; `Closed` when there is no plain connection.
pub(super) async fn into_tls(
    channel: &mut Channel<ReadSide, WriteSide>,
    tls: &Arc<Tls>,
) -> Result<(Encryption, Option<TlsNames>), PacketError> {
    let acceptor = tls.acceptor().await;
    let (read, ahead) = channel.reader.stream_and_ahead();
    let read = std::mem::replace(read, ReadSide::Gone);
    let ahead = std::mem::take(ahead);
    let write = std::mem::replace(channel.writer.stream_mut(), WriteSide::Gone);
    let (ReadSide::Plain(read), WriteSide::Plain(write)) = (read, write) else {
        return Err(PacketError::Closed);
    };
    let stream = read.reunite(write).map_err(io::Error::other)?;
    let stream = acceptor.accept(Rewound { ahead, stream }).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let encryption = match certificate.map(peer_certificate) {
        None => Encryption::Tls,
        Some(Some(names)) => Encryption::MutualTls(names),
        Some(None) => return Err(io::Error::other("an unreadable client certificate").into()),
    };
    let names = tls_names(stream.get_ref().1);
    let (read, write) = tokio::io::split(stream);
    *channel.reader.stream_and_ahead().0 = ReadSide::Tls(read);
    *channel.writer.stream_mut() = WriteSide::Tls(write);
    Ok((encryption, names))
}

/// In OpenSSL's words, which clients compare with their own.
pub(crate) fn tls_names(connection: &ServerConnection) -> Option<TlsNames> {
    let version = match connection.protocol_version()? {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => return None,
    };
    let cipher = match connection.negotiated_cipher_suite()?.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str()?,
    };
    Some(TlsNames { version, cipher })
}

impl AsyncRead for ReadSide {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, into),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, into),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for WriteSide {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// A connection of which some bytes were read already; they come first.
#[derive(Debug)]
pub(super) struct Rewound {
    ahead: BytesMut,
    stream: TcpStream,
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

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
