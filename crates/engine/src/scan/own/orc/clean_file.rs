//! The file that orc-rust gets to see: uncompressed, with the wanted columns and stripes alone, and with nothing
//! in it that has not been checked.
//!
//! Its addresses are our own. Each stripe has 4 GiB of them: the streams, of one byte each, then the stripe's
//! footer. Behind the last stripe stands the tail. What orc-rust asks for at an address is answered with the
//! whole stream that the address stands for; it takes no notice of the length. So no length of the real file
//! decides what is looked up, and streams that are empty do not share an address with others.

use super::chunks::ChunkError;
use super::columns::{Columns, Extent};
use super::error::{corrupt, too_large, unsupported};
use super::stripe_footer::{Stream, StreamName, StripeFooter};
use super::tail::{Tail, unpack_footer};
use super::types::Kind;
use super::wire::Message;
use super::zone::{self, Zone};
use crate::scan::own::stored::StoredFile;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use mooring_spi::{Error, Result};
use orc_rust::reader::AsyncChunkReader;
use std::collections::HashMap;
use std::io;

/// What the streams of one stripe may take when they are decompressed, of the wanted columns. orc-rust copies
/// each of them twice when it begins to decode it, so that they take 2 GiB of memory together.
const STREAMS_BYTES_MAX: u64 = (2 << 30) / 3;

const STRIPE_BITS: u32 = 32;

/// The footer's place among a stripe's addresses, behind all of its streams.
const FOOTER_PLACE: u64 = 1 << 31;

/// orc-rust reads so many bytes first, which must not begin in a stripe.
const TAIL_BYTES_MIN: usize = 16 << 10;

/// How many values are checked before other tasks get their turn.
const CHECKED_VALUES: u64 = 64 << 10;

pub(super) struct CleanFile {
    stored: StoredFile,
    source: Tail,
    /// Marks the wanted columns, with the root.
    wanted: Vec<bool>,
    /// The wanted parts of the root, in the order of the file.
    roots: Vec<u32>,
    batch_rows: usize,
    tail: Bytes,
    /// Of the stripe that was opened last, as far as they have not been asked for.
    streams: Vec<Bytes>,
}

impl CleanFile {
    /// The file with the stripes of `source`, and of its columns those at `places` among the root's.
    ///
    /// # Errors
    /// `Unsupported` and `CorruptData` for columns that are not read.
    pub fn new(
        stored: StoredFile,
        source: Tail,
        places: &[usize],
        batch_rows: usize,
    ) -> Result<Self> {
        let root = source.types.root();
        let roots: Vec<u32> = places.iter().map(|&place| root.parts[place]).collect();
        let wanted = source.types.wanted(&roots)?;
        let tail = clean_tail(&source, places, &wanted).into();
        let streams = Vec::new();
        Ok(Self { stored, source, wanted, roots, batch_rows, tail, streams })
    }

    fn tail_start(&self) -> u64 {
        (self.source.stripes.len() as u64) << STRIPE_BITS
    }

    async fn bytes_at(&mut self, start: u64, length: u64) -> Result<Bytes> {
        if let Some(from) = start.checked_sub(self.tail_start()) {
            let range =
                usize::try_from(from).ok().zip(usize::try_from(from.saturating_add(length)).ok());
            let found = range.filter(|(_, to)| *to <= self.tail.len());
            let (from, to) = found.ok_or_else(|| misread(start))?;
            return Ok(self.tail.slice(from..to));
        }
        let (stripe, place) = ((start >> STRIPE_BITS) as usize, start & ((1 << STRIPE_BITS) - 1));
        if place == FOOTER_PLACE {
            self.streams.clear();
            let (footer, streams) = self.read_stripe(stripe).await?;
            self.streams = streams;
            return Ok(footer);
        }
        let stream = self.streams.get_mut(place as usize).map(std::mem::take);
        stream.ok_or_else(|| misread(start))
    }

    /// Reads all that is wanted of a stripe and checks it. Gives the footer that orc-rust is to see, and the
    /// streams in its order.
    async fn read_stripe(&self, place: usize) -> Result<(Bytes, Vec<Bytes>)> {
        let Self { source, stored, wanted, .. } = self;
        let stripe = source.stripes.get(place).ok_or_else(|| misread(place as u64))?;
        // Of rows alone, as for a count, the file's footer has told the number.
        if self.roots.is_empty() {
            let none = (0..source.types.len()).fold(Message::default(), |clean, _| {
                clean.bytes(2, &Message::default().into_bytes())
            });
            return Ok((none.into_bytes().into(), Vec::new()));
        }
        let footer = stored.read_range(stripe.footer()).await?;
        let footer = unpack_footer(source.compressed, footer, "footer of a stripe").await?;
        let footer = StripeFooter::parse(&footer, stripe, &source.types, wanted)?;
        let zone = self.zone(footer.writer_zone.as_deref())?;
        let streams = self.read_streams(&footer).await?;

        let (types, encodings) = (&source.types, &footer.encodings);
        let mut columns = Columns::new(types, encodings, &streams, zone.is_some());
        let batch = stripe.rows.min(self.batch_rows as u64);
        for root in &self.roots {
            columns.check(*root, Extent { values: stripe.rows, batch })?;
            if columns.checked_values >= CHECKED_VALUES {
                columns.checked_values = 0;
                tokio::task::yield_now().await;
            }
        }
        let mut clean = Message::default();
        let mut contents = Vec::with_capacity(streams.len());
        for (name, content) in streams {
            let stream = Message::default()
                .number(1, name.kind.code())
                .number(2, u64::from(name.column))
                .number(3, 1);
            clean = clean.bytes(1, &stream.into_bytes());
            contents.push(content);
        }
        for (encoding, wanted) in encodings.iter().zip(wanted) {
            let mut message = Message::default();
            if *wanted {
                message =
                    message.number(1, encoding.code).number(2, u64::from(encoding.dictionary_size));
            }
            clean = clean.bytes(2, &message.into_bytes());
        }
        if let Some(zone) = zone {
            clean = clean.bytes(3, zone.as_bytes());
        }
        Ok((clean.into_bytes().into(), contents))
    }

