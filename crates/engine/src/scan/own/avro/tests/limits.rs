//! Numbers and sizes that a file may claim, and what of it is taken into memory.

use super::files::{SYNC, block, compressed, file, header, long, record, sized};
use super::*;
use mooring_spi::ErrorKind;
use serde_json::{Value, json};
use std::io::Write;

const MAGIC: &[u8] = b"Obj\x01";

fn one(kind: Value) -> Value {
    record(json!([{"name": "a", "type": kind}]))
}

fn kind_of(file: &[u8]) -> ErrorKind {
    native(file, &["a"]).unwrap_err().kind()
}

#[test]
fn headers_are_bounded() {
    let start = |bytes: &[Vec<u8>]| [MAGIC, &bytes.concat()].concat();
    for (bytes, kind) in [
        (start(&[long(i64::MAX)]), ErrorKind::CorruptData),
        (start(&[long(i64::MIN), long(4)]), ErrorKind::CorruptData),
        (start(&[long(-1), long(-4)]), ErrorKind::CorruptData),
        (start(&[long(1), long(-1)]), ErrorKind::CorruptData),
        (start(&[long(1), long(i64::MAX)]), ErrorKind::LimitExceeded),
        (start(&[long(1), sized("avro.schema"), long(1 << 40)]), ErrorKind::LimitExceeded),
        (start(&[long(1), sized("avro.schema"), long(17 << 20)]), ErrorKind::LimitExceeded),
        (start(&[long(1), sized("avro.schema"), long(1 << 20)]), ErrorKind::CorruptData),
    ] {
        assert_eq!(kind_of(&bytes), kind, "{bytes:?}");
    }
    // Many small entries, which no length tells beforehand.
    let many = [MAGIC.to_vec(), long(1 << 40), vec![0; 40 << 20]].concat();
    assert_eq!(kind_of(&many), ErrorKind::LimitExceeded);
    let schema = format!("{}{}", " ".repeat(5 << 20), one(json!("int")));
    assert_eq!(kind_of(&header(&[("avro.schema", schema.as_bytes())])), ErrorKind::LimitExceeded);
    assert_eq!(kind_of(&header(&[("avro.codec", b"null")])), ErrorKind::CorruptData);
    let large = header(&[
        ("note", &vec![b'x'; 3 << 20]),
        ("avro.schema", one(json!("int")).to_string().as_bytes()),
    ]);
    let file = [large, block(1, &long(7))].concat();
    assert_eq!(shown(&file, &[("a", DataType::Int32)]), "7");
}

/// The file is as large as the block claims.
#[test]
fn large_blocks_are_refused() {
    let mut file = header(&[("avro.schema", one(json!("int")).to_string().as_bytes())]);
    file.extend([long(1), long(257 << 20)].concat());
    file.resize(file.len() + (258 << 20), 0);
    assert_eq!(kind_of(&file), ErrorKind::LimitExceeded);
}

#[test]
fn counts_of_items_take_no_memory() {
    let array = one(json!({"type": "array", "items": "long"}));
    let map = one(json!({"type": "map", "values": "long"}));
    for schema in [array, map] {
        for counts in [
            vec![long(i64::MAX)],
            vec![long(i64::MIN), long(0)],
            vec![long(-5), long(-1)],
            vec![long(-5), long(i64::MAX)],
            vec![long(1 << 31), vec![0; 100]],
        ] {
            let row = counts.concat();
            let error = native(&file(&schema, &[&[row]]), &["a"]).unwrap_err();
            let is_known =
                matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::LimitExceeded);
            assert!(is_known, "{error}");
        }
    }
}

#[test]
fn long_texts_are_refused() {
    let schema = one(json!("string"));
    let row = [long(1 << 40), vec![b'x'; 10]].concat();
    // The whole block is in memory, so that it ends in the row is certain after it was read to its end.
    let error = native(&file(&schema, &[&[row]]), &["a"]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::LimitExceeded), "{error}");
}

