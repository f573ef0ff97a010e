//! The ends of a range of dates, and steps along the calendar.
//!
//! Source: Amazon Athena User Guide, "Supported types for partition projection", "Date type", which has `NOW`
//! as a regular expression with one step; more are read in their order.

use super::date_pattern::DatePattern;
use chrono::{DateTime, Months, NaiveDateTime, TimeDelta};
use mooring_spi::{CalendarUnit, DateBound};

const NOW: &str = "NOW";

/// `None` for what is neither a date of the pattern nor `NOW` with steps.
pub(super) fn bound(text: &str, pattern: &DatePattern) -> Option<DateBound> {
    // White space belongs to a date if its pattern has some.
    let date = pattern.read(text).or_else(|| pattern.read(text.trim()));
    match date {
        Some(date) => Some(DateBound::At(date.and_utc().timestamp())),
        None => steps(text).map(DateBound::Now),
    }
}

/// Those after `NOW`.
fn steps(text: &str) -> Option<Vec<(i32, CalendarUnit)>> {
    let text = text.trim();
    text.get(..NOW.len()).filter(|word| word.eq_ignore_ascii_case(NOW))?;
    let mut rest = text[NOW.len()..].trim_start();
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (sign, after) = match rest.strip_prefix('-') {
            Some(after) => (-1, after),
            None => (1, rest.strip_prefix('+')?),
        };
        let (number, after) = leading(after.trim_start(), |digit| digit.is_ascii_digit());
        let (word, after) = leading(after.trim_start(), |letter| letter.is_ascii_alphabetic());
        steps.push((sign * number.parse::<i32>().ok()?, unit(word)?));
        rest = after.trim_start();
    }
    Some(steps)
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|character| !belongs(character)).unwrap_or(text.len()))
}

/// By its name of one or many, in any case.
pub(super) fn unit(word: &str) -> Option<CalendarUnit> {
    Some(match word.to_ascii_uppercase().as_str() {
        "YEAR" | "YEARS" => CalendarUnit::Years,
        "MONTH" | "MONTHS" => CalendarUnit::Months,
        "WEEK" | "WEEKS" => CalendarUnit::Weeks,
        "DAY" | "DAYS" => CalendarUnit::Days,
        "HOUR" | "HOURS" => CalendarUnit::Hours,
        "MINUTE" | "MINUTES" => CalendarUnit::Minutes,
        "SECOND" | "SECONDS" => CalendarUnit::Seconds,
        _ => return None,
    })
}

/// `None` beyond the calendar.
pub(super) fn time_of(bound: &DateBound, now: NaiveDateTime) -> Option<NaiveDateTime> {
    match bound {
        DateBound::At(seconds) => {
            DateTime::from_timestamp(*seconds, 0).map(|time| time.naive_utc())
        }
        DateBound::Now(steps) => {
            steps.iter().try_fold(now, |time, (number, unit)| moved(time, (*number).into(), *unit))
        }
    }
}

/// How long a step is: by the calendar, or by the clock.
pub(super) enum Step {
    Months(i64),
    Seconds(i64),
}

pub(super) fn step(unit: CalendarUnit) -> Step {
    match unit {
        CalendarUnit::Years => Step::Months(12),
        CalendarUnit::Months => Step::Months(1),
        CalendarUnit::Weeks => Step::Seconds(7 * 86_400),
        CalendarUnit::Days => Step::Seconds(86_400),
        CalendarUnit::Hours => Step::Seconds(3_600),
        CalendarUnit::Minutes => Step::Seconds(60),
        CalendarUnit::Seconds => Step::Seconds(1),
    }
}

/// Where a month has no such day it is its last one. `None` beyond the calendar.
pub(super) fn moved(time: NaiveDateTime, number: i64, unit: CalendarUnit) -> Option<NaiveDateTime> {
    match step(unit) {
        Step::Months(months) => {
            let months = months.checked_mul(number)?;
            let number = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
            match months < 0 {
                true => time.checked_sub_months(number),
                false => time.checked_add_months(number),
            }
        }
        Step::Seconds(seconds) => {
            time.checked_add_signed(TimeDelta::try_seconds(seconds.checked_mul(number)?)?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<DateBound> {
        bound(text, &DatePattern::parse("yyyy-MM-dd").expect("a pattern"))
    }

    #[test]
    fn dates_and_steps_from_now_are_read() {
        let now = |steps: &[(i32, CalendarUnit)]| Some(DateBound::Now(steps.to_vec()));
        for (text, expected) in [
            // `date -u -d 2017-01-02 +%s`
            ("2017-01-02", Some(DateBound::At(1_483_315_200))),
            (" 2017-01-02 ", Some(DateBound::At(1_483_315_200))),
            ("NOW", now(&[])),
            // The examples of Athena's documentation, and what its regular expression allows.
            ("NOW-3YEARS", now(&[(-3, CalendarUnit::Years)])),
            ("NOW+1MONTH", now(&[(1, CalendarUnit::Months)])),
            (" NOW - 2 WEEKS ", now(&[(-2, CalendarUnit::Weeks)])),
            ("now+1DAY-2hours", now(&[(1, CalendarUnit::Days), (-2, CalendarUnit::Hours)])),
            ("NOW-3", None),
            ("NOW-YEARS", None),
            ("NOW 3YEARS", None),
            ("NOW-3FORTNIGHTS", None),
            ("NOW-99999999999DAYS", None),
            ("NOWHERE", None),
            ("2017-01", None),
            ("", None),
            ("é", None),
        ] {
            assert_eq!(read(text), expected, "`{text}`");
        }
    }

    /// As `LocalDateTime` of Java 17 counts.
    #[test]
    fn steps_follow_the_calendar() {
        let time = |text: &str| -> NaiveDateTime { text.parse().expect(text) };
        let now = time("2024-03-31T10:30:00");
        for (text, expected) in [
            ("NOW-1MONTH", Some("2024-02-29T10:30:00")),
            ("NOW+11MONTHS", Some("2025-02-28T10:30:00")),
            ("NOW-1YEAR", Some("2023-03-31T10:30:00")),
            ("NOW+1WEEK-1DAY+1HOUR", Some("2024-04-06T11:30:00")),
            ("NOW+60SECONDS-2MINUTES", Some("2024-03-31T10:29:00")),
            ("NOW+2000000000YEARS", None),
            ("NOW-2000000000WEEKS", None),
        ] {
            let bound = read(text).expect(text);
            assert_eq!(time_of(&bound, now), expected.map(time), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "(NOW)?[-+ 0-9A-Zé]{0,20}") {
            let now = NaiveDateTime::default();
            let _ = read(&text).and_then(|bound| time_of(&bound, now));
        }
    }
}
