//! The types of a file's columns: a tree that is checked before anything walks it.
//!
//! Source: ORC Specification v1, "Type Information".

use super::cursor::{Cursor, Found};
use super::error::{corrupt, too_large, unsupported};
use super::wire::{Fields, Message, Value, varint};
use mooring_spi::Result;

/// Each type takes memory, here and in orc-rust.
pub(super) const TYPES_MAX: usize = 100_000;

/// orc-rust walks the types by recursion.
const DEPTH_MAX: u32 = 64;

const PRECISION_MAX: u32 = 38;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Byte,
    Short,
    Int,
    Long,
    Float,
    Double,
    String,
    Binary,
    Timestamp,
    List,
    Map,
    Struct,
    Union,
    Decimal,
    Date,
    Varchar,
    Char,
    TimestampInstant,
    /// A kind of later writers.
    Other,
}

#[derive(Debug)]
pub(super) struct Type {
    code: u64,
    pub kind: Kind,
    pub parts: Vec<u32>,
    pub names: Vec<String>,
    length_max: u32,
    precision: Option<u32>,
    pub scale: u32,
}

/// The types in the order of their columns' numbers, each with its parent's number.
#[derive(Debug)]
pub(super) struct Types {
    types: Vec<Type>,
    parents: Vec<u32>,
}

impl Kind {
    fn of(code: u64) -> Self {
        match code {
            0 => Self::Boolean,
            1 => Self::Byte,
            2 => Self::Short,
            3 => Self::Int,
            4 => Self::Long,
            5 => Self::Float,
            6 => Self::Double,
            7 => Self::String,
            8 => Self::Binary,
            9 => Self::Timestamp,
            10 => Self::List,
            11 => Self::Map,
            12 => Self::Struct,
            13 => Self::Union,
            14 => Self::Decimal,
            15 => Self::Date,
            16 => Self::Varchar,
            17 => Self::Char,
            18 => Self::TimestampInstant,
            _ => Self::Other,
        }
    }

    /// How many parts it has, where that is fixed.
    fn parts(self) -> Option<usize> {
        match self {
            Self::Struct | Self::Union | Self::Other => None,
            Self::List => Some(1),
            Self::Map => Some(2),
            Self::Boolean
            | Self::Byte
            | Self::Short
            | Self::Int
            | Self::Long
            | Self::Float
            | Self::Double
            | Self::String
            | Self::Binary
            | Self::Timestamp
            | Self::Decimal
            | Self::Date
            | Self::Varchar
            | Self::Char
            | Self::TimestampInstant => Some(0),
        }
    }
}

impl Type {
    /// Reads a message `Type`, of which `left` more parts and names may be kept.
    pub fn parse(message: &[u8], left: &mut usize) -> Found<Self> {
        let (mut code, mut length_max, mut precision, mut scale) = (0, 0, None, 0);
        let (mut parts, mut names) = (Vec::new(), Vec::new());
        let mut kept = || -> Found<()> {
            *left =
                left.checked_sub(1).ok_or("its types have more parts than there may be types")?;
            Ok(())
        };
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => code = value.number()?,
                2 => {
                    for part in numbers(value) {
                        kept()?;
                        parts.push(part?);
                    }
                }
                3 => {
                    kept()?;
                    names.push(value.text()?.to_owned());
                }
                4 => length_max = value.number_32()?,
                5 => precision = Some(value.number_32()?),
                6 => scale = value.number_32()?,
                _ => {}
            }
        }
        Ok(Self { code, kind: Kind::of(code), parts, names, length_max, precision, scale })
    }

    /// The same structure with some of its parts.
    pub fn with_parts(&self, places: &[usize]) -> Self {
        Self {
            parts: places.iter().map(|&place| self.parts[place]).collect(),
            names: places.iter().map(|&place| self.names[place].clone()).collect(),
            ..*self
        }
    }

    pub fn message(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        self.parts.iter().for_each(|part| varint(&mut parts, u64::from(*part)));
        let mut message = Message::default().number(1, self.code).bytes(2, &parts);
        for name in &self.names {
            message = message.bytes(3, name.as_bytes());
        }
        message
            .number(4, u64::from(self.length_max))
            .number(5, u64::from(self.precision.unwrap_or_default()))
            .number(6, u64::from(self.scale))
            .into_bytes()
    }
}

/// Repeated numbers stand in one field, or each in its own.
fn numbers(value: Value<'_>) -> impl Iterator<Item = Found<u32>> {
    let (single, packed) = match value {
        Value::Number(_) => (Some(value.number_32()), &[][..]),
        Value::Bytes(bytes) => (None, bytes),
    };
    let mut packed = Cursor::new(packed);
    let packed = std::iter::from_fn(move || match packed.is_empty() {
        true => None,
        false => Some(packed.varint().and_then(|number| Value::Number(number).number_32())),
    });
    single.into_iter().chain(packed)
}

