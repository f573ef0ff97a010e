//! `numeric` to a decimal, exactly or not at all. Source of the form: `numeric_send` of PostgreSQL.

use super::{Bytes, corrupt};
use mooring_spi::{Error, ErrorKind, Result};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

/// Powers of ten, up to the greatest precision.
const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut power = 1;
    while power < powers.len() {
        powers[power] = powers[power - 1] * 10;
        power += 1;
    }
    powers
};

/// The unscaled value. Digits are groups of four; the first counts `10000^weight`.
///
/// # Errors
/// `InvalidValue` for what is no number, has more digits than `precision`, or more behind the point than
/// `scale`; `CorruptData`.
pub(super) fn decimal(value: &[u8], precision: u8, scale: i8) -> Result<i128> {
    match of_four_groups(value, precision, scale) {
        Some(unscaled) => Ok(unscaled),
        None => of_any_groups(value, precision, scale),
    }
}

/// What [`of_any_groups`] gives, without its loop: most numbers have at most four groups. `None` for all else, and
/// for what is to be refused.
fn of_four_groups(value: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let head = u64::from_be_bytes(*value.first_chunk()?);
    // The last groups, behind what is left of the head where these are less than four.
    let tail = u64::from_be_bytes(*value.last_chunk()?);
    let [groups, weight, sign] = [48, 32, 16].map(|shift| (head >> shift) as u16);
    if groups > 4 || value.len() != 8 + 2 * usize::from(groups) || sign & !NEGATIVE != 0 {
        return None;
    }
    let tail = tail & u64::MAX.checked_shr(64 - 16 * u32::from(groups)).unwrap_or(0);
    let [first, second, third, fourth] = [48, 32, 16, 0].map(|shift| (tail >> shift) & 0xffff);
    if first.max(second).max(third.max(fourth)) > 9999 {
        return None;
    }
    let digits = (first * 10_000 + second) * 100_000_000 + third * 10_000 + fourth;
    // Of the last group, as a power of ten of the unscaled value.
    let power = 4 * (i32::from(weight as i16) - i32::from(groups) + 1) + i32::from(scale);
    let unscaled = match power {
        _ if digits == 0 => 0,
        -1 => exact_part::<10>(digits)?,
        -2 => exact_part::<100>(digits)?,
        -3 => exact_part::<1000>(digits)?,
        // Sixteen digits and 22: no overflow.
        0..=22 => i128::from(digits) * POWERS[power.unsigned_abs() as usize],
        _ => return None,
    };
    let fits = unscaled < POWERS[usize::from(precision.min(38))];
    fits.then_some(if sign == NEGATIVE { -unscaled } else { unscaled })
}

fn exact_part<const UNIT: u64>(digits: u64) -> Option<i128> {
    digits.is_multiple_of(UNIT).then_some((digits / UNIT).into())
}

