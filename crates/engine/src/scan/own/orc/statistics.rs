//! What the tail of a file says of the values in its stripes.
//!
//! Source: ORC Specification v1, "Column Statistics" and "File Metadata". Only what bounds are taken from is
//! kept: none of booleans, since the specification does not say which of their two counts comes first.

use super::chunks::{ChunkError, Compressed};
use super::cursor::Found;
use super::error::corrupt;
use super::wire::{Fields, Value};
use bytes::Bytes;
use mooring_spi::Result;

/// The most that is used of them, as they are stored and when they are decompressed. A file with more of them is
/// read as one that has none.
pub(super) const STATISTICS_BYTES_MAX: u64 = 16 << 20;
const CONTENT_BYTES_MAX: u64 = 64 << 20;

/// A message `StripeStatistics` for each stripe, in the order of the file.
#[derive(Debug)]
pub(super) struct Statistics(Vec<Bytes>);

/// What is said of one column in one stripe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Known<'a> {
    /// How many are not null.
    pub values: Option<u64>,
    /// Writers before Hive 1.1 do not say it.
    pub has_null: Option<bool>,
    pub integers: Bounds<i64>,
    pub days: Bounds<i64>,
    pub texts: Bounds<&'a [u8]>,
    /// As text.
    pub decimals: Bounds<&'a [u8]>,
}

/// No value is below the one or above the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bounds<T> {
    pub least: Option<T>,
    pub greatest: Option<T>,
}

impl Statistics {
    /// Those of a file of so many stripes; `None` if they are not told of each, since nothing says then which
    /// of them are meant.
    ///
    /// # Errors
    /// `CorruptData` for what cannot be decompressed, or is no such message.
    pub async fn read(
        compressed: Compressed,
        stored: Bytes,
        stripes: usize,
    ) -> Result<Option<Self>> {
        let mut left = CONTENT_BYTES_MAX;
        let content = async { compressed.unpacker()?.unpack(stored, &mut left).await };
        let content = match content.await {
            Ok(content) => content,
            Err(ChunkError::TooLarge) => return Ok(None),
            Err(ChunkError::Broken(reason)) => {
                return Err(corrupt(format!("its statistics cannot be decompressed: {reason}")));
            }
        };
        let messages = messages(&content, stripes).map_err(in_statistics)?;
        Ok((messages.len() == stripes).then_some(Self(messages)))
    }

    /// What is said of some columns of a stripe, whose numbers are in order.
    ///
    /// # Errors
    /// `CorruptData` for what is no such message.
    pub fn of_stripe(&self, place: usize, columns: &[u32]) -> Result<Vec<Known<'_>>> {
        let message = self.0.get(place).map_or(&[][..], |message| message.as_ref());
        of_columns(message, columns).map_err(in_statistics)
    }
}

fn in_statistics(reason: &str) -> mooring_spi::Error {
    corrupt(format!("its statistics: {reason}"))
}

/// The messages of a file's stripes, of which one more than there are stripes is kept at most.
fn messages(content: &Bytes, stripes: usize) -> Found<Vec<Bytes>> {
    let mut messages = Vec::new();
    let mut fields = Fields::of(content);
    while let Some((field, value)) = fields.read()? {
        if field == 1 && messages.len() <= stripes {
            messages.push(content.slice_ref(value.bytes()?));
        }
    }
    Ok(messages)
}

fn of_columns<'a>(message: &'a [u8], columns: &[u32]) -> Found<Vec<Known<'a>>> {
    let mut known = vec![Known::default(); columns.len()];
    let mut column = 0_u32;
    let mut fields = Fields::of(message);
    while let Some((field, value)) = fields.read()? {
        if field != 1 {
            continue;
        }
        if let Ok(at) = columns.binary_search(&column) {
            known[at] = Known::parse(value.bytes()?)?;
        }
        column = column.saturating_add(1);
    }
    Ok(known)
}

impl<'a> Known<'a> {
    /// Reads a message `ColumnStatistics`.
    fn parse(message: &'a [u8]) -> Found<Self> {
        let mut known = Self::default();
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => known.values = Some(value.number()?),
                2 => known.integers = bounds(value.bytes()?, signed)?,
                4 => known.texts = text_bounds(value.bytes()?)?,
                6 => known.decimals = bounds(value.bytes()?, Value::bytes)?,
                7 => known.days = bounds(value.bytes()?, signed)?,
                10 => known.has_null = Some(value.number()? != 0),
                _ => {}
            }
        }
        Ok(known)
    }

    /// How many of a stripe's rows are null in this column, where what is said of it goes together.
    pub fn nulls(&self, rows: u64) -> Option<u64> {
        let nulls = rows.checked_sub(self.values?)?;
        let agrees = match self.has_null {
            Some(has_null) => has_null == (nulls > 0),
            None => nulls == rows,
        };
        agrees.then_some(nulls)
    }
}

fn bounds<'a, T>(message: &'a [u8], read: impl Fn(Value<'a>) -> Found<T>) -> Found<Bounds<T>> {
    let mut bounds = Bounds { least: None, greatest: None };
    let mut fields = Fields::of(message);
    while let Some((field, value)) = fields.read()? {
        match field {
            1 => bounds.least = Some(read(value)?),
            2 => bounds.greatest = Some(read(value)?),
            _ => {}
        }
    }
    Ok(bounds)
}

/// Instead of a value of more than 1,024 bytes there is a bound (ORC-203).
fn text_bounds(message: &[u8]) -> Found<Bounds<&[u8]>> {
    let Bounds { least, greatest } = bounds(message, Value::bytes)?;
    let (mut lower, mut upper) = (None, None);
    let mut fields = Fields::of(message);
    while let Some((field, value)) = fields.read()? {
        match field {
            4 => lower = Some(value.bytes()?),
            5 => upper = Some(value.bytes()?),
            _ => {}
        }
    }
    Ok(Bounds { least: lower.or(least), greatest: upper.or(greatest) })
}

/// Signed numbers take turns: 0, -1, 1, -2, …
fn signed(value: Value<'_>) -> Found<i64> {
    let number = value.number()?;
    Ok((number >> 1) as i64 ^ -((number & 1) as i64))
}
