//! The `?` of a prepared statement: counted when it is prepared, and replaced by values when it
//! runs. Values take the place of tokens, never of text, so nothing in them is read as SQL.

use chrono::{DateTime, NaiveDate, TimeDelta};
use mooring_spi::{Error, ErrorKind, Result, Value};
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// What stands for the `?` of a statement.
#[derive(Debug, Clone, Copy)]
pub enum Parameters<'a> {
    /// The statement has none; a `?` is a syntax error.
    None,
    /// `$1`, `$2`, ...: the planner finds their types.
    Numbered,
    Values(&'a [Value]),
}

/// Replaces every `?`, and answers how many there are.
///
/// # Errors
/// `SyntaxError` for a `?` without parameters, `InvalidArgument` when there are not as many values.
pub(super) fn put_parameters(
    tokens: &mut Vec<TokenWithSpan>,
    parameters: Parameters<'_>,
) -> Result<usize> {
    let is_parameter = |token: &TokenWithSpan| matches!(&token.token, Token::Placeholder(_));
    let count = tokens.iter().filter(|token| is_parameter(token)).count();
    let values = match parameters {
        Parameters::None => match tokens.iter().find(|token| is_parameter(token)) {
            Some(token) => return Err(stray(token)),
            None => return Ok(0),
        },
        Parameters::Numbered => {
            let found = tokens.iter_mut().filter(|token| is_parameter(token));
            for (index, token) in found.enumerate() {
                token.token = Token::Placeholder(format!("${}", index + 1));
            }
            return Ok(count);
        }
        Parameters::Values(values) => values,
    };
    if values.len() != count {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the statement has {count} parameters, and {} values were sent", values.len()),
        ));
    }
    let mut values = values.iter();
    let mut bound = Vec::with_capacity(tokens.len() + 4 * count);
    for token in tokens.drain(..) {
        match values.as_slice().first().filter(|_| is_parameter(&token)) {
            Some(value) => {
                values.next();
                let span = token.span;
                let literal = literal(value)?;
                bound.extend(literal.into_iter().map(|token| TokenWithSpan::new(token, span)));
            }
            None => bound.push(token),
        }
    }
    *tokens = bound;
    Ok(count)
}

fn stray(token: &TokenWithSpan) -> Error {
    let start = token.span.start;
    Error::new(
        ErrorKind::SyntaxError,
        format!(
            "a parameter `{}` at line {}, column {} has no value; parameters are for prepared statements",
            token.token, start.line, start.column
        ),
    )
}

/// The value as tokens of a literal of its type.
fn literal(value: &Value) -> Result<Vec<Token>> {
    Ok(match value {
        Value::Null => vec![Token::make_keyword("NULL")],
        Value::Boolean(true) => vec![Token::make_keyword("TRUE")],
        Value::Boolean(false) => vec![Token::make_keyword("FALSE")],
        Value::Int(number) => signed(*number < 0, number.unsigned_abs().to_string()),
        Value::UInt(number) => signed(false, number.to_string()),
        Value::Float(number) => {
            if !number.is_finite() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("a parameter is `{number}`; MySQL's numbers are finite"),
                ));
            }
            // A number with an exponent is a double.
            signed(number.is_sign_negative(), format!("{:e}", number.abs()))
        }
        Value::Decimal { unscaled, scale } => {
            signed(*unscaled < 0, decimal_digits(unscaled.unsigned_abs(), *scale))
        }
        Value::Text(text) => vec![Token::SingleQuotedString(text.clone())],
        Value::Binary(bytes) => vec![Token::HexStringLiteral(hex(bytes))],
        Value::Date(days) => {
            let date = NaiveDate::default().checked_add_signed(TimeDelta::days((*days).into()));
            let date = date.ok_or_else(out_of_range)?;
            vec![Token::make_keyword("DATE"), Token::SingleQuotedString(date.to_string())]
        }
        Value::Timestamp(micros) => {
            let time = DateTime::from_timestamp_micros(*micros).ok_or_else(out_of_range)?;
            let text = time.format("%Y-%m-%d %H:%M:%S%.6f").to_string();
            vec![Token::make_keyword("TIMESTAMP"), Token::SingleQuotedString(text)]
        }
    })
}

fn out_of_range() -> Error {
    Error::new(ErrorKind::InvalidValue, "a parameter is a date out of the calendar's range")
}

/// In parentheses when negative, so that a sign before it stays a sign of its own.
fn signed(negative: bool, digits: String) -> Vec<Token> {
    let number = Token::Number(digits, false);
    match negative {
        true => vec![Token::LParen, Token::Minus, number, Token::RParen],
        false => vec![number],
    }
}

fn decimal_digits(unscaled: u128, scale: i8) -> String {
    let digits = unscaled.to_string();
    let Ok(scale) = usize::try_from(scale) else {
        return digits + &"0".repeat(scale.unsigned_abs().into());
    };
    if scale == 0 {
        // Without a point it would be an integer.
        return digits + ".";
    }
    let padded = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = padded.split_at(padded.len() - scale);
    format!("{whole}.{fraction}")
}

fn hex(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        for nibble in [byte >> 4, byte & 0xF] {
            digits.extend(char::from_digit(nibble.into(), 16));
        }
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{SqlMode, Statement, parse_with};

    fn bound(sql: &str, values: &[Value]) -> String {
        match parse_with(sql, SqlMode::default(), Parameters::Values(values)) {
            Ok((Statement::Query(query), _)) => query.query.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn values_stand_where_the_parameters_stood() {
        let values = [
            Value::Int(-5),
            Value::Text("a'b?".to_string()),
            Value::Decimal { unscaled: -5, scale: 2 },
            Value::Float(1.5),
            Value::Null,
        ];
        assert_eq!(
            bound("SELECT 1 - ?, ?, ?, ?, ?", &values),
            "SELECT 1 - (-5), 'a''b?', (-0.05), CAST('1.5e0' AS DOUBLE), NULL"
        );
    }

    #[test]
    fn dates_and_bytes_are_typed_literals() {
        let values = [Value::Date(9131), Value::Timestamp(1_000_001), Value::Binary(vec![0, 0xAB])];
        assert_eq!(
            bound("SELECT ?, ?, ?", &values),
            "SELECT DATE '1995-01-01', TIMESTAMP(6) '1970-01-01 00:00:01.000001', X'00ab'"
        );
    }

    #[test]
    fn text_is_never_read_as_sql() {
        let text = Value::Text("1); DROP TABLE t; -- ?".to_string());
        assert_eq!(
            bound("SELECT * FROM t WHERE a = ?", &[text]),
            "SELECT * FROM t WHERE a = '1); DROP TABLE t; -- ?'"
        );
    }

    #[test]
    fn a_wrong_number_of_values_is_an_error() {
        let error = parse_with("SELECT ?", SqlMode::default(), Parameters::Values(&[]));
        let error = error.expect_err("no value");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("1 parameters"), "{error}");
    }

    #[test]
    fn a_parameter_outside_of_a_prepared_statement_is_a_syntax_error() {
        let error = parse_with("SELECT a,\n ?", SqlMode::default(), Parameters::None);
        let error = error.expect_err("a stray parameter");
        assert_eq!(error.kind(), ErrorKind::SyntaxError);
        assert!(error.message().contains("line 2, column 2"), "{error}");
    }

    #[test]
    fn question_marks_in_texts_and_comments_are_no_parameters() {
        let (_, count) = parse_with("SELECT '?', ? -- ?", SqlMode::default(), Parameters::Numbered)
            .expect("a statement");
        assert_eq!(count, 1);
    }
}
