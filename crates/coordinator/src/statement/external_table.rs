//! `CREATE EXTERNAL TABLE`: a table of files that are already there.
//!
//! ```sql
//! CREATE EXTERNAL TABLE [IF NOT EXISTS] name
//!   [(column type [NOT NULL] [COMMENT '...'], ...)]
//!   STORED AS PARQUET | CSV | JSON
//!   [PARTITIONED BY (column [type], ...)]
//!   [WITH HEADER ROW] [DELIMITER '...'] [COMPRESSION TYPE NONE | GZIP | BZIP2 | XZ | ZSTD]
//!   LOCATION '...'
//!   [OPTIONS ('key' 'value' | key = value, ...)]
//! ```
//! The clauses after the columns may come in any order, each at most once.

use super::column_list::{PartitionColumn, arranged, columns, distinct, partition_columns};
use super::csv_options;
use super::names::Name;
use super::tokens::{at_end, expect_token, expected, name, string, string_or_word, take_words};
use arrow::datatypes::{Schema, SchemaRef};
use mooring_spi::{Compression, Error, ErrorKind, FileFormat, Result};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The statement's content.
#[derive(Debug, Clone, PartialEq)]
pub struct CreateExternalTable {
    pub name: Name,
    pub if_not_exists: bool,
    /// All columns, the partition columns last; `None` when the files tell.
    pub columns: Option<SchemaRef>,
    /// The columns that come from folder names, in the order of the folders. Types are missing
    /// only where `columns` is.
    pub partition_columns: Vec<PartitionColumn>,
    pub format: FileFormat,
    /// `None`: by each file's ending.
    pub compression: Option<Compression>,
    /// As given: a folder or a file, maybe without a scheme.
    pub location: String,
    /// Options in lower case as given, also those of clauses (`DELIMITER`, `WITH HEADER ROW`).
    pub options: BTreeMap<String, String>,
}

/// The clauses as they stand.
#[derive(Default)]
struct Clauses {
    stored_as: Option<String>,
    partitions: Option<Vec<PartitionColumn>>,
    compression: Option<Compression>,
    location: Option<String>,
    /// `OPTIONS` itself, since it may be empty.
    options_given: bool,
    options: BTreeMap<String, String>,
}

/// Parses what follows `CREATE EXTERNAL TABLE`.
pub(super) fn create_external_table(parser: &mut Parser<'_>) -> Result<CreateExternalTable> {
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let name = Name(name(parser, "a table name")?);
    let listed =
        if parser.peek_token_ref().token == Token::LParen { Some(columns(parser)?) } else { None };
    let mut clauses = Clauses::default();
    while !at_end(parser) {
        clause(parser, &mut clauses)?;
    }
    let Some(stored_as) = clauses.stored_as else {
        return expected(parser, "`STORED AS PARQUET`, `ORC`, `AVRO`, `CSV` or `JSON`");
    };
    let Some(location) = clauses.location else {
        return expected(parser, "`LOCATION '...'`");
    };
    let format = format(&stored_as, &clauses.options)?;
    if format.compresses_itself() && clauses.compression.is_some() {
        return Err(invalid(format!(
            "{} files are compressed inside; leave `COMPRESSION TYPE` out",
            format.keyword()
        )));
    }
    let partitions = clauses.partitions.unwrap_or_default();
    distinct(partitions.iter().map(|column| column.name.as_str()))?;
    let (columns, partition_columns) = match listed {
        Some(fields) => {
            let (fields, partitions) = arranged(fields, &partitions)?;
            (Some(Arc::new(Schema::new(fields))), partitions)
        }
        None => (None, partitions),
    };
    Ok(CreateExternalTable {
        name,
        if_not_exists,
        columns,
        partition_columns,
        format,
        compression: clauses.compression,
        location,
        options: clauses.options,
    })
}

