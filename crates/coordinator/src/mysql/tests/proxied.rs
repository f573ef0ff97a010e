//! Behind a load balancer that speaks the PROXY protocol.

use super::super::{MysqlSettings, handshake};
use super::fake::{Door, settings};
use super::peer::{Peer, error};
use mysql_common::packets::AuthPlugin;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4242 3306\r\n";
const V1_UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";
/// "The PROXY protocol", section 2.2: a PROXY command and a LOCAL one, both with IPv4 addresses.
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0C\xC0\0\x02\x07\xC0\0\x02\x01\x10\x92\x0C\xEA";
const V2_LOCAL: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x20\x11\0\x0C\xC0\0\x02\x07\xC0\0\x02\x01\x10\x92\x0C\xEA";

async fn door(network: &str) -> Door {
    let proxy_networks = vec![network.parse().expect("a network")];
    Door::open_as(MysqlSettings { proxy_networks, ..settings() }).await
}

#[tokio::test]
async fn the_address_of_the_header_is_the_clients() {
    let door = door("127.0.0.0/8").await;
    for (header, expected) in [
        (V1, Some("192.0.2.7:4242")),
        (V2, Some("192.0.2.7:4242")),
        (V1_UNKNOWN, None),
        (V2_LOCAL, None),
        (b"", None),
    ] {
        for is_split in [false, true] {
            // The greeting has come before the header goes.
            let (mut peer, _) = Peer::connect(&door).await;
            let (start, rest) = header.split_at(if is_split { header.len() / 3 } else { 0 });
            peer.stream.write_all(start).await.expect("written");
            peer.stream.write_all(rest).await.expect("written");
            let answer = peer.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
            assert_eq!(answer[0], 0, "{header:?}");
            let own = peer.stream.local_addr().expect("an address");
            let expected = expected.map_or(own, |text| text.parse().expect("an address"));
            let found = door.behind.clients.lock().last().expect("a session").address;
            assert_eq!(found, expected);
        }
    }
}

#[tokio::test]
async fn a_header_that_comes_at_once_counts_before_the_password() {
    let door = door("127.0.0.1").await;
    let mut stream = door.socket().await;
    stream.write_all(V2).await.expect("written");
    let capabilities = handshake::CAPABILITIES.difference(super::peer::COMPRESSION);
    let mut peer = Peer { stream, sequence: 0, capabilities };
    assert_eq!(peer.answer().await[0], 10);
    let answer = peer.respond("native", None, AuthPlugin::MysqlNativePassword, None).await;
    let denied = "Access denied for user 'native'@'192.0.2.7' (using password: NO)";
    assert_eq!(error(&answer).2, denied);
}

#[tokio::test]
async fn a_broken_header_and_one_from_elsewhere_end_the_connection() {
    let door_of_others = door("192.0.2.0/24").await;
    let own_door = door("127.0.0.0/8").await;
    for (door, header, is_told) in [
        (&own_door, &b"PROXY TCP4 192.0.2.7 nowhere 1 2\r\n"[..], false),
        (&own_door, &V2[..12], false),
        (&door_of_others, V1, true),
        (&door_of_others, V2, true),
    ] {
        let (mut peer, _) = Peer::connect(door).await;
        peer.stream.write_all(header).await.expect("written");
        peer.stream.shutdown().await.expect("shut down");
        let mut rest = Vec::new();
        // A reset tells the same.
        let _ = peer.stream.read_to_end(&mut rest).await;
        assert!(is_told || rest.is_empty(), "{rest:?}");
        assert!(door.behind.clients.lock().is_empty());
    }
}