    /// The name of the zone that timestamps are to be converted from.
    fn zone(&self, writer_zone: Option<&str>) -> Result<Option<String>> {
        let has_times = (0..)
            .zip(&self.wanted)
            .any(|(id, wanted)| *wanted && self.source.types.get(id).kind == Kind::Timestamp);
        // To Java, a name that is empty is UTC.
        let writer_zone = writer_zone.filter(|name| has_times && !name.is_empty());
        let Some(name) = writer_zone else { return Ok(None) };
        match zone::find(name) {
            Some(Zone::Utc) => Ok(None),
            Some(Zone::Named(name)) => Ok(Some(name)),
            None => Err(unsupported(format!(
                "its timestamps are of the time zone `{name}`; known are those of the tz database, and whole \
                 hours as in `GMT+08:00`"
            ))),
        }
    }

    /// The streams' contents, asked for together. Empty ones are left out: they say nothing.
    async fn read_streams(&self, footer: &StripeFooter) -> Result<HashMap<StreamName, Bytes>> {
        let ranges: Vec<_> = footer.streams.iter().map(|stream| stream.range.clone()).collect();
        let stored_bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
        if stored_bytes > STREAMS_BYTES_MAX {
            return Err(streams_too_large());
        }
        let stored = self.stored.read_ranges(&ranges).await?;
        let mut left = STREAMS_BYTES_MAX;
        let mut streams = HashMap::with_capacity(stored.len());
        let refused = |stream: &Stream, error: ChunkError| match error {
            ChunkError::TooLarge => streams_too_large(),
            ChunkError::Broken(reason) => corrupt(format!(
                "column `{}`, stream {}: {reason}",
                self.source.types.path(stream.name.column),
                stream.name.kind.name()
            )),
        };
        let Some(first) = footer.streams.first() else { return Ok(streams) };
        let unpacker = self.source.compressed.unpacker();
        let mut unpacker = unpacker.map_err(|error| refused(first, error))?;
        for (stream, stored) in footer.streams.iter().zip(stored) {
            let content = unpacker.unpack(stored, &mut left).await;
            let content = content.map_err(|error| refused(stream, error))?;
            if !content.is_empty() {
                streams.insert(stream.name, content);
            }
        }
        Ok(streams)
    }
}

fn streams_too_large() -> Error {
    too_large(format!(
        "the wanted columns of one stripe have more than {STREAMS_BYTES_MAX} bytes when they are decompressed"
    ))
}

fn misread(start: u64) -> Error {
    Error::internal(format!("orc-rust reads at {start}, where its file has nothing"))
}

impl AsyncChunkReader for CleanFile {
    fn len(&mut self) -> BoxFuture<'_, io::Result<u64>> {
        let length = self.tail_start() + self.tail.len() as u64;
        std::future::ready(Ok(length)).boxed()
    }

    fn get_bytes(&mut self, start: u64, length: u64) -> BoxFuture<'_, io::Result<Bytes>> {
        async move { self.bytes_at(start, length).await.map_err(io::Error::other) }.boxed()
    }
}

/// The tail that orc-rust is to see. Without statistics, which it has no use for, and without the texts that
/// writers leave there.
fn clean_tail(source: &Tail, places: &[usize], wanted: &[bool]) -> Vec<u8> {
    let mut footer = Message::default();
    for (place, stripe) in source.stripes.iter().enumerate() {
        let stripe = Message::default()
            .number(1, (place as u64) << STRIPE_BITS)
            .number(2, 0)
            .number(3, FOOTER_PLACE)
            .number(4, 1)
            .number(5, stripe.rows);
        footer = footer.bytes(3, &stripe.into_bytes());
    }
    // orc-rust walks the types from the root, so that it sees the wanted ones only.
    footer = footer.bytes(4, &source.types.root().with_parts(places).message());
    for (id, wanted) in (0..).zip(wanted).skip(1) {
        let message = match wanted {
            true => source.types.get(id).message(),
            false => Vec::new(),
        };
        footer = footer.bytes(4, &message);
    }
    let rows: u64 = source.stripes.iter().map(|stripe| stripe.rows).sum();
    let footer = footer.number(6, rows).into_bytes();
    let script = Message::default()
        .number(1, footer.len() as u64)
        .number(2, 0)
        .number(5, 0)
        .bytes(8000, b"ORC")
        .into_bytes();
    let mut tail = vec![0; TAIL_BYTES_MIN];
    tail.extend(footer);
    tail.extend(&script);
    tail.push(script.len() as u8);
    tail
}
