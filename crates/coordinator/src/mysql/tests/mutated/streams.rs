//! Mutated packets over real connections: each ends alone, and others go on.

use super::super::super::MysqlSettings;
use super::super::PATIENCE;
use super::super::fake::{Door, settings};
use super::super::peer::{COMPRESSION, Peer};
use super::corpus::{commands, handshake_response, packet};
use super::mutator::Mutator;
use super::number;
use crate::mysql::handshake::CAPABILITIES;
use crate::mysql::packet::Algorithm;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::AuthPlugin;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const STREAMS_DEFAULT: u64 = 300;
const BATCH: u64 = 20;

/// Logins are not to be slowed down, and places to be few.
async fn open_door() -> Door {
    let settings = MysqlSettings { connections_max: 4, login_failures_max: u32::MAX, ..settings() };
    Door::open_as(settings).await
}

#[tokio::test]
async fn mutated_streams_end_alone() {
    let door = open_door().await;
    let mut other = Peer::open(&door).await;
    let streams = number("MOORING_MUTATED_STREAMS", STREAMS_DEFAULT);
    for index in 0..streams {
        let mut mutator = Mutator::new(index);
        let done = async {
            match index % 4 {
                0 => misbehave_at_login(&door, &mut mutator).await,
                1 => misbehave_in_answers(&door, &mut mutator).await,
                2 => misbehave_in_session(&door, &mut mutator).await,
                _ => misbehave_in_frames(&door, &mut mutator).await,
            }
        };
        assert!(tokio::time::timeout(PATIENCE, done).await.is_ok(), "stream {index} hangs");
        if index % BATCH == 0 || index + 1 == streams {
            assert_eq!(other.command(b"\x0E").await[0], 0, "after stream {index}");
            let mut good = log_in(&door, other.capabilities).await;
            assert_eq!(good.query("rows").await, [2]);
            assert_eq!(good.rows().await.0.len(), 3);
        }
    }
    assert!(!door.task.is_finished());
    assert!(door.behind.is_dropped.load(Ordering::Acquire), "no statement ever ran");
}

async fn connect(door: &Door) -> Peer {
    loop {
        let (stream, capabilities) = (door.socket().await, CapabilityFlags::empty());
        let mut peer = Peer { stream, sequence: 0, capabilities };
        // The places of those that went before are given back a moment after they have left.
        if peer.receive().await.is_some_and(|greeting| greeting[0] == 10) {
            return peer;
        }
    }
}

/// Sends everything, and reads until the server has closed too.
async fn end_with(mut peer: Peer, bytes: &[u8]) {
    // The server may have ended the connection before it has read all of it.
    if peer.stream.write_all(bytes).await.is_ok() {
        let _ = peer.stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = peer.stream.read_to_end(&mut answer).await;
}

async fn misbehave_at_login(door: &Door, mutator: &mut Mutator) {
    let response = handshake_response(CAPABILITIES.difference(COMPRESSION));
    let bytes = match mutator.below(2) {
        0 => packet(1, &mutator.mutated(&response)),
        _ => mutator.mutated(&packet(1, &response)),
    };
    end_with(connect(door).await, &bytes).await;
}

/// A good beginning of a login, and then anything.
async fn misbehave_in_answers(door: &Door, mutator: &mut Mutator) {
    let mut bytes = packet(1, &handshake_response(CAPABILITIES.difference(COMPRESSION)));
    bytes.extend(packet(3, &mutator.mutated(&[2])));
    bytes.extend(packet(5, &mutator.mutated(&[3; 256])));
    end_with(connect(door).await, &bytes).await;
}

async fn log_in(door: &Door, capabilities: CapabilityFlags) -> Peer {
    let mut peer = connect(door).await;
    peer.capabilities = capabilities;
    let answer = peer.respond("open", None, AuthPlugin::CachingSha2Password, None).await;
    assert_eq!(answer[0], 0, "OK");
    peer
}

/// Some commands as they should be, so that there is something to disturb, and mutated ones.
fn session(mutator: &mut Mutator) -> Vec<u8> {
    let commands = commands();
    let mut bytes = packet(0, &commands[0]);
    for _ in 0..mutator.below(12) {
        let command = &commands[mutator.below(commands.len())];
        bytes.extend(match mutator.below(4) {
            0 => packet(0, command),
            1 => mutator.mutated(&packet(0, command)),
            _ => packet(0, &mutator.mutated(command)),
        });
    }
    bytes
}

async fn misbehave_in_session(door: &Door, mutator: &mut Mutator) {
    let mut capabilities = CAPABILITIES.difference(COMPRESSION);
    if mutator.below(2) == 0 {
        capabilities.remove(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES);
    }
    let peer = log_in(door, capabilities).await;
    end_with(peer, &session(mutator)).await;
}

async fn misbehave_in_frames(door: &Door, mutator: &mut Mutator) {
    let (flag, algorithm) = match mutator.below(2) {
        0 => (CapabilityFlags::CLIENT_COMPRESS, Algorithm::Zlib),
        _ => (CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM, Algorithm::Zstd { level: 3 }),
    };
    let peer = log_in(door, CAPABILITIES.difference(COMPRESSION) | flag).await;
    let (frames, _) = algorithm.frames(&session(mutator), 0).expect("frames");
    let bytes = match mutator.below(3) {
        0 => frames,
        _ => mutator.mutated(&frames),
    };
    end_with(peer, &bytes).await;
}
