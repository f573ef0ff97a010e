//! The packets of the connection phase: the greeting, the client's answer, and the requests that
//! an authentication may need. No state and no I/O.
//!
//! Source: MySQL Source Code Documentation, "Connection Phase Packets".

use super::packet::Algorithm;
use super::wire::{Decoder, Malformed};
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::{AuthMoreData, AuthSwitchRequest, HandshakePacket};
use mysql_common::proto::MySerialize;
use rand::Rng;
use std::sync::Arc;

/// Clients switch features on by the numbers in front.
pub const SERVER_VERSION: &str = concat!("8.0.36-Mooring-", env!("CARGO_PKG_VERSION"));

/// `utf8mb4_bin`: text compares by its bytes.
pub(crate) const TEXT_COLLATION: u8 = 46;

pub(crate) const NONCE_BYTES: usize = 20;

/// What a password is proven against; fresh for every connection.
pub(crate) type Nonce = [u8; NONCE_BYTES];

/// `protocol-compression-algorithms` names zstd's levels; this one is MySQL's default.
const ZSTD_LEVEL_DEFAULT: u8 = 3;
const ZSTD_LEVEL_MAX: u8 = 22;
/// All names and values together, as MySQL bounds them.
/// Twice what 32 characters can take, the length of a user's name in MySQL.
const USER_BYTES_MAX: usize = 256;
const ATTRIBUTES_MAX_BYTES: usize = 64 * 1024;
/// Those beyond are dropped, as MySQL drops what has no room (`performance_schema_session_connect_
/// attrs_size`): short ones cost far more than the bytes they came in. Drivers send about ten.
const ATTRIBUTES_MAX: usize = 256;

/// What the server can do, besides TLS. A connection goes by what both sides can.
pub(crate) const CAPABILITIES: CapabilityFlags = CapabilityFlags::CLIENT_LONG_PASSWORD
    .union(CapabilityFlags::CLIENT_FOUND_ROWS)
    .union(CapabilityFlags::CLIENT_LONG_FLAG)
    .union(CapabilityFlags::CLIENT_CONNECT_WITH_DB)
    .union(CapabilityFlags::CLIENT_COMPRESS)
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
    .union(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    .union(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM);

/// What is offered to a client, with TLS where the door has it.
pub(crate) fn offered(tls: bool) -> CapabilityFlags {
    match tls {
        true => CAPABILITIES | CapabilityFlags::CLIENT_SSL,
        false => CAPABILITIES,
    }
}

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
pub(crate) fn greeting(
    connection_id: u32,
    nonce: &Nonce,
    plugin: &str,
    offered: CapabilityFlags,
) -> Vec<u8> {
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
        offered,
        TEXT_COLLATION,
        super::reply::STATUS,
        Some(plugin.as_bytes()),
    )
    .serialize(&mut payload);
    payload
}

/// What a client says of itself besides its name (`program_name`, `_client_version`): for
/// `performance_schema.session_connect_attrs`, and never believed.
pub(crate) type Attributes = Arc<[(String, String)]>;

/// The client's answer to the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FirstPacket {
    /// `Protocol::SSLRequest`: the answer comes again, inside TLS.
    TlsRequest,
    Response(HandshakeResponse),
}

/// Who the client says it is, in the handshake or in COM_CHANGE_USER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) auth_response: Vec<u8>,
    pub(crate) database: Option<String>,
    /// The plugin that `auth_response` is of.
    pub(crate) plugin: Option<String>,
    pub(crate) attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HandshakeResponse {
    /// What both sides can do. Some clients set flags that the server has not offered; those do
    /// not count.
    pub(crate) capabilities: CapabilityFlags,
    pub(crate) login: Login,
    /// How packets are compressed once the session is open.
    pub(crate) compression: Option<Algorithm>,
}

