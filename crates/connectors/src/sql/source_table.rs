//! Tables as a connector describes them to who writes SQL.

/// A table under its exact names.
#[derive(Debug, Clone)]
pub struct SourceTable {
    /// The schema in PostgreSQL, the database in MySQL.
    pub schema: String,
    pub name: String,
    /// One per column of [`mooring_spi::Table::schema`], in its order.
    pub columns: Vec<SourceColumn>,
}

#[derive(Debug, Clone)]
pub struct SourceColumn {
    pub name: String,
    pub form: Form,
}

/// What a native type means for push-down. Every form but [`Form::Opaque`] promises that the database computes with the
/// value that the connector reads, or that the connector answers an error where it would read the value: then the
/// database may compute with it in its own way, since without push-down there are no rows to differ from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// As it stands: whole numbers, decimals with a precision, doubles, dates, timestamps, booleans of PostgreSQL. A
    /// column with a zone is an instant, of a session in UTC.
    Exact,
    /// Bytes, at most so many.
    Bytes { at_most: Option<u64> },
    Text {
        collation: Collation,
        /// Characters of the longest text that the column takes.
        at_most: Option<u64>,
        /// Whether the value must be converted to be plain text in UTF-8: `citext`, `name`; another character set than
        /// `utf8mb4`, `enum`.
        converted: bool,
    },
    /// Dates or timestamps of MySQL, which may hold what no calendar has (`0000-00-00`, `2024-02-31`): that is read as null,
    /// or is an error wherever it is looked at.
    ZeroDates { are_null: bool },
    /// Can be fetched, counted and asked for null, and nothing else: JSON, arrays, `numeric` without digits, …
    /// `reason`: what the column is, to stand behind "column `c` is".
    Opaque { reason: String, read_as: ReadAs },
}

/// How a connector asks for a column of which it reads another form than the native one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadAs {
    Native,
    /// Cast to this type, by its name in the database.
    Type(String),
    /// Through this function: `ST_AsWKB`.
    Function(String),
}

impl ReadAs {
    pub(super) fn text(&self, native: &str) -> String {
        match self {
            ReadAs::Native => native.to_owned(),
            ReadAs::Type(name) => format!("CAST({native} AS {name})"),
            ReadAs::Function(name) => format!("{name}({native})"),
        }
    }
}

/// How a text compares in PostgreSQL. In MySQL texts are compared as bytes, whatever their collation, and columns of one that is
/// [`Collation::Named`] are compared by it besides: it must take equal bytes for equal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Collation {
    /// The database's own, or a literal's: equality is that of bytes.
    Default,
    /// In PostgreSQL a deterministic one, by its name without schema.
    Named(String),
    /// One that is not deterministic or not known by its name, or several: must be stated to compare anything.
    Other,
}

impl Collation {
    /// Of what is made of two texts: the database's own gives way.
    #[must_use]
    pub fn with(self, other: &Collation) -> Collation {
        match (self, other) {
            (Collation::Other, _) | (_, Collation::Other) => Collation::Other,
            (collation, Collation::Default) => collation,
            (Collation::Default, Collation::Named(name)) => Collation::Named(name.clone()),
            (Collation::Named(a), Collation::Named(b)) if a == *b => Collation::Named(a),
            (Collation::Named(_), Collation::Named(_)) => Collation::Other,
        }
    }

    /// Whether its order is that of bytes.
    pub fn orders_bytes(&self) -> bool {
        match self {
            Collation::Named(name) => name == "C",
            Collation::Default | Collation::Other => false,
        }
    }
}
