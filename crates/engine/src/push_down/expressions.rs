//! DataFusion's expressions in the relational language, exactly or not at all.

use super::casts::exact_cast;
use super::functions::scalar_function;
use super::subqueries::Subqueries;
use super::{Translated, refused};
use crate::value::from_scalar;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Between, Case, InList, Like};
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, Operator};
use mooring_spi::{Expression, ExpressionKind, Function, Relation, Value};

/// Values of an `IN` list beyond which it stays here: a source has a bound on a statement's length.
const IN_LIST_MAX: usize = 10_000;

/// What an expression sees.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub schema: &'a DFSchema,
    pub subqueries: &'a Subqueries,
}

/// `expr` over rows that have the columns of the scope's schema.
///
/// # Errors
/// What of it does not cross.
pub(super) fn expression(expr: &Expr, scope: Scope<'_>) -> Translated<Expression> {
    match expr {
        Expr::Alias(alias) => expression(&alias.expr, scope),
        Expr::Column(column) => match scope.schema.maybe_index_of_column(column) {
            Some(index) => Ok(column_at(index, scope.schema.field(index).data_type())),
            None => refused("a column of an outer query"),
        },
        Expr::Literal(value, _) => literal(value),
        Expr::BinaryExpr(binary) => operator(expr, binary, scope),
        Expr::Not(operand) => Ok(not(expression(operand, scope)?)),
        Expr::IsNull(operand) | Expr::IsUnknown(operand) => {
            Ok(condition(Function::IsNull, vec![expression(operand, scope)?]))
        }
        Expr::IsNotNull(operand) | Expr::IsNotUnknown(operand) => {
            Ok(condition(Function::IsNotNull, vec![expression(operand, scope)?]))
        }
        Expr::IsTrue(operand) => is(operand, true, scope),
        Expr::IsFalse(operand) => is(operand, false, scope),
        Expr::IsNotTrue(operand) => is(operand, true, scope).map(not),
        Expr::IsNotFalse(operand) => is(operand, false, scope).map(not),
        Expr::Negative(operand) => negative(expression(operand, scope)?),
        Expr::Between(between) => range(between, scope),
        Expr::InList(list) => in_list(list, scope),
        Expr::Like(pattern) => like(pattern, scope),
        Expr::Case(branches) => case(expr, branches, scope),
        Expr::Cast(cast) => exact_cast(expression(&cast.expr, scope)?, cast.field.data_type()),
        Expr::ScalarFunction(call) => scalar_function(expr, call, scope),
        Expr::ScalarSubquery(subquery) => match scope.subqueries.piece(subquery) {
            Some(piece) => one_value(&piece.relation),
            None => refused("a subquery that stays here, or that may have more than one row"),
        },
        Expr::Exists(_) | Expr::InSubquery(_) => refused("a subquery"),
        Expr::OuterReferenceColumn(..) => refused("a column of an outer query"),
        _ => refused(format!("`{}`", expr.variant_name())),
    }
}

fn one_value(relation: &Relation) -> Translated<Expression> {
    let [column] = relation.columns.as_slice() else {
        return refused("a subquery of another number of columns than one");
    };
    let data_type = column.data_type.clone();
    Ok(Expression { kind: ExpressionKind::Subquery(Box::new(relation.clone())), data_type })
}

pub(super) fn column_at(index: usize, data_type: &DataType) -> Expression {
    Expression { kind: ExpressionKind::Column(index), data_type: data_type.clone() }
}

pub(super) fn call(
    function: Function,
    arguments: Vec<Expression>,
    data_type: DataType,
) -> Expression {
    Expression { kind: ExpressionKind::Call { function, arguments }, data_type }
}

/// A call that is true, false or null.
pub(super) fn condition(function: Function, arguments: Vec<Expression>) -> Expression {
    call(function, arguments, DataType::Boolean)
}

fn not(operand: Expression) -> Expression {
    condition(Function::Not, vec![operand])
}

fn is(operand: &Expr, wanted: bool, scope: Scope<'_>) -> Translated<Expression> {
    let value = ExpressionKind::Literal(Value::Boolean(wanted));
    let value = Expression { kind: value, data_type: DataType::Boolean };
    Ok(condition(Function::Same, vec![expression(operand, scope)?, value]))
}

fn literal(scalar: &ScalarValue) -> Translated<Expression> {
    let data_type = scalar.data_type();
    match from_scalar(scalar) {
        Some(value) if data_type != DataType::Null => {
            Ok(Expression { kind: ExpressionKind::Literal(value), data_type })
        }
        Some(_) | None => refused(format!("a value of type {data_type}")),
    }
}

