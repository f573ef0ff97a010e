//! Which expressions of a view's text are read, see `clauses`.

use super::clauses::refused;
use super::functions::{self, is_position};
use chrono::NaiveDate;
use mooring_spi::{Result, ViewDialect};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DateTimeField, ExactNumberInfo, Expr, TrimWhereField,
    TypedString, UnaryOperator, Value,
};

/// Puts one expression, whose parts are translated, into the words that are planned here.
///
/// # Errors
/// `Unsupported`, naming it.
pub(super) fn translate(expr: &mut Expr, dialect: ViewDialect) -> Result<()> {
    let is_presto = dialect == ViewDialect::Presto;
    let known = match expr {
        Expr::Identifier(name) => !name.value.starts_with('@'),
        Expr::CompoundIdentifier(path) => !path.iter().any(|part| part.value.starts_with('@')),
        Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::InSubquery { .. }
        | Expr::Between { .. }
        | Expr::Nested(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_) => true,
        Expr::BinaryOp { op, .. } => is_known(op),
        Expr::UnaryOp { op, .. } => {
            matches!(op, UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus)
        }
        // A backslash escapes here, and nothing does in Presto.
        Expr::Like { any: false, pattern, escape_char: None, .. } => {
            text(pattern).is_some_and(|pattern| !pattern.contains('\\'))
        }
        Expr::Cast { kind: CastKind::Cast, data_type, array: false, format: None, .. } => {
            cast_type(data_type)
        }
        Expr::Extract { field, .. } => {
            matches!(field, DateTimeField::Year | DateTimeField::Month | DateTimeField::Day)
        }
        Expr::Substring { substring_from: Some(from), substring_for, .. } => {
            is_position(from) && substring_for.as_deref().is_none_or(is_position)
        }
        // Presto takes all white space away, the others only spaces, as we do.
        Expr::Trim { trim_where, trim_what: None, trim_characters: None, .. } => {
            matches!(trim_where, None | Some(TrimWhereField::Both)) && !is_presto
        }
        Expr::Value(value) => literal(&mut value.value, is_presto),
        Expr::TypedString(TypedString { data_type: DataType::Date, value, .. }) => {
            date(&value.value)
        }
        Expr::Function(function) => {
            if let Some(other) = functions::translate(function, dialect)? {
                *expr = other;
            }
            return Ok(());
        }
        _ => false,
    };
    match known {
        true => Ok(()),
        false => Err(refused(expr)),
    }
}

fn is_known(operator: &BinaryOperator) -> bool {
    matches!(
        operator,
        BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
    )
}

/// A type whose name means the same; a length would cut here or there. What may be cast to what depends on
/// both types, see `types`.
fn cast_type(data_type: &mut DataType) -> bool {
    match data_type {
        DataType::TinyInt(None)
        | DataType::SmallInt(None)
        | DataType::Int(None)
        | DataType::Integer(None)
        | DataType::BigInt(None)
        | DataType::Double(ExactNumberInfo::None)
        | DataType::DoublePrecision
        | DataType::Varchar(None)
        | DataType::String(None)
        | DataType::Date
        | DataType::Decimal(ExactNumberInfo::PrecisionAndScale(..)) => true,
        DataType::Decimal(size @ ExactNumberInfo::Precision(_)) => {
            if let ExactNumberInfo::Precision(precision) = *size {
                *size = ExactNumberInfo::PrecisionAndScale(precision, 0);
            }
            true
        }
        _ => false,
    }
}

fn literal(value: &mut Value, is_presto: bool) -> bool {
    match value {
        // With an exponent it is a double there and a decimal here.
        Value::Number(digits, _) => !digits.contains(['e', 'E']),
        Value::SingleQuotedString(_) | Value::Boolean(_) | Value::Null => true,
        Value::DoubleQuotedString(text) if !is_presto => {
            *value = Value::SingleQuotedString(std::mem::take(text));
            true
        }
        _ => false,
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

fn date(value: &Value) -> bool {
    matches!(value, Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) if is_date(text))
}

/// `2024-02-29`, which all read alike.
pub(super) fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}
