//! Integer arithmetic that fails where DataFusion's wraps around: a sum that does not fit is an
//! error, never another number. A rule puts these functions in the place of `+`, `-` and `*` once
//! types are settled.

use super::rewrite_expressions;
use datafusion::arrow::array::{ArrayRef, Datum};
use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;
use std::sync::{Arc, LazyLock};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
}

impl Operation {
    fn of(operator: Operator) -> Option<Self> {
        match operator {
            Operator::Plus => Some(Operation::Add),
            Operator::Minus => Some(Operation::Subtract),
            Operator::Multiply => Some(Operation::Multiply),
            _ => None,
        }
    }

    fn function(self) -> &'static Arc<ScalarUDF> {
        match self {
            Operation::Add => &ADD,
            Operation::Subtract => &SUBTRACT,
            Operation::Multiply => &MULTIPLY,
        }
    }

    fn kernel(self) -> fn(&dyn Datum, &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self {
            Operation::Add => numeric::add,
            Operation::Subtract => numeric::sub,
            Operation::Multiply => numeric::mul,
        }
    }
}

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| checked("checked_add", Operation::Add));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| checked("checked_subtract", Operation::Subtract));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| checked("checked_multiply", Operation::Multiply));

pub(crate) fn checked_functions() -> [Arc<ScalarUDF>; 3] {
    [ADD.clone(), SUBTRACT.clone(), MULTIPLY.clone()]
}

fn checked(name: &'static str, operation: Operation) -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Checked { name, operation, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: &'static str,
    operation: Operation,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [left, right] if left == right && left.is_integer() => Ok(left.clone()),
            _ => plan_err!("{} takes two integers of one type", self.name),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match arguments.args.as_slice() {
            [left, right] => apply(left, right, self.operation.kernel()),
            _ => plan_err!("{} takes two arguments", self.name),
        }
    }
}

/// The rule; it runs after type coercion.
#[derive(Debug)]
pub(crate) struct CheckIntegers;

impl AnalyzerRule for CheckIntegers {
    fn name(&self) -> &str {
        "check_integers"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, check)
    }
}

fn check(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = &expr else {
        return Ok(Transformed::no(expr));
    };
    let Some(operation) = Operation::of(*op) else {
        return Ok(Transformed::no(expr));
    };
    // An outer column of a subquery has its type in itself; anything else unknown stays as it is.
    let (Ok(left_type), Ok(right_type)) = (left.get_type(schema), right.get_type(schema)) else {
        return Ok(Transformed::no(expr));
    };
    if left_type != right_type || !left_type.is_integer() {
        return Ok(Transformed::no(expr));
    }
    let arguments = vec![left.as_ref().clone(), right.as_ref().clone()];
    Ok(Transformed::yes(operation.function().call(arguments)))
}
