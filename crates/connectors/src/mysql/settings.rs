//! The properties of a catalog of the kind `mysql`.

use super::tls::SourceTls;
use crate::database::without_port;
use mooring_spi::{CatalogDefinition, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// Every property, in the order of the documentation.
pub const MYSQL_PROPERTIES: &[&str] = &[
    "host",
    "port",
    "database",
    "user",
    "password",
    "tls",
    "tls_ca_file",
    "tls_server_name",
    "rsa_exchange",
    "connections_max",
    "connection_wait_ms",
    "connect_timeout_ms",
    "idle_timeout_ms",
    "read_timeout_ms",
    "statement_timeout_ms",
    "row_max_bytes",
    "zero_dates",
    "parallel_reads",
    "lock_wait_ms",
];

/// Those that say to whom the password is sent, and how it is protected on its way.
pub(super) const DIRECTING_PROPERTIES: &[&str] =
    &["host", "port", "user", "tls", "tls_ca_file", "tls_server_name", "rsa_exchange"];

/// What becomes of dates that no calendar has: `0000-00-00`, `2024-00-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZeroDates {
    Error,
    Null,
}

/// Whether several connections read one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParallelReads {
    Off,
    /// Each reads a range of the key, and all see one state: the table is locked for as long as it takes to have them
    /// look at it.
    Locked,
    /// Each reads a range of the key, at its own moment.
    Inconsistent,
}

/// How a server is reached and read.
#[derive(Clone)]
pub struct MysqlSettings {
    pub host: String,
    pub port: u16,
    /// The catalog's one schema; all that the user sees where there is none.
    pub database: Option<String>,
    pub user: String,
    /// A secret or a reference to one, which is looked up at each login.
    pub password: String,
    /// `None`: in plain text.
    pub tls: Option<SourceTls>,
    /// Whether the password may be sent under a key that came in plain text.
    pub rsa_exchange: bool,
    /// Of all processes of the cluster.
    pub connections_max: usize,
    /// How long a statement waits for a connection that others have.
    pub connection_wait: Duration,
    /// For reaching the server and logging in.
    pub connect_timeout: Duration,
    /// How long a connection is kept that nobody uses.
    pub idle_timeout: Duration,
    /// How long the server may send nothing while we wait for it.
    pub read_timeout: Duration,
    /// After which the server itself ends a statement; zero: never.
    pub statement_timeout: Duration,
    pub row_max_bytes: usize,
    pub zero_dates: ZeroDates,
    pub parallel_reads: ParallelReads,
    /// How long a lock of a table is waited for.
    pub lock_wait: Duration,
}

impl fmt::Debug for MysqlSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl MysqlSettings {
    /// Reads the certificates that are trusted, where there is TLS: not for an I/O thread.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the catalog and the property.
    pub fn of(definition: &CatalogDefinition) -> Result<Self> {
        Self::read(&definition.properties).map_err(|error| {
            let message = format!("catalog `{}`: {}", definition.name, error.message());
            Error::new(error.kind(), message)
        })
    }

    fn read(properties: &BTreeMap<String, String>) -> Result<Self> {
        if let Some(unknown) =
            properties.keys().find(|key| !MYSQL_PROPERTIES.contains(&key.as_str()))
        {
            let known = MYSQL_PROPERTIES.join(", ");
            return Err(invalid(format!("the property `{unknown}` is unknown; there are {known}")));
        }
        let text = |name: &str| properties.get(name).filter(|text| !text.is_empty()).cloned();
        let needed = |name: &str, what: &str| {
            text(name).ok_or_else(|| invalid(format!("`{name}` is missing: {what}")))
        };
        let milliseconds = |name: &str, default: u64, least: u64| {
            number(properties, name, default, least..=86_400_000).map(Duration::from_millis)
        };
        Ok(Self {
            host: without_port(needed("host", "the name or the address of the server")?)?,
            port: number(properties, "port", 3306, 1..=u16::MAX)?,
            database: text("database"),
            user: needed("user", "who logs in at the server")?,
            password: properties.get("password").cloned().unwrap_or_default(),
            tls: tls(properties)?,
            rsa_exchange: one_of(properties, "rsa_exchange", &[("false", false), ("true", true)])?,
            connections_max: number(properties, "connections_max", 32, 1..=10_000)?,
            connection_wait: milliseconds("connection_wait_ms", 30_000, 1)?,
            connect_timeout: milliseconds("connect_timeout_ms", 10_000, 1)?,
            idle_timeout: milliseconds("idle_timeout_ms", 60_000, 1)?,
            read_timeout: milliseconds("read_timeout_ms", 300_000, 1)?,
            statement_timeout: milliseconds("statement_timeout_ms", 0, 0)?,
            row_max_bytes: number(properties, "row_max_bytes", 256 << 20, 1 << 16..=1 << 30)?,
            zero_dates: one_of(
                properties,
                "zero_dates",
                &[("error", ZeroDates::Error), ("null", ZeroDates::Null)],
            )?,
            parallel_reads: one_of(
                properties,
                "parallel_reads",
                &[
                    ("off", ParallelReads::Off),
                    ("locked", ParallelReads::Locked),
                    ("inconsistent", ParallelReads::Inconsistent),
                ],
            )?,
            lock_wait: milliseconds("lock_wait_ms", 5_000, 1)?,
        })
    }

