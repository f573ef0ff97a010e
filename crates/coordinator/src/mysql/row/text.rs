//! Rows of the text protocol.
//!
//! Source: MySQL Source Code Documentation, "Text Resultset Row": each value is a length-encoded
//! string in the form in which MySQL prints it; NULL is the byte 0xFB.

use super::encoder::Encoder;
use super::put_text;

pub(super) const NULL: u8 = 0xFB;

/// Appends the payload of `Protocol::TextResultsetRow` for one row.
#[inline]
pub(super) fn put_row(out: &mut Vec<u8>, columns: &[Encoder<'_>], row: usize) {
    for column in columns {
        let (encoder, row) = column.resolve(row);
        if encoder.is_null(row) {
            out.push(NULL);
        } else {
            put_text(out, encoder, row);
        }
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
