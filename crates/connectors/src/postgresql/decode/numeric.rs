//! `numeric` to a decimal, exactly or not at all. Source of the form: `numeric_send` of PostgreSQL.

use super::{Bytes, corrupt};
use mooring_spi::{Error, ErrorKind, Result};

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;

/// The unscaled value. Digits are groups of four; the first counts `10000^weight`.
///
/// # Errors
/// `InvalidValue` for what is no number, has more digits than `precision`, or more behind the point than
/// `scale`; `CorruptData`.
pub(super) fn decimal(value: &[u8], precision: u8, scale: i8) -> Result<i128> {
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
    if unscaled >= 10_i128.pow(precision.min(38).into()) {
        return Err(too_long());
    }
    Ok(if sign as u16 == NEGATIVE { -unscaled } else { unscaled })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidValue, message)
}
