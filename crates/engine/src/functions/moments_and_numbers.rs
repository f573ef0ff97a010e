//! Dates, times and moments together with plain numbers. MySQL reads `19960102` as a date, DataFusion
//! as days since 1970; so every such expression is refused, and says what to write.

use super::comparisons::compared;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, not_impl_err};
use datafusion::logical_expr::expr::{InSubquery, SetComparison};
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlan, TryCast};
use std::fmt::Display;

/// Functions that answer one of their arguments, or compare them.
const OF_ONE_TYPE: [&str; 8] =
    ["coalesce", "greatest", "ifnull", "least", "nullif", "nvl", "strict_greatest", "strict_least"];

/// # Errors
/// `NotImplemented` for an expression whose parts have a type in which they mean something else.
pub(super) fn check(expr: &Expr, schema: &DFSchema) -> Result<()> {
    let kind = |operand: &Expr| operand.get_type(schema).ok().and_then(|found| Kind::of(&found));
    let mixed = |operands: &[&Expr]| {
        let kinds: Vec<_> = operands.iter().filter_map(|operand| kind(operand)).collect();
        kinds.contains(&Kind::Moment) && kinds.contains(&Kind::Number)
    };
    if mixed(&compared(expr)) {
        return refuse("comparing a date or time with a number", expr);
    }
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.is_numerical_operators() => {
            match (kind(left), kind(right)) {
                (Some(Kind::Moment), Some(_)) | (Some(_), Some(Kind::Moment)) => {
                    refuse("computing with a date or time as a number", expr)
                }
                _ => Ok(()),
            }
        }
        Expr::Negative(operand) if kind(operand) == Some(Kind::Moment) => {
            refuse("computing with a date or time as a number", expr)
        }
        Expr::Case(case) => {
            let results = case.when_then_expr.iter().map(|(_, then)| &**then);
            let results: Vec<_> = results.chain(case.else_expr.as_deref()).collect();
            match mixed(&results) {
                true => refuse("a date or time or else a number", expr),
                false => Ok(()),
            }
        }
        Expr::ScalarFunction(function) if OF_ONE_TYPE.contains(&function.name()) => {
            match mixed(&function.args.iter().collect::<Vec<_>>()) {
                true => refuse("a date or time together with a number", expr),
                false => Ok(()),
            }
        }
        Expr::Cast(Cast { expr: operand, field })
        | Expr::TryCast(TryCast { expr: operand, field }) => {
            match (kind(operand), Kind::of(field.data_type())) {
                (Some(from), Some(to)) if from != to => {
                    refuse("a cast between dates or times and numbers", expr)
                }
                _ => Ok(()),
            }
        }
        Expr::InSubquery(InSubquery { expr: operand, subquery, .. })
        | Expr::SetComparison(SetComparison { expr: operand, subquery, .. }) => {
            let fields = subquery.subquery.schema().fields();
            let found = fields.first().and_then(|field| Kind::of(field.data_type()));
            match (kind(operand), found) {
                (Some(left), Some(right)) if left != right => {
                    refuse("comparing a date or time with a number", operand)
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// # Errors
/// As [`check`], for what a join or a set operation brings together.
pub(super) fn check_plan(plan: &LogicalPlan) -> Result<()> {
    match plan {
        LogicalPlan::Join(join) => {
            for (left, right) in &join.on {
                let left_kind = left.get_type(join.left.schema()).ok().and_then(|t| Kind::of(&t));
                let right_kind =
                    right.get_type(join.right.schema()).ok().and_then(|t| Kind::of(&t));
                if left_kind.zip(right_kind).is_some_and(|(left, right)| left != right) {
                    return refuse("joining a date or time with a number", left);
                }
            }
        }
        LogicalPlan::Union(union) => {
            for (place, field) in union.schema.fields().iter().enumerate() {
                let fields =
                    union.inputs.iter().filter_map(|input| input.schema().fields().get(place));
                let kinds: Vec<_> =
                    fields.filter_map(|field| Kind::of(field.data_type())).collect();
                if kinds.contains(&Kind::Moment) && kinds.contains(&Kind::Number) {
                    return refuse("a union of dates or times with numbers", field.name());
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Moment,
    Number,
}

impl Kind {
    fn of(found: &DataType) -> Option<Self> {
        match found {
            DataType::Date32
            | DataType::Date64
            | DataType::Time32(_)
            | DataType::Time64(_)
            | DataType::Timestamp(_, _) => Some(Kind::Moment),
            number if number.is_numeric() => Some(Kind::Number),
            _ => None,
        }
    }
}

fn refuse(what: &str, construct: &dyn Display) -> Result<()> {
    not_impl_err!(
        "{what} is not supported: `{construct}`; write a date literal as in `DATE '1996-01-02'`, or \
         cast text as in `CAST('1996-01-02' AS DATE)`"
    )
}
