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
    let structure = match &expr {
        Expr::ScalarFunction(call) if call.name() == "get_field" => call.args.first().cloned(),
        _ => None,
    };
    let Some(structure) = structure else { return Ok(Transformed::no(expr)) };
    let there = (Box::new(structure.is_not_null()), Box::new(expr));
    Ok(Transformed::yes(Expr::Case(Case::new(None, vec![there], None))))
}
