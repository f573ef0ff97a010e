//! The writing half: packets are built in place in one buffer, which goes to the socket whole.

use super::compression::{Algorithm, LONG_WORK_BYTES};
use super::{HEADER_BYTES, PAYLOAD_MAX_BYTES, PacketError};
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// From this size on the buffer is flushed between two packets.
const FLUSH_BYTES: usize = 64 * 1024;
/// A buffer that one huge packet made larger than this is given back after the flush.
const KEEP_MAX_BYTES: usize = 4 * FLUSH_BYTES;

#[derive(Debug)]
pub(crate) struct PacketWriter<W> {
    stream: W,
    buffer: Vec<u8>,
    /// Where the packet being built begins.
    start: usize,
    sequence: u8,
    compression: Option<FrameWriting>,
    write_timeout: Duration,
    sent_bytes: Counter,
}

/// The compressed layer of what is sent.
#[derive(Debug, Clone, Copy)]
struct FrameWriting {
    algorithm: Algorithm,
    /// The number that the next frame gets.
    sequence: u8,
}

impl<W: AsyncWrite + Unpin> PacketWriter<W> {
    /// `write_timeout` bounds the wait for a client that takes no bytes.
    pub(crate) fn new(stream: W, write_timeout: Duration, sent_bytes: Counter) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            start: 0,
            sequence: 0,
            compression: None,
            write_timeout,
            sent_bytes,
        }
    }

    /// From here on frames are sent. Nothing may wait to be flushed.
    pub(crate) fn compress(&mut self, algorithm: Algorithm) {
        debug_assert!(self.buffer.is_empty());
        self.compression = Some(FrameWriting { algorithm, sequence: 0 });
    }

    pub(crate) fn stream_mut(&mut self) -> &mut W {
        &mut self.stream
    }

    /// The number that the next packet gets.
    pub(crate) fn sequence(&self) -> u8 {
        self.sequence
    }

    pub(crate) fn set_sequence(&mut self, sequence: u8) {
        self.sequence = sequence;
        if let Some(writing) = &mut self.compression {
            writing.sequence = sequence;
        }
    }

    /// Begins a packet and hands out the buffer, to which its payload is appended.
    #[inline]
    pub(crate) fn begin(&mut self) -> &mut Vec<u8> {
        self.start = self.buffer.len();
        self.buffer.extend_from_slice(&[0; HEADER_BYTES]);
        &mut self.buffer
    }

    /// The length of the payload so far.
    #[inline]
    pub(crate) fn payload_bytes(&self) -> usize {
        self.buffer.len() - self.start - HEADER_BYTES
    }

    /// Takes back the packet that was begun.
    pub(crate) fn abandon(&mut self) {
        self.buffer.truncate(self.start);
    }

    /// Ends the packet that was begun.
    #[inline]
    pub(crate) fn end(&mut self) {
        let length = self.payload_bytes();
        if length >= PAYLOAD_MAX_BYTES {
            return self.split();
        }
        let header = self.header(length);
        self.buffer[self.start..self.start + HEADER_BYTES].copy_from_slice(&header);
    }

    pub(crate) fn put_packet(&mut self, payload: &[u8]) {
        self.begin().extend_from_slice(payload);
        self.end();
    }

    /// Whether it is time to flush.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= FLUSH_BYTES
    }

    /// Hands everything to the socket and waits until it is taken.
    pub(crate) async fn flush(&mut self) -> Result<(), PacketError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.put_in_frames().await?;
        // A client that takes some bytes now and then is slow, and not gone.
        let mut left = self.buffer.as_slice();
        while !left.is_empty() {
            let taken = tokio::time::timeout(self.write_timeout, self.stream.write(left)).await;
            match taken.map_err(|_| PacketError::WriteTimedOut)?? {
                0 => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
                taken => left = &left[taken..],
            }
        }
        let flushed = tokio::time::timeout(self.write_timeout, self.stream.flush()).await;
        flushed.map_err(|_| PacketError::WriteTimedOut)??;
        self.sent_bytes.inc_by(self.buffer.len() as u64);
        self.buffer.clear();
        self.buffer.shrink_to(KEEP_MAX_BYTES);
        Ok(())
    }

    /// Replaces the packets of the buffer by frames that hold them. The packets' numbers go on from
    /// the frames', as `net_flush` of `sql-common/net_serv.cc` has it: clients count on that.
    async fn put_in_frames(&mut self) -> Result<(), PacketError> {
        let Some(FrameWriting { algorithm, sequence }) = self.compression else {
            return Ok(());
        };
        let plain = std::mem::take(&mut self.buffer);
        let (frames, sequence) = match plain.len() > LONG_WORK_BYTES {
            true => tokio::task::spawn_blocking(move || algorithm.frames(&plain, sequence))
                .await
                .map_err(io::Error::other)??,
            false => algorithm.frames(&plain, sequence)?,
        };
        self.buffer = frames;
        self.set_sequence(sequence);
        Ok(())
    }

    /// Tells the peer that nothing more comes.
    pub(crate) async fn shutdown(&mut self) {
        let _ = tokio::time::timeout(self.write_timeout, self.stream.shutdown()).await;
    }

    fn header(&mut self, length: usize) -> [u8; HEADER_BYTES] {
        debug_assert!(length <= PAYLOAD_MAX_BYTES);
        let bytes = length.to_le_bytes();
        let header = [bytes[0], bytes[1], bytes[2], self.sequence];
        self.sequence = self.sequence.wrapping_add(1);
        header
    }

    /// Cuts a payload of 2^24-1 bytes or more into packets; one that they fill exactly is followed
    /// by an empty one.
    #[cold]
    fn split(&mut self) {
        let payload = self.buffer.split_off(self.start + HEADER_BYTES);
        self.buffer.truncate(self.start);
        for part in payload.chunks(PAYLOAD_MAX_BYTES) {
            let header = self.header(part.len());
            self.buffer.extend_from_slice(&header);
            self.buffer.extend_from_slice(part);
        }
        if payload.len().is_multiple_of(PAYLOAD_MAX_BYTES) {
            let header = self.header(0);
            self.buffer.extend_from_slice(&header);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> PacketWriter<tokio::io::Sink> {
        PacketWriter::new(tokio::io::sink(), Duration::from_secs(1), Counter::default())
    }

    fn headers(mut bytes: &[u8]) -> Vec<(usize, u8)> {
        let mut found = Vec::new();
        while let [a, b, c, sequence, rest @ ..] = bytes {
            let length = usize::from(*a) | usize::from(*b) << 8 | usize::from(*c) << 16;
            found.push((length, *sequence));
            bytes = &rest[length..];
        }
        found
    }

    #[test]
    fn the_sequence_runs_over_packets() {
        let mut writer = writer();
        writer.set_sequence(255);
        writer.put_packet(b"ab");
        writer.put_packet(b"");
        assert_eq!(writer.buffer, b"\x02\0\0\xFFab\0\0\0\0");
    }

    #[test]
    fn a_payload_of_a_full_packet_gets_an_empty_one_behind_it() {
        for (length, expected) in [
            (PAYLOAD_MAX_BYTES - 1, vec![(PAYLOAD_MAX_BYTES - 1, 0)]),
            (PAYLOAD_MAX_BYTES, vec![(PAYLOAD_MAX_BYTES, 0), (0, 1)]),
            (PAYLOAD_MAX_BYTES + 5, vec![(PAYLOAD_MAX_BYTES, 0), (5, 1)]),
            (2 * PAYLOAD_MAX_BYTES, vec![(PAYLOAD_MAX_BYTES, 0), (PAYLOAD_MAX_BYTES, 1), (0, 2)]),
        ] {
            let mut writer = writer();
            writer.put_packet(&vec![1; length]);
            assert_eq!(headers(&writer.buffer), expected);
        }
    }

    /// Read back by mysql_common, whose reader follows the server's habits.
    #[tokio::test]
    async fn frames_are_read_by_mysql_common() {
        use mysql_common::proto::codec::PacketCodec;
        let mut sent = Vec::new();
        let mut writer = PacketWriter::new(&mut sent, Duration::from_secs(1), Counter::default());
        writer.compress(Algorithm::Zlib);
        writer.set_sequence(1);
        let payloads = [vec![b'a'; 10], vec![b'b'; 1000], vec![b'c'; 600_000], vec![b'd'; 60]];
        for flushed in payloads.chunks(3) {
            for payload in flushed {
                writer.put_packet(payload);
            }
            writer.flush().await.expect("written");
        }
        drop(writer);
        let mut codec = PacketCodec::default();
        codec.compress(flate2::Compression::default());
        let mut request = bytes::BytesMut::new();
        codec.encode(&mut &b"\x03SELECT 1"[..], &mut request).expect("a request");
        let mut received = bytes::BytesMut::from(&sent[..]);
        for expected in &payloads {
            let mut payload = Vec::new();
            assert!(codec.decode(&mut received, &mut payload).expect("frames"));
            assert!(payload == *expected, "{} bytes", expected.len());
        }
        assert!(received.is_empty() && sent.len() < 100_000);
    }

    #[test]
    fn an_abandoned_packet_leaves_nothing() {
        let mut writer = writer();
        writer.put_packet(b"row");
        writer.begin().extend_from_slice(b"half a row");
        writer.abandon();
        writer.put_packet(b"error");
        assert_eq!(headers(&writer.buffer), [(3, 0), (5, 1)]);
    }
}
