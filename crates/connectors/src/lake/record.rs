//! The start of a text file, and the first record of a JSON file.

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use mooring_spi::Compression;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use tokio::io::{AsyncRead, AsyncReadExt};

/// As much of a file is read, and as much of it is decompressed.
const READ_BYTES: u64 = 1024 * 1024;
const DECOMPRESSED_BYTES: u64 = 1024 * 1024;

/// The first bytes of a text file.
pub(super) struct FileStart {
    pub(super) text: Vec<u8>,
    /// Whether that is all of it.
    pub(super) is_whole: bool,
}

/// `None` for a compression that is not read here.
pub(super) async fn file_start(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
    compression: Compression,
) -> object_store::Result<Option<FileStart>> {
    let is_read_whole = file.size <= READ_BYTES;
    // A small file is read without a range, which not every web server knows.
    let start = match is_read_whole {
        true => store.get(&file.location).await?.bytes().await?,
        false => store.get_range(&file.location, 0..READ_BYTES).await?,
    };
    let decompress = move || {
        Some(match compression {
            Compression::None => start.to_vec(),
            Compression::Gzip => decompressed(GzipDecoder::new(start.as_ref())),
            Compression::Bzip2 => decompressed(BzDecoder::new(start.as_ref())),
            Compression::Xz => decompressed(XzDecoder::new(start.as_ref())),
            Compression::Zstd => decompressed(ZstdDecoder::new(start.as_ref())),
            Compression::Zlib | Compression::HadoopSnappy | Compression::HadoopLz4 => return None,
        })
    };
    let text = tokio::task::spawn_blocking(decompress).await?;
    Ok(text.map(|text| {
        let is_whole = is_read_whole && (text.len() as u64) < DECOMPRESSED_BYTES;
        FileStart { text, is_whole }
    }))
}

/// The keys of the first record; `None` where the start of the file does not hold a whole one, or
/// cannot be read.
pub(super) async fn first_record(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
    compression: Compression,
) -> Option<Vec<String>> {
    keys(&file_start(store, file, compression).await.ok()??.text)
}

/// What comes out before the bytes end, in the middle of the file as they may.
fn decompressed(decoder: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut text = Vec::new();
    let mut limited = decoder.take(DECOMPRESSED_BYTES);
    // From memory, so nothing waits.
    let _cut = futures::executor::block_on(limited.read_to_end(&mut text));
    text
}

fn keys(text: &[u8]) -> Option<Vec<String>> {
    let records = serde_json::Deserializer::from_slice(text);
    let first = records.into_iter::<BTreeMap<String, IgnoredAny>>().next()?;
    Some(first.ok()?.into_keys().collect())
}
