//! Columns of `char(n)` in a view's query. Here they are as in Spark: texts with their spaces to functions and
//! patterns, and beside texts of other columns. Hive takes the spaces away, and Presto fills up what they
//! meet; so only what is the same in all of them is read: the columns themselves, and comparisons with each
//! other and with literals.

use super::clauses::refused;
use super::types::{Family, family, unknown};
use crate::error::to_datafusion;
use crate::functions::{char_length, column_length, compared};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator};
use mooring_spi::ViewDialect;

/// Checks a view's whole query.
///
/// # Errors
/// `Unsupported`, naming the expression.
pub(super) fn check(plan: &LogicalPlan, dialect: ViewDialect) -> Result<()> {
    match dialect {
        ViewDialect::Spark { .. } => Ok(()),
        ViewDialect::Hive | ViewDialect::Presto => check_plan(plan, &[]),
    }
}

/// `outer` are the nodes around a subquery, from the outermost on.
fn check_plan(plan: &LogicalPlan, outer: &[&LogicalPlan]) -> Result<()> {
    plan.apply(|node| {
        check_node(node, outer)?;
        let around: Vec<&LogicalPlan> = outer.iter().copied().chain([node]).collect();
        node.apply_subqueries(|subquery| {
            check_plan(subquery, &around)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(())
}

fn check_node(plan: &LogicalPlan, outer: &[&LogicalPlan]) -> Result<()> {
    if !brings_equals_together(plan) {
        return Err(to_datafusion(refused("char(n) together with another text")));
    }
    let schema = merge_schema(&plan.inputs());
    plan.apply_expressions(|expr| {
        expr.apply(|expr| {
            check_expression(expr, &schema, plan, outer)?;
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    Ok(())
}

/// Whether a union or the keys of a join are all of one `char(n)`, or none of them.
fn brings_equals_together(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Union(union) => (0..union.schema.fields().len()).all(|place| {
            let mut lengths = union.inputs.iter().map(|input| column_length(input, place));
            let first = lengths.next().flatten();
            lengths.all(|length| length == first)
        }),
        LogicalPlan::Join(join) => join.on.iter().all(|(left, right)| {
            char_length(left, plan).is_some() == char_length(right, plan).is_some()
        }),
        _ => true,
    }
}

/// Whether what a subquery names of the nodes around it is of `char(n)`, for all that is known.
fn may_be_outer_char(found: &DataType, column: &Column, outer: &[&LogicalPlan]) -> bool {
    let in_node = |node: &&LogicalPlan| {
        node.inputs().into_iter().find_map(|input| {
            let index = input.schema().maybe_index_of_column(column)?;
            Some(column_length(input, index).is_some())
        })
    };
    family(found) == Family::Text && outer.iter().rev().find_map(in_node).unwrap_or(true)
}

fn check_expression(
    expr: &Expr,
    schema: &DFSchema,
    plan: &LogicalPlan,
    outer: &[&LogicalPlan],
) -> Result<()> {
    let is_char = |operand: &Expr| match operand {
        Expr::OuterReferenceColumn(field, column) => {
            may_be_outer_char(field.data_type(), column, outer)
        }
        operand => char_length(operand, plan).is_some(),
    };
    let taken: Vec<&Expr> = match expr {
        Expr::ScalarFunction(call) => call.args.iter().collect(),
        // Who counts alone does not look at the value.
        Expr::AggregateFunction(call) if call.func.name() != "count" => {
            call.params.args.iter().collect()
        }
        Expr::Like(like) => vec![&like.expr, &like.pattern],
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::StringConcat, right }) => {
            vec![left, right]
        }
        Expr::Cast(cast) => vec![&cast.expr],
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| then.as_ref());
            results.chain(case.else_expr.as_deref()).collect()
        }
        _ => Vec::new(),
    };
    let is_same = |operand: &Expr| {
        let is_text = operand.get_type(schema).is_ok_and(|found| family(&found) == Family::Text);
        is_char(operand) || matches!(operand, Expr::Literal(..)) || !is_text
    };
    let meets_text = match expr {
        Expr::InSubquery(inside) => {
            is_char(&inside.expr) != column_length(&inside.subquery.subquery, 0).is_some()
        }
        expr => {
            let operands = compared(expr);
            operands.iter().any(|operand| is_char(operand))
                && !operands.iter().all(|operand| is_same(operand))
        }
    };
    match meets_text || taken.into_iter().any(is_char) {
        true => Err(unknown(expr)),
        false => Ok(()),
    }
}
