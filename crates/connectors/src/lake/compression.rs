//! How a file is compressed as a whole.

use mooring_spi::{Compression, FileFormat};

/// As the table says, else by the file's ending.
pub(super) fn of_file(path: &str, format: &FileFormat, said: Option<Compression>) -> Compression {
    match format.compresses_itself() {
        true => Compression::None,
        false => said.unwrap_or_else(|| by_ending(path)),
    }
}

pub(super) fn by_ending(path: &str) -> Compression {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("gz") => Compression::Gzip,
        Some("deflate") => Compression::Zlib,
        Some("bz2") => Compression::Bzip2,
        Some("xz") => Compression::Xz,
        Some("zst") => Compression::Zstd,
        Some("snappy") => Compression::HadoopSnappy,
        Some("lz4") => Compression::HadoopLz4,
        _ => Compression::None,
    }
}
