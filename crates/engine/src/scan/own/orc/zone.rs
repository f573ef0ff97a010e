//! The time zone of a stripe's writer, which timestamps count from: as Java has it, and as chrono-tz does.
//! orc-rust panics over a name that chrono-tz does not have.

use chrono::TimeZone;
use datafusion::arrow::array::timezone::Tz;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Zone {
    /// Which needs no conversion.
    Utc,
    /// A name that chrono-tz knows.
    Named(String),
}

const UTC: [&str; 9] = ["UTC", "GMT", "Z", "UT", "UCT", "GMT0", "Etc/UTC", "Etc/GMT", "Etc/UCT"];

/// What is known under a name; nothing for a name that is not, and for offsets of parts of an hour, which
/// chrono-tz has no names for.
pub(super) fn find(name: &str) -> Option<Zone> {
    if UTC.contains(&name) {
        return Some(Zone::Utc);
    }
    match offset(name) {
        Some(Offset::Hours(0)) => Some(Zone::Utc),
        // In these names, west is positive.
        Some(Offset::Hours(hours)) => named(&format!("Etc/GMT{:+}", -hours)),
        Some(Offset::Uneven) => None,
        None => named(name),
    }
}

fn named(name: &str) -> Option<Zone> {
    // Arrow also knows offsets, as in `+0130`.
    if name.starts_with(['+', '-']) {
        return None;
    }
    let zone: Tz = name.parse().ok()?;
    // From this moment timestamps count, and orc-rust takes it to be there, and once.
    zone.with_ymd_and_hms(2015, 1, 1, 0, 0, 0).single()?;
    Some(Zone::Named(name.to_owned()))
}

enum Offset {
    Hours(i32),
    Uneven,
}

/// `GMT+08:00`, `GMT-3`, `UTC+0800` or `+08:00`, as Java's `TimeZone.getTimeZone` and `ZoneId.of` have them.
fn offset(name: &str) -> Option<Offset> {
    let prefix = ["GMT", "UTC", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix));
    let rest = prefix.unwrap_or(name);
    let (sign, digits) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (None, Some(digits)) => (-1, digits),
        (None, None) => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(hours) || !is_number(minutes) || minutes.len() != 2 || hours.len() > 2 {
        return None;
    }
    let hours: i32 = hours.parse().ok()?;
    Some(if minutes == "00" { Offset::Hours(sign * hours) } else { Offset::Uneven })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(zone: &str) -> Option<String> {
        match find(zone)? {
            Zone::Utc => Some("UTC".to_owned()),
            Zone::Named(name) => Some(name),
        }
    }

    #[test]
    fn offsets_of_whole_hours_have_names() {
        for (zone, expected) in [
            ("GMT+08:00", "Etc/GMT-8"),
            ("GMT-3", "Etc/GMT+3"),
            ("UTC+8", "Etc/GMT-8"),
            ("+08:00", "Etc/GMT-8"),
            ("-0300", "Etc/GMT+3"),
            ("GMT+00:00", "UTC"),
            ("Z", "UTC"),
            ("GMT0", "UTC"),
            ("Etc/UTC", "UTC"),
            ("America/Los_Angeles", "America/Los_Angeles"),
            ("Etc/GMT+5", "Etc/GMT+5"),
        ] {
            assert_eq!(name(zone).as_deref(), Some(expected), "{zone}");
        }
    }

    #[test]
    fn other_names_are_not_known() {
        for zone in [
            "GMT+05:30",
            "+0530",
            "+05:30",
            "GMT+15",
            "GMT+99",
            "GMT+",
            "+1:2",
            "Mars/Base",
            "",
            "+",
        ] {
            assert_eq!(find(zone), None, "{zone}");
        }
    }
}
