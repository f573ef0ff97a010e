//! The reading half: reassembles payloads, checks the sequence, and, while a query runs, watches
//! for the end of the connection without losing what the client sent ahead.

use super::compression::{Algorithm, FRAME_HEADER_BYTES, Frames};
use super::{HEADER_BYTES, PAYLOAD_MAX_BYTES, PacketError};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The buffer grows by at most this much ahead of the bytes that really came.
const GROWTH_MAX_BYTES: usize = 1024 * 1024;
const GROWTH_MIN_BYTES: usize = 8 * 1024;
/// A buffer that may be larger is given back once what made it so is taken off.
const KEEP_MAX_BYTES: usize = 256 * 1024;
/// So much is read ahead while a query runs. A client that pipelines more than this is not watched
/// any further; its end is then noticed when rows are written to it.
const AHEAD_MAX_BYTES: usize = 64 * 1024;

/// A whole payload.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) payload: BytesMut,
    /// The sequence number that an answer begins with.
    pub(crate) next_sequence: u8,
}

/// A frame may hold several short packets ahead; so much is let through whatever the limit is.
const FRAME_LIMIT_MIN_BYTES: usize = 64 * 1024;

#[derive(Debug)]
pub(crate) struct PacketReader<R> {
    stream: R,
    /// Packets, out of their frames if there are such.
    buffer: BytesMut,
    /// The compressed layer, once it is agreed upon.
    frames: Option<Frames>,
    payload_max_bytes: usize,
    /// What the payloads to come may take together.
    allowance_bytes: Option<usize>,
}

