//! Patterns of Java's `DateTimeFormatter` for dates and times, as far as they stand in locations.
//!
//! Source: Java SE 8 API, `java.time.format.DateTimeFormatter`, "Patterns for Formatting and Parsing".

use chrono::{Datelike, NaiveDate, NaiveDateTime, Timelike};
use mooring_spi::CalendarUnit;
use std::collections::BTreeMap;

/// From the coarsest to the finest.
const UNITS: [(CalendarUnit, char, &str); 6] = [
    (CalendarUnit::Years, 'y', "years"),
    (CalendarUnit::Months, 'M', "months"),
    (CalendarUnit::Days, 'd', "days"),
    (CalendarUnit::Hours, 'H', "hours"),
    (CalendarUnit::Minutes, 'm', "minutes"),
    (CalendarUnit::Seconds, 's', "seconds"),
];

/// Tells years, and what is finer without leaving out anything in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DatePattern {
    items: Vec<Item>,
    precision: CalendarUnit,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// As many letters, as many digits; one letter is any number of digits.
    Number(CalendarUnit, usize),
}

impl DatePattern {
    /// # Errors
    /// What is not read of it, and what would be.
    pub(super) fn parse(pattern: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        let mut rest = pattern;
        while let Some(first) = rest.chars().next() {
            let letters = rest.chars().take_while(|letter| *letter == first).count();
            let unit = UNITS.iter().find(|(_, letter, _)| match first {
                'u' => *letter == 'y',
                'L' => *letter == 'M',
                first => *letter == first,
            });
            let item = match (unit.map(|(unit, ..)| *unit), letters) {
                (Some(CalendarUnit::Years), 4) | (Some(_), 1 | 2) => {
                    unit.map(|(unit, ..)| Item::Number(*unit, letters))
                }
                (None, _) if first == '\'' => {
                    let (text, after) = quoted(rest).ok_or("one of its quotes has no end")?;
                    items.push(Item::Literal(text));
                    rest = after;
                    continue;
                }
                (None, _) if !is_reserved(first) => {
                    Some(Item::Literal(first.to_string().repeat(letters)))
                }
                _ => None,
            };
            let Some(item) = item else {
                return Err(format!(
                    "it has `{}`, and known are yyyy, yy, y, MM, M, dd, d, HH, H, mm, m, ss, s and text in \
                     single quotes",
                    first.to_string().repeat(letters)
                ));
            };
            items.push(item);
            rest = &rest[first.len_utf8() * letters..];
        }
        let precision = precision(&items)?;
        Ok(Self { items, precision })
    }

    /// The finest unit that it tells; none is `Weeks`.
    pub(super) fn precision(&self) -> CalendarUnit {
        self.precision
    }

    /// Whether what it writes are digits and nothing else.
    pub(super) fn is_of_digits(&self) -> bool {
        self.items.iter().all(|item| match item {
            Item::Literal(text) => text.bytes().all(|byte| byte.is_ascii_digit()),
            Item::Number(..) => true,
        })
    }

    /// Whether texts have the order of their times.
    pub(super) fn is_sortable(&self) -> bool {
        let mut units = Vec::new();
        for item in &self.items {
            if let Item::Number(unit, letters) = item {
                if *letters == 1 {
                    return false;
                }
                if !units.contains(unit) {
                    units.push(*unit);
                }
            }
        }
        units.is_sorted()
    }

    /// `None` for a year that its letters cannot write.
    pub(super) fn write(&self, time: NaiveDateTime) -> Option<String> {
        let mut text = String::new();
        for item in &self.items {
            match item {
                Item::Literal(literal) => text.push_str(literal),
                Item::Number(unit, letters) => {
                    let number = number_of(time, *unit, *letters)?;
                    text.push_str(&format!("{number:0letters$}"));
                }
            }
        }
        Some(text)
    }

