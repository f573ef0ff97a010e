//! Expressions of the relational language.

use crate::Value;
use arrow::datatypes::DataType;

/// A value per row.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    pub kind: ExpressionKind,
    pub data_type: DataType,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ExpressionKind {
    /// By position in the input's columns.
    Column(usize),
    /// Of the expression's type.
    Literal(Value),
    Call {
        function: Function,
        arguments: Vec<Expression>,
    },
    /// To the expression's type. A value that does not fit it is an error.
    Cast(Box<Expression>),
    /// The result of the first branch whose condition is true, else `otherwise`, else null. No other result is
    /// worked out.
    Case {
        branches: Vec<(Expression, Expression)>,
        otherwise: Option<Box<Expression>>,
    },
}

/// The functions that cross to a source. Null where an argument is null, unless said otherwise. Both sides of
/// an operator have one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Function {
    /// By value; text by its bytes, with all spaces and the case of letters; NaN equals NaN and is larger than
    /// every number, and 0.0 equals -0.0.
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `IS NOT DISTINCT FROM`: never null.
    Same,
    /// The first argument equals one of the others.
    In,
    /// Of three-valued logic, of any number of arguments.
    And,
    Or,
    Not,
    /// Never null.
    IsNull,
    IsNotNull,
    /// Of `Int64`: an error where it does not fit. Of decimals: exact, of the expression's type. Of `Float64`: IEEE 754.
    Add,
    Subtract,
    Multiply,
    Negate,
    Absolute,
    /// The first argument that is not null.
    Coalesce,
    /// Text that matches a pattern, case and all: `%`, `_`, and `\` before one of the three for itself.
    Like,
    /// Of text: the number of characters (code points); `Int64`.
    CharacterLength,
    /// Of text, from a place counted from 1, so many characters; place and number are literals of 1 and more.
    Substring,
    /// Of texts.
    Concat,
    /// Of a date or a timestamp without zone; the expression's type is of whole numbers.
    Year,
    Month,
    Day,
}
