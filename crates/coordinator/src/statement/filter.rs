//! `LIKE '...'` and `WHERE ...` behind SHOW.

use super::like;
use super::syntax_error::syntax_error;
use super::tokens::{string, take};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, Value};
use sqlparser::parser::Parser;
use std::cmp::Ordering;

/// Which lines of an answer are wanted.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    All,
    /// Over the first column.
    Like(String),
    /// Over the columns by their labels.
    Where(Box<Expr>),
}

pub(super) fn filter(parser: &mut Parser<'_>) -> Result<Filter> {
    if take(parser, "LIKE") {
        return Ok(Filter::Like(string(parser, "a pattern in quotes")?));
    }
    if take(parser, "WHERE") {
        return Ok(Filter::Where(Box::new(parser.parse_expr().map_err(syntax_error)?)));
    }
    Ok(Filter::All)
}

impl Filter {
    /// MySQL's label of the first column: with LIKE it tells the pattern.
    pub(super) fn label(&self, label: &str) -> String {
        match self {
            Filter::Like(pattern) => format!("{label} ({pattern})"),
            Filter::All | Filter::Where(_) => label.to_owned(),
        }
    }

    /// # Errors
    /// `ColumnNotFound` and `Unsupported` for conditions that cannot be answered.
    pub(super) fn keeps(&self, labels: &[&str], row: &[Option<String>]) -> Result<bool> {
        match self {
            Filter::All => Ok(true),
            Filter::Like(pattern) => Ok(row
                .first()
                .and_then(Option::as_deref)
                .is_some_and(|first| like::matches(pattern, first))),
            Filter::Where(condition) => Ok(Line { labels, row }.truth(condition)? == Some(true)),
        }
    }
}

/// One line of an answer, as a condition sees it. `None` is unknown, as in SQL.
struct Line<'a> {
    labels: &'a [&'a str],
    row: &'a [Option<String>],
}

impl Line<'_> {
    fn truth(&self, expr: &Expr) -> Result<Option<bool>> {
        match expr {
            Expr::Nested(inner) => self.truth(inner),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                Ok(self.truth(expr)?.map(|truth| !truth))
            }
            Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
                Ok(match (self.truth(left)?, self.truth(right)?) {
                    (Some(false), _) | (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                })
            }
            Expr::BinaryOp { left, op: BinaryOperator::Or, right } => {
                Ok(match (self.truth(left)?, self.truth(right)?) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                })
            }
            Expr::BinaryOp { left, op, right } => {
                let (one, two) = (self.text(left)?, self.text(right)?);
                let order = if is_number(left) || is_number(right) {
                    as_numbers(one, two)
                } else {
                    compare(one, two)
                };
                comparison(op, expr).map(|holds| order.map(holds))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let matched = self
                    .text(expr)?
                    .zip(self.text(pattern)?)
                    .map(|(text, pattern)| like::matches(&pattern, &text));
                Ok(matched.map(|matched| matched != *negated))
            }
            Expr::InList { expr, list, negated } => {
                let text = self.text(expr)?;
                let mut found = false;
                for item in list {
                    found |= compare(text.clone(), self.text(item)?) == Some(Ordering::Equal);
                }
                Ok(text.map(|_| found != *negated))
            }
            Expr::IsNull(inner) => Ok(Some(self.text(inner)?.is_none())),
            Expr::IsNotNull(inner) => Ok(Some(self.text(inner)?.is_some())),
            Expr::Value(value) => match &value.value {
                Value::Boolean(truth) => Ok(Some(*truth)),
                Value::Number(number, _) => Ok(Some(number != "0")),
                _ => Err(unsupported(expr)),
            },
            other => Err(unsupported(other)),
        }
    }

    fn text(&self, expr: &Expr) -> Result<Option<String>> {
        match expr {
            Expr::Nested(inner) => self.text(inner),
            Expr::Identifier(column) => {
                let position =
                    self.labels.iter().position(|label| label.eq_ignore_ascii_case(&column.value));
                position.and_then(|position| self.row.get(position)).cloned().ok_or_else(|| {
                    Error::new(
                        ErrorKind::ColumnNotFound,
                        format!(
                            "unknown column `{}`; there are {}",
                            column.value,
                            self.labels
                                .iter()
                                .map(|label| format!("`{label}`"))
                                .collect::<Vec<_>>()
                                .join(", ")
                        ),
                    )
                })
            }
            Expr::Value(value) => match &value.value {
                Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => {
                    Ok(Some(text.clone()))
                }
                Value::Number(number, _) => Ok(Some(number.clone())),
                Value::Null => Ok(None),
                _ => Err(unsupported(expr)),
            },
            other => Err(unsupported(other)),
        }
    }
}