/// The type that DataFusion gives an expression.
pub(super) fn type_of(expr: &Expr, scope: Scope<'_>) -> Translated<DataType> {
    match expr.get_type(scope.schema) {
        Ok(data_type) => Ok(data_type),
        Err(_) => refused("an expression without a type"),
    }
}

fn operator(expr: &Expr, binary: &BinaryExpr, scope: Scope<'_>) -> Translated<Expression> {
    let function = match binary.op {
        Operator::And => return all_of(expr, Operator::And, Function::And, scope),
        Operator::Or => return all_of(expr, Operator::Or, Function::Or, scope),
        Operator::Eq => Function::Equal,
        Operator::NotEq => Function::NotEqual,
        Operator::Lt => Function::Less,
        Operator::LtEq => Function::LessOrEqual,
        Operator::Gt => Function::Greater,
        Operator::GtEq => Function::GreaterOrEqual,
        Operator::IsNotDistinctFrom | Operator::IsDistinctFrom => Function::Same,
        Operator::Plus => return arithmetic(Function::Add, expr, binary, scope),
        Operator::Minus => return arithmetic(Function::Subtract, expr, binary, scope),
        Operator::Multiply => return arithmetic(Function::Multiply, expr, binary, scope),
        Operator::StringConcat => Function::Concat,
        other => return refused(format!("operator `{other}`")),
    };
    if function == Function::Concat {
        let texts = [&binary.left, &binary.right].map(|text| expression(text, scope));
        return concat(texts.into_iter().collect::<Translated<_>>()?);
    }
    let (left, right) = (side(&binary.left, scope)?, side(&binary.right, scope)?);
    match binary.op {
        Operator::IsDistinctFrom => compared(function, left, right).map(not),
        _ => compared(function, left, right),
    }
}

/// A side of a comparison. Decimals compare by their values, whatever their digits, so one is not made longer first:
/// that would be an error here for a value that fits no longer, and none there.
fn side(expr: &Expr, scope: Scope<'_>) -> Translated<Expression> {
    let Expr::Cast(cast) = expr else { return expression(expr, scope) };
    let value = expression(&cast.expr, scope)?;
    match (&value.data_type, cast.field.data_type()) {
        (DataType::Decimal128(_, from), DataType::Decimal128(_, to)) if from <= to => Ok(value),
        (_, data_type) => exact_cast(value, data_type),
    }
}

/// A comparison of two values of one type; decimals may differ in their digits.
pub(super) fn compared(
    function: Function,
    left: Expression,
    right: Expression,
) -> Translated<Expression> {
    match (&left.data_type, &right.data_type) {
        (DataType::Decimal128(..), DataType::Decimal128(..)) => {}
        (left, right) if left == right => {}
        (left, right) => return refused(format!("{left} beside {right}")),
    }
    Ok(condition(function, vec![left, right]))
}

pub(super) fn concat(texts: Vec<Expression>) -> Translated<Expression> {
    match texts.iter().find(|text| text.data_type != DataType::Utf8) {
        None => Ok(call(Function::Concat, texts, DataType::Utf8)),
        Some(other) => refused(format!("text of {}", other.data_type)),
    }
}

/// Chains of one operator become one call, so that long ones are not deep.
fn all_of(
    expr: &Expr,
    operator: Operator,
    function: Function,
    scope: Scope<'_>,
) -> Translated<Expression> {
    let mut arguments = Vec::new();
    let mut left = vec![expr];
    while let Some(operand) = left.pop() {
        match operand {
            Expr::BinaryExpr(binary) if binary.op == operator => {
                left.push(&binary.right);
                left.push(&binary.left);
            }
            other => arguments.push(expression(other, scope)?),
        }
    }
    match arguments.iter().find(|argument| argument.data_type != DataType::Boolean) {
        None => Ok(condition(function, arguments)),
        Some(other) => refused(format!("a condition of {}", other.data_type)),
    }
}

/// That of whole numbers is checked, and a function of our own.
fn arithmetic(
    function: Function,
    expr: &Expr,
    binary: &BinaryExpr,
    scope: Scope<'_>,
) -> Translated<Expression> {
    let (left, right) = (expression(&binary.left, scope)?, expression(&binary.right, scope)?);
    match (&left.data_type, &right.data_type) {
        (DataType::Decimal128(..), DataType::Decimal128(..))
        | (DataType::Float64, DataType::Float64) => {
            Ok(call(function, vec![left, right], type_of(expr, scope)?))
        }
        (left, right) => refused(format!("`{}` of {left} and {right}", binary.op)),
    }
}

