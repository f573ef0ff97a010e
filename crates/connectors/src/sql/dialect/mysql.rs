//! MySQL and MariaDB. Texts are compared as bytes: `utf8mb4_bin` takes no notice of spaces at the end.

use super::literal::{decimal_text, hexadecimal, signed};
use super::{AggregateCall, Converted, Dialect, Matching, NamedFunction, comparison_operator};
use crate::sql::calendar::{date_text, timestamp_text};
use crate::sql::capability::MYSQL;
use crate::sql::{Capabilities, Collation, Form, Kind, Operand, Subject};
use arrow::datatypes::DataType;
use mooring_spi::{Function, Unsupported, Value};

/// As many characters as `max_sort_length` of [`MysqlDialect::SESSION`] has bytes for, with room for a length.
const LONGEST_KEY: u64 = 1000;
/// A product has nine words of nine digits, and begins each of its four parts (before and behind the point, of both
/// factors) in one of its own, so that each may leave eight digits unused: (57 + 4 * 8) / 9 is less than ten.
const LONGEST_DECIMAL: i16 = 57;
/// Far below every `max_allowed_packet`.
const LONGEST_TEXT: u64 = 65_535;

#[derive(Debug, Clone, Copy)]
pub struct MysqlDialect {
    pub mariadb: bool,
    pub version: (u16, u16, u16),
}

impl MysqlDialect {
    /// What the texts are written for: a session's `SET` has it beside `NAMES utf8mb4`.
    pub const SESSION: &'static str =
        "time_zone = '+00:00', max_sort_length = 4096, sql_mode = 'NO_BACKSLASH_ESCAPES'";
    /// For a text of this dialect by which MariaDB joins tables: it hashes rows from 3 on, at 3 and 4 in the place of an
    /// index, too, where it would read a whole table for a single key. It hashes as many rows of the one side as the buffer
    /// takes, each time for all of the other.
    ///
    /// No other text must have it. MariaDB (10.11) loses rows by it: those of `<=>` whose nulls are decimals or `DATETIME`,
    /// and by `=` those that are equal but for spaces at their end, under `utf8mb4_bin`.
    pub const HASHED_JOINS: &'static str = "SET STATEMENT join_cache_level = 6, \
         join_buffer_size = GREATEST(@@join_buffer_size, 8388608), \
         join_buffer_space_limit = GREATEST(@@join_buffer_space_limit, 8388608) FOR ";
    /// With what follows it, a sum that no whole number holds: an error in every `sql_mode`, and only where a row has it
    /// worked out. The server repeats it in its message, in lower case.
    pub const NO_DATE: &'static str = "9223372036854775807 + (1 + DAYOFMONTH(";

    /// Whether rows are hashed by any expression, in every kind of join. MariaDB does so by columns only.
    fn hashes_expressions(&self) -> bool {
        !self.mariadb && self.version >= (8, 0, 20)
    }
}

