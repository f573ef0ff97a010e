//! Parameters of prepared statements and query attributes: their types, and how one is read off a
//! payload. What a client sends becomes a value in [`value`].
//!
//! Sources: MySQL Source Code Documentation, "COM_STMT_EXECUTE", "Binary Protocol Value";
//! `include/field_types.h` for the numbers.

mod value;
mod decimal;

pub(crate) use value::to_value;

use super::error::WireError;
use super::wire::{Decoder, Malformed};
use mysql_common::constants::ColumnType;

/// How the bytes of a parameter are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Null,
    /// So many bytes, the least significant first.
    Integer(u8),
    Float,
    Double,
    Decimal,
    Date,
    DateTime,
    Time,
    /// A length-encoded string that is text by its type.
    Text,
    /// A length-encoded string that is bytes by its type.
    Bytes,
}

/// The type of a parameter as a client declares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParameterType {
    pub(crate) layout: Layout,
    pub(crate) unsigned: bool,
}

/// A parameter as it stands in the payload, not yet judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Raw<'a> {
    Null,
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Decimal(&'a [u8]),
    Date(&'a [u8]),
    DateTime(&'a [u8]),
    Time(&'a [u8]),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
}

const UNSIGNED: u8 = 0x80;
/// MYSQL_TYPE_BOOL, with which query attributes are sent.
const BOOL: u8 = 244;

impl ParameterType {
    /// Reads the two bytes of a type.
    ///
    /// # Errors
    /// ER_MALFORMED_PACKET; ER_WRONG_ARGUMENTS for a type that parameters do not have.
    pub(crate) fn read(decoder: &mut Decoder<'_>) -> Result<Self, WireError> {
        let [code, flags] = [decoder.u8()?, decoder.u8()?];
        let layout = layout(code).ok_or_else(|| WireError::unknown_parameter_type(code))?;
        Ok(Self { layout, unsigned: flags & UNSIGNED != 0 })
    }

    /// Reads a value of this type that is not NULL.
    pub(crate) fn read_value<'a>(self, decoder: &mut Decoder<'a>) -> Result<Raw<'a>, Malformed> {
        Ok(match self.layout {
            Layout::Null => Raw::Null,
            Layout::Integer(width) => self.integer(decoder.take(usize::from(width))?),
            Layout::Float => Raw::Float(f64::from(f32::from_le_bytes(decoder.array()?))),
            Layout::Double => Raw::Float(f64::from_le_bytes(decoder.array()?)),
            Layout::Decimal => Raw::Decimal(decoder.string()?),
            Layout::Date => Raw::Date(short(decoder)?),
            Layout::DateTime => Raw::DateTime(short(decoder)?),
            Layout::Time => Raw::Time(short(decoder)?),
            Layout::Text => Raw::Text(decoder.string()?),
            Layout::Bytes => Raw::Bytes(decoder.string()?),
        })
    }

    /// A value that came piece by piece; only strings do.
    pub(crate) fn long_value(self, data: &[u8]) -> Raw<'_> {
        match self.layout {
            Layout::Bytes => Raw::Bytes(data),
            Layout::Decimal => Raw::Decimal(data),
            Layout::Null
            | Layout::Integer(_)
            | Layout::Float
            | Layout::Double
            | Layout::Date
            | Layout::DateTime
            | Layout::Time
            | Layout::Text => Raw::Text(data),
        }
    }

    fn integer<'a>(self, bytes: &[u8]) -> Raw<'a> {
        let negative = !self.unsigned && bytes.last().is_some_and(|last| last & 0x80 != 0);
        let mut wide = [if negative { 0xFF } else { 0 }; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        match self.unsigned {
            true => Raw::Unsigned(u64::from_le_bytes(wide)),
            false => Raw::Signed(i64::from_le_bytes(wide)),
        }
    }
}

/// A value behind one byte of length.
fn short<'a>(decoder: &mut Decoder<'a>) -> Result<&'a [u8], Malformed> {
    let length = decoder.u8()?;
    decoder.take(usize::from(length))
}

