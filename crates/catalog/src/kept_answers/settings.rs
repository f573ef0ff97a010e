//! How long and how many answers are kept.

use mooring_spi::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::time::Duration;

/// The properties of a catalog whose answers are kept.
pub const KEEP_PROPERTIES: &[&str] =
    &["stale_if_error_s", "metadata_max_staleness_s", "metadata_cache_bytes"];

/// Longer than that is a mistake.
const YEAR_S: u64 = 366 * 24 * 3600;

/// How long answers of a metastore serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepSettings {
    /// An answer that is younger is used again without asking; zero asks each time.
    pub max_staleness: Duration,
    /// An answer that is younger serves while the metastore is away.
    pub stale_if_error: Duration,
    /// What is kept of one catalog takes about this much memory.
    pub cache_bytes: u64,
}

impl KeepSettings {
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let number = |name: &str, default: u64, max: u64| {
            let Some(text) = properties.get(name) else { return Ok(default) };
            text.parse().ok().filter(|number| *number <= max).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("`{name}` is `{text}`; expected a number from 0 to {max}"),
                )
            })
        };
        Ok(Self {
            max_staleness: Duration::from_secs(number("metadata_max_staleness_s", 0, YEAR_S)?),
            stale_if_error: Duration::from_secs(number("stale_if_error_s", 3600, YEAR_S)?),
            cache_bytes: number("metadata_cache_bytes", 64 << 20, u64::MAX)?,
        })
    }

    /// How long an answer may be of use.
    pub(super) fn time_to_live(&self) -> Duration {
        self.max_staleness.max(self.stale_if_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<KeepSettings> {
        KeepSettings::from_properties(&BTreeMap::from([(name.to_owned(), value.to_owned())]))
    }

    #[test]
    fn settings_are_read() {
        let settings = read("stale_if_error_s", "0").expect("settings");
        assert_eq!((settings.stale_if_error, settings.max_staleness), Default::default());
        let settings = read("metadata_max_staleness_s", "7200").expect("settings");
        assert_eq!(settings.time_to_live(), Duration::from_secs(7200));
    }

    #[test]
    fn wrong_values_are_named() {
        for (name, value) in [
            ("stale_if_error_s", "-1"),
            ("stale_if_error_s", "99999999999"),
            ("metadata_max_staleness_s", "1h"),
            ("metadata_cache_bytes", "64 MiB"),
        ] {
            let error = read(name, value).expect_err(name);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name) && error.message().contains(value), "{error}");
        }
    }
}
