//! CONCAT, GREATEST and LEAST as MySQL has them: null when any argument is null (MySQL 8.0
//! Reference Manual, sections 14.8 and 14.4.2). DataFusion's skip nulls.

use datafusion::arrow::array::{Array, make_array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use std::sync::{Arc, LazyLock};

static STRICT: LazyLock<[Arc<ScalarUDF>; 3]> = LazyLock::new(|| {
    use datafusion::functions::{core, string};
    [
        strict("strict_concat", string::concat(), &is_exact_text),
        strict("strict_greatest", core::greatest(), &is_comparable),
        strict("strict_least", core::least(), &is_comparable),
    ]
});

pub(crate) fn strict_functions() -> [Arc<ScalarUDF>; 3] {
    STRICT.clone()
}

/// Which types the function takes together; `None` when it takes them, else what it would take.
type Check = &'static (dyn Fn(&[DataType]) -> Option<&'static str> + Send + Sync);

fn strict(name: &'static str, inner: Arc<ScalarUDF>, check: Check) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    let known = Known { name, signature };
    Arc::new(ScalarUDF::from(Strict { known, inner, check }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Known {
    name: &'static str,
    signature: Signature,
}

struct Strict {
    known: Known,
    inner: Arc<ScalarUDF>,
    check: Check,
}

impl std::fmt::Debug for Strict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.known.fmt(f)
    }
}

// The name tells the rest.
impl PartialEq for Strict {
    fn eq(&self, other: &Self) -> bool {
        self.known == other.known
    }
}

impl Eq for Strict {}

impl std::hash::Hash for Strict {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.known.hash(state);
    }
}

/// What has one text only. DataFusion writes truth values, doubles and moments unlike MySQL.
fn is_exact_text(types: &[DataType]) -> Option<&'static str> {
    let exact = |found: &DataType| {
        is_text(found)
            || found.is_integer()
            || found.is_decimal()
            || matches!(found, DataType::Null | DataType::Date32)
    };
    match types.iter().all(exact) {
        true => None,
        false => Some("text, integers, decimals and dates"),
    }
}

/// MySQL compares text with numbers as numbers, DataFusion as text.
fn is_comparable(types: &[DataType]) -> Option<&'static str> {
    let mixed = types.iter().any(is_text) && types.iter().any(DataType::is_numeric);
    mixed.then_some("text or numbers, not both")
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

impl ScalarUDFImpl for Strict {
    fn name(&self) -> &str {
        self.known.name
    }

    fn signature(&self) -> &Signature {
        &self.known.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match (self.check)(types) {
            None => self.inner.coerce_types(types),
            Some(wanted) => {
                plan_err!(
                    "`{}` is supported over {wanted} only; cast the others",
                    self.inner.name()
                )
            }
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let null = arguments
            .args
            .iter()
            .any(|argument| matches!(argument, ColumnarValue::Scalar(value) if value.is_null()));
        if null {
            let null = ScalarValue::try_from(arguments.return_field.data_type())?;
            return Ok(ColumnarValue::Scalar(null));
        }
        let mut nulls: Option<NullBuffer> = None;
        for argument in &arguments.args {
            if let ColumnarValue::Array(array) = argument {
                nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
            }
        }
        match (self.inner.invoke_with_args(arguments)?, nulls) {
            (ColumnarValue::Array(array), Some(nulls)) => {
                let nulls = NullBuffer::union(Some(&nulls), array.logical_nulls().as_ref());
                let data = array.to_data().into_builder().nulls(nulls).build()?;
                Ok(ColumnarValue::Array(make_array(data)))
            }
            (result, _) => Ok(result),
        }
    }
}
