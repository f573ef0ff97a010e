//! What a server answers to a command: errors, the definitions of columns, and the end of rows.
//!
//! Source: MySQL Source Code Documentation, "Generic Response Packets", "Protocol::ColumnDefinition41",
//! "COM_STMT_PREPARE Response".

use super::cursor::{Cursor, Malformed};
use mysql_common::constants::{ColumnFlags, ColumnType};

const ERROR: u8 = 0xFF;
const END: u8 = 0xFE;
/// A packet of rows that begins as an end does is longer than every end.
const END_MAX_BYTES: usize = 0xFF_FFFF;
/// What is kept of an error's text.
const TEXT_MAX_BYTES: usize = 1024;
/// `binary`: the character set of bytes that are no text.
const BINARY_COLLATION: u16 = 63;

/// An ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError {
    pub(crate) number: u16,
    pub(crate) state: String,
    pub(crate) text: String,
}

impl ServerError {
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(payload);
        cursor.take(1)?;
        let number = cursor.u16()?;
        let rest = cursor.rest();
        // Before the login the state is left out.
        let (state, text) = match rest.split_first() {
            Some((b'#', rest)) if rest.len() >= 5 => rest.split_at(5),
            _ => (&[][..], rest),
        };
        let mut text = String::from_utf8_lossy(text).into_owned();
        text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
        Ok(Self { number, state: String::from_utf8_lossy(state).into_owned(), text })
    }
}

pub(crate) fn is_error(payload: &[u8]) -> bool {
    payload.first() == Some(&ERROR)
}

/// Whether the packet stands in the place of a row, as the last one.
#[inline]
pub(crate) fn is_end_of_rows(payload: &[u8]) -> bool {
    payload.first() == Some(&END) && payload.len() < END_MAX_BYTES
}

/// What is read of a column's definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColumnDefinition {
    pub(crate) kind: ColumnType,
    pub(crate) unsigned: bool,
    /// Whether its values are bytes and no text.
    pub(crate) binary: bool,
    /// Digits behind the point.
    pub(crate) decimals: u8,
}

/// A column of a statement that nobody described before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedColumn {
    pub(crate) name: String,
    /// Characters that the longest value takes as text; of a text in UTF-8 its bytes.
    pub(crate) display_length: u32,
    pub(crate) definition: ColumnDefinition,
}

impl ColumnDefinition {
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        NamedColumn::read(payload).map(|column| column.definition)
    }
}

impl NamedColumn {
    pub(crate) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(payload);
        // Catalog, schema, table, original table.
        for _ in 0..4 {
            cursor.bytes()?;
        }
        let name = cursor.bytes()?;
        // The original name.
        cursor.bytes()?;
        cursor.length()?;
        let collation = cursor.u16()?;
        let display_length = cursor.u32()?;
        let kind = ColumnType::try_from(cursor.u8()?)
            .map_err(|_| Malformed("a column of a type that the protocol does not have"))?;
        let flags = ColumnFlags::from_bits_retain(cursor.u16()?);
        let definition = ColumnDefinition {
            kind,
            unsigned: flags.contains(ColumnFlags::UNSIGNED_FLAG),
            binary: collation == BINARY_COLLATION,
            decimals: cursor.u8()?,
        };
        Ok(Self { name: String::from_utf8_lossy(name).into_owned(), display_length, definition })
    }
}

/// The number of the statement, of its columns and of its parameters.
pub(crate) fn statement_id(payload: &[u8]) -> Result<(u32, u16, u16), Malformed> {
    let mut cursor = Cursor::new(payload);
    if cursor.u8()? != 0 {
        return Err(Malformed("an answer to a statement that is none"));
    }
    Ok((cursor.u32()?, cursor.u16()?, cursor.u16()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the documentation has it; mysql_common writes the length before the character set.
    fn definition() -> Vec<u8> {
        let mut payload = Vec::new();
        for text in ["def", "shop", "orders", "orders", "price", "price"] {
            payload.push(text.len() as u8);
            payload.extend_from_slice(text.as_bytes());
        }
        payload.push(0x0c);
        payload.extend_from_slice(&63_u16.to_le_bytes());
        payload.extend_from_slice(&12_u32.to_le_bytes());
        payload.push(ColumnType::MYSQL_TYPE_NEWDECIMAL as u8);
        payload.extend_from_slice(&ColumnFlags::UNSIGNED_FLAG.bits().to_le_bytes());
        payload.extend_from_slice(&[2, 0, 0]);
        payload
    }

    #[test]
    fn a_definition_is_read() {
        let expected = ColumnDefinition {
            kind: ColumnType::MYSQL_TYPE_NEWDECIMAL,
            unsigned: true,
            binary: true,
            decimals: 2,
        };
        assert_eq!(ColumnDefinition::read(&definition()), Ok(expected));
        let named = NamedColumn::read(&definition()).expect("a column");
        assert_eq!((named.name.as_str(), named.display_length), ("price", 12));
    }

    #[test]
    fn errors_have_a_state_or_not() {
        let with =
            ServerError::read(b"\xFF\x7A\x04#42S02Table 'a.b' doesn't exist").expect("an error");
        assert_eq!((with.number, with.state.as_str()), (1146, "42S02"));
        assert_eq!(with.text, "Table 'a.b' doesn't exist");
        let without = ServerError::read(b"\xFF\x10\x04Too many connections").expect("an error");
        assert_eq!((without.number, without.state.as_str()), (1040, ""));
        assert!(ServerError::read(b"\xFF\x10").is_err());
    }

    #[test]
    fn a_long_row_is_no_end() {
        assert!(is_end_of_rows(&[0xFE, 0, 0, 2, 0]));
        assert!(!is_end_of_rows(&[0, 0]));
        let mut row = vec![0; END_MAX_BYTES];
        row[0] = 0xFE;
        assert!(!is_end_of_rows(&row));
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes: Vec<u8>, length in 0_usize..60, at in 0_usize..60, byte: u8) {
            let _ = (ServerError::read(&bytes), ColumnDefinition::read(&bytes), statement_id(&bytes));
            let mut payload = definition();
            payload.truncate(length);
            if let Some(changed) = payload.get_mut(at) {
                *changed = byte;
            }
            let _ = ColumnDefinition::read(&payload);
        }
    }
}
