//! Limits of the door: users' connections, idle time, half handshakes.

use super::super::MysqlSettings;
use super::PATIENCE;
use super::fake::{Door, settings};
use super::peer::{Peer, error};
use mysql_common::packets::AuthPlugin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn a_user_has_so_many_connections_and_no_more() {
    let door = Door::open_as(MysqlSettings { connections_per_user_max: 1, ..settings() }).await;
    let first = Peer::open(&door).await;
    let (mut second, _) = Peer::connect(&door).await;
    let answer = second.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
    let told = "User open already has more than 'max_user_connections' active connections";
    assert_eq!(error(&answer), (1203, "42000".to_owned(), told.to_owned()));
    assert_eq!(Peer::log_in(&door, "sha", "secret").await.0[0], 0);
    drop(first);
    let free_again = async {
        loop {
            let (mut peer, _) = Peer::connect(&door).await;
            let answer = peer.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
            if answer[0] == 0 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, free_again).await.expect("the place is free again");
}

#[tokio::test]
async fn an_idle_client_is_told_and_let_go() {
    let door = Door::open_as(MysqlSettings { wait_timeout_s: 1, ..settings() }).await;
    let mut peer = Peer::open(&door).await;
    peer.sequence = 0;
    assert_eq!(error(&peer.answer().await).0, 4031);
    assert_eq!(peer.receive().await, None);
}

#[tokio::test]
async fn half_handshakes_end_in_time() {
    let settings = MysqlSettings { handshake_timeout_ms: 500, ..settings() };
    let door = Door::open_as(settings).await;
    let response = [&[40, 0, 0, 1][..], &[0x8D, 0xA2, 0x0B, 0]].concat();
    for bytes in [&b""[..], b"\x20", &response] {
        let (mut peer, _) = Peer::connect(&door).await;
        peer.stream.write_all(bytes).await.expect("written");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, peer.stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{bytes:?}");
        let errno = rest.get(5..7).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        assert_eq!(errno, Some(1159), "{bytes:?}");
    }
    // In the middle of the authentication.
    let (mut peer, _) = Peer::connect(&door).await;
    let plugin = AuthPlugin::CachingSha2Password;
    assert_eq!(peer.respond("sha", Some(vec![1; 32]), plugin, None).await, [1, 4]);
    assert_eq!(error(&peer.receive().await.expect("told why")).0, 1159);
    assert_eq!(peer.receive().await, None);
    assert!(door.behind.clients.lock().is_empty());
}

#[tokio::test]
async fn who_is_not_known_yet_may_send_so_much() {
    let door = Door::open_as(MysqlSettings { handshake_max_bytes: 400, ..settings() }).await;
    let plugin = AuthPlugin::CachingSha2Password;
    let (mut peer, _) = Peer::connect(&door).await;
    let answer = peer.respond(&"x".repeat(400), None, plugin.clone(), None).await;
    assert_eq!(error(&answer).0, 1153);
    assert_eq!(peer.receive().await, None);
    // In two packets, each short enough.
    let (mut peer, _) = Peer::connect(&door).await;
    let answer = peer.respond("sha", Some(vec![1; 32]), plugin, None).await;
    assert_eq!(answer, [1, 4]);
    peer.send(&[7; 380]).await;
    assert_eq!(error(&peer.receive().await.expect("told why")).0, 1153);
    // A session is bound by other limits.
    let mut peer = Peer::open(&door).await;
    assert!(!peer.query(&format!("echo {}", "x".repeat(4000))).await.is_empty());
}
