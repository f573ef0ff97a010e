//! The end of an ORC file: how it is compressed, its columns' types and its stripes. What is found here is
//! checked, so that nobody who uses it has to.
//!
//! Source: ORC Specification v1, "File Tail".

use super::chunks::{CHUNK_BYTES_DEFAULT, CHUNK_BYTES_MAX, ChunkError, Compressed};
use super::cursor::Found;
use super::error::{corrupt, too_large, unsupported};
use super::statistics::STATISTICS_BYTES_MAX;
use super::types::{TYPES_MAX, Type, Types};
use super::wire::Fields;
use crate::scan::own::stored::StoredFile;
use bytes::Bytes;
use mooring_formats::BlockCodec;
use mooring_spi::Result;
use std::ops::Range;

/// What is read first: most tails are shorter.
const FIRST_READ_BYTES: u64 = 16 << 10;

/// The longest footer that is read, of a file or a stripe.
pub(super) const FOOTER_BYTES_MAX: u64 = 64 << 20;

/// How long it may be decompressed.
const FOOTER_CONTENT_BYTES_MAX: u64 = 256 << 20;

const STRIPES_MAX: usize = 1_000_000;

/// More rows than any file has. A file without columns could claim any number, and would be read for ever.
const ROWS_MAX: u64 = 1 << 40;

#[derive(Debug)]
pub(super) struct Tail {
    pub compressed: Compressed,
    pub types: Types,
    pub stripes: Vec<Stripe>,
    pub writer: Writer,
    /// Of the stripes, as they are stored: if they were wanted, and are there and of use.
    pub statistics: Option<Bytes>,
}

/// Who wrote a file, by which a reader knows what is wrong in it. Up to 5, versions are Java's alone.
///
/// Source: ORC Specification v1, "Postscript" and "Footer"; the versions are listed in its `orc_proto.proto`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writer {
    code: u64,
    version: u64,
}

impl Writer {
    const JAVA: u64 = 0;
    /// String statistics are in UTF-8, and the greatest values of stripes are right.
    const HIVE_8732: u64 = 1;
    /// The first version of all other writers.
    const OTHERS: u64 = 6;
    /// The bounds of short decimals are right.
    const ORC_517: u64 = 7;

    /// Whether the bounds of decimals are those of the values.
    pub fn knows_decimals(self) -> bool {
        match self.code {
            Self::JAVA => self.version >= Self::ORC_517,
            _ => self.version >= Self::OTHERS,
        }
    }
}

/// Where a stripe lies, which is inside its file.
#[derive(Debug, Clone, Default)]
pub(super) struct Stripe {
    pub offset: u64,
    index_bytes: u64,
    data_bytes: u64,
    footer_bytes: u64,
    pub rows: u64,
}

struct PostScript {
    footer_bytes: u64,
    metadata_bytes: u64,
    compression: u64,
    chunk_bytes: u64,
    writer_version: u64,
    magic: Option<String>,
}

impl Tail {
    /// The tail, with statistics if these are wanted.
    ///
    /// # Errors
    /// `CorruptData`, `Unsupported` and `LimitExceeded` for what is found; as reading the file.
    pub async fn read(file: &StoredFile, wants_statistics: bool) -> Result<Self> {
        let size = file.size_bytes;
        let start = size.saturating_sub(FIRST_READ_BYTES);
        let end = file.read_range(start..size).await?;
        let (rest, script) = split_postscript(&end)?;
        let script = PostScript::parse(script).map_err(|reason| in_tail("postscript", reason))?;
        script.check_magic(file).await?;
        let compressed = script.compressed()?;

        let rest_end = start + rest.len() as u64;
        let before = script.footer_bytes.checked_add(script.metadata_bytes);
        if before.is_none_or(|before| before > rest_end) {
            return Err(corrupt("its footer is said to be longer than the file"));
        }
        if script.footer_bytes > FOOTER_BYTES_MAX {
            return Err(too_large(format!(
                "its footer has {} bytes; at most {FOOTER_BYTES_MAX} are read",
                script.footer_bytes
            )));
        }
        let footer_start = rest_end - script.footer_bytes;
        let statistics_bytes = if wants_statistics { script.statistics_bytes() } else { 0 };
        let wanted_start = footer_start - statistics_bytes;
        let wanted = match wanted_start.checked_sub(start) {
            Some(skipped) => rest.slice(skipped as usize..),
            None => {
                let missing = file.read_range(wanted_start..start).await?;
                [missing, rest].concat().into()
            }
        };
        let footer = wanted.slice(statistics_bytes as usize..);
        let statistics = (statistics_bytes > 0).then(|| wanted.slice(..statistics_bytes as usize));
        let footer = unpack_footer(compressed, footer, "footer").await?;
        let Footer { types, stripes, writer } = parse_footer(&footer, footer_start)?;
        let writer = Writer { code: writer, version: script.writer_version };
        Ok(Self { compressed, types, stripes, writer, statistics })
    }
}

