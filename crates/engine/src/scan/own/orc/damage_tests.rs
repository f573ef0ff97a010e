//! Files that are damaged at any place, or hold any bytes, are read or refused with a reason.

use super::runs::{Form, Runs, Version};
use super::test_files::*;
use super::wire::{Message, varint};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, SchemaRef, TimeUnit};
use mooring_spi::ErrorKind;
use orc_rust::ArrowWriterBuilder;
use orc_rust::compression::CompressionType;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

/// A file with a column of most kinds, and the table's columns.
fn mixed() -> (TestFile, SchemaRef) {
    let decimal = Message::default().number(1, 14).number(5, 10).number(6, 2).into_bytes();
    let names = ["list", "map", "text", "decimal", "time", "truth"];
    let types = vec![
        nested(12, &[1, 4, 7, 8, 9, 10], &names),
        nested(10, &[2], &[]),
        nested(12, &[3], &["x"]),
        plain(4),
        nested(11, &[5, 6], &[]),
        plain(7),
        plain(5),
        plain(7),
        decimal,
        plain(9),
        plain(0),
    ];
    let mut file = TestFile::new(
        types,
        3,
        vec![
            (1, LENGTH, direct(&[2, 0, 1])),
            (2, PRESENT, vec![0xff, 0b1010_0000]),
            (3, DATA, direct_signed(&[-5, 7])),
            (4, PRESENT, vec![0xff, 0b0110_0000]),
            (4, LENGTH, vec![0xc0, 0x01, 0x01, 0x02]),
            (5, LENGTH, direct(&[1, 2, 0])),
            (5, DATA, b"key".to_vec()),
            (6, DATA, [1.0_f32, 2.0, 3.0].iter().flat_map(|number| number.to_le_bytes()).collect()),
            (7, DATA, direct(&[1, 1, 0])),
            (7, LENGTH, direct(&[1, 2])),
            (7, DICTIONARY_DATA, b"abb".to_vec()),
            (8, DATA, vec![2, 4, 6]),
            (8, SECONDARY, direct_signed(&[2, 2, 1])),
            (9, DATA, direct_signed(&[1, 2, 3])),
            (9, SECONDARY, direct(&[0, 0, 0])),
            (10, DATA, vec![0xff, 0b1010_0000]),
        ],
    );
    file.encodings[7] = (DICTIONARY_V2, 2);
    file.zone = Some("GMT+02:00");
    let inner = DataType::Struct(Fields::from(vec![Field::new("x", DataType::Int64, true)]));
    let pair = Fields::from(vec![
        Field::new("keys", DataType::Utf8, false),
        Field::new("values", DataType::Float32, true),
    ]);
    let entries = Field::new("entries", DataType::Struct(pair), false);
    let columns = [
        ("list", list_of(inner)),
        ("map", DataType::Map(Arc::new(entries), false)),
        ("text", DataType::Utf8),
        ("decimal", DataType::Decimal128(10, 2)),
        ("time", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("truth", DataType::Boolean),
    ];
    (file, schema(&columns))
}

fn compressed() -> (Vec<u8>, SchemaRef) {
    let numbers = (0..200).map(|row| (row % 7 != 0).then_some(row / 9));
    let texts = (0..200).map(|row| (row % 5 != 0).then_some(format!("text {}", row / 3)));
    let columns: [(&str, ArrayRef, bool); 2] = [
        ("number", Arc::new(numbers.collect::<Int32Array>()), true),
        ("text", Arc::new(texts.collect::<StringArray>()), true),
    ];
    let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let mut file = Vec::new();
    let mut writer = ArrowWriterBuilder::new(&mut file, rows.schema())
        .with_compression(CompressionType::Zlib)
        .try_build()
        .unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
    (file, rows.schema())
}

#[test]
fn the_files_that_are_damaged_below_are_whole() {
    let (file, columns) = mixed();
    let batches = read_all(file.bytes(), &columns).unwrap();
    assert_eq!(batches[0].num_rows(), 3);
    let maps = batches[0].column(1).as_map();
    assert_eq!(
        maps.keys().as_string::<i32>().iter().flatten().collect::<Vec<_>>(),
        ["k", "ey", ""]
    );
    assert!(maps.is_null(0));
    let (file, columns) = compressed();
    assert_eq!(read_all(file, &columns).unwrap()[0].num_rows(), 200);
}

/// Every byte is set to other values; every length is tried.
#[test]
fn damaged_files_are_read_or_refused() {
    let (file, columns) = mixed();
    for (file, columns) in [(file.bytes(), columns), compressed()] {
        for at in 0..file.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut damaged = file.clone();
                damaged[at] ^= mask;
                told(read_all(damaged, &columns));
            }
            let truncated = read_all(file[..at].to_vec(), &columns);
            assert!(at == 0 || told(truncated).is_some(), "{at}");
        }
    }
}

