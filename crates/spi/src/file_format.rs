//! How the bytes of a file become rows: its format, the dialect of a text format, its compression, and
//! how a table's columns are found in it.

use serde::{Deserialize, Serialize};

/// How the bytes of a file become rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum FileFormat {
    /// Columns are found as [`ColumnMatch`] says, as in ORC; one that a file lacks is null.
    Parquet,
    Orc,
    /// Columns are found by name.
    Avro,
    /// Columns are found by position.
    Csv(CsvOptions),
    /// One JSON object per line; columns are found by name.
    Json,
    /// Lines of Hive's `LazySimpleSerDe`; columns are found by position.
    HiveText(HiveTextOptions),
    /// Lines of Hive's `OpenCSVSerde`; columns are found by position.
    HiveCsv(HiveCsvOptions),
    /// One JSON object per line, read as Hive's JSON SerDes do; columns are found by name without
    /// regard to case.
    HiveJson(HiveJsonOptions),
}

impl FileFormat {
    /// The keyword of `STORED AS`.
    pub fn keyword(&self) -> &'static str {
        match self {
            FileFormat::Parquet => "PARQUET",
            FileFormat::Orc => "ORC",
            FileFormat::Avro => "AVRO",
            FileFormat::Csv(_) | FileFormat::HiveCsv(_) => "CSV",
            FileFormat::Json | FileFormat::HiveJson(_) => "JSON",
            FileFormat::HiveText(_) => "TEXTFILE",
        }
    }

    /// How many lines at the start of each file, and at its end, are no rows.
    pub fn header_and_footer_lines(&self) -> (usize, usize) {
        match self {
            FileFormat::HiveText(options) => (options.header_lines, options.footer_lines),
            FileFormat::HiveCsv(options) => (options.header_lines, options.footer_lines),
            FileFormat::Parquet
            | FileFormat::Orc
            | FileFormat::Avro
            | FileFormat::Csv(_)
            | FileFormat::Json
            | FileFormat::HiveJson(_) => (0, 0),
        }
    }

    /// Whether the format compresses inside, so that its files are never compressed as a whole.
    pub fn compresses_itself(&self) -> bool {
        matches!(self, FileFormat::Parquet | FileFormat::Orc | FileFormat::Avro)
    }
}

/// How a table's column is found in a file that has names for its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ColumnMatch {
    /// By its name: an exact match wins over one without regard to case.
    #[default]
    Name,
    /// By its place.
    Position,
}

/// The text format's dialect, RFC 4180 unless changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CsvOptions {
    pub has_header: bool,
    pub delimiter: u8,
    pub quote: u8,
    pub escape: Option<u8>,
    /// A field with exactly this text is null.
    pub null: Option<String>,
    /// Whether a quoted field may hold a line break; such a file cannot be split.
    pub newlines_in_values: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            has_header: true,
            delimiter: b',',
            quote: b'"',
            escape: None,
            null: None,
            newlines_in_values: false,
        }
    }
}

/// Source: Apache Hive, `LazySerDeParameters.java`, whose defaults these are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HiveTextOptions {
    /// What stands between fields, elements of the field, parts of the element and so on: at each depth
    /// its own byte. Never empty.
    pub separators: Vec<u8>,
    /// Makes the byte after it stand for itself.
    pub escape: Option<u8>,
    /// What is null.
    pub null: String,
    /// Whether the last column takes what is left of the line, separators too.
    pub last_column_takes_rest: bool,
    /// Lines at the start of each file that are no rows.
    pub header_lines: usize,
    /// Lines at the end of each file that are no rows; such a file is not split.
    pub footer_lines: usize,
    /// Patterns of Java's `SimpleDateFormat` for timestamps, beside Hive's own.
    pub timestamp_formats: Vec<String>,
}

impl Default for HiveTextOptions {
    fn default() -> Self {
        Self {
            separators: (1..=8).collect(),
            escape: None,
            null: "\\N".to_owned(),
            last_column_takes_rest: false,
            header_lines: 0,
            footer_lines: 0,
            timestamp_formats: Vec::new(),
        }
    }
}

/// Source: Apache Hive, `OpenCSVSerde.java`, whose defaults these are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HiveCsvOptions {
    pub separator: u8,
    pub quote: u8,
    pub escape: u8,
    /// As those of [`HiveTextOptions`].
    pub header_lines: usize,
    pub footer_lines: usize,
}

impl Default for HiveCsvOptions {
    fn default() -> Self {
        Self { separator: b',', quote: b'"', escape: b'\\', header_lines: 0, footer_lines: 0 }
    }
}

/// Of `org.apache.hive.hcatalog.data.JsonSerDe`, `org.apache.hadoop.hive.serde2.JsonSerDe` and
/// `org.openx.data.jsonserde.JsonSerDe`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HiveJsonOptions {
    /// A line that is no object is a row of nulls (`ignore.malformed.json`), not an error.
    pub ignore_malformed: bool,
    /// As those of [`HiveTextOptions`].
    pub timestamp_formats: Vec<String>,
}

/// How a whole file is compressed; a compressed file is never split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compression {
    None,
    Gzip,
    Bzip2,
    Xz,
    Zstd,
    /// Hadoop's `DefaultCodec`.
    Zlib,
    /// In blocks, as Hadoop's codecs write them.
    HadoopSnappy,
    HadoopLz4,
}
