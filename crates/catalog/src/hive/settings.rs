//! The properties of a catalog of the kind `hive`.

use mooring_spi::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// The properties that say how the metastore is reached; beside them there are those of the storage.
pub const HIVE_PROPERTIES: &[&str] =
    &["uris", "timeout_ms", "connections_max", "message_max_bytes", "transport"];

const DEFAULT_PORT: u16 = 9083;

/// How a metastore is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HiveSettings {
    /// `HOST:PORT`, tried in this order.
    pub addresses: Vec<String>,
    /// For each call, with the connections that it makes.
    pub timeout: Duration,
    /// Connections at once.
    pub connections_max: usize,
    /// What one answer may take in memory.
    pub message_max_bytes: usize,
    /// Whether each message stands behind its length (Thrift's framed transport).
    pub framed: bool,
}

impl HiveSettings {
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let uris = properties.get("uris").map(String::as_str).unwrap_or_default();
        let addresses: Vec<String> = uris
            .split(',')
            .map(str::trim)
            .filter(|uri| !uri.is_empty())
            .map(address)
            .collect::<Result<_>>()?;
        if addresses.is_empty() {
            return Err(invalid(
                "`uris` is missing; expected `thrift://HOST:9083`, or several with commas",
            ));
        }
        Ok(Self {
            addresses,
            timeout: Duration::from_millis(number(properties, "timeout_ms", 30_000)?),
            connections_max: number(properties, "connections_max", 8)?,
            message_max_bytes: number(properties, "message_max_bytes", 256 << 20)?,
            framed: match properties.get("transport").map(String::as_str) {
                None | Some("buffered") => false,
                Some("framed") => true,
                Some(other) => {
                    return Err(invalid(format!(
                        "`transport` is `{other}`; expected `buffered` or `framed`"
                    )));
                }
            },
        })
    }
}

/// `thrift://HOST[:PORT]` as `HOST:PORT`.
fn address(uri: &str) -> Result<String> {
    let wrong = || invalid(format!("`uris` has `{uri}`; expected `thrift://HOST:{DEFAULT_PORT}`"));
    let host = uri.strip_prefix("thrift://").ok_or_else(wrong)?.trim_end_matches('/');
    if host.is_empty() || host.contains(['/', '@', ' ']) {
        return Err(wrong());
    }
    match host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
        Some((_, port)) => port.parse::<u16>().map(|_| host.to_owned()).map_err(|_| wrong()),
        None => Ok(format!("{host}:{DEFAULT_PORT}")),
    }
}

/// Above zero.
fn number<T: FromStr + PartialOrd + From<u8>>(
    properties: &BTreeMap<String, String>,
    name: &str,
    default: T,
) -> Result<T> {
    let Some(text) = properties.get(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| *number > T::from(0));
    number.ok_or_else(|| invalid(format!("`{name}` is `{text}`; expected a number above 0")))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<HiveSettings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        HiveSettings::from_properties(&pairs.collect())
    }

    #[test]
    fn uris_become_addresses() {
        let uris = "thrift://a, thrift://10.0.0.1:9084/,thrift://[::1]:9083, thrift://[::1]";
        let addresses = read(&[("uris", uris)]).expect("settings").addresses;
        assert_eq!(addresses, ["a:9083", "10.0.0.1:9084", "[::1]:9083", "[::1]:9083"]);
    }

    #[test]
    fn wrong_properties_are_named() {
        let uris = ("uris", "thrift://a");
        for (pairs, name) in [
            (&[][..], "`uris`"),
            (&[("uris", "http://a:9083")], "`http://a:9083`"),
            (&[("uris", "thrift://a:x")], "`thrift://a:x`"),
            (&[("uris", "thrift://")], "`thrift://`"),
            (&[uris, ("timeout_ms", "0")], "`timeout_ms`"),
            (&[uris, ("connections_max", "-1")], "`connections_max`"),
            (&[uris, ("transport", "sasl")], "`sasl`"),
        ] {
            let error = read(pairs).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
