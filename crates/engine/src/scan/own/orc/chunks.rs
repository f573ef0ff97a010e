//! The chunks in which a compressed file keeps its footers and streams.
//!
//! Source: ORC Specification v1, "Compression".

use super::cursor::{Cursor, ENDS};
use bytes::Bytes;
use mooring_formats::{BlockCodec, BlockDecoder, BlockError};

/// The length of a chunk has 23 bits, and what a chunk holds is no longer.
pub(super) const CHUNK_BYTES_MAX: u64 = 1 << 23;

/// What is decompressed before other tasks get their turn.
const PIECE_BYTES: usize = 256 << 10;

/// What a chunk is worth in bytes beside its content, when it is about whose turn it is.
const CHUNK_WORK_BYTES: usize = 256;

pub(super) const CHUNK_BYTES_DEFAULT: u64 = 256 << 10;

/// How a file is compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Compressed {
    pub codec: Option<BlockCodec>,
    /// How much one chunk holds at most.
    pub chunk_bytes: u64,
}

#[derive(Debug)]
pub(super) enum ChunkError {
    Broken(String),
    /// More than was left.
    TooLarge,
}

impl Compressed {
    /// # Errors
    /// When the codec has no memory for itself.
    pub fn unpacker(self) -> Result<Unpacker, ChunkError> {
        let decoder = self.codec.map(BlockDecoder::new).transpose().map_err(broken)?;
        let chunk_bytes = usize::try_from(self.chunk_bytes).unwrap_or(usize::MAX);
        Ok(Unpacker { decoder, chunk_bytes, work_bytes: 0 })
    }
}

/// Decompresses streams one after the other, with what can be used again from stream to stream.
pub(super) struct Unpacker {
    /// None if the file is not compressed.
    decoder: Option<BlockDecoder>,
    chunk_bytes: usize,
    /// What has been done since other tasks had their turn.
    work_bytes: usize,
}

impl Unpacker {
    /// The content, whose bytes are taken off `left`.
    ///
    /// # Errors
    /// Chunks that cannot be read, and content that is longer than what is left.
    pub async fn unpack(&mut self, stored: Bytes, left: &mut u64) -> Result<Bytes, ChunkError> {
        let Some(decoder) = &mut self.decoder else {
            take(left, stored.len())?;
            return Ok(stored);
        };
        let ends = |_| ChunkError::Broken(ENDS.to_owned());
        let mut content = Vec::new();
        let mut chunks = Cursor::new(&stored);
        while !chunks.is_empty() {
            let mut header = 0;
            for shift in [0, 8, 16] {
                header |= u64::from(chunks.byte().map_err(ends)?) << shift;
            }
            let chunk = chunks.take(header >> 1).map_err(ends)?;
            let before = content.len();
            if header & 1 == 1 {
                content.extend_from_slice(chunk);
            } else {
                decoder.append(chunk, self.chunk_bytes, &mut content).map_err(broken)?;
            }
            let gained = content.len() - before;
            take(left, gained)?;
            self.work_bytes += chunk.len() + gained + CHUNK_WORK_BYTES;
            if self.work_bytes >= PIECE_BYTES {
                self.work_bytes = 0;
                tokio::task::yield_now().await;
            }
        }
        // What is counted is what is held.
        content.shrink_to_fit();
        Ok(content.into())
    }
}

fn broken(reason: BlockError) -> ChunkError {
    ChunkError::Broken(reason.to_string())
}

fn take(left: &mut u64, bytes: usize) -> Result<(), ChunkError> {
    *left = left.checked_sub(bytes as u64).ok_or(ChunkError::TooLarge)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use futures::executor::block_on;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const SNAPPY: Compressed = Compressed { codec: Some(BlockCodec::Snappy), chunk_bytes: 100 };

    fn unpack(stored: &[u8], most: u64) -> Result<Bytes, ChunkError> {
        let stored = Bytes::copy_from_slice(stored);
        block_on(async { SNAPPY.unpacker()?.unpack(stored, &mut most.clone()).await })
    }

    /// Each stream takes less than a turn, and all of them more.
    #[test]
    fn others_get_their_turn_between_short_streams() {
        let stored = Bytes::from(snappy(100).repeat(100));
        let mut unpacker = SNAPPY.unpacker().unwrap();
        let at_once = (0..100).take_while(|_| {
            let unpacked = unpacker.unpack(stored.clone(), &mut 10_000).now_or_never();
            unpacked.is_some_and(|content| content.unwrap().len() == 10_000)
        });
        assert!((2..100).contains(&at_once.count()));
    }

    #[test]
    fn chunks_follow_each_other() {
        // Five bytes as they are; then, by Snappy, a literal of two bytes.
        let stored = [0x0b, 0, 0, b'h', b'e', b'l', b'l', b'o', 0x08, 0, 0, 0x02, 0x04, b'a', b'b'];
        assert_eq!(unpack(&stored, 7).unwrap(), "helloab");
        assert!(matches!(unpack(&stored, 6), Err(ChunkError::TooLarge)));
        assert_eq!(unpack(&[], 0).unwrap(), "");
        for length in [1, 2, 4, 9, 10, 12, 14] {
            assert!(matches!(unpack(&stored[..length], 7), Err(ChunkError::Broken(_))), "{length}");
        }
    }

    #[test]
    fn chunks_hold_no_more_than_they_may() {
        let long = snappy(101);
        assert!(matches!(unpack(&long, 1000), Err(ChunkError::Broken(_))));
        assert_eq!(unpack(&snappy(100), 1000).unwrap().len(), 100);
    }

    /// A chunk of `count` zeros: a literal of one, and copies of it.
    fn snappy(count: u8) -> Vec<u8> {
        let mut block = vec![count, 0x00, 0x00];
        let mut left = count - 1;
        while left > 0 {
            let copied = left.min(64);
            block.extend([(copied - 1) << 2 | 2, 1, 0]);
            left -= copied;
        }
        let mut chunk = vec![(block.len() as u8) << 1, 0, 0];
        chunk.extend(block);
        chunk
    }

    proptest! {
        #[test]
        fn any_bytes_end(stored in vec(any::<u8>(), 0..300)) {
            if let Ok(content) = unpack(&stored, 500) {
                prop_assert!(content.len() <= 500);
            }
        }
    }
}
