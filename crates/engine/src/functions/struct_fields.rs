//! A field of a structure that is null is null. DataFusion's `get_field` takes the field's own values, which
//! are anything where the structure is null: zero for one, in a Parquet file that requires the field.

use super::rewrite_expressions;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Case, Expr, LogicalPlan};
use datafusion::optimizer::AnalyzerRule;

#[derive(Debug)]
pub(super) struct StructFields;

impl AnalyzerRule for StructFields {
    fn name(&self) -> &str {
        "struct_fields"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        rewrite_expressions(plan, null_with_its_structure)
    }
}

fn null_with_its_structure(expr: Expr, _columns: &DFSchema) -> Result<Transformed<Expr>> {
    let Expr::ScalarFunction(mut call) = expr else { return Ok(Transformed::no(expr)) };
    if call.name() != "get_field" {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    }
    let Some(structure) = call.args.first_mut() else {
        return Ok(Transformed::no(Expr::ScalarFunction(call)));
    };
    // Of a field's field the conditions are joined, so that a long path does not double at each step.
    let is_there = match structure {
        Expr::Case(case) => match (&case.expr, case.when_then_expr.as_slice(), &case.else_expr) {
            (None, [(condition, field)], None) => {
                let condition = condition.as_ref().clone();
                let field = field.as_ref().clone();
                *structure = field.clone();
                condition.and(field.is_not_null())
            }
            _ => structure.clone().is_not_null(),
        },
        other => other.clone().is_not_null(),
    };
    let there = (Box::new(is_there), Box::new(Expr::ScalarFunction(call)));
    Ok(Transformed::yes(Expr::Case(Case::new(None, vec![there], None))))
}
