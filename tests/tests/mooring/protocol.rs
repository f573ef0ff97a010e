//! What strangers send to the MySQL port. Whatever it is, the next client is served.

use std::time::Duration;

use mooring_tests::Cluster;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The start of a handshake response (MySQL protocol, `HandshakeResponse41`): it promises 64 bytes,
/// gives its capabilities and its largest packet, and stops.
const HALF_A_HANDSHAKE: &[u8] = &[64, 0, 0, 1, 0x85, 0xa6, 0x0f, 0, 0, 0, 0, 1];

#[tokio::test]
async fn garbage_instead_of_a_handshake() {
    let cluster = cluster().await;
    for seed in 0..20 {
        send_and_await_close(&cluster, &garbage(seed)).await;
    }
    assert_serves(&cluster).await;
}

#[tokio::test]
async fn half_a_handshake() {
    let cluster = cluster().await;
    for length in 1..HALF_A_HANDSHAKE.len() {
        send_and_await_close(&cluster, &HALF_A_HANDSHAKE[..length]).await;
    }
    assert_serves(&cluster).await;
}

#[tokio::test]
async fn half_a_handshake_and_gone() {
    let cluster = cluster().await;
    for length in 1..HALF_A_HANDSHAKE.len() {
        let mut stream = TcpStream::connect(cluster.mysql_address()).await.unwrap();
        stream.write_all(&HALF_A_HANDSHAKE[..length]).await.unwrap();
    }
    assert_serves(&cluster).await;
}

#[tokio::test]
async fn silence_instead_of_a_handshake() {
    let cluster = cluster().await;
    send_and_await_close(&cluster, &[]).await;
    assert_serves(&cluster).await;
}

/// A packet that claims to be as long as packets can be must not be waited for, nor be reserved.
#[tokio::test]
async fn the_longest_packet_before_authentication() {
    let cluster = cluster().await;
    send_and_await_close(&cluster, &[0xff, 0xff, 0xff, 1]).await;
    assert_serves(&cluster).await;
}

async fn cluster() -> Cluster {
    let builder = Cluster::one_node().unwrap();
    builder.setting("coordinator.mysql.handshake_timeout_ms", "1000").start().await.unwrap()
}

/// Keeps its own side open: it is the server that has to end the connection.
async fn send_and_await_close(cluster: &Cluster, bytes: &[u8]) {
    let mut stream = TcpStream::connect(cluster.mysql_address()).await.unwrap();
    // An error here is a server that closed already, which is the point.
    let _ = stream.write_all(bytes).await;
    let mut received = vec![];
    let closed = timeout(Duration::from_secs(30), stream.read_to_end(&mut received)).await;
    assert!(closed.is_ok(), "the server keeps a connection open that sent {bytes:?}");
}

async fn assert_serves(cluster: &Cluster) {
    let mut session = cluster.connect().await.unwrap();
    assert_eq!(session.rows("SELECT 40 + 2").await.unwrap(), [["42"]]);
}

/// Bytes of a linear congruential generator (Knuth's MMIX constants).
fn garbage(seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    (0..1024).map(|_| next()).collect()
}
