//! Rows beyond the size of one packet.

use super::fake::{Door, settings};
use super::peer::{Peer, error};
use crate::mysql::MysqlSettings;

const PACKET_MAX: usize = 0xFF_FFFF;

/// The sizes of the packets that one row takes, and the bytes of the row.
async fn row_packets(peer: &mut Peer) -> (Vec<usize>, Vec<u8>) {
    let (mut sizes, mut row) = (Vec::new(), Vec::new());
    loop {
        let packet = peer.answer().await;
        sizes.push(packet.len());
        row.extend_from_slice(&packet);
        if packet.len() < PACKET_MAX {
            return (sizes, row);
        }
    }
}

/// A text's length takes four bytes up to 2^24-1, then nine; before it stand two bytes of the text
/// `0`, or ten of the binary row's head and number.
#[tokio::test]
async fn a_long_row_is_split_and_ends_with_a_short_packet() {
    let settings = MysqlSettings { max_allowed_packet_bytes: 1 << 26, ..settings() };
    let door = Door::open_as(settings).await;
    let mut peer = Peer::open(&door).await;
    for (before, binary) in [(2 + 4, false), (10 + 4, true)] {
        for (row, expected) in [
            (PACKET_MAX - 1, vec![PACKET_MAX - 1]),
            (PACKET_MAX, vec![PACKET_MAX, 0]),
            (2 * PACKET_MAX, vec![PACKET_MAX, PACKET_MAX, 0]),
            (2 * PACKET_MAX + 7, vec![PACKET_MAX, PACKET_MAX, 7]),
        ] {
            let before = if row > PACKET_MAX { before + 5 } else { before };
            let sql = format!("long {}", row - before);
            let first = match binary {
                false => peer.query(&sql).await,
                true => {
                    let (id, _) = peer.prepare(&sql).await;
                    peer.execute(id, &[]).await
                }
            };
            assert_eq!(first, [2]);
            for _ in 0..2 {
                assert_eq!(&peer.answer().await[..4], b"\x03def");
            }
            let (sizes, bytes) = row_packets(&mut peer).await;
            assert_eq!(sizes, expected);
            assert!(bytes[before..].iter().all(|byte| *byte == b'x'));
            assert_eq!(peer.answer().await[0], 0xFE);
        }
    }
}

#[tokio::test]
async fn a_row_beyond_the_limit_is_an_error() {
    let door = Door::open().await;
    let mut peer = Peer::open(&door).await;
    let (id, _) = peer.prepare("long 1048577").await;
    let first = peer.execute(id, &[]).await;
    let (rows, end) = peer.binary_rows(&first).await;
    assert_eq!((rows.len(), error(&end).0), (0, 1153));
    peer.query("long 1048577").await;
    assert_eq!(error(&peer.rows().await.1).0, 1153);
    assert_eq!(peer.command(b"\x0E").await[0], 0);
}
