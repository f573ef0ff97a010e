//! Comparisons in which spaces at the ends of `char(n)` do not count.

use super::lineage::{Scope, column_length};
use crate::functions::comparisons::is_comparison;
use crate::functions::padding::space_filled;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue};
use datafusion::functions::string::rtrim;
use datafusion::functions::unicode::character_length;
use datafusion::logical_expr::expr::{Between, Case, InList, InSubquery, SetComparison};
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, LogicalPlanBuilder, Operator, Subquery, TryCast, lit,
    when,
};
use std::sync::Arc;

/// Leaves what compares no column of `char(n)`, or compares one with a column of texts: Spark takes both for
/// texts.
pub(super) fn rewrite(
    expr: Expr,
    schema: &DFSchema,
    scope: &Scope<'_>,
) -> Result<Transformed<Expr>> {
    let operand = |expr: &Expr| Operand::of(expr, schema, scope);
    let agreed = |left: &Expr, op: Operator, right: &Expr| {
        let (left_is, right_is) = (operand(left), operand(right));
        Comparison { left, left_is, op, right, right_is }.without_trailing_spaces()
    };
    let rewritten = match &expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
            agreed(left, *op, right).map(|(left, right)| binary(left, *op, right))
        }
        Expr::Between(between) => of_between(between, &agreed),
        Expr::InList(list) => of_list(list, &agreed),
        Expr::Case(case) => of_case(case, &agreed),
        Expr::InSubquery(InSubquery { expr: left, subquery, negated }) => {
            with_subquery(left, operand(left), Operator::Eq, subquery)?.map(|(left, subquery)| {
                Expr::InSubquery(InSubquery::new(Box::new(left), subquery, *negated))
            })
        }
        Expr::SetComparison(SetComparison { expr: left, subquery, op, quantifier }) => {
            with_subquery(left, operand(left), *op, subquery)?.map(|(left, subquery)| {
                let left = Box::new(left);
                Expr::SetComparison(SetComparison::new(left, subquery, *op, *quantifier))
            })
        }
        // It compares as `=` does, and gives its first argument as that is.
        Expr::ScalarFunction(call) if call.name() == "nullif" => match call.args.as_slice() {
            [first, second] => match agreed(first, Operator::Eq, second) {
                Some((left, right)) if left == *first => Some(call.func.call(vec![left, right])),
                Some((left, right)) => {
                    let is_equal = binary(left, Operator::Eq, right);
                    Some(when(is_equal, lit(ScalarValue::Null)).otherwise(first.clone())?)
                }
                None => None,
            },
            _ => None,
        },
        _ => of_cast(&expr, scope),
    };
    Ok(rewritten.map_or_else(|| Transformed::no(expr), Transformed::yes))
}

/// As [`rewrite`], of casts alone.
pub(super) fn rewrite_cast(expr: Expr, scope: &Scope<'_>) -> Transformed<Expr> {
    of_cast(&expr, scope).map_or_else(|| Transformed::no(expr), Transformed::yes)
}

/// `CAST(c AS INT)`: no number and no date has spaces at its end.
fn of_cast(expr: &Expr, scope: &Scope<'_>) -> Option<Expr> {
    match expr {
        Expr::Cast(Cast { expr, field }) => without_spaces(expr, field.data_type(), scope)
            .map(|expr| Expr::Cast(Cast { expr: Box::new(expr), field: Arc::clone(field) })),
        Expr::TryCast(TryCast { expr, field }) => without_spaces(expr, field.data_type(), scope)
            .map(|expr| Expr::TryCast(TryCast { expr: Box::new(expr), field: Arc::clone(field) })),
        _ => None,
    }
}

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// A column of `char(n)`.
    Char(usize),
    /// A text that names no column.
    Constant,
    /// Another text, or a null of no type.
    Text,
    /// Of another type.
    Other,
}

impl Operand {
    pub fn of(expr: &Expr, schema: &DFSchema, scope: &Scope<'_>) -> Self {
        match expr.get_type(schema) {
            Ok(found) if is_text(&found) => match scope.length_of(expr) {
                Some(length) => Operand::Char(length),
                None if is_constant(expr) => Operand::Constant,
                None => Operand::Text,
            },
            Ok(DataType::Null) | Err(_) => Operand::Text,
            Ok(_) => Operand::Other,
        }
    }
}

pub(super) struct Comparison<'a> {
    pub left: &'a Expr,
    pub left_is: Operand,
    pub op: Operator,
    pub right: &'a Expr,
    pub right_is: Operand,
}

