//! The properties of a catalog of the kind `postgresql`.

use super::tls::TlsMode;
use crate::database::without_port;
use mooring_spi::{CatalogDefinition, Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// What stands beside `name` and `using`.
pub const POSTGRESQL_PROPERTIES: &[&str] = &[
    "host",
    "port",
    "database",
    "user",
    "password",
    "tls",
    "tls_ca_file",
    "tls_server_name",
    "connections_max",
    "connection_wait_ms",
    "connect_timeout_ms",
    "metadata_timeout_ms",
    "read_timeout_ms",
    "statement_timeout_ms",
    "idle_timeout_ms",
    "split_bytes",
    "splits_max",
    "numeric_as",
    "numeric_scale",
];

/// Those that say to whom the password is sent, and how it is protected on its way.
pub(super) const DIRECTING_PROPERTIES: &[&str] =
    &["host", "port", "user", "tls", "tls_ca_file", "tls_server_name"];

/// A timer of a year or more is a mistake.
const TIMEOUT_MAX_MS: u64 = 365 * 24 * 3600 * 1000;

/// What a `numeric` becomes whose declaration does not fit into 38 digits, or that declares none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumericAs {
    /// 38 digits; a value that has more of them, or more than `scale` behind the point, is an error.
    Decimal {
        scale: u8,
    },
    Text,
}

/// How one database is reached and read.
#[derive(Debug, Clone)]
pub struct PostgresSettings {
    pub host: String,
    pub port: u16,
    pub database: String,
    pub user: String,
    /// The password, or a reference to it; looked up for each connection.
    pub password: Option<secrecy::SecretString>,
    pub tls: TlsMode,
    /// Connections at once of all processes of the cluster: some of them hold snapshots, the others read.
    pub connections_max: usize,
    /// For one of them to become free.
    pub connection_wait: Duration,
    /// For one connection, with TLS and the password.
    pub connect_timeout: Duration,
    /// For each question about tables.
    pub metadata_timeout: Duration,
    /// For the next rows of a scan.
    pub read_timeout: Duration,
    /// The server's own `statement_timeout`; `None` leaves the user's.
    pub statement_timeout: Option<Duration>,
    /// After which a connection that nobody uses is closed.
    pub idle_timeout: Duration,
    /// A table is cut into pieces of about this size.
    pub split_bytes: u64,
    pub splits_max: usize,
    pub numeric_as: NumericAs,
}

impl PostgresSettings {
    /// Reads the certificates that are trusted, where there is TLS: not for an I/O thread.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the catalog and the property.
    pub fn of(definition: &CatalogDefinition) -> Result<Self> {
        Self::from_properties(&definition.properties).map_err(|error| {
            let message = format!("catalog `{}`: {}", definition.name, error.message());
            Error::new(error.kind(), message)
        })
    }

    fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let known = |key: &&String| POSTGRESQL_PROPERTIES.contains(&key.as_str());
        if let Some(unknown) = properties.keys().find(|key| !known(key)) {
            let known = POSTGRESQL_PROPERTIES.join(", ");
            return Err(invalid(format!("unknown property `{unknown}`; there are {known}")));
        }
        let text = |name: &str| properties.get(name).filter(|text| !text.is_empty()).cloned();
        let needed = |name: &str, example: &str| {
            text(name).ok_or_else(|| invalid(format!("`{name}` is missing; expected {example}")))
        };
        let millis = |name: &str, default: u64| {
            number(properties, name, default, 1, TIMEOUT_MAX_MS).map(Duration::from_millis)
        };
        let statement_ms =
            number(properties, "statement_timeout_ms", 0, 0, i32::MAX.unsigned_abs().into())?;
        let connections_max = number(properties, "connections_max", 32, 2, 10_000)?;
        Ok(Self {
            host: without_port(needed("host", "a name or an address")?)?,
            port: u16::try_from(number(properties, "port", 5432, 1, 65_535)?).unwrap_or(5432),
            database: needed("database", "the name of a database")?,
            user: needed("user", "the name of a role that may read")?,
            password: text("password").map(Into::into),
            tls: TlsMode::from_properties(properties)?,
            connections_max: usize::try_from(connections_max).unwrap_or(usize::MAX),
            connection_wait: millis("connection_wait_ms", 60_000)?,
            connect_timeout: millis("connect_timeout_ms", 10_000)?,
            metadata_timeout: millis("metadata_timeout_ms", 30_000)?,
            read_timeout: millis("read_timeout_ms", 600_000)?,
            statement_timeout: (statement_ms > 0).then(|| Duration::from_millis(statement_ms)),
            idle_timeout: millis("idle_timeout_ms", 60_000)?,
            split_bytes: number(properties, "split_bytes", 64 << 20, 1, u64::MAX)?,
            splits_max: usize::try_from(number(properties, "splits_max", 1_000, 1, 100_000)?)
                .unwrap_or(usize::MAX),
            numeric_as: numeric_as(properties)?,
        })
    }
}

fn numeric_as(properties: &BTreeMap<String, String>) -> Result<NumericAs> {
    match properties.get("numeric_as").map(String::as_str) {
        None | Some("decimal") => {
            let scale = number(properties, "numeric_scale", 9, 0, 38)?;
            Ok(NumericAs::Decimal { scale: u8::try_from(scale).unwrap_or(9) })
        }
        Some("text") if properties.contains_key("numeric_scale") => {
            Err(invalid("`numeric_scale` has no effect with `numeric_as` = `text`"))
        }
        Some("text") => Ok(NumericAs::Text),
        Some(other) => {
            Err(invalid(format!("`numeric_as` is `{other}`; expected `decimal` or `text`")))
        }
    }
}

fn number(
    properties: &BTreeMap<String, String>,
    name: &str,
    default: u64,
    min: u64,
    max: u64,
) -> Result<u64> {
    let Some(text) = properties.get(name) else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| {
        invalid(format!("`{name}` is `{text}`; expected a number from {min} to {max}"))
    })
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 3] = [("host", "h"), ("database", "d"), ("user", "u")];

    fn read(pairs: &[(&str, &str)]) -> Result<PostgresSettings> {
        let pairs = NEEDED.iter().chain(pairs);
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        PostgresSettings::from_properties(&pairs.collect())
    }

    #[test]
    fn settings_have_defaults() {
        let settings = read(&[]).expect("settings");
        assert_eq!((settings.port, settings.connections_max), (5432, 32));
        assert_eq!(settings.statement_timeout, None);
        assert_eq!(settings.numeric_as, NumericAs::Decimal { scale: 9 });
    }

    #[test]
    fn wrong_properties_are_named() {
        for (pairs, name) in [
            (&[("host", "")][..], "`host`"),
            (&[("host", "10.0.0.5:5433")], "`port` = 5433"),
            (&[("port", "0")], "`port`"),
            (&[("connections_max", "1")], "`connections_max`"),
            (&[("tls", "true")], "`tls`"),
            (&[("tls_ca_file", "/ca.pem")], "`tls_ca_file`"),
            (&[("tls", "verify-full"), ("tls_ca_file", "/no/ca.pem")], "`/no/ca.pem`"),
            (&[("read_timeout_ms", "1 s")], "`read_timeout_ms`"),
            (&[("numeric_as", "float")], "`float`"),
            (&[("numeric_as", "text"), ("numeric_scale", "3")], "`numeric_scale`"),
            (&[("numeric_scale", "39")], "`numeric_scale`"),
            (&[("schema", "public")], "`schema`"),
        ] {
            let error = read(pairs).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let settings = read(&[("password", "hidden-word")]).expect("settings");
        assert!(!format!("{settings:?}").contains("hidden-word"));
    }
}
