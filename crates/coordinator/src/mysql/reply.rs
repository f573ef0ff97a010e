//! The packets that end an exchange: OK, EOF and ERR.
//!
//! Source: MySQL Source Code Documentation, "Generic Response Packets".

use super::error::WireError;
use super::packet::PacketWriter;
use super::wire::{put_length, put_string};
use crate::session::Completion;
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use tokio::io::AsyncWrite;

/// There are no transactions: every statement stands for itself.
pub(crate) const STATUS: StatusFlags = StatusFlags::SERVER_STATUS_AUTOCOMMIT;

const OK_HEADER: u8 = 0x00;
const EOF_HEADER: u8 = 0xFE;
const ERR_HEADER: u8 = 0xFF;

/// `Protocol::OK_Packet`. Its info is documented as a string up to the end; the server sends it
/// with its length (`sql/protocol_classic.cc`, `net_send_ok`), and that is what clients read.
pub(crate) fn put_ok<W: AsyncWrite + Unpin>(writer: &mut PacketWriter<W>, done: &Completion) {
    let packet = writer.begin();
    packet.push(OK_HEADER);
    put_length(packet, done.affected_rows);
    put_length(packet, 0); // last insert id
    packet.extend_from_slice(&STATUS.bits().to_le_bytes());
    packet.extend_from_slice(&done.warnings.to_le_bytes());
    if !done.info.is_empty() {
        put_string(packet, done.info.as_bytes());
    }
    writer.end();
}

/// The end of a result set: `Protocol::EOF_Packet`, or, for a client with CLIENT_DEPRECATE_EOF, an
/// OK packet under the EOF packet's header.
pub(crate) fn put_end_of_rows<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    capabilities: CapabilityFlags,
) {
    if !capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
        return put_eof(writer);
    }
    let packet = writer.begin();
    packet.push(EOF_HEADER);
    put_length(packet, 0); // affected rows
    put_length(packet, 0); // last insert id
    packet.extend_from_slice(&STATUS.bits().to_le_bytes());
    packet.extend_from_slice(&[0; 2]); // warnings
    writer.end();
}

/// The end of the column definitions, which a client with CLIENT_DEPRECATE_EOF does not expect.
pub(crate) fn put_end_of_columns<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    capabilities: CapabilityFlags,
) {
    if !capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
        put_eof(writer);
    }
}

fn put_eof<W: AsyncWrite + Unpin>(writer: &mut PacketWriter<W>) {
    let packet = writer.begin();
    packet.push(EOF_HEADER);
    packet.extend_from_slice(&[0; 2]); // warnings
    packet.extend_from_slice(&STATUS.bits().to_le_bytes());
    writer.end();
}

/// `Protocol::ERR_Packet`.
pub(crate) fn put_error<W: AsyncWrite + Unpin>(writer: &mut PacketWriter<W>, error: &WireError) {
    let packet = writer.begin();
    packet.push(ERR_HEADER);
    packet.extend_from_slice(&error.errno.to_le_bytes());
    packet.push(b'#');
    packet.extend_from_slice(error.sqlstate.as_bytes());
    packet.extend_from_slice(error.message.as_bytes());
    writer.end();
}

/// An ERR packet in place of the greeting, as one whole packet. The capabilities are not yet
/// agreed, so it has no SQLSTATE.
pub(crate) fn error_before_greeting(error: &WireError) -> Vec<u8> {
    let payload_bytes = 3 + error.message.len();
    debug_assert!(payload_bytes <= usize::from(u8::MAX));
    let [low, high] = error.errno.to_le_bytes();
    let mut packet = vec![payload_bytes.to_le_bytes()[0], 0, 0, 0, ERR_HEADER, low, high];
    packet.extend_from_slice(error.message.as_bytes());
    packet
}
