//! Decimals as drivers write them: digits with a sign and a point, some with an exponent (Python's
//! `Decimal`, Java's `BigDecimal`).

/// The digits of a DECIMAL that 128 bits hold.
const DIGITS_MAX: u32 = 38;
/// Beyond it every exponent comes to the same.
const EXPONENT_MAX: i32 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parsed {
    /// `unscaled * 10^-scale`, the scale not negative.
    Decimal {
        unscaled: i128,
        scale: i8,
    },
    /// A number, of more than 38 digits.
    TooLong,
    NotANumber,
}

pub(super) fn parse_decimal(text: &str) -> Parsed {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => match exponent.parse::<i32>() {
            Ok(exponent) => (mantissa, exponent.clamp(-EXPONENT_MAX, EXPONENT_MAX)),
            Err(_) => return Parsed::NotANumber,
        },
    };
    let (negative, digits) = match mantissa.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let point = digits.iter().position(|byte| *byte == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    let mut all = whole.iter().chain(fraction).peekable();
    if all.peek().is_none() || !all.clone().all(u8::is_ascii_digit) {
        return Parsed::NotANumber;
    }
    let Ok(places) = i32::try_from(fraction.len()) else {
        return Parsed::TooLong;
    };
    let mut unscaled: i128 = 0;
    for digit in all {
        let digit = i128::from(digit - b'0');
        let longer = unscaled.checked_mul(10).and_then(|value| value.checked_add(digit));
        match longer.filter(|value| fits(*value)) {
            Some(value) => unscaled = value,
            None => return Parsed::TooLong,
        }
    }
    scaled(if negative { -unscaled } else { unscaled }, places - exponent)
}

/// Brings the scale to where a DECIMAL has it, from 0 to 38.
fn scaled(unscaled: i128, scale: i32) -> Parsed {
    if let Ok(scale) = i8::try_from(scale)
        && (0..=DIGITS_MAX as i8).contains(&scale)
    {
        return Parsed::Decimal { unscaled, scale };
    }
    if unscaled == 0 && scale < 0 {
        return Parsed::Decimal { unscaled, scale: 0 };
    }
    let zeros = 10_i128.checked_pow(scale.unsigned_abs());
    let longer = zeros.filter(|_| scale < 0).and_then(|zeros| unscaled.checked_mul(zeros));
    match longer.filter(|value| fits(*value)) {
        Some(unscaled) => Parsed::Decimal { unscaled, scale: 0 },
        None => Parsed::TooLong,
    }
}

fn fits(unscaled: i128) -> bool {
    unscaled.unsigned_abs() < 10_u128.pow(DIGITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the arithmetic of the notation; 38 digits as in the SQL standard's DECIMAL(38).
    #[test]
    fn decimals_keep_their_digits() {
        let nines = "9".repeat(38);
        for (text, unscaled, scale) in [
            ("0", 0, 0),
            ("-12.50", -1250, 2),
            ("+7", 7, 0),
            (".5", 5, 1),
            ("5.", 5, 0),
            ("1E+3", 1000, 0),
            ("1.5e-3", 15, 4),
            ("0e500", 0, 0),
            ("00000000000000000000000000000000000000000001", 1, 0),
            (&nines, 10_i128.pow(38) - 1, 0),
        ] {
            assert_eq!(parse_decimal(text), Parsed::Decimal { unscaled, scale }, "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_from_what_is_no_number() {
        // One beyond 128 bits by its last digit only.
        let wide = "170141183460469231731687303715884105729";
        for text in [&"9".repeat(39), wide, "1e38", "1e-39", "1e999999999"] {
            assert_eq!(parse_decimal(text), Parsed::TooLong, "{text}");
        }
        for text in ["", "-", ".", "abc", "1.2.3", "1e", "--1", "1e99999999999", "NaN"] {
            assert_eq!(parse_decimal(text), Parsed::NotANumber, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(text in "[-+0-9.eE ]{0,50}") {
            let _ = parse_decimal(&text);
        }

        #[test]
        fn every_whole_number_is_read(number in -10_i128.pow(38) + 1..10_i128.pow(38)) {
            let expected = Parsed::Decimal { unscaled: number, scale: 0 };
            prop_assert_eq!(parse_decimal(&number.to_string()), expected);
        }
    }
}
