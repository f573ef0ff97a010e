//! Files that are damaged, or none: rows or an error that says what is wrong, and no panic, which the guard
//! around readers would turn into a message of its own.

use super::files::{SYNC, block, compressed, file, header, long, record, sized};
use super::*;
use mooring_spi::ErrorKind;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

fn columns() -> Vec<(&'static str, DataType)> {
    let item = Field::new("x", DataType::Int64, true);
    vec![
        ("id", DataType::Int64),
        ("name", DataType::Utf8),
        ("kind", DataType::Utf8),
        ("price", DataType::Decimal128(10, 2)),
        ("items", DataType::new_list(DataType::Struct(vec![item].into()), true)),
    ]
}

fn schema() -> Value {
    record(json!([
        {"name": "id", "type": "long"},
        {"name": "name", "type": ["null", "string"]},
        {"name": "kind", "type": {"type": "enum", "name": "K", "symbols": ["A", "B"]}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 10, "scale": 2}},
        {"name": "items", "type": {"type": "array", "items":
            {"type": "record", "name": "I", "fields": [{"name": "x", "type": ["long", "null"]}]}}},
        {"name": "tags", "type": {"type": "map", "values": "boolean"}},
    ]))
}

fn row(id: i64) -> Vec<u8> {
    let items = [long(2), long(0), long(id), long(1), long(0)].concat();
    // A count below zero is followed by the bytes that the entries take.
    let tags = [long(-1), long(3), sized("t"), vec![1], long(0)].concat();
    [long(id), long(1), sized("name"), long(id % 2), sized([1, 2]), items, tags].concat()
}

fn content(rows: i64) -> Vec<u8> {
    (0..rows).flat_map(row).collect()
}

/// What a damaged file may end with.
fn checked(file: &[u8]) -> Result<(), String> {
    for wanted in [wanted(&columns(), 100), wanted(&columns()[2..3], 100)] {
        let Err(error) = read(file, &wanted) else { continue };
        let is_named = error.message().starts_with("the Avro file cannot be read: ")
            || error.message().starts_with("column ");
        let is_known = matches!(
            error.kind(),
            ErrorKind::CorruptData | ErrorKind::Unsupported | ErrorKind::LimitExceeded
        );
        if !is_named || !is_known {
            return Err(error.to_string());
        }
    }
    Ok(())
}

fn fails(file: &[u8], part: &str) {
    let error = read(file, &wanted(&columns(), 100)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CorruptData, "{error}");
    assert!(error.message().contains(part), "{part}: {error}");
}

#[test]
fn the_file_itself_is_read() {
    let rows: Vec<Vec<u8>> = (0..3).map(row).collect();
    let file = file(&schema(), &[&rows[..2], &rows[2..]]);
    let expected = ["A", "B", "A"]
        .iter()
        .enumerate()
        .map(|(id, kind)| format!("{id}, name, {kind}, 2.58, [{{x: {id}}}, {{x: }}]"));
    assert_eq!(shown(&file, &columns()), expected.collect::<Vec<_>>().join("\n"));
    assert_eq!(
        read(&header(&[("avro.schema", schema().to_string().as_bytes())]), &wanted(&columns(), 1))
            .unwrap(),
        []
    );
}

#[test]
fn every_end_is_an_error_but_those_between_blocks() {
    let rows: Vec<Vec<u8>> = (0..4).map(row).collect();
    let schema = schema();
    let blocks: [&[Vec<u8>]; 2] = [&rows[..1], &rows[1..]];
    let whole = (0..=2).map(|count| file(&schema, &blocks[..count]).len()).collect::<Vec<_>>();
    let file = file(&schema, &blocks);
    // Writers make a file of no bytes where they have no rows.
    assert_eq!(read(&[], &wanted(&columns(), 100)).unwrap(), []);
    for length in 1..file.len() {
        let found = read(&file[..length], &wanted(&columns(), 100));
        match whole.iter().position(|whole| *whole == length) {
            Some(blocks) => assert_eq!(row_count(&found.unwrap()), [0, 1][blocks]),
            None => {
                let error = found.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::CorruptData, "{length}: {error}");
                checked(&file[..length]).unwrap();
            }
        }
    }
}

#[test]
fn every_changed_byte_ends() {
    let zeros: Vec<u8> = content(2);
    for (codec, data) in [
        ("null", zeros.clone()),
        ("zstandard", zstd::bulk::compress(&zeros, 1).unwrap()),
        ("deflate", deflated(&zeros)),
    ] {
        let file = compressed(&schema(), codec, 2, &data);
        for place in 0..file.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut changed = file.clone();
                changed[place] ^= change;
                checked(&changed)
                    .unwrap_or_else(|error| panic!("{codec} {place} {change}: {error}"));
            }
        }
    }
}