#[inline(never)]
fn of_any_groups(value: &[u8], precision: u8, scale: i8) -> Result<i128> {
    let mut bytes = Bytes(value);
    let [groups, weight, sign, _display_scale] =
        [bytes.i16()?, bytes.i16()?, bytes.i16()?, bytes.i16()?];
    let name = match sign as u16 {
        0 | NEGATIVE => None,
        NAN => Some("NaN"),
        INFINITY => Some("Infinity"),
        MINUS_INFINITY => Some("-Infinity"),
        _ => return Err(corrupt("a number has a sign that is none")),
    };
    if let Some(name) = name {
        return Err(invalid(format!(
            "the number `{name}` has no place among decimals; leave it out in the query, or cast it by a view"
        )));
    }
    if i64::from(groups) * 2 != bytes.0.len() as i64 {
        return Err(corrupt("a number has other digits than it says"));
    }
    let too_long = || invalid(format!("a number does not fit into decimal({precision}, {scale})"));
    let mut unscaled = 0_i128;
    // Of the last group, as a power of ten of the unscaled value; zero where there is none.
    let mut power = 0_i32;
    for group in 0..i32::from(groups) {
        let digits = bytes.i16()?;
        if !(0..10_000).contains(&digits) {
            return Err(corrupt("four digits of a number are more than 9999"));
        }
        power = 4 * (i32::from(weight) - group) + i32::from(scale);
        let (kept, cut) = match power {
            0.. => (4, 0),
            -3..=-1 => (4 + power, power.unsigned_abs()),
            _ => (0, 4),
        };
        let unit = 10_i16.pow(cut);
        if digits % unit != 0 {
            return Err(invalid(format!(
                "a number has more than {scale} digits behind the point; `numeric_scale` or `numeric_as` = `text` \
                 change what undeclared numbers become"
            )));
        }
        unscaled = unscaled
            .checked_mul(10_i128.pow(kept.unsigned_abs()))
            .and_then(|unscaled| unscaled.checked_add((digits / unit).into()))
            .ok_or_else(too_long)?;
    }
    if power > 0 && unscaled != 0 {
        let factor = 10_i128.checked_pow(power.unsigned_abs()).ok_or_else(too_long)?;
        unscaled = unscaled.checked_mul(factor).ok_or_else(too_long)?;
    }
    // At most 38 digits: no overflow.
    if unscaled >= POWERS[usize::from(precision.min(38))] {
        return Err(too_long());
    }
    Ok(if sign as u16 == NEGATIVE { -unscaled } else { unscaled })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn number(groups: &[u16], weight: i16, sign: u16) -> Vec<u8> {
        let head = [groups.len() as u16, weight as u16, sign, 2];
        head.iter().chain(groups).flat_map(|number| number.to_be_bytes()).collect()
    }

    fn group() -> impl Strategy<Value = u16> {
        let round = (0..1000_u16, prop_oneof![Just(10_u16), Just(100), Just(1000)])
            .prop_map(|(digits, unit)| digits % (10_000 / unit) * unit);
        prop_oneof![20 => Just(0), 20 => Just(9999), 20 => 0..10_000_u16, 40 => round, 1 => any::<u16>()]
    }

    fn sign() -> impl Strategy<Value = u16> {
        let others = prop_oneof![Just(NAN), Just(INFINITY), Just(MINUS_INFINITY), any::<u16>()];
        prop_oneof![10 => Just(0), 10 => Just(NEGATIVE), 1 => others]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        /// The short way never has another opinion.
        #[test]
        fn both_ways_are_the_same(
            groups in vec(group(), 0..7),
            weight in prop_oneof![20 => -12..12_i16, 1 => any::<i16>()],
            sign in sign(),
            precision in 0..=40_u8,
            scale in -40..=40_i8,
            cut in prop_oneof![20 => Just(0_usize), 1 => 0..20_usize],
        ) {
            let mut value = number(&groups, weight, sign);
            value.truncate(value.len().saturating_sub(cut));
            if let Some(unscaled) = of_four_groups(&value, precision, scale) {
                prop_assert_eq!(of_any_groups(&value, precision, scale).expect("a number"), unscaled);
            }
        }
    }

    /// The first as PostgreSQL sends 0, 0.05, 7 and 12345.67.
    #[test]
    fn common_numbers_go_the_short_way() {
        for (groups, weight, scale, expected) in [
            (&[][..], 0, 2, 0),
            (&[500], -1, 2, 5),
            (&[7], 0, 2, 700),
            (&[1, 2345, 6700], 1, 2, 1_234_567),
            (&[9, 9999, 9999, 9999], 3, 2, 999_999_999_999_900),
            (&[9, 9999, 9999, 9900], 2, 2, 99_999_999_999),
            (&[1], -1, 4, 1),
            (&[1], -1, 7, 1000),
            (&[1], 4, 2, 1_000_000_000_000_000_000),
        ] {
            for (sign, expected) in [(0, expected), (NEGATIVE, -expected)] {
                let value = number(groups, weight, sign);
                assert_eq!(of_four_groups(&value, 20, scale), Some(expected), "{groups:?}");
            }
        }
    }
}
