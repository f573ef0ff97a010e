//! Carries out SET: evaluates the values and changes the variables, all or none.

use super::set::{AssignedValue, Assignment, Target};
use super::variable_value::VariableValue;
use super::variables::{Scope, Variables};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Query,
    SelectItem, SetExpr, UnaryOperator, Value,
};

/// Makes the changes of one SET statement, in their order.
///
/// # Errors
/// As [`Variables::set`]; `Unsupported` for an expression that is more than literals, variables,
/// CONCAT, REPLACE, IFNULL, COALESCE and arithmetic. On an error nothing has changed.
pub fn apply(variables: &mut Variables, assignments: &[Assignment]) -> Result<()> {
    let mut changed = variables.clone();
    for assignment in assignments {
        match assignment {
            Assignment::Names { character_set, collation } => {
                changed.set_names(character_set.as_deref(), collation.as_deref())?;
            }
            Assignment::CharacterSet { character_set } => {
                changed.set_character_set(character_set.as_deref())?;
            }
            Assignment::Variable { target, value } => assign(&mut changed, target, value)?,
        }
    }
    *variables = changed;
    Ok(())
}

fn assign(variables: &mut Variables, target: &Target, value: &AssignedValue) -> Result<()> {
    let value = match value {
        AssignedValue::Default => {
            return match target {
                Target::System { scope, name } => variables.reset(*scope, name),
                Target::User(name) => Err(Error::new(
                    ErrorKind::SyntaxError,
                    format!("user variable `{name}` has no default"),
                )),
            };
        }
        AssignedValue::Word(word) => VariableValue::text(word),
        AssignedValue::Constant(value) => value.clone(),
        AssignedValue::Expression(expr) => evaluate(variables, expr)?,
    };
    match target {
        Target::System { scope, name } => variables.set(*scope, name, value),
        Target::User(name) => variables.set_user(name, value),
    }
}

fn evaluate(variables: &Variables, expr: &Expr) -> Result<VariableValue> {
    match expr {
        Expr::Nested(inner) => evaluate(variables, inner),
        Expr::Value(value) => literal(&value.value, expr),
        Expr::Identifier(name) => named(variables, std::slice::from_ref(name), expr),
        Expr::CompoundIdentifier(parts) => named(variables, parts, expr),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            arithmetic(&VariableValue::Int(0), &BinaryOperator::Minus, &evaluate(variables, expr)?)
        }
        Expr::UnaryOp { op: UnaryOperator::Plus, expr } => evaluate(variables, expr),
        Expr::BinaryOp { left, op, right } => {
            arithmetic(&evaluate(variables, left)?, op, &evaluate(variables, right)?)
        }
        Expr::Function(function) => call(variables, function, expr),
        Expr::Subquery(query) => match only_item(query) {
            Some(item) => evaluate(variables, item),
            None => Err(unsupported(expr)),
        },
        other => Err(unsupported(other)),
    }
}

fn literal(value: &Value, expr: &Expr) -> Result<VariableValue> {
    match value {
        Value::Null => Ok(VariableValue::Null),
        Value::Boolean(on) => Ok(VariableValue::Bool(*on)),
        Value::SingleQuotedString(text)
        | Value::DoubleQuotedString(text)
        | Value::NationalStringLiteral(text) => Ok(VariableValue::text(text)),
        Value::Number(digits, _) => number(digits).ok_or_else(|| unsupported(expr)),
        _ => Err(unsupported(expr)),
    }
}

fn number(digits: &str) -> Option<VariableValue> {
    if let Ok(number) = digits.parse() {
        return Some(VariableValue::Int(number));
    }
    if let Ok(number) = digits.parse() {
        return Some(VariableValue::UInt(number));
    }
    digits.parse().ok().map(VariableValue::Double)
}

/// `@@x`, `@@session.x`, `@x`; a bare word is its text.
fn named(variables: &Variables, parts: &[Ident], expr: &Expr) -> Result<VariableValue> {
    let texts: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
    match texts.as_slice() {
        [word] if !word.starts_with('@') => Ok(VariableValue::text(*word)),
        [first, ..] if first.starts_with('@') => read(variables, &texts),
        _ => Err(unsupported(expr)),
    }
}

/// The value of `@@x`, `@@session.x` or `@x`, given part by part.
pub(super) fn read(variables: &Variables, parts: &[&str]) -> Result<VariableValue> {
    match parts {
        [name] if name.starts_with("@@") => {
            variables.get(Scope::Session, name.trim_start_matches('@'))
        }
        [name] => Ok(variables.user(name.trim_start_matches('@'))),
        [scope, name] => match scope.to_ascii_lowercase().as_str() {
            "@@session" | "@@local" => variables.get(Scope::Session, name),
            "@@global" | "@@persist" => variables.get(Scope::Global, name),
            _ => Err(unknown(parts)),
        },
        _ => Err(unknown(parts)),
    }
}