fn deflated(content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_the_store_answers_is_told() {
    let answer = block_on(async {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let opener = AvroOpener::new(store, wanted(&columns(), 100));
        opener.open(PartitionedFile::new(NAME, 1000))?.await.map(drop)
    });
    assert_eq!(from_datafusion(&answer.unwrap_err()).kind(), ErrorKind::LocationNotFound);
}

#[test]
fn sync_markers_are_compared() {
    let rows = [row(0)];
    let mut damaged = file(&schema(), &[&rows, &rows]);
    let marker = damaged.len() - SYNC.len();
    damaged[marker] ^= 1;
    fails(&damaged, &format!("at byte {marker}, another sync marker"));
}

#[test]
fn blocks_have_the_rows_that_they_claim() {
    let start = header(&[("avro.schema", schema().to_string().as_bytes())]);
    let of = |rows: i64, data: &[u8]| [&start[..], &block(rows, data)].concat();
    let place = format!("the block at byte {}: ", start.len());
    for (rows, data, part) in [
        (1, content(2), "it goes on after its last row"),
        (0, content(1), "it goes on after its last row"),
        (3, content(2), "it ends in a row"),
        (i64::MAX, content(2), "it ends in a row"),
        (-1, content(2), "it claims to have -1 rows"),
        (1, Vec::new(), "it ends in a row"),
    ] {
        fails(&of(rows, &data), &format!("{place}{part}"));
    }
    assert_eq!(row_count(&read(&of(0, &[]), &wanted(&columns(), 9)).unwrap()), 0);
    for bytes in [-1, 1_000_000, i64::MAX] {
        let block = [long(1), long(bytes), content(1), SYNC.to_vec()].concat();
        fails(&[&start[..], &block].concat(), &place);
    }
}

#[test]
fn values_are_those_of_their_types() {
    let start = |id: i64| [long(id), long(1), sized("name")].concat();
    let rest = [sized([1, 2]), long(0), long(0)].concat();
    let with_kind = |kind: Vec<u8>| [start(0), kind, rest.clone()].concat();
    let with_tags = |tags: Vec<u8>| [start(0), long(0), sized([1]), long(0), tags].concat();
    for (data, part) in [
        (with_kind(long(2)), "symbol 2 of an enum"),
        (with_kind(long(-1)), "symbol -1 of an enum"),
        (with_kind(vec![0xff; 11]), "more than 64 bits"),
        (with_kind(long(1 << 40)), "more than 32 bits"),
        ([long(0), long(2), content(1)].concat(), "type 2 of a union"),
        ([long(0), long(-1), content(1)].concat(), "type -1 of a union"),
        ([long(0), long(1), long(-5), content(1)].concat(), "a length of -5 bytes"),
        (with_tags([long(1), sized("t"), vec![2], long(0)].concat()), "a `boolean` of 2"),
        (with_tags([long(-1), long(9), sized("t"), vec![1], long(0)].concat()), "another size"),
        ([long(0), long(1), sized([0xff, 0xfe]), long(0), rest.clone()].concat(), "UTF-8"),
    ] {
        let rows: &[Vec<u8>] = &[data];
        fails(&file(&schema(), &[rows]), part);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_end(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(checked(&bytes), Ok(()));
        prop_assert_eq!(checked(&[b"Obj\x01", &bytes[..]].concat()), Ok(()));
        let data = file(&schema(), &[std::slice::from_ref(&bytes)]);
        prop_assert_eq!(checked(&data), Ok(()));
        for codec in ["deflate", "snappy", "bzip2", "xz", "zstandard"] {
            prop_assert_eq!(checked(&compressed(&schema(), codec, 3, &bytes)), Ok(()));
        }
    }

    #[test]
    fn any_schema_ends(text in "[\\[\\]{}\",:a-z0-9 ]{0,80}", kind in "(int|long|null|[\\[\\]{}\":,a-z]{0,12})") {
        for schema in [
            text.clone(),
            format!(r#"{{"type":"record","name":"r","fields":[{{"name":"kind","type":{kind}}}]}}"#),
            format!(r#"{{"type":"record","name":"r","fields":[{{"name":"kind","type":"{kind}"}}, {text}]}}"#),
        ] {
            let mut file = header(&[("avro.schema", schema.as_bytes())]);
            file.extend(block(1, &content(1)));
            prop_assert_eq!(checked(&file), Ok(()));
        }
    }

    /// Blocks whose bytes are changed in several places still end.
    #[test]
    fn several_changes_end(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), rows in 1_i64..5) {
        let mut file = file(&schema(), &[&[content(rows)]]);
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        prop_assert_eq!(checked(&file), Ok(()));
    }
}
