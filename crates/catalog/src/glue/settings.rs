//! The properties of a catalog of the kind `glue`.

use mooring_spi::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The properties that say how Glue is reached; beside them there are those of the storage.
pub const GLUE_PROPERTIES: &[&str] = &[
    "region",
    "endpoint",
    "catalog_id",
    "role_arn",
    "external_id",
    "timeout_ms",
    "calls_max",
    "requests_per_second",
    "retries_max",
    "partitions_max",
];

/// Those of them that are secrets.
pub const GLUE_SECRET_PROPERTIES: &[&str] = &["external_id"];

/// How Glue is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct GlueSettings {
    /// `None`: the one of the environment, the profile or the instance.
    pub region: Option<String>,
    /// A URL instead of the region's own.
    pub endpoint: Option<String>,
    /// The account whose Data Catalog it is, if it is another one's.
    pub catalog_id: Option<String>,
    /// The role that is assumed.
    pub role_arn: Option<String>,
    /// What the role's owner asks for.
    pub external_id: Option<String>,
    /// For each call, with its waits and retries.
    pub timeout: Duration,
    /// Calls at once.
    pub calls_max: usize,
    /// Calls that begin in one second; retries are not among them.
    pub requests_per_second: u32,
    /// After the first attempt of a call.
    pub retries_max: u32,
    /// Partitions of one table that one query may ask for.
    pub partitions_max: usize,
}

impl fmt::Debug for GlueSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlueSettings")
            .field("region", &self.region)
            .field("endpoint", &self.endpoint)
            .field("catalog_id", &self.catalog_id)
            .field("role_arn", &self.role_arn)
            .field("timeout", &self.timeout)
            .field("calls_max", &self.calls_max)
            .field("requests_per_second", &self.requests_per_second)
            .field("retries_max", &self.retries_max)
            .field("partitions_max", &self.partitions_max)
            // What the role's owner shares with us.
            .finish_non_exhaustive()
    }
}

impl GlueSettings {
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let settings = Self {
            region: text(properties, "region", "a region such as `eu-central-1`", is_region)?,
            endpoint: endpoint(properties)?,
            catalog_id: text(properties, "catalog_id", "an account's id", is_word)?,
            role_arn: text(properties, "role_arn", "`arn:aws:iam::ACCOUNT:role/NAME`", is_role)?,
            external_id: text(properties, "external_id", "a text without spaces", is_word)?,
            timeout: Duration::from_millis(number(
                properties,
                "timeout_ms",
                30_000,
                1..=86_400_000,
            )?),
            calls_max: number(properties, "calls_max", 8, 1..=1_000)?,
            requests_per_second: number(properties, "requests_per_second", 20, 1..=10_000)?,
            retries_max: number(properties, "retries_max", 3, 0..=100)?,
            partitions_max: number(properties, "partitions_max", 100_000, 1..=10_000_000)?,
        };
        if settings.external_id.is_some() && settings.role_arn.is_none() {
            return Err(invalid("`external_id` is given without `role_arn`; expected both"));
        }
        Ok(settings)
    }

    /// Where calls go, for messages.
    pub(super) fn place(&self) -> String {
        match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(region)) => format!("AWS Glue in `{region}`"),
            (None, None) => "AWS Glue".to_owned(),
        }
    }
}

/// `http://HOST[:PORT]` or `https://HOST[:PORT]`.
fn endpoint(properties: &BTreeMap<String, String>) -> Result<Option<String>> {
    let Some(text) = properties.get("endpoint") else { return Ok(None) };
    let url = text.trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    match host {
        // The value is not repeated: what stands before an `@` is a secret.
        Some(host) if host.contains('@') => {
            Err(invalid("`endpoint` has a user in it; expected `https://HOST`"))
        }
        Some(host) if !host.is_empty() && !host.contains([' ', '/', '?', '#']) => {
            Ok(Some(url.to_owned()))
        }
        _ if text.contains('@') => Err(invalid("`endpoint` is no URL; expected `https://HOST`")),
        _ => Err(invalid(format!("`endpoint` is `{text}`; expected `https://HOST`"))),
    }
}

