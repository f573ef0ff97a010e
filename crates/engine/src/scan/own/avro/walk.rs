//! Passing over rows: every count, length, branch and symbol is checked, and what the rows take in Arrow's
//! arrays is known before they are made. A byte of a file may stand for a null of many bytes, and for the
//! symbol of an enum.

use super::encoding::{Cursor, Unread};
use super::types::{Field, Kind, Node, optional};
use std::sync::Arc;

/// The fields of a file's rows.
pub(super) struct Columns {
    /// All that take bytes.
    fields: Vec<(Arc<Node>, bool)>,
    is_whole: bool,
}

/// A row of the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// How long it is.
    pub bytes: usize,
    /// What its columns that are read take in Arrow's arrays.
    pub array_bytes: u64,
}

impl Columns {
    /// `read` are the places of the fields that are read, in ascending order.
    pub fn new(fields: &[Field], read: &[usize]) -> Self {
        let fields: Vec<_> = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| !field.node.is_empty())
            .map(|(place, field)| (field.node.clone(), read.binary_search(&place).is_ok()))
            .collect();
        let is_whole = fields.iter().all(|(_, is_read)| *is_read);
        Self { fields, is_whole }
    }

    /// Whether all bytes of a row are read.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Passes over the row with which `bytes` begin. What is read of it goes to `part`, unless that is all.
    ///
    /// # Errors
    /// [`Unread`] of the first value that cannot be read.
    pub fn row(&self, bytes: &[u8], part: &mut Vec<u8>) -> Result<Row, Unread> {
        part.clear();
        let mut cursor = Cursor::new(bytes);
        let mut array_bytes: u64 = 0;
        for (node, is_read) in &self.fields {
            let start = cursor.place();
            let taken = value(node, &mut cursor)?;
            if *is_read {
                array_bytes = array_bytes.saturating_add(taken);
                if !self.is_whole {
                    part.extend_from_slice(&bytes[start..cursor.place()]);
                }
            }
        }
        Ok(Row { bytes: cursor.place(), array_bytes })
    }
}

/// Passes over a value, and says what it takes in Arrow's arrays. Every type that is not empty takes a byte at
/// least, so that the work is bounded by the bytes and the depth of the type.
fn value(node: &Node, cursor: &mut Cursor<'_>) -> Result<u64, Unread> {
    Ok(match &node.kind {
        Kind::Null => 0,
        Kind::Boolean => match cursor.byte()? {
            0 | 1 => node.null_bytes,
            other => return Err(Unread::corrupt(format!("a `boolean` of {other}"))),
        },
        Kind::Int(_) => {
            cursor.int()?;
            node.null_bytes
        }
        Kind::Long(_) => {
            cursor.long()?;
            node.null_bytes
        }
        Kind::Float => {
            cursor.take(4)?;
            node.null_bytes
        }
        Kind::Double => {
            cursor.take(8)?;
            node.null_bytes
        }
        Kind::Bytes(Some(_)) => {
            let length = cursor.length()?;
            cursor.take(length)?;
            node.null_bytes
        }
        Kind::Bytes(None) | Kind::String => {
            let length = cursor.length()?;
            cursor.take(length)?;
            node.null_bytes + length as u64
        }
        Kind::Fixed { bytes, .. } => {
            cursor.take(*bytes)?;
            node.null_bytes
        }
        Kind::Enum { symbols, .. } => {
            let number = cursor.int()?;
            let symbol = usize::try_from(number).ok().and_then(|number| symbols.get(number));
            match symbol {
                // As the text that a table has of it.
                Some(symbol) => node.null_bytes + symbol.len() as u64,
                None => return Err(Unread::corrupt(format!("symbol {number} of an enum"))),
            }
        }
        Kind::Array(item) => {
            items(cursor, |cursor| value(item, cursor))?.saturating_add(node.null_bytes)
        }
        Kind::Map(held) => {
            let entries = items(cursor, |cursor| {
                let length = cursor.length()?;
                cursor.take(length)?;
                Ok(value(held, cursor)?.saturating_add(length as u64 + 4))
            });
            entries?.saturating_add(node.null_bytes)
        }
        Kind::Record { fields, .. } => {
            let mut bytes: u64 = 0;
            for field in fields {
                bytes = bytes.saturating_add(value(&field.node, cursor)?);
            }
            bytes
        }
        Kind::Union(branches) => {
            let number = cursor.long()?;
            let branch = usize::try_from(number).ok().and_then(|number| branches.get(number));
            let Some(branch) = branch else {
                return Err(Unread::corrupt(format!("type {number} of a union")));
            };
            match optional(branches) {
                Some(_) if branch.kind == Kind::Null => node.null_bytes,
                Some(_) => value(branch, cursor)?.saturating_add(1),
                // The number of a type, and an offset.
                None => value(branch, cursor)?.saturating_add(5),
            }
        }
    })
}

/// Passes over the blocks of an array or a map ("Arrays", "Maps"): each has a count, which a size in bytes
/// follows if it is negative, and the last is of none.
fn items(
    cursor: &mut Cursor<'_>,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<u64, Unread>,
) -> Result<u64, Unread> {
    let mut bytes: u64 = 0;
    loop {
        let count = cursor.long()?;
        if count == 0 {
            return Ok(bytes);
        }
        let end = match count < 0 {
            true => Some(cursor.length()?.saturating_add(cursor.place())),
            false => None,
        };
        for _ in 0..count.unsigned_abs() {
            bytes = bytes.saturating_add(item(cursor)?);
        }
        if end.is_some_and(|end| end != cursor.place()) {
            return Err(Unread::corrupt("items that have another size than they claim"));
        }
    }
}
