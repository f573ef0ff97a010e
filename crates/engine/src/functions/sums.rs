//! A sum of integers is a decimal, as in MySQL; DataFusion's would wrap around. The rule runs before
//! type coercion.

use super::rewrite_expressions;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition, cast};
use datafusion::optimizer::AnalyzerRule;

/// Holds every 64-bit integer; DataFusion's sum of it has ten digits more.
const ADDEND: DataType = DataType::Decimal128(20, 0);

#[derive(Debug)]
pub(crate) struct SumIntegersAsDecimals;

impl AnalyzerRule for SumIntegersAsDecimals {
    fn name(&self) -> &str {
        "sum_integers_as_decimals"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, |expr, schema| Ok(widen(expr, schema)))
    }
}

fn widen(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let addend = match &mut expr {
        Expr::AggregateFunction(function) if function.func.name() == "sum" => {
            function.params.args.first_mut()
        }
        Expr::WindowFunction(function) => match &function.fun {
            WindowFunctionDefinition::AggregateUDF(sum) if sum.name() == "sum" => {
                function.params.args.first_mut()
            }
            _ => None,
        },
        _ => None,
    };
    let Some(addend) = addend else {
        return Transformed::no(expr);
    };
    if !addend.get_type(schema).is_ok_and(|found| found.is_integer()) {
        return Transformed::no(expr);
    }
    *addend = cast(addend.clone(), ADDEND);
    Transformed::yes(expr)
}
