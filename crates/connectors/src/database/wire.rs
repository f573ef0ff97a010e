//! Bytes to and from a server, in plain text or not. Every wait for the peer has a bound. It knows no protocol.

use futures::FutureExt;
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::task::coop::unconstrained;
use tokio::time::timeout;

const BUFFER_BYTES: usize = 128 * 1024;

/// A connection, in plain text or not.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

/// Why nothing more comes.
#[derive(Debug)]
pub(crate) enum WireError {
    /// The connection broke.
    Lost(io::Error),
    /// The peer neither sent nor took a byte for so long.
    Silent(Duration),
}

pub(crate) struct Wire {
    stream: Box<dyn ByteStream>,
    /// What came and was not taken yet stands from `start` to `end`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// How long the peer may take to send or to take the next bytes.
    pub(crate) silence: Duration,
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("silence", &self.silence).finish_non_exhaustive()
    }
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn ByteStream>, silence: Duration) -> Self {
        Self { stream, buffer: vec![0; BUFFER_BYTES], start: 0, end: 0, silence }
    }

    /// The connection, to go on over it in another way; `None` when the peer has sent more than was taken.
    pub(crate) fn into_stream(self) -> Option<Box<dyn ByteStream>> {
        (self.start == self.end).then_some(self.stream)
    }

    /// What came and was not taken yet.
    #[inline]
    pub(crate) fn buffered(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Takes bytes that are there.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) {
        debug_assert!(count <= self.end - self.start, "bytes that are not there");
        self.start += count;
    }

    /// The last `count` bytes that were taken, until the next wait.
    #[inline]
    pub(crate) fn taken(&self, count: usize) -> &[u8] {
        &self.buffer[self.start - count..self.start]
    }

    /// Waits until `wanted` bytes are there.
    #[inline]
    pub(crate) async fn fill(&mut self, wanted: usize) -> Result<(), WireError> {
        while self.end - self.start < wanted {
            self.make_room(wanted);
            let read = self.stream.read(&mut self.buffer[self.end..]);
            match timeout(self.silence, read).await {
                Ok(Ok(0)) => return Err(WireError::Lost(io::ErrorKind::UnexpectedEof.into())),
                Ok(Ok(count)) => self.end += count,
                Ok(Err(error)) => return Err(WireError::Lost(error)),
                Err(_) => return Err(WireError::Silent(self.silence)),
            }
        }
        Ok(())
    }

    /// A length that the peer tells is believed as far as its bytes come.
    fn make_room(&mut self, wanted: usize) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        if self.start > 0 && self.start + wanted > self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(wanted.min(2 * self.buffer.len()), 0);
        }
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        let sent = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        match timeout(self.silence, sent).await {
            Ok(done) => done.map_err(WireError::Lost),
            Err(_) => Err(WireError::Silent(self.silence)),
        }
    }

    /// Whether the peer has neither closed the connection nor sent anything since it was last asked. What it sent is
    /// lost.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let read = unconstrained(self.stream.read(&mut self.buffer));
        self.start == self.end && read.now_or_never().is_none()
    }

    /// Gives back the memory that long messages took.
    pub(crate) fn shrink(&mut self) {
        if self.start == self.end && self.buffer.len() > BUFFER_BYTES {
            self.buffer = vec![0; BUFFER_BYTES];
            (self.start, self.end) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_comes_in_pieces_is_put_together() {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        let sent: Vec<u8> = (0..3 * BUFFER_BYTES).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move { theirs.write_all(&sent).await });
        let mut wire = Wire::new(Box::new(ours), PATIENCE);
        let mut read = Vec::new();
        for count in [1, 5, BUFFER_BYTES - 3, BUFFER_BYTES + 1] {
            wire.fill(count).await.expect("bytes");
            wire.take(count);
            read.extend_from_slice(wire.taken(count));
        }
        wire.shrink();
        let rest = expected.len() - read.len();
        wire.fill(rest).await.expect("bytes");
        wire.take(rest);
        read.extend_from_slice(wire.taken(rest));
        assert!(read == expected);
        writing.await.expect("a task").expect("written");
        assert!(matches!(wire.fill(1).await, Err(WireError::Lost(_))));
    }

    #[tokio::test]
    async fn a_length_that_is_told_takes_no_memory() {
        let (ours, mut theirs) = tokio::io::duplex(1000);
        theirs.write_all(b"short").await.expect("written");
        drop(theirs);
        let mut wire = Wire::new(Box::new(ours), PATIENCE);
        assert!(matches!(wire.fill(1 << 40).await, Err(WireError::Lost(_))));
        assert_eq!(wire.buffer.len(), BUFFER_BYTES);
    }

    #[tokio::test]
    async fn a_silent_peer_is_not_waited_for() {
        const SILENCE: Duration = Duration::from_millis(1);
        let (ours, _theirs) = tokio::io::duplex(8);
        let mut wire = Wire::new(Box::new(ours), SILENCE);
        assert!(wire.is_quiet());
        assert!(matches!(wire.fill(1).await, Err(WireError::Silent(SILENCE))));
        assert!(matches!(wire.send(&[0; 9]).await, Err(WireError::Silent(SILENCE))));
    }

    #[tokio::test]
    async fn who_speaks_or_leaves_is_not_quiet() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut wire = Wire::new(Box::new(ours), PATIENCE);
        theirs.write_all(b"x").await.expect("written");
        assert!(!wire.is_quiet());
        assert!(wire.is_quiet());
        drop(theirs);
        assert!(!wire.is_quiet());
    }
}
