//! The PROXY protocol, versions 1 and 2: a load balancer says from which address the client came.
//! It is believed from the networks of the setting only.
//!
//! The header need not come first in time: a balancer may send it only together with the client's
//! first bytes (AWS NLB: `on_first_ack_with_payload`), after the server has spoken; or not at all,
//! for its own health checks. So the door greets at once and looks for the header at the head of
//! what the client sends.
//!
//! Source: "The PROXY protocol, Versions 1 & 2" (HAProxy), sections 2.1 and 2.2.

use super::packet::{PacketError, PacketReader};
use bytes::BytesMut;
use ppp::{v1, v2};
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use tokio::io::AsyncRead;

/// Enough to tell a header from a packet: none is read as a packet's header with the sequence
/// number 1, which the first one of a client has.
pub(crate) const TELLING_BYTES: usize = 4;
const V1_START: &[u8] = b"PROX";
const V2_START: &[u8] = b"\r\n\r\n";
/// Section 2.1: the longest line, its end included.
const V1_MAX_BYTES: usize = 107;
/// The fixed part, at whose end the length of the rest stands.
const V2_FIXED_BYTES: usize = 16;

/// A network in CIDR form, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// The text is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANetwork;

impl std::fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("expected an address or a network, such as `10.0.0.0/8` or `fd00::/8`")
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let most = bits(address);
        let prefix_bits = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
                digits.parse().map_err(|_| NotANetwork)?
            }
            Some(_) => return Err(NotANetwork),
        };
        (prefix_bits <= most).then_some(Self { address, prefix_bits }).ok_or(NotANetwork)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

impl Network {
    /// An IPv4 address within IPv6 counts as the IPv4 address.
    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differing >= u32::from(self.prefix_bits)
    }
}

/// Why a header could not be read.
#[derive(Debug)]
pub(crate) enum HeaderError {
    /// It begins as a header and is none.
    Malformed,
    Packet(PacketError),
}

impl From<PacketError> for HeaderError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// Waits for the client's first bytes and takes a header off their head. The address in it, or
/// `None`: there is no header, or it says that the balancer itself speaks.
pub(crate) async fn take_header<R: AsyncRead + Unpin>(
    reader: &mut PacketReader<R>,
) -> Result<Option<SocketAddr>, HeaderError> {
    let mut length = TELLING_BYTES;
    loop {
        let bytes = reader.peek(length).await?;
        match parse(bytes) {
            Parsed::NoHeader => return Ok(None),
            Parsed::Malformed => return Err(HeaderError::Malformed),
            Parsed::Incomplete => length = bytes.len() + 1,
            Parsed::Header { address, length } => {
                let _ = bytes.split_to(length);
                return Ok(address);
            }
        }
    }
}

/// What stands at the head of a connection's bytes, of which there are at least [`TELLING_BYTES`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    NoHeader,
    Incomplete,
    Malformed,
    Header { address: Option<SocketAddr>, length: usize },
}

pub(crate) fn parse(bytes: &BytesMut) -> Parsed {
    if bytes.starts_with(V1_START) {
        return parse_v1(bytes);
    }
    if bytes.starts_with(V2_START) {
        return parse_v2(bytes);
    }
    Parsed::NoHeader
}

fn parse_v1(bytes: &[u8]) -> Parsed {
    let within = &bytes[..bytes.len().min(V1_MAX_BYTES)];
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        return match within.len() < V1_MAX_BYTES {
            true => Parsed::Incomplete,
            false => Parsed::Malformed,
        };
    };
    let length = end + 2;
    // Whatever follows `UNKNOWN` is to be ignored.
    if let Some(rest) = within[..end].strip_prefix(b"PROXY UNKNOWN")
        && rest.first().is_none_or(|byte| *byte == b' ')
    {
        return Parsed::Header { address: None, length };
    }
    match v1::Header::try_from(&within[..length]).map(|header| header.addresses) {
        Ok(v1::Addresses::Tcp4(found)) => {
            let address = (found.source_address, found.source_port).into();
            Parsed::Header { address: Some(address), length }
        }
        Ok(v1::Addresses::Tcp6(found)) => {
            let address = (found.source_address, found.source_port).into();
            Parsed::Header { address: Some(address), length }
        }
        Ok(v1::Addresses::Unknown) => Parsed::Header { address: None, length },
        Err(_) => Parsed::Malformed,
    }
}