fn is_region(text: &str) -> bool {
    text.contains('-')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_role(text: &str) -> bool {
    text.starts_with("arn:") && text.contains(":role/") && is_word(text)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.len() <= 2048 && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn text(
    properties: &BTreeMap<String, String>,
    name: &str,
    expected: &str,
    is_right: fn(&str) -> bool,
) -> Result<Option<String>> {
    match properties.get(name) {
        None => Ok(None),
        Some(text) if is_right(text) => Ok(Some(text.clone())),
        // Shared with the role's owner alone.
        Some(_) if name == "external_id" => {
            Err(invalid(format!("`{name}` cannot be used; expected {expected}")))
        }
        Some(text) => Err(invalid(format!("`{name}` is `{text}`; expected {expected}"))),
    }
}

fn number<T: TryFrom<u64> + Copy + PartialOrd + fmt::Display>(
    properties: &BTreeMap<String, String>,
    name: &str,
    default: T,
    allowed: RangeInclusive<T>,
) -> Result<T> {
    let Some(text) = properties.get(name) else { return Ok(default) };
    let number = text.parse::<u64>().ok().and_then(|number| T::try_from(number).ok());
    number.filter(|number| allowed.contains(number)).ok_or_else(|| {
        let (least, most) = (allowed.start(), allowed.end());
        invalid(format!("`{name}` is `{text}`; expected a number from {least} to {most}"))
    })
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<GlueSettings> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        GlueSettings::from_properties(&pairs.collect())
    }

    #[test]
    fn every_property_is_read() {
        let role = "arn:aws:iam::123456789012:role/reader";
        let settings = read(&[
            ("region", "eu-central-1"),
            ("endpoint", "http://127.0.0.1:5000/"),
            ("catalog_id", "123456789012"),
            ("role_arn", role),
            ("external_id", "x-42"),
            ("timeout_ms", "1500"),
            ("calls_max", "2"),
            ("requests_per_second", "5"),
            ("retries_max", "0"),
            ("partitions_max", "10"),
        ])
        .expect("settings");
        let expected = GlueSettings {
            region: Some("eu-central-1".into()),
            endpoint: Some("http://127.0.0.1:5000".into()),
            catalog_id: Some("123456789012".into()),
            role_arn: Some(role.into()),
            external_id: Some("x-42".into()),
            timeout: Duration::from_millis(1500),
            calls_max: 2,
            requests_per_second: 5,
            retries_max: 0,
            partitions_max: 10,
        };
        assert_eq!(settings, expected);
        assert!(!format!("{settings:?}").contains("x-42"));
        read(&[]).expect("the environment says the rest");
    }

    #[test]
    fn wrong_properties_are_named() {
        for (pairs, name) in [
            (&[("region", "Frankfurt")][..], "`Frankfurt`"),
            (&[("region", "")], "`region`"),
            (&[("endpoint", "localhost:5000")], "`localhost:5000`"),
            (&[("endpoint", "http://")], "`endpoint`"),
            (&[("endpoint", "http://a/b")], "`http://a/b`"),
            (&[("catalog_id", "1 2")], "`catalog_id`"),
            (&[("role_arn", "reader")], "`reader`"),
            (&[("external_id", "x")], "`role_arn`"),
            (&[("timeout_ms", "0")], "`timeout_ms`"),
            (&[("calls_max", "-1")], "`calls_max`"),
            (&[("requests_per_second", "0.5")], "`0.5`"),
            (&[("retries_max", "101")], "`retries_max`"),
            (&[("partitions_max", "0")], "`partitions_max`"),
        ] {
            let error = read(pairs).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
        }
    }

    #[test]
    fn secrets_are_not_repeated() {
        for pair in [
            ("endpoint", "https://me:hunter2@host"),
            ("endpoint", "me:hunter2@host"),
            ("external_id", "hunter2 hunter2"),
        ] {
            let error = read(&[pair]).expect_err(pair.0);
            assert!(!error.message().contains("hunter2"), "{error}");
        }
    }
}
