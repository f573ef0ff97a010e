//! The packets that end an exchange: OK, EOF and ERR.
//!
//! Source: MySQL Source Code Documentation, "Generic Response Packets".

use super::error::WireError;
use super::packet::PacketWriter;
use super::wire::{put_length, put_string};
use crate::session::{Completion, SessionChanges};
use mysql_common::constants::{CapabilityFlags, SessionStateType, StatusFlags};
use tokio::io::AsyncWrite;

/// The status of a session that begins.
pub(crate) const STATUS: StatusFlags = StatusFlags::SERVER_STATUS_AUTOCOMMIT;

const OK_HEADER: u8 = 0x00;
const EOF_HEADER: u8 = 0xFE;
const ERR_HEADER: u8 = 0xFF;

/// What a packet that ends an answer says besides its counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    pub(crate) status: StatusFlags,
    pub(crate) warnings: u16,
    /// Empty for a client that does not track its session.
    pub(crate) changes: SessionChanges,
}

/// `Protocol::OK_Packet` before there is a session.
pub(crate) fn put_ok<W: AsyncWrite + Unpin>(writer: &mut PacketWriter<W>, done: &Completion) {
    let ending = Ending { status: STATUS, warnings: done.warnings, ..Ending::default() };
    put_done(writer, done, &ending);
}

/// `Protocol::OK_Packet`: a statement without rows did its work.
pub(crate) fn put_done<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    done: &Completion,
    ending: &Ending,
) {
    put_ok_packet(writer, OK_HEADER, done, ending);
}

/// The end of a result set: `Protocol::EOF_Packet`, or, for a client with CLIENT_DEPRECATE_EOF, an
/// OK packet under the EOF packet's header.
pub(crate) fn put_end_of_rows<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    capabilities: CapabilityFlags,
    ending: &Ending,
) {
    if capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
        put_ok_packet(writer, EOF_HEADER, &Completion::default(), ending);
    } else {
        put_eof(writer, ending.status, ending.warnings);
    }
}

/// The end of the column definitions, which a client with CLIENT_DEPRECATE_EOF does not expect.
pub(crate) fn put_end_of_columns<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    capabilities: CapabilityFlags,
    status: StatusFlags,
) {
    if !capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF) {
        put_eof(writer, status, 0);
    }
}

/// The info is documented as a string up to the end; the server sends it with its length
/// (`sql/protocol_classic.cc`, `net_send_ok`), and that is what clients read. It is there, empty if
/// need be, when the changes of the session follow.
fn put_ok_packet<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    header: u8,
    done: &Completion,
    ending: &Ending,
) {
    let changed = !ending.changes.is_empty();
    let mut status = ending.status;
    status.set(StatusFlags::SERVER_SESSION_STATE_CHANGED, changed);
    let packet = writer.begin();
    packet.push(header);
    put_length(packet, done.affected_rows);
    put_length(packet, 0); // last insert id
    packet.extend_from_slice(&status.bits().to_le_bytes());
    packet.extend_from_slice(&ending.warnings.to_le_bytes());
    if changed || !done.info.is_empty() {
        put_string(packet, done.info.as_bytes());
    }
    if changed {
        put_string(packet, &session_changes(&ending.changes));
    }
    writer.end();
}

/// The OK packet's "session state information": each change behind its kind and length.
fn session_changes(changes: &SessionChanges) -> Vec<u8> {
    let mut out = Vec::new();
    let mut entry = Vec::new();
    for (name, value) in &changes.variables {
        entry.clear();
        put_string(&mut entry, name.as_bytes());
        put_string(&mut entry, value.as_bytes());
        out.push(SessionStateType::SESSION_TRACK_SYSTEM_VARIABLES as u8);
        put_string(&mut out, &entry);
    }
    if let Some(database) = &changes.database {
        entry.clear();
        put_string(&mut entry, database.as_bytes());
        out.push(SessionStateType::SESSION_TRACK_SCHEMA as u8);
        put_string(&mut out, &entry);
    }
    out
}

fn put_eof<W: AsyncWrite + Unpin>(
    writer: &mut PacketWriter<W>,
    status: StatusFlags,
    warnings: u16,
) {
    let packet = writer.begin();
    packet.push(EOF_HEADER);
    packet.extend_from_slice(&warnings.to_le_bytes());
    packet.extend_from_slice(&status.bits().to_le_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::io::ParseBuf;
    use mysql_common::packets::session_state_change::SessionStateChange;
    use mysql_common::packets::{
        CommonOkPacket, OkPacket, OkPacketDeserializer, ResultSetTerminator,
    };
    use mysql_common::proto::MyDeserialize;
    use prometheus_client::metrics::counter::Counter;
    use std::time::Duration;

    async fn written(put: impl FnOnce(&mut PacketWriter<&mut Vec<u8>>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = PacketWriter::new(&mut bytes, Duration::from_secs(60), Counter::default());
        put(&mut writer);
        writer.flush().await.expect("written");
        bytes.split_off(4)
    }

    fn ending() -> Ending {
        let variables = vec![("time_zone".to_owned(), "+02:00".to_owned())];
        Ending {
            status: STATUS | StatusFlags::SERVER_STATUS_IN_TRANS,
            warnings: 300,
            changes: SessionChanges { database: Some("tpch.tiny".to_owned()), variables },
        }
    }

    const TRACKING: CapabilityFlags =
        CapabilityFlags::CLIENT_SESSION_TRACK.union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

    /// What the peer reads out of both kinds of OK packet.
    #[tokio::test]
    async fn the_changes_of_the_session_are_read_by_the_peer() {
        let done =
            Completion { affected_rows: 3, info: "said".to_owned(), ..Completion::default() };
        let bytes = written(|writer| put_done(writer, &done, &ending())).await;
        let ok =
            OkPacketDeserializer::<CommonOkPacket>::deserialize(TRACKING, &mut ParseBuf(&bytes));
        let ok: OkPacket<'_> = ok.expect("an OK packet").into();
        assert_eq!((ok.affected_rows(), ok.warnings()), (3, 300));
        assert_eq!(ok.info_str().as_deref(), Some("said"));
        check(&ok);

        let bytes = written(|writer| put_end_of_rows(writer, TRACKING, &ending())).await;
        let ok = OkPacketDeserializer::<ResultSetTerminator>::deserialize(
            TRACKING,
            &mut ParseBuf(&bytes),
        );
        check(&ok.expect("the end of rows").into());
    }

    fn check(ok: &OkPacket<'_>) {
        let flags = STATUS
            | StatusFlags::SERVER_STATUS_IN_TRANS
            | StatusFlags::SERVER_SESSION_STATE_CHANGED;
        assert_eq!(ok.status_flags(), flags);
        let infos = ok.session_state_info().expect("changes");
        let changes: Vec<SessionStateChange<'_>> =
            infos.iter().map(|info| info.decode().expect("a change")).collect();
        let [SessionStateChange::SystemVariables(variables), SessionStateChange::Schema(schema)] =
            changes.as_slice()
        else {
            panic!("{changes:?}");
        };
        assert_eq!(variables[0].name_str(), "time_zone");
        assert_eq!(variables[0].value_str(), "+02:00");
        assert_eq!(schema.as_str(), "tpch.tiny");
    }

    #[tokio::test]
    async fn an_eof_packet_has_warnings_and_status() {
        let without = CapabilityFlags::empty();
        let bytes = written(|writer| put_end_of_rows(writer, without, &ending())).await;
        assert_eq!(bytes, [0xFE, 0x2C, 0x01, 0x03, 0x00]);
    }
}
