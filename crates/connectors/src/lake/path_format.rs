//! Which format files have, by their endings.

use super::compression;
use mooring_spi::{Compression, CsvOptions, Error, ErrorKind, FileFormat, Result};
use object_store::ObjectMeta;

const KNOWN: &str = "`.parquet`, `.csv`, `.tsv`, `.json`, `.jsonl` or `.ndjson`, the text formats also \
                     with `.gz`, `.bz2`, `.xz` or `.zst` behind it";

/// The one format of all files; there is at least one.
///
/// # Errors
/// `InvalidArgument`, naming the file, for an ending that tells nothing, or another format than the
/// first file's; `Unsupported` for formats whose columns are not read from files.
pub(super) fn format_of(store_url: &str, files: &[ObjectMeta]) -> Result<FileFormat> {
    let mut first: Option<(FileFormat, &str)> = None;
    for file in files {
        let path = file.location.as_ref();
        let format = by_ending(path).map_err(|(kind, why)| {
            Error::new(kind, format!("the format of file `{store_url}/{path}` {why}"))
        })?;
        match &first {
            None => first = Some((format, path)),
            Some((known, _)) if *known == format => {}
            Some((_, known)) => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "files `{known}` and `{path}` in `{store_url}` have different formats; name \
                         those of one by a pattern such as `*.parquet`"
                    ),
                ));
            }
        }
    }
    first.map(|(format, _)| format).ok_or_else(|| Error::internal("no file to take a format from"))
}

/// The error is its kind and the end of a sentence.
fn by_ending(path: &str) -> Result<FileFormat, (ErrorKind, String)> {
    let is_compressed = compression::by_ending(path) != Compression::None;
    let plain = match (is_compressed, path.rsplit_once('.')) {
        (true, Some((plain, _))) => plain,
        _ => path,
    };
    let name = plain.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let unknown =
        || Err((ErrorKind::InvalidArgument, format!("has no ending that tells it: {KNOWN}")));
    match ending.as_deref() {
        Some("parquet") if is_compressed => unknown(),
        Some("parquet") => Ok(FileFormat::Parquet),
        Some("csv") => Ok(FileFormat::Csv(CsvOptions::default())),
        Some("tsv") => {
            Ok(FileFormat::Csv(CsvOptions { delimiter: b'\t', ..CsvOptions::default() }))
        }
        Some("json" | "jsonl" | "ndjson") => Ok(FileFormat::Json),
        Some(ending @ ("orc" | "avro")) => Err((
            ErrorKind::Unsupported,
            format!(
                "`{ending}` is read only through a table that names its columns; see `CREATE EXTERNAL \
                 TABLE`"
            ),
        )),
        _ => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_formats() {
        let csv = FileFormat::Csv(CsvOptions::default());
        for (path, expected) in [
            ("a/b.parquet", FileFormat::Parquet),
            ("a/b.snappy.PARQUET", FileFormat::Parquet),
            ("b.csv", csv.clone()),
            ("b.csv.gz", csv),
            ("a.x/b.ndjson.zst", FileFormat::Json),
            ("b.json", FileFormat::Json),
        ] {
            assert_eq!(by_ending(path), Ok(expected), "{path}");
        }
        for (path, expected) in [
            ("a.csv/b", ErrorKind::InvalidArgument),
            ("b.gz", ErrorKind::InvalidArgument),
            ("b.parquet.gz", ErrorKind::InvalidArgument),
            ("b.orc", ErrorKind::Unsupported),
        ] {
            assert_eq!(by_ending(path).expect_err(path).0, expected, "{path}");
        }
    }
}
