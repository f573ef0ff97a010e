//! A decimal that meets a double is compared and computed as a double, as in MySQL and PostgreSQL.
//! DataFusion 55.2 would make a decimal of the double, and fail or cut where it does not fit.

use super::divide;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable};

pub(super) fn meet(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let mut operands: Vec<&Expr> = Vec::new();
    match &expr {
        Expr::BinaryExpr(BinaryExpr { left, right, .. }) => operands.extend([&**left, &**right]),
        Expr::Between(Between { expr, low, high, .. }) => {
            operands.extend([&**expr, &**low, &**high]);
        }
        Expr::InList(InList { expr, list, .. }) => {
            operands.push(expr);
            operands.extend(list);
        }
        _ => return Transformed::no(expr),
    }
    let is = |wanted: fn(&DataType) -> bool| {
        operands.iter().any(|operand| operand.get_type(schema).is_ok_and(|found| wanted(&found)))
    };
    if !is(DataType::is_floating) || !is(DataType::is_decimal) {
        return Transformed::no(expr);
    }
    let double = |operand: Expr| match operand.get_type(schema) {
        Ok(found) if found.is_decimal() => divide::as_double(operand),
        Ok(_) | Err(_) => operand,
    };
    Transformed::yes(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => Expr::BinaryExpr(BinaryExpr {
            left: Box::new(double(*left)),
            op,
            right: Box::new(double(*right)),
        }),
        Expr::Between(between) => Expr::Between(Between {
            expr: Box::new(double(*between.expr)),
            low: Box::new(double(*between.low)),
            high: Box::new(double(*between.high)),
            ..between
        }),
        Expr::InList(list) => Expr::InList(InList {
            expr: Box::new(double(*list.expr)),
            list: list.list.into_iter().map(double).collect(),
            ..list
        }),
        other => other,
    })
}
