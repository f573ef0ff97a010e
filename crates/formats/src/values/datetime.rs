//! Dates and timestamps without a pattern of the table's own.

use super::trim;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// `Date.valueOf` of Hive: `y-M-d`, the year with one to four digits and perhaps a minus, month and day with one
/// or two; whatever follows is dropped unless it starts with a digit. Days since 1970-01-01.
pub(crate) fn parse_date(bytes: &[u8]) -> Option<i32> {
    let mut reader = Reader { rest: trim(bytes) };
    let days = reader.date(4)?;
    if reader.rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    i32::try_from(days).ok()
}

/// `Timestamp.valueOf` of Hive: `y-M-d H:m:s`, with one to nine digits of a fraction or none; the date alone is
/// its midnight; or ISO 8601 with a `T`. Microseconds since 1970-01-01; finer digits are cut off.
///
/// For a timestamp of an instant (`utc`) a zone may follow: `Z`, `UTC`, `GMT` or an offset from them, as
/// `TimestampTZUtil` allows; without one the time is of UTC.
pub(crate) fn parse_timestamp(bytes: &[u8], utc: bool) -> Option<i64> {
    let mut reader = Reader { rest: trim(bytes) };
    let days = reader.date(10)?;
    let mut micros = 0;
    match reader.rest {
        [b' ', b'0'..=b'9', ..] => {
            reader.skip(1);
            micros = reader.time(true)?;
        }
        [b'T' | b't', ..] => {
            reader.skip(1);
            micros = reader.time(false)?;
        }
        _ => {}
    }
    let mut offset = 0;
    if utc && !reader.rest.is_empty() {
        reader.rest = trim(reader.rest);
        offset = reader.zone()?;
    }
    if !reader.rest.is_empty() {
        return None;
    }
    days.checked_mul(MICROS_PER_DAY)?.checked_add(micros)?.checked_sub(offset * 1_000_000)
}

/// What is left of a text.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl Reader<'_> {
    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or(&[]);
    }

    pub(super) fn literal(&mut self, byte: u8) -> Option<()> {
        if self.rest.first() != Some(&byte) {
            return None;
        }
        self.skip(1);
        Some(())
    }

    /// A number of at least `least` and at most `most` digits (18 at most), and how many it had.
    pub(super) fn digits(&mut self, least: usize, most: usize) -> Option<(i64, usize)> {
        let mut value = 0;
        let mut count = 0;
        while let Some(digit) = self.rest.get(count).filter(|byte| byte.is_ascii_digit()) {
            if count == most {
                break;
            }
            value = value * 10 + i64::from(digit - b'0');
            count += 1;
        }
        if count < least {
            return None;
        }
        self.skip(count);
        Some((value, count))
    }

    /// Days since 1970-01-01 of a year, a month and a day.
    fn date(&mut self, year_digits: usize) -> Option<i64> {
        let negative = self.literal(b'-').is_some();
        let (year, _) = self.digits(1, year_digits)?;
        self.literal(b'-')?;
        let (month, _) = self.digits(1, 2)?;
        self.literal(b'-')?;
        let (day, _) = self.digits(1, 2)?;
        days_from_civil(if negative { -year } else { year }, month, day)
    }

    /// Microseconds since midnight. ISO 8601 wants two digits, and may leave out the seconds.
    fn time(&mut self, lenient: bool) -> Option<i64> {
        let least = if lenient { 1 } else { 2 };
        let (hour, _) = self.digits(least, 2)?;
        self.literal(b':')?;
        let (minute, _) = self.digits(least, 2)?;
        let mut second = 0;
        let mut micros = 0;
        if lenient || self.rest.first() == Some(&b':') {
            self.literal(b':')?;
            second = self.digits(least, 2)?.0;
            if self.literal(b'.').is_some() {
                micros = self.fraction(1, 9)?;
            }
        }
        micros_of_day(hour, minute, second, micros)
    }

    /// Microseconds of a fraction's digits.
    pub(super) fn fraction(&mut self, least: usize, most: usize) -> Option<i64> {
        let (value, count) = self.digits(least, most)?;
        // Nine digits are nanoseconds; most is never more.
        Some(value * 10_i64.pow(9 - count as u32) / 1000)
    }

    /// Seconds east of UTC: `Z`, `UTC` or `GMT`, `+hh`, `+hhmm` or `+hh:mm`, or an offset after one of the words.
    pub(super) fn zone(&mut self) -> Option<i64> {
        if self.literal(b'Z').is_some() {
            return Some(0);
        }
        let word = self.rest.starts_with(b"UTC") || self.rest.starts_with(b"GMT");
        if word {
            self.skip(3);
        }
        let sign = match self.rest.first() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return word.then_some(0),
        };
        self.skip(1);
        let (hours, _) = self.digits(1, 2)?;
        let colon = self.literal(b':').is_some();
        let (minutes, count) = self.digits(if colon { 2 } else { 0 }, 2)?;
        // The widest offset of Java is 18 hours.
        if count == 1 || hours * 60 + minutes > 18 * 60 || minutes > 59 {
            return None;
        }
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

