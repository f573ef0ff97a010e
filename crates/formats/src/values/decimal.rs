//! Decimals: `HiveDecimal`, then `enforcePrecisionScale`.

use super::trim;

/// The unscaled value of a decimal with `precision` and `scale`, rounded half up. A value with more digits before
/// the point than the type has is none. Blanks around it and an exponent are allowed.
pub(crate) fn parse_decimal(bytes: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let bytes = trim(bytes);
    let (negative, bytes) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let (mantissa, exponent) = match bytes.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        Some(at) => (&bytes[..at], parse_exponent(&bytes[at + 1..])?),
        None => (bytes, 0),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    let whole = &mantissa[..point];
    let fraction = mantissa.get(point + 1..).unwrap_or(&[]);
    if (whole.is_empty() && fraction.is_empty())
        || !whole.iter().chain(fraction).all(u8::is_ascii_digit)
    {
        return None;
    }
    let leading_zeros = whole.iter().chain(fraction).take_while(|digit| **digit == b'0').count();
    let digits = whole.len() + fraction.len() - leading_zeros;
    if digits == 0 {
        return Some(0);
    }
    // How many of the digits stand before the place where the value is rounded. A line's length bounds all
    // counts far below what overflows.
    let kept = digits as i64 - fraction.len() as i64 + exponent + i64::from(scale);
    if kept > i64::from(precision) {
        return None;
    }
    if kept < 0 {
        return Some(0);
    }
    let mut rest = whole.iter().chain(fraction).skip(leading_zeros);
    let mut value = 0_i128;
    for _ in 0..kept {
        // At most 38 digits: no overflow.
        value = value * 10 + rest.next().map_or(0, |digit| i128::from(digit - b'0'));
    }
    if rest.next().is_some_and(|digit| *digit >= b'5') {
        value += 1;
    }
    // Rounding may have brought one digit more.
    (value < 10_i128.checked_pow(u32::from(precision))?).then_some(if negative {
        -value
    } else {
        value
    })
}

/// Far exponents are all alike: no decimal reaches them.
fn parse_exponent(bytes: &[u8]) -> Option<i64> {
    const FAR: i64 = 1 << 40;
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value =
        digits.iter().fold(0_i64, |value, digit| (value * 10 + i64::from(digit - b'0')).min(FAR));
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::parse_decimal;

    /// Expectations by arithmetic; the rounding rule is `HiveDecimal.ROUND_HALF_UP`.
    #[test]
    fn decimals() {
        for (text, precision, scale, expected) in [
            ("1.5", 10, 2, Some(150)),
            ("-1.005", 10, 2, Some(-101)),
            ("1.004", 10, 2, Some(100)),
            ("  12 ", 5, 0, Some(12)),
            (".5", 5, 0, Some(1)),
            (".4", 5, 0, Some(0)),
            ("5.", 5, 1, Some(50)),
            ("+7", 3, 0, Some(7)),
            ("99.95", 3, 1, None),
            ("99.94", 3, 1, Some(999)),
            ("1000", 3, 0, None),
            ("1e2", 5, 1, Some(1000)),
            ("1.25E-1", 5, 2, Some(13)),
            ("1e-99999999999999999999", 5, 2, Some(0)),
            ("1e99999999999999999999", 5, 2, None),
            ("0e99", 5, 2, Some(0)),
            ("000000000000000000000000000000000000000000001", 2, 0, Some(1)),
            ("99999999999999999999999999999999999999", 38, 0, Some(10_i128.pow(38) - 1)),
            ("", 5, 0, None),
            (".", 5, 0, None),
            ("-", 5, 0, None),
            ("1 2", 5, 0, None),
            ("1e", 5, 0, None),
            ("abc", 5, 0, None),
            ("1.2.3", 5, 0, None),
        ] {
            assert_eq!(parse_decimal(text.as_bytes(), precision, scale), expected, "{text}");
        }
    }
}
