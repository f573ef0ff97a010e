//! The door as a client meets it: a real listener, a fake session behind it, and a client made of
//! `mysql_common`'s own packets and scrambles.

mod commands;
mod compressed;
mod cursors;
pub(crate) mod fake;
pub(crate) mod folder;
mod limits;
mod login;
mod multi;
mod mutated;
mod peer;
mod prepared;
mod prepared_peer;
mod proxied;
mod rows;
mod secure;

use fake::Door;
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets;
use mysql_common::proto::MyDeserialize;
use peer::{Peer, error};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn the_second_login_is_fast_and_a_wrong_password_is_denied() {
    let door = Door::open().await;
    let denied = "Access denied for user 'sha'@'127.0.0.1' (using password: YES)";
    let (answer, _) = Peer::log_in(&door, "sha", "wrong").await;
    assert_eq!(error(&answer), (1045, "28000".to_owned(), denied.to_owned()));
    let (answer, fast) = Peer::log_in(&door, "sha", "secret").await;
    assert_eq!((answer[0], fast), (0, false));
    let (answer, fast) = Peer::log_in(&door, "sha", "secret").await;
    assert_eq!((answer[0], fast), (0, true));
    let (answer, fast) = Peer::log_in(&door, "sha", "wrong").await;
    assert_eq!((error(&answer).0, fast), (1045, false));
}

#[tokio::test]
async fn an_unknown_user_meets_the_same_exchange() {
    let door = Door::open().await;
    let (answer, fast) = Peer::log_in(&door, "nobody", "secret").await;
    assert_eq!((error(&answer).0, fast), (1045, false));
    let (answer, _) = Peer::log_in(&door, "nobody", "").await;
    assert!(error(&answer).2.ends_with("(using password: NO)"));
    let (answer, _) = Peer::log_in(&door, "open", "something").await;
    assert_eq!(error(&answer).0, 1045);
}

#[tokio::test]
async fn an_account_that_comes_by_tokens_is_nobodys_for_passwords() {
    let door = Door::open().await;
    for password in ["", "secret", "token"] {
        let (answer, _) = Peer::log_in(&door, "token", password).await;
        assert_eq!(error(&answer).0, 1045, "{password}");
    }
}

/// MySQL 8.0 Reference Manual, section 8.2.20 "Account Locking".
#[tokio::test]
async fn a_locked_account_is_told_so_after_its_password_only() {
    let door = Door::open().await;
    let (answer, _) = Peer::log_in(&door, "locked", "wrong").await;
    assert_eq!(error(&answer).0, 1045);
    let (answer, _) = Peer::log_in(&door, "locked", "secret").await;
    let told = "Access denied for user 'locked'@'127.0.0.1'. Account is locked.";
    assert_eq!(error(&answer), (3118, "HY000".to_owned(), told.to_owned()));
}

#[tokio::test]
async fn a_client_is_switched_to_the_plugin_of_its_account() {
    let door = Door::open().await;
    for (password, expected) in [("secret", 0), ("wrong", 0xFF)] {
        let (mut peer, _) = Peer::connect(&door).await;
        let plugin = packets::AuthPlugin::CachingSha2Password;
        let payload = peer.respond("native", Some(vec![1; 32]), plugin, None).await;
        let request = packets::AuthSwitchRequest::deserialize((), &mut ParseBuf(&payload));
        let request = request.expect("a request to switch");
        assert_eq!(request.auth_plugin(), packets::AuthPlugin::MysqlNativePassword);
        let scramble = mysql_common::auth::plugins::mysql_native_password::scramble_native(
            request.plugin_data(),
            password.as_bytes(),
        );
        peer.send(&scramble.expect("a scramble")).await;
        assert_eq!(peer.answer().await[0], expected);
    }
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = packets::AuthPlugin::MysqlNativePassword;
    let payload = peer.respond("sha", Some(vec![1; 20]), plugin, None).await;
    assert_eq!(&payload[..22], b"\xFEcaching_sha2_password");
}

#[tokio::test]
async fn the_database_of_the_handshake_may_be_refused() {
    let door = Door::open().await;
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = packets::AuthPlugin::CachingSha2Password;
    let answer = peer.respond("open", None, plugin, Some("nowhere")).await;
    assert_eq!((error(&answer).0, error(&answer).1.as_str()), (1049, "42000"));
    assert_eq!(peer.receive().await, None);
}

#[tokio::test]
async fn rows_come_with_and_without_deprecated_eof() {
    let door = Door::open().await;
    let expected = [["0", "row 0"], ["1", "row 1"], ["0", "row 0"]];
    for deprecated in [true, false] {
        let (mut peer, _) = Peer::connect(&door).await;
        peer.capabilities.set(CapabilityFlags::CLIENT_DEPRECATE_EOF, deprecated);
        peer.respond("open", None, packets::AuthPlugin::CachingSha2Password, None).await;
        assert_eq!(peer.query("rows").await, [2]);
        let (rows, end) = peer.rows().await;
        assert_eq!(rows, expected);
        let end_expected: &[u8] =
            if deprecated { &[0xFE, 0, 0, 2, 0, 0, 0] } else { &[0xFE, 0, 0, 2, 0] };
        assert_eq!(end, end_expected);
    }
}

