//! PostgreSQL 10 and newer. No text depends on a setting of the session.

use super::literal::{decimal_text, hexadecimal, signed};
use super::{AggregateCall, Converted, Dialect, Matching, NamedFunction};
use crate::sql::calendar::{date_text, timestamp_text};
use crate::sql::capability::POSTGRES;
use crate::sql::{Capabilities, Collation, Form, Kind, Operand, Subject};
use arrow::datatypes::DataType;
use mooring_spi::{Function, Unsupported, Value};

/// For a database in UTF-8: elsewhere a connector describes texts as [`Form::Opaque`].
#[derive(Debug, Clone, Copy)]
pub struct PostgresDialect;

impl Dialect for PostgresDialect {
    fn capabilities(&self) -> &'static Capabilities {
        &POSTGRES
    }

    fn has_windows(&self) -> bool {
        true
    }

    fn matches_in_semi_join(&self, _: Kind) -> bool {
        true
    }

    fn identifier(&self, name: &str) -> String {
        format!("\"{}\"", name.replace('"', "\"\""))
    }

    fn literal(&self, value: &Value, data_type: &DataType) -> Result<String, Unsupported> {
        let type_name = type_name(data_type)?;
        let refused = || Err(POSTGRES.unmet(Subject::Literal, Kind::of(data_type)));
        let text = match value {
            Value::Null => "NULL".to_owned(),
            Value::Boolean(true) => return Ok("TRUE".to_owned()),
            Value::Boolean(false) => return Ok("FALSE".to_owned()),
            Value::Int(number) => signed(number.to_string()),
            Value::UInt(number) if i64::try_from(*number).is_ok() => number.to_string(),
            Value::UInt(_) => return refused(),
            Value::Float(number) => format!("'{}'", float_text(*number, data_type)),
            Value::Decimal { unscaled, scale } => signed(decimal_text(*unscaled, *scale)),
            Value::Text(text) if text.contains('\0') => return refused(),
            Value::Text(text) => text_literal(text),
            Value::Binary(bytes) => return Ok(format!("decode('{}', 'hex')", hexadecimal(bytes))),
            Value::Date(days) => match date_text(*days) {
                Some(text) => format!("'{text}'"),
                None => return refused(),
            },
            Value::Timestamp(microseconds) => match timestamp_text(*microseconds) {
                Some(text) if Kind::of(data_type) == Kind::Instant => format!("'{text}+00'"),
                Some(text) => format!("'{text}'"),
                None => return refused(),
            },
        };
        Ok(format!("{text}::{type_name}"))
    }

    fn column(&self, native: &str, form: &Form) -> String {
        match form {
            Form::Text { converted: true, .. } => format!("{native}::text"),
            Form::Opaque { read_as, .. } => read_as.text(native),
            Form::Text { .. } | Form::Exact | Form::Bytes { .. } | Form::ZeroDates { .. } => {
                native.to_owned()
            }
        }
    }

    fn implied(&self, _: (&str, &Form), _: Function, _: &[String]) -> Option<String> {
        None
    }

    fn matching(&self, _: Function, _: &Operand, _: &Operand) -> Matching {
        Matching::AsWritten
    }

    /// Bytes decide equality under every deterministic collation, and an index of the column's own can be used.
    fn comparable(&self, operands: &[&Operand], ordered: bool) -> (Vec<String>, Collation) {
        let plain = || operands.iter().map(|operand| operand.sql.clone()).collect();
        if operands.iter().all(|operand| operand.shape.kind() != Kind::Text) {
            return (plain(), Collation::Default);
        }
        let collation = operands.iter().fold(Collation::Default, |collation, operand| {
            collation.with(&operand.shape.collation)
        });
        if collation.orders_bytes() || (!ordered && collation != Collation::Other) {
            return (plain(), collation);
        }
        let by_bytes =
            operands.iter().map(|operand| format!("({} COLLATE \"C\")", operand.sql)).collect();
        (by_bytes, Collation::Named("C".to_owned()))
    }

    fn value_of(&self, comparable: &str, _: &DataType) -> String {
        comparable.to_owned()
    }

    fn beside_others(&self, operand: &Operand) -> String {
        operand.sql.clone()
    }

    fn same(&self, left: &str, right: &str) -> String {
        format!("({left} IS NOT DISTINCT FROM {right})")
    }

    fn is_null(&self, sql: &str) -> String {
        self.same(sql, "NULL")
    }

    fn like(&self, text: &Operand, pattern: &str) -> Result<String, Unsupported> {
        if pattern.contains('\0') {
            return Err(POSTGRES.unmet(Subject::Literal, Kind::Text));
        }
        let (sql, _) = self.comparable(&[text], false);
        Ok(format!("({} LIKE {}::text)", sql.concat(), text_literal(pattern)))
    }

    fn call(&self, function: NamedFunction, arguments: &[String], data_type: &DataType) -> String {
        let integer = integer_name(data_type).unwrap_or("int8");
        let all = arguments.join(", ");
        match function {
            NamedFunction::CharacterLength => format!("char_length({all})::{integer}"),
            // Place and number have the type of `substr`.
            NamedFunction::Substring => {
                let Some((text, numbers)) = arguments.split_first() else { return String::new() };
                let numbers: String =
                    numbers.iter().map(|number| format!(", {number}::int4")).collect();
                format!("substr({text}{numbers})")
            }
            NamedFunction::Concat => format!("({})", arguments.join(" || ")),
            NamedFunction::Absolute => format!("abs({all})"),
            // PostgreSQL has no year 0: the one before 1 is -1.
            NamedFunction::Year => format!(
                "(EXTRACT(YEAR FROM {all}) + CASE WHEN {all} < '0001-01-01' THEN 1 ELSE 0 END)::{integer}"
            ),
            NamedFunction::Month => format!("EXTRACT(MONTH FROM {all})::{integer}"),
            NamedFunction::Day => format!("EXTRACT(DAY FROM {all})::{integer}"),
        }
    }

    fn cast(&self, operand: &Operand, to: &DataType) -> Result<Converted, Unsupported> {
        let from = &operand.shape.data_type;
        let (from_digits, to_digits) = (whole_digits(from), whole_digits(to));
        if let (
            DataType::Decimal128(_, from_scale) | DataType::Decimal256(_, from_scale),
            Kind::Decimal,
        ) = (from, Kind::of(to))
            && scale(to) < *from_scale
        {
            return Err(POSTGRES.unmet(Subject::Cast(Kind::Decimal), Kind::Decimal));
        }
        let can_fail = match (from_digits, to_digits) {
            (Some(from), Some(to)) => from > to,
            _ => Kind::of(to) == Kind::Timestamp,
        };
        Ok(Converted { sql: format!("{}::{}", operand.sql, type_name(to)?), can_fail })
    }

    fn fitted(&self, sql: &str, to: &DataType) -> Option<String> {
        Some(format!("{sql}::{}", type_name(to).ok()?))
    }

    fn holds_decimal(&self, _: &DataType) -> bool {
        true
    }

    fn longest_decimal(&self) -> Option<i16> {
        None
    }

    fn aggregate(&self, call: &AggregateCall<'_>) -> String {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let filter =
            call.filter.map(|filter| format!(" FILTER (WHERE {filter})")).unwrap_or_default();
        let over = call.over.map(|over| format!(" OVER ({over})")).unwrap_or_default();
        let text =
            format!("{}({distinct}{}){filter}{over}", call.name, call.argument.unwrap_or("*"));
        if call.filter.is_some() || call.over.is_some() { format!("({text})") } else { text }
    }

    fn counted(&self, sql: String, _: &DataType) -> String {
        sql
    }

    fn sort_key(&self, key: &str, descending: bool, nulls_first: bool) -> String {
        let direction = if descending { " DESC" } else { "" };
        // What PostgreSQL does unasked is what its indexes have.
        let nulls = match (descending, nulls_first) {
            (false, true) => " NULLS FIRST",
            (true, false) => " NULLS LAST",
            (false, false) | (true, true) => "",
        };
        format!("{key}{direction}{nulls}")
    }

    /// Its numbers are signed: more than they hold is more than any table.
    fn limit(&self, limit: Option<u64>, offset: u64) -> String {
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let limit = limit.map(|limit| format!(" LIMIT {}", number(limit))).unwrap_or_default();
        if offset == 0 { limit } else { format!("{limit} OFFSET {}", number(offset)) }
    }

    fn longest_key(&self) -> Option<u64> {
        None
    }

    fn longest_text(&self) -> Option<u64> {
        None
    }
}