fn clause(parser: &mut Parser<'_>, clauses: &mut Clauses) -> Result<()> {
    if take_words(parser, &["STORED", "AS"]) {
        let format = string_or_word(parser, "`PARQUET`, `CSV` or `JSON`")?;
        once("STORED AS", clauses.stored_as.replace(format).is_some())
    } else if take_words(parser, &["PARTITIONED", "BY"]) {
        let columns = partition_columns(parser)?;
        once("PARTITIONED BY", clauses.partitions.replace(columns).is_some())
    } else if take_words(parser, &["WITH", "HEADER", "ROW"]) {
        option(clauses, "header", "true".to_owned())
    } else if take_words(parser, &["DELIMITER"]) {
        let delimiter = string(parser, "a character in quotes")?;
        option(clauses, "delimiter", delimiter)
    } else if take_words(parser, &["COMPRESSION", "TYPE"]) {
        let compression = compression(&string_or_word(parser, "a compression")?)?;
        once("COMPRESSION TYPE", clauses.compression.replace(compression).is_some())
    } else if take_words(parser, &["LOCATION"]) {
        let location = string(parser, "a folder or a file in quotes")?;
        once("LOCATION", clauses.location.replace(location).is_some())
    } else if take_words(parser, &["OPTIONS"]) {
        once("OPTIONS", std::mem::replace(&mut clauses.options_given, true))?;
        options(parser, clauses)
    } else {
        expected(
            parser,
            "`STORED AS`, `PARTITIONED BY`, `WITH HEADER ROW`, `DELIMITER`, `COMPRESSION TYPE`, \
             `LOCATION` or `OPTIONS`",
        )
    }
}

fn once(clause: &str, given_before: bool) -> Result<()> {
    if !given_before {
        return Ok(());
    }
    Err(Error::new(ErrorKind::SyntaxError, format!("syntax error: `{clause}` is there twice")))
}

fn option(clauses: &mut Clauses, name: &str, value: String) -> Result<()> {
    once(name, clauses.options.insert(name.to_owned(), value).is_some())
}

/// `('key' 'value' | key = value, ...)`.
fn options(parser: &mut Parser<'_>, clauses: &mut Clauses) -> Result<()> {
    expect_token(parser, &Token::LParen)?;
    while parser.peek_token_ref().token != Token::RParen {
        let key = option_name(parser)?;
        let _equals = parser.consume_token(&Token::Eq);
        let value = option_value(parser)?;
        option(clauses, &key, value)?;
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect_token(parser, &Token::RParen)
}

/// In lower case, without DataFusion's `format.`, and `has_header` as `header`.
fn option_name(parser: &mut Parser<'_>) -> Result<String> {
    let written = match parser.peek_token_ref().token {
        Token::Word(_) => name(parser, "an option's name")?.join("."),
        _ => string(parser, "an option's name")?,
    };
    let lower = written.to_lowercase();
    let plain = lower.strip_prefix("format.").unwrap_or(&lower);
    Ok(if plain == "has_header" { "header".to_owned() } else { plain.to_owned() })
}

fn option_value(parser: &mut Parser<'_>) -> Result<String> {
    if let Token::Number(number, _) = &parser.peek_token_ref().token {
        let number = number.clone();
        parser.advance_token();
        return Ok(number);
    }
    string_or_word(parser, "an option's value")
}

fn format(stored_as: &str, options: &BTreeMap<String, String>) -> Result<FileFormat> {
    let format = match stored_as.to_ascii_uppercase().as_str() {
        "CSV" => return Ok(FileFormat::Csv(csv_options::read(options)?)),
        "PARQUET" => FileFormat::Parquet,
        "JSON" => FileFormat::Json,
        "ORC" => FileFormat::Orc,
        "AVRO" => FileFormat::Avro,
        other => {
            return Err(Error::unsupported(format!(
                "`STORED AS {other}` is not supported; there are `PARQUET`, `ORC`, `AVRO`, `CSV` and `JSON`"
            )));
        }
    };
    match options.keys().next() {
        None => Ok(format),
        Some(option) => Err(invalid(format!(
            "unknown option `{option}`: {} tables have none",
            format.keyword()
        ))),
    }
}

fn compression(name: &str) -> Result<Compression> {
    match name.to_ascii_uppercase().as_str() {
        "NONE" | "UNCOMPRESSED" => Ok(Compression::None),
        "GZIP" | "GZ" => Ok(Compression::Gzip),
        "BZIP2" | "BZ2" => Ok(Compression::Bzip2),
        "XZ" => Ok(Compression::Xz),
        "ZSTD" | "ZST" => Ok(Compression::Zstd),
        _ => Err(Error::unsupported(format!(
            "`COMPRESSION TYPE {name}` is not supported; there are {}",
            ["`NONE`", "`GZIP`", "`BZIP2`", "`XZ`", "`ZSTD`"].join(", ")
        ))),
    }
}

/// The word of `COMPRESSION TYPE`.
pub(super) fn compression_word(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "NONE",
        Compression::Gzip => "GZIP",
        Compression::Bzip2 => "BZIP2",
        Compression::Xz => "XZ",
        Compression::Zstd => "ZSTD",
        Compression::Zlib => "DEFLATE",
        Compression::HadoopSnappy => "SNAPPY",
        Compression::HadoopLz4 => "LZ4",
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
#[path = "external_table_tests.rs"]
mod tests;
