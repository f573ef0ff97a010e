//! Dates, moments and lengths of time.
//!
//! Source: MySQL Source Code Documentation, "Binary Protocol Value", `MYSQL_TYPE_DATE` and `MYSQL_TYPE_TIME`.

use super::Problem;
use crate::mysql::protocol::{Cursor, Malformed};
use chrono::{Datelike, NaiveDate};
use std::fmt::Write;

/// Days from 0001-01-01, which is day 1, to 1970-01-01.
const EPOCH: i32 = 719_163;
const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Days since 1970-01-01, and microseconds of the day.
#[inline]
pub(super) fn moment(cursor: &mut Cursor<'_>) -> Result<(i32, i64), Problem> {
    let length = cursor.u8()?;
    let mut value = Cursor::new(cursor.take(length.into())?);
    match length {
        // All of it is zero.
        0 => return Err(Problem::NoDate),
        4 | 7 | 11 => {}
        _ => return Err(Malformed("a date of a wrong length").into()),
    }
    let (year, month, day) = (value.u16()?, value.u8()?, value.u8()?);
    let micros = if length > 4 { clock(&mut value, length == 11)? } else { 0 };
    if year > 9999 {
        return Err(Problem::NoDate);
    }
    let date = NaiveDate::from_ymd_opt(year.into(), month.into(), day.into());
    let date = date.ok_or(Problem::NoDate)?;
    Ok((date.num_days_from_ce() - EPOCH, micros))
}

/// Microseconds since 1970-01-01 00:00:00.
pub(super) fn timestamp((days, micros): (i32, i64)) -> i64 {
    i64::from(days) * SECONDS_PER_DAY * MICROSECONDS_PER_SECOND + micros
}

/// A length of time as the server itself writes it: `-838:59:59.000000`.
pub(super) fn time(cursor: &mut Cursor<'_>, digits: u8, text: &mut String) -> Result<(), Problem> {
    text.clear();
    let length = cursor.u8()?;
    let mut value = Cursor::new(cursor.take(length.into())?);
    let (negative, micros) = match length {
        0 => (false, 0),
        8 | 12 => {
            let negative = value.u8()? != 0;
            let days = i64::from(value.u32()?);
            let micros = clock(&mut value, length == 12)?;
            (negative, days * SECONDS_PER_DAY * MICROSECONDS_PER_SECOND + micros)
        }
        _ => return Err(Malformed("a time of a wrong length").into()),
    };
    let (seconds, fraction) = (micros / MICROSECONDS_PER_SECOND, micros % MICROSECONDS_PER_SECOND);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let sign = if negative { "-" } else { "" };
    // Writing to a text does not fail.
    let _ = write!(text, "{sign}{hours:02}:{minutes:02}:{seconds:02}");
    if (1..=6).contains(&digits) {
        let _ = write!(text, ".{fraction:06}");
        text.truncate(text.len() - usize::from(6 - digits));
    }
    Ok(())
}

/// Hours, minutes, seconds and, where there is one, a fraction of a day.
#[inline]
fn clock(value: &mut Cursor<'_>, has_fraction: bool) -> Result<i64, Problem> {
    let (hour, minute, second) = (value.u8()?, value.u8()?, value.u8()?);
    let micros = if has_fraction { value.u32()? } else { 0 };
    if hour > 23 || minute > 59 || second > 59 || micros > 999_999 {
        return Err(Malformed("a time of day that no day has").into());
    }
    let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Ok(seconds * MICROSECONDS_PER_SECOND + i64::from(micros))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Result<i64, Problem> {
        moment(&mut Cursor::new(bytes)).map(timestamp)
    }

    /// The examples of the Source Code Documentation, their seconds from Python's `calendar.timegm`.
    #[test]
    fn moments_have_three_lengths() {
        let whole = [11, 0xDA, 0x07, 0x0A, 0x11, 0x13, 0x1B, 0x1E, 0x01, 0, 0, 0];
        assert_eq!(read(&whole), Ok(1_287_343_650_000_001));
        assert_eq!(read(&[4, 0xDA, 0x07, 0x0A, 0x11]), Ok(1_287_273_600_000_000));
        assert_eq!(read(&[7, 0xDA, 0x07, 0x0A, 0x11, 0x13, 0x1B, 0x1E]), Ok(1_287_343_650_000_000));
        assert_eq!(read(&[4, 0xB2, 0x07, 1, 1]), Ok(0));
    }

    #[test]
    fn dates_that_no_calendar_has_are_told_apart() {
        for bytes in [
            &[0][..],
            &[4, 0, 0, 0, 0],
            &[4, 0xE8, 0x07, 0, 10],
            &[4, 0xE8, 0x07, 2, 30],
            &[4, 0xE7, 0x07, 2, 29],
        ] {
            assert_eq!(read(bytes), Err(Problem::NoDate), "{bytes:?}");
        }
        for bytes in [&[5, 0xE8, 7, 1, 1, 1][..], &[4, 0xE8, 7], &[7, 0xE8, 7, 1, 1, 24, 0, 0]] {
            assert!(matches!(read(bytes), Err(Problem::Malformed(_))), "{bytes:?}");
        }
    }

    #[test]
    fn times_are_longer_than_a_day() {
        let read = |bytes: &[u8], digits| {
            let mut text = String::new();
            time(&mut Cursor::new(bytes), digits, &mut text).map(|()| text)
        };
        // The documentation's example: -120d 19:27:30.000001.
        let long = [12, 1, 0x78, 0, 0, 0, 0x13, 0x1B, 0x1E, 1, 0, 0, 0];
        assert_eq!(read(&long, 6).expect("a time"), "-2899:27:30.000001");
        assert_eq!(read(&long, 3).expect("a time"), "-2899:27:30.000");
        assert_eq!(read(&[8, 0, 0, 0, 0, 0, 1, 2, 3], 0).expect("a time"), "01:02:03");
        assert_eq!(read(&[0], 0).expect("a time"), "00:00:00");
        assert_eq!(read(&[0], 1).expect("a time"), "00:00:00.0");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, digits: u8) {
            let _ = moment(&mut Cursor::new(&bytes));
            let _ = time(&mut Cursor::new(&bytes), digits, &mut String::new());
        }
    }
}