impl Dialect for MysqlDialect {
    fn capabilities(&self) -> &'static Capabilities {
        &MYSQL
    }

    fn has_windows(&self) -> bool {
        let since = if self.mariadb { (10, 2, 0) } else { (8, 0, 0) };
        self.version >= since
    }

    /// MariaDB (10.11) may look bytes up in a temporary table there, and takes no notice of spaces at the end.
    fn matches_in_semi_join(&self, kind: Kind) -> bool {
        !matches!(kind, Kind::Text | Kind::Binary)
    }

    fn identifier(&self, name: &str) -> String {
        format!("`{}`", name.replace('`', "``"))
    }

    fn literal(&self, value: &Value, data_type: &DataType) -> Result<String, Unsupported> {
        let refused = || Err(MYSQL.unmet(Subject::Literal, Kind::of(data_type)));
        let text = match value {
            Value::Null => return null(data_type).map_or_else(refused, Ok),
            Value::Boolean(true) => "TRUE".to_owned(),
            Value::Boolean(false) => "FALSE".to_owned(),
            Value::Int(number) => signed(number.to_string()),
            // Beside a signed number it would become a decimal.
            Value::UInt(number) => format!("CAST({number} AS UNSIGNED)"),
            Value::Float(number) if number.is_finite() => signed(format!("{number:e}")),
            Value::Float(_) => return refused(),
            Value::Decimal { unscaled, scale } => {
                let text = signed(decimal_text(*unscaled, *scale));
                match decimal_name(data_type) {
                    Some(name) => format!("CAST({text} AS {name})"),
                    None => return refused(),
                }
            }
            Value::Text(text) => text_literal(text),
            Value::Binary(bytes) => format!("x'{}'", hexadecimal(bytes)),
            Value::Date(days) => match date_text(*days) {
                Some(text) => format!("DATE'{text}'"),
                None => return refused(),
            },
            Value::Timestamp(microseconds) => match timestamp_text(*microseconds) {
                Some(text) => format!("TIMESTAMP'{text}'"),
                None => return refused(),
            },
        };
        Ok(text)
    }

    fn column(&self, native: &str, form: &Form) -> String {
        match form {
            Form::Text { converted: true, .. } => format!("CONVERT({native} USING utf8mb4)"),
            // The last day of a month that is none is null.
            Form::ZeroDates { are_null } => {
                let otherwise = match are_null {
                    true => String::new(),
                    // A date by its type, and null for null.
                    false => format!(" ELSE FROM_DAYS({}{native})))", Self::NO_DATE),
                };
                format!(
                    "(CASE WHEN DAYOFMONTH({native}) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({native})) \
                     THEN {native}{otherwise} END)"
                )
            }
            Form::Opaque { read_as, .. } => read_as.text(native),
            Form::Text { .. } | Form::Exact | Form::Bytes { .. } => native.to_owned(),
        }
    }

    fn implied(
        &self,
        (column, form): (&str, &Form),
        function: Function,
        literals: &[String],
    ) -> Option<String> {
        let hidden = match form {
            // Equal bytes are equal under every collation; nothing else follows.
            Form::Text { converted: false, .. } => {
                matches!(function, Function::Equal | Function::In)
            }
            Form::ZeroDates { .. } => true,
            Form::Text { .. } | Form::Exact | Form::Bytes { .. } | Form::Opaque { .. } => false,
        };
        if !hidden {
            return None;
        }
        if function == Function::In {
            return Some(format!("({column} IN ({}))", literals.join(", ")));
        }
        // Of what is not equal, nothing follows.
        let operator = comparison_operator(function).filter(|operator| *operator != "<>")?;
        Some(format!("({column} {operator} {})", literals.concat()))
    }

    /// An index or a hash of a column serves its own comparison: not that of its bytes, nor that of what makes it a date.
    fn matching(&self, function: Function, left: &Operand, right: &Operand) -> Matching {
        let otherwise = |by_columns: bool| match by_columns || self.hashes_expressions() {
            true => Matching::AsWritten,
            false => Matching::ByPairs,
        };
        if function != Function::Equal {
            let is_hidden = self.mariadb || left.shape.kind() == Kind::Text;
            return otherwise(!is_hidden);
        }
        if left.shape.kind() == Kind::Text {
            return match (collated(left), collated(right)) {
                // Equal bytes are equal under every collation. Of two of them MySQL makes an error.
                (Some((left, one)), Some((right, other))) if one == other => {
                    Matching::Beside(format!("({left} = {right})"))
                }
                _ => otherwise(false),
            };
        }
        // What is a date is the column's own value.
        match (stored_date(left), stored_date(right)) {
            (None, None) => Matching::AsWritten,
            (one, other) => {
                let (left, right) = (one.unwrap_or(&left.sql), other.unwrap_or(&right.sql));
                Matching::Beside(format!("({left} = {right})"))
            }
        }
    }

    fn comparable(&self, operands: &[&Operand], _ordered: bool) -> (Vec<String>, Collation) {
        let by_bytes = |operand: &&Operand| {
            if operand.shape.kind() == Kind::Text {
                format!("CAST({} AS BINARY)", operand.sql)
            } else {
                operand.sql.clone()
            }
        };
        (operands.iter().map(by_bytes).collect(), Collation::Default)
    }

    fn value_of(&self, comparable: &str, data_type: &DataType) -> String {
        if Kind::of(data_type) == Kind::Text {
            format!("CONVERT({comparable} USING utf8mb4)")
        } else {
            comparable.to_owned()
        }
    }

    /// Texts of several collations make none together, unless all are told one. `BINARY(2)` beside `BINARY(4)` would be
    /// filled up with zeros, and `VARBINARY`, which this cast is of, is not.
    fn beside_others(&self, operand: &Operand) -> String {
        match operand.shape.kind() {
            Kind::Text => format!("({} COLLATE utf8mb4_bin)", operand.sql),
            Kind::Binary => format!("CAST({} AS BINARY)", operand.sql),
            Kind::Rows
            | Kind::Boolean
            | Kind::SmallInteger
            | Kind::Integer
            | Kind::Unsigned
            | Kind::SmallFloat
            | Kind::Float
            | Kind::Decimal
            | Kind::Date
            | Kind::Timestamp
            | Kind::Instant
            | Kind::Other => operand.sql.clone(),
        }
    }

    /// MariaDB must not hash rows by `<=>`.
    fn same(&self, left: &str, right: &str) -> String {
        let same = format!("({left} <=> {right})");
        if self.mariadb { format!("({same} IS TRUE)") } else { same }
    }

    fn is_null(&self, sql: &str) -> String {
        format!("({sql} <=> NULL)")
    }

    /// The escape is another one than the backslash, which `sql_mode` gives a meaning in literals.
    fn like(&self, text: &Operand, pattern: &str) -> Result<String, Unsupported> {
        let mut escaped = String::with_capacity(pattern.len());
        let mut characters = pattern.chars();
        while let Some(character) = characters.next() {
            match character {
                '!' => escaped.push_str("!!"),
                '\\' => match characters.next() {
                    Some('\\') => escaped.push('\\'),
                    Some(wildcard) => escaped.extend(['!', wildcard]),
                    None => {}
                },
                other => escaped.push(other),
            }
        }
        Ok(format!("({} LIKE {} ESCAPE '!')", self.beside_others(text), text_literal(&escaped)))
    }

    fn call(&self, function: NamedFunction, arguments: &[String], _: &DataType) -> String {
        let name = match function {
            NamedFunction::CharacterLength => "CHAR_LENGTH",
            NamedFunction::Substring => "SUBSTRING",
            NamedFunction::Concat => "CONCAT",
            NamedFunction::Absolute => "ABS",
            // A number without sign on MySQL: what is less than another one could not be taken from it.
            NamedFunction::Year if !self.mariadb => {
                return format!("CAST(YEAR({}) AS SIGNED)", arguments.join(", "));
            }
            NamedFunction::Year => "YEAR",
            NamedFunction::Month => "MONTH",
            NamedFunction::Day => "DAYOFMONTH",
        };
        format!("{name}({})", arguments.join(", "))
    }

    /// A value that does not fit would be cut, so every value must fit.
    fn cast(&self, operand: &Operand, to: &DataType) -> Result<Converted, Unsupported> {
        let (from, sql) = (&operand.shape.data_type, &operand.sql);
        let unmet = || MYSQL.unmet(Subject::Cast(Kind::of(to)), Kind::of(from));
        let sql = match Kind::of(to) {
            // The numbers are the same ones; the type of the column is not asked for.
            Kind::SmallInteger if width(from) <= width(to) => sql.clone(),
            Kind::Integer if *from != DataType::UInt64 => format!("CAST({sql} AS SIGNED)"),
            Kind::Float => format!("({sql} + 0e0)"),
            Kind::Decimal => {
                let (whole, fraction) = digits(from).ok_or_else(unmet)?;
                let (to_whole, to_fraction) = digits(to).ok_or_else(unmet)?;
                let name = decimal_name(to).ok_or_else(unmet)?;
                if whole > to_whole || fraction > to_fraction || operand.shape.can_fail {
                    return Err(unmet());
                }
                format!("CAST({sql} AS {name})")
            }
            Kind::Text => format!("CONVERT(CAST({sql} AS CHAR) USING utf8mb4)"),
            Kind::Timestamp => format!("CAST({sql} AS DATETIME(6))"),
            Kind::Rows
            | Kind::Boolean
            | Kind::SmallInteger
            | Kind::Integer
            | Kind::Unsigned
            | Kind::SmallFloat
            | Kind::Binary
            | Kind::Date
            | Kind::Instant
            | Kind::Other => return Err(unmet()),
        };
        Ok(Converted { sql, can_fail: false })
    }

    fn fitted(&self, _: &str, _: &DataType) -> Option<String> {
        None
    }

    fn holds_decimal(&self, data_type: &DataType) -> bool {
        decimal_name(data_type).is_some()
    }

    fn longest_decimal(&self) -> Option<i16> {
        Some(LONGEST_DECIMAL)
    }

    fn aggregate(&self, call: &AggregateCall<'_>) -> String {
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        let argument = match (call.filter, call.argument) {
            (None, argument) => argument.unwrap_or("*").to_owned(),
            (Some(filter), argument) => {
                format!("CASE WHEN {filter} THEN {} END", argument.unwrap_or("1"))
            }
        };
        let name = call.name.to_uppercase();
        match call.over {
            Some(over) => format!("({name}({distinct}{argument}) OVER ({over}))"),
            None => format!("{name}({distinct}{argument})"),
        }
    }

    fn counted(&self, sql: String, data_type: &DataType) -> String {
        if Kind::of(data_type) == Kind::Unsigned { format!("CAST({sql} AS UNSIGNED)") } else { sql }
    }

    fn sort_key(&self, key: &str, descending: bool, nulls_first: bool) -> String {
        let direction = if descending { " DESC" } else { "" };
        // Nulls are the smallest unasked, as in its indexes.
        let nulls = match (descending, nulls_first) {
            (false, true) | (true, false) => String::new(),
            (false, false) => format!("({key} IS NULL), "),
            (true, true) => format!("({key} IS NULL) DESC, "),
        };
        format!("{nulls}{key}{direction}")
    }

    fn limit(&self, limit: Option<u64>, offset: u64) -> String {
        match (limit, offset) {
            (None, 0) => String::new(),
            (Some(limit), 0) => format!(" LIMIT {limit}"),
            (limit, offset) => format!(" LIMIT {} OFFSET {offset}", limit.unwrap_or(u64::MAX)),
        }
    }

    fn longest_key(&self) -> Option<u64> {
        Some(LONGEST_KEY)
    }

    fn longest_text(&self) -> Option<u64> {
        Some(LONGEST_TEXT)
    }
}

