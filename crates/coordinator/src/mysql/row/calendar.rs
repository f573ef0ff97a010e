//! Dates and times as MySQL prints them: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS.ffffff`,
//! `HH:MM:SS.ffffff`.

use super::super::column::fraction_digits;
use arrow::datatypes::TimeUnit;

pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// The days since 1970-01-01 that MySQL has a date for: 0000-01-01 to 9999-12-31 (MySQL 8.0
/// manual, "The DATE, DATETIME, and TIMESTAMP Types", with the year 0 that it accepts as well).
pub(super) const DAYS: std::ops::RangeInclusive<i64> = -719_528..=2_932_896;

/// Whole seconds and the microseconds beyond them.
pub(super) fn split(value: i64, unit: TimeUnit) -> (i64, u32) {
    let (per_second, per_microsecond) = match unit {
        TimeUnit::Second => return (value, 0),
        TimeUnit::Millisecond => (1_000, 0),
        TimeUnit::Microsecond => (1_000_000, 1),
        TimeUnit::Nanosecond => (1_000_000_000, 1_000),
    };
    let rest = value.rem_euclid(per_second);
    let microseconds = if per_microsecond == 0 { rest * 1_000 } else { rest / per_microsecond };
    // Below one million by construction.
    (value.div_euclid(per_second), u32::try_from(microseconds).unwrap_or_default())
}

/// The day that a timestamp falls on.
pub(super) fn day_of(value: i64, unit: TimeUnit) -> i64 {
    split(value, unit).0.div_euclid(SECONDS_PER_DAY)
}

pub(super) fn put_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    if (0..=9999).contains(&year) {
        // In 0..=9999, so both halves are below 100.
        put_two(out, year / 100);
        put_two(out, year % 100);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(year).as_bytes());
    }
    out.push(b'-');
    put_two(out, month);
    out.push(b'-');
    put_two(out, day);
}

pub(super) fn put_timestamp(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let (seconds, microseconds) = split(value, unit);
    put_date(out, seconds.div_euclid(SECONDS_PER_DAY));
    out.push(b' ');
    put_clock(out, seconds.rem_euclid(SECONDS_PER_DAY));
    put_fraction(out, microseconds, fraction_digits(unit));
}

/// A time of day.
pub(super) fn put_time(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let (seconds, microseconds) = split(value, unit);
    put_clock(out, seconds);
    put_fraction(out, microseconds, fraction_digits(unit));
}

/// `HH:MM:SS`; the hours grow where they must.
pub(super) fn put_clock(out: &mut Vec<u8>, seconds: i64) {
    let hours = seconds / 3600;
    if (0..100).contains(&hours) {
        put_two(out, hours);
    } else {
        out.extend_from_slice(itoa::Buffer::new().format(hours).as_bytes());
    }
    out.push(b':');
    put_two(out, seconds / 60 % 60);
    out.push(b':');
    put_two(out, seconds % 60);
}

pub(super) fn put_fraction(out: &mut Vec<u8>, microseconds: u32, digits: u8) {
    let microseconds = i64::from(microseconds);
    match digits {
        0 => {}
        3 => {
            out.push(b'.');
            out.push(digit(microseconds / 100_000));
            put_two(out, microseconds / 1_000 % 100);
        }
        _ => {
            out.push(b'.');
            put_two(out, microseconds / 10_000);
            put_two(out, microseconds / 100 % 100);
            put_two(out, microseconds % 100);
        }
    }
}

#[inline]
fn put_two(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&[digit(value / 10), digit(value % 10)]);
}

#[inline]
fn digit(value: i64) -> u8 {
    b'0' + (value.unsigned_abs() % 10).to_le_bytes()[0]
}

/// Year, month and day of the proleptic Gregorian calendar. Source: Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, NaiveDate};
    use proptest::prelude::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    proptest! {
        /// Against chrono.
        #[test]
        fn every_date_is_right(days in DAYS) {
            let expected = NaiveDate::default() + chrono::Duration::days(days);
            prop_assert_eq!(text(|out| put_date(out, days)), expected.format("%Y-%m-%d").to_string());
        }

        /// Against chrono.
        #[test]
        fn every_timestamp_is_right(value in -62_000_000_000_000_000_i64..253_000_000_000_000_000) {
            let expected = DateTime::from_timestamp_micros(value).expect("in range");
            prop_assert_eq!(
                text(|out| put_timestamp(out, value, TimeUnit::Microsecond)),
                expected.format("%Y-%m-%d %H:%M:%S%.6f").to_string()
            );
        }
    }

    #[test]
    fn the_ends_of_the_range_are_those_of_mysql() {
        assert_eq!(text(|out| put_date(out, *DAYS.start())), "0000-01-01");
        assert_eq!(text(|out| put_date(out, *DAYS.end())), "9999-12-31");
    }

    /// MySQL 8.0 manual, "Fractional Seconds in Time Values".
    #[test]
    fn fractions_have_the_digits_of_the_unit() {
        for (value, unit, expected) in [
            (0, TimeUnit::Second, "1970-01-01 00:00:00"),
            (-1, TimeUnit::Second, "1969-12-31 23:59:59"),
            (1_007, TimeUnit::Millisecond, "1970-01-01 00:00:01.007"),
            (-1, TimeUnit::Microsecond, "1969-12-31 23:59:59.999999"),
            (1_999, TimeUnit::Nanosecond, "1970-01-01 00:00:00.000001"),
        ] {
            assert_eq!(text(|out| put_timestamp(out, value, unit)), expected);
        }
        assert_eq!(text(|out| put_time(out, 43_201, TimeUnit::Second)), "12:00:01");
        assert_eq!(text(|out| put_time(out, 1_500, TimeUnit::Millisecond)), "00:00:01.500");
    }
}