/// A run of lengths of one of the kinds of version 2, of which patched ones are easy to read in two ways.
fn run() -> impl Strategy<Value = Vec<u8>> {
    let short = (0_u8..8, any::<u8>()).prop_map(|(count, value)| vec![count, value]);
    let direct = vec(any::<u8>(), 1..30).prop_map(|values| {
        let mut run = vec![0x4e, values.len() as u8 - 1];
        run.extend(values);
        run
    });
    let steps = (0_u8..0x7f, -3_i8..20, 2_u8..20).prop_map(|(first, step, count)| {
        vec![0xc0, count - 1, first, (step << 1 ^ step >> 7) as u8]
    });
    let deltas =
        (0_u8..0x7f, -3_i8..20, vec(any::<u8>(), 0..10)).prop_map(|(first, step, packed)| {
            // Two numbers of four bits in each byte.
            let count = 2 + 2 * packed.len() as u8;
            let mut run = vec![0xc6, count - 1, first, (step << 1 ^ step >> 7) as u8];
            run.extend(packed);
            run
        });
    let patched = (any::<u8>(), vec(any::<u8>(), 1..30), vec((0_u8..20, any::<u8>()), 0..4));
    let patched = patched.prop_map(|(base, values, patches)| {
        let mut run = vec![0x8e, values.len() as u8 - 1, 0x07, 0xe0 | patches.len() as u8, base];
        run.extend(values);
        run.extend(patches.into_iter().flat_map(|(gap, patch)| [gap, patch]));
        run
    });
    prop_oneof![short, direct, steps, deltas, patched]
}

/// A few places of a file, and the values that its bytes get there.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// orc-rust sees the lengths that were checked.
    #[test]
    fn lengths_mean_the_same_to_orc_rust(runs in vec(run(), 1..8)) {
        let stream = runs.concat();
        let mut lengths = Vec::new();
        let form = Form { version: Version::Two, signed: false, bits: 64 };
        let counted = Runs::of(&stream, form).each(u64::MAX, &mut |length, count| {
            lengths.extend((0..count).map(|_| length));
            Ok(())
        });
        let is_legal = counted.is_ok()
            && lengths.iter().all(|length| *length >= 0)
            && lengths.iter().sum::<i64>() <= 1 << 20;
        let file = TestFile::new(
            vec![root(), plain(7)],
            lengths.len().max(1) as u64,
            vec![(1, LENGTH, stream), (1, DATA, vec![b'a'; 1 << 20])],
        );
        let read = read_a(&file, DataType::Utf8);
        if is_legal {
            let read = read.map_err(|error| TestCaseError::fail(error.to_string()))?;
            let texts = read.column(0).as_string::<i32>();
            let read: Vec<i64> = texts.iter().map(|text| text.unwrap().len() as i64).collect();
            prop_assert_eq!(read, lengths);
        } else if counted.is_ok() {
            prop_assert_eq!(told(read), Some(ErrorKind::CorruptData));
        } else {
            told(read);
        }
    }

    #[test]
    fn damage_anywhere_is_told(damage in damage(), is_compressed in any::<bool>()) {
        let (mut file, columns) = match is_compressed {
            true => compressed(),
            false => { let (file, columns) = mixed(); (file.bytes(), columns) }
        };
        for (at, byte) in damage {
            let at = at.index(file.len());
            file[at] = byte;
        }
        told(read_all(file, &columns));
    }

    #[test]
    fn streams_of_any_bytes_are_told(place in any::<prop::sample::Index>(), content in vec(any::<u8>(), 0..40), two in any::<bool>()) {
        let (mut file, columns) = mixed();
        let place = place.index(file.streams.len());
        file.streams[place].2 = content;
        if !two {
            file.encodings.iter_mut().for_each(|(code, _)| *code &= 1);
        }
        told(read_all(file.bytes(), &columns));
    }

    #[test]
    fn tails_of_any_bytes_are_told(tail in vec(any::<u8>(), 0..200), length in any::<u8>()) {
        let columns = schema(&[("a", DataType::Int32)]);
        let mut file = b"ORC".to_vec();
        file.extend(&tail);
        file.push(length);
        told(read_all(file, &columns));
        let mut footer = Message::default().bytes(4, &root()).bytes(4, &plain(3)).into_bytes();
        footer.extend(&tail);
        told(read_all(finish(b"ORC".to_vec(), &footer, postscript()), &columns));
        varint(&mut footer, u64::from(length));
        told(read_all(finish(tail, &footer, postscript().number(2, 1)), &columns));
    }
}
