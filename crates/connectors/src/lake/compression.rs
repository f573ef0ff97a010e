//! How a file is compressed as a whole.

use mooring_spi::{Compression, TableDefinition, TableFormat};

/// As the definition says, else by the file's ending. Parquet compresses inside.
pub(super) fn of_file(path: &str, definition: &TableDefinition) -> Compression {
    match (&definition.format, definition.compression) {
        (TableFormat::Parquet, _) => Compression::None,
        (TableFormat::Csv(_) | TableFormat::Json, Some(compression)) => compression,
        (TableFormat::Csv(_) | TableFormat::Json, None) => by_ending(path),
    }
}

pub(super) fn by_ending(path: &str) -> Compression {
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("gz") => Compression::Gzip,
        Some("bz2") => Compression::Bzip2,
        Some("xz") => Compression::Xz,
        Some("zst") => Compression::Zstd,
        _ => Compression::None,
    }
}
