//! Numbers of column statistics as metastores keep them.

use mooring_spi::{Count, Value};

/// Impala writes -1 where it does not know.
pub(crate) fn stored_count(number: Option<i64>) -> Count {
    let known = number.and_then(|number| u64::try_from(number).ok());
    known.map_or(Count::Unknown, Count::Estimate)
}

/// `digits`: the unscaled number as Java's `BigInteger.toByteArray` writes it. Zeros at the end of the
/// fraction may be left out: `scale` is at most the `column_scale` that the value gets. `None` for what does
/// not fit into the column.
pub(crate) fn stored_decimal(digits: &[u8], scale: i64, column_scale: i8) -> Option<Value> {
    let missing = i64::from(column_scale).checked_sub(scale)?;
    let factor = 10_i128.checked_pow(u32::try_from(missing).ok()?)?;
    let unscaled = big_endian(digits)?.checked_mul(factor)?;
    Some(Value::Decimal { unscaled, scale: column_scale })
}

fn big_endian(bytes: &[u8]) -> Option<i128> {
    let sign = if *bytes.first()? < 0x80 { 0 } else { 0xFF };
    let mut whole = [sign; 16];
    let start = whole.len().checked_sub(bytes.len())?;
    whole[start..].copy_from_slice(bytes);
    Some(i128::from_be_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_that_are_not_known_are_told_apart() {
        for (number, count) in [
            (None, Count::Unknown),
            (Some(-1), Count::Unknown),
            (Some(0), Count::Estimate(0)),
            (Some(i64::MAX), Count::Estimate(i64::MAX.unsigned_abs())),
        ] {
            assert_eq!(stored_count(number), count);
        }
    }

    #[test]
    fn decimals_get_the_zeros_that_were_left_out() {
        let price = |unscaled| Some(Value::Decimal { unscaled, scale: 2 });
        for (digits, scale, value) in [
            (&[0xF1][..], 1, price(-150)),
            (&[1, 0x2C], 0, price(30_000)),
            (&[0], 2, price(0)),
            (&[0xFF; 16], 2, price(-1)),
            // More digits than there is place for, none at all, and a scale beyond the column's.
            (&[1; 17], 0, None),
            (&[], 0, None),
            (&[1], 3, None),
            (&[1], -99, None),
            (&[1], i64::MIN, None),
        ] {
            assert_eq!(stored_decimal(digits, scale, 2), value, "{digits:?} {scale}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_number_or_none(digits: Vec<u8>, scale: i64, column_scale: i8) {
            let _ = stored_decimal(&digits, scale, column_scale);
        }
    }
}
