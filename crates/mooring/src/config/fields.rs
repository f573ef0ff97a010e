//! How a value becomes a field: durations, and what is not set when it is empty.
//!
//! An `Option` field must name one of these functions: serde then insists that the value is
//! there, and so a field without a setting is found.

use serde::{Deserialize, Deserializer, de};
use std::time::Duration;

pub(super) fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_millis)
}

pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    u64::deserialize(from).map(Duration::from_secs)
}

/// For text, paths and secrets.
pub(super) fn unless_empty<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<String>,
{
    let text = String::deserialize(from)?;
    Ok(if text.is_empty() { None } else { Some(T::from(text)) })
}

pub(super) fn optional_boolean<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<bool>, D::Error> {
    match toml::Value::deserialize(from)? {
        toml::Value::Boolean(value) => Ok(Some(value)),
        toml::Value::String(text) if text.is_empty() => Ok(None),
        _ => Err(de::Error::custom("expected a boolean or empty text")),
    }
}