/// Reads `Protocol::SSLRequest` and `Protocol::HandshakeResponse41`.
pub(crate) fn parse_response(
    payload: &[u8],
    offered: CapabilityFlags,
) -> Result<FirstPacket, Malformed> {
    let mut decoder = Decoder::new(payload);
    let capabilities = CapabilityFlags::from_bits_retain(decoder.u32()?) & offered;
    decoder.take(4 + 1 + 23)?; // largest packet, collation, filler
    if !capabilities.contains(CapabilityFlags::CLIENT_PROTOCOL_41) {
        return Err(Malformed);
    }
    if decoder.is_empty() {
        let asks = capabilities.contains(CapabilityFlags::CLIENT_SSL);
        return if asks { Ok(FirstPacket::TlsRequest) } else { Err(Malformed) };
    }
    let user = user_name(decoder.null_terminated()?);
    let auth_response =
        if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA) {
            decoder.string()?
        } else if capabilities.contains(CapabilityFlags::CLIENT_SECURE_CONNECTION) {
            let length = decoder.u8()?;
            decoder.take(usize::from(length))?
        } else {
            return Err(Malformed);
        };
    // Clients leave out what stands last, even where its flag is set.
    let mut optional = |flag| {
        (capabilities.contains(flag) && !decoder.is_empty())
            .then(|| text(decoder.null_terminated_or_rest()))
            .filter(|value| !value.is_empty())
    };
    let database = optional(CapabilityFlags::CLIENT_CONNECT_WITH_DB);
    let plugin = optional(CapabilityFlags::CLIENT_PLUGIN_AUTH);
    let attributes = attributes(&mut decoder, capabilities)?;
    let login = Login { user, auth_response: auth_response.to_vec(), database, plugin, attributes };
    let compression = compression(&mut decoder, capabilities)?;
    Ok(FirstPacket::Response(HandshakeResponse { capabilities, login, compression }))
}

/// Reads COM_CHANGE_USER behind its code. `capabilities` are those of the handshake.
///
/// Source: MySQL Source Code Documentation, "COM_CHANGE_USER".
pub(crate) fn parse_change_user(
    request: &[u8],
    capabilities: CapabilityFlags,
) -> Result<Login, Malformed> {
    let mut decoder = Decoder::new(request);
    let user = user_name(decoder.null_terminated()?);
    let length = decoder.u8()?;
    let auth_response = decoder.take(usize::from(length))?.to_vec();
    let database = Some(text(decoder.null_terminated_or_rest())).filter(|name| !name.is_empty());
    let mut plugin = None;
    if !decoder.is_empty() {
        decoder.take(2)?; // collation
        if capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) && !decoder.is_empty() {
            plugin = Some(text(decoder.null_terminated_or_rest())).filter(|name| !name.is_empty());
        }
    }
    let attributes = attributes(&mut decoder, capabilities)?;
    Ok(Login { user, auth_response, database, plugin, attributes })
}

/// Length of all, then names and values in turn, each with its length.
fn attributes(
    decoder: &mut Decoder<'_>,
    capabilities: CapabilityFlags,
) -> Result<Attributes, Malformed> {
    let mut found = Vec::new();
    if capabilities.contains(CapabilityFlags::CLIENT_CONNECT_ATTRS) && !decoder.is_empty() {
        let block = decoder.string()?;
        if block.len() > ATTRIBUTES_MAX_BYTES {
            return Err(Malformed);
        }
        let mut block = Decoder::new(block);
        while !block.is_empty() {
            let (name, value) = (block.string()?, block.string()?);
            if found.len() < ATTRIBUTES_MAX {
                found.push((text(name), text(value)));
            }
        }
    }
    Ok(found.into())
}

/// A client that could do both gets zlib, as from MySQL. ("Connection Compression Control")
fn compression(
    decoder: &mut Decoder<'_>,
    capabilities: CapabilityFlags,
) -> Result<Option<Algorithm>, Malformed> {
    if capabilities.contains(CapabilityFlags::CLIENT_COMPRESS) {
        return Ok(Some(Algorithm::Zlib));
    }
    if !capabilities.contains(CapabilityFlags::CLIENT_ZSTD_COMPRESSION_ALGORITHM) {
        return Ok(None);
    }
    let level = if decoder.is_empty() { ZSTD_LEVEL_DEFAULT } else { decoder.u8()? };
    if !(1..=ZSTD_LEVEL_MAX).contains(&level) {
        return Err(Malformed);
    }
    Ok(Some(Algorithm::Zstd { level: i32::from(level) }))
}

/// A name that is longer than any user's is nobody's, and is not logged or repeated at length.
fn user_name(bytes: &[u8]) -> String {
    let mut name = text(bytes);
    name.truncate(name.floor_char_boundary(USER_BYTES_MAX));
    name
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
#[path = "handshake_tests.rs"]
mod tests;
