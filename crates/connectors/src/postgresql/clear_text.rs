//! A connection that is not under TLS ends when the server asks for the password in clear text: who took the server's
//! place, or its port, would have it.
//!
//! Source: PostgreSQL's manual, 55.7 "Message Formats": `AuthenticationCleartextPassword`.

use std::error::Error;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The type, the length and the code of the message.
const REQUEST: [u8; 9] = [b'R', 0, 0, 0, 8, 0, 0, 0, 3];

/// The stream below the protocol, looked at until the first message is there: only it may ask for a password so.
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

    /// Whether the bytes that were read end a request for the password.
    fn is_asked(&mut self, bytes: &[u8]) -> bool {
        let Some(mut read) = self.read else { return false };
        let answer = usize::from(self.awaits_tls).min(bytes.len());
        self.awaits_tls &= answer == 0;
        for byte in &bytes[answer..] {
            if REQUEST.get(read) != Some(byte) {
                self.read = None;
                return false;
            }
            read += 1;
            if read == REQUEST.len() {
                return true;
            }
        }
        self.read = Some(read);
        false
    }
}

/// The server wants the password in clear text.
#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the server asks for the password in clear text, and the connection is not under TLS; set `tls` to \
             `verify-full`, or have the server ask for `scram-sha-256`",
        )
    }
}

impl Error for Asked {}

/// What the server asked for, where that ended the connection.
pub(super) fn refused(error: &tokio_postgres::Error) -> Option<String> {
    let cause = error.source()?.downcast_ref::<io::Error>()?.get_ref()?;
    cause.downcast_ref::<Asked>().map(ToString::to_string)
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.read.is_some()
            && matches!(read, Poll::Ready(Ok(())))
            && self.is_asked(&buf.filled()[before..])
        {
            // Nobody sees the message, so nobody answers it.
            buf.set_filled(before);
            return Poll::Ready(Err(io::Error::other(Asked)));
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

    /// Whether reading what comes in these pieces ends with the request.
    async fn is_refused(asks_for_tls: bool, pieces: &[&[u8]]) -> bool {
        let pieces_to_read = Pieces(pieces.iter().map(|piece| piece.to_vec()).collect());
        let mut watched = Watched::new(pieces_to_read, asks_for_tls);
        let mut all = Vec::new();
        match watched.read_to_end(&mut all).await {
            Ok(_) => {
                assert_eq!(all, pieces.concat());
                false
            }
            Err(error) => {
                assert!(error.get_ref().is_some_and(|cause| cause.is::<Asked>()), "{error}");
                true
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
    }
}
