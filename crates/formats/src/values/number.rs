//! Integers and floating-point numbers.

use super::trim;

/// `LazyInteger.parseInt` and `LazyLong.parseLong`, without their `trim`, as `LazyInteger.init` calls them: a
/// sign (`+` too) and digits; a fraction is read and cut off; blanks, exponents and overflow make it no number.
/// At least one character must be a digit (`LazyUtils.isNumberMaybe`).
pub(crate) fn parse_integer(bytes: &[u8]) -> Option<i64> {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    // Eighteen digits cannot overflow; this is nearly every number.
    let mut value = 0_i64;
    let mut seen = 0;
    while let Some(digit) = digits.get(seen).map(|byte| byte.wrapping_sub(b'0')) {
        if digit > 9 {
            break;
        }
        if seen < 18 {
            value = value * 10 + i64::from(digit);
        } else {
            // Below zero there is one number more.
            let next = value.checked_mul(10)?;
            value = if negative && seen == 18 { -next } else { next };
            value = if negative {
                value.checked_sub(i64::from(digit))?
            } else {
                value.checked_add(i64::from(digit))?
            };
        }
        seen += 1;
    }
    if negative && seen <= 18 {
        value = -value;
    }
    match digits.get(seen) {
        None if seen > 0 => Some(value),
        Some(b'.') => {
            let fraction = &digits[seen + 1..];
            let has_digit = seen > 0 || !fraction.is_empty();
            (has_digit && fraction.iter().all(u8::is_ascii_digit)).then_some(value)
        }
        _ => None,
    }
}

/// `Double.parseDouble` of Java, which trims, knows `NaN` and `Infinity` in just these letters and takes a
/// suffix `d` or `f`. Its hexadecimal form is not read.
pub(crate) fn parse_double(bytes: &[u8]) -> Option<f64> {
    match floating(bytes)? {
        Floating::Text(text) => text.parse().ok(),
        Floating::Special(value) => Some(value),
    }
}

/// `Float.parseFloat` of Java: rounded once, from the text.
pub(crate) fn parse_float(bytes: &[u8]) -> Option<f32> {
    match floating(bytes)? {
        Floating::Text(text) => text.parse().ok(),
        Floating::Special(value) => Some(value as f32),
    }
}

enum Floating<'a> {
    Text(&'a str),
    Special(f64),
}

fn floating(bytes: &[u8]) -> Option<Floating<'_>> {
    let bytes = trim(bytes);
    match bytes {
        b"NaN" | b"+NaN" | b"-NaN" => return Some(Floating::Special(f64::NAN)),
        b"Infinity" | b"+Infinity" => return Some(Floating::Special(f64::INFINITY)),
        b"-Infinity" => return Some(Floating::Special(f64::NEG_INFINITY)),
        _ => {}
    }
    let number = match bytes {
        [rest @ .., b'd' | b'D' | b'f' | b'F'] => rest,
        rest => rest,
    };
    // Rust knows more words than Java; letters other than an exponent's are none of Java's.
    let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E');
    if !number.iter().all(plain) {
        return None;
    }
    std::str::from_utf8(number).ok().map(Floating::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expectations: `LazyInteger.java` and `LazyLong.java`, read by hand.
    #[test]
    fn integers() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("+5", Some(5)),
            ("007", Some(7)),
            ("1.9", Some(1)),
            ("-1.9", Some(-1)),
            ("1.", Some(1)),
            (".5", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("-9223372036854775809", None),
            ("99999999999999999999999", None),
            ("000000000000000000000000012", Some(12)),
            ("-000000000000000000000000012", Some(-12)),
            ("1000000000000000000", Some(1_000_000_000_000_000_000)),
            ("-1000000000000000001", Some(-1_000_000_000_000_000_001)),
            ("", None),
            ("-", None),
            ("+", None),
            (".", None),
            ("-.", None),
            (" 1", None),
            ("1 ", None),
            ("1e3", None),
            ("1.2.3", None),
            ("0x1", None),
            ("--1", None),
        ] {
            assert_eq!(parse_integer(text.as_bytes()), expected, "{text}");
        }
    }

    /// Expectations: the documentation of `java.lang.Double.valueOf(String)`.
    #[test]
    fn floating_point() {
        for (text, expected) in [
            ("1", Some(1.0)),
            (" 1.5\t", Some(1.5)),
            ("1.", Some(1.0)),
            (".5", Some(0.5)),
            ("-1e3", Some(-1000.0)),
            ("1E-2", Some(0.01)),
            ("1.5d", Some(1.5)),
            ("1.5F", Some(1.5)),
            ("Infinity", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("inf", None),
            ("infinity", None),
            ("nan", None),
            ("NaNd", None),
            ("d", None),
            ("", None),
            (".", None),
            ("1 2", None),
            ("1dd", None),
            ("e5", None),
        ] {
            assert_eq!(parse_double(text.as_bytes()), expected, "{text}");
        }
        assert!(parse_double(b"NaN").is_some_and(f64::is_nan));
        // 16777217 is halfway between two floats; through a double the tail would be lost.
        assert_eq!(parse_float(b"16777217.0000000001"), Some(16_777_218.0));
    }
}
