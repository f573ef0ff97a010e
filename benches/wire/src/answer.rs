//! Commands and their answers. Rows are counted by the headers of their packets; only who needs
//! the values of a row takes it apart.
//!
//! Source: MySQL Source Code Documentation, "Text Protocol" and "Prepared Statements".

use crate::connection::Connection;
use crate::failure::{Result, unexpected};
use mysql_common::io::ParseBuf;
use mysql_common::packets::StmtPacket;
use mysql_common::proto::MyDeserialize;
use std::ops::AddAssign;

const COM_QUERY: u8 = 0x03;
const COM_PING: u8 = 0x0E;
const COM_STMT_PREPARE: u8 = 0x16;
const COM_STMT_EXECUTE: u8 = 0x17;
/// No cursor, one iteration.
const EXECUTE_ONCE: [u8; 5] = [0, 1, 0, 0, 0];
/// The NULL bitmap of one parameter that is not NULL; types follow; MYSQL_TYPE_LONGLONG, signed.
const ONE_INTEGER: [u8; 4] = [0, 1, 8, 0];
/// A packet that begins with 0xFE is a row if it is longer than any end of rows.
const LONGEST_END_BYTES: usize = 0xFFFF;
const NULL: u8 = 0xFB;

/// What one or more result sets held, without their column definitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    pub rows: u64,
    /// On the wire: payloads and packet headers.
    pub bytes: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.rows += more.rows;
        self.bytes += more.bytes;
    }
}

/// A prepared statement with at most one parameter, an integer.
#[derive(Debug, Clone, Copy)]
pub struct Prepared {
    id: u32,
}

impl Connection {
    pub fn ping(&mut self) -> Result<()> {
        self.command(COM_PING, &[])?;
        self.receive_or_error().map(drop)
    }

    /// Sends a statement; [`Self::take_rows`] takes its answer.
    pub fn query(&mut self, sql: &[u8]) -> Result<()> {
        self.command(COM_QUERY, &[sql])
    }

    pub fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        self.command(COM_STMT_PREPARE, &[sql.as_bytes()])?;
        let packet = self.receive_or_error()?;
        let statement = StmtPacket::deserialize((), &mut ParseBuf(self.payload(&packet)))?;
        if statement.num_params() > 1 {
            return Err(unexpected("a statement with more than one parameter is not implemented"));
        }
        self.skip_definitions(statement.num_params().into())?;
        self.skip_definitions(statement.num_columns().into())?;
        Ok(Prepared { id: statement.statement_id() })
    }

    /// Sends the execution of a statement, with its parameter if it has one.
    pub fn execute(&mut self, statement: Prepared, parameter: Option<u64>) -> Result<()> {
        let id = statement.id.to_le_bytes();
        match parameter {
            None => self.command(COM_STMT_EXECUTE, &[&id, &EXECUTE_ONCE]),
            Some(value) => {
                let value = value.to_le_bytes();
                self.command(COM_STMT_EXECUTE, &[&id, &EXECUTE_ONCE, &ONE_INTEGER, &value])
            }
        }
    }

    /// Takes the whole answer of a statement, and calls `row` with the payload of each row. `tally`
    /// of `row` is what came before.
    pub fn take_rows(&mut self, mut row: impl FnMut(&[u8], Tally) -> Result<()>) -> Result<Tally> {
        let packet = self.receive_or_error()?;
        let columns = match *self.payload(&packet) {
            [0x00, ..] => return Ok(Tally::default()),
            [one @ 1..=0xFA] => u64::from(one),
            [0xFC, low, high] => u64::from(u16::from_le_bytes([low, high])),
            _ => return Err(unexpected("an answer that is neither a result set nor OK")),
        };
        self.skip_definitions(columns)?;
        let mut tally = Tally::default();
        loop {
            let packet = self.receive()?;
            match self.payload(&packet) {
                [0xFE, rest @ ..] if rest.len() < LONGEST_END_BYTES => return Ok(tally),
                [0xFF, ..] => return Err(self.refusal(&packet)),
                payload => {
                    row(payload, tally)?;
                    tally += Tally { rows: 1, bytes: payload.len() as u64 + 4 };
                }
            }
        }
    }

    /// Definitions of columns or parameters; an EOF packet ends them in the older form.
    fn skip_definitions(&mut self, count: u64) -> Result<()> {
        let end = u64::from(count > 0 && !self.deprecates_eof());
        for _ in 0..count + end {
            self.receive_or_error()?;
        }
        Ok(())
    }

    /// The one value of a text result of one row and one column, a number.
    pub fn number(&mut self, sql: &str) -> Result<u64> {
        self.query(sql.as_bytes())?;
        let mut number = None;
        self.take_rows(|payload, _| {
            let text = TextValues(payload).next().transpose()?.flatten();
            number = text.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
            Ok(())
        })?;
        number.ok_or_else(|| unexpected(format!("`{sql}` did not answer a number")))
    }
}

/// The values of a row of the text protocol; `None` is NULL.
pub struct TextValues<'a>(pub &'a [u8]);

impl<'a> Iterator for TextValues<'a> {
    type Item = Result<Option<&'a [u8]>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.0 {
            [] => None,
            [NULL, rest @ ..] => {
                self.0 = rest;
                Some(Ok(None))
            }
            _ => {
                let mut buffer = ParseBuf(self.0);
                let value = buffer.checked_eat_lenenc_str();
                self.0 = buffer.0;
                Some(value.map(Some).ok_or_else(|| unexpected("a row that ends within a value")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// "Text Resultset Row" of the MySQL Source Code Documentation: length-encoded strings, 0xFB
    /// for NULL.
    #[test]
    fn values_of_a_text_row() {
        let values: Result<Vec<_>> = TextValues(b"\x01a\xFB\x00\x02bc").collect();
        let expected = [Some(&b"a"[..]), None, Some(b""), Some(b"bc")];
        assert_eq!(values.expect("well formed"), expected);
    }

    #[test]
    fn a_row_that_ends_early_is_an_error() {
        assert!(TextValues(b"\x05abc").next().expect("a value").is_err());
    }
}
