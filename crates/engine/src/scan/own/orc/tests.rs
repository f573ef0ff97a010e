//! Files as writers write them come out as they went in.

use super::test_files::*;
use super::wire::{Message, varint};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, Int32Type, TimeUnit, TimestampMicrosecondType,
};
use mooring_spi::ErrorKind;
use orc_rust::ArrowWriterBuilder;
use orc_rust::compression::CompressionType;
use std::sync::Arc;

const ROWS: i64 = 3000;

/// Every tenth row is null, in all columns but the first.
fn rows() -> RecordBatch {
    let numbers = || (0..ROWS).map(|row| (row % 10 != 3).then_some(row));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..ROWS))),
        ("byte", Arc::new(numbers().map(|row| row.map(|row| row as i8)).collect::<Int8Array>())),
        (
            "short",
            Arc::new(numbers().map(|row| row.map(|row| -row as i16)).collect::<Int16Array>()),
        ),
        (
            "int",
            Arc::new(
                numbers().map(|row| row.map(|row| (row * row) as i32)).collect::<Int32Array>(),
            ),
        ),
        (
            "float",
            Arc::new(
                numbers().map(|row| row.map(|row| row as f32 / 3.0)).collect::<Float32Array>(),
            ),
        ),
        (
            "double",
            Arc::new(
                numbers().map(|row| row.map(|row| row as f64 / 7.0)).collect::<Float64Array>(),
            ),
        ),
        (
            "text",
            Arc::new(
                numbers()
                    .map(|row| row.map(|row| "ä".repeat(row as usize % 7)))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "bytes",
            Arc::new(
                numbers()
                    .map(|row| row.map(|row| row.to_le_bytes()[..row as usize % 8].to_vec()))
                    .collect::<BinaryArray>(),
            ),
        ),
        (
            "truth",
            Arc::new(numbers().map(|row| row.map(|row| row % 3 == 0)).collect::<BooleanArray>()),
        ),
        (
            "day",
            Arc::new(numbers().map(|row| row.map(|row| row as i32 - 500)).collect::<Date32Array>()),
        ),
        (
            "time",
            Arc::new(
                numbers()
                    .map(|row| row.map(|row| row * 1_234_567_891))
                    .collect::<TimestampMicrosecondArray>(),
            ),
        ),
    ];
    let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
}

/// The rows in several stripes, each of several chunks.
fn written(rows: &RecordBatch, compression: Option<CompressionType>) -> Vec<u8> {
    let mut file = Vec::new();
    let mut builder = ArrowWriterBuilder::new(&mut file, rows.schema())
        .with_batch_size(250)
        .with_stripe_byte_size(10_000);
    if let Some(compression) = compression {
        builder = builder.with_compression(compression).with_compression_block_size(1000);
    }
    let mut writer = builder.try_build().unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    file
}

fn compressions() -> [Option<CompressionType>; 5] {
    [
        None,
        Some(CompressionType::Zlib),
        Some(CompressionType::Snappy),
        Some(CompressionType::Lz4),
        Some(CompressionType::Zstd),
    ]
}

#[test]
fn rows_come_out_as_they_went_in() {
    let rows = rows();
    for compression in compressions() {
        let file = written(&rows, compression);
        for batch_rows in [100, BATCH_ROWS] {
            let request = Request { columns: rows.schema(), range: None, batch_rows };
            let batches = read(file.clone(), request).unwrap();
            // A stripe does not share its batches.
            assert!(batches.len() > 2, "{compression:?}");
            let read = concat_batches(&rows.schema(), &batches).unwrap();
            assert_eq!(read, rows, "{compression:?}");
        }
    }
}

#[test]
fn ranges_have_the_stripes_that_begin_in_them() {
    let rows = rows();
    let file = written(&rows, Some(CompressionType::Zstd));
    let size = file.len() as i64;
    for parts in [1, 2, 3, 7, 50] {
        let mut read_rows = Vec::new();
        for part in 0..parts {
            let range = Some((size * part / parts, size * (part + 1) / parts));
            let request = Request { columns: rows.schema(), range, batch_rows: 1000 };
            read_rows.extend(read(file.clone(), request).unwrap());
        }
        assert_eq!(concat_batches(&rows.schema(), &read_rows).unwrap(), rows, "{parts}");
    }
}

#[test]
fn wanted_columns_are_found_by_name() {
    let rows = rows();
    let file = written(&rows, Some(CompressionType::Snappy));
    let columns = schema(&[("time", TIME), ("none", DataType::Utf8), ("ID", DataType::Int64)]);
    let batches = read_all(file.clone(), &columns).unwrap();
    let read = concat_batches(&columns, &batches).unwrap();
    assert_eq!(read.column(0), rows.column(10));
    assert_eq!(read.column(1).null_count(), ROWS as usize);
    assert_eq!(read.column(2), rows.column(0));
    // Rows alone, as for a count.
    let batches = read_all(file, &schema(&[])).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), ROWS as usize);
}

