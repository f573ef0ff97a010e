//! The format of a table or partition, by the Java classes that Hive reads it with.
//!
//! Source: Apache Hive, `StorageFormatDescriptor` and its implementations, `LazySerDeParameters.java`,
//! `OpenCSVSerde.java`; Athena's documentation of its SerDes.

use super::Storage;
use mooring_spi::{
    ColumnMatch, Error, ErrorKind, FileFormat, HiveCsvOptions, HiveJsonOptions, HiveTextOptions,
    Result,
};
use std::collections::BTreeMap;

/// How many lines at the start, and at the end, of each file are no rows.
pub(super) const HEADER_LINES: &str = "skip.header.line.count";
pub(super) const FOOTER_LINES: &str = "skip.footer.line.count";

const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";

/// # Errors
/// `Unsupported`, naming `what` and the class or property that is not known; `CorruptData` for a
/// property that has no meaning.
pub(super) fn of_storage(
    what: &str,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> Result<FileFormat> {
    let properties = Properties { what, serde: &storage.serde_parameters, table: parameters };
    match storage.input_format.as_str() {
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
        | "parquet.hive.DeprecatedParquetInputFormat" => Ok(FileFormat::Parquet),
        "org.apache.hadoop.hive.ql.io.orc.OrcInputFormat" => Ok(FileFormat::Orc),
        "org.apache.hadoop.hive.ql.io.avro.AvroContainerInputFormat" => Ok(FileFormat::Avro),
        TEXT_INPUT => match storage.serde.as_str() {
            "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe" => properties.text(),
            "org.apache.hadoop.hive.serde2.OpenCSVSerde" => properties.csv(),
            "org.apache.hive.hcatalog.data.JsonSerDe"
            | "org.apache.hadoop.hive.serde2.JsonSerDe"
            | "org.openx.data.jsonserde.JsonSerDe" => properties.json(),
            other => Err(Error::unsupported(format!(
                "{what} is text of the SerDe `{other}`, which is not read; `LazySimpleSerDe`, \
                 `OpenCSVSerde` and `JsonSerDe` are"
            ))),
        },
        other => Err(Error::unsupported(format!(
            "{what} has the input format `{other}`, which is not read; Parquet, ORC, Avro and text are"
        ))),
    }
}

/// How the columns of a file are found: each format has its own property.
pub(super) fn column_match(
    format: &FileFormat,
    storage: &Storage,
    parameters: &BTreeMap<String, String>,
) -> ColumnMatch {
    let by_position = match format {
        FileFormat::Parquet => "parquet.column.index.access",
        FileFormat::Orc => "orc.force.positional.evolution",
        _ => return ColumnMatch::Name,
    };
    let value = storage.serde_parameters.get(by_position).or_else(|| parameters.get(by_position));
    match value.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        true => ColumnMatch::Position,
        false => ColumnMatch::Name,
    }
}

/// The properties of a SerDe, and of the table or partition that has it.
struct Properties<'a> {
    what: &'a str,
    serde: &'a BTreeMap<String, String>,
    table: &'a BTreeMap<String, String>,
}

impl Properties<'_> {
    fn text(&self) -> Result<FileFormat> {
        if let Some(line) = self.serde.get("line.delim")
            && line != "\n"
        {
            return Err(self.refused("line.delim", line, "lines end with a line feed"));
        }
        let defaults = HiveTextOptions::default();
        let mut separators = defaults.separators;
        // The second name of the second one is Hive's own misspelling.
        let names = [
            &["field.delim", "serialization.format"][..],
            &["collection.delim", "colelction.delim"],
            &["mapkey.delim"],
        ];
        for (separator, names) in separators.iter_mut().zip(names) {
            if let Some(given) = names.iter().find_map(|name| self.byte(name)) {
                *separator = given;
            }
        }
        self.check_encoding()?;
        Ok(FileFormat::HiveText(HiveTextOptions {
            separators,
            escape: self.byte("escape.delim"),
            null: self.serde.get("serialization.null.format").cloned().unwrap_or(defaults.null),
            last_column_takes_rest: self.is_set("serialization.last.column.takes.rest"),
            header_lines: self.lines(HEADER_LINES)?,
            footer_lines: self.lines(FOOTER_LINES)?,
            timestamp_formats: self.timestamp_formats(),
        }))
    }

    fn csv(&self) -> Result<FileFormat> {
        let defaults = HiveCsvOptions::default();
        let byte = |name: &str, default: u8| match self.serde.get(name).map(String::as_bytes) {
            None | Some([]) => Ok(default),
            Some([byte]) if byte.is_ascii() => Ok(*byte),
            Some(_) => Err(self.refused(name, &self.serde[name], "it is one ASCII character")),
        };
        self.check_encoding()?;
        Ok(FileFormat::HiveCsv(HiveCsvOptions {
            separator: byte("separatorChar", defaults.separator)?,
            quote: byte("quoteChar", defaults.quote)?,
            escape: byte("escapeChar", defaults.escape)?,
            header_lines: self.lines(HEADER_LINES)?,
            footer_lines: self.lines(FOOTER_LINES)?,
        }))
    }

    fn json(&self) -> Result<FileFormat> {
        if let Some(name) = self.serde.keys().find(|name| name.starts_with("mapping.")) {
            return Err(self.refused(
                name,
                &self.serde[name],
                "columns have the names of the keys",
            ));
        }
        self.check_encoding()?;
        Ok(FileFormat::HiveJson(HiveJsonOptions {
            ignore_malformed: self.is_set("ignore.malformed.json"),
            timestamp_formats: self.timestamp_formats(),
        }))
    }

    /// As `LazyUtils.getByte`: a number is a byte's, anything else counts by its first one.
    fn byte(&self, name: &str) -> Option<u8> {
        let value = self.serde.get(name).filter(|value| !value.is_empty())?;
        match value.parse::<i8>() {
            Ok(number) => Some(number.to_le_bytes()[0]),
            Err(_) => value.bytes().next(),
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.serde.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn lines(&self, name: &str) -> Result<usize> {
        let Some(value) = self.table.get(name).or_else(|| self.serde.get(name)) else {
            return Ok(0);
        };
        value.trim().parse().map_err(|_| {
            let message =
                format!("{}: `{name}` is `{value}`, which is no number of lines", self.what);
            Error::new(ErrorKind::CorruptData, message)
        })
    }

    fn timestamp_formats(&self) -> Vec<String> {
        let formats = self.serde.get("timestamp.formats").map(String::as_str).unwrap_or_default();
        formats.split(',').filter(|format| !format.is_empty()).map(str::to_owned).collect()
    }

    fn check_encoding(&self) -> Result<()> {
        match self.serde.get("serialization.encoding") {
            Some(encoding)
                if !["utf-8", "utf8"].contains(&encoding.to_ascii_lowercase().as_str()) =>
            {
                Err(self.refused("serialization.encoding", encoding, "files are UTF-8"))
            }
            _ => Ok(()),
        }
    }

    fn refused(&self, name: &str, value: &str, rule: &str) -> Error {
        let what = self.what;
        Error::unsupported(format!("{what} has `{name}` = `{value}`, which is not read; {rule}"))
    }
}
