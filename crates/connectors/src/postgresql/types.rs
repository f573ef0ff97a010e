//! What each type of PostgreSQL is here: the Arrow type, the type to which a statement casts the column, and whether
//! conditions on the column itself mean the same in both.

use super::settings::NumericAs;
use arrow::datatypes::{DataType, Field, TimeUnit};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// How a value is read. A statement casts its columns to [`Decode::sql_type`], so the reader sees no other form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decode {
    Boolean,
    Int16,
    Int32,
    Int64,
    /// Of what the database counts: an `int8` that is never below zero.
    UInt64,
    Float32,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Text,
    Uuid,
    Binary,
    Date,
    Time,
    Timestamp,
    TimestampUtc,
    List(Box<Decode>),
}

impl Decode {
    pub fn data_type(&self) -> DataType {
        match self {
            Decode::Boolean => DataType::Boolean,
            Decode::Int16 => DataType::Int16,
            Decode::Int32 => DataType::Int32,
            Decode::Int64 => DataType::Int64,
            Decode::UInt64 => DataType::UInt64,
            Decode::Float32 => DataType::Float32,
            Decode::Float64 => DataType::Float64,
            Decode::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
            Decode::Text | Decode::Uuid => DataType::Utf8,
            Decode::Binary => DataType::Binary,
            Decode::Date => DataType::Date32,
            Decode::Time => DataType::Time64(TimeUnit::Microsecond),
            Decode::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
            Decode::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Decode::List(element) => {
                DataType::List(Arc::new(Field::new_list_field(element.data_type(), true)))
            }
        }
    }

    pub fn sql_type(&self) -> String {
        let name = match self {
            Decode::Boolean => "bool",
            Decode::Int16 => "int2",
            Decode::Int32 => "int4",
            Decode::Int64 | Decode::UInt64 => "int8",
            Decode::Float32 => "float4",
            Decode::Float64 => "float8",
            Decode::Decimal { .. } => "numeric",
            Decode::Text => "text",
            Decode::Uuid => "uuid",
            Decode::Binary => "bytea",
            Decode::Date => "date",
            Decode::Time => "time",
            Decode::Timestamp => "timestamp",
            Decode::TimestampUtc => "timestamptz",
            Decode::List(element) => return format!("{}[]", element.sql_type()),
        };
        name.to_owned()
    }

    /// About how many bytes a value takes in Arrow's form where nobody knows.
    pub fn width_bytes(&self) -> u64 {
        match self {
            Decode::Boolean => 1,
            Decode::Int16 => 2,
            Decode::Int32 | Decode::Float32 | Decode::Date => 4,
            Decode::Int64
            | Decode::UInt64
            | Decode::Float64
            | Decode::Time
            | Decode::Timestamp
            | Decode::TimestampUtc => 8,
            Decode::Decimal { .. } => 16,
            Decode::Text | Decode::Binary => 24,
            Decode::Uuid => 40,
            Decode::List(element) => 4 + 4 * element.width_bytes(),
        }
    }
}

/// A column of a table or of a statement's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    pub name: String,
    pub decode: Decode,
    /// Whether conditions may stand on the column as it is, where an index can serve them. Others stand on the
    /// value that is read.
    pub native: bool,
}

/// What is known of the texts of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NativeText {
    /// As `RelationColumn::collation`.
    pub collation: Option<String>,
    /// Characters of the longest.
    pub at_most: Option<u64>,
    /// Whether a cast makes them texts.
    pub converted: bool,
}

/// A row of `pg_type`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TypeRow {
    pub oid: u32,
    /// Whether it came with PostgreSQL: another schema may have a type of the same name.
    pub own: bool,
    pub name: String,
    /// `typtype`: `d` for a domain.
    pub kind: String,
    /// What a domain is made of.
    pub base: u32,
    /// The domain's modifier of it.
    pub modifier: i32,
    /// Of a true array; else 0.
    pub element: u32,
}