/// A text that is a column under the collation that it has there, and that collation.
fn collated(operand: &Operand) -> Option<(&str, &str)> {
    let (sql, collation) = match &operand.column {
        Some((native, Form::Text { collation, .. })) => (native, collation),
        // Of a derived table.
        None if operand.shape.native.is_some() => (&operand.sql, &operand.shape.collation),
        Some(_) | None => return None,
    };
    match collation {
        Collation::Named(name) => Some((sql, name)),
        Collation::Default | Collation::Other => None,
    }
}

/// The column as it stands whose dates are those that a calendar has.
fn stored_date(operand: &Operand) -> Option<&str> {
    match &operand.column {
        Some((native, Form::ZeroDates { .. })) => Some(native),
        Some(_) | None => None,
    }
}

/// A null that tells the type of its column.
fn null(data_type: &DataType) -> Option<String> {
    let text = match Kind::of(data_type) {
        Kind::Boolean | Kind::SmallInteger | Kind::Integer => "CAST(NULL AS SIGNED)".to_owned(),
        Kind::Unsigned => "CAST(NULL AS UNSIGNED)".to_owned(),
        Kind::Float => "(NULL + 0e0)".to_owned(),
        Kind::Decimal => format!("CAST(NULL AS {})", decimal_name(data_type)?),
        Kind::Text => "CONVERT(CAST(NULL AS CHAR) USING utf8mb4)".to_owned(),
        Kind::Binary => "CAST(NULL AS BINARY)".to_owned(),
        Kind::Date => "CAST(NULL AS DATE)".to_owned(),
        Kind::Timestamp | Kind::Instant => "CAST(NULL AS DATETIME(6))".to_owned(),
        Kind::Rows | Kind::SmallFloat | Kind::Other => return None,
    };
    Some(text)
}