fn is_number(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..)))
}

/// Beside a number, text that is none counts as 0, as in MySQL.
fn as_numbers(left: Option<String>, right: Option<String>) -> Option<Ordering> {
    let (left, right) = left.zip(right)?;
    let number = |text: String| text.parse::<f64>().unwrap_or_default();
    number(left).partial_cmp(&number(right))
}

/// Numbers by their value, everything else as text in which case does not count.
fn compare(left: Option<String>, right: Option<String>) -> Option<Ordering> {
    let (left, right) = left.zip(right)?;
    match (left.parse::<f64>(), right.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(left.to_lowercase().cmp(&right.to_lowercase())),
    }
}

fn comparison(op: &BinaryOperator, expr: &Expr) -> Result<fn(Ordering) -> bool> {
    match op {
        BinaryOperator::Eq => Ok(Ordering::is_eq),
        BinaryOperator::NotEq => Ok(Ordering::is_ne),
        BinaryOperator::Lt => Ok(Ordering::is_lt),
        BinaryOperator::LtEq => Ok(Ordering::is_le),
        BinaryOperator::Gt => Ok(Ordering::is_gt),
        BinaryOperator::GtEq => Ok(Ordering::is_ge),
        _ => Err(unsupported(expr)),
    }
}

fn unsupported(expr: &Expr) -> Error {
    Error::unsupported(format!(
        "`{expr}` is not supported in the `WHERE` of `SHOW`; comparisons, `IN`, `LIKE`, `IS NULL`, \
         `AND`, `OR` and `NOT` are"
    ))
}

#[cfg(test)]
mod tests {
    use super::super::dialect::MooringDialect;
    use super::*;

    fn kept(condition: &str) -> Result<Vec<&'static str>> {
        let dialect = MooringDialect::default();
        let mut parser = Parser::new(&dialect).try_with_sql(condition).expect("tokens");
        let filter = filter(&mut parser)?;
        let labels = ["Variable_name", "Value"];
        let lines = [("autocommit", Some("ON")), ("wait_timeout", Some("28800")), ("init", None)];
        let mut kept = Vec::new();
        for (name, value) in lines {
            if filter.keeps(&labels, &[Some(name.to_owned()), value.map(str::to_owned)])? {
                kept.push(name);
            }
        }
        Ok(kept)
    }

    #[test]
    fn like_and_where_choose_lines() {
        for (condition, expected) in [
            ("", vec!["autocommit", "wait_timeout", "init"]),
            ("LIKE '%T%'", vec!["autocommit", "wait_timeout", "init"]),
            ("LIKE 'wait\\_%'", vec!["wait_timeout"]),
            ("WHERE Variable_name = 'AUTOCOMMIT'", vec!["autocommit"]),
            ("WHERE `variable_name` in ('init', 'autocommit')", vec!["autocommit", "init"]),
            ("WHERE Variable_name LIKE 'i%' OR value > 3600", vec!["wait_timeout", "init"]),
            ("WHERE Variable_name NOT LIKE 'i%' && NOT (Value <> 'on')", vec!["autocommit"]),
            ("WHERE Value IS NULL", vec!["init"]),
            ("WHERE Value NOT IN ('ON')", vec!["wait_timeout"]),
            ("WHERE Value != 'ON'", vec!["wait_timeout"]),
        ] {
            assert_eq!(kept(condition).expect(condition), expected, "{condition}");
        }
    }

    #[test]
    fn the_rest_is_refused() {
        let error = kept("WHERE name = 'x'").expect_err("no such column");
        assert_eq!(error.kind(), ErrorKind::ColumnNotFound);
        let error = kept("WHERE length(Value) > 1").expect_err("a function");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
