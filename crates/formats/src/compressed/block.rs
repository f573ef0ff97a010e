//! Single blocks of compressed bytes, of which a format tells how much they may hold: no block makes more
//! memory than that, whatever it says of itself. What is kept of a block is as long as its content; room for the
//! longest one is made once, for all blocks of a decoder.

use flate2::{Decompress, FlushDecompress, Status};
use std::fmt;
use zstd::bulk::Decompressor;

/// A byte of deflate is at most 1,032 of content: a match of 258 bytes takes two bits.
const DEFLATE_RATIO_MAX: usize = 1032;

/// A byte of LZ4 is at most 255 of content.
const LZ4_RATIO_MAX: usize = 255;

/// A byte of Snappy is at most some 22 of content: a copy of 64 bytes takes three.
const SNAPPY_RATIO_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockCodec {
    /// RFC 1951, without zlib's header and checksum.
    Deflate,
    Snappy,
    Lz4,
    Zstd,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlockError {
    /// The content is longer than it may be.
    TooLong,
    /// What the codec says of the block.
    Broken(String),
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("a block holds more than it may"),
            Self::Broken(reason) => f.write_str(reason),
        }
    }
}

/// Decompresses the blocks of one codec, with what can be used again from block to block.
pub struct BlockDecoder {
    state: State,
    /// Where blocks are decompressed that do not say how long they are; what it holds is of no meaning.
    scratch: Vec<u8>,
}

enum State {
    Deflate(Decompress),
    Snappy(snap::raw::Decoder),
    Lz4,
    Zstd(Decompressor<'static>),
}

impl BlockDecoder {
    /// # Errors
    /// When the codec has no memory for itself.
    pub fn new(codec: BlockCodec) -> Result<Self, BlockError> {
        let state = match codec {
            BlockCodec::Deflate => State::Deflate(Decompress::new(false)),
            BlockCodec::Snappy => State::Snappy(snap::raw::Decoder::new()),
            BlockCodec::Lz4 => State::Lz4,
            BlockCodec::Zstd => State::Zstd(Decompressor::new().map_err(broken)?),
        };
        Ok(Self { state, scratch: Vec::new() })
    }

