//! The content of one block, in memory from the first row that has not been read.

use super::blocks::Block;
use super::{ROW_BYTES_MAX, unread};
use mooring_formats::{AvroBlock, AvroCodec};
use mooring_spi::{Error, ErrorKind, Result};

/// What is decompressed before other tasks get their turn.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// A larger buffer is not kept for the next block.
const BUFFER_BYTES_MAX: usize = 4 * PIECE_BYTES;

pub(super) struct Content {
    /// Where in the file the block begins.
    pub place: u64,
    /// How many of its rows have not been read.
    pub rows_left: u64,
    block: AvroBlock,
    bytes: Vec<u8>,
    /// How many of `bytes` have been read.
    read_bytes: usize,
    is_whole: bool,
}

impl Content {
    /// `buffer` is of another block.
    ///
    /// # Errors
    /// As [`AvroBlock::open`].
    pub fn open(block: Block, codec: AvroCodec, mut buffer: Vec<u8>) -> Result<Self> {
        buffer.clear();
        let opened = AvroBlock::open(block.stored, codec);
        Ok(Self {
            place: block.place,
            rows_left: block.rows,
            block: opened.map_err(|error| in_block(block.place, &error))?,
            bytes: buffer,
            read_bytes: 0,
            is_whole: false,
        })
    }

    pub fn into_buffer(self) -> Vec<u8> {
        match self.bytes.capacity() <= BUFFER_BYTES_MAX {
            true => self.bytes,
            false => Vec::new(),
        }
    }

    /// What is in memory from the next row on.
    pub fn rest(&self) -> &[u8] {
        &self.bytes[self.read_bytes..]
    }

    /// Whether nothing follows the rest.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub fn skip_row(&mut self, bytes: usize) {
        self.read_bytes += bytes;
        self.rows_left -= 1;
    }

    /// Makes the rest longer, at least twice as long, so that a row of many pieces is looked at few times.
    /// Says by how much: by nothing at the end only.
    ///
    /// # Errors
    /// `LimitExceeded` when the rest, of which a row is not whole, is as long as a row may be; as
    /// [`AvroBlock::read`].
    pub async fn fill(&mut self) -> Result<usize> {
        self.bytes.drain(..self.read_bytes);
        self.read_bytes = 0;
        let had = self.bytes.len();
        if had >= ROW_BYTES_MAX {
            return Err(self.long_row());
        }
        let enough = (had * 2).max(PIECE_BYTES);
        while !self.is_whole && self.bytes.len() < enough {
            let count = self
                .block
                .read(&mut self.bytes, PIECE_BYTES)
                .await
                .map_err(|error| in_block(self.place, &error))?;
            self.is_whole = count == 0;
            if count == PIECE_BYTES {
                tokio::task::yield_now().await;
            }
        }
        Ok(self.bytes.len() - had)
    }

    pub fn long_row(&self) -> Error {
        let message = format!("a row has more than {ROW_BYTES_MAX} bytes");
        self.error(&Error::new(ErrorKind::LimitExceeded, message))
    }

    pub fn corrupt(&self, what: impl Into<String>) -> Error {
        self.error(&Error::new(ErrorKind::CorruptData, what))
    }

    /// The same, with where in the file it is.
    pub fn error(&self, error: &Error) -> Error {
        in_block(self.place, error)
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity()
    }
}

fn in_block(place: u64, error: &Error) -> Error {
    unread(error.kind(), format!("the block at byte {place}: {}", error.message()))
}
