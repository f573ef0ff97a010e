//! What the streams of a stripe hold, before orc-rust reads them: it takes memory by the lengths that it
//! decodes, takes a PRESENT stream that is too short for one without nulls, and panics over some values.
//!
//! Every stream must hold as many values as its column's place in the tree asks for: a row each at the top, one
//! for each parent that is there below a structure, and as many as the lengths add up to below lists and maps.
//! So lengths cannot ask for more than a stream holds, and what is refused here, orc-rust could not read.

use super::byte_runs;
use super::cursor::Found;
use super::error::{corrupt, too_large, unsupported};
use super::runs::{Form, Runs};
use super::stripe_footer::{Encoding, StreamKind, StreamName};
use super::types::{Kind, Types};
use super::window::Window;
use bytes::Bytes;
use mooring_spi::Result;
use std::collections::HashMap;

/// How much memory the rows of one batch may take, as far as lengths decide it. Runs say little and stand for
/// much: lists of equal numbers can be a thousand times larger than their file.
const BATCH_BYTES_MAX: u64 = 2 << 30;

/// What texts of dictionaries may take in one batch by the longest entry of each, before it is looked at what
/// they do take.
const DICTIONARY_BYTES_MAX: u64 = 512 << 20;

const SCALE_MAX: i64 = 38;

/// Some 260,000 years; chrono's dates end there, and orc-rust panics behind.
const SECONDS_MAX: u64 = 8_200_000_000_000;

const NANOSECONDS_MAX: i64 = 999_999_999;

pub(super) struct Columns<'a> {
    types: &'a Types,
    encodings: &'a [Encoding],
    streams: &'a HashMap<StreamName, Bytes>,
    /// Whether timestamps are converted from a time zone.
    converts_times: bool,
    batch_bytes_left: u64,
    dictionary_bytes_left: u64,
    /// How many values have been checked since other tasks had their turn.
    pub checked_values: u64,
}

/// How many values a column has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// In the stripe.
    pub values: u64,
    /// At most in one batch of rows.
    pub batch: u64,
}

impl<'a> Columns<'a> {
    pub fn new(
        types: &'a Types,
        encodings: &'a [Encoding],
        streams: &'a HashMap<StreamName, Bytes>,
        converts_times: bool,
    ) -> Self {
        Self {
            types,
            encodings,
            streams,
            converts_times,
            batch_bytes_left: BATCH_BYTES_MAX,
            dictionary_bytes_left: DICTIONARY_BYTES_MAX,
            checked_values: 0,
        }
    }

    /// Checks a column and those below it, at most 64 levels of them.
    ///
    /// # Errors
    /// `CorruptData`, `LimitExceeded` where one batch would take too much memory, and `Unsupported` for keys that
    /// are null.
    pub fn check(&mut self, id: u32, extent: Extent) -> Result<()> {
        self.checked_values = self.checked_values.saturating_add(extent.values);
        let present = self.present(id, extent.values)?;
        self.check_content(id, present, extent.batch)?;
        // Last, so that a damaged file is told what it lacks.
        self.charge(id, extent.batch, batch_width(self.types.get(id).kind))
    }

    /// How many of a column's values are not null.
    fn present(&self, id: u32, values: u64) -> Result<u64> {
        let kind = StreamKind::Present;
        match self.streams.get(&StreamName { column: id, kind }) {
            None => Ok(values),
            Some(stream) => match byte_runs::count_true(stream, values) {
                Ok(Ok(present)) => Ok(present),
                Ok(Err(found)) => Err(self.too_few(id, kind, found, values)),
                Err(reason) => Err(self.broken(id, kind, reason)),
            },
        }
    }

    fn check_content(&mut self, id: u32, present: u64, batch: u64) -> Result<()> {
        let types = self.types;
        let column = types.get(id);
        match column.kind {
            Kind::Boolean => self.check_bytes(id, present.div_ceil(8)),
            Kind::Byte => self.check_bytes(id, present),
            Kind::Short => self.check_integers(id, 16, present),
            Kind::Int | Kind::Date => self.check_integers(id, 32, present),
            Kind::Long => self.check_integers(id, 64, present),
            Kind::Float => self.check_floats(id, 4, present),
            Kind::Double => self.check_floats(id, 8, present),
            Kind::String | Kind::Varchar | Kind::Char if self.encoding(id).has_dictionary() => {
                self.check_dictionary(id, present, batch)
            }
            Kind::String | Kind::Varchar | Kind::Char | Kind::Binary => {
                let lengths = self.lengths(id, present, None)?;
                self.check_held(id, StreamKind::Data, &lengths)
            }
            Kind::Decimal => self.check_decimals(id, present),
            Kind::Timestamp | Kind::TimestampInstant => self.check_times(id, present),
            Kind::Struct => {
                let extent = Extent { values: present, batch };
                column.parts.iter().try_for_each(|part| self.check(*part, extent))
            }
            Kind::List | Kind::Map => {
                let mut window = Window::of(batch);
                let lengths = self.lengths(id, present, Some(&mut window))?;
                let elements = window.most().min(lengths.sum);
                let extent = Extent { values: lengths.sum, batch: elements };
                column.parts.iter().try_for_each(|part| self.check(*part, extent))?;
                self.check_keys(id, lengths.sum)?;
                // orc-rust panics beyond: Arrow's offsets have 32 bits.
                match i32::try_from(elements) {
                    Ok(_) => Ok(()),
                    Err(_) => Err(too_large(format!(
                        "column `{}` has {elements} elements in {batch} values; at most {} are read",
                        types.path(id),
                        i32::MAX
                    ))),
                }
            }
            // Refused before: `Types::wanted`.
            Kind::Union | Kind::Other => Ok(()),
        }
    }

