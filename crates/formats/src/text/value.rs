//! A field's bytes to a value of its column.

use std::collections::HashSet;

use super::Dialect;
use super::fields::{Fields, find};
use crate::column::{Column, MapValues, Spans, StructValues, Values};
use crate::values::{
    decode_if_base64, parse_boolean, parse_date, parse_decimal, parse_double, parse_float,
    parse_integer,
};

/// Appends one value. A field that is missing, or whose bytes are the null text (before anything is unescaped), is
/// null; so is one that is no value of the type.
pub(super) fn append(column: &mut Column, field: Option<&[u8]>, dialect: &Dialect, depth: usize) {
    let Some(bytes) = field.filter(|bytes| *bytes != dialect.null.as_slice()) else {
        column.append_null();
        return;
    };
    match &mut column.values {
        Values::Utf8(spans) => append_text(spans, bytes, dialect.escape),
        Values::Binary(spans) => {
            decode_if_base64(bytes, &mut spans.bytes);
            spans.end();
        }
        Values::List(list) => {
            // Empty bytes are no element, unlike those of a struct.
            if !bytes.is_empty() {
                for element in Fields::elements(bytes, dialect, depth) {
                    append(&mut list.elements, Some(element), dialect, depth + 1);
                }
            }
            list.ends.push(list.elements.len());
        }
        Values::Map(map) => append_map(map, bytes, dialect, depth),
        Values::Struct(values) => append_struct(values, bytes, dialect, depth),
        primitive => {
            if !append_primitive(primitive, bytes, dialect) {
                column.append_null();
                return;
            }
        }
    }
    column.present.append_non_null();
}

/// Whether there was a value to append.
fn append_primitive(values: &mut Values, bytes: &[u8], dialect: &Dialect) -> bool {
    match values {
        Values::Boolean(values) => parse_boolean(bytes).map(|value| values.append(value)).is_some(),
        Values::Int8(values) => push(values, integer(bytes)),
        Values::Int16(values) => push(values, integer(bytes)),
        Values::Int32(values) => push(values, integer(bytes)),
        Values::Int64(values) => push(values, parse_integer(bytes)),
        Values::Float32(values) => push(values, parse_float(bytes)),
        Values::Float64(values) => push(values, parse_double(bytes)),
        // `LazyUtils.isDateMaybe`: fewer than eight bytes are no date. Nor is more than a date: Hive 3 and
        // later drop blanks and a time, 2.3 and Spark do not.
        Values::Date32(values) => {
            let is_plain = bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
            push(values, parse_date(bytes).filter(|_| is_plain && bytes.len() >= 8))
        }
        Values::Timestamp { values, utc, .. } => {
            let formats = &dialect.timestamp_formats;
            let is_whole = *utc || formats.has_patterns() || is_date_and_time(bytes);
            push(values, formats.parse(bytes, *utc).filter(|_| is_whole))
        }
        Values::Decimal { values, precision, scale } => {
            // `HiveDecimalWritable.setFromBytes` trims no blanks.
            let is_plain = !bytes.iter().any(|byte| *byte <= b' ');
            push(values, parse_decimal(bytes, *precision, *scale).filter(|_| is_plain))
        }
        Values::Utf8(_)
        | Values::Binary(_)
        | Values::List(_)
        | Values::Map(_)
        | Values::Struct(_) => false,
    }
}

/// As `java.sql.Timestamp.valueOf`. Hive 3 and later take a date alone and a `T` too, 2.3 and Spark do not.
fn is_date_and_time(bytes: &[u8]) -> bool {
    bytes.contains(&b':') && !bytes.iter().any(|byte| byte.eq_ignore_ascii_case(&b't'))
}

fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    value.map(|value| values.push(value)).is_some()
}

/// `LazyByte`, `LazyShort` and `LazyInteger`: a number out of the type's range is none.
fn integer<T: TryFrom<i64>>(bytes: &[u8]) -> Option<T> {
    parse_integer(bytes).and_then(|value| T::try_from(value).ok())
}

/// `LazyUtils.copyAndEscapeStringDataToText`: after an escape, `n` and `r` are a line feed and a carriage return,
/// and every other byte (`t` too) is itself; an escape at the end is itself.
fn append_text(spans: &mut Spans, bytes: &[u8], escape: Option<u8>) {
    let Some(escape) = escape.filter(|escape| bytes.contains(escape)) else {
        spans.push(bytes);
        return;
    };
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        spans.bytes.push(match rest.as_slice() {
            [escaped, ..] if *byte == escape => {
                rest.next();
                match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    other => *other,
                }
            }
            _ => *byte,
        });
    }
    spans.end();
}

/// `LazyMap`: an entry without a second separator has no value; an entry whose key is null is none; of equal keys
/// the first wins.
fn append_map(map: &mut MapValues, bytes: &[u8], dialect: &Dialect, depth: usize) {
    let mut seen = HashSet::new();
    let entries = Fields::elements(bytes, dialect, depth).filter(|_| !bytes.is_empty());
    for entry in entries {
        let key_end = find(entry, dialect.separators[depth + 1], dialect.escape);
        append(&mut map.keys, Some(&entry[..key_end]), dialect, depth + 2);
        if map.keys.last_key().is_some_and(|key| seen.insert(key)) {
            append(&mut map.values, entry.get(key_end + 1..), dialect, depth + 2);
        } else {
            map.keys.truncate(map.values.len());
        }
    }
    map.ends.push(map.keys.len());
}

fn append_struct(values: &mut StructValues, bytes: &[u8], dialect: &Dialect, depth: usize) {
    let mut fields = Fields::new(bytes, dialect, depth, values.columns.len());
    for column in &mut values.columns {
        append(column, fields.next(), dialect, depth + 1);
    }
}
