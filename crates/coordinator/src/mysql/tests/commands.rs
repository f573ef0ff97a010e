//! The commands about the session, and what answers say of it.

use super::fake::Door;
use super::peer::{Peer, error};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::session_state_change::SessionStateChange;
use mysql_common::packets::{CommonOkPacket, OkPacket, OkPacketDeserializer};
use mysql_common::proto::MyDeserialize;

fn ok<'a>(peer: &Peer, packet: &'a [u8]) -> OkPacket<'a> {
    let ok = OkPacketDeserializer::<CommonOkPacket>::deserialize(
        peer.capabilities,
        &mut ParseBuf(packet),
    );
    ok.expect("an OK packet").into()
}

#[tokio::test]
async fn a_reset_connection_begins_anew() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("rows").await;
    assert_eq!(peer.query("BEGIN").await, [0, 0, 0, 3, 0, 0, 0]);
    assert_eq!(peer.command(b"\x1F").await, [0, 0, 0, 2, 0, 0, 0]);
    assert_eq!(error(&peer.execute(id, &[]).await).0, 1243);
}

#[tokio::test]
async fn changes_of_the_session_are_told_to_who_tracks_them() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let packet = peer.command(b"\x02tpch.tiny").await;
    let ok_packet = ok(&peer, &packet);
    let infos = ok_packet.session_state_info().expect("changes");
    assert!(matches!(
        infos[0].decode().expect("a change"),
        SessionStateChange::Schema(schema) if schema.as_str() == "tpch.tiny"
    ));
    let packet = peer.query("SET time_zone").await;
    let ok_packet = ok(&peer, &packet);
    let infos = ok_packet.session_state_info().expect("changes");
    assert!(matches!(
        infos[0].decode().expect("a change"),
        SessionStateChange::SystemVariables(variables)
            if variables[0].name_str() == "time_zone" && variables[0].value_str() == "+02:00"
    ));
    assert_eq!(peer.command(b"\x0E").await, [0, 0, 0, 2, 0, 0, 0]);

    let mut other = Peer::open_with(&door, |capabilities| {
        capabilities.remove(CapabilityFlags::CLIENT_SESSION_TRACK);
    })
    .await;
    assert_eq!(other.command(b"\x02tpch.tiny").await, [0, 0, 0, 2, 0, 0, 0]);
}

#[tokio::test]
async fn the_end_of_rows_has_warnings_and_status() {
    let door = Door::open().await;
    for deprecated in [true, false] {
        let mut peer = Peer::open_with(&door, |capabilities| {
            capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        })
        .await;
        peer.query("rows with warnings").await;
        let (_, end) = peer.rows().await;
        let expected: &[u8] =
            if deprecated { &[0xFE, 0, 0, 2, 0, 2, 0] } else { &[0xFE, 2, 0, 2, 0] };
        assert_eq!(end, expected);
        peer.query("SET no_backslash_escapes").await;
        assert_eq!(peer.command(b"\x0E").await, [0, 0, 0, 2, 2, 0, 0]);
    }
}

#[tokio::test]
async fn a_connection_is_killed_and_listed_by_command() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    assert_eq!(peer.command(b"\x0C\x05\x01\0\0").await[0], 0);
    assert_eq!(*door.behind.killed.lock(), [261]);
    assert_eq!(error(&peer.command(b"\x0C\x94\x01\0\0").await).0, 1210);
    assert_eq!(error(&peer.command(b"\x0C\x94").await).0, 1835);
    assert_eq!(peer.command(b"\x0A").await, [2]);
    assert_eq!(peer.rows().await.0.len(), 3);
}

#[tokio::test]
async fn a_statement_is_found_behind_its_attributes() {
    let door = Door::open().await;
    let mut peer = Peer::open_with(&door, |capabilities| {
        *capabilities |= CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
    })
    .await;
    let plain = peer.command(b"\x03\x00\x01SET x").await;
    assert_eq!(plain, [0, 3, 0, 2, 0, 1, 0]);
    let payload = b"\x03\x01\x01\x00\x01\xFE\x00\x0Btraceparent\x0200SET x";
    assert_eq!(peer.command(payload).await, plain);
    assert_eq!(error(&peer.command(b"\x03\x05\x01").await).0, 1835);
}