/// The type as which a value is computed and sent. Unsigned numbers are those of `row_number()` and its like.
fn type_name(data_type: &DataType) -> Result<String, Unsupported> {
    let name = match data_type {
        DataType::Boolean => "boolean",
        DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::Utf8 => "text",
        DataType::Binary => "bytea",
        DataType::Date32 => "date",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            return Ok(format!("numeric({precision},{scale})"));
        }
        other => match integer_name(other) {
            Some(name) => name,
            None => return Err(Unsupported(format!("PostgreSQL has no type for `{other}`"))),
        },
    };
    Ok(name.to_owned())
}

fn integer_name(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Int16 => Some("int2"),
        DataType::Int32 => Some("int4"),
        DataType::Int64 | DataType::UInt64 => Some("int8"),
        _ => None,
    }
}

fn scale(data_type: &DataType) -> i8 {
    match data_type {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => *scale,
        _ => 0,
    }
}

/// Digits before the point of the largest whole number or decimal.
fn whole_digits(data_type: &DataType) -> Option<i16> {
    match data_type {
        DataType::Int8 => Some(3),
        DataType::Int16 => Some(5),
        DataType::Int32 => Some(10),
        DataType::Int64 => Some(19),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some(i16::from(*precision) - i16::from(*scale))
        }
        _ => None,
    }
}

/// The shortest digits that are read back as the same number.
fn float_text(number: f64, data_type: &DataType) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else if matches!(data_type, DataType::Float32) {
        #[expect(clippy::cast_possible_truncation, reason = "the value is one of this type")]
        let number = number as f32;
        format!("{number:e}")
    } else {
        format!("{number:e}")
    }
}

/// A backslash is written so that it is one whatever `standard_conforming_strings` says.
fn text_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}
