//! What a server answers: errors, the columns of a statement, and rows whose values are texts.
//!
//! Source: PostgreSQL's manual, 55.7 "Message Formats" and 55.8 "Error and Notice Message Fields".

use super::cursor::{Cursor, corrupt};
use mooring_spi::Result;

/// What is kept of an error's text.
const TEXT_MAX_BYTES: usize = 4096;

/// An `ErrorResponse`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerError {
    /// SQLSTATE.
    pub(crate) code: String,
    pub(crate) text: String,
    /// Whether the connection ends with it.
    pub(crate) is_fatal: bool,
}

impl ServerError {
    pub(crate) fn read(body: &[u8]) -> Result<Self> {
        let mut cursor = Cursor::new(body);
        let (mut code, mut text) = (String::new(), String::new());
        let (mut severity, mut local_severity) = (None, None);
        loop {
            let field = match cursor.u8()? {
                0 => break,
                field => field,
            };
            let value = String::from_utf8_lossy(cursor.until_zero()?);
            match field {
                b'C' => code = value.into_owned(),
                b'M' => text = value.into_owned(),
                b'V' => severity = Some(value),
                // The same in the server's language; poolers have no other.
                b'S' => local_severity = Some(value),
                _ => {}
            }
        }
        text.truncate(text.floor_char_boundary(TEXT_MAX_BYTES));
        let severity = severity.or(local_severity);
        let is_fatal = matches!(severity.as_deref(), Some("FATAL" | "PANIC"));
        Ok(Self { code, text, is_fatal })
    }
}

/// A column of a statement that nobody described before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedColumn {
    pub(crate) name: String,
    pub(crate) type_oid: u32,
    pub(crate) modifier: i32,
}

/// Of a `RowDescription`.
pub(crate) fn columns(body: &[u8]) -> Result<Vec<NamedColumn>> {
    let mut cursor = Cursor::new(body);
    let count = cursor.count()?;
    let mut columns = Vec::new();
    for _ in 0..count {
        let name = String::from_utf8_lossy(cursor.until_zero()?).into_owned();
        let (_table, _attribute) = (cursor.i32()?, cursor.i16()?);
        let type_oid = u32::from_be_bytes(cursor.array()?);
        let (_size, modifier, _format) = (cursor.i16()?, cursor.i32()?, cursor.i16()?);
        columns.push(NamedColumn { name, type_oid, modifier });
    }
    Ok(columns)
}

/// The texts of a row's values.
pub(crate) type TextRow = Vec<Option<String>>;

/// Of a `DataRow` in the text format.
pub(crate) fn text_row(body: &[u8]) -> Result<TextRow> {
    let mut cursor = Cursor::new(body);
    let count = cursor.count()?;
    let mut row = Vec::new();
    for _ in 0..count {
        let text = |value: &[u8]| {
            let text = std::str::from_utf8(value);
            text.map(str::to_owned).map_err(|_| corrupt("a name is not in UTF-8"))
        };
        row.push(cursor.field()?.map(text).transpose()?);
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As the manual has it.
    const ERROR: &[u8] =
        b"SFEHLER\0VERROR\0C42P01\0Mrelation \"t\" does not exist\0P15\0Fparse_relation.c\0\0";
    const ROW: &[u8] = b"\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\0";
    const DESCRIPTION: &[u8] =
        b"\0\x01price\0\0\0\x40\x01\0\x02\0\0\x06\xa4\xff\xff\0\x0a\0\x06\0\0";

    #[test]
    fn errors_are_read() {
        let error = ServerError::read(ERROR).expect("an error");
        assert_eq!((error.code.as_str(), error.is_fatal), ("42P01", false));
        assert_eq!(error.text, "relation \"t\" does not exist");
        let fatal = ServerError::read(b"SFATAL\0VFATAL\0C57P01\0Mbye\0\0").expect("an error");
        assert!(fatal.is_fatal);
        let of_pooler = ServerError::read(b"SFATAL\0C08P01\0Mserver conn crashed?\0\0");
        assert!(of_pooler.expect("an error").is_fatal);
    }

    #[test]
    fn rows_and_columns_are_read() {
        let row = text_row(ROW).expect("a row");
        assert_eq!(row, [Some("ab".to_owned()), None, Some(String::new())]);
        let price = NamedColumn { name: "price".into(), type_oid: 1700, modifier: 655_366 };
        assert_eq!(columns(DESCRIPTION).expect("columns"), [price]);
    }

    proptest! {
        #[test]
        fn any_answer_is_read_or_refused(bytes: Vec<u8>, which in 0_usize..3, length in 0_usize..80, at in 0_usize..80, byte: u8) {
            let _ = (ServerError::read(&bytes), columns(&bytes), text_row(&bytes));
            let mut body = [ERROR, ROW, DESCRIPTION][which].to_vec();
            body.truncate(length);
            if let Some(changed) = body.get_mut(at) {
                *changed = byte;
            }
            let _ = (ServerError::read(&body), columns(&body), text_row(&body));
        }
    }
}
