//! `timestamp.formats`: patterns of Java for timestamps.
//!
//! Hive 3 reads them with Joda's `DateTimeFormat`, Hive 4 with `java.time`; both call them `SimpleDateFormat`'s.
//! Where they differ, what either accepts is accepted: a number may have fewer digits than its letters.

use mooring_spi::{Error, Result};

use super::datetime::{Reader, days_from_civil, micros_of_day, parse_timestamp};
use super::trim;

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];
const DAYS: [&[u8]; 7] =
    [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];

/// Hive's `TimestampParser`: milliseconds first if they are asked for, then the patterns in their order, then
/// Hive's own form.
pub(crate) struct TimestampFormats {
    millis: bool,
    patterns: Vec<Pattern>,
}

impl TimestampFormats {
    /// # Errors
    /// `Unsupported` for a pattern with an unknown letter.
    pub(crate) fn new(formats: &[String]) -> Result<Self> {
        let mut millis = false;
        let mut patterns = Vec::new();
        for format in formats {
            match format.as_str() {
                "millis" => millis = true,
                "iso8601" => {
                    patterns.push(Pattern::new("yyyy-MM-dd'T'HH:mm:ssX")?);
                    patterns.push(Pattern::new("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSX")?);
                }
                "rfc1123" => {
                    patterns.push(Pattern::new("EEE, d MMM yyyy HH:mm:ss Z")?);
                    patterns.push(Pattern::new("d MMM yyyy HH:mm:ss Z")?);
                }
                pattern => patterns.push(Pattern::new(pattern)?),
            }
        }
        Ok(Self { millis, patterns })
    }

    /// Whether the table has forms of its own.
    pub(crate) fn has_patterns(&self) -> bool {
        self.millis || !self.patterns.is_empty()
    }

    /// Microseconds since 1970-01-01; `utc` as of [`parse_timestamp`].
    pub(crate) fn parse(&self, bytes: &[u8], utc: bool) -> Option<i64> {
        if self.millis
            && let Some(millis) = parse_millis(bytes)
        {
            return millis.checked_mul(1000);
        }
        for pattern in &self.patterns {
            if let Some(micros) = pattern.parse(bytes) {
                // `TimestampParser` makes milliseconds of what a pattern read.
                return Some(micros.div_euclid(1000) * 1000);
            }
        }
        parse_timestamp(bytes, utc)
    }
}

/// A fraction of a millisecond is cut off.
fn parse_millis(bytes: &[u8]) -> Option<i64> {
    super::parse_integer(trim(bytes))
}

enum Item {
    Literal(Vec<u8>),
    /// A letter of the pattern, and the most digits that its number has.
    Number(Field, usize),
    MonthName,
    DayName,
    HalfDay,
    Zone,
}

#[derive(Clone, Copy)]
enum Field {
    Year,
    /// Of two digits, from 2000 to 2099.
    ShortYear,
    Month,
    Day,
    /// 0 to 23.
    Hour,
    /// 1 to 12.
    ClockHour,
    Minute,
    Second,
    Fraction,
}

struct Pattern {
    items: Vec<Item>,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self> {
        let mut items = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            let count = rest.chars().take_while(|char| *char == first).count();
            let item = match first {
                '\'' => {
                    let (text, after) = quoted(rest).ok_or_else(|| {
                        Error::unsupported(format!(
                            "timestamp pattern `{pattern}` has a quote without an end"
                        ))
                    })?;
                    items.push(Item::Literal(text.into_bytes()));
                    rest = after;
                    continue;
                }
                // `yyyy` reads longer years too, but none that run into the next number.
                'y' | 'u' if count == 2 => Item::Number(Field::ShortYear, 2),
                'y' | 'u' if count <= 4 => Item::Number(Field::Year, 4),
                'M' | 'L' if count <= 2 => Item::Number(Field::Month, 2),
                'M' | 'L' if count <= 4 => Item::MonthName,
                'd' if count <= 2 => Item::Number(Field::Day, 2),
                'E' if count <= 4 => Item::DayName,
                'H' if count <= 2 => Item::Number(Field::Hour, 2),
                'h' if count <= 2 => Item::Number(Field::ClockHour, 2),
                'm' if count <= 2 => Item::Number(Field::Minute, 2),
                's' if count <= 2 => Item::Number(Field::Second, 2),
                'S' if count <= 9 => Item::Number(Field::Fraction, count),
                'a' if count == 1 => Item::HalfDay,
                'X' | 'Z' if count <= 5 => Item::Zone,
                'A'..='Z' | 'a'..='z' | '[' | ']' | '{' | '}' | '#' => {
                    return Err(Error::unsupported(format!(
                        "timestamp pattern `{pattern}` has `{}`; known are y M d E H h m s S a X Z",
                        first.to_string().repeat(count)
                    )));
                }
                other => Item::Literal(other.to_string().repeat(count).into_bytes()),
            };
            items.push(item);
            rest = &rest[first.len_utf8() * count..];
        }
        Ok(Self { items })
    }

    fn parse(&self, bytes: &[u8]) -> Option<i64> {
        let mut reader = Reader { rest: bytes };
        let mut parts = Parts::default();
        for item in &self.items {
            match item {
                Item::Literal(text) => {
                    reader.rest = reader.rest.strip_prefix(text.as_slice())?;
                }
                Item::Number(field, most) => parts.number(*field, *most, &mut reader)?,
                Item::MonthName => parts.month = name(&MONTHS, &mut reader)? + 1,
                Item::DayName => {
                    name(&DAYS, &mut reader)?;
                }
                Item::HalfDay => {
                    let half = reader.rest.get(..2)?;
                    parts.afternoon = Some(if half.eq_ignore_ascii_case(b"am") {
                        false
                    } else if half.eq_ignore_ascii_case(b"pm") {
                        true
                    } else {
                        return None;
                    });
                    reader.skip(2);
                }
                Item::Zone => parts.offset_seconds = reader.zone()?,
            }
        }
        if !reader.rest.is_empty() {
            return None;
        }
        parts.micros()
    }
}

