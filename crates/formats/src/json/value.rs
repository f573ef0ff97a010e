//! A JSON value to a value of its column.
//!
//! The rules are those of `HiveJsonReader.visitLeafNode` (Hive 4), which asks Jackson's tree for `asInt`, `asText`
//! and so on. Those answer zero for a text that is no number, where `JsonSerDe` of HCatalog (Hive 3) refuses it; it
//! is refused here, and so is a number that overflows.

use std::collections::HashMap;

use mooring_spi::{Error, ErrorKind, Result};

use super::parser::{Malformed, Value, compact, elements, members, unescape};
use crate::column::{Column, MapValues, Spans, StructValues, Values};
use crate::values::{
    TimestampFormats, parse_date, parse_decimal, parse_double, parse_integer, trim,
};

pub(super) fn corrupt(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::CorruptData, message)
}

pub(super) fn malformed(error: Malformed) -> Error {
    corrupt(format!(
        "the line is no JSON object: it breaks off or goes wrong at byte {}",
        error.at + 1
    ))
}

/// A member of an object that has a column: its value, and whether its name is exactly the column's.
pub(super) type Member<'a> = Option<(Value<'a>, bool)>;

/// Of the members of one name the last wins, but none over one whose name is exactly the column's.
pub(super) fn keep<'a>(member: &mut Member<'a>, value: Value<'a>, exact: bool) {
    if exact || !matches!(member, Some((_, true))) {
        *member = Some((value, exact));
    }
}

/// Appends one value; an absent one and JSON's null are null. After an error the column may hold parts of the value.
///
/// # Errors
/// `CorruptData` for a value that cannot be one of the column's type.
pub(super) fn append(
    column: &mut Column,
    value: Option<Value<'_>>,
    formats: &TimestampFormats,
) -> Result<()> {
    let Some(value) = value.filter(|value| *value != Value::Null) else {
        column.append_null();
        return Ok(());
    };
    let present = match &mut column.values {
        Values::List(list) => {
            let Value::Array(text) = value else { return Err(wrong("an array", value)) };
            let mut result = Ok(());
            elements(text, &mut |element| {
                if result.is_ok() {
                    result = append(&mut list.elements, Some(element), formats);
                }
            })
            .map_err(malformed)?;
            result?;
            list.ends.push(list.elements.len());
            true
        }
        Values::Map(map) => {
            append_map(map, value, formats)?;
            true
        }
        Values::Struct(values) => {
            append_struct(values, value, formats)?;
            true
        }
        Values::Utf8(spans) => {
            append_text(spans, value);
            true
        }
        Values::Binary(spans) => {
            // Of a text its bytes (`rawstring` of `json.binary.format`).
            let Value::Text(raw) = value else { return Err(wrong("a text", value)) };
            spans.push(unescape(raw).as_bytes());
            true
        }
        primitive => append_primitive(primitive, value, formats)?,
    };
    if present {
        column.present.append_non_null();
    } else {
        column.append_null();
    }
    Ok(())
}

/// Whether there was a value to append: a timestamp that cannot be read is null (`TimestampParser`), and so is a
/// decimal (`HiveDecimal.create`).
fn append_primitive(
    values: &mut Values,
    value: Value<'_>,
    formats: &TimestampFormats,
) -> Result<bool> {
    match values {
        Values::Boolean(values) => values.append(boolean(value)?),
        Values::Int8(values) => values.push(integer(value)?),
        Values::Int16(values) => values.push(integer(value)?),
        Values::Int32(values) => values.push(integer(value)?),
        Values::Int64(values) => values.push(integer(value)?),
        Values::Float32(values) => values.push(double(value)? as f32),
        Values::Float64(values) => values.push(double(value)?),
        Values::Date32(values) => {
            let Value::Text(raw) = value else { return Err(wrong("a date as text", value)) };
            let days = parse_date(unescape(raw).as_bytes());
            values.push(days.ok_or_else(|| wrong("a date as text", value))?);
        }
        Values::Timestamp { values, utc, .. } => {
            let (Value::Text(raw) | Value::Number(raw)) = value else {
                return Err(wrong("a timestamp as text", value));
            };
            let Some(micros) = formats.parse(unescape(raw).as_bytes(), *utc) else {
                return Ok(false);
            };
            values.push(micros);
        }
        Values::Decimal { values, precision, scale } => {
            let (Value::Text(raw) | Value::Number(raw)) = value else {
                return Err(wrong("a number", value));
            };
            let unscaled = parse_decimal(unescape(raw).as_bytes(), *precision, *scale);
            let Some(unscaled) = unscaled else { return Ok(false) };
            values.push(unscaled);
        }
        Values::Utf8(_)
        | Values::Binary(_)
        | Values::List(_)
        | Values::Map(_)
        | Values::Struct(_) => {
            return Err(Error::internal("a nested value was taken for a primitive one"));
        }
    }
    Ok(true)
}

