//! Decimals, which travel as text.

use super::Problem;
use crate::mysql::protocol::Malformed;

/// Digits that a `u64` surely holds.
const SHORT: usize = 18;

/// `-12.5` as a number of `10^-scale`.
pub(super) fn decimal(text: &[u8], precision: u8, scale: i8) -> Result<i128, Problem> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let scale = usize::try_from(scale).unwrap_or_default();
    let mut fraction = None;
    let mut short: u64 = 0;
    let mut long: i128 = 0;
    let mut count = 0;
    for byte in digits {
        if *byte == b'.' && fraction.is_none() {
            fraction = Some(0);
            continue;
        }
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Malformed("a decimal that is none").into());
        }
        if let Some(fraction) = &mut fraction {
            if *fraction == scale {
                // No more than zeros may be left out.
                if digit != 0 {
                    return Err(Problem::Digits);
                }
                continue;
            }
            *fraction += 1;
        }
        count += 1;
        if count <= SHORT {
            short = short * 10 + u64::from(digit);
            if count == SHORT {
                long = short.into();
            }
        } else {
            let next = long.checked_mul(10).and_then(|long| long.checked_add(digit.into()));
            long = next.ok_or(Problem::Digits)?;
        }
    }
    if digits.is_empty() {
        return Err(Malformed("a decimal that is none").into());
    }
    let unscaled = if count < SHORT { i128::from(short) } else { long };
    let missing = scale - fraction.unwrap_or_default();
    let unscaled = u32::try_from(missing)
        .ok()
        .and_then(|missing| 10_i128.checked_pow(missing))
        .and_then(|power| unscaled.checked_mul(power))
        .ok_or(Problem::Digits)?;
    let limit = 10_i128.checked_pow(precision.into()).ok_or(Problem::Digits)?;
    match unscaled < limit {
        true if negative => Ok(-unscaled),
        true => Ok(unscaled),
        false => Err(Problem::Digits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decimals_are_exact() {
        for (text, precision, scale, expected) in [
            ("12.50", 10, 2, Ok(1250)),
            ("-12.5", 10, 2, Ok(-1250)),
            ("7", 10, 2, Ok(700)),
            ("0.00", 10, 2, Ok(0)),
            ("-0.01", 10, 2, Ok(-1)),
            (".5", 10, 1, Ok(5)),
            ("000012.50", 10, 2, Ok(1250)),
            ("1.500", 10, 1, Ok(15)),
            ("1.501", 10, 1, Err(Problem::Digits)),
            ("100", 2, 0, Err(Problem::Digits)),
            ("99", 2, 0, Ok(99)),
            ("99999999999999999999999999999999999999", 38, 0, Ok(10_i128.pow(38) - 1)),
            ("100000000000000000000000000000000000000", 38, 0, Err(Problem::Digits)),
            (
                "12345678901234567890.123456789012345678",
                38,
                18,
                Ok(12_345_678_901_234_567_890_123_456_789_012_345_678),
            ),
            ("", 10, 2, Err(Problem::Malformed(Malformed("a decimal that is none")))),
            ("1e5", 10, 2, Err(Problem::Malformed(Malformed("a decimal that is none")))),
        ] {
            assert_eq!(decimal(text.as_bytes(), precision, scale), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(unscaled in -(10_i128.pow(38) - 1)..10_i128.pow(38), scale in 0_i8..=38) {
            let text = crate::sql::decimal_text(unscaled, scale);
            prop_assert_eq!(decimal(text.as_bytes(), 38, scale), Ok(unscaled));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>, precision in 1_u8..=38, scale in 0_i8..=38) {
            let _ = decimal(&bytes, precision, scale);
        }
    }
}
