//! Truth values, floats, doubles, times and moments as text, as MySQL writes them (MySQL 8.0 Reference Manual,
//! sections 11.1.2, 13.2 and 14.10): `1`, `1.5` or `1e20`, and a space between date and time.

use super::{as_given, nullable_as_given};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::{
    Cast, ColumnarValue, Expr, ExprSchemable, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use std::fmt::{Display, LowerExp};
use std::ops::Range;
use std::sync::{Arc, LazyLock};

static MYSQL_TEXT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(ScalarUDF::from(MysqlText { signature }))
});

pub(crate) fn mysql_text() -> Arc<ScalarUDF> {
    MYSQL_TEXT.clone()
}

/// Puts it into the place of a cast to text.
pub(super) fn cast_to_text(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::Cast(Cast { expr: inner, field }) = &expr else {
        return Transformed::no(expr);
    };
    let differs = |found: DataType| {
        matches!(
            found,
            DataType::Boolean
                | DataType::Float32
                | DataType::Float64
                | DataType::Time32(_)
                | DataType::Time64(_)
                | DataType::Timestamp(_, _)
        )
    };
    if *field.data_type() != DataType::Utf8 || !inner.get_type(schema).is_ok_and(differs) {
        return Transformed::no(expr);
    }
    Transformed::yes(MYSQL_TEXT.call(vec![(**inner).clone()]))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct MysqlText {
    signature: Signature,
}

impl ScalarUDFImpl for MysqlText {
    fn name(&self) -> &str {
        "mysql_text"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(nullable_as_given(self.name(), DataType::Utf8, &arguments))
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [values] = arrays.as_slice() else {
            return internal_err!("mysql_text takes one argument");
        };
        as_given(&arguments.args, Arc::new(texts(values)?))
    }
}

fn texts(values: &ArrayRef) -> Result<StringArray> {
    Ok(match values.data_type() {
        DataType::Boolean => values
            .as_boolean()
            .iter()
            .map(|value| value.map(|yes| if yes { "1" } else { "0" }))
            .collect(),
        DataType::Float32 => {
            let floats = values.as_primitive::<Float32Type>().iter();
            floats.map(|value| value.map(approximate)).collect()
        }
        DataType::Float64 => {
            let doubles = values.as_primitive::<Float64Type>().iter();
            doubles.map(|value| value.map(approximate)).collect()
        }
        DataType::Timestamp(unit, _) => {
            let wall = cast(values, &DataType::Timestamp(*unit, None))?;
            let format = moment_format(*unit);
            displayed(&wall, &FormatOptions::default().with_timestamp_format(Some(format)))?
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            let format = &moment_format(*unit)[DATE_FORMAT.len() + 1..];
            displayed(values, &FormatOptions::default().with_time_format(Some(format)))?
        }
        _ => displayed(values, &FormatOptions::default())?,
    })
}

const DATE_FORMAT: &str = "%Y-%m-%d";

/// With as many digits as the type has.
fn moment_format(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "%Y-%m-%d %H:%M:%S",
        TimeUnit::Millisecond => "%Y-%m-%d %H:%M:%S%.3f",
        TimeUnit::Microsecond | TimeUnit::Nanosecond => "%Y-%m-%d %H:%M:%S%.6f",
    }
}

fn displayed(values: &ArrayRef, options: &FormatOptions<'_>) -> Result<StringArray> {
    let formatter = ArrayFormatter::try_new(values, options)?;
    let text = |row| values.is_valid(row).then(|| formatter.value(row).try_to_string()).transpose();
    let texts: Result<StringArray, _> = (0..values.len()).map(text).collect();
    Ok(texts?)
}

/// The fewest digits that tell it, with an exponent where there would be more than fifteen zeros or
/// digits before the point. (MySQL rounds a FLOAT to six digits; nothing is lost here.)
fn approximate(value: impl Display + LowerExp) -> String {
    const PLAIN_EXPONENTS: Range<i32> = -15..15;
    let with_exponent = format!("{value:e}");
    let exponent = with_exponent.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok());
    match exponent.is_some_and(|exponent| PLAIN_EXPONENTS.contains(&exponent)) {
        true => format!("{value}"),
        false => with_exponent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MariaDB 10.11: `SELECT CAST(x AS CHAR)`.
    #[test]
    fn doubles_are_written_as_mysql_writes_them() {
        for (value, expected) in [
            (1e0, "1"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (1e-7, "0.0000001"),
            (1e14, "100000000000000"),
            (1e15, "1e15"),
            (1.5e20, "1.5e20"),
            (1e-16, "1e-16"),
            (0.0, "0"),
        ] {
            assert_eq!(approximate(value), expected);
        }
        for (value, expected) in
            [(1f32, "1"), (0.1, "0.1"), (-1e15, "-1e15"), (-2.5, "-2.5"), (0.0, "0")]
        {
            assert_eq!(approximate(value), expected);
        }
    }
}
