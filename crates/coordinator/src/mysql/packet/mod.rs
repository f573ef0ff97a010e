//! Packets: a payload behind a header of three bytes length and one byte sequence number. A
//! payload of 2^24-1 bytes or more continues in the next packet.
//!
//! Source: MySQL Source Code Documentation, "MySQL Packets".

mod compression;
mod reader;
mod writer;

pub(crate) use compression::Algorithm;
pub(crate) use reader::{Packet, PacketReader};
pub(crate) use writer::PacketWriter;

use std::io;

/// Length and sequence number.
pub(crate) const HEADER_BYTES: usize = 4;
/// The most that one packet carries.
pub(crate) const PAYLOAD_MAX_BYTES: usize = 0xFF_FFFF;

/// Why no packet came or went. The connection is of no use afterwards.
#[derive(Debug)]
pub(crate) enum PacketError {
    /// The peer closed the connection, between two packets or within one.
    Closed,
    Io(#[expect(dead_code, reason = "shown by Debug, in the log")] io::Error),
    /// The payload is larger than the limit.
    TooLarge,
    /// The payloads together are larger than the limit for a peer that is not known yet.
    AllowanceSpent,
    OutOfOrder,
    /// A frame of the compressed layer does not become what it declares.
    NotCompressed,
    /// The peer did not take the bytes in time.
    WriteTimedOut,
}

impl From<io::Error> for PacketError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Both halves of a connection, for the exchanges before the first command, where packets go to
/// and fro under one running sequence number.
#[derive(Debug)]
pub(crate) struct Channel<R, W> {
    pub(crate) reader: PacketReader<R>,
    pub(crate) writer: PacketWriter<W>,
}

impl<R: tokio::io::AsyncRead + Unpin, W: tokio::io::AsyncWrite + Unpin> Channel<R, W> {
    pub(crate) async fn send(&mut self, payload: &[u8]) -> Result<(), PacketError> {
        self.writer.put_packet(payload);
        self.writer.flush().await
    }

    /// From here on both sides send frames of the compressed layer.
    pub(crate) fn compress(&mut self, algorithm: Algorithm) {
        self.reader.compress(algorithm);
        self.writer.compress(algorithm);
    }

    pub(crate) async fn receive(&mut self) -> Result<bytes::BytesMut, PacketError> {
        let sequence = self.writer.sequence();
        let packet = self.reader.read(sequence).await.inspect_err(|error| {
            if matches!(error, PacketError::TooLarge | PacketError::AllowanceSpent) {
                // Its header came, and what the peer is told answers it.
                self.writer.set_sequence(sequence.wrapping_add(1));
            }
        })?;
        self.writer.set_sequence(packet.next_sequence);
        Ok(packet.payload)
    }
}
