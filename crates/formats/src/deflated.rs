//! A raw stream of DEFLATE (RFC 1951) that is in memory, as a reader.

use bytes::{Buf, Bytes};
use flate2::{Decompress, FlushDecompress, Status};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// What follows the end of the stream is none of it.
pub(crate) struct Deflated {
    stored: Bytes,
    stream: Decompress,
    ended: bool,
}

impl Deflated {
    pub fn new(stored: Bytes) -> Self {
        Self { stored, stream: Decompress::new(false), ended: false }
    }
}

impl AsyncRead for Deflated {
    /// The error is `UnexpectedEof` for a stream that has no end, which flate2's own readers take for one.
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Deflated { stored, stream, ended } = &mut *self;
        let room = buffer.initialize_unfilled();
        let mut filled = 0;
        while !*ended && filled == 0 && !room.is_empty() {
            let (read, written) = (stream.total_in(), stream.total_out());
            let status = stream
                .decompress(stored, room, FlushDecompress::None)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            let read = usize::try_from(stream.total_in() - read).unwrap_or(stored.len());
            filled = usize::try_from(stream.total_out() - written).unwrap_or_default();
            *ended = status == Status::StreamEnd;
            if !*ended && filled == 0 && read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            stored.advance(read);
        }
        buffer.advance(filled);
        Poll::Ready(Ok(()))
    }
}