fn wrong(expected: &str, value: Value<'_>) -> Error {
    let found = match value {
        Value::Null => "null",
        Value::Boolean(_) => "true or false",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    corrupt(format!("{expected} is expected, not this: {found}"))
}

/// A number is true unless it is zero; a text is true when it is `true`, in any case.
fn boolean(value: Value<'_>) -> Result<bool> {
    match value {
        Value::Boolean(value) => Ok(value),
        Value::Number(text) => Ok(parse_double(text.as_bytes()) != Some(0.0)),
        Value::Text(raw) => Ok(trim(unescape(raw).as_bytes()).eq_ignore_ascii_case(b"true")),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(wrong("true or false", value)),
    }
}

/// What is behind the decimal point is cut off.
fn integer<T: TryFrom<i64>>(value: Value<'_>) -> Result<T> {
    let number = match value {
        Value::Boolean(value) => Some(i64::from(value)),
        Value::Number(text) => whole(text.as_bytes()),
        Value::Text(raw) => whole(trim(unescape(raw).as_bytes())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    number
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| wrong("an integer in its type's range", value))
}

fn whole(text: &[u8]) -> Option<i64> {
    if let Some(number) = parse_integer(text) {
        return Some(number);
    }
    // Only a number with an exponent is left. As a decimal it loses no digit that counts.
    let number = parse_decimal(text, 38, 18)? / 10_i128.pow(18);
    i64::try_from(number).ok()
}

fn double(value: Value<'_>) -> Result<f64> {
    let number = match value {
        Value::Number(text) => parse_double(text.as_bytes()),
        Value::Text(raw) => parse_double(unescape(raw).as_bytes()),
        Value::Null | Value::Boolean(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.ok_or_else(|| wrong("a number", value))
}

/// Every value has a text: a number the one that it is written with, an array and an object theirs without blanks
/// (`json.stringify.complex.fields` of Hive 4).
fn append_text(spans: &mut Spans, value: Value<'_>) {
    match value {
        Value::Text(raw) => spans.push(unescape(raw).as_bytes()),
        Value::Number(text) => spans.push(text.as_bytes()),
        Value::Boolean(true) => spans.push(b"true"),
        Value::Boolean(false) => spans.push(b"false"),
        Value::Null => spans.push(b"null"),
        Value::Array(text) | Value::Object(text) => spans.push(compact(text).as_bytes()),
    }
}

/// Of equal keys the last wins, at the place of the first (`LinkedHashMap.put`).
fn append_map(map: &mut MapValues, value: Value<'_>, formats: &TimestampFormats) -> Result<()> {
    let Value::Object(text) = value else { return Err(wrong("an object", value)) };
    let mut entries: Vec<(&str, Value<'_>)> = Vec::new();
    let mut places = HashMap::new();
    members(text, &mut |key, value| {
        let place = *places.entry(unescape(key)).or_insert(entries.len());
        match entries.get_mut(place) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    })
    .map_err(malformed)?;
    for (key, value) in entries {
        append(&mut map.keys, Some(Value::Text(key)), formats)?;
        if map.keys.last_key().is_none() {
            return Err(corrupt("a key of a map is no value of the keys' type"));
        }
        append(&mut map.values, Some(value), formats)?;
    }
    map.ends.push(map.keys.len());
    Ok(())
}

fn append_struct(
    values: &mut StructValues,
    value: Value<'_>,
    formats: &TimestampFormats,
) -> Result<()> {
    let Value::Object(text) = value else { return Err(wrong("an object", value)) };
    let StructValues { fields, columns } = values;
    let mut found: Vec<Member<'_>> = vec![None; columns.len()];
    members(text, &mut |key, value| {
        let key = unescape(key);
        let exact = fields.iter().position(|field| *field.name() == key);
        let place = exact.or_else(|| {
            let folded = key.to_lowercase();
            fields.iter().position(|field| field.name().to_lowercase() == folded)
        });
        if let Some(place) = place {
            keep(&mut found[place], value, exact.is_some());
        }
    })
    .map_err(malformed)?;
    for (column, member) in columns.iter_mut().zip(found) {
        append(column, member.map(|(value, _)| value), formats)?;
    }
    Ok(())
}
