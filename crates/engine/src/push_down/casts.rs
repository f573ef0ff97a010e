//! Casts that mean the same in a source.

use super::{Translated, refused};
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use mooring_spi::{Expression, ExpressionKind};

/// Casts that keep every value. What others do with values that do not fit differs between engines.
pub(super) fn exact_cast(operand: Expression, data_type: &DataType) -> Translated<Expression> {
    if operand.data_type == *data_type {
        return Ok(operand);
    }
    if !keeps_values(&operand.data_type, data_type) {
        return refused(format!("a cast from {} to {data_type}", operand.data_type));
    }
    let data_type = data_type.clone();
    Ok(Expression { kind: ExpressionKind::Cast(Box::new(operand)), data_type })
}

fn keeps_values(from: &DataType, to: &DataType) -> bool {
    match (from, to) {
        // Nanoseconds end in 2262.
        (DataType::Date32, DataType::Timestamp(unit, None)) => *unit != TimeUnit::Nanosecond,
        // A whole number has one text.
        (from, DataType::Utf8) => from.is_integer(),
        (from, DataType::Float64) => {
            matches!(from, DataType::Float32)
                || whole_digits(from).is_some_and(|(_, bits)| bits <= 32)
        }
        (DataType::Decimal128(precision, scale), DataType::Decimal128(to_precision, to_scale)) => {
            let whole = i16::from(*precision) - i16::from(*scale);
            let to_whole = i16::from(*to_precision) - i16::from(*to_scale);
            to_scale >= scale && to_whole >= whole
        }
        (from, DataType::Decimal128(precision, scale @ 0..)) => whole_digits(from)
            .is_some_and(|(digits, _)| precision.saturating_sub(scale.unsigned_abs()) >= digits),
        (from, to) => match (whole_digits(from), whole_digits(to)) {
            (Some((_, from_bits)), Some((_, to_bits))) => {
                to.is_signed_integer() && from_bits < to_bits
                    || from.is_unsigned_integer() && to.is_unsigned_integer() && from_bits < to_bits
            }
            _ => false,
        },
    }
}

/// Digits and bits of a type of whole numbers.
fn whole_digits(data_type: &DataType) -> Option<(u8, u8)> {
    match data_type {
        DataType::Int8 | DataType::UInt8 => Some((3, 8)),
        DataType::Int16 | DataType::UInt16 => Some((5, 16)),
        DataType::Int32 | DataType::UInt32 => Some((10, 32)),
        DataType::Int64 => Some((19, 64)),
        DataType::UInt64 => Some((20, 64)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_casts_that_keep_every_value_cross() {
        let microseconds = DataType::Timestamp(TimeUnit::Microsecond, None);
        for (from, to) in [
            (DataType::Int32, DataType::Int64),
            (DataType::UInt32, DataType::Int64),
            (DataType::Int64, DataType::Decimal128(20, 0)),
            (DataType::Int32, DataType::Float64),
            (DataType::Decimal128(10, 2), DataType::Decimal128(12, 4)),
            (DataType::Date32, microseconds.clone()),
            (DataType::Int64, DataType::Utf8),
        ] {
            assert!(keeps_values(&from, &to), "{from} to {to}");
        }
        for (from, to) in [
            (DataType::Int64, DataType::Int32),
            (DataType::Int64, DataType::UInt64),
            (DataType::UInt64, DataType::Int64),
            (DataType::Int64, DataType::Decimal128(18, 0)),
            (DataType::Int64, DataType::Float64),
            (DataType::Decimal128(10, 2), DataType::Decimal128(11, 4)),
            (DataType::Decimal128(10, 2), DataType::Decimal128(20, 1)),
            (DataType::Decimal128(10, 2), DataType::Float64),
            (DataType::Utf8, DataType::Int64),
            (microseconds, DataType::Date32),
        ] {
            assert!(!keeps_values(&from, &to), "{from} to {to}");
        }
    }
}
