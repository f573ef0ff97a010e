//! Packets over a connection: a header of a length and a sequence number before each, and payloads of 16 MiB and more
//! in several of them. Every wait for the peer has a bound, and so has every payload.
//!
//! Source: MySQL Source Code Documentation, "MySQL Packets".

use crate::database::{ByteStream, Wire};
use crate::mysql::failure::Failure;
use std::fmt;
use std::time::Duration;

const HEADER_BYTES: usize = 4;
/// A packet of this length is continued by the next one.
const PIECE_MAX: usize = 0xFF_FFFF;

pub(crate) struct Packets {
    wire: Wire,
    /// A payload of several packets.
    long: Vec<u8>,
    sequence: u8,
    payload_max_bytes: usize,
}

impl fmt::Debug for Packets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packets").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Packets {
    pub(crate) fn new(
        stream: Box<dyn ByteStream>,
        silence: Duration,
        payload_max_bytes: usize,
    ) -> Self {
        Self { wire: Wire::new(stream, silence), long: Vec::new(), sequence: 0, payload_max_bytes }
    }

    /// How long the peer may take to send or to take the next bytes.
    pub(crate) fn set_silence(&mut self, silence: Duration) {
        self.wire.silence = silence;
    }

    /// The connection, to go on over it in another way.
    ///
    /// # Errors
    /// `Malformed` when the peer has sent more than it was asked for.
    pub(crate) fn into_stream(self) -> Result<Box<dyn ByteStream>, Failure> {
        let stream = self.wire.into_stream();
        stream.ok_or_else(|| Failure::malformed("bytes before the TLS handshake"))
    }

    /// The same conversation over another stream goes on with this number.
    pub(crate) fn with_sequence(mut self, sequence: u8) -> Self {
        self.sequence = sequence;
        self
    }

    pub(crate) fn sequence(&self) -> u8 {
        self.sequence
    }

    /// Begins a command, whose packets count from 0.
    pub(crate) async fn command(&mut self, payload: &[u8]) -> Result<(), Failure> {
        self.sequence = 0;
        self.send(payload).await
    }

    pub(crate) async fn send(&mut self, payload: &[u8]) -> Result<(), Failure> {
        let mut pieces = payload.chunks(PIECE_MAX);
        let mut written = Vec::with_capacity(payload.len() + HEADER_BYTES);
        loop {
            let piece = pieces.next().unwrap_or_default();
            // No piece is longer than three bytes say.
            let length = u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes();
            written.extend_from_slice(&[length[0], length[1], length[2], self.sequence]);
            written.extend_from_slice(piece);
            self.sequence = self.sequence.wrapping_add(1);
            // A full piece is followed by another one, and be it empty.
            if piece.len() < PIECE_MAX {
                break;
            }
        }
        Ok(self.wire.send(&written).await?)
    }

    /// The next payload.
    pub(crate) async fn receive(&mut self) -> Result<&[u8], Failure> {
        let length = self.piece().await?;
        if length < PIECE_MAX {
            return Ok(self.wire.taken(length));
        }
        self.long.clear();
        self.long.extend_from_slice(self.wire.taken(length));
        loop {
            let length = self.piece().await?;
            if self.long.len() + length > self.payload_max_bytes {
                return Err(self.too_long());
            }
            self.long.extend_from_slice(self.wire.taken(length));
            if length < PIECE_MAX {
                return Ok(&self.long);
            }
        }
    }

    /// Gives back the memory that long payloads took.
    pub(crate) fn shrink(&mut self) {
        self.long = Vec::new();
        self.wire.shrink();
    }

    /// Takes the next packet, and gives the length of its payload.
    async fn piece(&mut self) -> Result<usize, Failure> {
        self.wire.fill(HEADER_BYTES).await?;
        let header = self.wire.buffered();
        let length =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        if header[3] != self.sequence {
            return Err(Failure::malformed("a packet out of its order"));
        }
        if length > self.payload_max_bytes {
            return Err(self.too_long());
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.wire.fill(HEADER_BYTES + length).await?;
        self.wire.take(HEADER_BYTES + length);
        Ok(length)
    }

    fn too_long(&self) -> Failure {
        Failure::TooLong(self.payload_max_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn packet(sequence: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
        [&length[..3], &[sequence], payload].concat()
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
    }

    async fn received(sent: Vec<u8>, payload_max_bytes: usize) -> Result<Vec<Vec<u8>>, Failure> {
        let (ours, mut theirs) = tokio::io::duplex(4096);
        let writing = tokio::spawn(async move {
            // A reader that gives up closes.
            let _ = theirs.write_all(&sent).await;
        });
        let mut packets = Packets::new(Box::new(ours), PATIENCE, payload_max_bytes);
        let mut payloads = Vec::new();
        let outcome = loop {
            match packets.receive().await {
                Ok(payload) => payloads.push(payload.to_vec()),
                Err(Failure::Lost(_)) => break Ok(payloads),
                Err(other) => break Err(other),
            }
        };
        drop(packets);
        writing.await.expect("written");
        outcome
    }

    #[tokio::test]
    async fn long_payloads_come_in_pieces() {
        let long = vec![7_u8; PIECE_MAX + 10];
        let sent = [
            packet(0, b"short"),
            packet(1, &long[..PIECE_MAX]),
            packet(2, &long[PIECE_MAX..]),
            packet(3, b""),
            packet(4, &long[..PIECE_MAX]),
            packet(5, b""),
        ]
        .concat();
        let found = received(sent, 64 << 20).await.expect("payloads");
        assert_eq!(found.len(), 4);
        assert_eq!((found[0].as_slice(), found[2].as_slice()), (&b"short"[..], &b""[..]));
        assert!(found[1] == long && found[3] == long[..PIECE_MAX]);
    }

    #[tokio::test]
    async fn payloads_have_a_bound() {
        let sent = packet(0, &[0; 101]);
        assert!(matches!(received(sent, 100).await, Err(Failure::TooLong(100))));
        let sent = [packet(0, &vec![0; PIECE_MAX]), packet(1, &[0; 10])].concat();
        let found = received(sent, PIECE_MAX + 5).await;
        assert!(matches!(found, Err(Failure::TooLong(_))));
    }

    #[tokio::test]
    async fn what_is_sent_is_received() {
        for length in [0, 1, PIECE_MAX - 1, PIECE_MAX, PIECE_MAX + 1] {
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            let mut sender = Packets::new(Box::new(ours), PATIENCE, 64 << 20);
            let mut receiver = Packets::new(Box::new(theirs), PATIENCE, 64 << 20);
            let payload = vec![3_u8; length];
            let (sent, read) = tokio::join!(sender.command(&payload), receiver.receive());
            sent.expect("sent");
            assert!(read.expect("received") == payload);
        }
    }

    #[tokio::test]
    async fn packets_out_of_order_are_refused() {
        let sent = [packet(0, b"a"), packet(2, b"b")].concat();
        assert!(matches!(received(sent, 100).await, Err(Failure::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = runtime().block_on(received(bytes, 1 << 16));
        }
    }
}
