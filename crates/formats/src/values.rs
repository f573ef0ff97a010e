//! What a value's text means, as Hive parses it. A text that is no value of the type is none, never an error.

mod number;
mod decimal;
mod base64;
mod datetime;
mod pattern;

pub(crate) use base64::decode_if_base64;
pub(crate) use datetime::parse_date;
pub(crate) use decimal::parse_decimal;
pub(crate) use number::{parse_double, parse_float, parse_integer};
pub(crate) use pattern::TimestampFormats;

/// As `String.trim` of Java: everything up to the blank goes, at both ends.
pub(crate) fn trim(mut bytes: &[u8]) -> &[u8] {
    while let [0..=b' ', rest @ ..] = bytes {
        bytes = rest;
    }
    while let [rest @ .., 0..=b' '] = bytes {
        bytes = rest;
    }
    bytes
}

/// `LazyBoolean`: `true` and `false` in any case and nothing else. Its further literals (`t`, `f`, `1`, `0`)
/// are off unless `hive.lazysimple.extended_boolean_literal` is set.
pub(crate) fn parse_boolean(bytes: &[u8]) -> Option<bool> {
    if bytes.eq_ignore_ascii_case(b"true") {
        Some(true)
    } else if bytes.eq_ignore_ascii_case(b"false") {
        Some(false)
    } else {
        None
    }
}
