//! In which form a column's values travel, from its definition.
//!
//! Source: MySQL Source Code Documentation, "Binary Protocol Value".

use super::Problem;
use super::number::decimal;
use crate::mysql::protocol::{ColumnDefinition, Cursor};
use arrow::datatypes::DECIMAL128_MAX_PRECISION;
use mysql_common::constants::ColumnType;

/// Whole numbers by width and sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integer {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    /// As text, of more than 64 bits for all that is known.
    Digits,
}

impl Integer {
    #[inline]
    pub(super) fn read(self, cursor: &mut Cursor<'_>) -> Result<i128, Problem> {
        Ok(match self {
            Self::I8 => i8::from_le_bytes(cursor.array()?).into(),
            Self::U8 => u8::from_le_bytes(cursor.array()?).into(),
            Self::I16 => i16::from_le_bytes(cursor.array()?).into(),
            Self::U16 => u16::from_le_bytes(cursor.array()?).into(),
            Self::I32 => i32::from_le_bytes(cursor.array()?).into(),
            Self::U32 => u32::from_le_bytes(cursor.array()?).into(),
            Self::I64 => i64::from_le_bytes(cursor.array()?).into(),
            Self::U64 => u64::from_le_bytes(cursor.array()?).into(),
            Self::Digits => decimal(cursor.bytes()?, DECIMAL128_MAX_PRECISION, 0)?,
        })
    }

    /// Bits of a value, and whether it has a sign.
    pub(super) fn width(self) -> (u8, bool) {
        match self {
            Self::I8 => (8, true),
            Self::U8 => (8, false),
            Self::I16 => (16, true),
            Self::U16 => (16, false),
            Self::I32 => (32, true),
            Self::U32 => (32, false),
            Self::I64 => (64, true),
            Self::U64 => (64, false),
            Self::Digits => (127, true),
        }
    }

    /// Whether every value of the form is one of `bits` bits.
    pub(super) fn fits(self, bits: u8, signed: bool) -> bool {
        match (self.width(), signed) {
            ((own, true), true) | ((own, false), false) => own <= bits,
            ((own, false), true) => own < bits,
            ((_, true), false) => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Integer(Integer),
    Float,
    Double,
    /// Digits, with so many behind the point.
    Decimal(u8),
    Text,
    Bytes,
    Bits,
    /// A date, with a time or without.
    Moment,
    /// A length of time, with so many digits of a second.
    Time(u8),
    /// Only NULL.
    Null,
}

impl Form {
    /// `None` for a form that the protocol keeps for other uses.
    pub(super) fn of(sent: &ColumnDefinition) -> Option<Self> {
        use ColumnType as Kind;
        let integer =
            |signed, unsigned| Self::Integer(if sent.unsigned { unsigned } else { signed });
        Some(match sent.kind {
            Kind::MYSQL_TYPE_TINY => integer(Integer::I8, Integer::U8),
            Kind::MYSQL_TYPE_SHORT => integer(Integer::I16, Integer::U16),
            // A number of four digits at most.
            Kind::MYSQL_TYPE_YEAR => Self::Integer(Integer::I16),
            Kind::MYSQL_TYPE_LONG | Kind::MYSQL_TYPE_INT24 => integer(Integer::I32, Integer::U32),
            Kind::MYSQL_TYPE_LONGLONG => integer(Integer::I64, Integer::U64),
            Kind::MYSQL_TYPE_FLOAT => Self::Float,
            Kind::MYSQL_TYPE_DOUBLE => Self::Double,
            Kind::MYSQL_TYPE_NEWDECIMAL | Kind::MYSQL_TYPE_DECIMAL => Self::Decimal(sent.decimals),
            // Of the character set `binary` there, and text all the same.
            Kind::MYSQL_TYPE_JSON => Self::Text,
            Kind::MYSQL_TYPE_VARCHAR
            | Kind::MYSQL_TYPE_VAR_STRING
            | Kind::MYSQL_TYPE_STRING
            | Kind::MYSQL_TYPE_ENUM
            | Kind::MYSQL_TYPE_SET
            | Kind::MYSQL_TYPE_TINY_BLOB
            | Kind::MYSQL_TYPE_MEDIUM_BLOB
            | Kind::MYSQL_TYPE_LONG_BLOB
            | Kind::MYSQL_TYPE_BLOB => {
                if sent.binary {
                    Self::Bytes
                } else {
                    Self::Text
                }
            }
            Kind::MYSQL_TYPE_GEOMETRY | Kind::MYSQL_TYPE_VECTOR => Self::Bytes,
            Kind::MYSQL_TYPE_BIT => Self::Bits,
            Kind::MYSQL_TYPE_DATE
            | Kind::MYSQL_TYPE_NEWDATE
            | Kind::MYSQL_TYPE_DATETIME
            | Kind::MYSQL_TYPE_DATETIME2
            | Kind::MYSQL_TYPE_TIMESTAMP
            | Kind::MYSQL_TYPE_TIMESTAMP2 => Self::Moment,
            Kind::MYSQL_TYPE_TIME | Kind::MYSQL_TYPE_TIME2 => Self::Time(sent.decimals),
            Kind::MYSQL_TYPE_NULL => Self::Null,
            Kind::MYSQL_TYPE_TYPED_ARRAY | Kind::MYSQL_TYPE_UNKNOWN => return None,
        })
    }
}

/// The number that the bits are, the highest of them first.
pub(super) fn bits(bytes: &[u8]) -> Result<u64, Problem> {
    if bytes.len() > 8 {
        return Err(Problem::Digits);
    }
    Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