pub(super) fn micros_of_day(hour: i64, minute: i64, second: i64, micros: i64) -> Option<i64> {
    (hour < 24 && minute < 60 && second < 60)
        .then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar; none for a day that does not exist.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Days: `date -d DATE +%s` of GNU coreutils, divided by 86,400.
    #[test]
    fn dates() {
        for (text, expected) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("2024-12-31", Some(20_088)),
            ("1969-12-31", Some(-1)),
            ("1900-03-01", Some(-25_508)),
            ("2020-1-5", Some(18_266)),
            (" 2020-01-05 ", Some(18_266)),
            ("2020-01-05 10:11:12", Some(18_266)),
            ("2020-01-05T10:11:12Z", Some(18_266)),
            ("2020-01-055", None),
            ("2023-02-29", None),
            ("1900-02-29", None),
            ("2020-13-01", None),
            ("2020-00-01", None),
            ("2020-01-00", None),
            ("20200-01-01", None),
            ("2020-01", None),
            ("2020/01/01", None),
            ("+2020-01-01", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn timestamps() {
        let day = 18_266 * MICROS_PER_DAY;
        let time = day + ((10 * 60 + 11) * 60 + 12) * 1_000_000;
        for (text, utc, expected) in [
            ("2020-01-05 10:11:12", false, Some(time)),
            ("2020-01-05 10:11:12.5", false, Some(time + 500_000)),
            ("2020-01-05 10:11:12.123456789", false, Some(time + 123_456)),
            ("2020-01-05T10:11:12.123", false, Some(time + 123_000)),
            ("2020-01-05T10:11", false, Some(time - 12_000_000)),
            ("2020-1-5 9:1:2", false, Some(day + ((9 * 60 + 1) * 60 + 2) * 1_000_000)),
            ("2020-01-05", false, Some(day)),
            ("1969-12-31 23:59:59.999999", false, Some(-1)),
            ("2020-01-05 10:11", false, None),
            ("2020-01-05 24:00:00", false, None),
            ("2020-01-05 10:60:00", false, None),
            ("2020-01-05 10:11:60", false, None),
            ("2020-01-05 10:11:12.", false, None),
            ("2020-01-05 10:11:12.1234567890", false, None),
            ("2020-01-05 10:11:12 x", false, None),
            ("2020-01-05 10:11:12Z", false, None),
            ("2020-01-05 10:11:12Z", true, Some(time)),
            ("2020-01-05 10:11:12 UTC", true, Some(time)),
            ("2020-01-05 10:11:12 +01:00", true, Some(time - 3_600_000_000)),
            ("2020-01-05 10:11:12 GMT-02:30", true, Some(time + 9_000_000_000)),
            ("2020-01-05 10:11:12", true, Some(time)),
            ("2020-01-05 10:11:12 +19:00", true, None),
            ("9999999999-01-01 00:00:00", false, None),
            ("", false, None),
        ] {
            assert_eq!(parse_timestamp(text.as_bytes(), utc), expected, "{text}");
        }
    }
}
