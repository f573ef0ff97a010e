//! Several statements in one text, and several commands in one segment.

use super::PATIENCE;
use super::fake::Door;
use super::peer::{Peer, error};
use super::prepared_peer::packet;
use mysql_common::constants::CapabilityFlags;
use std::sync::atomic::Ordering;
use tokio::io::AsyncWriteExt;

/// SERVER_STATUS_AUTOCOMMIT with SERVER_MORE_RESULTS_EXISTS
const MORE: u16 = 2 | 8;

#[tokio::test]
async fn every_statement_of_a_text_is_answered() {
    let door = Door::open().await;
    for deprecated in [true, false] {
        let mut peer = Peer::open_with(&door, |capabilities| {
            capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        })
        .await;
        let first = peer.query("SET x; rows; SET x;").await;
        assert_eq!(first, [0, 3, 0, MORE as u8, 0, 1, 0]);
        assert_eq!(peer.answer().await, [2]);
        if !deprecated {
            // `rows` below expects the plain flags after the definitions.
            for _ in 0..2 {
                assert_eq!(&peer.answer().await[..4], b"\x03def");
            }
            assert_eq!(peer.answer().await, [0xFE, 0, 0, MORE as u8, 0]);
            for _ in 0..3 {
                assert_eq!(peer.answer().await[0], 1);
            }
            assert_eq!(peer.answer().await, [0xFE, 0, 0, MORE as u8, 0]);
        } else {
            let (rows, end) = peer.rows().await;
            assert_eq!((rows.len(), peer.flags(&end)), (3, MORE));
        }
        assert_eq!(peer.answer().await, [0, 3, 0, 2, 0, 1, 0]);
        peer.sequence = 0;
        assert_eq!(peer.command(b"\x0E").await[0], 0);
    }
}

#[tokio::test]
async fn the_first_error_is_the_last_answer() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    assert_eq!(peer.query("SET x; wrong; panic").await[3], MORE as u8);
    assert_eq!(error(&peer.answer().await).0, 1146);
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn several_statements_are_one_for_a_client_that_has_not_asked() {
    let door = Door::open().await;
    let mut peer = Peer::open_with(&door, |capabilities| {
        capabilities.remove(CapabilityFlags::CLIENT_MULTI_STATEMENTS);
    })
    .await;
    // The fake session knows no such statement.
    assert_eq!(error(&peer.query("SET x; SET x").await).0, 1235);
    assert_eq!(peer.command(b"\x1B\0\0").await[0], 0xFE);
    assert_eq!(peer.query("SET x; SET x").await[3], MORE as u8);
    assert_eq!(peer.answer().await[3], 2);
    assert_eq!(peer.command(b"\x1B\x01\0").await[0], 0xFE);
    assert_eq!(error(&peer.query("SET x; SET x").await).0, 1235);
    assert_eq!(error(&peer.command(b"\x1B\x02\0").await).0, 1047);
}

/// `'\'` is a whole string once backslashes escape nothing.
#[tokio::test]
async fn what_follows_a_change_of_the_lexical_modes_is_cut_by_the_new_ones() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let first = peer.query(r"SET no_backslash_escapes; '\'; SET x; '").await;
    assert_eq!(first[0], 0);
    let (errno, _, message) = error(&peer.answer().await);
    assert_eq!((errno, message.trim()), (1235, r"'\'"));
}

#[tokio::test]
async fn a_pipelined_statement_ends_with_its_connection() {
    for kill in [true, false] {
        let door = Door::open().await;
        let mut peer = Peer::open(&door).await;
        let segment = [packet(b"\x0E"), packet(b"\x03for ever"), packet(b"\x0E")].concat();
        peer.stream.write_all(&segment).await.expect("written");
        peer.sequence = 1;
        assert_eq!(peer.answer().await[0], 0);
        peer.sequence = 1;
        assert_eq!(peer.answer().await, [2]);
        assert!(!door.behind.is_dropped.load(Ordering::Acquire));
        if kill {
            door.behind.close.lock().as_ref().expect("a session").cancel();
        } else {
            drop(peer);
        }
        let dropped = door.behind.dropped.notified();
        tokio::time::timeout(PATIENCE, dropped).await.expect("dropped");
    }
}
