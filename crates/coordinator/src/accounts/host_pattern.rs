//! The host part of an account: which clients it admits, and which of several is the most
//! specific.
//!
//! Source: MySQL 8.0 Reference Manual, sections 8.2.4 "Specifying Account Names" and 8.2.6 "Access
//! Control, Stage 1". Mooring never asks a name server, so a host is an address, a network, a
//! pattern over the text of addresses, or `localhost`, which is the loopback addresses: there is
//! only TCP.

use crate::statement::LikePattern;
use mooring_spi::{Error, ErrorKind, Result};
use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The name of the machine that Mooring runs on.
pub const LOCALHOST: &str = "localhost";

const HOST_CHARACTERS_MAX: usize = 255;

/// A host pattern that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Address(IpAddr),
    Localhost,
    /// `10.0.0.0/8`.
    Cidr(Network),
    /// `10.0.0.0/255.0.0.0`.
    Netmask(Network),
    /// `10.%`, `10.0.0._`, `%`.
    Wildcard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    V4 { base: u32, prefix: u32 },
    V6 { base: u128, prefix: u32 },
}

impl HostPattern {
    /// # Errors
    /// `InvalidArgument` for what could admit nobody.
    pub fn parse(host: &str) -> Result<Self> {
        let text = host.to_ascii_lowercase();
        let kind = kind(&text).map_err(|wrong| {
            let shown: String = host.chars().take(HOST_CHARACTERS_MAX).collect();
            Error::new(ErrorKind::InvalidArgument, format!("host `{shown}` {wrong}"))
        })?;
        // Addresses are kept in their one canonical form, so that equal ones are one account.
        let text = match &kind {
            Kind::Address(address) => address.to_string(),
            Kind::Localhost | Kind::Cidr(_) | Kind::Netmask(_) | Kind::Wildcard => text,
        };
        Ok(Self { text, kind })
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub fn admits(&self, client: IpAddr) -> bool {
        let client = client.to_canonical();
        match &self.kind {
            Kind::Address(address) => *address == client,
            Kind::Localhost => client.is_loopback(),
            Kind::Cidr(network) | Kind::Netmask(network) => network.holds(client),
            Kind::Wildcard => LikePattern::new(&self.text).matches(&client.to_string()),
        }
    }

    /// `Less` for the one that is looked at first: addresses and `localhost`, then networks in
    /// CIDR form, then those with a mask, then wildcards. Of two networks the smaller one, of two
    /// wildcards the one with more in front of its first wildcard.
    pub fn by_specificity(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.text.cmp(&other.text))
    }

    fn rank(&self) -> (u8, Reverse<usize>, Reverse<usize>) {
        let prefix = |network: &Network| Reverse(network.prefix() as usize);
        match &self.kind {
            Kind::Address(_) => (0, Reverse(0), Reverse(0)),
            Kind::Localhost => (1, Reverse(0), Reverse(0)),
            Kind::Cidr(network) => (2, prefix(network), Reverse(0)),
            Kind::Netmask(network) => (3, prefix(network), Reverse(0)),
            Kind::Wildcard => {
                let before = self.text.find(['%', '_']).unwrap_or(self.text.len());
                (4, Reverse(before), Reverse(self.text.len()))
            }
        }
    }
}

/// What the text is, or what is wrong with it.
fn kind(text: &str) -> Result<Kind, String> {
    if text.is_empty() {
        return Err("is empty; any host is `%`".to_owned());
    }
    if text.chars().count() > HOST_CHARACTERS_MAX {
        return Err(format!("is longer than {HOST_CHARACTERS_MAX} characters"));
    }
    if text == LOCALHOST {
        return Ok(Kind::Localhost);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Kind::Address(address.to_canonical()));
    }
    if let Some((address, mask)) = text.split_once('/') {
        return network(address, mask);
    }
    let of_addresses =
        text.chars().all(|letter| letter.is_ascii_hexdigit() || ".:%_".contains(letter));
    if of_addresses && text.contains(['%', '_']) {
        return Ok(Kind::Wildcard);
    }
    Err("is a name, and names are not resolved; expected an address, a network such as \
         `10.0.0.0/8`, a pattern over addresses such as `10.%`, or `localhost`"
        .to_owned())
}

fn network(address: &str, mask: &str) -> Result<Kind, String> {
    let wrong =
        || "is no network; expected such as `10.0.0.0/8` or `10.0.0.0/255.0.0.0`".to_owned();
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    if let (IpAddr::V4(base), Ok(mask)) = (address, mask.parse::<Ipv4Addr>()) {
        let mask = u32::from(mask);
        let prefix = mask.leading_ones();
        if mask.leading_ones() + mask.trailing_zeros() < u32::BITS {
            return Err("has a netmask with holes; expected such as `255.255.0.0`".to_owned());
        }
        return Network::V4 { base: u32::from(base), prefix }.checked().map(Kind::Netmask);
    }
    let prefix: u32 = mask.parse().map_err(|_| wrong())?;
    let network = match address {
        IpAddr::V4(base) if prefix <= u32::BITS => Network::V4 { base: u32::from(base), prefix },
        IpAddr::V6(base) if prefix <= u128::BITS => Network::V6 { base: u128::from(base), prefix },
        IpAddr::V4(_) | IpAddr::V6(_) => return Err(wrong()),
    };
    network.checked().map(Kind::Cidr)
}

impl Network {
    fn prefix(&self) -> u32 {
        match self {
            Self::V4 { prefix, .. } | Self::V6 { prefix, .. } => *prefix,
        }
    }

    /// A base outside its own mask is equal to no masked client: MySQL would let nobody in.
    fn checked(self) -> Result<Self, String> {
        let base: IpAddr = match self {
            Self::V4 { base, .. } => Ipv4Addr::from(base).into(),
            Self::V6 { base, .. } => Ipv6Addr::from(base).into(),
        };
        if self.holds(base) {
            return Ok(self);
        }
        let first: IpAddr = match self {
            Self::V4 { base, prefix } => Ipv4Addr::from(base & mask_v4(prefix)).into(),
            Self::V6 { base, prefix } => Ipv6Addr::from(base & mask_v6(prefix)).into(),
        };
        Err(format!("has an address outside its own mask; expected the first one, `{first}`"))
    }

    fn holds(&self, client: IpAddr) -> bool {
        match (self, client) {
            (Self::V4 { base, prefix }, IpAddr::V4(client)) => {
                u32::from(client) & mask_v4(*prefix) == *base
            }
            (Self::V6 { base, prefix }, IpAddr::V6(client)) => {
                u128::from(client) & mask_v6(*prefix) == *base
            }
            (Self::V4 { .. }, IpAddr::V6(_)) | (Self::V6 { .. }, IpAddr::V4(_)) => false,
        }
    }
}

fn mask_v4(prefix: u32) -> u32 {
    u32::MAX.checked_shl(u32::BITS - prefix).unwrap_or(0)
}

fn mask_v6(prefix: u32) -> u128 {
    u128::MAX.checked_shl(u128::BITS - prefix).unwrap_or(0)
}

#[cfg(test)]
#[path = "host_pattern_tests.rs"]
mod tests;