    /// A map of Arrow's has no keys that are null.
    fn check_keys(&self, id: u32, entries: u64) -> Result<()> {
        let column = self.types.get(id);
        match (column.kind, column.parts.first()) {
            (Kind::Map, Some(keys)) if self.present(*keys, entries)? < entries => {
                let path = self.types.path(id);
                Err(unsupported(format!("column `{path}` has a map with a null key")))
            }
            _ => Ok(()),
        }
    }

    fn stream(&self, id: u32, kind: StreamKind) -> &'a [u8] {
        self.streams.get(&StreamName { column: id, kind }).map_or(&[][..], |stream| &stream[..])
    }

    fn encoding(&self, id: u32) -> Encoding {
        self.encodings[id as usize]
    }

    fn runs(&self, id: u32, kind: StreamKind, signed: bool, bits: u32) -> Runs<'a> {
        let version = self.encoding(id).version();
        Runs::of(self.stream(id, kind), Form { version, signed, bits })
    }

    fn check_bytes(&self, id: u32, needed: u64) -> Result<()> {
        let found = byte_runs::count(self.stream(id, StreamKind::Data), needed);
        self.enough(id, StreamKind::Data, found, needed)
    }

    fn check_integers(&self, id: u32, bits: u32, needed: u64) -> Result<()> {
        let found = self.runs(id, StreamKind::Data, true, bits).count(needed);
        self.enough(id, StreamKind::Data, found, needed)
    }

    fn check_floats(&self, id: u32, width: u64, needed: u64) -> Result<()> {
        let found = self.stream(id, StreamKind::Data).len() as u64 / width;
        self.enough(id, StreamKind::Data, Ok(found), needed)
    }

    fn check_decimals(&self, id: u32, present: u64) -> Result<()> {
        // Each is a number whose last byte alone has its highest bit clear.
        let data = self.stream(id, StreamKind::Data);
        let found = data.iter().filter(|byte| **byte < 0x80).count() as u64;
        self.enough(id, StreamKind::Data, Ok(found), present)?;
        let scales = self.runs(id, StreamKind::Secondary, true, 32);
        let found = scales.each(present, &mut |scale, _| match scale {
            0..=SCALE_MAX => Ok(()),
            _ => Err("a decimal has a scale below 0 or above 38"),
        });
        self.enough(id, StreamKind::Secondary, found, present)
    }

    fn check_times(&self, id: u32, present: u64) -> Result<()> {
        let seconds = self.runs(id, StreamKind::Data, true, 64);
        let nanoseconds = self.runs(id, StreamKind::Secondary, false, 64);
        if !self.converts_times || self.types.get(id).kind != Kind::Timestamp {
            self.enough(id, StreamKind::Data, seconds.count(present), present)?;
            return self.enough(id, StreamKind::Secondary, nanoseconds.count(present), present);
        }
        let found = seconds.each(present, &mut |seconds, _| match seconds.unsigned_abs() {
            0..=SECONDS_MAX => Ok(()),
            _ => Err("a timestamp is more than 260,000 years away"),
        });
        self.enough(id, StreamKind::Data, found, present)?;
        let found = nanoseconds.each(present, &mut |encoded, _| {
            // The lowest three bits are how many zeros follow, less one.
            let zeros = (encoded & 7) as u32;
            let factor = if zeros == 0 { 1 } else { 10_i64.pow(zeros + 1) };
            match (encoded >> 3).checked_mul(factor) {
                Some(0..=NANOSECONDS_MAX) => Ok(()),
                _ => Err("a timestamp has more nanoseconds than a second"),
            }
        });
        self.enough(id, StreamKind::Secondary, found, present)
    }

    /// The first `present` lengths of texts, lists or maps.
    fn lengths(&self, id: u32, present: u64, mut window: Option<&mut Window>) -> Result<Lengths> {
        let mut lengths = Lengths::default();
        let runs = self.runs(id, StreamKind::Length, false, 64);
        let found = runs.each(present, &mut |length, count| {
            let length = length_of(length)?;
            lengths.sum = lengths.sum.saturating_add(length.saturating_mul(count));
            lengths.longest = lengths.longest.max(length);
            if let Some(window) = &mut window {
                window.add(length, count);
            }
            Ok(())
        });
        self.enough(id, StreamKind::Length, found, present)?;
        Ok(lengths)
    }

    fn check_dictionary(&mut self, id: u32, present: u64, batch: u64) -> Result<()> {
        let size = u64::from(self.encoding(id).dictionary_size);
        let entries = self.lengths(id, size, None)?;
        self.check_held(id, StreamKind::DictionaryData, &entries)?;
        self.charge(id, size, 24)?;

        let places = self.runs(id, StreamKind::Data, false, 64);
        let bound = entries.longest.saturating_mul(batch);
        if let Some(left) = self.dictionary_bytes_left.checked_sub(bound) {
            self.dictionary_bytes_left = left;
            return self.enough(id, StreamKind::Data, places.count(present), present);
        }
        // Few entries of a dictionary may be long and used often: only the places tell.
        let mut texts = Vec::new();
        let runs = self.runs(id, StreamKind::Length, false, 64);
        let found = runs.each(size, &mut |length, count| {
            let length = length_of(length)?;
            texts.extend((0..count).map(|_| length));
            Ok(())
        });
        self.enough(id, StreamKind::Length, found, size)?;
        let mut window = Window::of(batch);
        let found = places.each(present, &mut |place, count| {
            let text = usize::try_from(place).ok().and_then(|place| texts.get(place));
            window.add(*text.ok_or("a text is not in the dictionary")?, count);
            Ok(())
        });
        self.enough(id, StreamKind::Data, found, present)?;
        self.charge(id, window.most(), 1)
    }

    /// Whether a stream has as many bytes as the lengths of its texts ask for.
    fn check_held(&self, id: u32, kind: StreamKind, lengths: &Lengths) -> Result<()> {
        let (held, asked) = (self.stream(id, kind).len() as u64, lengths.sum);
        match asked <= held {
            true => Ok(()),
            false => {
                let reason = format!("it has {held} bytes, and the lengths ask for {asked}");
                Err(self.broken(id, kind, &reason))
            }
        }
    }

    /// Takes what `count` values of `width` bytes need off the memory of a batch.
    fn charge(&mut self, id: u32, count: u64, width: u64) -> Result<()> {
        let left = self.batch_bytes_left.checked_sub(count.saturating_mul(width));
        self.batch_bytes_left = left.ok_or_else(|| {
            too_large(format!(
                "column `{}` would make one batch of rows take more than {BATCH_BYTES_MAX} bytes of memory",
                self.types.path(id)
            ))
        })?;
        Ok(())
    }

    fn enough(&self, id: u32, kind: StreamKind, found: Found<u64>, needed: u64) -> Result<()> {
        match found {
            Err(reason) => Err(self.broken(id, kind, reason)),
            Ok(found) if found < needed => Err(self.too_few(id, kind, found, needed)),
            Ok(_) => Ok(()),
        }
    }

    fn too_few(&self, id: u32, kind: StreamKind, found: u64, needed: u64) -> mooring_spi::Error {
        self.broken(id, kind, &format!("it holds {found} values of {needed}"))
    }

    fn broken(&self, id: u32, kind: StreamKind, reason: &str) -> mooring_spi::Error {
        corrupt(format!("column `{}`, stream {}: {reason}", self.types.path(id), kind.name()))
    }
}

#[derive(Debug, Default)]
struct Lengths {
    sum: u64,
    longest: u64,
}

fn length_of(value: i64) -> Found<u64> {
    match value {
        0..=0x7fff_ffff => Ok(value as u64),
        _ => Err("a length is below 0 or above 2,147,483,647"),
    }
}

/// How many bytes of a batch one value takes while it is decoded, with whether it is there. A timestamp is a
/// decimal of 16 bytes before it is cut to 8, made of two numbers of 8.
fn batch_width(kind: Kind) -> u64 {
    match kind {
        Kind::Boolean | Kind::Byte | Kind::Struct | Kind::Union | Kind::Other => 2,
        Kind::Short => 3,
        Kind::Int | Kind::Date | Kind::Float => 5,
        Kind::Long | Kind::Double => 9,
        Kind::String | Kind::Varchar | Kind::Char | Kind::Binary | Kind::List | Kind::Map => 13,
        Kind::Timestamp | Kind::TimestampInstant => 41,
        Kind::Decimal => 37,
    }
}
