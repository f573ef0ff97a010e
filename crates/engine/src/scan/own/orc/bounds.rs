//! Between which values of the table's type the values of a stripe lie. Where a writer may order them in another way
//! than the engine does, nothing is said: numbers with decimal points (a NaN is above and below none), `char(n)`, of
//! which some writers store the spaces, timestamps and booleans.

use super::statistics::{Bounds, Known};
use super::tail::Writer;
use super::types::{Kind, Type};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;

/// Both ends belong to it; one that is not known is `None`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Range {
    pub least: Option<ScalarValue>,
    pub greatest: Option<ScalarValue>,
}

/// The range of the values of a column that a file has as `stored`, and the table as `target`.
pub(super) fn range(known: &Known<'_>, stored: &Type, target: &DataType, writer: Writer) -> Range {
    let found = match target {
        // What is said of no values says nothing.
        _ if known.values == Some(0) => None,
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64
            if matches!(stored.kind, Kind::Byte | Kind::Short | Kind::Int | Kind::Long) =>
        {
            between(known.integers, Some, |value| integer(value, target))
        }
        DataType::Date32 if stored.kind == Kind::Date => between(
            known.days,
            |day| i32::try_from(day).ok(),
            |day| Some(ScalarValue::Date32(Some(day))),
        ),
        DataType::Utf8 if matches!(stored.kind, Kind::String | Kind::Varchar) => between(
            known.texts,
            |text| std::str::from_utf8(text).ok(),
            |text| Some(ScalarValue::Utf8(Some(text.to_owned()))),
        ),
        // With fewer digits behind the point, values are rounded.
        DataType::Decimal128(precision, scale)
            if stored.kind == Kind::Decimal
                && writer.knows_decimals()
                && i64::from(*scale) >= i64::from(stored.scale) =>
        {
            between(
                known.decimals,
                |text| decimal(text, *precision, *scale),
                |value| Some(ScalarValue::Decimal128(Some(value), *precision, *scale)),
            )
        }
        _ => None,
    };
    found.unwrap_or_default()
}

/// `None` if one of the bounds is no such value, or they are the wrong way round.
fn between<T, V: PartialOrd + Copy>(
    bounds: Bounds<T>,
    read: impl Fn(T) -> Option<V>,
    to_scalar: impl Fn(V) -> Option<ScalarValue>,
) -> Option<Range> {
    let value = |bound: Option<T>| match bound {
        Some(bound) => read(bound).map(Some),
        None => Some(None),
    };
    let (least, greatest) = (value(bounds.least)?, value(bounds.greatest)?);
    if least.zip(greatest).is_some_and(|(least, greatest)| least > greatest) {
        return None;
    }
    let scalar = |value: Option<V>| match value {
        Some(value) => to_scalar(value).map(Some),
        None => Some(None),
    };
    Some(Range { least: scalar(least)?, greatest: scalar(greatest)? })
}

fn integer(value: i64, target: &DataType) -> Option<ScalarValue> {
    match target {
        DataType::Int8 => i8::try_from(value).ok().map(|value| ScalarValue::Int8(Some(value))),
        DataType::Int16 => i16::try_from(value).ok().map(|value| ScalarValue::Int16(Some(value))),
        DataType::Int32 => i32::try_from(value).ok().map(|value| ScalarValue::Int32(Some(value))),
        DataType::Int64 => Some(ScalarValue::Int64(Some(value))),
        _ => None,
    }
}

/// `-12.5` as a number of units of the last place: with two digits behind the point, -1,250. `None` for what is no
/// plain decimal, or has more digits than its type.
fn decimal(text: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let kept = fraction.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last + 1);
    let scale = usize::try_from(scale).ok()?;
    if whole.is_empty() || kept > scale || point.is_some() && fraction.is_empty() {
        return None;
    }
    let mut units: i128 = 0;
    let zeros = std::iter::repeat_n(&b'0', scale - kept);
    for digit in whole.iter().chain(&fraction[..kept]).chain(zeros) {
        if !digit.is_ascii_digit() {
            return None;
        }
        units = units.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let limit = 10_i128.checked_pow(u32::from(precision))?;
    (units < limit).then_some(sign * units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_read_as_they_are_written() {
        for (text, expected) in [
            ("0", Some(0)),
            ("12.5", Some(1_250)),
            ("-12.5", Some(-1_250)),
            ("-0.01", Some(-1)),
            ("7.1000", Some(710)),
            ("007", Some(700)),
            ("999.99", Some(99_999)),
            ("1000", None),
            ("0.001", None),
            ("1e2", None),
            ("+1", None),
            ("--1", None),
            ("1.", None),
            (".5", None),
            ("1.2.3", None),
            ("", None),
            ("-", None),
            ("1.x00", None),
        ] {
            assert_eq!(decimal(text.as_bytes(), 5, 2), expected, "{text}");
        }
        let nines = "9".repeat(38);
        assert_eq!(decimal(nines.as_bytes(), 38, 0), nines.parse().ok());
        assert_eq!(decimal(format!("{nines}0").as_bytes(), 38, 0), None);
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[-0-9.]{0,60}", precision in 1_u8..=38, scale in -2_i8..=38) {
            if let Some(units) = decimal(text.as_bytes(), precision, scale) {
                prop_assert!(units.unsigned_abs() < 10_u128.pow(u32::from(precision)));
            }
        }
    }
}
