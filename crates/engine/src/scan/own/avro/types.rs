//! The types of a schema as a tree in which a reference to a named type is the type itself: it is shared, so
//! that a schema whose references multiply stays as small as its text. What it would grow to is counted.

use std::sync::Arc;

#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub kind: Kind,
    /// How many types there are in it, with itself, if every reference is what it refers to.
    pub types: u64,
    /// How long its names and symbols are, counted in the same way.
    pub text_bytes: u64,
    /// How many types lie within each other, with itself.
    pub depth: usize,
    /// What a null in the place of its value takes in Arrow's arrays.
    pub null_bytes: u64,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int(Option<IntMeaning>),
    Long(Option<LongMeaning>),
    Float,
    Double,
    Bytes(Option<Decimal>),
    String,
    Fixed {
        name: String,
        bytes: usize,
        decimal: Option<Decimal>,
    },
    Enum {
        name: String,
        symbols: Vec<String>,
    },
    Array(Arc<Node>),
    Map(Arc<Node>),
    /// Without the fields that take no bytes.
    Record {
        name: String,
        fields: Vec<Field>,
    },
    Union(Vec<Arc<Node>>),
}

#[derive(Debug, PartialEq)]
pub(super) struct Field {
    pub name: String,
    pub node: Arc<Node>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum IntMeaning {
    Date,
    TimeMillis,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LongMeaning {
    TimeMicros,
    TimestampMillis,
    TimestampMicros,
    TimestampNanos,
    LocalTimestampMillis,
    LocalTimestampMicros,
    LocalTimestampNanos,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decimal {
    /// In decimal digits, more than 0.
    pub precision: u64,
    /// At most the precision.
    pub scale: u64,
}

impl IntMeaning {
    pub const ALL: [Self; 2] = [Self::Date, Self::TimeMillis];

    /// Its `logicalType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::TimeMillis => "time-millis",
        }
    }
}

impl LongMeaning {
    pub const ALL: [Self; 7] = [
        Self::TimeMicros,
        Self::TimestampMillis,
        Self::TimestampMicros,
        Self::TimestampNanos,
        Self::LocalTimestampMillis,
        Self::LocalTimestampMicros,
        Self::LocalTimestampNanos,
    ];

    /// Its `logicalType`.
    pub fn name(self) -> &'static str {
        match self {
            Self::TimeMicros => "time-micros",
            Self::TimestampMillis => "timestamp-millis",
            Self::TimestampMicros => "timestamp-micros",
            Self::TimestampNanos => "timestamp-nanos",
            Self::LocalTimestampMillis => "local-timestamp-millis",
            Self::LocalTimestampMicros => "local-timestamp-micros",
            Self::LocalTimestampNanos => "local-timestamp-nanos",
        }
    }
}

impl Decimal {
    /// What a value takes in an array: up to 38 digits 128 bits, else 256.
    pub fn array_bytes(self) -> u64 {
        if self.precision <= 38 { 16 } else { 32 }
    }
}

impl Kind {
    /// The types of which it is made.
    fn parts(&self) -> Vec<&Node> {
        match self {
            Kind::Null
            | Kind::Boolean
            | Kind::Int(_)
            | Kind::Long(_)
            | Kind::Float
            | Kind::Double
            | Kind::Bytes(_)
            | Kind::String
            | Kind::Fixed { .. }
            | Kind::Enum { .. } => Vec::new(),
            Kind::Array(part) | Kind::Map(part) => vec![part],
            Kind::Record { fields, .. } => fields.iter().map(|field| &*field.node).collect(),
            Kind::Union(branches) => branches.iter().map(|branch| &**branch).collect(),
        }
    }

    fn own_text_bytes(&self) -> usize {
        match self {
            Kind::Fixed { name, .. } => name.len(),
            Kind::Enum { name, symbols } => {
                name.len() + symbols.iter().map(String::len).sum::<usize>()
            }
            Kind::Record { name, fields } => {
                name.len() + fields.iter().map(|field| field.name.len()).sum::<usize>()
            }
            Kind::Null
            | Kind::Boolean
            | Kind::Int(_)
            | Kind::Long(_)
            | Kind::Float
            | Kind::Double
            | Kind::Bytes(_)
            | Kind::String
            | Kind::Array(_)
            | Kind::Map(_)
            | Kind::Union(_) => 0,
        }
    }

    /// Nulls of Arrow's arrays have a place for the value, too.
    fn null_bytes(&self) -> u64 {
        match self {
            Kind::Null => 0,
            Kind::Boolean => 1,
            Kind::Int(_) | Kind::Float | Kind::Enum { .. } => 4,
            Kind::Long(_) | Kind::Double => 8,
            Kind::Bytes(Some(decimal)) => decimal.array_bytes(),
            // An offset.
            Kind::Bytes(None) | Kind::String | Kind::Array(_) | Kind::Map(_) => 4,
            Kind::Fixed { bytes, decimal, .. } => match decimal {
                Some(decimal) => decimal.array_bytes(),
                None => *bytes as u64,
            },
            Kind::Record { fields, .. } => sum(fields.iter().map(|field| field.node.null_bytes)),
            Kind::Union(branches) => match optional(branches) {
                Some(value) => value.null_bytes.saturating_add(1),
                // A number of a type and an offset, and the null in its array, or the first type's.
                None => {
                    let null = branches.iter().find(|branch| branch.kind == Kind::Null);
                    let written = null.or(branches.first());
                    written.map_or(0, |branch| branch.null_bytes).saturating_add(5)
                }
            },
        }
    }
}

impl Node {
    pub fn new(kind: Kind) -> Self {
        let parts = kind.parts();
        let types = sum(parts.iter().map(|part| part.types)).saturating_add(1);
        let text_bytes = sum(parts.iter().map(|part| part.text_bytes))
            .saturating_add(kind.own_text_bytes() as u64);
        let depth = parts.iter().map(|part| part.depth).max().unwrap_or(0) + 1;
        Self { types, text_bytes, depth, null_bytes: kind.null_bytes(), kind }
    }

    /// Whether its values take no bytes: all of a type do, or none.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Null => true,
            Kind::Record { fields, .. } => fields.is_empty(),
            Kind::Boolean
            | Kind::Int(_)
            | Kind::Long(_)
            | Kind::Float
            | Kind::Double
            | Kind::Bytes(_)
            | Kind::String
            | Kind::Fixed { .. }
            | Kind::Enum { .. }
            | Kind::Array(_)
            | Kind::Map(_)
            | Kind::Union(_) => false,
        }
    }
}

/// The type whose values may be null, of a union that says only that.
pub(super) fn optional(branches: &[Arc<Node>]) -> Option<&Node> {
    match branches {
        [null, value] | [value, null] if null.kind == Kind::Null => Some(value),
        _ => None,
    }
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}
