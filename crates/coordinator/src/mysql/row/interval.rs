//! Durations and intervals, which MySQL has no column type for, as text. A duration looks like a
//! TIME; an interval as in PostgreSQL (manual, "Interval Output", style `postgres`).

use super::calendar::{put_clock, put_fraction, split};
use arrow::datatypes::TimeUnit;
use std::io::Write;

const NANOSECONDS_PER_MILLISECOND: i64 = 1_000_000;

/// `-27:46:40.000000`, with the fraction digits of the unit.
pub(super) fn put_duration(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    if value < 0 {
        out.push(b'-');
    }
    let (seconds, microseconds) = split(value.saturating_abs(), unit);
    put_clock(out, seconds);
    put_fraction(out, microseconds, super::super::column::fraction_digits(unit));
}

/// The three parts that an interval has, which do not convert into each other.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Interval {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) nanoseconds: i64,
}

impl Interval {
    pub(super) fn of_days_and_milliseconds(days: i32, milliseconds: i32) -> Self {
        let nanoseconds = i64::from(milliseconds) * NANOSECONDS_PER_MILLISECOND;
        Self { months: 0, days, nanoseconds }
    }

    /// `1 year 2 mons -3 days +04:05:06.789`.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        let start = out.len();
        let mut after_negative = false;
        let parts = [(self.months / 12, "year"), (self.months % 12, "mon"), (self.days, "day")];
        for (value, unit) in parts.into_iter().filter(|(value, _)| *value != 0) {
            let space = if out.len() > start { " " } else { "" };
            let plus = if after_negative && value > 0 { "+" } else { "" };
            let plural = if value == 1 { "" } else { "s" };
            // Writing into memory does not fail.
            let _ = write!(out, "{space}{plus}{value} {unit}{plural}");
            after_negative = value < 0;
        }
        if self.nanoseconds == 0 && out.len() > start {
            return;
        }
        if out.len() > start {
            out.push(b' ');
        }
        if self.nanoseconds < 0 {
            out.push(b'-');
        } else if after_negative {
            out.push(b'+');
        }
        let (seconds, microseconds) =
            split(self.nanoseconds.saturating_abs(), TimeUnit::Nanosecond);
        put_clock(out, seconds);
        if microseconds > 0 {
            put_fraction(out, microseconds, 6);
            while out.last() == Some(&b'0') {
                out.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    /// As PostgreSQL 15 prints `make_interval(...)`.
    #[test]
    fn intervals_look_as_in_postgresql() {
        for (months, days, nanoseconds, expected) in [
            (0, 0, 0, "00:00:00"),
            (14, 3, 14_706_789_000_000, "1 year 2 mons 3 days 04:05:06.789"),
            (-14, 3, -14_706_000_000_000, "-1 years -2 mons +3 days -04:05:06"),
            (0, 1, 0, "1 day"),
            (24, 0, 0, "2 years"),
            (0, -1, 1_000_000_000, "-1 days +00:00:01"),
        ] {
            let interval = Interval { months, days, nanoseconds };
            assert_eq!(text(|out| interval.put(out)), expected);
        }
    }

    /// MySQL 8.0 manual, "The TIME Type": `hhh:mm:ss`, with a sign.
    #[test]
    fn durations_look_like_times() {
        for (value, unit, expected) in [
            (100_000, TimeUnit::Second, "27:46:40"),
            (-1, TimeUnit::Millisecond, "-00:00:00.001"),
            (3_600_000_000 * 100, TimeUnit::Microsecond, "100:00:00.000000"),
        ] {
            assert_eq!(text(|out| put_duration(out, value, unit)), expected);
        }
    }
}