    /// Appends the block's content of at most `most` bytes. After an error, what `content` has gained is of
    /// no use.
    ///
    /// # Errors
    /// A block that its codec cannot read, that ends too early or that holds more than `most` bytes.
    pub fn append(
        &mut self,
        block: &[u8],
        most: usize,
        content: &mut Vec<u8>,
    ) -> Result<(), BlockError> {
        // Zstandard takes nothing for nothing.
        if block.is_empty() {
            return Err(broken("a block is empty"));
        }
        let Self { state, scratch } = self;
        match state {
            State::Deflate(decoder) => {
                decoder.reset(false);
                let bound = most.min(block.len().saturating_mul(DEFLATE_RATIO_MAX));
                // With a byte too much, a full buffer is content that is too long.
                let room = space(scratch, bound.saturating_add(1));
                let status =
                    decoder.decompress(block, room, FlushDecompress::Finish).map_err(broken)?;
                // Counted since the reset.
                let length = usize::try_from(decoder.total_out()).unwrap_or(usize::MAX);
                if length > most {
                    return Err(BlockError::TooLong);
                }
                match status {
                    Status::StreamEnd => {
                        content.extend_from_slice(&room[..length]);
                        Ok(())
                    }
                    Status::Ok | Status::BufError => Err(broken("it ends too early")),
                }
            }
            State::Snappy(decoder) => {
                let length = snap::raw::decompress_len(block).map_err(broken)?;
                if length > most {
                    return Err(BlockError::TooLong);
                }
                if length / SNAPPY_RATIO_MAX > block.len() {
                    return Err(broken("a block says that it holds more than it can"));
                }
                let start = content.len();
                content.resize(start + length, 0);
                decoder.decompress(block, &mut content[start..]).map_err(broken)?;
                Ok(())
            }
            State::Lz4 => {
                let bound = most.min(block.len().saturating_mul(LZ4_RATIO_MAX));
                let room = space(scratch, bound);
                match lz4_flex::block::decompress_into(block, room) {
                    Ok(length) => {
                        content.extend_from_slice(&room[..length]);
                        Ok(())
                    }
                    Err(lz4_flex::block::DecompressError::OutputTooSmall { .. })
                        if bound == most =>
                    {
                        Err(BlockError::TooLong)
                    }
                    Err(error) => Err(broken(error)),
                }
            }
            State::Zstd(decoder) => {
                let room = space(scratch, most);
                let length = decoder.decompress_to_buffer(block, room).map_err(broken)?;
                content.extend_from_slice(&room[..length]);
                Ok(())
            }
        }
    }
}

/// The first `bytes` of the scratch buffer, which grows to them and never shrinks: zeros are written once.
fn space(scratch: &mut Vec<u8>, bytes: usize) -> &mut [u8] {
    if scratch.len() < bytes {
        scratch.resize(bytes, 0);
    }
    &mut scratch[..bytes]
}

fn broken(reason: impl ToString) -> BlockError {
    BlockError::Broken(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::Write;

    const ALL: [BlockCodec; 4] =
        [BlockCodec::Deflate, BlockCodec::Snappy, BlockCodec::Lz4, BlockCodec::Zstd];

    fn compress(content: &[u8], codec: BlockCodec) -> Vec<u8> {
        match codec {
            BlockCodec::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            BlockCodec::Snappy => snap::raw::Encoder::new().compress_vec(content).unwrap(),
            BlockCodec::Lz4 => lz4_flex::block::compress(content),
            BlockCodec::Zstd => zstd::bulk::compress(content, 3).unwrap(),
        }
    }

    fn content(block: &[u8], codec: BlockCodec, most: usize) -> Result<Vec<u8>, BlockError> {
        let mut content = b"before".to_vec();
        BlockDecoder::new(codec)?.append(block, most, &mut content)?;
        assert!(content.starts_with(b"before"));
        Ok(content.split_off(6))
    }

    #[test]
    fn a_block_may_be_as_long_as_it_may_and_no_longer() {
        let text = b"0123456789".repeat(100);
        for codec in ALL {
            let block = compress(&text, codec);
            assert_eq!(content(&block, codec, text.len()).unwrap(), text, "{codec:?}");
            assert!(content(&block, codec, text.len() - 1).is_err(), "{codec:?}");
        }
    }

    #[test]
    fn zeros_without_end_stop_at_the_bound() {
        let zeros = vec![0; 4 << 20];
        for codec in ALL {
            let block = compress(&zeros, codec);
            assert!(content(&block, codec, 1 << 20).is_err(), "{codec:?}");
        }
    }

    /// Room that is made for a block's bound and left behind it is as much as that for each stream, and what
    /// writes zeros there takes the square of their number in time.
    #[test]
    fn memory_is_made_for_content_and_not_for_bounds() {
        for codec in ALL {
            let mut decoder = BlockDecoder::new(codec).unwrap();
            let mut content = Vec::new();
            decoder.append(&compress(b"abc", codec), 8 << 20, &mut content).unwrap();
            assert!(content.capacity() < 64, "{codec:?}: {}", content.capacity());
            let mut content = vec![7; 4 << 20];
            let had = content.capacity();
            let empty = compress(b"", codec);
            for _ in 0..20_000 {
                decoder.append(&empty, 8 << 20, &mut content).unwrap();
            }
            assert_eq!((content.len(), content.capacity()), (4 << 20, had), "{codec:?}");
        }
    }

    #[test]
    fn what_stood_in_the_scratch_buffer_is_not_content() {
        for codec in ALL {
            let mut decoder = BlockDecoder::new(codec).unwrap();
            let mut content = Vec::new();
            for text in [&b"long".repeat(50)[..], b"b", b"", b"cc"] {
                decoder.append(&compress(text, codec), 200, &mut content).unwrap();
            }
            assert_eq!(content, [&b"long".repeat(50)[..], b"bcc"].concat(), "{codec:?}");
        }
    }

    #[test]
    fn blocks_that_end_too_early_are_errors() {
        let text: Vec<u8> = (0..2000_u32).flat_map(u32::to_le_bytes).collect();
        for codec in ALL {
            let block = compress(&text, codec);
            for length in [0, 1, block.len() / 2, block.len() - 1] {
                let read = content(&block[..length], codec, text.len());
                // LZ4 has no end of its own: a block that ends between two of its sequences is a shorter one.
                assert!(
                    read.as_ref().map_or(true, |read| read.len() < text.len()),
                    "{codec:?} {length}"
                );
                assert!(codec == BlockCodec::Lz4 || read.is_err(), "{codec:?} {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back(text in vec(0_u8..4, 0..3000)) {
            for codec in ALL {
                let block = compress(&text, codec);
                prop_assert_eq!(&content(&block, codec, 3000).unwrap(), &text);
            }
        }

        #[test]
        fn any_bytes_end(block in vec(any::<u8>(), 0..200), most in 0_usize..5000) {
            for codec in ALL {
                if let Ok(read) = content(&block, codec, most) {
                    prop_assert!(read.len() <= most);
                }
            }
        }
    }
}
