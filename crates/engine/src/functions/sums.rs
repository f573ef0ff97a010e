//! A sum of integers is a decimal, as in MySQL; DataFusion's would wrap around. DataFusion's sum of a
//! decimal has ten digits more than it.

use super::divide::INTEGER;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Expr, ExprSchemable, WindowFunctionDefinition, cast};

pub(super) fn widen(mut expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
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
    *addend = cast(addend.clone(), INTEGER);
    Transformed::yes(expr)
}