    /// What a text does not tell is the first month or day, or midnight. `None` for another text.
    pub(super) fn read(&self, text: &str) -> Option<NaiveDateTime> {
        let mut parts: BTreeMap<CalendarUnit, u32> = BTreeMap::new();
        let mut rest = text;
        for item in &self.items {
            match item {
                Item::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
                Item::Number(unit, letters) => {
                    let (number, after) = digits(rest, *unit, *letters)?;
                    if parts.insert(*unit, number).is_some_and(|before| before != number) {
                        return None;
                    }
                    rest = after;
                }
            }
        }
        if !rest.is_empty() {
            return None;
        }
        let part = |unit, otherwise| parts.get(&unit).copied().unwrap_or(otherwise);
        let year = i32::try_from(part(CalendarUnit::Years, 0)).ok()?;
        let (month, day) = (part(CalendarUnit::Months, 1), part(CalendarUnit::Days, 1));
        NaiveDate::from_ymd_opt(year, month, day)?.and_hms_opt(
            part(CalendarUnit::Hours, 0),
            part(CalendarUnit::Minutes, 0),
            part(CalendarUnit::Seconds, 0),
        )
    }

    /// The time that is left when it was written and is read again.
    pub(super) fn truncated(&self, time: NaiveDateTime) -> NaiveDateTime {
        let part =
            |unit, number, otherwise| if unit <= self.precision { number } else { otherwise };
        let month = part(CalendarUnit::Months, time.month(), 1);
        let day = part(CalendarUnit::Days, time.day(), 1);
        let date = NaiveDate::from_ymd_opt(time.year(), month, day);
        let truncated = date.and_then(|date| {
            date.and_hms_opt(
                part(CalendarUnit::Hours, time.hour(), 0),
                part(CalendarUnit::Minutes, time.minute(), 0),
                part(CalendarUnit::Seconds, time.second(), 0),
            )
        });
        // It is there: each part is one of a time that is.
        truncated.unwrap_or(time)
    }
}

/// # Errors
/// What the pattern does not tell.
fn precision(items: &[Item]) -> Result<CalendarUnit, String> {
    let tells =
        |unit| items.iter().any(|item| matches!(item, Item::Number(told, _) if *told == unit));
    let mut precision = None;
    let mut left_out = None;
    for (unit, _, name) in UNITS {
        match (tells(unit), left_out) {
            (true, None) => precision = Some(unit),
            (true, Some(coarser)) => return Err(format!("it tells {name} and no {coarser}")),
            (false, None) => left_out = Some(name),
            (false, Some(_)) => {}
        }
    }
    precision.ok_or_else(|| "it tells no years".to_owned())
}

/// Letters of which more may come, and what has a meaning in Java.
fn is_reserved(first: char) -> bool {
    first.is_ascii_alphabetic() || "[]{}#".contains(first)
}

/// The text of a quoted part, and what comes after it. Two quotes are one, inside of it and by themselves.
fn quoted(pattern: &str) -> Option<(String, &str)> {
    let mut rest = pattern.strip_prefix('\'')?;
    if let Some(after) = rest.strip_prefix('\'') {
        return Some(("'".to_owned(), after));
    }
    let mut text = String::new();
    loop {
        let (part, after) = rest.split_once('\'')?;
        text.push_str(part);
        match after.strip_prefix('\'') {
            Some(after) => {
                text.push('\'');
                rest = after;
            }
            None => return Some((text, after)),
        }
    }
}

/// Two letters are a year from 2000 to 2099.
fn number_of(time: NaiveDateTime, unit: CalendarUnit, letters: usize) -> Option<u32> {
    match unit {
        CalendarUnit::Years => {
            let year = u32::try_from(time.year()).ok()?;
            match letters {
                2 => year.checked_sub(2000).filter(|year| *year < 100),
                _ => Some(year).filter(|year| *year < 10_000),
            }
        }
        CalendarUnit::Months => Some(time.month()),
        CalendarUnit::Days => Some(time.day()),
        CalendarUnit::Hours => Some(time.hour()),
        CalendarUnit::Minutes => Some(time.minute()),
        CalendarUnit::Seconds => Some(time.second()),
        CalendarUnit::Weeks => None,
    }
}

