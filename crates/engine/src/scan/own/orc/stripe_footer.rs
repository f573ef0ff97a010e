//! The footer of a stripe: where its streams lie and how its columns are encoded.
//!
//! Source: ORC Specification v1, "Stripe Footer".

use super::cursor::Found;
use super::error::{corrupt, unsupported};
use super::runs::Version;
use super::tail::Stripe;
use super::types::{Kind, Types};
use super::wire::Fields;
use mooring_spi::Result;
use std::collections::HashSet;
use std::ops::Range;

#[derive(Debug)]
pub(super) struct StripeFooter {
    /// Those that hold something of the wanted columns.
    pub streams: Vec<Stream>,
    /// One for each type.
    pub encodings: Vec<Encoding>,
    pub writer_zone: Option<String>,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub name: StreamName,
    /// In the file.
    pub range: Range<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct StreamName {
    pub column: u32,
    pub kind: StreamKind,
}

/// The streams that rows are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum StreamKind {
    Present,
    Data,
    Length,
    DictionaryData,
    Secondary,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Encoding {
    pub code: u64,
    pub dictionary_size: u32,
}

impl StreamKind {
    fn of(code: u64) -> Option<Self> {
        match code {
            0 => Some(Self::Present),
            1 => Some(Self::Data),
            2 => Some(Self::Length),
            3 => Some(Self::DictionaryData),
            5 => Some(Self::Secondary),
            // Indexes, filters, statistics, and what the first writers counted in dictionaries.
            _ => None,
        }
    }

    pub fn code(self) -> u64 {
        match self {
            Self::Present => 0,
            Self::Data => 1,
            Self::Length => 2,
            Self::DictionaryData => 3,
            Self::Secondary => 5,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "PRESENT",
            Self::Data => "DATA",
            Self::Length => "LENGTH",
            Self::DictionaryData => "DICTIONARY_DATA",
            Self::Secondary => "SECONDARY",
        }
    }
}

impl Encoding {
    pub fn has_dictionary(self) -> bool {
        self.code & 1 == 1
    }

    pub fn version(self) -> Version {
        if self.code < 2 { Version::One } else { Version::Two }
    }

    fn parse(message: &[u8]) -> Found<Self> {
        let mut encoding = Self::default();
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => encoding.code = value.number()?,
                2 => encoding.dictionary_size = value.number_32()?,
                _ => {}
            }
        }
        Ok(encoding)
    }
}

impl StripeFooter {
    /// # Errors
    /// `CorruptData`, and `Unsupported` for encodings of later writers, where a wanted column is concerned.
    pub fn parse(footer: &[u8], stripe: &Stripe, types: &Types, wanted: &[bool]) -> Result<Self> {
        let mut parsed = Self { streams: Vec::new(), encodings: Vec::new(), writer_zone: None };
        let mut places = Places { next: stripe.streams(), seen: HashSet::new() };
        let in_footer = |reason| corrupt(format!("the footer of a stripe: {reason}"));
        let mut fields = Fields::of(footer);
        while let Some((field, value)) = fields.read().map_err(in_footer)? {
            match field {
                1 => {
                    let stream = value.bytes().and_then(|message| places.place(message, wanted));
                    parsed.streams.extend(stream.map_err(in_footer)?);
                }
                2 if parsed.encodings.len() < types.len() => {
                    let encoding = value.bytes().and_then(Encoding::parse);
                    parsed.encodings.push(encoding.map_err(in_footer)?);
                }
                3 => {
                    let zone = value.text().map_err(in_footer)?;
                    parsed.writer_zone = Some(zone.to_owned());
                }
                _ => {}
            }
        }
        // orc-rust looks encodings up by the number of the column.
        if parsed.encodings.len() < types.len() {
            return Err(corrupt(format!(
                "the footer of a stripe tells of {} columns; there are {}",
                parsed.encodings.len(),
                types.len()
            )));
        }
        for (id, encoding) in (0..).zip(&parsed.encodings) {
            if wanted[id as usize] {
                check_encoding(types, id, *encoding)?;
            }
        }
        Ok(parsed)
    }
}

/// Where the streams of a stripe lie: one behind the other.
struct Places {
    next: Range<u64>,
    seen: HashSet<StreamName>,
}

impl Places {
    /// Reads a message `Stream`; nothing for one that is empty or not wanted.
    fn place(&mut self, message: &[u8], wanted: &[bool]) -> Found<Option<Stream>> {
        let (mut code, mut column, mut length) = (0, 0, 0);
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => code = value.number()?,
                2 => column = value.number_32()?,
                3 => length = value.number()?,
                _ => {}
            }
        }
        let start = self.next.start;
        let end = start.checked_add(length).filter(|end| *end <= self.next.end);
        let end = end.ok_or("its streams are longer than the stripe")?;
        self.next.start = end;
        let Some(is_wanted) = wanted.get(column as usize) else {
            return Err("a stream is of a column that the file has not");
        };
        let kind = StreamKind::of(code).filter(|_| *is_wanted && column > 0 && length > 0);
        let Some(kind) = kind else { return Ok(None) };
        let name = StreamName { column, kind };
        // orc-rust would take the last of them.
        if !self.seen.insert(name) {
            return Err("a column has two streams of one kind");
        }
        Ok(Some(Stream { name, range: start..end }))
    }
}

fn check_encoding(types: &Types, id: u32, encoding: Encoding) -> Result<()> {
    if encoding.code > 3 {
        return Err(unsupported(format!(
            "column `{}` has the encoding {}, which is not known",
            types.path(id),
            encoding.code
        )));
    }
    let is_text = match types.get(id).kind {
        Kind::String | Kind::Varchar | Kind::Char => true,
        Kind::Boolean
        | Kind::Byte
        | Kind::Short
        | Kind::Int
        | Kind::Long
        | Kind::Float
        | Kind::Double
        | Kind::Binary
        | Kind::Timestamp
        | Kind::List
        | Kind::Map
        | Kind::Struct
        | Kind::Union
        | Kind::Decimal
        | Kind::Date
        | Kind::TimestampInstant
        | Kind::Other => false,
    };
    if encoding.has_dictionary() && !is_text {
        return Err(corrupt(format!(
            "column `{}` has a dictionary, which texts alone have",
            types.path(id)
        )));
    }
    Ok(())
}
