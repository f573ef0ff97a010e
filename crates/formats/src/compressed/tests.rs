use async_compression::tokio::write::{
    BzEncoder, GzipEncoder, XzEncoder, ZlibEncoder, ZstdEncoder,
};
use futures::executor::block_on;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::*;

const ALL: [Compression; 7] = [
    Compression::Gzip,
    Compression::Bzip2,
    Compression::Xz,
    Compression::Zstd,
    Compression::Zlib,
    Compression::HadoopSnappy,
    Compression::HadoopLz4,
];

/// A file of Hadoop's blocks, each of one or more pieces.
fn in_blocks(
    content: &[u8],
    block: usize,
    piece: usize,
    compress: fn(&[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let mut file = Vec::new();
    for block in content.chunks(block) {
        file.extend((block.len() as u32).to_be_bytes());
        for piece in block.chunks(piece) {
            let compressed = compress(piece);
            file.extend((compressed.len() as u32).to_be_bytes());
            file.extend(compressed);
        }
    }
    file
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

fn compress(content: &[u8], compression: Compression) -> Vec<u8> {
    macro_rules! encode {
        ($encoder:ident) => {{
            let mut encoder = $encoder::new(Vec::new());
            block_on(encoder.write_all(content)).unwrap();
            block_on(encoder.shutdown()).unwrap();
            encoder.into_inner()
        }};
    }
    match compression {
        Compression::None => content.to_vec(),
        Compression::Gzip => encode!(GzipEncoder),
        Compression::Bzip2 => encode!(BzEncoder),
        Compression::Xz => encode!(XzEncoder),
        Compression::Zstd => encode!(ZstdEncoder),
        Compression::Zlib => encode!(ZlibEncoder),
        Compression::HadoopSnappy => in_blocks(content, 1000, 300, snappy),
        Compression::HadoopLz4 => in_blocks(content, 1000, 300, lz4_flex::block::compress),
    }
}

fn read(file: &[u8], chunk: usize, compression: Compression) -> Result<Vec<u8>> {
    let chunks: Vec<_> =
        file.chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let content: Vec<Bytes> =
        block_on(decompressed(stream::iter(chunks), compression).try_collect())?;
    Ok(content.concat())
}

fn text(bytes: usize) -> Vec<u8> {
    (0_u32..).flat_map(|number| format!("{number},").into_bytes()).take(bytes).collect()
}

#[test]
fn joined_files_are_read_through() {
    for compression in ALL {
        let first = text(5000);
        let file = [compress(&first, compression), compress(b"second", compression)].concat();
        for chunk in [1, 7, 100_000] {
            let content = read(&file, chunk, compression).unwrap();
            assert!(content == [&first[..], b"second"].concat(), "{compression:?} {chunk}");
        }
        assert!(read(b"", 1, compression).unwrap().is_empty(), "{compression:?}");
    }
}

#[test]
fn truncated_files_are_errors() {
    for compression in ALL {
        let file = compress(&text(900), compression);
        for length in 1..file.len() {
            let result = read(&file[..length], 50, compression);
            // Between two whole blocks nothing tells that one is missing; this file has one block.
            let kind = result.as_ref().err().map(Error::kind);
            assert_eq!(kind, Some(ErrorKind::CorruptData), "{compression:?} {length}");
        }
    }
}

#[test]
fn absurd_lengths_are_refused() {
    let huge = u32::MAX.to_be_bytes();
    let block = 1000_u32.to_be_bytes();
    // A piece of Snappy that says to be 4 GiB long: a length in seven-bit groups.
    let long_piece = [&block[..], &5_u32.to_be_bytes(), &[0xff, 0xff, 0xff, 0xff, 0x0f]].concat();
    let large_block =
        [&(64_u32 << 20).to_be_bytes()[..], &5_u32.to_be_bytes(), &[0x80, 0x80, 0x80, 0x20, 0]];
    for file in [huge.to_vec(), [block, huge].concat(), long_piece, large_block.concat()] {
        for compression in [Compression::HadoopSnappy, Compression::HadoopLz4] {
            let error = read(&file, 3, compression).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::CorruptData);
        }
    }
}

#[test]
fn errors_of_the_source_pass_through() {
    for compression in ALL {
        let file = Bytes::from(compress(&text(900), compression));
        let away = Error::new(ErrorKind::SourceUnavailable, "away");
        let chunks = stream::iter([Ok(file.slice(..20)), Err(away)]);
        let result: Result<Vec<Bytes>> = block_on(decompressed(chunks, compression).try_collect());
        assert_eq!(result.unwrap_err().kind(), ErrorKind::SourceUnavailable, "{compression:?}");
    }
}

proptest! {
    #[test]
    fn blocks_are_read(content in vec(0_u8..4, 0..3000), block in 1_usize..2000, piece in 1_usize..700, chunk in 1_usize..500) {
        let file = in_blocks(&content, block, piece, snappy);
        prop_assert_eq!(&read(&file, chunk, Compression::HadoopSnappy).unwrap(), &content);
        let file = in_blocks(&content, block, piece, lz4_flex::block::compress);
        prop_assert_eq!(&read(&file, chunk, Compression::HadoopLz4).unwrap(), &content);
    }

    #[test]
    fn any_bytes_end(bytes in vec(any::<u8>(), 0..200)) {
        for compression in ALL {
            if let Err(error) = read(&bytes, 7, compression) {
                prop_assert_eq!(error.kind(), ErrorKind::CorruptData);
            }
        }
    }
}