impl<R: AsyncRead + Unpin> PacketReader<R> {
    /// `payload_max_bytes` bounds a payload over all its packets.
    pub(crate) fn new(stream: R, payload_max_bytes: usize) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            frames: None,
            payload_max_bytes,
            allowance_bytes: None,
        }
    }

    /// From here on the peer sends frames; what it has sent ahead is of them.
    pub(crate) fn compress(&mut self, algorithm: Algorithm) {
        let raw = std::mem::take(&mut self.buffer);
        self.frames = Some(Frames { algorithm, raw, next_sequence: 0 });
    }

    /// The stream and what was read ahead of it, for another reader.
    pub(crate) fn stream_and_ahead(&mut self) -> (&mut R, &mut BytesMut) {
        (&mut self.stream, &mut self.buffer)
    }

    /// The first bytes of what comes next, at least `length` of them, which stay there.
    pub(crate) async fn peek(&mut self, length: usize) -> Result<&mut BytesMut, PacketError> {
        self.fill(length).await?;
        Ok(&mut self.buffer)
    }

    /// Bounds what all payloads take together from here on, for a peer that nobody knows yet; `None`
    /// when it is known.
    pub(crate) fn set_allowance(&mut self, bytes: Option<usize>) {
        self.allowance_bytes = bytes;
    }

    /// The next payload, whose first packet must have the sequence number `sequence`.
    pub(crate) async fn read(&mut self, sequence: u8) -> Result<Packet, PacketError> {
        let mut next_sequence = sequence;
        let mut whole: Option<BytesMut> = None;
        if let Some(frames) = &mut self.frames
            && self.buffer.is_empty()
        {
            frames.next_sequence = sequence;
        }
        loop {
            self.fill(HEADER_BYTES).await?;
            let header = self.buffer.split_to(HEADER_BYTES);
            let length =
                usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
            // Within frames only the frames' numbers count: each side sets the packets' numbers to
            // them whenever it flushes (`net_flush` of `sql-common/net_serv.cc`).
            if header[3] != next_sequence && self.frames.is_none() {
                return Err(PacketError::OutOfOrder);
            }
            next_sequence = next_sequence.wrapping_add(1);
            let total = whole.as_ref().map_or(0, BytesMut::len) + length;
            if self.allowance_bytes.is_some_and(|allowed| total > allowed) {
                return Err(PacketError::AllowanceSpent);
            }
            if total > self.payload_max_bytes {
                return Err(PacketError::TooLarge);
            }
            self.fill(length).await?;
            let part = take_off(&mut self.buffer, length);
            let payload = match whole.take() {
                None => part,
                Some(mut start) => {
                    start.extend_from_slice(&part);
                    start
                }
            };
            if length < PAYLOAD_MAX_BYTES {
                if let Some(frames) = &self.frames {
                    next_sequence = frames.next_sequence;
                }
                self.allowance_bytes = self.allowance_bytes.map(|allowed| allowed - payload.len());
                return Ok(Packet { payload, next_sequence });
            }
            whole = Some(payload);
        }
    }

    /// Waits until the peer has closed the connection; what it sends meanwhile is kept for
    /// [`Self::read`]. Safe to cancel.
    pub(crate) async fn closed(&mut self) {
        // Frames are opened when their packets are asked for.
        let ahead = match &mut self.frames {
            None => &mut self.buffer,
            Some(frames) => &mut frames.raw,
        };
        while ahead.len() < AHEAD_MAX_BYTES {
            ahead.reserve(GROWTH_MIN_BYTES);
            match self.stream.read_buf(ahead).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
        std::future::pending().await
    }

    /// Reads and forgets until the peer has closed, so that an error sent to it is not lost by a
    /// reset of the connection.
    pub(crate) async fn discard(&mut self) {
        loop {
            // Frames are not looked into either.
            self.buffer.clear();
            self.buffer.reserve(GROWTH_MIN_BYTES);
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// Reads until the buffer holds `length` bytes. Not safe to cancel where frames are read.
    async fn fill(&mut self, length: usize) -> Result<(), PacketError> {
        while self.buffer.remaining() < length {
            let missing = length - self.buffer.remaining();
            match &mut self.frames {
                None => read_more(&mut self.stream, &mut self.buffer, missing).await?,
                Some(frames) => {
                    let limit = self.payload_max_bytes.saturating_add(HEADER_BYTES);
                    let limit = limit.max(FRAME_LIMIT_MIN_BYTES);
                    open_next(&mut self.stream, frames, limit, &mut self.buffer).await?;
                }
            }
        }
        Ok(())
    }
}

/// Takes the first bytes off. Both parts of a split buffer keep all of it alive, and a connection
/// that is idle must not hold the largest packet that it ever received: so the rest moves.
pub(super) fn take_off(buffer: &mut BytesMut, length: usize) -> BytesMut {
    let taken = buffer.split_to(length);
    if length > KEEP_MAX_BYTES {
        *buffer = BytesMut::from(&buffer[..]);
    }
    taken
}

/// Reads at least one byte more.
async fn read_more<R: AsyncRead + Unpin>(
    stream: &mut R,
    into: &mut BytesMut,
    missing: usize,
) -> Result<(), PacketError> {
    into.reserve(missing.clamp(GROWTH_MIN_BYTES, GROWTH_MAX_BYTES));
    match stream.read_buf(into).await? {
        0 => Err(PacketError::Closed),
        _ => Ok(()),
    }
}

/// Waits for the next frame and appends what it holds, which may be nothing.
async fn open_next<R: AsyncRead + Unpin>(
    stream: &mut R,
    frames: &mut Frames,
    plain_max_bytes: usize,
    into: &mut BytesMut,
) -> Result<(), PacketError> {
    while frames.missing_bytes() > 0 {
        let missing = frames.missing_bytes().max(FRAME_HEADER_BYTES);
        read_more(stream, &mut frames.raw, missing).await?;
        frames.check(plain_max_bytes)?;
    }
    frames.check(plain_max_bytes)?;
    let Some(frame) = frames.take() else {
        return Ok(());
    };
    // Many short frames may have come in one piece.
    tokio::task::coop::consume_budget().await;
    let plain = match frame.is_long() {
        true => tokio::task::spawn_blocking(|| frame.open())
            .await
            .map_err(|_| PacketError::NotCompressed)??,
        false => frame.open()?,
    };
    into.extend_from_slice(&plain);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
        [&length[..3], &[sequence], payload].concat()
    }

    #[test]
    fn pipelined_packets_are_read_one_by_one() {
        let bytes = [packet(0, b"first"), packet(0, b""), packet(0, b"third")].concat();
        let mut reader = PacketReader::new(&bytes[..], 100);
        run(async {
            for expected in [&b"first"[..], b"", b"third"] {
                let packet = reader.read(0).await.expect("a packet");
                assert_eq!(&packet.payload[..], expected);
                assert_eq!(packet.next_sequence, 1);
            }
            assert!(matches!(reader.read(0).await, Err(PacketError::Closed)));
        });
    }

    #[test]
    fn a_long_payload_is_put_together() {
        let part = vec![7; PAYLOAD_MAX_BYTES];
        let bytes = [packet(0, &part), packet(1, &part), packet(2, b"")].concat();
        let mut reader = PacketReader::new(&bytes[..], 3 * PAYLOAD_MAX_BYTES);
        let packet = run(reader.read(0)).expect("a packet");
        assert_eq!(packet.payload.len(), 2 * PAYLOAD_MAX_BYTES);
        assert_eq!(packet.next_sequence, 3);
    }

    #[test]
    fn the_limit_holds_before_the_payload_is_read() {
        let header_only = [0xFF, 0xFF, 0xFF, 0];
        let mut reader = PacketReader::new(&header_only[..], 1000);
        assert!(matches!(run(reader.read(0)), Err(PacketError::TooLarge)));
        let part = packet(0, &vec![7; PAYLOAD_MAX_BYTES]);
        let bytes = [part, packet(1, b"ab")].concat();
        let mut reader = PacketReader::new(&bytes[..], PAYLOAD_MAX_BYTES + 1);
        assert!(matches!(run(reader.read(0)), Err(PacketError::TooLarge)));
    }

    #[test]
    fn an_allowance_is_for_all_payloads_together() {
        let bytes = [packet(0, b"four"), packet(0, b"more"), packet(0, b"known")].concat();
        let mut reader = PacketReader::new(&bytes[..], 100);
        reader.set_allowance(Some(7));
        assert_eq!(&run(reader.read(0)).expect("a packet").payload[..], b"four");
        assert!(matches!(run(reader.read(0)), Err(PacketError::AllowanceSpent)));
        let mut reader = PacketReader::new(&bytes[..], 100);
        reader.set_allowance(Some(8));
        run(reader.read(0)).expect("a packet");
        run(reader.read(0)).expect("a packet");
        reader.set_allowance(None);
        run(reader.read(0)).expect("a packet");
    }

    #[test]
    fn a_large_packet_leaves_no_large_buffer() {
        let large = vec![7; 3 << 20];
        let bytes = [packet(0, &large), packet(0, b"next")].concat();
        let (frames, _) = Algorithm::Zlib.frames(&bytes, 0).expect("frames");
        for (sent, compressed) in [(&bytes, false), (&frames, true)] {
            let mut reader = PacketReader::new(&sent[..], 4 << 20);
            if compressed {
                reader.compress(Algorithm::Zlib);
            }
            assert_eq!(run(reader.read(0)).expect("a packet").payload.len(), large.len());
            assert!(reader.buffer.capacity() <= KEEP_MAX_BYTES, "{}", reader.buffer.capacity());
            assert_eq!(&run(reader.read(0)).expect("a packet").payload[..], b"next");
        }
    }

    #[test]
    fn a_wrong_sequence_is_refused() {
        let bytes = packet(3, b"x");
        assert!(matches!(
            run(PacketReader::new(&bytes[..], 100).read(2)),
            Err(PacketError::OutOfOrder)
        ));
    }

    #[test]
    fn what_comes_while_watching_is_kept() {
        let (mut client, server) = tokio::io::duplex(1024);
        run(async {
            let mut reader = PacketReader::new(server, 100);
            tokio::io::AsyncWriteExt::write_all(&mut client, &packet(0, b"next"))
                .await
                .expect("ok");
            drop(client);
            reader.closed().await;
            assert_eq!(&reader.read(0).await.expect("a packet").payload[..], b"next");
        });
    }

    #[test]
    fn packets_are_read_out_of_frames_and_across_them() {
        for algorithm in [Algorithm::Zlib, Algorithm::Zstd { level: 1 }] {
            let long = vec![b'y'; 300];
            let plain = [packet(0, b"first"), packet(0, &long)].concat();
            let (one, _) = algorithm.frames(&plain[..100], 0).expect("frames");
            let (two, _) = algorithm.frames(&plain[100..], 1).expect("frames");
            let (three, _) = algorithm.frames(&packet(0, b"third"), 0).expect("frames");
            let bytes = [one, two, three].concat();
            let mut reader = PacketReader::new(&bytes[..], 1000);
            reader.compress(algorithm);
            for (expected, next_sequence) in [(&b"first"[..], 1), (&long, 2), (b"third", 1)] {
                let packet = run(reader.read(0)).expect("a packet");
                assert_eq!(&packet.payload[..], expected);
                assert_eq!(packet.next_sequence, next_sequence);
            }
            assert!(matches!(run(reader.read(0)), Err(PacketError::Closed)));
        }
    }

    #[test]
    fn frames_have_their_own_numbers_and_limit() {
        let frame = |sequence, payload: &[u8]| {
            Algorithm::Zlib.frames(&packet(0, payload), sequence).expect("frames").0
        };
        let read = |bytes: &[u8]| {
            let mut reader = PacketReader::new(bytes, 100_000);
            reader.compress(Algorithm::Zlib);
            run(reader.read(0))
        };
        assert!(matches!(read(&frame(1, b"x")), Err(PacketError::OutOfOrder)));
        assert!(matches!(read(&frame(0, &[0; 200_000])), Err(PacketError::TooLarge)));
        assert_eq!(read(&frame(0, &[0; 100_000])).expect("a packet").payload.len(), 100_000);
    }

    proptest! {
        #[test]
        fn any_frames_are_refused_or_read(bytes: Vec<u8>, limit in 0_usize..64) {
            let mut reader = PacketReader::new(&bytes[..], limit);
            reader.compress(Algorithm::Zlib);
            let packet = run(reader.read(bytes.get(3).copied().unwrap_or(0)));
            prop_assert!(packet.is_err() || packet.is_ok_and(|packet| packet.payload.len() <= limit));
        }

        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>, limit in 0_usize..64) {
            let mut reader = PacketReader::new(&bytes[..], limit);
            let packet = run(reader.read(bytes.get(3).copied().unwrap_or(0)));
            prop_assert!(packet.is_err() || packet.is_ok_and(|packet| packet.payload.len() <= limit));
        }
    }
}
