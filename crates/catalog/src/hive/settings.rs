//! The properties of a catalog of the kind `hive`.

use super::tls::MetastoreTls;
use mooring_spi::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// The properties that say how the metastore is reached; beside them there are those of the storage.
pub const HIVE_PROPERTIES: &[&str] = &[
    "uris",
    "timeout_ms",
    "connections_max",
    "message_max_bytes",
    "partitions_max",
    "transport",
    "tls",
    "tls_ca_file",
    "tls_server_name",
];

const DEFAULT_PORT: u16 = 9083;

/// How a metastore is reached.
#[derive(Debug, Clone)]
pub struct HiveSettings {
    /// `HOST:PORT`, tried in this order.
    pub addresses: Vec<String>,
    /// For each call, with the connections that it makes.
    pub timeout: Duration,
    /// Connections at once.
    pub connections_max: usize,
    /// What one answer may take in memory.
    pub message_max_bytes: usize,
    /// Partitions of one table in one query.
    pub partitions_max: usize,
    /// Whether each message stands behind its length (Thrift's framed transport).
    pub framed: bool,
    /// `None`: in plain text.
    pub tls: Option<MetastoreTls>,
}

impl HiveSettings {
    /// Reads the certificates that are trusted, where there is TLS: not for an I/O thread.
    ///
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
            partitions_max: number(properties, "partitions_max", 100_000)?,
            framed: match properties.get("transport").map(String::as_str) {
                None | Some("buffered") => false,
                Some("framed") => true,
                Some(other) => {
                    return Err(invalid(format!(
                        "`transport` is `{other}`; expected `buffered` or `framed`"
                    )));
                }
            },
            tls: tls(properties)?,
        })
    }
}

fn tls(properties: &BTreeMap<String, String>) -> Result<Option<MetastoreTls>> {
    let wanted = match properties.get("tls").map(String::as_str) {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            return Err(invalid(format!("`tls` is `{other}`; expected `true` or `false`")));
        }
    };
    if wanted {
        let ca_file = properties.get("tls_ca_file").map(Path::new);
        let server_name = properties.get("tls_server_name").map(String::as_str);
        return MetastoreTls::new(ca_file, server_name).map(Some);
    }
    let idle =
        ["tls_ca_file", "tls_server_name"].into_iter().find(|it| properties.contains_key(*it));
    match idle {
        Some(name) => Err(invalid(format!("`{name}` has no effect without `tls` = `true`"))),
        None => Ok(None),
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
    fn a_query_has_a_bound_of_partitions() {
        let uris = ("uris", "thrift://a");
        assert_eq!(read(&[uris]).expect("settings").partitions_max, 100_000);
        let given = read(&[uris, ("partitions_max", "7")]).expect("settings");
        assert_eq!(given.partitions_max, 7);
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
            (&[uris, ("partitions_max", "many")], "`partitions_max`"),
            (&[uris, ("tls", "yes")], "`tls`"),
            (&[uris, ("tls_ca_file", "/ca.pem")], "`tls_ca_file`"),
            (&[uris, ("tls", "false"), ("tls_server_name", "a")], "`tls_server_name`"),
            (&[uris, ("tls", "true"), ("tls_ca_file", "/no/ca.pem")], "`/no/ca.pem`"),
            (
                &[uris, ("tls", "true"), ("tls_ca_file", "Cargo.toml")],
                "holds no certificate in PEM form",
            ),
        ] {
            let error = read(pairs).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