/// MySQL's decimals have at most 65 digits, 30 of them after the point.
fn decimal_name(data_type: &DataType) -> Option<String> {
    match data_type {
        DataType::Decimal128(precision @ ..=65, scale @ 0..=30)
        | DataType::Decimal256(precision @ ..=65, scale @ 0..=30) => {
            Some(format!("DECIMAL({precision},{scale})"))
        }
        _ => None,
    }
}

/// Digits before and after the point of the largest value.
fn digits(data_type: &DataType) -> Option<(i16, i16)> {
    match data_type {
        DataType::Int8 => Some((3, 0)),
        DataType::Int16 => Some((5, 0)),
        DataType::Int32 => Some((10, 0)),
        DataType::Int64 => Some((19, 0)),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            Some((i16::from(*precision) - i16::from(*scale), i16::from(*scale)))
        }
        _ => None,
    }
}

fn width(data_type: &DataType) -> usize {
    data_type.primitive_width().unwrap_or(usize::MAX)
}

/// What `sql_mode` or a client may read in another way is written as its bytes.
fn text_literal(text: &str) -> String {
    if text.chars().any(|character| character == '\\' || character.is_control()) {
        format!("_utf8mb4 x'{}'", hexadecimal(text.as_bytes()))
    } else {
        format!("_utf8mb4'{}'", text.replace('\'', "''"))
    }
}
