//! The first record of a JSON file.

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use mooring_spi::Compression;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use serde::de::IgnoredAny;
use std::collections::BTreeMap;
use tokio::io::{AsyncRead, AsyncReadExt};

/// As much of a file is read, and as much of it is decompressed.
const READ_BYTES: u64 = 256 * 1024;
const DECOMPRESSED_BYTES: u64 = 1024 * 1024;

/// The keys of the first record; `None` where the start of the file does not hold a whole one, or
/// cannot be read.
pub(super) async fn first_record(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
    compression: Compression,
) -> Option<Vec<String>> {
    let start = store.get_range(&file.location, 0..file.size.min(READ_BYTES)).await.ok()?;
    let keys = tokio::task::spawn_blocking(move || {
        let text = match compression {
            Compression::None => start.to_vec(),
            Compression::Gzip => decompressed(GzipDecoder::new(start.as_ref())),
            Compression::Bzip2 => decompressed(BzDecoder::new(start.as_ref())),
            Compression::Xz => decompressed(XzDecoder::new(start.as_ref())),
            Compression::Zstd => decompressed(ZstdDecoder::new(start.as_ref())),
            Compression::Zlib | Compression::HadoopSnappy | Compression::HadoopLz4 => return None,
        };
        keys(&text)
    });
    keys.await.ok()?
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
