//! A socket that a lot comes from. As long as it is watched, the kernel wakes a thread of ours for each piece that the
//! server sends, which for a server on the same machine or near it costs more than to read the piece. So a socket that
//! much came from at once is left alone, and looked at once in a millisecond, which finds many pieces; one that nothing
//! came from for a while is watched again.

use futures::ready;
use std::io::{self, Read};
use std::net;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep};

/// What comes behind one question until the socket is left alone.
const BURST_BYTES: usize = 1 << 20;
const NAP: Duration = Duration::from_millis(1);
/// Without a byte, until it is watched again.
const NAPS_MAX: u32 = 20;

pub(crate) struct Socket {
    state: State,
    /// Where it was made: whose reactor and timers it uses, whoever reads it.
    runtime: Handle,
    /// What came since something was last sent, or nothing came for long.
    burst_bytes: usize,
}

enum State {
    Watched(TcpStream),
    Alone {
        stream: net::TcpStream,
        nap: Pin<Box<Sleep>>,
        naps: u32,
    },
    /// The operating system did not let it go on.
    Broken,
}

impl Socket {
    /// Within a runtime that has a reactor and timers.
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { state: State::Watched(stream), runtime: Handle::current(), burst_bytes: 0 }
    }

    fn leave_alone(&mut self) -> io::Result<()> {
        if let State::Watched(stream) = std::mem::replace(&mut self.state, State::Broken) {
            let _within = self.runtime.enter();
            let nap = Box::pin(sleep(Duration::ZERO));
            self.state = State::Alone { stream: stream.into_std()?, nap, naps: 0 };
        }
        Ok(())
    }

    /// The socket as the kernel tells of it.
    fn watched(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if let State::Alone { .. } = &self.state
            && let State::Alone { stream, .. } = std::mem::replace(&mut self.state, State::Broken)
        {
            let _within = self.runtime.enter();
            self.burst_bytes = 0;
            self.state = State::Watched(TcpStream::from_std(stream)?);
        }
        match &mut self.state {
            State::Watched(stream) => Ok(Pin::new(stream)),
            State::Alone { .. } | State::Broken => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.burst_bytes >= BURST_BYTES && matches!(self.state, State::Watched(_)) {
            self.leave_alone()?;
        }
        if let State::Alone { stream, nap, naps } = &mut self.state {
            while *naps < NAPS_MAX {
                ready!(nap.as_mut().poll(cx));
                match stream.read(buf.initialize_unfilled()) {
                    Ok(count) => {
                        *naps = 0;
                        buf.advance(count);
                        return Poll::Ready(Ok(()));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        *naps += 1;
                        nap.as_mut().reset(Instant::now() + NAP);
                    }
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
        }
        let before = buf.filled().len();
        ready!(self.watched()?.poll_read(cx, buf))?;
        self.burst_bytes += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.burst_bytes = 0;
        self.watched()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watched()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    #[tokio::test]
    async fn a_busy_socket_is_left_alone_and_an_idle_one_watched() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connected = TcpStream::connect(address).await.expect("connected");
        let (mut server, _) = listener.accept().await.expect("accepted");
        let mut socket = Socket::new(connected);
        socket.write_all(b"question").await.expect("written");
        let mut question = [0; 8];
        server.read_exact(&mut question).await.expect("read");
        assert_eq!(&question, b"question");

        for round in 0..2_u8 {
            let sent: Vec<u8> = (0..3 * BURST_BYTES).map(|at| (at % 251) as u8 ^ round).collect();
            let mut read = vec![0; sent.len()];
            let (sent_all, read_all) =
                tokio::join!(server.write_all(&sent), socket.read_exact(&mut read));
            sent_all.expect("sent");
            assert_eq!(read_all.expect("read"), sent.len());
            assert!(read == sent);
            assert!(matches!(socket.state, State::Alone { .. }));
            // Nothing comes.
            while matches!(socket.state, State::Alone { .. }) {
                let none = timeout(NAP, socket.read(&mut read)).await;
                assert!(none.is_err(), "{none:?}");
            }
        }

        server.write_all(b"end").await.expect("written");
        drop(server);
        let mut end = Vec::new();
        socket.read_to_end(&mut end).await.expect("read");
        assert_eq!(end, b"end");
    }

    #[tokio::test]
    async fn the_next_question_and_the_end_are_seen_by_a_socket_that_is_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let connected = TcpStream::connect(address).await.expect("connected");
        let (mut server, _) = listener.accept().await.expect("accepted");
        let mut socket = Socket::new(connected);
        let mut burst = vec![7; 2 * BURST_BYTES];
        let sent = burst.clone();
        let (sent, read) = tokio::join!(server.write_all(&sent), socket.read_exact(&mut burst));
        sent.expect("sent");
        read.expect("read");
        socket.write_all(b"?").await.expect("written");
        assert!(matches!(socket.state, State::Watched(_)));
        assert_eq!(server.read_u8().await.expect("read"), b'?');
        let sent = burst.clone();
        let (sent, read) = tokio::join!(server.write_all(&sent), socket.read_exact(&mut burst));
        sent.expect("sent");
        read.expect("read");
        drop(server);
        assert_eq!(socket.read(&mut burst).await.expect("the end"), 0);
    }
}
