//! Prepared statements, without cursors.

use super::fake::{Door, settings};
use super::peer::{Peer, error};
use super::prepared_peer::packet;
use crate::mysql::MysqlSettings;
use mysql_common::constants::CapabilityFlags;
use mysql_common::value::Value;
use tokio::io::AsyncWriteExt;

fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

/// The one row that `echo` answers.
async fn echoed(peer: &mut Peer, first: Vec<u8>) -> Vec<Value> {
    let (rows, end) = peer.binary_rows(&first).await;
    assert_eq!((rows.len(), end[0]), (1, 0xFE));
    rows.into_iter().next().expect("a row")
}

#[tokio::test]
async fn a_statement_is_executed_again_with_other_nulls_with_and_without_types() {
    let door = Door::open().await;
    for deprecated in [true, false] {
        let mut peer = Peer::open_with(&door, |capabilities| {
            capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        })
        .await;
        let (id, columns) = peer.prepare("echo ? ?").await;
        assert_eq!(columns.len(), 2);

        let first = peer.execute(id, &[Value::Int(1), text("a")]).await;
        assert_eq!(echoed(&mut peer, first).await, [text("Int(1)"), text("Text(\"a\")")]);
        let first = peer.execute_again(id, 0b01, b"\x01b").await;
        assert_eq!(echoed(&mut peer, first).await, [text("Null"), text("Text(\"b\")")]);
        let first = peer.execute_again(id, 0b10, b"\x03\0\0\0\0\0\0\0").await;
        assert_eq!(echoed(&mut peer, first).await, [text("Int(3)"), text("Null")]);
        let first = peer.execute(id, &[Value::Double(0.5), Value::NULL]).await;
        assert_eq!(echoed(&mut peer, first).await, [text("Float(0.5)"), text("Null")]);
        let first = peer.execute_again(id, 0b10, &0.25_f64.to_le_bytes()).await;
        assert_eq!(echoed(&mut peer, first).await, [text("Float(0.25)"), text("Null")]);
    }
}

#[tokio::test]
async fn types_must_have_been_sent() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("echo ?").await;
    let answer = peer.execute_again(id, 0, b"\x01b").await;
    assert_eq!((error(&answer).0, error(&answer).1.as_str()), (1210, "HY000"));
    assert_eq!(error(&peer.command(b"\x17\x01\0\0\0").await).0, 1835);
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn a_statement_without_rows_is_done() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, columns) = peer.prepare("SET x").await;
    assert_eq!(columns.len(), 0);
    assert_eq!(peer.execute(id, &[]).await, [0, 3, 0, 2, 0, 1, 0]);
    assert_eq!(error(&peer.command(b"\x16wrong").await).0, 1146);
}

#[tokio::test]
async fn numbers_of_statements_are_known_or_refused() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (first, _) = peer.prepare("rows").await;
    let (second, _) = peer.prepare("rows").await;
    assert_ne!(first, second);
    peer.sequence = 0;
    peer.send(&[&b"\x19"[..], &first.to_le_bytes()].concat()).await;
    let id = first.to_le_bytes();
    for command in [
        [&b"\x17"[..], &id, b"\0\x01\0\0\0"].concat(),
        [&b"\x1A"[..], &id].concat(),
        [&b"\x1C"[..], &id, b"\x01\0\0\0"].concat(),
    ] {
        let (errno, state, message) = error(&peer.command(&command).await);
        assert_eq!((errno, state.as_str()), (1243, "HY000"));
        assert!(
            message.starts_with("Unknown prepared statement handler (1) given to mysqld_stmt_")
        );
    }
    let answer = peer.execute(second, &[]).await;
    assert_eq!(peer.binary_rows(&answer).await.0.len(), 3);
}

