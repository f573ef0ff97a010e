//! The wall time of a column of a file, as an expression.

use super::arrays::to_wall_time;
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::arrow::record_batch::RecordBatch;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use mooring_spi::TimeZone;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What a file has, with wall time in the place of instants. It is made when a file is opened, and crosses to no
/// other node.
#[derive(Debug, Eq)]
pub(super) struct WallTimeExpr {
    input: Arc<dyn PhysicalExpr>,
    /// Of the input's type, but for those instants.
    shown: FieldRef,
    zone: TimeZone,
}

impl WallTimeExpr {
    pub fn new(input: Arc<dyn PhysicalExpr>, shown: FieldRef, zone: TimeZone) -> Self {
        Self { input, shown, zone }
    }
}

// By hand: `derive` moves out of the input.
impl PartialEq for WallTimeExpr {
    fn eq(&self, other: &Self) -> bool {
        self.input.eq(&other.input) && self.shown == other.shown && self.zone == other.zone
    }
}

impl Hash for WallTimeExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.shown.hash(state);
    }
}

impl fmt::Display for WallTimeExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wall_time({}, {})", self.input, self.zone)
    }
}

impl PhysicalExpr for WallTimeExpr {
    fn data_type(&self, _input_schema: &Schema) -> Result<DataType> {
        Ok(self.shown.data_type().clone())
    }

    fn nullable(&self, input_schema: &Schema) -> Result<bool> {
        self.input.nullable(input_schema)
    }

    fn return_field(&self, _input_schema: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.shown))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let shown = self.shown.data_type();
        Ok(match self.input.evaluate(batch)? {
            ColumnarValue::Array(array) => {
                ColumnarValue::Array(to_wall_time(&array, shown, self.zone)?)
            }
            ColumnarValue::Scalar(value) => {
                let array = to_wall_time(&value.to_array()?, shown, self.zone)?;
                ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?)
            }
        })
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match <[_; 1]>::try_from(children) {
            Ok([input]) => Ok(Arc::new(Self::new(input, Arc::clone(&self.shown), self.zone))),
            Err(_) => internal_err!("a wall time has one input"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "wall_time(")?;
        self.input.fmt_sql(f)?;
        write!(f, ", '{}')", self.zone)
    }
}
