//! A join's condition that is evaluated a bounded number of times in one poll of the join.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::{DataFusionError, Result, plan_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr_common::physical_expr::proto_encode::PhysicalExprEncodeCtx;
use datafusion_proto::protobuf::PhysicalExprNode;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// An evaluation has at most as many pairs as a batch has rows: a turn takes about a millisecond, and asking
/// for the next one a thousandth of that.
const EVALUATIONS_PER_TURN: usize = 16;

thread_local! {
    /// What is left of the turn of the join that is polled, the innermost of several; outside of all, there is
    /// no bound.
    static EVALUATIONS_LEFT: Cell<Option<usize>> = const { Cell::new(None) };
}

/// One poll of a join.
pub(super) struct Turn {
    /// Of the join in whose poll this one is.
    outer: Option<usize>,
}

impl Turn {
    pub fn begin() -> Self {
        Self { outer: EVALUATIONS_LEFT.replace(Some(EVALUATIONS_PER_TURN)) }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        EVALUATIONS_LEFT.set(self.outer);
    }
}

/// No failure: the join has pairs left to look at, and wants another turn.
#[derive(Debug)]
struct TurnIsOver;

impl fmt::Display for TurnIsOver {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a join was not asked again after its turn")
    }
}

impl Error for TurnIsOver {}

pub(super) fn is_end_of_turn(error: &DataFusionError) -> bool {
    matches!(error, DataFusionError::External(cause) if cause.is::<TurnIsOver>())
}

/// Shown as the condition itself, and crosses to workers as that.
#[derive(Debug)]
pub(super) struct ConditionInTurns {
    condition: Arc<dyn PhysicalExpr>,
}

impl ConditionInTurns {
    pub fn new(condition: Arc<dyn PhysicalExpr>) -> Self {
        Self { condition }
    }
}

impl PhysicalExpr for ConditionInTurns {
    fn return_field(&self, input_schema: &Schema) -> Result<FieldRef> {
        self.condition.return_field(input_schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        match EVALUATIONS_LEFT.get() {
            Some(0) => return Err(DataFusionError::External(Box::new(TurnIsOver))),
            Some(left) => EVALUATIONS_LEFT.set(Some(left - 1)),
            None => {}
        }
        self.condition.evaluate(batch)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.condition]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(condition), true) => Ok(Arc::new(Self::new(condition))),
            _ => plan_err!("a condition in turns has one condition"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt_sql(f)
    }

    fn try_to_proto(&self, ctx: &PhysicalExprEncodeCtx<'_>) -> Result<Option<PhysicalExprNode>> {
        ctx.encode_child(&self.condition).map(Some)
    }
}

impl fmt::Display for ConditionInTurns {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(&self.condition, f)
    }
}

impl PartialEq for ConditionInTurns {
    fn eq(&self, other: &Self) -> bool {
        self.condition.eq(&other.condition)
    }
}

impl Eq for ConditionInTurns {}

impl Hash for ConditionInTurns {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.condition.hash(state);
    }
}