fn unknown(parts: &[&str]) -> Error {
    let name = parts.join(".");
    Error::new(ErrorKind::UnknownVariable, format!("unknown system variable `{name}`"))
}

/// On whole numbers; `None` beyond the range.
type Exact = fn(i128, i128) -> Option<i128>;
type Rounded = fn(f64, f64) -> f64;

fn arithmetic(
    left: &VariableValue,
    op: &BinaryOperator,
    right: &VariableValue,
) -> Result<VariableValue> {
    let (exact, rounded): (Exact, Rounded) = match op {
        BinaryOperator::Plus => (i128::checked_add, |left, right| left + right),
        BinaryOperator::Minus => (i128::checked_sub, |left, right| left - right),
        BinaryOperator::Multiply => (i128::checked_mul, |left, right| left * right),
        _ => return Err(Error::unsupported(format!("`{op}` is not supported in `SET`"))),
    };
    if *left == VariableValue::Null || *right == VariableValue::Null {
        return Ok(VariableValue::Null);
    }
    if let Some((left, right)) = whole(left).zip(whole(right)) {
        let result = exact(left, right).and_then(|result| {
            i64::try_from(result)
                .map(VariableValue::Int)
                .or_else(|_| u64::try_from(result).map(VariableValue::UInt))
                .ok()
        });
        return result.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidValue,
                format!("`{left} {op} {right}` is out of the range of whole numbers"),
            )
        });
    }
    match (double(left), double(right)) {
        (Some(left), Some(right)) => Ok(VariableValue::Double(rounded(left, right))),
        _ => {
            Err(Error::new(ErrorKind::TypeMismatch, format!("`{left} {op} {right}` needs numbers")))
        }
    }
}

fn whole(value: &VariableValue) -> Option<i128> {
    match value {
        VariableValue::Bool(on) => Some(i128::from(*on)),
        VariableValue::Int(number) => Some(i128::from(*number)),
        VariableValue::UInt(number) => Some(i128::from(*number)),
        VariableValue::Null | VariableValue::Double(_) | VariableValue::Text(_) => None,
    }
}

fn double(value: &VariableValue) -> Option<f64> {
    match value {
        VariableValue::Double(number) => Some(*number),
        // As precise as MySQL's own double arithmetic.
        VariableValue::Bool(_) | VariableValue::Int(_) | VariableValue::UInt(_) => {
            value.to_string().parse().ok()
        }
        VariableValue::Null | VariableValue::Text(_) => None,
    }
}

fn call(variables: &Variables, function: &Function, expr: &Expr) -> Result<VariableValue> {
    let FunctionArguments::List(list) = &function.args else {
        return Err(unsupported(expr));
    };
    if function.over.is_some() || function.filter.is_some() || list.duplicate_treatment.is_some() {
        return Err(unsupported(expr));
    }
    let mut values = Vec::new();
    for argument in &list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) = argument else {
            return Err(unsupported(expr));
        };
        values.push(evaluate(variables, argument)?);
    }
    match (function.name.to_string().to_ascii_lowercase().as_str(), values.as_slice()) {
        ("concat", [_, ..]) => {
            Ok(texts(&values)
                .map_or(VariableValue::Null, |texts| VariableValue::Text(texts.concat())))
        }
        ("replace", [_, _, _]) => Ok(match texts(&values).as_deref() {
            Some([text, from, _]) if from.is_empty() => VariableValue::text(text),
            Some([text, from, to]) => VariableValue::Text(text.replace(from.as_str(), to)),
            _ => VariableValue::Null,
        }),
        ("ifnull", [_, _]) | ("coalesce", [_, ..]) => Ok(values
            .into_iter()
            .find(|value| *value != VariableValue::Null)
            .unwrap_or(VariableValue::Null)),
        _ => Err(unsupported(expr)),
    }
}

/// `None` when one of them is NULL.
fn texts(values: &[VariableValue]) -> Option<Vec<String>> {
    values.iter().map(|value| (*value != VariableValue::Null).then(|| value.to_string())).collect()
}

/// The item of `(SELECT item)`.
fn only_item(query: &Query) -> Option<&Expr> {
    let SetExpr::Select(select) = &*query.body else {
        return None;
    };
    let plain = query.with.is_none()
        && query.limit_clause.is_none()
        && select.from.is_empty()
        && select.selection.is_none()
        && select.having.is_none();
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. }] if plain => {
            Some(expr)
        }
        _ => None,
    }
}

fn unsupported(expr: &Expr) -> Error {
    Error::unsupported(format!(
        "`{expr}` is not supported in `SET`; literals, variables, `CONCAT`, `REPLACE`, `IFNULL`, \
         `COALESCE`, `+`, `-` and `*` are"
    ))
}

#[cfg(test)]
#[path = "set_tests.rs"]
mod tests;
