//! Where the databases write the same thing differently.

mod literal;
mod mysql;
mod postgres;

pub(crate) use literal::decimal_text;
pub use mysql::MysqlDialect;
pub use postgres::PostgresDialect;

use super::{Capabilities, Collation, Form, Kind, Operand};
use arrow::datatypes::DataType;
use mooring_spi::{Function, Unsupported, Value};
use std::fmt::Debug;

/// A value that was made another type.
#[derive(Debug)]
pub struct Converted {
    pub sql: String,
    /// Whether the database has an error for values that do not fit.
    pub can_fail: bool,
}

/// A function that is called by its name, which databases choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedFunction {
    CharacterLength,
    Substring,
    Concat,
    Absolute,
    Year,
    Month,
    Day,
}

/// The comparisons, which are written alike everywhere.
pub(super) fn comparison_operator(function: Function) -> Option<&'static str> {
    const OPERATORS: [(Function, &str); 6] = [
        (Function::Equal, "="),
        (Function::NotEqual, "<>"),
        (Function::Less, "<"),
        (Function::LessOrEqual, "<="),
        (Function::Greater, ">"),
        (Function::GreaterOrEqual, ">="),
    ];
    OPERATORS.iter().find(|(other, _)| *other == function).map(|(_, operator)| *operator)
}

/// By what a database finds the rows that an equality joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matching {
    /// By the equality as it is written.
    AsWritten,
    /// By this, too, which is true wherever the equality is.
    Beside(String),
    /// By nothing: it looks at every pair of rows.
    ByPairs,
}

/// A call of an aggregate.
#[derive(Debug)]
pub struct AggregateCall<'a> {
    pub name: &'a str,
    /// None for rows.
    pub argument: Option<&'a str>,
    pub distinct: bool,
    pub filter: Option<&'a str>,
    /// What follows `OVER`.
    pub over: Option<&'a str>,
}

/// The text of one database. Every piece that is returned binds more tightly than any operator, and so do those that are
/// given; what a piece is allowed for was looked at before, unless an error is possible.
pub trait Dialect: Debug + Send + Sync {
    fn capabilities(&self) -> &'static Capabilities;

    fn has_windows(&self) -> bool;

    /// Whether a semi-join may compare values of this kind from both sides.
    fn matches_in_semi_join(&self, kind: Kind) -> bool;

    fn identifier(&self, name: &str) -> String;

    /// Of the database's own type for `data_type`, which is the type of what is read.
    ///
    /// # Errors
    /// Where the database has no such value.
    fn literal(&self, value: &Value, data_type: &DataType) -> Result<String, Unsupported>;

    /// The value of a native column as it is read.
    fn column(&self, native: &str, form: &Form) -> String;

    /// A condition on the native column alone, which holds wherever `function` holds of the column's value and the literals:
    /// what an index can be used for where [`Dialect::column`] or [`Dialect::comparable`] hide the column.
    fn implied(
        &self,
        column: (&str, &Form),
        function: Function,
        literals: &[String],
    ) -> Option<String>;

    /// For `=` or `IS NOT DISTINCT FROM` of two operands of one type.
    fn matching(&self, function: Function, left: &Operand, right: &Operand) -> Matching;

    /// What stands for the operands, all of one type, to be compared as the language compares values, and the
    /// collation of these.
    fn comparable(&self, operands: &[&Operand], ordered: bool) -> (Vec<String>, Collation);

    /// The value of what [`Dialect::comparable`] made.
    fn value_of(&self, comparable: &str, data_type: &DataType) -> String;

    /// The operand beside others of its type as results of one expression.
    fn beside_others(&self, operand: &Operand) -> String;

    fn same(&self, left: &str, right: &str) -> String;

    /// Whatever the type makes of `IS NULL`.
    fn is_null(&self, sql: &str) -> String;

    /// `pattern` has `\` only before what it escapes.
    ///
    /// # Errors
    /// Where the database has no such text.
    fn like(&self, text: &Operand, pattern: &str) -> Result<String, Unsupported>;

    fn call(&self, function: NamedFunction, arguments: &[String], data_type: &DataType) -> String;

    /// # Errors
    /// Where the result may be another one than the language's.
    fn cast(&self, operand: &Operand, to: &DataType) -> Result<Converted, Unsupported>;

    /// A decimal that may have more digits than `to`, which is an error; `None` where the database would cut it.
    fn fitted(&self, sql: &str, to: &DataType) -> Option<String>;

    fn holds_decimal(&self, data_type: &DataType) -> bool;

    /// Digits to which decimals are computed exactly whatever their type; `None` where a type of its own must be said.
    fn longest_decimal(&self) -> Option<i16>;

    fn aggregate(&self, call: &AggregateCall<'_>) -> String;

    /// A whole number that the database counted itself.
    fn counted(&self, sql: String, data_type: &DataType) -> String;

    fn sort_key(&self, key: &str, descending: bool, nulls_first: bool) -> String;

    /// With a space before it.
    fn limit(&self, limit: Option<u64>, offset: u64) -> String;

    /// The characters or bytes to which keys are told apart where rows are sorted.
    fn longest_key(&self) -> Option<u64>;

    /// The characters of the longest text that can be made.
    fn longest_text(&self) -> Option<u64>;
}