/// Decompresses the footer of a file or a stripe.
///
/// # Errors
/// `CorruptData`, and `LimitExceeded` for more than 256 MiB.
pub(super) async fn unpack_footer(
    compressed: Compressed,
    stored: Bytes,
    what: &str,
) -> Result<Bytes> {
    let mut left = FOOTER_CONTENT_BYTES_MAX;
    let content = async { compressed.unpacker()?.unpack(stored, &mut left).await };
    content.await.map_err(|error| match error {
        ChunkError::Broken(reason) => {
            corrupt(format!("its {what} cannot be decompressed: {reason}"))
        }
        ChunkError::TooLarge => too_large(format!(
            "its {what} has more than {FOOTER_CONTENT_BYTES_MAX} bytes when it is decompressed"
        )),
    })
}

fn in_tail(what: &str, reason: &str) -> mooring_spi::Error {
    corrupt(format!("its {what}: {reason}"))
}

/// What stands before the postscript, and the postscript, whose length is the last byte.
fn split_postscript(end: &Bytes) -> Result<(Bytes, &[u8])> {
    let split = end.split_last().and_then(|(length, rest)| {
        let start = rest.len().checked_sub(usize::from(*length))?;
        Some((end.slice(..start), &rest[start..]))
    });
    split.ok_or_else(|| corrupt("it is shorter than its postscript"))
}

impl PostScript {
    fn parse(message: &[u8]) -> Found<Self> {
        let mut script = Self {
            footer_bytes: 0,
            metadata_bytes: 0,
            compression: 0,
            chunk_bytes: CHUNK_BYTES_DEFAULT,
            writer_version: 0,
            magic: None,
        };
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => script.footer_bytes = value.number()?,
                2 => script.compression = value.number()?,
                3 => script.chunk_bytes = value.number()?,
                5 => script.metadata_bytes = value.number()?,
                6 => script.writer_version = value.number()?,
                8000 => script.magic = Some(value.text()?.to_owned()),
                _ => {}
            }
        }
        Ok(script)
    }

    /// The postscripts of the first writers have no magic word; their files begin with it.
    async fn check_magic(&self, file: &StoredFile) -> Result<()> {
        let is_orc = match &self.magic {
            Some(magic) => magic == "ORC",
            None => file.read_range(0..file.size_bytes.min(3)).await? == "ORC",
        };
        if is_orc { Ok(()) } else { Err(corrupt("it does not end as an ORC file does")) }
    }

    /// How much of the statistics is of use: nothing of those that the first writers left.
    fn statistics_bytes(&self) -> u64 {
        let is_right = self.writer_version >= Writer::HIVE_8732;
        if is_right && self.metadata_bytes <= STATISTICS_BYTES_MAX {
            self.metadata_bytes
        } else {
            0
        }
    }

    fn compressed(&self) -> Result<Compressed> {
        let codec = match self.compression {
            0 => None,
            1 => Some(BlockCodec::Deflate),
            2 => Some(BlockCodec::Snappy),
            3 => return Err(unsupported("it is compressed by LZO")),
            4 => Some(BlockCodec::Lz4),
            5 => Some(BlockCodec::Zstd),
            6 => return Err(unsupported("it is compressed by Brotli")),
            other => return Err(unsupported(format!("its compression {other} is not known"))),
        };
        if codec.is_some() && self.chunk_bytes > CHUNK_BYTES_MAX {
            return Err(corrupt(format!(
                "it says that its chunks hold {} bytes; at most {CHUNK_BYTES_MAX} are possible",
                self.chunk_bytes
            )));
        }
        Ok(Compressed { codec, chunk_bytes: self.chunk_bytes })
    }
}

