//! LENGTH as MySQL has it: the bytes of a text or of bytes (MySQL 8.0 Reference Manual, section
//! 14.8). DataFusion's `octet_length` takes no bytes, and its `length` counts characters.

use super::as_given;
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::{Arc, LazyLock};

static BYTE_LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::from(ByteLength { signature }))
});

pub(crate) fn byte_length() -> Arc<ScalarUDF> {
    BYTE_LENGTH.clone()
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct ByteLength {
    signature: Signature,
}

impl ScalarUDFImpl for ByteLength {
    fn name(&self) -> &str {
        "byte_length"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [found] = types else {
            return plan_err!("`length` takes one argument, not {}", types.len());
        };
        Ok(vec![match found {
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => DataType::Binary,
            // What has one text only.
            DataType::Null
            | DataType::Utf8
            | DataType::LargeUtf8
            | DataType::Utf8View
            | DataType::Date32 => DataType::Utf8,
            number if number.is_integer() || number.is_decimal() => DataType::Utf8,
            other => {
                return plan_err!("`length` is not supported over {other}; cast it to CHAR");
            }
        }])
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int32)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(&arguments.args)?;
        let [column] = columns.as_slice() else {
            return plan_err!("`length` takes one argument, not {}", columns.len());
        };
        as_given(&arguments.args, length(column)?)
    }
}