fn layout(code: u8) -> Option<Layout> {
    use ColumnType as Kind;
    if code == BOOL {
        return Some(Layout::Integer(1));
    }
    Some(match ColumnType::try_from(code).ok()? {
        Kind::MYSQL_TYPE_NULL => Layout::Null,
        Kind::MYSQL_TYPE_TINY => Layout::Integer(1),
        Kind::MYSQL_TYPE_SHORT | Kind::MYSQL_TYPE_YEAR => Layout::Integer(2),
        Kind::MYSQL_TYPE_LONG | Kind::MYSQL_TYPE_INT24 => Layout::Integer(4),
        Kind::MYSQL_TYPE_LONGLONG => Layout::Integer(8),
        Kind::MYSQL_TYPE_FLOAT => Layout::Float,
        Kind::MYSQL_TYPE_DOUBLE => Layout::Double,
        Kind::MYSQL_TYPE_DECIMAL | Kind::MYSQL_TYPE_NEWDECIMAL => Layout::Decimal,
        Kind::MYSQL_TYPE_DATE | Kind::MYSQL_TYPE_NEWDATE => Layout::Date,
        Kind::MYSQL_TYPE_TIMESTAMP | Kind::MYSQL_TYPE_DATETIME => Layout::DateTime,
        Kind::MYSQL_TYPE_TIME => Layout::Time,
        Kind::MYSQL_TYPE_VARCHAR
        | Kind::MYSQL_TYPE_VAR_STRING
        | Kind::MYSQL_TYPE_STRING
        | Kind::MYSQL_TYPE_ENUM
        | Kind::MYSQL_TYPE_SET
        | Kind::MYSQL_TYPE_JSON => Layout::Text,
        Kind::MYSQL_TYPE_TINY_BLOB
        | Kind::MYSQL_TYPE_MEDIUM_BLOB
        | Kind::MYSQL_TYPE_LONG_BLOB
        | Kind::MYSQL_TYPE_BLOB
        | Kind::MYSQL_TYPE_BIT
        | Kind::MYSQL_TYPE_GEOMETRY
        | Kind::MYSQL_TYPE_VECTOR => Layout::Bytes,
        // Those of the server's own files.
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(code: ColumnType, flags: u8, bytes: &[u8]) -> Raw<'_> {
        let mut types = Decoder::new(&[]);
        assert!(ParameterType::read(&mut types).is_err());
        let declared = [code as u8, flags];
        let kind = ParameterType::read(&mut Decoder::new(&declared)).expect("a type");
        let mut decoder = Decoder::new(bytes);
        let raw = kind.read_value(&mut decoder).expect("a value");
        assert!(decoder.is_empty());
        raw
    }

    /// The examples of "Binary Protocol Value".
    #[test]
    fn values_are_read_by_their_types() {
        use ColumnType as Kind;
        for (kind, flags, bytes, expected) in [
            (Kind::MYSQL_TYPE_LONGLONG, 0, &b"\x01\0\0\0\0\0\0\0"[..], Raw::Signed(1)),
            (Kind::MYSQL_TYPE_LONG, 0, b"\xFF\xFF\xFF\xFF", Raw::Signed(-1)),
            (Kind::MYSQL_TYPE_LONG, 0x80, b"\xFF\xFF\xFF\xFF", Raw::Unsigned(4_294_967_295)),
            (Kind::MYSQL_TYPE_SHORT, 0, b"\x01\0", Raw::Signed(1)),
            (Kind::MYSQL_TYPE_TINY, 0, b"\xFF", Raw::Signed(-1)),
            (Kind::MYSQL_TYPE_TINY, 0x80, b"\xFF", Raw::Unsigned(255)),
            (Kind::MYSQL_TYPE_DOUBLE, 0, b"\x66\x66\x66\x66\x66\x66\x24\x40", Raw::Float(10.2)),
            (Kind::MYSQL_TYPE_FLOAT, 0, b"\0\0\0\x3F", Raw::Float(0.5)),
            (Kind::MYSQL_TYPE_VAR_STRING, 0, b"\x03foo", Raw::Text(b"foo")),
            (Kind::MYSQL_TYPE_BLOB, 0, b"\x03foo", Raw::Bytes(b"foo")),
            (Kind::MYSQL_TYPE_NEWDECIMAL, 0, b"\x041.50", Raw::Decimal(b"1.50")),
            (Kind::MYSQL_TYPE_DATE, 0, b"\x04\xDA\x07\x0A\x11", Raw::Date(b"\xDA\x07\x0A\x11")),
            (Kind::MYSQL_TYPE_NULL, 0, b"", Raw::Null),
        ] {
            assert_eq!(read(kind, flags, bytes), expected, "{kind:?}");
        }
    }

    #[test]
    fn types_of_files_are_no_parameters() {
        for code in [17, 18, 19, 100] {
            let error = ParameterType::read(&mut Decoder::new(&[code, 0])).expect_err("refused");
            assert_eq!(error.errno, 1210);
        }
    }
}
