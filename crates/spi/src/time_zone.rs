//! Zones in which instants have a wall time.

use arrow::array::timezone::Tz;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A zone by its name in the IANA database, or a fixed offset from UTC.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TimeZone {
    #[default]
    Utc,
    Other(Tz),
}

/// The names of UTC that are in use; each other one works too, as a zone whose offset is zero.
const UTC_NAMES: [&str; 5] = ["UTC", "Etc/UTC", "GMT", "Z", "+00:00"];

impl TimeZone {
    /// What a name stands for: one of the IANA database in its own case, an offset (`+09:00`), or an offset in
    /// the forms of Java's `ZoneId` (`GMT+09:00`, `UTC+09:00`). `None` for all others.
    pub fn parse(name: &str) -> Option<Self> {
        if UTC_NAMES.contains(&name) {
            return Some(Self::Utc);
        }
        let is_offset = |text: &&str| text.starts_with(['+', '-']);
        let offset = ["GMT", "UTC", "UT"]
            .into_iter()
            .find_map(|prefix| name.strip_prefix(prefix).filter(is_offset));
        // `GMT+0` is a name of the database.
        let zone = name.parse::<Tz>().or_else(|error| offset.map_or(Err(error), str::parse));
        zone.ok().map(Self::Other)
    }

    pub fn is_utc(self) -> bool {
        matches!(self, Self::Utc)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utc => f.write_str("UTC"),
            Self::Other(zone) => zone.fmt(f),
        }
    }
}

impl PartialEq for TimeZone {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for TimeZone {}

impl From<TimeZone> for String {
    fn from(zone: TimeZone) -> Self {
        zone.to_string()
    }
}

impl TryFrom<String> for TimeZone {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::parse(&name).ok_or_else(|| format!("`{name}` is no known time zone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_offsets_are_known() {
        for (name, shown) in [
            ("UTC", "UTC"),
            ("Z", "UTC"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("US/Pacific", "US/Pacific"),
            ("Etc/GMT+5", "Etc/GMT+5"),
            ("GMT+0", "GMT+0"),
            ("+09:30", "+09:30"),
            ("GMT+09:00", "+09:00"),
            ("UTC-03:30", "-03:30"),
            ("UT+0100", "+01:00"),
        ] {
            let zone = TimeZone::parse(name).expect(name);
            assert_eq!(zone.to_string(), shown);
            assert_eq!(TimeZone::try_from(String::from(zone)), Ok(zone));
        }
        assert_eq!(TimeZone::parse("GMT"), Some(TimeZone::default()));
    }

    #[test]
    fn other_words_are_not() {
        for name in ["", "Mars/Base", "europe/berlin", "GMT+", "UTC+09:00:00", "+25:00", "local"] {
            assert_eq!(TimeZone::parse(name), None, "{name}");
        }
    }
}
