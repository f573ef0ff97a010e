//! Sessions whose packets are compressed. zlib is spoken by mysql_common's codec; zstd by frames
//! made here by the documentation ("Compressed Packet").

use super::fake::Door;
use super::peer::{COMPRESSION, Peer, error};
use bytes::BytesMut;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::AuthPlugin;
use mysql_common::proto::codec::PacketCodec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn open(door: &Door, flag: CapabilityFlags) -> Peer {
    let (mut peer, _) = Peer::connect(door).await;
    peer.capabilities = peer.capabilities.difference(COMPRESSION) | flag;
    let answer = peer.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
    assert_eq!(answer[0], 0, "the OK packet is not compressed yet");
    peer
}

#[tokio::test]
async fn zlib_is_understood_by_mysql_common() {
    let door = Door::open().await;
    let mut peer = open(&door, CapabilityFlags::CLIENT_COMPRESS).await;
    let mut codec = PacketCodec::default();
    codec.compress(flate2::Compression::default());
    let mut received = BytesMut::new();
    // The error's text repeats the statement, which no session knows.
    let long = format!("\x03{}", "x".repeat(700_000));
    for (sql, is_long) in [("\x03rows", false), (long.as_str(), true), ("\x03wrong", false)] {
        codec.reset_seq_id();
        let mut request = BytesMut::new();
        codec.encode(&mut sql.as_bytes(), &mut request).expect("a request");
        assert!(!is_long || request.len() < 10_000);
        peer.stream.write_all(&request).await.expect("written");
        let mut packets: Vec<Vec<u8>> = Vec::new();
        while !packets.last().is_some_and(|packet| matches!(packet[0], 0xFE | 0xFF)) {
            let mut packet = Vec::new();
            while !codec.decode(&mut received, &mut packet).expect("frames") {
                assert!(peer.stream.read_buf(&mut received).await.expect("read") > 0, "the end");
            }
            packets.push(packet);
        }
        match sql {
            "\x03rows" => assert_eq!(packets.len(), 1 + 2 + 3 + 1),
            "\x03wrong" => assert_eq!(error(&packets[0]).1, "42S02"),
            _ => assert!(packets[0].ends_with(b"xxxx")),
        }
    }
}

/// One frame with one packet.
fn frame(payload: &[u8], level: i32) -> Vec<u8> {
    let length = payload.len().to_le_bytes();
    let packet = [&length[..3], &[0], payload].concat();
    let compressed = zstd::bulk::compress(&packet, level).expect("compressed");
    let (a, b) = (compressed.len().to_le_bytes(), packet.len().to_le_bytes());
    [&a[..3], &[0], &b[..3], &compressed].concat()
}

#[tokio::test]
async fn zstd_goes_both_ways() {
    let door = Door::open().await;
    let mut peer = open(&door, CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM).await;
    for sql in [format!("\x03{}", "y".repeat(500_000)), "\x03wrong".to_owned()] {
        peer.stream.write_all(&frame(sql.as_bytes(), 3)).await.expect("written");
        let mut plain = Vec::new();
        let mut sequence = 1;
        while plain.len() < 4
            || plain.len() < 4 + u32::from_le_bytes([plain[0], plain[1], plain[2], 0]) as usize
        {
            let mut header = [0; 7];
            peer.stream.read_exact(&mut header).await.expect("a header");
            let [a, b, c, number, d, e, f] = header;
            assert_eq!(number, sequence);
            sequence += 1;
            let mut content = vec![0; u32::from_le_bytes([a, b, c, 0]) as usize];
            peer.stream.read_exact(&mut content).await.expect("the content");
            match u32::from_le_bytes([d, e, f, 0]) as usize {
                0 => plain.extend(content),
                length => plain.extend(zstd::bulk::decompress(&content, length).expect("zstd")),
            }
        }
        assert_eq!(plain[3..5], [1, 0xFF], "an error under the number 1");
    }
}

#[tokio::test]
async fn broken_frames_and_bombs_are_told_and_end_the_connection() {
    let door = Door::open().await;
    let zeros = vec![0; 15 << 20];
    for (bytes, expected) in [
        (vec![3, 0, 0, 0, 60, 0, 0, 1, 2, 3], 1157),
        (vec![3, 0, 0, 9, 60, 0, 0, 1, 2, 3], 1156),
        (frame(&zeros, 1), 1153),
    ] {
        let mut peer = open(&door, CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM).await;
        peer.stream.write_all(&bytes).await.expect("written");
        let mut answer = Vec::new();
        peer.stream.read_to_end(&mut answer).await.expect("the end");
        // Some errors are short enough not to be compressed.
        let [a, b, c, 1, d, e, f, ref content @ ..] = answer[..] else {
            panic!("a frame: {answer:?}");
        };
        assert_eq!(content.len(), u32::from_le_bytes([a, b, c, 0]) as usize);
        let packet = match u32::from_le_bytes([d, e, f, 0]) as usize {
            0 => content.to_vec(),
            length => zstd::bulk::decompress(content, length).expect("zstd"),
        };
        assert_eq!(error(&packet[4..]).0, expected);
    }
    assert_eq!(Peer::open(&door).await.command(b"\x0E").await[0], 0);
}
