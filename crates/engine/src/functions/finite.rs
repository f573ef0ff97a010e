//! A double that is a number: null in the place of infinity and of what is no number. MySQL's
//! logarithms and arc functions of what they are not defined for are null (MySQL 8.0 Reference
//! Manual, section 14.6.2).

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::{Arc, LazyLock};

static FINITE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
    Arc::new(ScalarUDF::from(Finite { signature }))
});

pub(crate) fn finite() -> Arc<ScalarUDF> {
    FINITE.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Finite {
    signature: Signature,
}

impl ScalarUDFImpl for Finite {
    fn name(&self) -> &str {
        "finite_or_null"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&arguments.args)?;
        let Some(values) = arrays.first().and_then(|array| array.as_primitive_opt::<Float64Type>())
        else {
            return internal_err!("finite_or_null takes one double");
        };
        let finite = values.iter().map(|value| value.filter(|value| value.is_finite()));
        let finite: ArrayRef = Arc::new(finite.collect::<Float64Array>());
        super::as_given(&arguments.args, finite)
    }
}
