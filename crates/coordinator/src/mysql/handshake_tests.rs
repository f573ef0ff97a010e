use super::*;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{self, AuthPlugin, HandshakeResponse as ClientResponse};
use mysql_common::proto::MyDeserialize;
use proptest::prelude::*;

/// What the peer library sends.
fn client_response(database: Option<&'static str>) -> Vec<u8> {
    let mut payload = Vec::new();
    ClientResponse::new(
        Some(&b"0123456789abcdefghij"[..]),
        (8, 0, 36),
        Some(&b"root"[..]),
        database.map(str::as_bytes),
        Some(AuthPlugin::CachingSha2Password),
        CAPABILITIES | CapabilityFlags::CLIENT_LOCAL_FILES,
        Some([("program_name".to_owned(), "test".to_owned())].into()),
        1 << 24,
    )
    .serialize(&mut payload);
    payload
}

fn read(payload: &[u8]) -> HandshakeResponse {
    match parse_response(payload, CAPABILITIES) {
        Ok(FirstPacket::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_response_of_mysql_common_is_read() {
    let response = read(&client_response(Some("tpch.tiny")));
    assert_eq!(response.login.user, "root");
    assert_eq!(response.login.auth_response, b"0123456789abcdefghij");
    assert_eq!(response.login.database.as_deref(), Some("tpch.tiny"));
    assert_eq!(response.login.plugin.as_deref(), Some("caching_sha2_password"));
    let expected = [("program_name".to_owned(), "test".to_owned())];
    assert_eq!(response.login.attributes[..], expected);
    assert!(!response.capabilities.contains(CapabilityFlags::CLIENT_LOCAL_FILES));
}

#[test]
fn compression_is_what_both_sides_can() {
    let both =
        CapabilityFlags::CLIENT_COMPRESS | CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM;
    let with = |flags: CapabilityFlags, level: &[u8]| {
        let mut payload = client_response(Some("db"));
        let asked = (CAPABILITIES & !both) | flags;
        payload[..4].copy_from_slice(&asked.bits().to_le_bytes());
        payload.extend_from_slice(level);
        parse_response(&payload, CAPABILITIES).map(|packet| match packet {
            FirstPacket::Response(response) => response.compression,
            FirstPacket::TlsRequest => panic!("no request for TLS"),
        })
    };
    let zstd = CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM;
    assert_eq!(with(CapabilityFlags::empty(), &[]), Ok(None));
    assert_eq!(with(both, &[7]), Ok(Some(Algorithm::Zlib)));
    assert_eq!(with(zstd, &[7]), Ok(Some(Algorithm::Zstd { level: 7 })));
    assert_eq!(with(zstd, &[]), Ok(Some(Algorithm::Zstd { level: 3 })));
    assert_eq!(with(zstd, &[0]), Err(Malformed));
    assert_eq!(with(zstd, &[23]), Err(Malformed));
}

#[test]
fn the_greeting_is_read_by_mysql_common() {
    let nonce = nonce();
    let payload = greeting(7, &nonce, "caching_sha2_password", offered(true));
    let read = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).expect("a greeting");
    assert_eq!(read.connection_id(), 7);
    assert_eq!(read.nonce(), nonce);
    assert_eq!(read.server_version_parsed(), Some((8, 0, 36)));
    assert_eq!(read.capabilities(), CAPABILITIES | CapabilityFlags::CLIENT_SSL);
    assert_eq!(read.auth_plugin(), Some(AuthPlugin::CachingSha2Password));
    assert_eq!(payload[SERVER_VERSION.len() + 2 + 4 + 8 + 1 + 2 + 1 + 2 + 2], 21);
}

#[test]
fn a_request_for_tls_is_told_apart() {
    let mut payload = Vec::new();
    packets::SslRequest::new(CAPABILITIES | CapabilityFlags::CLIENT_SSL, 1 << 24, 46)
        .serialize(&mut payload);
    assert_eq!(parse_response(&payload, offered(true)), Ok(FirstPacket::TlsRequest));
    assert_eq!(parse_response(&payload, offered(false)), Err(Malformed));
    payload.pop();
    assert_eq!(parse_response(&payload, offered(true)), Err(Malformed));
}

#[test]
fn attributes_have_their_number() {
    let mut block = Vec::new();
    for _ in 0..20_000 {
        block.extend([1, b'a', 0]);
    }
    let mut payload = b"ana\0\0\0\x2E\0\0\xFD".to_vec();
    payload.extend_from_slice(&block.len().to_le_bytes()[..3]);
    payload.extend(block);
    let login = parse_change_user(&payload, CAPABILITIES).expect("a login");
    assert_eq!(login.attributes.len(), ATTRIBUTES_MAX);
    assert_eq!(login.attributes[255], ("a".to_owned(), String::new()));
}

fn change_user() -> Vec<u8> {
    let more = packets::ComChangeUserMoreData::new(46)
        .with_auth_plugin(Some(AuthPlugin::CachingSha2Password))
        .with_connect_attributes(Some([("a".to_owned(), "b".to_owned())].into()));
    let mut payload = Vec::new();
    packets::ComChangeUser::new()
        .with_user(Some(&b"ana"[..]))
        .with_auth_plugin_data(Some(&[7; 32][..]))
        .with_database(Some(&b"tpch.tiny"[..]))
        .with_more_data(Some(more))
        .serialize(&mut payload);
    payload.split_off(1)
}

#[test]
fn a_change_of_user_of_mysql_common_is_read() {
    let login = parse_change_user(&change_user(), CAPABILITIES).expect("a login");
    assert_eq!((login.user.as_str(), login.auth_response.len()), ("ana", 32));
    assert_eq!(login.database.as_deref(), Some("tpch.tiny"));
    assert_eq!(login.plugin.as_deref(), Some("caching_sha2_password"));
    assert_eq!(login.attributes[..], [("a".to_owned(), "b".to_owned())]);
    let short = parse_change_user(b"bob\0\0\0", CAPABILITIES).expect("a login");
    assert_eq!((short.user.as_str(), short.database, short.plugin), ("bob", None, None));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
        let _ = parse_response(&bytes, offered(true));
        let _ = parse_change_user(&bytes, CAPABILITIES);
    }

    #[test]
    fn mutated_and_truncated_responses_are_refused_or_read(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end: prop::sample::Index,
    ) {
        let mut payload = client_response(Some("db"));
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        payload.truncate(end.index(payload.len() + 1));
        let _ = parse_response(&payload, offered(true));
    }

    #[test]
    fn mutated_and_truncated_changes_of_user_are_refused_or_read(
        at: prop::sample::Index, byte: u8, end: prop::sample::Index,
    ) {
        let mut payload = change_user();
        let at = at.index(payload.len());
        payload[at] = byte;
        payload.truncate(end.index(payload.len() + 1));
        let _ = parse_change_user(&payload, CAPABILITIES);
    }

    #[test]
    fn nonces_have_no_zero_and_no_dollar(_run in 0..200) {
        prop_assert!(nonce().iter().all(|byte| (1..=0x7F).contains(byte) && *byte != b'$'));
    }
}
