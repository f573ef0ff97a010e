//! The first that a server says, before it is answered. A connection that is not under TLS ends when the server asks for
//! the password in clear text: who took the server's place, or its port, would have it. It ends, too, where the server
//! speaks another protocol.
//!
//! Source: PostgreSQL's manual, 55.2.10 "SSL Session Encryption" and 55.7 "Message Formats":
//! `AuthenticationCleartextPassword`.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The type, the length and the code of the message.
const REQUEST: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];
/// The types of messages that a login begins with: `Authentication...`, `ErrorResponse`, `NoticeResponse`,
/// `NegotiateProtocolVersion`.
const FIRST_TYPES: &[u8] = b"RENv";

/// The stream below the protocol, looked at until the first message is there: only it may ask for a password so.
/// Under TLS nothing is looked at.
#[derive(Debug)]
pub(super) struct Watched<S> {
    stream: S,
    /// Whether the next byte is the answer to a request for TLS.
    awaits_tls: bool,
    /// How many bytes of [`REQUEST`] were read; `None` when something else came.
    read: Option<usize>,
}

impl<S> Watched<S> {
    /// `asks_for_tls`: whether TLS is asked for before anything else.
    pub fn new(stream: S, asks_for_tls: bool) -> Self {
        Self { stream, awaits_tls: asks_for_tls, read: Some(0) }
    }

    /// For TLS, under which the password may be sent.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Why the connection has to end by the bytes that were read.
    fn unfit(&mut self, bytes: &[u8]) -> Option<Unfit> {
        let mut read = self.read?;
        let mut bytes = bytes;
        if self.awaits_tls
            && let Some((answer, rest)) = bytes.split_first()
        {
            match answer {
                b'S' | b'N' => {}
                // The head of an error. What goes on after it is not believed: it may ask for the password.
                b'E' => return Some(Unfit::NoTls),
                _ => return Some(Unfit::Stranger),
            }
            self.awaits_tls = false;
            bytes = rest;
        }
        for byte in bytes {
            if read == 0 && !FIRST_TYPES.contains(byte) {
                return Some(Unfit::Stranger);
            }
            if REQUEST.get(read) != Some(byte) {
                self.read = None;
                return None;
            }
            read += 1;
            if read == REQUEST.len() {
                return Some(Unfit::ClearText);
            }
        }
        self.read = Some(read);
        None
    }
}

/// Why a connection ended by what the server said first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It wants the password in clear text.
    ClearText,
    /// It has an error where it is to say whether it has TLS.
    NoTls,
    /// It speaks another protocol.
    Stranger,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unfit::ClearText => {
                "the login fails: the server asks for the password in clear text, and the connection is not under TLS; \
                 set `tls` to `verify-full`, or have the server ask for `scram-sha-256`"
            }
            Unfit::NoTls => {
                "the server answers the request for TLS by an error; `tls` = `disable` does without it"
            }
            Unfit::Stranger => {
                "the server is there and does not speak PostgreSQL's protocol; is `port` that of another one?"
            }
        })
    }
}

impl Error for Unfit {}

/// What the server said, where that ended the connection.
pub(super) fn refused(error: &tokio_postgres::Error) -> Option<Unfit> {
    let cause = error.source()?.downcast_ref::<io::Error>()?.get_ref()?;
    cause.downcast_ref::<Unfit>().copied()
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if matches!(read, Poll::Ready(Ok(())))
            && let Some(unfit) = self.unfit(&buf.filled()[before..])
        {
            // Nobody sees the message, so nobody answers it.
            buf.set_filled(before);
            return Poll::Ready(Err(io::Error::other(unfit)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use tokio::io::AsyncReadExt;

    /// Why reading what comes in these pieces ends before its end.
    async fn ended(asks_for_tls: bool, pieces: &[&[u8]]) -> Option<Unfit> {
        let pieces_to_read = Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
        let mut watched = Watched::new(pieces_to_read, asks_for_tls);
        let mut all = Vec::new();
        match watched.read_to_end(&mut all).await {
            Ok(_) => {
                assert_eq!(all, pieces.concat());
                None
            }
            Err(error) => {
                let unfit = error.get_ref().and_then(|cause| cause.downcast_ref().copied());
                assert!(unfit.is_some(), "{error}");
                unfit
            }
        }
    }

    async fn is_refused(asks_for_tls: bool, pieces: &[&[u8]]) -> bool {
        match ended(asks_for_tls, pieces).await {
            None => false,
            Some(Unfit::ClearText) => true,
            Some(unfit @ (Unfit::NoTls | Unfit::Stranger)) => {
                panic!("it speaks the protocol: {unfit}")
            }
        }
    }

    /// One for each read.
    struct Pieces(VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buf.put_slice(&self.0.pop_front().unwrap_or_default());
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn only_the_first_message_in_clear_text_is_refused() {
        let md5 = [b'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4];
        let ok = [b'R', 0, 0, 0, 8, 0, 0, 0, 0];
        assert!(is_refused(false, &[&REQUEST]).await);
        assert!(is_refused(false, &[&REQUEST[..1], &REQUEST[1..7], &REQUEST[7..]]).await);
        assert!(is_refused(true, &[b"N", &REQUEST]).await);
        assert!(is_refused(true, &[&[&b"N"[..], &REQUEST[..5]].concat(), &REQUEST[5..]]).await);
        for first in [&md5[..], &ok] {
            assert!(!is_refused(false, &[first, &REQUEST]).await);
            assert!(!is_refused(true, &[b"N", first, &REQUEST]).await);
        }
        assert!(!is_refused(false, &[&REQUEST[..8]]).await);
        // An error in the place of an answer about TLS ends all, whatever follows.
        for rest in [&b"\0\0\0\x08"[..], &REQUEST] {
            assert_eq!(ended(true, &[b"E", rest]).await, Some(Unfit::NoTls));
        }
    }

    /// The greeting of MySQL, and the answers of a web server and of Redis.
    #[tokio::test]
    async fn other_protocols_are_told_by_their_first_byte() {
        for first in
            [&b"\x4a\0\0\0\x0a8.4.3"[..], b"HTTP/1.1 400 Bad Request", b"-ERR unknown command"]
        {
            for asks_for_tls in [false, true] {
                let unfit = ended(asks_for_tls, &[first]).await;
                assert_eq!(unfit, Some(Unfit::Stranger), "{first:?}");
            }
        }
        assert_eq!(ended(true, &[b"N", b"HTTP"]).await, Some(Unfit::Stranger));
    }
}