fn parse_v2(bytes: &[u8]) -> Parsed {
    // The signature is checked as far as it is there: what parts from it need not be waited for.
    let known = bytes.len().min(v2::PROTOCOL_PREFIX.len());
    if bytes[..known] != v2::PROTOCOL_PREFIX[..known] {
        return Parsed::Malformed;
    }
    let Some(fixed) = bytes.first_chunk::<V2_FIXED_BYTES>() else {
        return Parsed::Incomplete;
    };
    let length = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if bytes.len() < length {
        return Parsed::Incomplete;
    }
    // The extensions (TLVs) behind the addresses are not looked at.
    let Ok(header) = v2::Header::try_from(&bytes[..length]) else {
        return Parsed::Malformed;
    };
    let address = match (header.command, header.protocol, header.addresses) {
        (v2::Command::Local, _, _) => None,
        (v2::Command::Proxy, v2::Protocol::Datagram, _) => return Parsed::Malformed,
        (v2::Command::Proxy, _, v2::Addresses::IPv4(found)) => {
            Some((found.source_address, found.source_port).into())
        }
        (v2::Command::Proxy, _, v2::Addresses::IPv6(found)) => {
            Some((found.source_address, found.source_port).into())
        }
        // No address that one could compare: the balancer's counts.
        (v2::Command::Proxy, _, v2::Addresses::Unspecified | v2::Addresses::Unix(_)) => None,
    };
    Parsed::Header { address, length }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Section 2.2's fixed part, IPv4 addresses and one extension of type PP2_TYPE_NOOP.
    const V2: [u8; 32] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0, 16,
        192, 0, 2, 7, 192, 0, 2, 1, 0x30, 0x39, 0x0C, 0xEB, 4, 0, 1, 0,
    ];

    fn parsed(bytes: &[u8]) -> Parsed {
        parse(&bytes.into())
    }

    fn header(address: Option<&str>, length: usize) -> Parsed {
        Parsed::Header { address: address.map(|text| text.parse().expect("an address")), length }
    }

    /// The examples of section 2.1.
    #[test]
    fn lines_of_version_1_are_read() {
        let tcp4 = b"PROXY TCP4 192.168.0.1 192.168.0.11 56324 443\r\n\x20";
        assert_eq!(parsed(tcp4), header(Some("192.168.0.1:56324"), 47));
        let longest = b"PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n";
        assert_eq!(parsed(longest), Parsed::Malformed);
        let tcp6 = b"PROXY TCP6 2001:db8::7 ::1 65535 65535\r\n";
        assert_eq!(parsed(tcp6), header(Some("[2001:db8::7]:65535"), tcp6.len()));
        assert_eq!(parsed(b"PROXY UNKNOWN\r\n"), header(None, 15));
        let more = b"PROXY UNKNOWN ffff:: ffff:: 65535 65535 and more of it\r\n";
        assert_eq!(parsed(more), header(None, more.len()));
        for length in 4..46 {
            assert_eq!(parsed(&tcp4[..length]), Parsed::Incomplete);
        }
        assert_eq!(parsed(&[b"PROXY ".as_slice(), &[b'x'; 200]].concat()), Parsed::Malformed);
        assert_eq!(parsed(b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 1\r\n"), Parsed::Malformed);
        assert_eq!(parsed(b"PROXIES\r\n"), Parsed::Malformed);
    }

    #[test]
    fn headers_of_version_2_are_read() {
        assert_eq!(parsed(&V2), header(Some("192.0.2.7:12345"), 32));
        for length in 4..32 {
            assert_eq!(parsed(&V2[..length]), Parsed::Incomplete);
        }
        let mut local = V2;
        local[12] = 0x20;
        assert_eq!(parsed(&local), header(None, 32));
        let with = |at: usize, byte: u8| {
            let mut bytes = V2;
            bytes[at] = byte;
            parsed(&bytes)
        };
        assert_eq!(with(13, 0x12), Parsed::Malformed); // UDP
        assert_eq!(with(12, 0x31), Parsed::Malformed); // version 3
        assert_eq!(with(13, 0x21), Parsed::Malformed); // IPv6, too short for it
        assert_eq!(with(4, 1), Parsed::Malformed);
        assert_eq!(with(13, 0x00), header(None, 32));
    }

    #[test]
    fn a_packet_is_no_header() {
        assert_eq!(parsed(&[0x20, 0, 0, 1, 0x8D]), Parsed::NoHeader);
    }

    #[test]
    fn networks_hold_their_addresses() {
        for (network, address, expected) in [
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe00::1", false),
            ("172.16.0.0/12", "172.31.255.255", true),
            ("172.16.0.0/12", "172.32.0.0", false),
        ] {
            let network: Network = network.parse().expect("a network");
            let found = network.contains(address.parse().expect("an address"));
            assert_eq!(found, expected, "{network:?} {address}");
        }
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/+8", "10.0.0.0/", "host"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(start in 0_usize..3, rest: Vec<u8>) {
            let starts: [&[u8]; 3] = [b"", b"PROXY TCP", &V2[..13]];
            let bytes = [starts[start], &rest[..]].concat();
            if let Parsed::Header { length, .. } = parsed(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }

        #[test]
        fn mutated_and_truncated_headers_are_refused_or_read(
            at in 0_usize..32, byte: u8, length in 0_usize..=32,
        ) {
            let mut bytes = V2;
            bytes[at] = byte;
            let _ = parsed(&bytes[..length]);
        }
    }
}
