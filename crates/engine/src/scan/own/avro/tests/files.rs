//! Avro files by hand.

use serde_json::Value;

/// No row of a test has these bytes.
pub const SYNC: [u8; 16] = *b"<sync marker 16>";

/// A number as a zig-zag varint.
pub fn long(number: i64) -> Vec<u8> {
    let mut left = ((number << 1) ^ (number >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while left > 0x7f {
        bytes.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes
}

/// Bytes, or a text, behind their length.
pub fn sized(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    [&long(bytes.len() as i64)[..], bytes].concat()
}

/// A header with metadata as one block of a map.
pub fn header(metadata: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = b"Obj\x01".to_vec();
    bytes.extend(long(metadata.len() as i64));
    for (key, value) in metadata {
        bytes.extend(sized(key));
        bytes.extend(sized(value));
    }
    bytes.extend(long(0));
    bytes.extend(SYNC);
    bytes
}

pub fn block(rows: i64, data: &[u8]) -> Vec<u8> {
    [&long(rows)[..], &sized(data), &SYNC].concat()
}

/// A file of one block for each list of rows.
pub fn file(schema: &Value, blocks: &[&[Vec<u8>]]) -> Vec<u8> {
    let mut bytes = header(&[("avro.schema", schema.to_string().as_bytes())]);
    for rows in blocks {
        bytes.extend(block(rows.len() as i64, &rows.concat()));
    }
    bytes
}

/// A file of one block, compressed elsewhere.
pub fn compressed(schema: &Value, codec: &str, rows: i64, data: &[u8]) -> Vec<u8> {
    let schema = schema.to_string();
    let mut bytes = header(&[("avro.schema", schema.as_bytes()), ("avro.codec", codec.as_bytes())]);
    bytes.extend(block(rows, data));
    bytes
}

/// A schema of a record with these fields.
pub fn record(fields: Value) -> Value {
    serde_json::json!({"type": "record", "name": "row", "fields": fields})
}
