//! Whole files that are compressed, chunk by chunk.
//!
//! Input that ends in the middle is an error, never a shorter file.

mod chunks;
mod block;
mod hadoop;

#[cfg(test)]
mod tests;

use std::io;
use std::pin::Pin;

use async_compression::tokio::bufread::{
    BzDecoder, GzipDecoder, XzDecoder, ZlibDecoder, ZstdDecoder,
};
use bytes::{Bytes, BytesMut};
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use mooring_spi::{Compression, Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt};

pub use block::{BlockCodec, BlockDecoder, BlockError};
use chunks::Chunks;

/// The most that is decompressed at once.
const CHUNK_BYTES: usize = 256 << 10;

/// What a file of xz may ask for: the dictionary of its highest preset is 64 MiB.
pub(crate) const XZ_MEMORY_BYTES: u64 = 256 << 20;

/// The content of a compressed file, given as chunks of any size. Files that were joined end to end are read through.
///
/// The stream's errors pass through; input that the codec cannot read, or that ends too early, is `CorruptData`. An
/// empty file is empty.
pub fn decompressed(
    stream: impl Stream<Item = Result<Bytes>> + Send + 'static,
    compression: Compression,
) -> BoxStream<'static, Result<Bytes>> {
    let stream = stream.try_filter(|chunk| std::future::ready(!chunk.is_empty()));
    match compression {
        Compression::None => stream.boxed(),
        Compression::HadoopSnappy => hadoop::blocks(stream.boxed(), BlockCodec::Snappy),
        Compression::HadoopLz4 => hadoop::blocks(stream.boxed(), BlockCodec::Lz4),
        Compression::Gzip
        | Compression::Bzip2
        | Compression::Xz
        | Compression::Zstd
        | Compression::Zlib => {
            let chunks = stream.boxed().peekable();
            stream::once(open(chunks, compression)).try_flatten().boxed()
        }
    }
}

type Peekable = stream::Peekable<BoxStream<'static, Result<Bytes>>>;
type Reader = Pin<Box<dyn AsyncRead + Send>>;

async fn open(
    mut stream: Peekable,
    compression: Compression,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    if Pin::new(&mut stream).peek().await.is_none() {
        return Ok(stream::empty().boxed());
    }
    let chunks = Chunks::new(stream.boxed());
    // Every decoder goes on with a next member, stream or frame.
    macro_rules! joined {
        ($decoder:expr) => {{
            let mut decoder = $decoder;
            decoder.multiple_members(true);
            Box::pin(decoder) as Reader
        }};
    }
    let reader = match compression {
        Compression::Gzip => joined!(GzipDecoder::new(chunks)),
        Compression::Bzip2 => joined!(BzDecoder::new(chunks)),
        Compression::Xz => joined!(XzDecoder::with_mem_limit(chunks, XZ_MEMORY_BYTES)),
        Compression::Zstd => joined!(ZstdDecoder::new(chunks)),
        Compression::Zlib => joined!(ZlibDecoder::new(chunks)),
        Compression::None | Compression::HadoopSnappy | Compression::HadoopLz4 => {
            return Err(Error::internal("a stream without a decoder was opened"));
        }
    };
    Ok(stream::try_unfold(reader, move |mut reader| async move {
        let mut buffer = BytesMut::with_capacity(CHUNK_BYTES);
        let count =
            reader.read_buf(&mut buffer).await.map_err(|error| unread(error, compression))?;
        Ok((count > 0).then(|| (buffer.freeze(), reader)))
    })
    .boxed())
}

/// An error of the source that came through the decoder, or what the decoder found.
fn unread(error: io::Error, compression: Compression) -> Error {
    if let Some(source) = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        return source.clone();
    }
    let reason = if error.kind() == io::ErrorKind::UnexpectedEof {
        "it ends too early".to_owned()
    } else {
        error.to_string()
    };
    Error::new(
        ErrorKind::CorruptData,
        format!("a file compressed as {compression:?} cannot be read: {reason}"),
    )
    .with_cause(error)
}
