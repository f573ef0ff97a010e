//! `/` as MySQL has it (MySQL 8.0 Reference Manual, section 14.6.1): of integers it is a decimal,
//! of decimals it has four digits more than the dividend (`div_precision_increment`), and by zero
//! it is null. A quotient that is multiplied, or meets a double, is not rounded before: MySQL
//! keeps nine digits where it shows four.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, i256};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, exec_err, plan_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, TypeSignature, Volatility, cast,
};
use std::sync::{Arc, LazyLock};

/// Holds every 64-bit integer.
pub(super) const INTEGER: DataType = DataType::Decimal128(20, 0);
pub(super) const PRECISION_MAX: u8 = 38;
/// MySQL's `div_precision_increment`.
pub(super) const SCALE_MORE: i8 = 4;
/// MySQL's longest fraction.
const SCALE_MAX: i8 = 30;

static DIVIDE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let counts = vec![TypeSignature::Any(2), TypeSignature::Any(3)];
    let signature = Signature::one_of(counts, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Divide { signature }))
});

pub(crate) fn divide() -> Arc<ScalarUDF> {
    DIVIDE.clone()
}

/// Leaves what is no division of numbers, and no product of one.
pub(super) fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let rewritten = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Divide, right }) => {
            division(left, right, schema)
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Multiply, right }) => {
            product(left, right, schema).or_else(|| product(right, left, schema))
        }
        _ => None,
    };
    match rewritten {
        Some(rewritten) => Transformed::yes(rewritten),
        None => Transformed::no(expr),
    }
}

fn division(left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    if let Some((dividend, divisor)) = exact(left, schema).zip(exact(right, schema)) {
        return Some(DIVIDE.call(vec![dividend, divisor]));
    }
    let (left_type, right_type) = (left.get_type(schema).ok()?, right.get_type(schema).ok()?);
    let double = |found: &DataType| found.is_floating() || found.is_numeric();
    let rounded = left_type.is_floating() || right_type.is_floating();
    if rounded && double(&left_type) && double(&right_type) {
        let as_double = |operand: &Expr| cast(operand.clone(), DataType::Float64);
        return Some(DIVIDE.call(vec![as_double(left), as_double(right)]));
    }
    None
}

/// `dividend / divisor * factor` in one call, where `quotient` is the one of the first two, or of two
/// and a factor.
fn product(quotient: &Expr, factor: &Expr, schema: &DFSchema) -> Option<Expr> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = quotient else {
        return None;
    };
    let [dividend, divisor, factors @ ..] = args.as_slice() else {
        return None;
    };
    if func.name() != DIVIDE.name() || !dividend.get_type(schema).ok()?.is_decimal() {
        return None;
    }
    let (numerator, denominator) = match quotient_of(factor) {
        Some([second, denominator]) => {
            let DataType::Decimal128(precision, scale) = second.get_type(schema).ok()? else {
                return None;
            };
            // Such that the product has the digits that both quotients show.
            let precision = (precision + SCALE_MORE.unsigned_abs()).min(PRECISION_MAX);
            let shown = DataType::Decimal128(precision, (scale + SCALE_MORE).min(SCALE_MAX));
            (cast(second.clone(), shown), Some(denominator))
        }
        _ => (exact(factor, schema)?, None),
    };
    let product = factors.iter().cloned().fold(numerator, |product, more| product * more);
    let divisor = match denominator {
        Some(more) => divisor.clone() * more.clone(),
        None => divisor.clone(),
    };
    Some(DIVIDE.call(vec![dividend.clone(), divisor, product]))
}

/// Dividend and divisor of a call with no more.
fn quotient_of(expr: &Expr) -> Option<&[Expr; 2]> {
    match expr {
        Expr::ScalarFunction(call) if call.func.name() == DIVIDE.name() => {
            call.args.as_slice().try_into().ok()
        }
        _ => None,
    }
}

/// A number as a double, a quotient of exact numbers with all the digits that a double has.
pub(super) fn as_double(expr: Expr) -> Expr {
    match quotient_of(&expr) {
        Some([dividend, divisor]) => {
            let double = |operand: &Expr| cast(operand.clone(), DataType::Float64);
            DIVIDE.call(vec![double(dividend), double(divisor)])
        }
        None => cast(expr, DataType::Float64),
    }
}

