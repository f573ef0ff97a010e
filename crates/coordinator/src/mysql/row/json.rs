//! Lists, structs and maps as JSON text, spaced as MySQL spaces it (MySQL 8.0 manual, "The JSON
//! Data Type", "Normalization"). Numbers stay numbers; dates, times and intervals become strings;
//! bytes become hexadecimal digits, for JSON has no bytes.

use super::super::column::unsupported;
use super::super::hex::put_hex;
use super::encoder::{Encoder, Values};
use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use mooring_spi::Result;

/// An array of containers.
pub(super) enum Nested<'a> {
    List(&'a [i32], Box<Encoder<'a>>),
    LargeList(&'a [i64], Box<Encoder<'a>>),
    FixedSizeList(usize, Box<Encoder<'a>>),
    ListView { offsets: &'a [i32], sizes: &'a [i32], items: Box<Encoder<'a>> },
    LargeListView { offsets: &'a [i64], sizes: &'a [i64], items: Box<Encoder<'a>> },
    Struct(Vec<(&'a str, Encoder<'a>)>),
    Map { offsets: &'a [i32], keys: Box<Encoder<'a>>, values: Box<Encoder<'a>> },
}

impl<'a> Nested<'a> {
    pub(super) fn new(array: &'a dyn Array) -> Result<Self> {
        let boxed = |child: &'a dyn Array| Encoder::new(child).map(Box::new);
        match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Ok(Self::List(list.value_offsets(), boxed(list.values().as_ref())?))
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Ok(Self::LargeList(list.value_offsets(), boxed(list.values().as_ref())?))
            }
            DataType::FixedSizeList(_, _) => {
                let list = array.as_fixed_size_list();
                let size = usize::try_from(list.value_length()).unwrap_or_default();
                Ok(Self::FixedSizeList(size, boxed(list.values().as_ref())?))
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                let items = boxed(list.values().as_ref())?;
                Ok(Self::ListView { offsets: list.offsets(), sizes: list.sizes(), items })
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                let items = boxed(list.values().as_ref())?;
                Ok(Self::LargeListView { offsets: list.offsets(), sizes: list.sizes(), items })
            }
            DataType::Struct(fields) => {
                let children =
                    fields.iter().zip(array.as_struct().columns()).map(|(field, child)| {
                        Ok((field.name().as_str(), Encoder::new(child.as_ref())?))
                    });
                Ok(Self::Struct(children.collect::<Result<_>>()?))
            }
            DataType::Map(_, _) => {
                let map = array.as_map();
                Ok(Self::Map {
                    offsets: map.value_offsets(),
                    keys: boxed(map.keys().as_ref())?,
                    values: boxed(map.values().as_ref())?,
                })
            }
            other => Err(unsupported(other)),
        }
    }

    /// Appends the container in `row`, which is not null.
    pub(super) fn put(&self, out: &mut Vec<u8>, row: usize) {
        match self {
            Self::List(offsets, items) => {
                put_list(out, items, offsets[row] as usize..offsets[row + 1] as usize);
            }
            Self::LargeList(offsets, items) => {
                put_list(out, items, offsets[row] as usize..offsets[row + 1] as usize);
            }
            Self::FixedSizeList(size, items) => put_list(out, items, row * size..(row + 1) * size),
            Self::ListView { offsets, sizes, items } => {
                let start = offsets[row] as usize;
                put_list(out, items, start..start + sizes[row] as usize);
            }
            Self::LargeListView { offsets, sizes, items } => {
                let start = offsets[row] as usize;
                put_list(out, items, start..start + sizes[row] as usize);
            }
            Self::Struct(fields) => {
                out.push(b'{');
                for (at, (name, child)) in fields.iter().enumerate() {
                    separate(out, at);
                    put_string(out, name.as_bytes());
                    out.extend_from_slice(b": ");
                    put_value(out, child, row);
                }
                out.push(b'}');
            }
            Self::Map { offsets, keys, values } => {
                out.push(b'{');
                let entries = offsets[row] as usize..offsets[row + 1] as usize;
                for (at, entry) in entries.enumerate() {
                    separate(out, at);
                    put_key(out, keys, entry);
                    out.extend_from_slice(b": ");
                    put_value(out, values, entry);
                }
                out.push(b'}');
            }
        }
    }
}

fn separate(out: &mut Vec<u8>, at: usize) {
    if at > 0 {
        out.extend_from_slice(b", ");
    }
}

fn put_list(out: &mut Vec<u8>, items: &Encoder<'_>, rows: std::ops::Range<usize>) {
    out.push(b'[');
    for (at, row) in rows.enumerate() {
        separate(out, at);
        put_value(out, items, row);
    }
    out.push(b']');
}

/// Every key is a string.
fn put_key(out: &mut Vec<u8>, keys: &Encoder<'_>, row: usize) {
    let start = out.len();
    put_value(out, keys, row);
    if out.get(start) != Some(&b'"') {
        let text = out.split_off(start);
        put_string(out, &text);
    }
}

fn put_value(out: &mut Vec<u8>, encoder: &Encoder<'_>, row: usize) {
    let (encoder, row) = encoder.resolve(row);
    if encoder.is_null(row) {
        return out.extend_from_slice(b"null");
    }
    match encoder.values() {
        Values::Null => out.extend_from_slice(b"null"),
        Values::Boolean(array) => {
            out.extend_from_slice(if array.value(row) { b"true" } else { b"false" });
        }
        Values::Float16(values) if !values[row].is_finite() => out.extend_from_slice(b"null"),
        Values::Float32(values) if !values[row].is_finite() => out.extend_from_slice(b"null"),
        Values::Float64(values) if !values[row].is_finite() => out.extend_from_slice(b"null"),
        Values::Int8(_)
        | Values::Int16(_)
        | Values::Int32(_)
        | Values::Int64(_)
        | Values::UInt8(_)
        | Values::UInt16(_)
        | Values::UInt32(_)
        | Values::UInt64(_)
        | Values::Float16(_)
        | Values::Float32(_)
        | Values::Float64(_)
        | Values::Decimal32(..)
        | Values::Decimal64(..)
        | Values::Decimal128(..)
        | Values::Decimal256(..)
        | Values::Nested(_) => encoder.put_text(out, row),
        Values::Utf8(_) | Values::LargeUtf8(_) | Values::Utf8View(_) => {
            put_string(out, encoder.bytes(row).unwrap_or_default());
        }
        Values::Binary(_)
        | Values::LargeBinary(_)
        | Values::BinaryView(_)
        | Values::FixedSizeBinary(_) => {
            out.push(b'"');
            put_hex(out, encoder.bytes(row).unwrap_or_default());
            out.push(b'"');
        }
        Values::Date32(_)
        | Values::Date64(_)
        | Values::Time32(..)
        | Values::Time64(..)
        | Values::Timestamp(..)
        | Values::Duration(..)
        | Values::Months(_)
        | Values::DaysAndMilliseconds(_)
        | Values::MonthsDaysAndNanoseconds(_)
        | Values::Indirect(..) => {
            out.push(b'"');
            encoder.put_text(out, row);
            out.push(b'"');
        }
    }
}

/// A JSON string of UTF-8 text (RFC 8259, section 7).
fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1F => {
                out.extend_from_slice(b"\\u00");
                put_hex(out, &[*byte]);
            }
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}