#[tokio::test]
async fn every_command_has_its_answer() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    assert_eq!(peer.command(b"\x0E").await, [0, 0, 0, 2, 0, 0, 0]); // COM_PING
    assert_eq!(peer.query("SET x").await, [0, 3, 0, 2, 0, 1, 0]);
    assert_eq!(peer.command(b"\x02tpch.tiny").await[0], 0);
    assert_eq!(error(&peer.command(b"\x02nowhere").await).0, 1049);
    assert_eq!(error(&peer.query("wrong").await).1, "42S02");
    assert_eq!(error(&peer.command(b"\x03\xFF\xFE").await).0, 1300);
    let statistics = peer.command(b"\x09").await;
    assert!(statistics.starts_with(b"Uptime: ") && statistics.ends_with(b"0"));
    for unknown in [0x08, 0x0D, 0x20] {
        let (errno, state, _) = error(&peer.command(&[unknown, 0]).await);
        assert_eq!((errno, state.as_str()), (1047, "08S01"));
    }
    let definition = peer.command(b"\x04lineitem\0t%").await;
    assert!(definition.ends_with(&[0, 0, 0xFB]));
    assert_eq!(peer.answer().await[0], 0xFE);
    peer.sequence = 0;
    peer.send(b"\x01").await;
    assert_eq!(peer.receive().await, None);
}

#[tokio::test]
async fn an_error_after_rows_ends_them_and_the_session_goes_on() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    peer.query("wrong later").await;
    let (rows, end) = peer.rows().await;
    assert_eq!((rows.len(), error(&end).0), (2, 1429));
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn pipelined_commands_are_answered_in_turn() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let ping = [1, 0, 0, 0, 0x0E];
    let close = [5, 0, 0, 0, 0x19, 1, 0, 0, 0]; // COM_STMT_CLOSE, which has no answer
    let segment = [&ping[..], &close, &ping, &[5, 0, 0, 0, 3], b"rows", &ping].concat();
    peer.stream.write_all(&segment).await.expect("written");
    for _ in 0..2 {
        peer.sequence = 1;
        assert_eq!(peer.answer().await[0], 0);
    }
    peer.sequence = 1;
    assert_eq!(peer.answer().await, [2]);
    assert_eq!(peer.rows().await.0.len(), 3);
    peer.sequence = 1;
    assert_eq!(peer.answer().await[0], 0);
}

#[tokio::test]
async fn a_statement_is_dropped_when_its_client_leaves() {
    for statement in ["for ever", "flood"] {
        let door = Door::open().await;
        let mut peer = Peer::open(&door).await;
        assert_eq!(peer.query(statement).await, [2]);
        assert!(!door.behind.is_dropped.load(Ordering::Acquire));
        drop(peer);
        tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
    }
}

#[tokio::test]
async fn a_killed_connection_ends_within_its_statement() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    peer.query("for ever").await;
    door.behind.close.lock().as_ref().expect("a session").cancel();
    tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
}

#[tokio::test]
async fn a_panic_ends_its_own_connection_only() {
    let door = Door::open().await;
    let mut other = Peer::open(&door).await;
    let mut peer = Peer::open(&door).await;
    peer.send_query_and_expect_the_end("panic").await;
    assert_eq!(other.command(b"\x0E").await[0], 0);
}

#[tokio::test]
async fn too_large_and_misnumbered_packets_are_told_and_end_the_connection() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let large = vec![b'x'; (1 << 20) + 1];
    assert_eq!(error(&peer.command(&large).await).0, 1153);
    assert_eq!(peer.receive().await, None);
    let mut peer = Peer::open(&door).await;
    peer.sequence = 5;
    peer.send(b"\x0E").await;
    peer.sequence = 1;
    assert_eq!(error(&peer.answer().await).0, 1156);
}

#[tokio::test]
async fn one_connection_too_many_is_told_so() {
    let door = Door::open_with(1, 60_000).await;
    let first = Peer::open(&door).await;
    let mut second =
        Peer { stream: door.socket().await, sequence: 0, capabilities: CapabilityFlags::empty() };
    assert_eq!(second.answer().await, b"\xFF\x10\x04Too many connections");
    drop(first);
    tokio::time::timeout(PATIENCE, async {
        loop {
            let mut peer = Peer {
                stream: door.socket().await,
                sequence: 0,
                capabilities: CapabilityFlags::empty(),
            };
            if peer.answer().await[0] == 10 {
                break;
            }
        }
    })
    .await
    .expect("the place is free again");
}

#[tokio::test]
async fn strangers_are_let_go() {
    let door = Door::open_with(10, 300).await;
    for bytes in
        [&b""[..], b"\x05", b"GET / HTTP/1.1\r\n\r\n", b"\xFF\xFF\xFF\x01", b"\x01\0\0\x01x"]
    {
        let (mut peer, _) = Peer::connect(&door).await;
        peer.stream.write_all(bytes).await.expect("written");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, peer.stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_stop_closes_idle_connections_and_lets_statements_finish() {
    let door = Door::open().await;
    let mut idle = Peer::open(&door).await;
    let mut busy = Peer::open(&door).await;
    busy.query("for ever").await;
    door.stop.cancel();
    assert_eq!(idle.receive().await, None);
    assert!(!door.behind.is_dropped.load(Ordering::Acquire));
    assert!(!door.task.is_finished());
    // The caller's bound has passed.
    door.task.abort();
    tokio::time::timeout(PATIENCE, door.behind.dropped.notified()).await.expect("dropped");
}
