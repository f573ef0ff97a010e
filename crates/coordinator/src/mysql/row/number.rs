//! Numbers as MySQL prints them.

use arrow::datatypes::i256;
use std::io::Write;

pub(super) fn put_integer<I: itoa::Integer>(out: &mut Vec<u8>, value: I) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The longest decimal that 128 bits hold fits in here with a leading zero.
pub(super) fn put_decimal(out: &mut Vec<u8>, unscaled: i128, scale: i8) {
    if unscaled < 0 {
        out.push(b'-');
    }
    let mut buffer = itoa::Buffer::new();
    // Narrow integers format several times faster.
    match u64::try_from(unscaled.unsigned_abs()) {
        Ok(narrow) => put_digits(out, buffer.format(narrow).as_bytes(), scale),
        Err(_) => put_digits(out, buffer.format(unscaled.unsigned_abs()).as_bytes(), scale),
    }
}

pub(super) fn put_wide_decimal(out: &mut Vec<u8>, unscaled: i256, scale: i8) {
    if let Some(narrow) = unscaled.to_i128() {
        return put_decimal(out, narrow, scale);
    }
    let text = unscaled.to_string();
    match text.strip_prefix('-') {
        None => put_digits(out, text.as_bytes(), scale),
        Some(digits) => {
            out.push(b'-');
            put_digits(out, digits.as_bytes(), scale);
        }
    }
}

/// Puts the point into the digits of an unscaled value; all digits of the scale are shown, and at
/// least one before the point.
fn put_digits(out: &mut Vec<u8>, digits: &[u8], scale: i8) {
    let places = usize::from(scale.unsigned_abs());
    if scale <= 0 {
        out.extend_from_slice(digits);
        if digits != b"0" {
            out.resize(out.len() + places, b'0');
        }
        return;
    }
    match digits.len().checked_sub(places) {
        Some(whole @ 1..) => {
            out.extend_from_slice(&digits[..whole]);
            out.push(b'.');
            out.extend_from_slice(&digits[whole..]);
        }
        _ => {
            out.extend_from_slice(b"0.");
            out.resize(out.len() + places - digits.len(), b'0');
            out.extend_from_slice(digits);
        }
    }
}

/// MySQL prints a double plainly while its decimal point is at most 15 digits to the right, or 14
/// zeros to the left, of the first digit, and else with an exponent (`strings/dtoa.cc`, `my_gcvt`,
/// `MAX_DECPT_FOR_F_FORMAT`).
const POINT: std::ops::RangeInclusive<i32> = -14..=15;

/// The fewest digits that read back as the same double.
pub(super) fn put_double(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        put_float_text(out, ryu::Buffer::new().format_finite(value));
    } else {
        put_not_finite(out, value);
    }
}

/// The fewest digits that read back as the same float. (MySQL rounds a FLOAT to six digits when it
/// prints; nothing is lost here.)
pub(super) fn put_float(out: &mut Vec<u8>, value: f32) {
    if value.is_finite() {
        put_float_text(out, ryu::Buffer::new().format_finite(value));
    } else {
        put_not_finite(out, f64::from(value));
    }
}

/// MySQL has no such values; these are the spellings that drivers parse.
fn put_not_finite(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"Infinity"
    } else {
        b"-Infinity"
    });
}

/// Turns `ryu`'s text (`1.0`, `12.5`, `1e20`, `1.5e-7`) into MySQL's.
fn put_float_text(out: &mut Vec<u8>, text: &str) {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if unsigned.len() < text.len() {
        out.push(b'-');
    }
    let whole = unsigned.strip_suffix(".0").unwrap_or(unsigned);
    // Most values: plain already, and with few enough digits before the point to stay so.
    let before_point = whole.bytes().position(|byte| !byte.is_ascii_digit());
    if before_point.unwrap_or(whole.len()) <= 15 && !whole.contains('e') {
        return out.extend_from_slice(whole.as_bytes());
    }
    put_rare_float(out, whole);
}

#[cold]
fn put_rare_float(out: &mut Vec<u8>, text: &str) {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [before, after].concat();
    let digits = all.trim_start_matches('0');
    let leading_zeros = all.len() - digits.len();
    let digits = digits.trim_end_matches('0');
    // The value is 0.DIGITS times ten to the power of `point`. The lengths are below 400.
    let point =
        exponent.parse::<i32>().unwrap_or_default() + before.len() as i32 - leading_zeros as i32;
    if !POINT.contains(&point) {
        let (first, rest) = digits.split_at(1.min(digits.len()));
        out.extend_from_slice(first.as_bytes());
        if !rest.is_empty() {
            out.push(b'.');
            out.extend_from_slice(rest.as_bytes());
        }
        // Writing into memory does not fail.
        let _ = write!(out, "e{}", point - 1);
        return;
    }
    let Some(whole) = usize::try_from(point).ok().filter(|whole| *whole > 0) else {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + point.unsigned_abs() as usize, b'0');
        return out.extend_from_slice(digits.as_bytes());
    };
    if digits.len() <= whole {
        out.extend_from_slice(digits.as_bytes());
        return out.resize(out.len() + whole - digits.len(), b'0');
    }
    let (before, after) = digits.split_at(whole);
    out.extend_from_slice(before.as_bytes());
    out.push(b'.');
    out.extend_from_slice(after.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    /// As MariaDB 10.11 answers `SELECT 1e15` and so on.
    #[test]
    fn doubles_look_as_in_mysql() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (123_456_789_012_345.0, "123456789012345"),
            (1_234_567_890_123_456.0, "1.234567890123456e15"),
            (1e20, "1e20"),
            (1.5e300, "1.5e300"),
            (123_456_789_012_345_680.0, "1.2345678901234568e17"),
            (123_456_789.123_456_79, "123456789.12345679"),
            (0.0001, "0.0001"),
            (0.000_001_5, "0.0000015"),
            (1e-15, "0.000000000000001"),
            (1e-16, "1e-16"),
            (1.7976931348623157e308, "1.7976931348623157e308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(text(|out| put_double(out, value)), expected);
        }
    }

    #[test]
    fn floats_read_back() {
        assert_eq!(text(|out| put_float(out, 0.1)), "0.1");
        assert_eq!(text(|out| put_float(out, 16_777_216.0)), "16777216");
    }

    proptest! {
        #[test]
        fn every_double_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let read: f64 = text(|out| put_double(out, value)).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), bits);
        }

        #[test]
        fn every_float_reads_back(bits: u32) {
            let value = f32::from_bits(bits);
            prop_assume!(value.is_finite());
            let read: f32 = text(|out| put_float(out, value)).parse().expect("a number");
            prop_assert_eq!(read.to_bits(), bits);
        }
    }

    /// The SQL standard's literals, as `SELECT CAST(... AS DECIMAL(p, s))` answers them.
    #[test]
    fn decimals_show_their_scale() {
        for (unscaled, scale, expected) in [
            (12_345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (100, 2, "1.00"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (7, -2, "700"),
            (0, -2, "0"),
            (i128::MAX, 38, "1.70141183460469231731687303715884105727"),
        ] {
            assert_eq!(text(|out| put_decimal(out, unscaled, scale)), expected);
        }
        let wide = i256::from_string("-12345678901234567890123456789012345678901234567890");
        assert_eq!(
            text(|out| put_wide_decimal(out, wide.expect("a number"), 10)),
            "-1234567890123456789012345678901234567890.1234567890"
        );
    }
}
