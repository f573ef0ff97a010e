//! SQL functions of our own and the rules that put them, and other meanings, in place. Workers find
//! functions by name, so every session has all of them.

mod averages;
mod bounded;
mod branches;
mod byte_length;
mod char_columns;
mod checked;
mod comparisons;
mod divide;
mod doubles;
mod extremes;
mod finite;
mod moments;
mod moments_and_numbers;
mod mysql_text;
mod mysql_types;
mod nullable;
mod padding;
mod strict;
mod struct_fields;
mod substring;
mod sums;

pub(crate) use char_columns::{char_length, column_length};
pub(crate) use comparisons::compared;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    AggregateUDF, ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarUDF,
};
use datafusion::optimizer::{Analyzer, AnalyzerRule};
use std::sync::Arc;

/// The functions that a plan may hold on any node.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let mut functions = checked::checked_functions().to_vec();
    functions.extend(strict::strict_functions());
    functions.extend(bounded::bounded_functions());
    functions.extend(padding::padding_functions());
    functions.extend([
        byte_length::byte_length(),
        mysql_text::mysql_text(),
        nullable::maybe_null(),
        divide::divide(),
        finite::finite(),
        substring::substring(),
    ]);
    functions
}

/// As [`functions`], of aggregates.
pub(crate) fn aggregate_functions() -> Vec<Arc<AggregateUDF>> {
    extremes::extremes().to_vec()
}

/// DataFusion's rules with ours: what changes types before they are coerced, the rest after. First what columns
/// of `char(n)` hold and are compared with, for it goes by what was written.
pub(crate) fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn AnalyzerRule + Send + Sync>> =
        vec![Arc::new(char_columns::CharColumns), Arc::new(mysql_types::MysqlTypes)];
    rules.extend(Analyzer::new().rules);
    rules.push(Arc::new(char_columns::CharCasts));
    rules.push(Arc::new(checked::CheckIntegers));
    rules.push(Arc::new(nullable::NullableSubqueries));
    rules.push(Arc::new(struct_fields::StructFields));
    rules
}

/// `values` as one value where all arguments were single values.
fn as_given(arguments: &[ColumnarValue], values: ArrayRef) -> Result<ColumnarValue> {
    let scalars = arguments.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
    match scalars {
        true => ScalarValue::try_from_array(&values, 0).map(ColumnarValue::Scalar),
        false => Ok(ColumnarValue::Array(values)),
    }
}

/// The result of a function that is NULL only where one of its arguments is.
fn nullable_as_given(name: &str, data_type: DataType, arguments: &ReturnFieldArgs<'_>) -> FieldRef {
    let nullable = arguments.arg_fields.iter().any(|field| field.is_nullable());
    Arc::new(Field::new(name, data_type, nullable))
}

/// Rewrites every expression of a plan and of its subqueries, from the leaves up, with the columns
/// that it may name. Output names stay as they were.
fn rewrite_expressions(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| rewrite_node(plan, &rewrite))
        .map(|transformed| transformed.data)
}

/// As [`rewrite_expressions`], for one node of a plan.
pub(crate) fn rewrite_node(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let mut schema = merge_schema(&plan.inputs());
    if let LogicalPlan::TableScan(scan) = &plan {
        schema.merge(&scan.projected_schema);
    }
    let names = NamePreserver::new(&plan);
    let rewritten = plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let rewritten = expr.transform_up(|expr| rewrite(expr, &schema))?;
        Ok(rewritten.update_data(|expr| name.restore(expr)))
    })?;
    match rewritten.transformed {
        true => rewritten.map_data(LogicalPlan::recompute_schema),
        false => Ok(rewritten),
    }
}