/// Of whole numbers, DataFusion's wraps around.
fn negative(operand: Expression) -> Translated<Expression> {
    match operand.data_type.clone() {
        data_type @ (DataType::Decimal128(..) | DataType::Float64) => {
            Ok(call(Function::Negate, vec![operand], data_type))
        }
        other => refused(format!("a negative {other}")),
    }
}

fn range(between: &Between, scope: Scope<'_>) -> Translated<Expression> {
    let value = expression(&between.expr, scope)?;
    let low = expression(&between.low, scope)?;
    let high = expression(&between.high, scope)?;
    let above = compared(Function::GreaterOrEqual, value.clone(), low)?;
    let below = compared(Function::LessOrEqual, value, high)?;
    let between_both = condition(Function::And, vec![above, below]);
    Ok(if between.negated { not(between_both) } else { between_both })
}

fn in_list(list: &InList, scope: Scope<'_>) -> Translated<Expression> {
    if list.list.len() > IN_LIST_MAX {
        return refused(format!("a list of more than {IN_LIST_MAX} values"));
    }
    let value = expression(&list.expr, scope)?;
    let mut known = true;
    let mut arguments = Vec::with_capacity(list.list.len() + 1);
    for item in &list.list {
        let item = expression(item, scope)?;
        known &= matches!(&item.kind, ExpressionKind::Literal(value) if !value.is_null());
        if item.data_type != value.data_type {
            return refused(format!("{} beside {}", value.data_type, item.data_type));
        }
        arguments.push(item);
    }
    if arguments.is_empty() {
        return refused("a list of no values");
    }
    let found = match known {
        true => {
            arguments.insert(0, value);
            condition(Function::In, arguments)
        }
        // Null where no value is equal and one is null, as in the list.
        false => {
            let equal = |item| condition(Function::Equal, vec![value.clone(), item]);
            condition(Function::Or, arguments.into_iter().map(equal).collect())
        }
    };
    Ok(if list.negated { not(found) } else { found })
}

fn like(like: &Like, scope: Scope<'_>) -> Translated<Expression> {
    if like.case_insensitive {
        return refused("`ILIKE`");
    }
    let text = expression(&like.expr, scope)?;
    let pattern = expression(&like.pattern, scope)?;
    let (ExpressionKind::Literal(Value::Text(written)), DataType::Utf8) =
        (&pattern.kind, &text.data_type)
    else {
        return refused("`LIKE` of a pattern that is no literal");
    };
    if pattern.data_type != DataType::Utf8
        || !matches!(like.escape_char, None | Some('\\'))
        || !escapes_are_plain(written)
    {
        return refused("`LIKE` with another escape");
    }
    let matches = condition(Function::Like, vec![text, pattern]);
    Ok(if like.negated { not(matches) } else { matches })
}

/// Whether `\` stands before `%`, `_` and `\` only: engines differ in what else it may stand before.
fn escapes_are_plain(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character == '\\' && !matches!(characters.next(), Some('%' | '_' | '\\')) {
            return false;
        }
    }
    true
}

fn case(expr: &Expr, case: &Case, scope: Scope<'_>) -> Translated<Expression> {
    let data_type = type_of(expr, scope)?;
    let base = case.expr.as_ref().map(|base| expression(base, scope)).transpose()?;
    let typed = |branch: &Expr| {
        let branch = expression(branch, scope)?;
        match branch.data_type == data_type {
            true => Ok(branch),
            false => refused(format!("{} beside {data_type}", branch.data_type)),
        }
    };
    let mut branches = Vec::with_capacity(case.when_then_expr.len());
    for (when, then) in &case.when_then_expr {
        let when = expression(when, scope)?;
        let when = match &base {
            Some(base) => compared(Function::Equal, base.clone(), when)?,
            None if when.data_type == DataType::Boolean => when,
            None => return refused(format!("a condition of {}", when.data_type)),
        };
        branches.push((when, typed(then)?));
    }
    let otherwise = match case.else_expr.as_deref() {
        None | Some(Expr::Literal(ScalarValue::Null, _)) => None,
        Some(otherwise) => Some(Box::new(typed(otherwise)?)),
    };
    Ok(Expression { kind: ExpressionKind::Case { branches, otherwise }, data_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_before_other_characters_stay_here() {
        assert!(escapes_are_plain(r"a\%b\_c\\d%_"));
        assert!(!escapes_are_plain(r"a\b"));
        assert!(!escapes_are_plain(r"a\"));
    }
}