/// A null of a wide type is one byte of a file, and as wide as the type in an array.
#[test]
fn batches_of_wide_nulls_are_small() {
    let fixed = |name: &str| json!(["null", {"type": "fixed", "name": name, "size": 32 << 20}]);
    let rows = vec![long(0); 5];
    let found = read(&file(&one(fixed("F")), &[&rows]), &wanted(&[("a", DataType::Binary)], 100));
    let counts: Vec<usize> = found.unwrap().iter().map(RecordBatch::num_rows).collect();
    assert_eq!(counts, [2, 2, 1]);
    // One row of a gigabyte.
    let fields = (0..32)
        .map(|place| json!({"name": format!("f{place}"), "type": fixed(&format!("F{place}"))}));
    let wide = one(json!({"type": "record", "name": "W", "fields": fields.collect::<Vec<_>>()}));
    assert_eq!(kind_of(&file(&wide, &[&[vec![0; 32]]])), ErrorKind::LimitExceeded);
}

/// A symbol is one byte of a file, and a text in a table.
#[test]
fn batches_of_long_symbols_are_small() {
    let kind = json!({"type": "enum", "name": "E", "symbols": ["x".repeat(1_000_000)]});
    let rows = vec![long(0); 100];
    let found = read(&file(&one(kind), &[&rows]), &wanted(&[("a", DataType::Utf8)], 1000)).unwrap();
    assert_eq!(row_count(&found), 100);
    assert!(found.iter().all(|batch| batch.num_rows() < 70), "{}", found.len());
}

/// A thousand times the same piece: each is a run of deflate's blocks that refers to nothing before it.
fn deflated_zeros(start: &[u8]) -> Vec<u8> {
    let piece = |content: &[u8]| {
        let level = flate2::Compression::default();
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), level);
        encoder.write_all(content).unwrap();
        encoder.flush().unwrap();
        encoder.get_ref().clone()
    };
    let zeros = piece(&vec![0; 1 << 20]);
    // The last, empty block.
    [piece(start), zeros.repeat(1024), vec![3, 0]].concat()
}

fn zstandard_zeros(start: &[u8]) -> Vec<u8> {
    let zeros = zstd::bulk::compress(&vec![0; 1 << 20], 1).unwrap();
    [zstd::bulk::compress(start, 1).unwrap(), zeros.repeat(1024)].concat()
}

/// A gigabyte of zeros.
#[test]
fn bombs_are_refused_or_read_with_little_memory() {
    type Zeros = fn(&[u8]) -> Vec<u8>;
    let codecs: [(&str, Zeros); 2] = [("deflate", deflated_zeros), ("zstandard", zstandard_zeros)];
    let long_type = one(json!("long"));
    let texts =
        one(json!({"type": "array", "items": {"type": "fixed", "name": "F", "size": 1 << 20}}));
    for (codec, zeros) in codecs {
        let bytes = zeros(&long(0));
        // One row, and the rest is too much.
        let error = native(&compressed(&long_type, codec, 1, &bytes), &["a"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CorruptData, "{codec}: {error}");
        assert!(error.message().contains("it goes on after its last row"), "{error}");
        // As many rows as there are bytes: the first batch is made of the first piece.
        let rows = (1 << 30) + 1;
        let (batch, held) = native(&compressed(&long_type, codec, rows, &bytes), &["a"]).unwrap();
        assert_eq!(batch.unwrap().num_rows(), 1000);
        assert!(held <= 1 << 20, "{codec}: {held}");
        // One row that is all of it.
        let file = compressed(&texts, codec, 1, &zeros(&long(1 << 30)));
        assert_eq!(kind_of(&file), ErrorKind::LimitExceeded, "{codec}");
    }
}

/// A reader that has enough has nothing decoded for it: what is broken behind its rows is not seen.
#[test]
fn rows_are_read_as_they_are_asked_for() {
    let rows: Vec<Vec<u8>> = (0..1500).map(long).collect();
    let mut file = file(&one(json!("long")), &[&rows, &rows]);
    let end = file.len();
    file[end - SYNC.len() - 10..].fill(0xff);
    let (batch, _) = native(&file, &["a"]).unwrap();
    assert_eq!(batch.unwrap().num_rows(), 1000);
    assert!(read(&file, &wanted(&[("a", DataType::Int64)], 1000)).is_err());
}