#[test]
fn a_file_of_no_bytes_has_no_rows() {
    assert!(read_all(Vec::new(), &rows().schema()).unwrap().is_empty());
}

/// The footer of a stripe has nothing that a count asks for.
#[test]
fn rows_alone_are_counted_without_their_stripes() {
    let mut file =
        TestFile::new(vec![root(), plain(3)], 3, vec![(1, DATA, direct_signed(&[1, 2, 3]))]);
    file.encodings.clear();
    assert_eq!(told(read_a(&file, DataType::Int32)), Some(ErrorKind::CorruptData));
    let batches = read_all(file.bytes(), &schema(&[])).unwrap();
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
}

const TIME: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

#[test]
fn lists_are_read() {
    // [1, 2], nothing, [], [3]
    let file = TestFile::new(
        vec![root(), nested(10, &[2], &[]), plain(3)],
        4,
        vec![
            (1, PRESENT, vec![0xff, 0b1011_0000]),
            (1, LENGTH, direct(&[2, 0, 1])),
            (2, DATA, direct_signed(&[1, 2, 3])),
        ],
    );
    let batch = read_a(&file, list_of(DataType::Int32)).unwrap();
    let lists = batch.column(0).as_list::<i32>();
    assert_eq!(lists.values().as_primitive::<Int32Type>().values(), &[1, 2, 3]);
    assert_eq!(lists.offsets().iter().copied().collect::<Vec<_>>(), [0, 2, 2, 2, 3]);
    assert_eq!(lists.null_count(), 1);
}

#[test]
fn elements_that_are_all_null_have_no_data() {
    let mut file = TestFile::new(
        vec![root(), nested(10, &[2], &[]), plain(3)],
        1024,
        vec![(1, LENGTH, repeated(3, 2)), (2, PRESENT, [0x7f, 0].repeat(3))],
    );
    // Three elements in each of 1,024 rows: 3,072 bits are 384 bytes, and the runs have 390.
    let batch = read_a(&file, list_of(DataType::Int32)).unwrap();
    assert_eq!(batch.column(0).as_list::<i32>().values().null_count(), 3072);
    file.streams[1].2.truncate(4);
    assert_eq!(told(read_a(&file, list_of(DataType::Int32))), Some(ErrorKind::CorruptData));
}

#[test]
fn dictionaries_are_read() {
    let mut file = TestFile::new(
        vec![root(), plain(7)],
        4,
        vec![
            (1, DATA, direct(&[1, 0, 1, 2])),
            (1, LENGTH, direct(&[2, 3, 0])),
            (1, DICTIONARY_DATA, b"aabbb".to_vec()),
        ],
    );
    file.encodings[1] = (DICTIONARY_V2, 3);
    let batch = read_a(&file, DataType::Utf8).unwrap();
    let texts: Vec<_> = batch.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["bbb", "aa", "bbb", ""]);
}

#[test]
fn decimals_are_read() {
    let decimal = Message::default().number(1, 14).number(5, 10).number(6, 2);
    // 123.45 and -0.1, with the scales 2 and 1.
    let mut data = Vec::new();
    varint(&mut data, 24_690);
    varint(&mut data, 1);
    let file = TestFile::new(
        vec![root(), decimal.into_bytes()],
        2,
        vec![(1, DATA, data), (1, SECONDARY, direct_signed(&[2, 1]))],
    );
    let batch = read_a(&file, DataType::Decimal128(10, 2)).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Decimal128Type>().values(), &[12_345, -10]);
}

fn times(zone: &'static str, seconds: i32) -> TestFile {
    let mut file = TestFile::new(
        vec![root(), plain(9)],
        1,
        vec![(1, DATA, direct_signed(&[seconds])), (1, SECONDARY, direct(&[0]))],
    );
    file.zone = Some(zone);
    file
}

#[test]
fn timestamps_are_those_of_the_writers_clock() {
    // They count from the beginning of 2015 in the writer's zone; without a zone, that is 1,420,070,400.
    for zone in ["UTC", "GMT+08:00", "-03:00", "America/Los_Angeles", "Etc/GMT+5"] {
        let batch = read_a(&times(zone, 90), TIME).unwrap();
        let read = batch.column(0).as_primitive::<TimestampMicrosecondType>().value(0);
        assert_eq!(read, 1_420_070_490_000_000, "{zone}");
    }
    for zone in ["GMT+05:30", "Mars/Base"] {
        assert_eq!(told(read_a(&times(zone, 90), TIME)), Some(ErrorKind::Unsupported), "{zone}");
    }
}

#[test]
fn zones_do_not_matter_without_timestamps() {
    let mut file = TestFile::new(vec![root(), plain(3)], 1, vec![(1, DATA, direct_signed(&[-7]))]);
    file.zone = Some("Mars/Base");
    let batch = read_a(&file, DataType::Int32).unwrap();
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().value(0), -7);
}
