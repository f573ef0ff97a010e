//! The server's greeting, and what we make of it.
//!
//! Source: MySQL Source Code Documentation, "Protocol::HandshakeV10" and "Protocol::SSLRequest".

use super::answers::{ServerError, is_error};
use super::cursor::{Cursor, Malformed};
use crate::mysql::failure::Failure;
use mysql_common::constants::CapabilityFlags;
use mysql_common::packets::SslRequest;
use mysql_common::proto::MySerialize;

const NONCE_BYTES: usize = 20;
/// `utf8mb4_general_ci`, which every server knows; the session's own is set after the login.
const COLLATION: u8 = 45;
/// What we say we take at most: the largest that the protocol has.
pub(super) const PACKET_MAX_BYTES: u32 = 1 << 30;

/// Which family of servers it is: their settings have other names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    MySql,
    MariaDb,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) connection_id: u32,
    pub(crate) flavour: Flavour,
    pub(crate) capabilities: CapabilityFlags,
    pub(crate) nonce: Vec<u8>,
    pub(crate) plugin: String,
}

impl Greeting {
    /// # Errors
    /// `Refused` where the server says at once that it takes no connection.
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Failure> {
        if is_error(payload) {
            return Err(Failure::Refused(ServerError::read(payload)?));
        }
        Ok(read(payload)?)
    }
}

fn read(payload: &[u8]) -> Result<Greeting, Malformed> {
    let mut cursor = Cursor::new(payload);
    if cursor.u8()? != 10 {
        return Err(Malformed("a greeting that is none of MySQL's; is it another port?"));
    }
    let version = String::from_utf8_lossy(cursor.until_zero()).to_lowercase();
    let connection_id = cursor.u32()?;
    let mut nonce = cursor.take(8)?.to_vec();
    cursor.take(1)?;
    let low = u32::from(cursor.u16()?);
    cursor.take(1 + 2)?; // collation and status
    let high = u32::from(cursor.u16()?);
    let nonce_length = usize::from(cursor.u8()?);
    cursor.take(10)?;
    let capabilities = CapabilityFlags::from_bits_retain(low | high << 16);
    if !capabilities
        .contains(CapabilityFlags::CLIENT_PROTOCOL_41 | CapabilityFlags::CLIENT_SECURE_CONNECTION)
    {
        return Err(Malformed("a greeting of a server before MySQL 4.1"));
    }
    // With its zero at the end.
    let second = cursor.take(nonce_length.saturating_sub(8).max(13))?;
    nonce.extend_from_slice(second);
    nonce.truncate(NONCE_BYTES);
    let plugin = match capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH) {
        true => String::from_utf8_lossy(cursor.until_zero()).into_owned(),
        false => "mysql_native_password".to_owned(),
    };
    let flavour = if version.contains("mariadb") { Flavour::MariaDb } else { Flavour::MySql };
    Ok(Greeting { connection_id, flavour, capabilities, nonce, plugin })
}

/// What both sides can do, of what we use. No several statements in one text: a name that was not quoted right could
/// not begin another statement.
pub(crate) fn capabilities(offered: CapabilityFlags) -> CapabilityFlags {
    let ours = CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_PROTOCOL_41
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_CONNECT_ATTRS
        | CapabilityFlags::CLIENT_DEPRECATE_EOF;
    ours & offered
}

/// The payload that asks for TLS. `capabilities` with `CLIENT_SSL`.
pub(crate) fn tls_request(capabilities: CapabilityFlags) -> Vec<u8> {
    let mut payload = Vec::new();
    SslRequest::new(capabilities, PACKET_MAX_BYTES, COLLATION).serialize(&mut payload);
    payload
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use mysql_common::constants::StatusFlags;
    use mysql_common::packets::HandshakePacket;
    use proptest::prelude::*;

    /// As the peer library writes it.
    pub(in super::super) fn greeting(version: &str, plugin: &str) -> Vec<u8> {
        let mut payload = Vec::new();
        HandshakePacket::new(
            10,
            version.as_bytes(),
            77,
            *b"abcdefgh",
            Some(&b"ijklmnopqrst\0"[..]),
            capabilities(CapabilityFlags::all()) | CapabilityFlags::CLIENT_SSL,
            45,
            StatusFlags::SERVER_STATUS_AUTOCOMMIT,
            Some(plugin.as_bytes()),
        )
        .serialize(&mut payload);
        payload
    }

    #[test]
    fn a_greeting_is_read() {
        let read =
            Greeting::read(&greeting("8.0.36", "caching_sha2_password")).expect("a greeting");
        assert_eq!((read.connection_id, read.flavour), (77, Flavour::MySql));
        assert_eq!(read.nonce, b"abcdefghijklmnopqrst");
        assert_eq!(read.plugin, "caching_sha2_password");
        assert!(read.capabilities.contains(CapabilityFlags::CLIENT_SSL));
        let read =
            Greeting::read(&greeting("5.5.5-10.11.19-MariaDB-0+deb12u1", "mysql_native_password"));
        assert_eq!(read.expect("a greeting").flavour, Flavour::MariaDb);
    }

    #[test]
    fn a_refusal_is_no_greeting() {
        let refused = Greeting::read(b"\xFF\x10\x04Too many connections").expect_err("refused");
        assert!(matches!(refused, Failure::Refused(error) if error.number == 1040));
        let other = Greeting::read(b"SSH-2.0-OpenSSH").expect_err("no MySQL");
        assert!(matches!(other, Failure::Malformed(_)));
    }

    proptest! {
        #[test]
        fn a_cut_or_changed_greeting_is_read_or_refused(
            length in 0_usize..120, at in 0_usize..120, byte: u8
        ) {
            let mut payload = greeting("8.0.36", "caching_sha2_password");
            payload.truncate(length);
            if let Some(changed) = payload.get_mut(at) {
                *changed = byte;
            }
            let _ = Greeting::read(&payload);
        }
    }
}
