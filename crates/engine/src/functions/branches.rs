//! The branches of a CASE or IFNULL and the sides of a set operation get one type before anything above them is
//! looked at: until DataFusion's own coercion, which comes later, such an expression seems to have the
//! type of its first part.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::expr::Case;
use datafusion::logical_expr::type_coercion::other::get_coerce_type_for_case_expression;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, cast};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::analyzer::type_coercion::TypeCoercion;

/// Numbers of several types become numbers of one: a double where one is, as in MySQL.
pub(super) fn of_case(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::Case(case) = expr else {
        return Transformed::no(expr);
    };
    match common_type(&case, schema) {
        Some(common) => Transformed::yes(Expr::Case(with_type(case, schema, &common))),
        None => Transformed::no(Expr::Case(case)),
    }
}

/// `IFNULL` of numbers is exact if they are; DataFusion's makes doubles of different ones.
pub(super) fn of_ifnull(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::ScalarFunction(call) = &expr else {
        return Transformed::no(expr);
    };
    let is_number =
        |argument: &Expr| argument.get_type(schema).is_ok_and(|found| found.is_numeric());
    match call.func.name() == "nvl" && call.args.iter().all(is_number) {
        true => Transformed::yes(coalesce().call(call.args.clone())),
        false => Transformed::no(expr),
    }
}

/// `None` where the branches have one type, or are no numbers.
fn common_type(case: &Case, schema: &DFSchema) -> Option<DataType> {
    let branches = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
    let mut types = Vec::new();
    for branch in branches {
        match branch.get_type(schema).ok()? {
            DataType::Null => {}
            found if found.is_numeric() => types.push(found),
            _ => return None,
        }
    }
    let (first, rest) = types.split_first()?;
    if rest.iter().all(|found| found == first) {
        return None;
    }
    match types.iter().any(DataType::is_floating) {
        true => Some(DataType::Float64),
        false => get_coerce_type_for_case_expression(&types, None),
    }
}

fn with_type(case: Case, schema: &DFSchema, common: &DataType) -> Case {
    let typed = |branch: Box<Expr>| match branch.get_type(schema) {
        Ok(found) if found.is_numeric() && found != *common => {
            Box::new(cast(*branch, common.clone()))
        }
        Ok(_) | Err(_) => branch,
    };
    let branches = case.when_then_expr.into_iter();
    Case {
        expr: case.expr,
        when_then_expr: branches.map(|(when, then)| (when, typed(then))).collect(),
        else_expr: case.else_expr.map(typed),
    }
}

/// By DataFusion's own rule, for what stands below is as it will be.
pub(super) fn of_union(
    plan: LogicalPlan,
    config: &ConfigOptions,
) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Union(union) = &plan else {
        return Ok(Transformed::no(plan));
    };
    let types = |schema: &DFSchema| -> Vec<DataType> {
        schema.fields().iter().map(|field| field.data_type().clone()).collect()
    };
    let wanted = types(&union.schema);
    if union.inputs.iter().all(|input| types(input.schema()) == wanted) {
        return Ok(Transformed::no(plan));
    }
    TypeCoercion::new().analyze(plan, config).map(Transformed::yes)
}
