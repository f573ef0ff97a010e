//! The blocks of a range of a file, as they are stored.

use super::encoding::{Cursor, Unread};
use super::header::{Header, SYNC_BYTES};
use super::input::Input;
use super::{corrupt, unread};
use bytes::Bytes;
use mooring_formats::AvroCodec;
use mooring_spi::{ErrorKind, Result};
use std::ops::Range;

/// What a block may take in its file. Writers begin a new one after some 64 KiB to some MiB.
const BLOCK_BYTES_MAX: u64 = 256 << 20;

/// Two varints of up to ten bytes.
const BLOCK_START_BYTES: usize = 20;

pub(super) struct Block {
    /// Where in the file it begins.
    pub place: u64,
    pub rows: u64,
    /// As it is compressed.
    pub stored: Bytes,
}

/// Every block is of the range in which the sync marker before it begins, so that ranges that adjoin have
/// every block once. The header's marker is the one before the first block.
pub(super) struct Blocks {
    input: Input,
    pub codec: AvroCodec,
    sync: [u8; SYNC_BYTES],
    range: Range<u64>,
    /// Whether `input` stands after a sync marker of the range.
    is_found: bool,
}

impl Blocks {
    /// `input` stands after the header.
    pub fn new(mut input: Input, header: Header, range: Range<u64>) -> Self {
        let first_marker = header.bytes.saturating_sub(SYNC_BYTES as u64);
        let is_found = range.start <= first_marker;
        // A marker's bytes in the metadata, where a writer may have put them, are none.
        let place = if is_found { header.bytes } else { range.start.max(header.bytes) };
        input.seek(place, range.end);
        Self { input, codec: header.codec, sync: header.sync, range, is_found }
    }

    /// # Errors
    /// `CorruptData` for what is no block, `LimitExceeded` for one of more than 256 MiB; what the store answers.
    pub async fn next(&mut self) -> Result<Option<Block>> {
        if !self.is_found && !self.find_marker().await? {
            return Ok(None);
        }
        self.is_found = true;
        let place = self.input.place();
        let is_past = place >= self.range.end.saturating_add(SYNC_BYTES as u64);
        if is_past || place >= self.input.file_bytes() {
            return Ok(None);
        }
        self.input.fill(BLOCK_START_BYTES).await?;
        let start = self.start(place)?;
        let block_bytes = start.bytes + start.data_bytes + SYNC_BYTES;
        self.input.fill(block_bytes).await?;
        let data_end = start.bytes + start.data_bytes;
        let bytes = self.input.bytes();
        let (Some(_), Some(marker)) =
            (bytes.get(start.bytes..data_end), bytes.get(data_end..block_bytes))
        else {
            return Err(ends(place));
        };
        if marker != self.sync {
            let message = format!(
                "after the block at byte {place}, at byte {}, another sync marker stands than in its header",
                place + data_end as u64
            );
            return Err(corrupt(message));
        }
        let stored = bytes.slice(start.bytes..data_end);
        self.input.skip(block_bytes);
        Ok(Some(Block { place, rows: start.rows, stored }))
    }

    fn start(&self, place: u64) -> Result<BlockStart> {
        let mut cursor = Cursor::new(self.input.bytes());
        let numbers = cursor.long().and_then(|rows| Ok((rows, cursor.long()?)));
        let (rows, data_bytes) = match numbers {
            Ok(numbers) => numbers,
            Err(Unread::Ends) => return Err(ends(place)),
            Err(Unread::Corrupt(what)) => return Err(block_error(place, what)),
            Err(Unread::TooLong(length)) => {
                return Err(block_error(place, format!("it has {length} bytes")));
            }
        };
        let (Ok(rows), Ok(data_bytes)) = (u64::try_from(rows), u64::try_from(data_bytes)) else {
            let message = format!("it claims to have {rows} rows in {data_bytes} bytes");
            return Err(block_error(place, message));
        };
        let left = self.input.file_bytes() - place;
        let needed = data_bytes.saturating_add((cursor.place() + SYNC_BYTES) as u64);
        if needed > left {
            let message = format!("it takes {needed} bytes, and the file has {left} from there on");
            return Err(block_error(place, message));
        }
        match usize::try_from(data_bytes) {
            Ok(length) if data_bytes <= BLOCK_BYTES_MAX => {
                Ok(BlockStart { rows, data_bytes: length, bytes: cursor.place() })
            }
            _ => {
                let message = format!(
                    "the block at byte {place} has {data_bytes} bytes, and at most {BLOCK_BYTES_MAX} are read"
                );
                Err(unread(ErrorKind::LimitExceeded, message))
            }
        }
    }

    /// Goes to the byte after the first sync marker that begins in the range.
    async fn find_marker(&mut self) -> Result<bool> {
        loop {
            let left = self.range.end.saturating_sub(self.input.place());
            if left == 0 {
                return Ok(false);
            }
            self.input.fill(SYNC_BYTES).await?;
            let bytes = self.input.bytes();
            let places = bytes.len().saturating_sub(SYNC_BYTES - 1);
            if places == 0 {
                return Ok(false);
            }
            let places = usize::try_from(left).map_or(places, |left| left.min(places));
            let searched = &bytes[..places + SYNC_BYTES - 1];
            match searched.windows(SYNC_BYTES).position(|window| window == self.sync) {
                Some(found) => {
                    self.input.skip(found + SYNC_BYTES);
                    return Ok(true);
                }
                None => self.input.skip(places),
            }
        }
    }
}

/// What stands before the data of a block.
struct BlockStart {
    rows: u64,
    data_bytes: usize,
    /// How long the two numbers are.
    bytes: usize,
}

fn ends(place: u64) -> mooring_spi::Error {
    block_error(place, "the file ends in it")
}

fn block_error(place: u64, what: impl std::fmt::Display) -> mooring_spi::Error {
    corrupt(format!("the block at byte {place}: {what}"))
}