fn digits(text: &str, unit: CalendarUnit, letters: usize) -> Option<(u32, &str)> {
    let there = text.bytes().take_while(u8::is_ascii_digit).count();
    let length = match (letters, unit) {
        (1, CalendarUnit::Years) => there.min(4),
        (1, _) => there.min(2),
        (letters, _) => letters,
    };
    if length == 0 || length > there {
        return None;
    }
    let (number, rest) = text.split_at(length);
    let number = number.parse().ok()?;
    match (unit, letters) {
        (CalendarUnit::Years, 2) => Some((2000 + number, rest)),
        _ => Some((number, rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pattern(text: &str) -> DatePattern {
        DatePattern::parse(text).expect(text)
    }

    fn time(text: &str) -> NaiveDateTime {
        text.parse().expect(text)
    }

    /// What `DateTimeFormatter.ofPattern(...)` of Java 17 makes of 2021-01-05T07:08:09.
    #[test]
    fn times_are_written_as_java_writes_them() {
        for (text, written) in [
            ("yyyyMM", "202101"),
            ("dd-MM-yyyy", "05-01-2021"),
            ("dd-MM-yyyy-HH-mm-ss", "05-01-2021-07-08-09"),
            ("yyyy/MM/dd/HH", "2021/01/05/07"),
            ("uuuu-LL-dd", "2021-01-05"),
            ("y-M-d H:m:s", "2021-1-5 7:8:9"),
            ("yy", "21"),
            ("'year='yyyy'/month='MM", "year=2021/month=01"),
            ("yyyy'T''s'''MM", "2021T's'01"),
            ("yyyy''MM", "2021'01"),
        ] {
            let pattern = pattern(text);
            let whole = time("2021-01-05T07:08:09");
            assert_eq!(pattern.write(whole).as_deref(), Some(written), "{text}");
            assert_eq!(pattern.read(written), Some(pattern.truncated(whole)), "{text}");
        }
    }

    #[test]
    fn only_texts_of_the_pattern_are_read() {
        for (text, others) in [
            ("yyyy-MM-dd", &["2021-1-05", "2021-02-29", "2021-01-05 ", "21-01-05", "x", ""][..]),
            ("yyyyMM", &["2021", "20211", "2021013", "202113", "2021０1"]),
            ("yyyy/yyyyMM", &["2021/202201"]),
            ("y-M", &["-1", "2021-"]),
        ] {
            for other in others {
                assert_eq!(pattern(text).read(other), None, "{text} {other}");
            }
        }
        assert_eq!(pattern("yyyy/yyyyMM").read("2021/202102"), Some(time("2021-02-01T00:00:00")));
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, named) in [
            ("YYYY-MM-dd", "`YYYY`"),
            ("yyyy-MMM", "`MMM`"),
            ("yyyy-DDD", "`DDD`"),
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "`SSS`"),
            ("yyyy[-MM]", "`[`"),
            ("yyy", "`yyy`"),
            ("yyyy'MM", "no end"),
            ("yyyy-dd", "days and no months"),
            ("HH", "hours and no years"),
            ("", "no years"),
        ] {
            let reason = DatePattern::parse(text).expect_err(text);
            assert!(reason.contains(named), "{reason}");
        }
    }

    #[test]
    fn years_that_cannot_be_written_are_not() {
        for (text, year) in [("yy", 1999), ("yy", 2100), ("yyyy", -1), ("yyyy", 10_000)] {
            let date = NaiveDate::from_ymd_opt(year, 1, 1).expect("a date");
            assert_eq!(pattern(text).write(date.into()), None);
        }
    }

    #[test]
    fn order_and_precision_are_told() {
        for (text, is_sortable, precision) in [
            ("yyyy-MM-dd", true, CalendarUnit::Days),
            ("yyyy/MM/dd/HH", true, CalendarUnit::Hours),
            ("'y='yyyy'/'yyyyMM", true, CalendarUnit::Months),
            ("dd-MM-yyyy", false, CalendarUnit::Days),
            ("yyyy-M", false, CalendarUnit::Months),
        ] {
            assert_eq!(pattern(text).is_sortable(), is_sortable, "{text}");
            assert_eq!(pattern(text).precision(), precision, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(text in "[yMdHms'/ \\-é]{0,12}", other in "[0-9/é-]{0,12}") {
            if let Ok(pattern) = DatePattern::parse(&text) {
                let _ = pattern.read(&other);
            }
        }

        #[test]
        fn what_is_written_is_read_again(seconds in 0_i64..4_000_000_000) {
            let when = chrono::DateTime::from_timestamp(seconds, 0).expect("in range").naive_utc();
            for text in ["yyyyMMddHHmmss", "d.M.y H:m", "MM/yyyy"] {
                let pattern = pattern(text);
                let written = pattern.write(when).expect("a year of four digits");
                prop_assert_eq!(pattern.read(&written), Some(pattern.truncated(when)));
            }
        }
    }
}
