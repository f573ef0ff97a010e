//! The blocks of Avro's object container files, decompressed piece by piece: what a block grows to is never in
//! memory as a whole, but for Snappy, which says it beforehand.
//!
//! Source: Apache Avro 1.12 specification, "Object Container Files", "Required Codecs" and "Optional Codecs". Each
//! block is compressed for itself.

use std::io::{self, Cursor};
use std::pin::Pin;

use async_compression::tokio::bufread::{BzDecoder, XzDecoder, ZstdDecoder};
use bytes::{BufMut, Bytes};
use flate2::Crc;
use mooring_spi::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::compressed::XZ_MEMORY_BYTES;
use crate::deflated::Deflated;

/// What a block of Snappy may grow to.
pub const AVRO_SNAPPY_BYTES_MAX: usize = 256 << 20;

/// Snappy's densest element makes 64 bytes of 3 ("format_description.txt", "Copies").
const SNAPPY_GROWTH_MAX: usize = 22;

/// How the blocks of a file are compressed, as `avro.codec` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AvroCodec {
    Null,
    Deflate,
    Snappy,
    Bzip2,
    Xz,
    Zstandard,
}

impl AvroCodec {
    pub const ALL: [AvroCodec; 6] = [
        AvroCodec::Null,
        AvroCodec::Deflate,
        AvroCodec::Snappy,
        AvroCodec::Bzip2,
        AvroCodec::Xz,
        AvroCodec::Zstandard,
    ];

    pub fn name(self) -> &'static str {
        match self {
            AvroCodec::Null => "null",
            AvroCodec::Deflate => "deflate",
            AvroCodec::Snappy => "snappy",
            AvroCodec::Bzip2 => "bzip2",
            AvroCodec::Xz => "xz",
            AvroCodec::Zstandard => "zstandard",
        }
    }

    /// # Errors
    /// `Unsupported` for a codec that is not known.
    pub fn of_name(name: &[u8]) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|codec| codec.name().as_bytes() == name);
        found.ok_or_else(|| {
            let name = String::from_utf8_lossy(&name[..name.len().min(100)]);
            let known = Self::ALL.map(|codec| format!("`{}`", codec.name())).join(", ");
            Error::unsupported(format!("blocks compressed as `{name}` are not read; {known} are"))
        })
    }
}

/// The content of one block, read from its start to its end.
pub struct AvroBlock {
    reader: Pin<Box<dyn AsyncRead + Send>>,
    codec: AvroCodec,
}

impl AvroBlock {
    /// # Errors
    /// Of Snappy, which is decompressed at once: `CorruptData` for data that it did not write or a checksum of
    /// other data, `LimitExceeded` for more than [`AVRO_SNAPPY_BYTES_MAX`].
    pub fn open(stored: Bytes, codec: AvroCodec) -> Result<Self> {
        // Every decoder goes on with a next stream or frame; what follows a stream of deflate is none of it.
        macro_rules! joined {
            ($decoder:expr) => {{
                let mut decoder = $decoder;
                decoder.multiple_members(true);
                Box::pin(decoder)
            }};
        }
        // A block without rows may have no bytes at all.
        let codec = if stored.is_empty() { AvroCodec::Null } else { codec };
        let reader: Pin<Box<dyn AsyncRead + Send>> = match codec {
            AvroCodec::Null => Box::pin(Cursor::new(stored)),
            AvroCodec::Snappy => Box::pin(Cursor::new(from_snappy(&stored)?)),
            AvroCodec::Deflate => Box::pin(Deflated::new(stored)),
            AvroCodec::Bzip2 => joined!(BzDecoder::new(Cursor::new(stored))),
            AvroCodec::Xz => {
                joined!(XzDecoder::with_mem_limit(Cursor::new(stored), XZ_MEMORY_BYTES))
            }
            AvroCodec::Zstandard => joined!(ZstdDecoder::new(Cursor::new(stored))),
        };
        Ok(Self { reader, codec })
    }

    /// Appends the next bytes, at most `count`; says how many, which is 0 at the end only.
    ///
    /// # Errors
    /// `CorruptData` for data that the codec cannot read, or that ends too early.
    pub async fn read(&mut self, content: &mut Vec<u8>, count: usize) -> Result<usize> {
        content.reserve(count);
        let mut room = content.limit(count);
        self.reader.read_buf(&mut room).await.map_err(|error| {
            let reason = if error.kind() == io::ErrorKind::UnexpectedEof {
                "it ends too early".to_owned()
            } else {
                error.to_string()
            };
            corrupt(self.codec, &reason).with_cause(error)
        })
    }
}