    /// `HOST:PORT`, for messages.
    pub(super) fn server(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

fn tls(properties: &BTreeMap<String, String>) -> Result<Option<SourceTls>> {
    let ca_file = properties.get("tls_ca_file").map(Path::new);
    let server_name = properties.get("tls_server_name").map(String::as_str);
    let mode = properties.get("tls").map_or("prefer", String::as_str);
    match mode {
        "disable" if ca_file.is_some() || server_name.is_some() => Err(invalid(
            "`tls_ca_file` and `tls_server_name` have no effect with `tls` = `disable`",
        )),
        "disable" => Ok(None),
        "prefer" => SourceTls::unnamed(ca_file, false).map(Some),
        "require" => SourceTls::unnamed(ca_file, true).map(Some),
        "verify-full" => SourceTls::verified(ca_file, server_name).map(Some),
        other => Err(invalid(format!(
            "`tls` is `{other}`; expected `disable`, `prefer`, `require` or `verify-full`"
        ))),
    }
    .and_then(|tls| match (mode, server_name) {
        ("verify-full", _) | (_, None) => Ok(tls),
        _ => Err(invalid("`tls_server_name` has no effect without `tls` = `verify-full`")),
    })
}

fn number<T: FromStr + PartialOrd + fmt::Display + Copy>(
    properties: &BTreeMap<String, String>,
    name: &str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T> {
    let Some(text) = properties.get(name) else { return Ok(default) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = (range.start(), range.end());
        invalid(format!("`{name}` is `{text}`; expected a number from {least} to {most}"))
    })
}

/// The first one is the default.
fn one_of<T: Copy>(
    properties: &BTreeMap<String, String>,
    name: &str,
    known: &[(&str, T)],
) -> Result<T> {
    let text = properties.get(name).map(String::as_str);
    let found = match text {
        None => known.first(),
        Some(text) => known.iter().find(|(word, _)| *word == text),
    };
    found.map(|(_, value)| *value).ok_or_else(|| {
        let words: Vec<String> = known.iter().map(|(word, _)| format!("`{word}`")).collect();
        let text = text.unwrap_or_default();
        invalid(format!("`{name}` is `{text}`; expected {}", words.join(" or ")))
    })
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<MysqlSettings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        MysqlSettings::read(&pairs.collect())
    }

    const LEAST: [(&str, &str); 2] = [("host", "db"), ("user", "reader")];

    #[test]
    fn a_host_and_a_user_are_enough() {
        let settings = read(&LEAST).expect("settings");
        assert_eq!(settings.server(), "db:3306");
        assert!(settings.tls.is_some(), "TLS where the server has it");
        assert_eq!((settings.connections_max, settings.database), (32, None));
        assert_eq!(settings.zero_dates, ZeroDates::Error);
        assert_eq!(settings.parallel_reads, ParallelReads::Off);
        let other = read(&[LEAST[0], LEAST[1], ("host", "::1"), ("zero_dates", "null")]);
        let other = other.expect("settings");
        assert_eq!((other.server().as_str(), other.zero_dates), ("[::1]:3306", ZeroDates::Null));
    }

    #[test]
    fn wrong_properties_are_named() {
        for (pairs, name) in [
            (&[("user", "a")][..], "`host`"),
            (&[("host", "a")], "`user`"),
            (&[("hosts", "a")], "`hosts`"),
            (&[("user", "a"), ("host", "db:3307")], "`port` = 3307"),
            (&[("port", "0")], "`port`"),
            (&[("port", "65536")], "`port`"),
            (&[("connections_max", "0")], "`connections_max`"),
            (&[("connect_timeout_ms", "0")], "`connect_timeout_ms`"),
            (&[("row_max_bytes", "1")], "`row_max_bytes`"),
            (&[("zero_dates", "round")], "`round`"),
            (&[("parallel_reads", "on")], "`locked` or `inconsistent`"),
            (&[("lock_wait_ms", "0")], "`lock_wait_ms`"),
            (&[("rsa_exchange", "1")], "`rsa_exchange`"),
            (&[("tls", "true")], "`verify-full`"),
            (&[("tls", "disable"), ("tls_ca_file", "/ca.pem")], "`tls_ca_file`"),
            (&[("tls", "require"), ("tls_server_name", "a")], "`tls_server_name`"),
            (&[("tls", "verify-full"), ("tls_ca_file", "/no/ca.pem")], "`/no/ca.pem`"),
            (&[("tls", "require"), ("tls_ca_file", "Cargo.toml")], "no certificate in PEM form"),
        ] {
            let mut all: BTreeMap<&str, &str> = BTreeMap::new();
            if !matches!(pairs, [("user", _)] | [("host", _)]) {
                all.extend(LEAST);
            }
            all.extend(pairs.iter().copied());
            let all: Vec<(&str, &str)> = all.into_iter().collect();
            let error = read(&all).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
        }
    }
}
