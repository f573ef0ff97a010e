//! Cursors: rows that are fetched by and by.

use super::PATIENCE;
use super::fake::Door;
use super::peer::{Peer, error};
use super::prepared_peer::{CURSOR, LAST_ROW};
use mysql_common::constants::CapabilityFlags;
use mysql_common::value::Value;
use std::sync::atomic::Ordering;

const AUTOCOMMIT: u16 = 2;

#[tokio::test]
async fn rows_come_as_they_are_fetched() {
    let door = Door::open().await;
    for deprecated in [true, false] {
        let mut peer = Peer::open_with(&door, |capabilities| {
            capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        })
        .await;
        let (id, _) = peer.prepare("rows").await;
        let (columns, flags) = peer.open_cursor(id).await;
        assert_eq!((columns.len(), flags), (2, CURSOR | AUTOCOMMIT));

        let (rows, end) = peer.fetch(id, 1, &columns).await;
        let row = |number: i64| {
            vec![Value::Int(number), Value::Bytes(format!("row {number}").into_bytes())]
        };
        assert_eq!((rows, peer.flags(&end)), (vec![row(0)], CURSOR | AUTOCOMMIT));
        // Over the border of the batches.
        let (rows, end) = peer.fetch(id, 2, &columns).await;
        assert_eq!((rows, peer.flags(&end)), (vec![row(1), row(0)], CURSOR | AUTOCOMMIT));
        let (rows, end) = peer.fetch(id, 2, &columns).await;
        assert_eq!((rows, peer.flags(&end)), (vec![], LAST_ROW | AUTOCOMMIT));
        let (_, end) = peer.fetch(id, 2, &columns).await;
        assert_eq!(error(&end).0, 1421);

        // And again.
        peer.open_cursor(id).await;
        let (rows, end) = peer.fetch(id, 100, &columns).await;
        assert_eq!((rows.len(), peer.flags(&end)), (3, LAST_ROW | AUTOCOMMIT));
    }
}

#[tokio::test]
async fn an_error_among_fetched_rows_closes_the_cursor() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("wrong later").await;
    let (columns, _) = peer.open_cursor(id).await;
    let (rows, end) = peer.fetch(id, 1, &columns).await;
    assert_eq!((rows.len(), end[0]), (1, 0xFE));
    let (rows, end) = peer.fetch(id, 10, &columns).await;
    assert_eq!((rows.len(), error(&end).0), (1, 1429));
    let (_, end) = peer.fetch(id, 10, &columns).await;
    assert_eq!(error(&end).0, 1421);
}

#[tokio::test]
async fn a_statement_without_rows_opens_no_cursor() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("SET x").await;
    let payload = [&b"\x17"[..], &id.to_le_bytes(), b"\x01\x01\0\0\0"].concat();
    assert_eq!(peer.command(&payload).await, [0, 3, 0, 2, 0, 1, 0]);
}

/// The query behind a cursor is cancelled by whatever ends the cursor.
#[tokio::test]
async fn a_cursor_is_dropped_with_its_statement() {
    for command in [
        &b"\x1A\x01\0\0\0"[..],        // COM_STMT_RESET
        b"\x19\x01\0\0\0",             // COM_STMT_CLOSE
        b"\x17\x01\0\0\0\0\x01\0\0\0", // COM_STMT_EXECUTE
        b"\x1F",                       // COM_RESET_CONNECTION
        b"\x01",                       // COM_QUIT
        b"",                           // the client goes
    ] {
        let door = Door::open().await;
        let mut peer = Peer::open(&door).await;
        let (id, _) = peer.prepare("for ever").await;
        assert_eq!(id, 1);
        let (columns, _) = peer.open_cursor(id).await;
        let (rows, _) = peer.fetch(id, 1, &columns).await;
        assert_eq!(rows.len(), 1);
        assert!(!door.behind.is_dropped.load(Ordering::Acquire));
        if command.is_empty() {
            drop(peer);
        } else {
            peer.sequence = 0;
            peer.send(command).await;
        }
        let dropped = door.behind.dropped.notified();
        tokio::time::timeout(PATIENCE, dropped).await.expect("dropped");
    }
}

#[tokio::test]
async fn a_client_that_leaves_within_a_fetch_ends_the_query() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("for ever").await;
    peer.open_cursor(id).await;
    peer.sequence = 0;
    peer.send(&[&b"\x1C"[..], &id.to_le_bytes(), b"\x0A\0\0\0"].concat()).await;
    drop(peer);
    tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
}