/// A raw block of Snappy, and the CRC of its content in four bytes, the highest first.
fn from_snappy(stored: &[u8]) -> Result<Vec<u8>> {
    let unreadable = |reason: &str| corrupt(AvroCodec::Snappy, reason);
    let Some((data, checksum)) = stored.split_last_chunk::<4>() else {
        return Err(unreadable("it is shorter than its checksum"));
    };
    let length = snap::raw::decompress_len(data).map_err(|error| unreadable(&error.to_string()))?;
    if length > data.len().saturating_mul(SNAPPY_GROWTH_MAX) {
        return Err(unreadable("it claims to grow to more than it can"));
    }
    if length > AVRO_SNAPPY_BYTES_MAX {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "it grows to {length} bytes, and of `snappy` at most {AVRO_SNAPPY_BYTES_MAX} are read"
            ),
        ));
    }
    let mut content = vec![0; length];
    snap::raw::Decoder::new()
        .decompress(data, &mut content)
        .map_err(|error| unreadable(&error.to_string()))?;
    let mut crc = Crc::new();
    crc.update(&content);
    if crc.sum() != u32::from_be_bytes(*checksum) {
        return Err(unreadable("its checksum is of other data"));
    }
    Ok(content)
}

fn corrupt(codec: AvroCodec, reason: &str) -> Error {
    let message = format!("its data, compressed as `{}`, cannot be read: {reason}", codec.name());
    Error::new(ErrorKind::CorruptData, message)
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::write::{BzEncoder, XzEncoder, ZstdEncoder};
    use flate2::write::DeflateEncoder;
    use futures::executor::block_on;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::Write;
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn compress(content: &[u8], codec: AvroCodec) -> Vec<u8> {
        macro_rules! encode {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new());
                block_on(encoder.write_all(content)).unwrap();
                block_on(encoder.shutdown()).unwrap();
                encoder.into_inner()
            }};
        }
        match codec {
            AvroCodec::Null => content.to_vec(),
            AvroCodec::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap()
            }
            AvroCodec::Snappy => {
                let mut stored = snap::raw::Encoder::new().compress_vec(content).unwrap();
                let mut crc = Crc::new();
                crc.update(content);
                stored.extend(crc.sum().to_be_bytes());
                stored
            }
            AvroCodec::Bzip2 => encode!(BzEncoder),
            AvroCodec::Xz => encode!(XzEncoder),
            AvroCodec::Zstandard => encode!(ZstdEncoder),
        }
    }

    fn read(stored: &[u8], codec: AvroCodec, piece: usize) -> Result<Vec<u8>> {
        let mut block = AvroBlock::open(Bytes::copy_from_slice(stored), codec)?;
        let mut content = Vec::new();
        while block_on(block.read(&mut content, piece))? > 0 {}
        Ok(content)
    }

    #[test]
    fn what_a_writer_compressed_is_read_in_pieces() {
        let content: Vec<u8> = (0_u32..9000).flat_map(|number| number.to_le_bytes()).collect();
        for codec in AvroCodec::ALL {
            assert_eq!(AvroCodec::of_name(codec.name().as_bytes()).unwrap(), codec);
            for content in [&content[..], b"a", b""] {
                let stored = compress(content, codec);
                for piece in [1000, 1 << 20] {
                    assert!(read(&stored, codec, piece).unwrap() == content, "{codec:?} {piece}");
                }
            }
            assert!(read(b"", codec, 10).unwrap().is_empty(), "{codec:?}");
        }
        let error = AvroCodec::of_name(b"lzo").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("`lzo`"), "{error}");
    }

    #[test]
    fn what_ends_too_early_is_an_error() {
        let content: Vec<u8> = (0_u16..500).flat_map(u16::to_le_bytes).collect();
        for codec in AvroCodec::ALL.into_iter().filter(|codec| *codec != AvroCodec::Null) {
            let stored = compress(&content, codec);
            for length in 1..stored.len() {
                let error = read(&stored[..length], codec, 100).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::CorruptData, "{codec:?} {length}");
            }
        }
    }

    #[test]
    fn the_checksum_of_snappy_is_compared() {
        let mut stored = compress(b"some text", AvroCodec::Snappy);
        *stored.last_mut().unwrap() ^= 1;
        let error = read(&stored, AvroCodec::Snappy, 100).unwrap_err();
        assert!(error.message().contains("checksum"), "{error}");
    }

    /// Lengths in groups of seven bits, the lowest first ("format_description.txt", "Preamble").
    #[test]
    fn lengths_of_snappy_are_bounded_before_memory_is_taken() {
        let four_gigabytes = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 100]].concat();
        let error = read(&four_gigabytes, AvroCodec::Snappy, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptData);
        // 300 MiB, and enough bytes that they could be true.
        let mut large = vec![0x80, 0x80, 0x80, 0x96, 0x01];
        large.resize((300 << 20) / SNAPPY_GROWTH_MAX + 10, 0);
        let error = read(&large, AvroCodec::Snappy, 100).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }

    proptest! {
        #[test]
        fn any_bytes_end(bytes in vec(any::<u8>(), 0..200)) {
            for codec in AvroCodec::ALL {
                if let Err(error) = read(&bytes, codec, 64) {
                    prop_assert_eq!(error.kind(), ErrorKind::CorruptData);
                }
            }
        }
    }
}