#[tokio::test]
async fn statements_of_all_connections_are_bounded() {
    let settings = MysqlSettings { prepared_statements_max: 2, ..settings() };
    let door = Door::open_as(settings).await;
    let mut one = Peer::open(&door).await;
    let mut other = Peer::open(&door).await;
    let (id, _) = one.prepare("rows").await;
    other.prepare("rows").await;
    let (errno, state, _) = error(&other.command(b"\x16rows").await);
    assert_eq!((errno, state.as_str()), (1461, "42000"));
    one.sequence = 0;
    one.send(&[&b"\x19"[..], &id.to_le_bytes()].concat()).await;
    assert_eq!(one.command(b"\x0E").await[0], 0);
    other.prepare("rows").await;
}

#[tokio::test]
async fn long_data_is_kept_until_the_next_execution() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("echo binary ?").await;
    let bytes = id.to_le_bytes();
    let piece = |text: &[u8]| packet(&[&b"\x18"[..], &bytes, &[0, 0], text].concat());
    // The type of the parameter, and no value: the pieces stand for it.
    let execution = [&b"\x17"[..], &bytes, b"\x00\x01\0\0\0\x00\x01\xFD\x00"].concat();
    // All in one segment; the pieces have no answer.
    let segment = [piece(b"ab"), piece(b"cd"), packet(&execution), packet(b"\x0E")].concat();
    peer.stream.write_all(&segment).await.expect("written");
    peer.sequence = 1;
    let first = peer.answer().await;
    assert_eq!(echoed(&mut peer, first).await, [text("Binary([97, 98, 99, 100])")]);
    peer.sequence = 1;
    assert_eq!(peer.answer().await[0], 0);
    // Used up.
    let first = peer.execute(id, &[text("e")]).await;
    assert_eq!(echoed(&mut peer, first).await, [text("Binary([101])")]);
}

#[tokio::test]
async fn what_is_wrong_with_long_data_is_told_by_the_execution() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("echo ?").await;
    let bytes = id.to_le_bytes();
    let half = vec![b'x'; 700_000];
    for (pieces, errno) in [
        (vec![[&b"\x18"[..], &bytes, &[1, 0], b"ab"].concat()], 1210),
        (vec![[&b"\x18"[..], &bytes, &[0, 0], &half].concat(); 2], 1153),
    ] {
        for piece in pieces {
            peer.sequence = 0;
            peer.send(&piece).await;
        }
        assert_eq!(error(&peer.execute(id, &[text("a")]).await).0, errno);
        let first = peer.execute(id, &[text("a")]).await;
        assert_eq!(echoed(&mut peer, first).await, [text("Text(\"a\")")]);
    }
    // COM_STMT_RESET forgets them too.
    peer.sequence = 0;
    peer.send(&[&b"\x18"[..], &bytes, &[0, 0], b"ab"].concat()).await;
    assert_eq!(peer.command(&[&b"\x1A"[..], &bytes].concat()).await[0], 0);
    let first = peer.execute(id, &[text("a")]).await;
    assert_eq!(echoed(&mut peer, first).await, [text("Text(\"a\")")]);
}

#[tokio::test]
async fn an_error_after_binary_rows_ends_them() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("wrong later").await;
    let first = peer.execute(id, &[]).await;
    let (rows, end) = peer.binary_rows(&first).await;
    assert_eq!((rows.len(), error(&end).0), (2, 1429));
    assert_eq!(rows[1], [Value::Int(1), text("row 1")]);
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn attributes_of_an_execution_are_not_taken_for_parameters() {
    let door = Door::open().await;
    let mut peer = Peer::open_with(&door, |capabilities| {
        *capabilities |= CapabilityFlags::CLIENT_QUERY_ATTRIBUTES;
    })
    .await;
    let (id, _) = peer.prepare("echo ?").await;
    let payload = [
        &b"\x17"[..],
        &id.to_le_bytes(),
        b"\x08\x01\0\0\0\x02\x00\x01\x01\x00\x00\xFE\x00\x01t\x07\x03abc",
    ];
    let first = peer.command(&payload.concat()).await;
    assert_eq!(echoed(&mut peer, first).await, [text("Int(7)")]);
}