impl Comparison<'_> {
    /// What to compare instead; `None` where nothing changes.
    pub fn without_trailing_spaces(&self) -> Option<(Expr, Expr)> {
        let (left, right) = (self.left, self.right);
        match (self.left_is, self.right_is) {
            (Operand::Char(one), Operand::Char(two)) if one < two => {
                Some(match self.is_equality() && is_of_outer(right) && !is_of_outer(left) {
                    true => (left.clone(), filled(right, one)),
                    false => (filled(left, two), right.clone()),
                })
            }
            (Operand::Char(one), Operand::Char(two)) if one > two => {
                Some(match self.is_equality() && is_of_outer(left) && !is_of_outer(right) {
                    true => (filled(left, two), right.clone()),
                    false => (left.clone(), filled(right, one)),
                })
            }
            (Operand::Char(length), Operand::Constant) => {
                with_constant(left, length, self.op, right)
            }
            (Operand::Constant, Operand::Char(length)) => {
                with_constant(right, length, self.op, left).map(|(column, text)| (text, column))
            }
            (Operand::Char(_), Operand::Other) => Some((trimmed(left), right.clone())),
            (Operand::Other, Operand::Char(_)) => Some((left.clone(), trimmed(right))),
            (Operand::Char(_), Operand::Char(_) | Operand::Text)
            | (
                Operand::Constant | Operand::Other,
                Operand::Constant | Operand::Text | Operand::Other,
            )
            | (
                Operand::Text,
                Operand::Char(_) | Operand::Constant | Operand::Text | Operand::Other,
            ) => None,
        }
    }

    /// Then the longer side can change as well: what it has beyond the shorter one must be spaces, which
    /// [`filled`] takes away.
    fn is_equality(&self) -> bool {
        matches!(
            self.op,
            Operator::Eq | Operator::NotEq | Operator::IsDistinctFrom | Operator::IsNotDistinctFrom
        )
    }
}

/// DataFusion makes joins of aggregates in correlated subqueries only where a column of the subquery itself is
/// compared (`can_pullup_over_aggregation` in its `decorrelate.rs`), so the other side is the one to change.
fn is_of_outer(expr: &Expr) -> bool {
    matches!(expr, Expr::OuterReferenceColumn(..))
}

/// A column of `char(length)` and a constant, the latter changed where that is enough: an equal one has
/// `length` characters. Of one that is longer only the characters behind these are compared with spaces, and
/// all characters but control characters come behind a space anyway.
fn with_constant(
    column: &Expr,
    length: usize,
    op: Operator,
    constant: &Expr,
) -> Option<(Expr, Expr)> {
    let is_ordered = matches!(op, Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq);
    if let Expr::Literal(value, _) = constant {
        let text = value.try_as_str()??.trim_end_matches(' ');
        let characters = text.chars().count();
        let behind = text.chars().skip(length).find(|character| *character != ' ');
        let column = match is_ordered && behind.is_some_and(|character| character < ' ') {
            true => filled(column, characters),
            false => column.clone(),
        };
        let missing = length.saturating_sub(characters);
        let as_long: String = text.chars().chain(std::iter::repeat_n(' ', missing)).collect();
        return Some((column, lit(as_long)));
    }
    let constant = filled(constant, length);
    match is_ordered {
        true => {
            let characters = character_length().call(vec![constant.clone()]);
            Some((space_filled().call(vec![column.clone(), characters]), constant))
        }
        false => Some((column.clone(), constant)),
    }
}

/// Gives the sides of a comparison that differ from what they were.
type Agreed<'a> = dyn Fn(&Expr, Operator, &Expr) -> Option<(Expr, Expr)> + 'a;

fn of_between(between: &Between, agreed: &Agreed<'_>) -> Option<Expr> {
    let Between { expr, negated, low, high } = between;
    let at_least = agreed(expr, Operator::GtEq, low);
    let at_most = agreed(expr, Operator::LtEq, high);
    if at_least.is_none() && at_most.is_none() {
        return None;
    }
    let (from, low) = at_least.unwrap_or_else(|| (*expr.clone(), *low.clone()));
    let (to, high) = at_most.unwrap_or_else(|| (*expr.clone(), *high.clone()));
    if from == **expr && to == **expr {
        let (low, high) = (Box::new(low), Box::new(high));
        return Some(Expr::Between(Between::new(expr.clone(), *negated, low, high)));
    }
    let inside = binary(from, Operator::GtEq, low).and(binary(to, Operator::LtEq, high));
    Some(negated_if(*negated, inside))
}