impl Types {
    /// # Errors
    /// `CorruptData` for what is no tree, `LimitExceeded` for more levels than are read, `Unsupported` for a file
    /// whose rows are no structures.
    pub fn check(types: Vec<Type>) -> Result<Self> {
        match types.first().map(|root| root.kind) {
            None => return Err(corrupt("it has no types")),
            Some(Kind::Struct) => {}
            Some(_) => return Err(unsupported("its rows are no structures")),
        }
        let mut parents = vec![None; types.len()];
        let mut depths = vec![0; types.len()];
        for (id, column) in types.iter().enumerate() {
            if column.kind.parts().is_some_and(|parts| parts != column.parts.len()) {
                let parts = column.parts.len();
                return Err(corrupt(format!(
                    "type {id} has {parts} parts, which its kind has not"
                )));
            }
            if column.kind == Kind::Struct && column.names.len() != column.parts.len() {
                return Err(corrupt(format!(
                    "type {id} has {} parts and {} names",
                    column.parts.len(),
                    column.names.len()
                )));
            }
            for &part in &column.parts {
                let at = part as usize;
                // Numbers that only grow on the way down make no circle.
                if at <= id || at >= types.len() || parents[at].is_some() {
                    return Err(corrupt(format!(
                        "type {id} has the part {part}, which is another's or no later type"
                    )));
                }
                parents[at] = Some(id as u32);
                depths[at] = depths[id] + 1;
                if depths[at] > DEPTH_MAX {
                    return Err(too_large(format!("its types have more than {DEPTH_MAX} levels")));
                }
            }
        }
        let parents = parents.into_iter().map(Option::unwrap_or_default).collect();
        Ok(Self { types, parents })
    }

    pub fn len(&self) -> usize {
        self.types.len()
    }

    pub fn get(&self, id: u32) -> &Type {
        &self.types[id as usize]
    }

    pub fn root(&self) -> &Type {
        self.get(0)
    }

    /// A column's name as a message has it: `address.lines.element`.
    pub fn path(&self, id: u32) -> String {
        let mut names = Vec::new();
        let mut at = id;
        while at != 0 {
            let parent = self.parents[at as usize];
            let parts = self.get(parent);
            let place = parts.parts.iter().position(|part| *part == at).unwrap_or_default();
            names.push(match (parts.kind, place) {
                (Kind::Map, 0) => "key",
                (Kind::Map, _) => "value",
                (Kind::List, _) => "element",
                _ => parts.names.get(place).map_or("?", String::as_str),
            });
            at = parent;
        }
        names.reverse();
        names.join(".")
    }

    /// Marks the columns below `roots`, which are parts of the root, and the root itself.
    ///
    /// # Errors
    /// `Unsupported` and `CorruptData` for types that are not read.
    pub fn wanted(&self, roots: &[u32]) -> Result<Vec<bool>> {
        let mut wanted = vec![false; self.types.len()];
        wanted[0] = true;
        let mut open = roots.to_vec();
        while let Some(id) = open.pop() {
            self.check_wanted(id)?;
            wanted[id as usize] = true;
            open.extend(&self.get(id).parts);
        }
        Ok(wanted)
    }

    fn check_wanted(&self, id: u32) -> Result<()> {
        let Type { code, kind, parts, precision, scale, .. } = self.get(id);
        let refused =
            |reason: &str| Err(unsupported(format!("column `{}` {reason}", self.path(id))));
        match kind {
            Kind::Union => refused("is a union"),
            Kind::Other => refused(&format!("has the type {code}, which is not known")),
            Kind::Struct if parts.is_empty() => refused("is a structure without fields"),
            Kind::Decimal => match precision {
                // Hive 0.11.
                None => refused("is a decimal without a precision"),
                Some(1..=PRECISION_MAX) if Some(*scale) <= *precision => Ok(()),
                Some(precision) => Err(corrupt(format!(
                    "column `{}` is a decimal of {precision} digits, {scale} of them decimals",
                    self.path(id)
                ))),
            },
            Kind::Boolean
            | Kind::Byte
            | Kind::Short
            | Kind::Int
            | Kind::Long
            | Kind::Float
            | Kind::Double
            | Kind::String
            | Kind::Binary
            | Kind::Timestamp
            | Kind::List
            | Kind::Map
            | Kind::Struct
            | Kind::Date
            | Kind::Varchar
            | Kind::Char
            | Kind::TimestampInstant => Ok(()),
        }
    }
}
