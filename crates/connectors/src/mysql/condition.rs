//! Conditions that a server checks before it sends rows. The engine checks all of them again, so what is sent may hold
//! for more rows than the domain, and never for fewer: what is not sure to do so is left out.

use super::settings::ZeroDates;
use super::sql;
use super::types::Comparison;
use crate::sql::decimal_text;
use chrono::{DateTime, Datelike, NaiveDateTime};
use mooring_spi::{Bound, Domain, Range, Value, quote};

/// A condition that would be longer is not sent.
const LENGTH_MAX: usize = 64 * 1024;

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;
const MICROSECONDS_PER_DAY: i64 = 86_400 * MICROSECONDS_PER_SECOND;

/// The condition that `domain` is for a column; `None` where the server is not asked to check it.
pub(super) fn condition(
    column: &str,
    comparison: Comparison,
    domain: &Domain,
    zero_dates: ZeroDates,
) -> Option<String> {
    let is_date = match comparison {
        Comparison::None => return None,
        Comparison::Date | Comparison::Moment { .. } | Comparison::Instant { .. } => true,
        Comparison::Integer
        | Comparison::Unsigned
        | Comparison::Decimal
        | Comparison::Double
        | Comparison::Text { .. }
        | Comparison::Bytes => false,
    };
    if domain.nulls && is_date && zero_dates == ZeroDates::Null {
        // A date that is null to us is none there.
        return None;
    }
    let name = quote(column);
    let mut exact = Vec::new();
    let mut parts = Vec::new();
    for range in &domain.ranges {
        let (low, high) = bounds(comparison, range)?;
        match (low, high) {
            (Limit::None, Limit::None) if domain.nulls => return None,
            (Limit::None, Limit::None) => return Some(format!("{name} IS NOT NULL")),
            (Limit::Included(low), Limit::Included(high)) if low == high => exact.push(low),
            (low, high) => {
                let low = low.text(&name, ">");
                let high = high.text(&name, "<");
                parts.push([low, high].into_iter().flatten().collect::<Vec<_>>().join(" AND "));
            }
        }
    }
    match exact.as_slice() {
        [] => {}
        [value] => parts.push(format!("{name} = {value}")),
        values => parts.push(format!("{name} IN ({})", values.join(", "))),
    }
    if domain.nulls {
        parts.push(format!("{name} IS NULL"));
    }
    let condition = match parts.as_slice() {
        // No value at all.
        [] => "FALSE".to_owned(),
        [part] => format!("({part})"),
        parts => format!("(({}))", parts.join(") OR (")),
    };
    (condition.len() <= LENGTH_MAX).then_some(condition)
}

/// One end of a range as it is sent.
#[derive(Debug, Clone, PartialEq)]
enum Limit {
    None,
    Included(String),
    Excluded(String),
}

