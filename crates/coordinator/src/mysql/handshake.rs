//! The packets of the connection phase: the greeting, the client's answer, and the requests that
//! an authentication may need. No state and no I/O.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase Packets".

use super::wire::{Decoder, Malformed};
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{AuthMoreData, AuthSwitchRequest, HandshakePacket};
use mysql_common::proto::MySerialize;
use rand::Rng;

/// Clients switch features on by the numbers in front.
pub const SERVER_VERSION: &str = concat!("8.0.36-Mooring-", env!("CARGO_PKG_VERSION"));

/// `utf8mb4_bin`: text compares by its bytes.
pub(crate) const TEXT_COLLATION: u8 = 46;

pub(crate) const NONCE_BYTES: usize = 20;

/// What a password is proven against; fresh for every connection.
pub(crate) type Nonce = [u8; NONCE_BYTES];

/// What the server can do. A connection goes by what both sides can.
pub(crate) const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_IGNORE_SPACE)
    .union(CapabilityFlags::CLIENT_PROTOCOL_41)
    .union(CapabilityFlags::CLIENT_INTERACTIVE)
    .union(CapabilityFlags::CLIENT_TRANSACTIONS)
    .union(CapabilityFlags::CLIENT_SECURE_CONNECTION)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH)
    .union(CapabilityFlags::CLIENT_CONNECT_ATTRS)
    .union(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA)
    .union(CapabilityFlags::CLIENT_MULTI_STATEMENTS)
    .union(CapabilityFlags::CLIENT_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_PS_MULTI_RESULTS)
    .union(CapabilityFlags::CLIENT_SESSION_TRACK)
    .union(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES)
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF);

/// Random bytes without the end of a C string and without `$`, the separator of stored passwords.
pub(crate) fn nonce() -> Nonce {
    let mut random = rand::thread_rng();
    std::array::from_fn(|_| {
        loop {
            let byte = random.gen_range(1..=0x7F);
            if byte != b'$' {
                return byte;
            }
        }
    })
}

/// The payload of `Protocol::HandshakeV10`.
pub(crate) fn greeting(connection_id: u32, nonce: &Nonce, plugin: &str) -> Vec<u8> {
    let mut first = [0; 8];
    first.copy_from_slice(&nonce[..8]);
    let second = [&nonce[8..], &[0]].concat();
    let mut payload = Vec::new();
    HandshakePacket::new(
        10,
        SERVER_VERSION.as_bytes(),
        connection_id,
        first,
        Some(second),
        CAPABILITIES,
        TEXT_COLLATION,
        super::reply::STATUS,
        Some(plugin.as_bytes()),
    )
    .serialize(&mut payload);
    payload
}

/// The client's answer to the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandshakeResponse {
    /// What both sides can do. Some clients set flags that the server has not offered; those do
    /// not count.
    pub(crate) capabilities: CapabilityFlags,
    pub(crate) user: String,
    pub(crate) auth_response: Vec<u8>,
    pub(crate) database: Option<String>,
    /// The plugin that `auth_response` is of.
    pub(crate) plugin: Option<String>,
}

/// What cannot be a handshake with this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadResponse {
    Malformed,
    /// `Protocol::SSLRequest`, though TLS was not offered.
    TlsRequested,
}

impl From<Malformed> for BadResponse {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

/// Reads `Protocol::HandshakeResponse41`. The connection attributes at its end are not looked at.
pub(crate) fn parse_response(payload: &[u8]) -> Result<HandshakeResponse, BadResponse> {
    let mut decoder = Decoder::new(payload);
    let asked = CapabilityFlags::from_bits_retain(decoder.u32()?);
    decoder.take(4 + 1 + 23)?; // largest packet, collation, filler
    if decoder.is_empty() && asked.contains(CapabilityFlags::CLIENT_SSL) {
        return Err(BadResponse::TlsRequested);
    }
    let capabilities = asked & CAPABILITIES;
    if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
        return Err(BadResponse::Malformed);
    }
    let user = text(decoder.null_terminated()?);
    let auth_response =
        if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            decoder.string()?
        } else if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
            let length = decoder.u8()?;
            decoder.take(usize::from(length))?
        } else {
            return Err(BadResponse::Malformed);
        };
    // Clients leave out what stands last, even where its flag is set.
    let mut optional = |flag| {
        (capabilities.contains(flag) && !decoder.is_empty())
            .then(|| text(decoder.null_terminated_or_rest()))
            .filter(|value| !value.is_empty())
    };
    let database = optional(CapabilityFlags::CLIENT_CONNECT_WITH_DB);
    let plugin = optional(CapabilityFlags::CLIENT_PLUGIN_AUTH);
    Ok(HandshakeResponse {
        capabilities,
        user,
        auth_response: auth_response.to_vec(),
        database,
        plugin,
    })
}

/// A name that is no text names nothing that exists.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The payload of `Protocol::AuthSwitchRequest`.
pub(crate) fn auth_switch_request(plugin: &str, nonce: &Nonce) -> Vec<u8> {
    let data = [&nonce[..], &[0]].concat();
    let mut payload = Vec::new();
    AuthSwitchRequest::new(plugin.as_bytes(), data).serialize(&mut payload);
    payload
}

/// The payload of `Protocol::AuthMoreData`.
pub(crate) fn auth_more_data(data: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    AuthMoreData::new(data).serialize(&mut payload);
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::io::ParseBuf;
    use mysql_common::packets::{AuthPlugin, HandshakeResponse as ClientResponse};
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
            CAPABILITIES | CapabilityFlags::CLIENT_SESSION_TRACK,
            Some([("program_name".to_owned(), "test".to_owned())].into()),
            1 << 24,
        )
        .serialize(&mut payload);
        payload
    }

    #[test]
    fn a_response_of_mysql_common_is_read() {
        let response = parse_response(&client_response(Some("tpch.tiny"))).expect("a response");
        assert_eq!(response.user, "root");
        assert_eq!(response.auth_response, b"0123456789abcdefghij");
        assert_eq!(response.database.as_deref(), Some("tpch.tiny"));
        assert_eq!(response.plugin.as_deref(), Some("caching_sha2_password"));
        assert!(!response.capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK));
    }

    #[test]
    fn the_greeting_is_read_by_mysql_common() {
        let nonce = nonce();
        let payload = greeting(7, &nonce, "caching_sha2_password");
        let read = HandshakePacket::deserialize((), &mut ParseBuf(&payload)).expect("a greeting");
        assert_eq!(read.connection_id(), 7);
        assert_eq!(read.nonce(), nonce);
        assert_eq!(read.server_version_parsed(), Some((8, 0, 36)));
        assert_eq!(read.capabilities(), CAPABILITIES);
        assert_eq!(read.auth_plugin(), Some(AuthPlugin::CachingSha2Password));
        assert_eq!(payload[SERVER_VERSION.len() + 2 + 4 + 8 + 1 + 2 + 1 + 2 + 2], 21);
    }

    #[test]
    fn a_request_for_tls_is_told_apart() {
        let mut payload = client_response(None);
        payload.truncate(32);
        payload[1] |= 0x08; // CLIENT_SSL
        assert_eq!(parse_response(&payload), Err(BadResponse::TlsRequested));
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = parse_response(&bytes);
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
            let _ = parse_response(&payload);
        }

        #[test]
        fn nonces_have_no_zero_and_no_dollar(_run in 0..200) {
            prop_assert!(nonce().iter().all(|byte| (1..=0x7F).contains(byte) && *byte != b'$'));
        }
    }
}
