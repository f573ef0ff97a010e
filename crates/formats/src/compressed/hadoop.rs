//! Hadoop's block format, in which its codecs for Snappy and LZ4 write files.
//!
//! Source: Apache Hadoop, `BlockCompressorStream.java` and `BlockDecompressorStream.java`: a block is the length of
//! its content, then pieces until that length is reached; a piece is its compressed length and its bytes. All
//! lengths are unsigned 32-bit numbers, most significant byte first.

use super::block::{BlockCodec, BlockDecoder, BlockError};
use bytes::{Buf, Bytes, BytesMut};
use futures::stream::{self, BoxStream, StreamExt};
use mooring_spi::{Error, ErrorKind, Result};

/// The longest block. Hadoop writes blocks of 256 KiB, and one longer only for a longer single write.
pub(super) const MAX_BLOCK_BYTES: usize = 64 << 20;

/// What compression may add: Snappy's bound is a sixth, LZ4's is less.
pub(super) const MAX_PIECE_BYTES: usize = MAX_BLOCK_BYTES + MAX_BLOCK_BYTES / 6 + 64;

struct Blocks {
    stream: BoxStream<'static, Result<Bytes>>,
    /// What was read and not used.
    buffer: BytesMut,
    codec: BlockCodec,
    decoder: BlockDecoder,
    /// How much of the block is still to come.
    block_left: usize,
}

pub(super) fn blocks(
    stream: BoxStream<'static, Result<Bytes>>,
    codec: BlockCodec,
) -> BoxStream<'static, Result<Bytes>> {
    let decoder = match BlockDecoder::new(codec) {
        Ok(decoder) => decoder,
        Err(error) => {
            let error = Error::new(ErrorKind::ResourcesExhausted, error.to_string());
            return stream::iter([Err(error)]).boxed();
        }
    };
    let blocks = Blocks { stream, buffer: BytesMut::new(), codec, decoder, block_left: 0 };
    stream::try_unfold(blocks, |mut blocks| async move {
        Ok(blocks.next().await?.map(|content| (content, blocks)))
    })
    .boxed()
}

impl Blocks {
    /// The content of the next piece; none at the end of the file.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while self.block_left == 0 {
            // Of an empty file Hadoop makes a block without content; joined files may go on after it.
            if !self.fill(1).await? {
                return Ok(None);
            }
            self.block_left = self.length("block", MAX_BLOCK_BYTES).await?;
        }
        let length = self.length("piece of a block", MAX_PIECE_BYTES).await?;
        if !self.fill(length).await? {
            return Err(self.corrupt("it ends too early"));
        }
        let piece = self.buffer.split_to(length);
        let content = self.decompress(&piece)?;
        if content.is_empty() {
            return Err(self.corrupt("a piece of a block has no content"));
        }
        self.block_left -= content.len();
        Ok(Some(content.into()))
    }

    async fn length(&mut self, what: &str, most: usize) -> Result<usize> {
        if !self.fill(4).await? {
            return Err(self.corrupt("it ends too early"));
        }
        let length = self.buffer.get_u32() as usize;
        if length > most {
            return Err(self.corrupt(&format!(
                "a {what} is said to have {length} bytes; at most {most} are read"
            )));
        }
        Ok(length)
    }

    /// Reads on until `count` bytes are there, and says whether they are. No memory is taken for bytes to come.
    async fn fill(&mut self, count: usize) -> Result<bool> {
        while self.buffer.len() < count {
            match self.stream.next().await {
                Some(chunk) => self.buffer.extend_from_slice(&chunk?),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// At most what is left of the block.
    fn decompress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let mut content = Vec::new();
        match self.decoder.append(piece, self.block_left, &mut content) {
            Ok(()) => Ok(content),
            Err(BlockError::TooLong) => Err(self.corrupt("a piece is longer than its block")),
            Err(BlockError::Broken(reason)) => Err(self.corrupt(&reason)),
        }
    }

    fn corrupt(&self, reason: &str) -> Error {
        Error::new(
            ErrorKind::CorruptData,
            format!("a file in Hadoop's blocks of {:?} cannot be read: {reason}", self.codec),
        )
    }
}