impl Limit {
    fn text(&self, name: &str, operator: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Included(value) => Some(format!("{name} {operator}= {value}")),
            Self::Excluded(value) => Some(format!("{name} {operator} {value}")),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

/// `None` where a bound cannot be sent at all.
fn bounds(comparison: Comparison, range: &Range) -> Option<(Limit, Limit)> {
    if let Comparison::Text { ordered: false, .. } = comparison
        && range.only_value().is_none()
        && (range.low != Bound::Unbounded || range.high != Bound::Unbounded)
    {
        return None;
    }
    Some((limit(comparison, &range.low, End::Low)?, limit(comparison, &range.high, End::High)?))
}

fn limit(comparison: Comparison, bound: &Bound, end: End) -> Option<Limit> {
    let (value, is_included) = match bound {
        Bound::Unbounded => return Some(Limit::None),
        Bound::Included(value) => (value, true),
        Bound::Excluded(value) => (value, false),
    };
    let as_given = |text| match is_included {
        true => Limit::Included(text),
        false => Limit::Excluded(text),
    };
    Some(match (comparison, value) {
        (Comparison::Integer, Value::Int(value)) => as_given(value.to_string()),
        (Comparison::Unsigned, Value::UInt(value)) => as_given(value.to_string()),
        (Comparison::Decimal, Value::Decimal { unscaled, scale }) => {
            as_given(decimal_text(*unscaled, *scale))
        }
        // Sorts tell -0.0 from 0.0 here, comparisons do not: both are asked for.
        (Comparison::Double, Value::Float(value)) if *value == 0.0 => {
            Limit::Included(sql::double(0.0))
        }
        (Comparison::Double, Value::Float(value)) if value.is_finite() => {
            as_given(sql::double(*value))
        }
        (Comparison::Date, Value::Date(days)) => {
            let micros = i64::from(*days).checked_mul(MICROSECONDS_PER_DAY)?;
            match moment(micros, 1..=9999) {
                Some(date) => as_given(format!("DATE'{}'", date.format("%Y-%m-%d"))),
                None => Limit::None,
            }
        }
        (Comparison::Moment { digits }, Value::Timestamp(micros)) => {
            rounded(*micros, digits, 1..=9999, is_included, end)
        }
        // The column has values from 1970-01-01 00:00:01 to 2038-01-19 03:14:07, on some servers later ones. Beyond the
        // whole years of these the server's comparison has its own ways: no bound is sent.
        (Comparison::Instant { digits }, Value::Timestamp(micros)) => {
            rounded(*micros, digits, 1971..=2037, is_included, end)
        }
        (Comparison::Text { characters, .. }, Value::Text(value)) if characters.have(value) => {
            as_given(sql::text(value))
        }
        (Comparison::Bytes, Value::Binary(value)) => as_given(sql::bytes(value)),
        _ => return None,
    })
}

/// A moment in as many digits as the column has, away from the range where it lies between two of them.
fn rounded(
    micros: i64,
    digits: u8,
    years: std::ops::RangeInclusive<i32>,
    is_included: bool,
    end: End,
) -> Limit {
    let unit = 10_i64.pow(6 - u32::from(digits.min(6)));
    let down = micros.div_euclid(unit).saturating_mul(unit);
    let (sent, is_exact) = match (down == micros, end) {
        (true, _) => (micros, true),
        (false, End::Low) => (down, false),
        (false, End::High) => (down.saturating_add(unit), false),
    };
    let Some(moment) = moment(sent, years) else { return Limit::None };
    let text = format!("TIMESTAMP'{}'", moment.format("%Y-%m-%d %H:%M:%S%.6f"));
    match is_included || !is_exact {
        true => Limit::Included(text),
        false => Limit::Excluded(text),
    }
}

fn moment(micros: i64, years: std::ops::RangeInclusive<i32>) -> Option<NaiveDateTime> {
    let moment = DateTime::from_timestamp_micros(micros)?.naive_utc();
    years.contains(&moment.year()).then_some(moment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::types::Characters;

    fn range(low: Bound, high: Bound) -> Domain {
        Domain { ranges: vec![Range { low, high }], nulls: false }
    }

    fn text_of(comparison: Comparison, domain: &Domain) -> Option<String> {
        condition("c", comparison, domain, ZeroDates::Error)
    }

    fn exactly(value: Value) -> Domain {
        Domain { ranges: vec![Range::exactly(value)], nulls: false }
    }

    #[test]
    fn ranges_lists_and_nulls_become_text() {
        let low = Bound::Included(Value::Int(1));
        let between = range(low, Bound::Excluded(Value::Int(5)));
        assert_eq!(
            text_of(Comparison::Integer, &between).as_deref(),
            Some("(`c` >= 1 AND `c` < 5)")
        );
        let mut list = exactly(Value::Int(7));
        list.ranges.push(Range::exactly(Value::Int(-9)));
        assert_eq!(text_of(Comparison::Integer, &list).as_deref(), Some("(`c` IN (7, -9))"));
        list.ranges.extend(between.ranges);
        list.nulls = true;
        assert_eq!(
            text_of(Comparison::Integer, &list).as_deref(),
            Some("((`c` >= 1 AND `c` < 5) OR (`c` IN (7, -9)) OR (`c` IS NULL))")
        );
        let any = range(Bound::Unbounded, Bound::Unbounded);
        assert_eq!(text_of(Comparison::Integer, &any).as_deref(), Some("`c` IS NOT NULL"));
        let null = Domain { ranges: Vec::new(), nulls: true };
        assert_eq!(text_of(Comparison::Integer, &null).as_deref(), Some("(`c` IS NULL)"));
        let none = Domain { ranges: Vec::new(), nulls: false };
        assert_eq!(text_of(Comparison::Integer, &none).as_deref(), Some("FALSE"));
    }

    #[test]
    fn values_of_another_type_are_not_sent() {
        assert_eq!(text_of(Comparison::Integer, &exactly(Value::UInt(1))), None);
        assert_eq!(text_of(Comparison::Double, &exactly(Value::Float(f64::NAN))), None);
        assert_eq!(text_of(Comparison::None, &exactly(Value::Int(1))), None);
    }

    #[test]
    fn texts_are_equal_under_every_collation_and_ordered_under_few() {
        let text = |ordered, characters| Comparison::Text { ordered, characters };
        let unordered = text(false, Characters::All);
        let ordered = text(true, Characters::All);
        let basic = text(false, Characters::Basic);
        let ascii = text(false, Characters::Ascii);
        let word = |text: &str| Value::Text(text.to_owned());
        assert_eq!(text_of(unordered, &exactly(word("ü'"))).as_deref(), Some("(`c` = 'ü''')"));
        assert_eq!(text_of(ascii, &exactly(word("ü"))), None);
        assert_eq!(
            text_of(basic, &exactly(word("\u{FFFD}"))).as_deref(),
            Some("(`c` = '\u{FFFD}')")
        );
        assert_eq!(text_of(basic, &exactly(word("\u{10000}"))), None);
        assert_eq!(text_of(unordered, &exactly(word("😀"))).as_deref(), Some("(`c` = '😀')"));
        assert_eq!(text_of(ascii, &exactly(word("u"))).as_deref(), Some("(`c` = 'u')"));
        let above = range(Bound::Excluded(word("a")), Bound::Unbounded);
        assert_eq!(text_of(unordered, &above), None);
        assert_eq!(text_of(ordered, &above).as_deref(), Some("(`c` > 'a')"));
        let any = range(Bound::Unbounded, Bound::Unbounded);
        assert_eq!(text_of(unordered, &any).as_deref(), Some("`c` IS NOT NULL"));
    }

    #[test]
    fn both_zeros_are_asked_for() {
        let above = range(Bound::Excluded(Value::Float(-0.0)), Bound::Unbounded);
        assert_eq!(text_of(Comparison::Double, &above).as_deref(), Some("(`c` >= 0e0)"));
    }

    /// 2024-02-29 12:00:00.25 UTC
    const MOMENT: i64 = 1_709_208_000_250_000;

    #[test]
    fn moments_between_two_values_widen_the_range() {
        let above = range(Bound::Excluded(Value::Timestamp(MOMENT)), Bound::Unbounded);
        let sent = |digits, domain| text_of(Comparison::Moment { digits }, domain);
        assert_eq!(
            sent(0, &above).as_deref(),
            Some("(`c` >= TIMESTAMP'2024-02-29 12:00:00.000000')")
        );
        assert_eq!(
            sent(2, &above).as_deref(),
            Some("(`c` > TIMESTAMP'2024-02-29 12:00:00.250000')")
        );
        let below = range(Bound::Unbounded, Bound::Excluded(Value::Timestamp(MOMENT)));
        assert_eq!(
            sent(1, &below).as_deref(),
            Some("(`c` <= TIMESTAMP'2024-02-29 12:00:00.300000')")
        );
        assert_eq!(
            sent(0, &exactly(Value::Timestamp(MOMENT))).as_deref(),
            Some(
                "(`c` >= TIMESTAMP'2024-02-29 12:00:00.000000' AND \
                 `c` <= TIMESTAMP'2024-02-29 12:00:01.000000')"
            )
        );
    }

    #[test]
    fn bounds_beyond_a_type_are_none() {
        let early = range(Bound::Included(Value::Date(-800_000)), Bound::Included(Value::Date(0)));
        assert_eq!(text_of(Comparison::Date, &early).as_deref(), Some("(`c` <= DATE'1970-01-01')"));
        let instant = Comparison::Instant { digits: 6 };
        let late = range(Bound::Included(Value::Timestamp(i64::MAX)), Bound::Unbounded);
        assert_eq!(text_of(instant, &late).as_deref(), Some("`c` IS NOT NULL"));
    }

    #[test]
    fn dates_that_are_null_to_us_alone_are_asked_for() {
        let null = Domain { ranges: Vec::new(), nulls: true };
        assert_eq!(condition("c", Comparison::Date, &null, ZeroDates::Null), None);
        assert!(condition("c", Comparison::Date, &null, ZeroDates::Error).is_some());
        assert!(condition("c", Comparison::Integer, &null, ZeroDates::Null).is_some());
    }
}
