//! `sum(status = 'paid')`: a condition is 1 or 0 in MySQL, and no number in DataFusion.

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    BinaryOperator, CaseWhen, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    UnaryOperator, Value,
};

/// Makes a number of the argument, where that is a condition.
pub(super) fn counted(function: &mut Function) {
    let FunctionArguments::List(list) = &mut function.args else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))] = list.args.as_mut_slice() else {
        return;
    };
    if !is_condition(argument) {
        return;
    }
    let number = |digit: &str| Expr::value(Value::Number(digit.to_owned(), false));
    let when = |truth, digit| CaseWhen {
        condition: Expr::value(Value::Boolean(truth)),
        result: number(digit),
    };
    *argument = Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: Some(Box::new(Expr::Nested(Box::new(argument.clone())))),
        conditions: vec![when(true, "1"), when(false, "0")],
        else_result: None,
    };
}

/// Whether it is true, false or null by its form, whatever its columns are.
fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_condition(inner),
        Expr::Value(value) => matches!(value.value, Value::Boolean(_)),
        Expr::BinaryOp { op, .. } => matches!(
            op,
            BinaryOperator::Eq
                | BinaryOperator::NotEq
                | BinaryOperator::Lt
                | BinaryOperator::LtEq
                | BinaryOperator::Gt
                | BinaryOperator::GtEq
                | BinaryOperator::Spaceship
                | BinaryOperator::And
                | BinaryOperator::Or
        ),
        Expr::UnaryOp { op: UnaryOperator::Not, .. }
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::Between { .. }
        | Expr::Like { .. } => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};

    fn normal(sql: &str) -> String {
        match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            Statement::Query(query) => query.query.to_string(),
            other => panic!("no query: {other:?}"),
        }
    }

    #[test]
    fn conditions_are_counted() {
        let number =
            |condition: &str| format!("CASE ({condition}) WHEN true THEN 1 WHEN false THEN 0 END");
        for condition in
            ["a = 1", "a IS NULL", "NOT a > b", "a IN (1, 2) AND a < 2", "(a LIKE 'x')"]
        {
            let sql = format!("SELECT sum({condition}) OVER (ORDER BY b)");
            let expected = format!("SELECT sum({}) OVER (ORDER BY b)", number(condition));
            assert_eq!(normal(&sql), expected);
        }
        let sql = "SELECT AVG(DISTINCT a = 1)";
        assert_eq!(normal(sql), format!("SELECT AVG(DISTINCT {})", number("a = 1")));
        for sql in
            ["SELECT sum(a)", "SELECT avg(a + 1)", "SELECT count(a = 1)", "SELECT min(a = 1)"]
        {
            assert_eq!(normal(sql), sql);
        }
    }
}
