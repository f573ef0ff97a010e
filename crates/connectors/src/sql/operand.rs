//! Pieces of SQL with what is known of their values.

use super::{Collation, Form, Kind};
use arrow::datatypes::DataType;

/// A column of a table, for who must know its native type to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Native {
    pub schema: String,
    pub table: String,
    /// The index in the table's columns.
    pub column: usize,
}

/// What is known of an expression's values.
#[derive(Debug, Clone)]
pub struct Shape {
    pub data_type: DataType,
    /// A plain column of a table, through whatever operators.
    pub native: Option<Native>,
    /// Why nothing can be computed with it.
    pub opaque: Option<String>,
    pub collation: Collation,
    /// Characters of the longest text, or bytes of the longest binary value.
    pub at_most: Option<u64>,
    /// Whether working it out may be an error.
    pub can_fail: bool,
    /// Whether that error is of who reads the value alone, since the database computes with more digits than its type
    /// has here. What only compares it has the answer then that more digits would give.
    pub overlong: bool,
    /// Whether it is the same for all rows.
    pub constant: bool,
    /// Whether a database may find that out while it plans, as of `COALESCE(1, a)`.
    pub folds: bool,
}

impl Shape {
    pub fn of(data_type: DataType) -> Self {
        Self {
            data_type,
            native: None,
            opaque: None,
            collation: Collation::Default,
            at_most: None,
            can_fail: false,
            overlong: false,
            constant: false,
            folds: false,
        }
    }

    pub fn kind(&self) -> Kind {
        if self.opaque.is_some() { Kind::Other } else { Kind::of(&self.data_type) }
    }
}

/// An expression in SQL that binds more tightly than every operator.
#[derive(Debug, Clone)]
pub struct Operand {
    pub sql: String,
    pub shape: Shape,
    /// The native column in SQL, where `sql` is that column's value made canonical.
    pub column: Option<(String, Form)>,
    /// Short enough to be repeated wherever it is used.
    pub simple: bool,
    /// Null in a row of nulls, which an outer join makes.
    pub plain: bool,
}

impl Operand {
    /// The same for all rows, and not a column: what means a place in `ORDER BY` or nothing in `GROUP BY`.
    pub fn is_constant(&self) -> bool {
        self.shape.constant && !self.plain
    }

    pub fn computed(sql: String, shape: Shape) -> Self {
        Self { sql, shape, column: None, simple: false, plain: false }
    }
}

/// What a connector reads as a column of the statement.
#[derive(Debug, Clone, PartialEq)]
pub enum OutputColumn {
    /// As that column of a table is read, also where it is cast for that.
    Native(Native),
    /// Of the database's own type for this one; see [`super::Dialect::literal`].
    Computed(DataType),
}