/// The types of a set of columns, with all that these are made of.
pub(super) struct Types {
    by_oid: HashMap<u32, TypeRow>,
    numeric_as: NumericAs,
}

/// A domain over a domain, and so on.
const DOMAINS_MAX: usize = 64;

impl Types {
    pub fn new(rows: Vec<TypeRow>, numeric_as: NumericAs) -> Self {
        Self { by_oid: rows.into_iter().map(|row| (row.oid, row)).collect(), numeric_as }
    }

    /// How values of a type are read, and whether conditions are the same on the column itself.
    pub fn mapping(&self, oid: u32, modifier: i32) -> (Decode, bool) {
        let Some((row, modifier)) = self.base(oid, modifier) else { return (Decode::Text, false) };
        if row.element != 0 {
            let Some((element, modifier)) = self.base(row.element, modifier) else {
                return (Decode::Text, false);
            };
            let (element, _) = self.scalar(element, modifier);
            return (Decode::List(Box::new(element)), false);
        }
        self.scalar(row, modifier)
    }

    /// What texts of a type are; `None` for what is no text of PostgreSQL's own.
    pub fn text(&self, oid: u32, modifier: i32, collation: Option<&str>) -> Option<NativeText> {
        let (row, modifier) = self.base(oid, modifier)?;
        if row.element != 0 || !row.own {
            return None;
        }
        // The modifier counts its own four bytes.
        let length = u64::try_from(modifier.checked_sub(4)?).ok();
        let (at_most, converted) = match row.name.as_str() {
            "text" => (None, false),
            "varchar" => (length, false),
            "bpchar" => (length, true),
            _ => return None,
        };
        Some(NativeText { collation: collation.map(str::to_owned), at_most, converted })
    }

    /// What a type is called.
    pub fn name(&self, oid: u32) -> String {
        let Some(row) = self.by_oid.get(&oid) else { return format!("type {oid}") };
        match self.by_oid.get(&row.element) {
            Some(element) => format!("{}[]", element.name),
            None => row.name.clone(),
        }
    }

    /// What is below the domains, with its modifier.
    fn base(&self, oid: u32, modifier: i32) -> Option<(&TypeRow, i32)> {
        let (mut row, mut modifier) = (self.by_oid.get(&oid)?, modifier);
        for _ in 0..DOMAINS_MAX {
            if row.kind != "d" {
                return Some((row, modifier));
            }
            modifier = row.modifier;
            row = self.by_oid.get(&row.base)?;
        }
        None
    }

    fn scalar(&self, row: &TypeRow, modifier: i32) -> (Decode, bool) {
        if !row.own {
            return (Decode::Text, false);
        }
        match row.name.as_str() {
            "bool" => (Decode::Boolean, true),
            "int2" => (Decode::Int16, true),
            "int4" => (Decode::Int32, true),
            "int8" => (Decode::Int64, true),
            "oid" => (Decode::Int64, false),
            "float4" => (Decode::Float32, true),
            "float8" => (Decode::Float64, true),
            "numeric" => match numeric(modifier, self.numeric_as) {
                Some(decimal) => (decimal, true),
                None => (Decode::Text, false),
            },
            // Two digits in most places of the world; more are an error when they are read.
            "money" => (Decode::Decimal { precision: 21, scale: 2 }, false),
            "text" | "varchar" => (Decode::Text, true),
            "bytea" => (Decode::Binary, true),
            "uuid" => (Decode::Uuid, true),
            "date" => (Decode::Date, true),
            "time" => (Decode::Time, true),
            "timestamp" => (Decode::Timestamp, true),
            "timestamptz" => (Decode::TimestampUtc, true),
            _ => (Decode::Text, false),
        }
    }
}