fn of_list(list: &InList, agreed: &Agreed<'_>) -> Option<Expr> {
    let InList { expr, list: items, negated } = list;
    let mut changed = false;
    let mut same = Vec::new();
    let mut others = Vec::new();
    for item in items {
        let pair = agreed(expr, Operator::Eq, item);
        changed |= pair.is_some();
        match pair {
            None => same.push(item.clone()),
            Some((left, item)) if left == **expr => same.push(item),
            Some((left, item)) => others.push(left.eq(item)),
        }
    }
    if !changed {
        return None;
    }
    if others.is_empty() {
        return Some(Expr::InList(InList::new(expr.clone(), same, *negated)));
    }
    if !same.is_empty() {
        others.push(Expr::InList(InList::new(expr.clone(), same, false)));
    }
    any_of(others).map(|found| negated_if(*negated, found))
}

/// As deep as a tree, for lists are long.
fn any_of(mut conditions: Vec<Expr>) -> Option<Expr> {
    while conditions.len() > 1 {
        let mut left = conditions.into_iter();
        let mut joined = Vec::new();
        while let Some(one) = left.next() {
            joined.push(match left.next() {
                Some(two) => one.or(two),
                None => one,
            });
        }
        conditions = joined;
    }
    conditions.pop()
}

/// `CASE c WHEN 'ab' THEN ...`
fn of_case(case: &Case, agreed: &Agreed<'_>) -> Option<Expr> {
    let operand = case.expr.as_deref()?;
    let pairs: Vec<Option<(Expr, Expr)>> =
        case.when_then_expr.iter().map(|(when, _)| agreed(operand, Operator::Eq, when)).collect();
    if pairs.iter().all(Option::is_none) {
        return None;
    }
    let is_same = pairs.iter().flatten().all(|(left, _)| left == operand);
    let branches = case.when_then_expr.iter().zip(pairs).map(|((when, then), pair)| {
        let (left, when) = pair.unwrap_or_else(|| (operand.clone(), *when.clone()));
        let when = match is_same {
            true => when,
            false => left.eq(when),
        };
        (Box::new(when), then.clone())
    });
    let expr = case.expr.clone().filter(|_| is_same);
    Some(Expr::Case(Case::new(expr, branches.collect(), case.else_expr.clone())))
}

fn with_subquery(
    left: &Expr,
    left_is: Operand,
    op: Operator,
    subquery: &Subquery,
) -> Result<Option<(Expr, Subquery)>> {
    let plan = &subquery.subquery;
    if plan.schema().fields().is_empty() {
        return Ok(None);
    }
    let (qualifier, field) = plan.schema().qualified_field(0);
    let right = Expr::Column(Column::from((qualifier, field)));
    let right_is = match column_length(plan, 0) {
        Some(length) => Operand::Char(length),
        None if is_text(field.data_type()) || field.data_type().is_null() => Operand::Text,
        None => Operand::Other,
    };
    let compared = Comparison { left, left_is, op, right: &right, right_is };
    let Some((left, changed)) = compared.without_trailing_spaces() else { return Ok(None) };
    if changed == right {
        return Ok(Some((left, subquery.clone())));
    }
    let changed = changed.alias_qualified(qualifier.cloned(), field.name());
    let plan = LogicalPlanBuilder::from(Arc::clone(plan)).project([changed])?.build()?;
    Ok(Some((left, Subquery { subquery: Arc::new(plan), ..subquery.clone() })))
}

/// What is cast to a number, a date or a time.
fn without_spaces(expr: &Expr, to: &DataType, scope: &Scope<'_>) -> Option<Expr> {
    (to.is_numeric() || to.is_temporal() || *to == DataType::Boolean).then_some(())?;
    scope.length_of(expr).map(|_| trimmed(expr))
}

fn binary(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

fn negated_if(negated: bool, condition: Expr) -> Expr {
    match negated {
        true => Expr::Not(Box::new(condition)),
        false => condition,
    }
}

fn filled(text: &Expr, length: usize) -> Expr {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    space_filled().call(vec![text.clone(), lit(length)])
}

fn trimmed(text: &Expr) -> Expr {
    rtrim().call(vec![text.clone()])
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn is_constant(expr: &Expr) -> bool {
    let varies = expr.exists(|expr| {
        Ok(expr.is_volatile_node()
            || matches!(
                expr,
                Expr::Column(_)
                    | Expr::OuterReferenceColumn(..)
                    | Expr::ScalarSubquery(_)
                    | Expr::Exists(_)
                    | Expr::InSubquery(_)
                    | Expr::SetComparison(_)
                    | Expr::AggregateFunction(_)
                    | Expr::WindowFunction(_)
                    | Expr::Unnest(_)
            ))
    });
    matches!(varies, Ok(false))
}