/// The text of a quoted part, and what comes after it. Two quotes are one, inside of it and by themselves.
fn quoted(pattern: &str) -> Option<(String, &str)> {
    if let Some(after) = pattern.strip_prefix("''") {
        return Some(("'".to_owned(), after));
    }
    let mut text = String::new();
    let mut rest = &pattern[1..];
    loop {
        let end = rest.find('\'')?;
        text.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        let Some(after) = rest.strip_prefix('\'') else {
            return Some((text, rest));
        };
        text.push('\'');
        rest = after;
    }
}

/// The place of the name that the text starts with: in full or its first three letters, in any case.
fn name(names: &[&[u8]], reader: &mut Reader<'_>) -> Option<i64> {
    let starts = |name: &[u8]| {
        reader.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    let index = names.iter().position(|name| starts(&name[..3]))?;
    let whole = starts(names[index]);
    reader.skip(if whole { names[index].len() } else { 3 });
    i64::try_from(index).ok()
}

/// What a text did not say is that of 1970-01-01 00:00:00 UTC (`DefaultingTemporalAccessor`).
struct Parts {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    afternoon: Option<bool>,
    offset_seconds: i64,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            micros: 0,
            afternoon: None,
            offset_seconds: 0,
        }
    }
}

impl Parts {
    fn number(&mut self, field: Field, most: usize, reader: &mut Reader<'_>) -> Option<()> {
        if let Field::Fraction = field {
            self.micros = reader.fraction(1, most)?;
            return Some(());
        }
        let (value, _) = reader.digits(1, most)?;
        match field {
            Field::Year => self.year = value,
            Field::ShortYear => self.year = 2000 + value,
            Field::Month => self.month = value,
            Field::Day => self.day = value,
            Field::Hour => self.hour = value,
            Field::ClockHour if (1..=12).contains(&value) => {
                self.hour = value % 12;
            }
            Field::ClockHour => return None,
            Field::Minute => self.minute = value,
            Field::Second => self.second = value,
            Field::Fraction => {}
        }
        Some(())
    }

    fn micros(&self) -> Option<i64> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            _ => self.hour,
        };
        let days = days_from_civil(self.year, self.month, self.day)?;
        let time = micros_of_day(hour, self.minute, self.second, self.micros)?;
        days.checked_mul(86_400_000_000)?
            .checked_add(time)?
            .checked_sub(self.offset_seconds * 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use mooring_spi::ErrorKind;

    use super::*;

    /// 2020-01-05 10:11:12, from `date -u -d '2020-01-05 10:11:12' +%s`.
    const MOMENT: i64 = 1_578_219_072_000_000;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("yyyy-MM-dd'T'HH:mm:ss", "2020-01-05T10:11:12", Some(MOMENT)),
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2020-01-05T10:11:12.250", Some(MOMENT + 250_000)),
            ("yyyy-MM-dd HH:mm:ss.SSSSSS", "2020-01-05 10:11:12.250999", Some(MOMENT + 250_000)),
            ("yyyyMMddHHmmss", "20200105101112", Some(MOMENT)),
            ("dd/MM/yy h:mm:ss a", "05/01/20 10:11:12 AM", Some(MOMENT)),
            ("dd/MM/yy h:mm:ss a", "05/01/20 10:11:12 pm", Some(MOMENT + 43_200_000_000)),
            ("h a", "12 AM", Some(0)),
            ("h a", "12 PM", Some(43_200_000_000)),
            ("h a", "13 PM", None),
            ("d MMM yyyy HH:mm:ss Z", "5 Jan 2020 11:11:12 +0100", Some(MOMENT)),
            ("d MMMM yyyy HH:mm:ssXXX", "5 January 2020 10:11:12Z", Some(MOMENT)),
            ("rfc1123", "Sun, 5 Jan 2020 10:11:12 GMT", Some(MOMENT)),
            ("iso8601", "2020-01-05T10:11:12.5Z", Some(MOMENT + 500_000)),
            ("millis", "1578219072000", Some(MOMENT)),
            ("millis", "1578219072000.999", Some(MOMENT)),
            ("millis", "2020-01-05 10:11:12", Some(MOMENT)),
            ("'it''s' yyyy", "it's 1971", Some(31_536_000_000_000)),
            ("yyyy-MM-dd", "2020-01-05", Some(MOMENT - 36_672_000_000)),
            // Hive's own form is always read.
            ("yyyy", "2020-01-05 10:11:12", Some(MOMENT)),
            ("yyyy-MM-dd", "2020-02-30", None),
            ("yyyy-MM-dd", "soon", None),
        ] {
            let formats = TimestampFormats::new(&[pattern.to_owned()]).unwrap();
            assert_eq!(formats.parse(text.as_bytes(), false), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn unknown_letters_are_named() {
        for (pattern, named) in [("yyyy-ww", "`ww`"), ("yyyy[-MM]", "`[`"), ("'open", "quote")] {
            let error = TimestampFormats::new(&[pattern.to_owned()]).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
