//! What an expression compares with each other.

use datafusion::logical_expr::expr::{Between, Case, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

/// The operands of a comparison; none of another expression.
pub(crate) fn compared(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(*op) => {
            vec![left, right]
        }
        Expr::Between(Between { expr, low, high, .. }) => vec![expr, low, high],
        Expr::InList(InList { expr, list, .. }) => std::iter::once(&**expr).chain(list).collect(),
        Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
            let values = when_then_expr.iter().map(|(when, _)| &**when);
            std::iter::once(&**expr).chain(values).collect()
        }
        _ => Vec::new(),
    }
}

pub(super) fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// Puts others in the places of the operands that [`compared`] gives.
pub(super) fn map_compared(expr: Expr, map: impl Fn(Expr) -> Expr) -> Expr {
    let boxed = |operand: Box<Expr>| Box::new(map(*operand));
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            Expr::BinaryExpr(BinaryExpr { left: boxed(left), op, right: boxed(right) })
        }
        Expr::Between(between) => Expr::Between(Between {
            expr: boxed(between.expr),
            low: boxed(between.low),
            high: boxed(between.high),
            ..between
        }),
        Expr::InList(list) => Expr::InList(InList {
            expr: boxed(list.expr),
            list: list.list.into_iter().map(&map).collect(),
            ..list
        }),
        Expr::Case(case) => Expr::Case(Case {
            expr: case.expr.map(boxed),
            when_then_expr: case
                .when_then_expr
                .into_iter()
                .map(|(when, then)| (boxed(when), then))
                .collect(),
            ..case
        }),
        other => other,
    }
}