struct Footer {
    types: Types,
    stripes: Vec<Stripe>,
    /// The writer's code.
    writer: u64,
}

/// The types and the stripes, all of which end before the footer begins.
fn parse_footer(footer: &[u8], footer_start: u64) -> Result<Footer> {
    let (mut types, mut stripes) = (Vec::new(), Vec::new());
    let mut parts_left = 2 * TYPES_MAX;
    let (mut rows, mut writer) = (0, Writer::JAVA);
    let mut fields = Fields::of(footer);
    let in_footer = |reason| in_tail("footer", reason);
    while let Some((field, value)) = fields.read().map_err(in_footer)? {
        match field {
            3 if stripes.len() == STRIPES_MAX => {
                return Err(too_large(format!("it has more than {STRIPES_MAX} stripes")));
            }
            3 => stripes.push(value.bytes().and_then(Stripe::parse).map_err(in_footer)?),
            4 if types.len() == TYPES_MAX => {
                return Err(too_large(format!("it has more than {TYPES_MAX} types")));
            }
            4 => {
                let parsed = value.bytes().and_then(|value| Type::parse(value, &mut parts_left));
                types.push(parsed.map_err(in_footer)?);
            }
            6 => rows = value.number().map_err(in_footer)?,
            9 => writer = value.number().map_err(in_footer)?,
            10 => return Err(unsupported("it is encrypted")),
            _ => {}
        }
    }
    let mut rows_left = rows;
    for (place, stripe) in stripes.iter().enumerate() {
        if stripe.end().is_none_or(|end| end > footer_start) {
            return Err(corrupt(format!("stripe {place} lies outside of the file")));
        }
        if stripe.footer_bytes > FOOTER_BYTES_MAX {
            return Err(too_large(format!(
                "the footer of stripe {place} has {} bytes; at most {FOOTER_BYTES_MAX} are read",
                stripe.footer_bytes
            )));
        }
        rows_left = rows_left
            .checked_sub(stripe.rows)
            .ok_or_else(|| corrupt("its stripes have more rows than the file"))?;
    }
    if rows_left > 0 {
        return Err(corrupt(format!("its stripes have {rows_left} rows less than the file")));
    }
    if rows > ROWS_MAX {
        return Err(corrupt(format!("it says that it has {rows} rows")));
    }
    Ok(Footer { types: Types::check(types)?, stripes, writer })
}

impl Stripe {
    fn parse(message: &[u8]) -> Found<Self> {
        let mut stripe = Self::default();
        let mut fields = Fields::of(message);
        while let Some((field, value)) = fields.read()? {
            match field {
                1 => stripe.offset = value.number()?,
                2 => stripe.index_bytes = value.number()?,
                3 => stripe.data_bytes = value.number()?,
                4 => stripe.footer_bytes = value.number()?,
                5 => stripe.rows = value.number()?,
                _ => {}
            }
        }
        Ok(stripe)
    }

    fn end(&self) -> Option<u64> {
        self.offset
            .checked_add(self.index_bytes)?
            .checked_add(self.data_bytes)?
            .checked_add(self.footer_bytes)
    }

    /// Where its streams lie, which are the index and the data.
    pub fn streams(&self) -> Range<u64> {
        self.offset..self.offset + self.index_bytes + self.data_bytes
    }

    pub fn footer(&self) -> Range<u64> {
        let start = self.streams().end;
        start..start + self.footer_bytes
    }
}
