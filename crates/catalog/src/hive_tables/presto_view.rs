//! What Presto, Trino and Athena keep of a view: JSON in base64 inside a comment.
//!
//! Sources: Trino, `ViewReaderUtil.PrestoViewReader` and `ConnectorViewDefinition`; PrestoDB,
//! `HiveUtil.decodeViewData` and `ViewDefinition`; base64 is that of RFC 4648, section 4.

use super::presto_types::arrow_type;
use arrow::datatypes::{Field, Schema};
use mooring_spi::{Error, ErrorKind, Result, ViewColumns, ViewDefinition, ViewDialect};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

const PREFIX: &str = "/* Presto View: ";
const SUFFIX: &str = " */";

/// A longer text is not decoded.
const ENCODED_BYTES_MAX: usize = 4 << 20;

/// The encoded part of a view's text, `None` of one that is no view of Presto's.
pub(super) fn encoded(text: &str) -> Option<&str> {
    text.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)
}

/// The view `schema.name` with what [`encoded`] found. `owner` and `runAsInvoker` are not read: a view has the
/// rights of who asks.
///
/// # Errors
/// `CorruptData`, naming the view, for what Presto would not have written; `Unsupported` for a type of a
/// column.
pub(super) fn presto_view(schema: &str, name: &str, encoded: &str) -> Result<ViewDefinition> {
    let label = format!("{schema}.{name}");
    let corrupt = |why: &str| {
        let message = format!("the definition that Presto left of view `{label}` {why}");
        Error::new(ErrorKind::CorruptData, message)
    };
    if encoded.len() > ENCODED_BYTES_MAX {
        return Err(corrupt(&format!("has more than {ENCODED_BYTES_MAX} bytes")));
    }
    let json = from_base64(encoded).ok_or_else(|| corrupt("is not base64"))?;
    let view: Value =
        serde_json::from_slice(&json).map_err(|error| corrupt(&format!("is not JSON: {error}")))?;
    let text = |of: &Value, key: &str| of[key].as_str().map(str::to_owned);
    let missing = |key: &str| corrupt(&format!("has no `{key}`"));
    let sql = text(&view, "originalSql").ok_or_else(|| missing("originalSql"))?;
    let mut columns = Vec::new();
    for column in view["columns"].as_array().ok_or_else(|| missing("columns"))? {
        let name = text(column, "name").ok_or_else(|| missing("name"))?;
        let presto_type = text(column, "type").ok_or_else(|| missing("type"))?;
        let data_type = arrow_type(&presto_type).map_err(|error| {
            let message = format!("column `{name}` of view `{label}`: {}", error.message());
            Error::new(error.kind(), message)
        })?;
        let comment = text(column, "comment").map(|comment| ("comment".to_owned(), comment));
        let metadata = comment.into_iter().collect::<HashMap<_, _>>();
        columns.push(Field::new(name, data_type, true).with_metadata(metadata));
    }
    if columns.is_empty() {
        return Err(corrupt("has no columns"));
    }
    Ok(ViewDefinition {
        schema_name: schema.to_owned(),
        name: name.to_owned(),
        columns: Arc::new(Schema::new(columns)),
        sql,
        dialect: ViewDialect::Presto,
        default_schema: text(&view, "schema").unwrap_or_else(|| schema.to_owned()),
        // Whoever owns the metastore calls its catalog as it likes; plain names are in the view's own.
        own_catalogs: text(&view, "catalog").into_iter().collect(),
        columns_by: ViewColumns::PositionAndName,
    })
}

/// Strict but for a missing padding.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_suffix("==").or(text.strip_suffix('=')).unwrap_or(text);
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for (place, symbol) in group.iter().enumerate() {
            let value = match symbol {
                b'A'..=b'Z' => symbol - b'A',
                b'a'..=b'z' => symbol - b'a' + 26,
                b'0'..=b'9' => symbol - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits |= u32::from(value) << (26 - 6 * place);
        }
        // Four symbols are three bytes; one alone is none.
        let whole = group.len().checked_sub(1).filter(|whole| *whole > 0)?;
        bytes.extend_from_slice(bits.to_be_bytes().get(..whole)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_that_of_the_standard() {
        for (encoded, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
            ("+/+/", "\u{0}"),
        ] {
            let bytes = from_base64(encoded).expect(encoded);
            match encoded {
                "+/+/" => assert_eq!(bytes, [0xfb, 0xff, 0xbf]),
                _ => assert_eq!(bytes, plain.as_bytes()),
            }
        }
        for wrong in ["Z", "Zm9v\n", "Zm9_", "====", "Zg=v", "größe"] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }

    /// `{"originalSql":"SELECT id, name FROM t","catalog":"awsdatacatalog","schema":"s","columns":
    /// [{"name":"id","type":"bigint"},{"name":"name","type":"varchar(3)","comment":"who"}],"owner":"o"}`,
    /// encoded by GNU base64.
    const ENCODED: &str = "eyJvcmlnaW5hbFNxbCI6IlNFTEVDVCBpZCwgbmFtZSBGUk9NIHQiLCJjYXRhbG9nIjoiYXdzZGF0YWNhdGFsb2ciLCJzY2hlbWEiOiJzIiwiY29sdW1ucyI6W3sibmFtZSI6ImlkIiwidHlwZSI6ImJpZ2ludCJ9LHsibmFtZSI6Im5hbWUiLCJ0eXBlIjoidmFyY2hhcigzKSIsImNvbW1lbnQiOiJ3aG8ifV0sIm93bmVyIjoibyJ9";

    #[test]
    fn a_view_is_what_its_json_says() {
        let text = format!("/* Presto View: {ENCODED} */");
        let view = presto_view("web", "v", encoded(&text).expect("Presto's")).expect("a view");
        assert_eq!(view.sql, "SELECT id, name FROM t");
        assert_eq!(view.default_schema, "s");
        assert_eq!(view.own_catalogs, ["awsdatacatalog"]);
        assert_eq!(view.dialect, ViewDialect::Presto);
        let columns: Vec<String> = view
            .columns
            .fields()
            .iter()
            .map(|f| format!("{} {}", f.name(), f.data_type()))
            .collect();
        assert_eq!(columns, ["id Int64", "name Utf8"]);
        assert_eq!(view.columns.field(1).metadata()["comment"], "who");
        assert_eq!(encoded("SELECT 1"), None);
        assert_eq!(encoded("/* Presto Materialized View: e30= */"), None);
    }

    /// Each is refused under the view's name: no base64, too long, no JSON, no view, no columns.
    #[test]
    fn hostile_texts_are_refused_by_name() {
        let long = "A".repeat(ENCODED_BYTES_MAX + 4);
        for (text, why) in [
            ("***", "base64"),
            (long.as_str(), "bytes"),
            ("Zm9v", "JSON"),
            // {}
            ("e30=", "originalSql"),
            // {"originalSql":"SELECT 1"}
            ("eyJvcmlnaW5hbFNxbCI6IlNFTEVDVCAxIn0=", "`columns`"),
            // {"originalSql":"SELECT 1","columns":[]}
            ("eyJvcmlnaW5hbFNxbCI6IlNFTEVDVCAxIiwiY29sdW1ucyI6W119", "no columns"),
            // [[[[…: deeper than serde_json goes.
            (&"W1tb".repeat(1_000), "JSON"),
        ] {
            let error = presto_view("web", "v", text).expect_err(why);
            assert_eq!(error.kind(), ErrorKind::CorruptData);
            assert!(
                error.message().contains("`web.v`") && error.message().contains(why),
                "{error}"
            );
        }
    }
}