/// An integer or decimal as a decimal.
fn exact(operand: &Expr, schema: &DFSchema) -> Option<Expr> {
    match operand.get_type(schema).ok()? {
        DataType::Decimal128(_, 0..) => Some(operand.clone()),
        found if found.is_integer() => Some(cast(operand.clone(), INTEGER)),
        _ => None,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Divide {
    signature: Signature,
}

impl ScalarUDFImpl for Divide {
    fn name(&self) -> &str {
        "divide"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [DataType::Float64, DataType::Float64] => Ok(DataType::Float64),
            [
                DataType::Decimal128(precision, scale),
                DataType::Decimal128(_, right_scale),
                factor @ ..,
            ] => {
                let (factor_precision, factor_scale) = match factor {
                    [DataType::Decimal128(precision, scale)] => (*precision, *scale),
                    [] => (0, 0),
                    _ => return plan_err!("divide takes a decimal as its factor"),
                };
                let more = right_scale.max(&0).unsigned_abs() + SCALE_MORE.unsigned_abs();
                let precision = precision.saturating_add(more).saturating_add(factor_precision);
                let scale_max = SCALE_MAX.max(*scale).max(factor_scale);
                let scale = (scale + SCALE_MORE).saturating_add(factor_scale).min(scale_max);
                Ok(DataType::Decimal128(precision.min(PRECISION_MAX), scale))
            }
            _ => plan_err!("divide takes decimals or two doubles"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [left, right, factor @ ..] = arrays.as_slice() else {
            return plan_err!("divide takes two arguments, or three");
        };
        let result: ArrayRef = match arguments.return_field.data_type() {
            DataType::Decimal128(precision, scale) => {
                let factor = factor.first().map(AsArray::as_primitive);
                let quotients =
                    decimals(left.as_primitive(), right.as_primitive(), factor, *scale)?;
                let quotients = quotients.with_precision_and_scale(*precision, *scale)?;
                quotients.validate_decimal_precision(*precision)?;
                Arc::new(quotients)
            }
            _ => Arc::new(doubles(left, right)),
        };
        super::as_given(&arguments.args, result)
    }
}

fn doubles(left: &ArrayRef, right: &ArrayRef) -> Float64Array {
    let pairs = left.as_primitive::<Float64Type>().iter().zip(right.as_primitive::<Float64Type>());
    pairs
        .map(|(left, right)| left.zip(right).filter(|(_, right)| *right != 0.0))
        .map(|pair| pair.map(|(left, right)| left / right))
        .collect()
}

fn decimals(
    left: &Decimal128Array,
    right: &Decimal128Array,
    factor: Option<&Decimal128Array>,
    scale: i8,
) -> Result<Decimal128Array> {
    let factor_scale = factor.map_or(0, Decimal128Array::scale);
    let dividend_scale = i32::from(left.scale()) + i32::from(factor_scale);
    let shift = i32::from(scale) - dividend_scale + i32::from(right.scale());
    let power = i256::from_i128(10).checked_pow(shift.max(0).unsigned_abs());
    let mut values = Vec::with_capacity(left.len());
    for (row, (left, right)) in left.iter().zip(right).enumerate() {
        let multiplier = match factor {
            Some(factor) => factor.is_valid(row).then(|| factor.value(row)),
            None => Some(1),
        };
        let (Some(dividend), Some(divisor), Some(multiplier)) =
            (left, right.filter(|divisor| *divisor != 0), multiplier)
        else {
            values.push(None);
            continue;
        };
        let scaled = power.and_then(|power| power.checked_mul(i256::from_i128(multiplier)));
        match scaled.and_then(|scaled| quotient(dividend, scaled, divisor)) {
            Some(quotient) => values.push(Some(quotient)),
            None => return exec_err!("a quotient is out of the range of decimals"),
        }
    }
    Ok(Decimal128Array::from(values))
}

/// Rounded half away from zero.
fn quotient(dividend: i128, factor: i256, divisor: i128) -> Option<i128> {
    let scaled = i256::from_i128(dividend).checked_mul(factor)?;
    if let Some(scaled) = scaled.to_i128() {
        let (whole, rest) = (scaled.checked_div(divisor)?, scaled.checked_rem(divisor)?);
        let up = rest.unsigned_abs() >= divisor.unsigned_abs() - rest.unsigned_abs();
        let sign = if (scaled < 0) == (divisor < 0) { 1 } else { -1 };
        return if up { whole.checked_add(sign) } else { Some(whole) };
    }
    let wide = i256::from_i128(divisor);
    let (whole, rest) = (scaled.checked_div(wide)?, scaled.checked_rem(wide)?);
    let up = rest.wrapping_abs() >= wide.wrapping_abs().checked_sub(rest.wrapping_abs())?;
    let sign = if (scaled < i256::ZERO) == (divisor < 0) { i256::ONE } else { i256::MINUS_ONE };
    if up { whole.checked_add(sign)?.to_i128() } else { whole.to_i128() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MariaDB 10.11: `SELECT 2/3, -2/3, 1/3, 5/2, -1/8` with the digits of four more.
    #[test]
    fn quotients_are_rounded_half_away_from_zero() {
        let divided = |dividend, divisor| quotient(dividend, i256::from_i128(10_000), divisor);
        assert_eq!(divided(2, 3), Some(6667));
        assert_eq!(divided(-2, 3), Some(-6667));
        assert_eq!(divided(1, 3), Some(3333));
        assert_eq!(divided(5, 2), Some(25_000));
        assert_eq!(divided(1, 32), Some(313));
        assert_eq!(divided(-1, 32), Some(-313));
        assert_eq!(divided(i128::MAX, i128::MAX), Some(10_000));
    }
}
