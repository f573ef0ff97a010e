//! REPEAT, LPAD and RPAD with a bound on what they make, as `max_allowed_packet` is in MySQL (MySQL 8.0
//! Reference Manual, section 14.8). DataFusion's make as much as is asked for, in one piece.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::compute::kernels::length::length;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};
use std::sync::{Arc, LazyLock};

/// Of one value.
const VALUE_BYTES_MAX: i64 = 64 << 20;
/// Of the values of a batch together.
const BATCH_BYTES_MAX: i64 = 256 << 20;
/// Of one character.
const CHARACTER_BYTES_MAX: i64 = 4;

static BOUNDED: LazyLock<[Arc<ScalarUDF>; 3]> = LazyLock::new(|| {
    use datafusion::functions::{string, unicode};
    [
        bounded("bounded_repeat", string::repeat(), true),
        bounded("bounded_lpad", unicode::lpad(), false),
        bounded("bounded_rpad", unicode::rpad(), false),
    ]
});

pub(crate) fn bounded_functions() -> [Arc<ScalarUDF>; 3] {
    BOUNDED.clone()
}

fn bounded(name: &'static str, inner: Arc<ScalarUDF>, repeats: bool) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::from(Bounded { name, inner, repeats }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    name: &'static str,
    inner: Arc<ScalarUDF>,
    /// Whether the second argument counts repetitions of the first, or characters.
    repeats: bool,
}

impl Bounded {
    fn check(&self, arguments: &[ColumnarValue]) -> Result<()> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [texts, counts, ..] = arrays.as_slice() else {
            return Ok(());
        };
        let Some(counts) = counts.as_primitive_opt::<Int64Type>() else {
            return exec_err!("`{}` counts by integers", self.inner.name());
        };
        let lengths: Option<ArrayRef> = match self.repeats {
            true => Some(cast(&length(texts)?, &DataType::Int64)?),
            false => None,
        };
        let lengths = lengths.as_ref().map(|lengths| lengths.as_primitive::<Int64Type>());
        let mut total = 0_i64;
        for row in 0..counts.len() {
            let unit = lengths.map_or(CHARACTER_BYTES_MAX, |lengths| lengths.value(row));
            let bytes = counts.value(row).max(0).saturating_mul(unit);
            total = total.saturating_add(bytes);
            if bytes > VALUE_BYTES_MAX || total > BATCH_BYTES_MAX {
                return exec_err!(
                    "`{}` may make {VALUE_BYTES_MAX} bytes of a value, and {BATCH_BYTES_MAX} bytes of \
                     a batch",
                    self.inner.name()
                );
            }
        }
        Ok(())
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.check(&arguments.args)?;
        self.inner.invoke_with_args(arguments)
    }
}
