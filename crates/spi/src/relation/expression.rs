//! Expressions of the relational language.

use super::Relation;
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
    /// The value in the one column of a relation of one row at most ([`Relation::is_one_row_at_most`]), null where it
    /// has none. It sees nothing of the rows around it, and is worked out before any of them and whether or not one
    /// needs it: what fails in it fails all.
    Subquery(Box<Relation>),
}

/// The functions that cross to a source. Null where an argument is null, unless said otherwise. Both sides of
/// an operator have one type; decimals that are compared, added, subtracted or multiplied may differ in their digits.
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
    /// The first argument equals one of the others, which are literals and not null.
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
    /// Text that matches a pattern, case and all: `%`, `_`, and `\` before one of the three for itself. The
    /// pattern is a literal in which `\` stands before one of the three only.
    Like,
    /// Of text: the number of characters (code points); the expression's type is of whole numbers.
    CharacterLength,
    /// Of text, from a place counted from 1, so many characters, or without a number all that follow; place and
    /// number are literals of 1 and more.
    Substring,
    /// Of texts.
    Concat,
    /// Of a date or a timestamp without zone; the expression's type is of whole numbers.
    Year,
    Month,
    Day,
}

impl Expression {
    /// The relations of the subqueries in it, from left to right.
    pub fn subqueries(&self) -> Vec<&Relation> {
        match &self.kind {
            ExpressionKind::Column(_) | ExpressionKind::Literal(_) => Vec::new(),
            ExpressionKind::Call { arguments, .. } => {
                arguments.iter().flat_map(Expression::subqueries).collect()
            }
            ExpressionKind::Cast(operand) => operand.subqueries(),
            ExpressionKind::Case { branches, otherwise } => {
                let branches = branches.iter().flat_map(|(when, then)| [when, then]);
                branches.chain(otherwise.as_deref()).flat_map(Expression::subqueries).collect()
            }
            ExpressionKind::Subquery(relation) => vec![relation],
        }
    }

    /// Puts a value into the place of each subquery: how an interpreter works them out first.
    ///
    /// # Errors
    /// What `value_of` answers.
    pub fn replace_subqueries<E>(
        &mut self,
        value_of: &mut impl FnMut(&Relation) -> Result<Value, E>,
    ) -> Result<(), E> {
        match &mut self.kind {
            ExpressionKind::Column(_) | ExpressionKind::Literal(_) => {}
            ExpressionKind::Call { arguments, .. } => {
                for argument in arguments {
                    argument.replace_subqueries(value_of)?;
                }
            }
            ExpressionKind::Cast(operand) => operand.replace_subqueries(value_of)?,
            ExpressionKind::Case { branches, otherwise } => {
                for (when, then) in branches {
                    when.replace_subqueries(value_of)?;
                    then.replace_subqueries(value_of)?;
                }
                if let Some(otherwise) = otherwise {
                    otherwise.replace_subqueries(value_of)?;
                }
            }
            ExpressionKind::Subquery(relation) => {
                self.kind = ExpressionKind::Literal(value_of(relation)?);
            }
        }
        Ok(())
    }
}