/// Source of the form of the modifier: `numeric.c` of PostgreSQL, `make_numeric_typmod`.
fn numeric(modifier: i32, numeric_as: NumericAs) -> Option<Decode> {
    let declared = (modifier >= 4).then(|| {
        let packed = modifier - 4;
        let precision = (packed >> 16) & 0xffff;
        // 11 bits with a sign.
        let scale = ((packed & 0x7ff) ^ 1024) - 1024;
        (precision, scale)
    });
    // A scale above the precision has zeros behind the point, one below zero has them before it.
    let (precision, scale) = match declared {
        Some((precision, scale)) if scale < 0 => (Some(precision - scale), Some(0)),
        Some((precision, scale)) => (Some(precision.max(scale)), Some(scale)),
        None => (None, None),
    };
    let digits = precision.and_then(|precision| u8::try_from(precision).ok());
    let places = scale.and_then(|scale| i8::try_from(scale).ok()).filter(|scale| *scale <= 38);
    match (digits.filter(|digits| (1..=38).contains(digits)), places) {
        (Some(precision), Some(scale)) => Some(Decode::Decimal { precision, scale }),
        (_, places) => match numeric_as {
            NumericAs::Text => None,
            NumericAs::Decimal { scale } => {
                let scale = places.or_else(|| i8::try_from(scale).ok())?;
                Some(Decode::Decimal { precision: 38, scale })
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `make_numeric_typmod` packs them.
    fn packed(precision: i32, scale: i32) -> i32 {
        ((precision << 16) | (scale & 0x7ff)) + 4
    }

    fn decimal(precision: u8, scale: i8) -> Option<Decode> {
        Some(Decode::Decimal { precision, scale })
    }

    #[test]
    fn numerics_keep_every_digit_that_they_declare() {
        let rule = NumericAs::Decimal { scale: 9 };
        for (modifier, expected) in [
            (packed(15, 2), decimal(15, 2)),
            (packed(38, 38), decimal(38, 38)),
            (packed(3, 5), decimal(5, 5)),
            (packed(3, -2), decimal(5, 0)),
            (packed(39, 4), decimal(38, 4)),
            (packed(1000, 100), decimal(38, 9)),
            (packed(38, -2), decimal(38, 0)),
            (-1, decimal(38, 9)),
        ] {
            assert_eq!(numeric(modifier, rule), expected, "{modifier}");
        }
        assert_eq!(numeric(-1, NumericAs::Text), None);
        assert_eq!(numeric(packed(15, 2), NumericAs::Text), decimal(15, 2));
    }

    fn row(oid: u32, name: &str, kind: &str, base: u32, element: u32) -> TypeRow {
        let modifier = if kind == "d" { packed(10, 2) } else { -1 };
        TypeRow {
            oid,
            own: oid < 16384,
            name: name.into(),
            kind: kind.into(),
            base,
            modifier,
            element,
        }
    }

    #[test]
    fn domains_and_arrays_are_what_they_are_made_of() {
        let rows = vec![
            row(1700, "numeric", "b", 0, 0),
            row(23, "int4", "b", 0, 0),
            row(1007, "_int4", "b", 0, 23),
            row(20000, "price", "d", 1700, 0),
            row(20001, "net_price", "d", 20000, 0),
            row(20002, "_price", "b", 0, 20000),
            row(20003, "int4", "e", 0, 0),
        ];
        let types = Types::new(rows, NumericAs::Text);
        let price = Decode::Decimal { precision: 10, scale: 2 };
        assert_eq!(types.mapping(20000, -1), (price.clone(), true));
        assert_eq!(types.mapping(20002, -1), (Decode::List(Box::new(price)), false));
        assert_eq!(types.mapping(1007, -1), (Decode::List(Box::new(Decode::Int32)), false));
        assert_eq!(types.mapping(20003, -1), (Decode::Text, false));
        let named = [23, 1007, 20000, 20002, 4711].map(|oid| types.name(oid));
        assert_eq!(named, ["int4", "int4[]", "price", "price[]", "type 4711"]);
        assert_eq!(types.mapping(4711, -1), (Decode::Text, false));
    }

    #[test]
    fn arrays_of_the_innermost_type_are_named_so() {
        assert_eq!(
            Decode::List(Box::new(Decode::Decimal { precision: 5, scale: 1 })).sql_type(),
            "numeric[]"
        );
    }
}
