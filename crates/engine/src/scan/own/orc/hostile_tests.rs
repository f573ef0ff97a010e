//! Files that are made to harm who reads them are refused with a reason.

use super::test_files::*;
use super::wire::Message;
use datafusion::arrow::datatypes::{DataType, TimeUnit};
use mooring_spi::ErrorKind;

const CORRUPT: Option<ErrorKind> = Some(ErrorKind::CorruptData);
const TOO_LARGE: Option<ErrorKind> = Some(ErrorKind::LimitExceeded);
const UNSUPPORTED: Option<ErrorKind> = Some(ErrorKind::Unsupported);

/// A column of texts, two of them.
fn texts(lengths: Vec<u8>) -> TestFile {
    let streams = vec![(1, LENGTH, lengths), (1, DATA, b"abcde".to_vec())];
    TestFile::new(vec![root(), plain(7)], 2, streams)
}

fn lists(lengths: Vec<u8>, rows: u64) -> TestFile {
    let types = vec![root(), nested(10, &[2], &[]), plain(3)];
    let streams = vec![(1, LENGTH, lengths), (2, DATA, direct_signed(&[1, 2, 3]))];
    TestFile::new(types, rows, streams)
}

#[test]
fn lengths_are_no_longer_than_their_texts() {
    assert_eq!(told(read_a(&texts(direct(&[2, 3])), DataType::Utf8)), None);
    // The last one is a single number where two are needed.
    let long = [direct(&[2, 4]), direct(&[u32::MAX, 1]), direct(&[1 << 30, 1 << 30]), direct(&[2])];
    for lengths in long {
        assert_eq!(told(read_a(&texts(lengths), DataType::Utf8)), CORRUPT);
    }
    // Two lengths of 2^62 in a short run.
    let huge = vec![0x38, 0x40, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(told(read_a(&texts(huge), DataType::Utf8)), CORRUPT);
}

#[test]
fn lists_hold_no_more_than_their_file() {
    assert_eq!(told(read_a(&lists(direct(&[2, 1]), 2), list_of(DataType::Int32))), None);
    for lengths in [&[2, 2][..], &[i32::MAX as u32, i32::MAX as u32], &[u32::MAX, 1]] {
        let file = lists(direct(lengths), 2);
        assert_eq!(told(read_a(&file, list_of(DataType::Int32))), CORRUPT, "{lengths:?}");
    }
}

/// A file may hold what memory does not: here, 512 lists with the values that 16 MiB of runs stand for.
#[test]
fn lists_of_a_batch_are_bounded() {
    let elements = 4 << 20;
    let mut file = lists(direct(&[elements; 512]), 512);
    file.streams[1].2 = repeated(7, elements as usize);
    assert_eq!(told(read_a(&file, list_of(DataType::Int32))), TOO_LARGE);
}

/// 60,000,000 of them are below the bound at 25 bytes each, which orc-rust needs for microseconds, and not at
/// the 41 of decimals.
#[test]
fn timestamps_count_as_what_they_take() {
    let elements = 117_188;
    let runs = elements as usize;
    let streams = vec![
        (1, LENGTH, direct(&[elements; 512])),
        (2, DATA, repeated(7, runs)),
        (2, SECONDARY, repeated(0, runs)),
    ];
    let file = TestFile::new(vec![root(), nested(10, &[2], &[]), plain(9)], 512, streams);
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(told(read_a(&file, list_of(time))), TOO_LARGE);
}

#[test]
fn maps_with_a_null_key_are_named() {
    let streams = vec![
        (1, LENGTH, direct(&[2])),
        (2, PRESENT, vec![0xff, 0b1000_0000]),
        (2, DATA, direct_signed(&[1])),
        (3, DATA, direct_signed(&[1, 2])),
    ];
    let file =
        TestFile::new(vec![root(), nested(11, &[2, 3], &[]), plain(3), plain(3)], 1, streams);
    let error = read_a(&file, DataType::Int32).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    assert!(error.message().contains("column `a` has a map with a null key"), "{error}");
}

#[test]
fn dictionaries_are_no_larger_than_their_file() {
    let dictionary = |size, lengths: &[u32], data: Vec<u8>, rows| {
        let streams = vec![
            (1, DATA, data),
            (1, LENGTH, direct(lengths)),
            (1, DICTIONARY_DATA, vec![b'x'; 4 << 20]),
        ];
        let mut file = TestFile::new(vec![root(), plain(7)], rows, streams);
        file.encodings[1] = (DICTIONARY_V2, size);
        told(read_a(&file, DataType::Utf8))
    };
    assert_eq!(dictionary(2, &[1, 2], direct(&[0, 1]), 2), None);
    assert_eq!(dictionary(u64::from(u32::MAX), &[1, 2], direct(&[0, 1]), 2), CORRUPT);
    assert_eq!(dictionary(3, &[1, 2], direct(&[0, 1]), 2), CORRUPT);
    assert_eq!(dictionary(2, &[1, 5 << 20], direct(&[0, 1]), 2), CORRUPT);
    assert_eq!(dictionary(2, &[1, 2], direct(&[0, 2]), 2), CORRUPT);
    // An entry of 4 MiB in each of 16,384 rows, or in two of them.
    assert_eq!(dictionary(1, &[4 << 20], repeated(0, 32), 16_384), TOO_LARGE);
    let data = [direct(&[0, 0]), repeated(1, 32)].concat();
    assert_eq!(dictionary(2, &[(4 << 20) - 1, 1], data, 16_384), None);
}

#[test]
fn a_present_stream_is_as_long_as_its_column() {
    let file = |present: Vec<u8>| {
        let values: Vec<i32> = (0..16).collect();
        let streams = vec![(1, PRESENT, present), (1, DATA, direct_signed(&values))];
        TestFile::new(vec![root(), plain(3)], 16, streams)
    };
    assert_eq!(told(read_a(&file(vec![0xfe, 0xff, 0x0f]), DataType::Int32)), None);
    // orc-rust takes these for columns without nulls.
    for present in [vec![0xff, 0x0f], vec![0xfe, 0x0f], vec![0x01]] {
        assert_eq!(told(read_a(&file(present), DataType::Int32)), CORRUPT);
    }
}

#[test]
fn types_are_a_tree() {
    let refused = |types: Vec<Vec<u8>>| {
        let file = TestFile::new(types, 1, vec![(1, DATA, direct_signed(&[1]))]);
        told(read_a(&file, DataType::Int32))
    };
    assert_eq!(refused(vec![root(), plain(3)]), None);
    let list = |part| nested(10, &[part], &[]);
    for types in [
        vec![],
        vec![root(), list(0)],
        vec![root(), list(1)],
        vec![root(), list(2), list(1)],
        vec![root(), list(2)],
        vec![root(), nested(11, &[2, 2], &[]), plain(3)],
        vec![root(), nested(10, &[], &[])],
        vec![nested(12, &[1], &[])],
        vec![nested(12, &[1, 1], &["a", "b"]), plain(3)],
    ] {
        assert_eq!(refused(types.clone()), CORRUPT, "{types:?}");
    }
    assert_eq!(refused(vec![plain(3)]), UNSUPPORTED);
    let deep = std::iter::once(root()).chain((2..100).map(list)).chain([plain(3)]);
    assert_eq!(refused(deep.collect()), TOO_LARGE);
    let many = vec![plain(3); 100_001];
    assert_eq!(refused(many), TOO_LARGE);
    let decimal = |precision, scale| {
        let decimal = Message::default().number(1, 14).number(5, precision).number(6, scale);
        vec![root(), decimal.into_bytes()]
    };
    assert_eq!(refused(decimal(39, 2)), CORRUPT);
    assert_eq!(refused(decimal(5, 6)), CORRUPT);
}

#[test]
fn what_is_not_read_is_named() {
    let data = vec![(1, DATA, direct_signed(&[1]))];
    for kind in [plain(19), nested(13, &[], &[]), nested(12, &[], &[])] {
        let file = TestFile::new(vec![root(), kind], 1, data.clone());
        let error = read_a(&file, DataType::Int32).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.message().contains("column `a`"), "{error}");
        // As long as nobody wants it, a column may be anything.
        assert!(read_all(file.bytes(), &schema(&[("b", DataType::Int32)])).is_ok());
    }
    let footer = |postscript: Message| {
        let file =
            finish(b"ORC".to_vec(), &Message::default().bytes(4, &root()).into_bytes(), postscript);
        told(read_all(file, &schema(&[("a", DataType::Int32)])))
    };
    assert_eq!(footer(postscript().number(2, 3)), UNSUPPORTED);
    assert_eq!(footer(postscript().number(2, 9)), UNSUPPORTED);
    assert_eq!(footer(postscript().number(2, 1).number(3, 1 << 40)), CORRUPT);
    assert_eq!(footer(Message::default().bytes(8000, b"PAR")), CORRUPT);
    assert_eq!(footer(postscript().number(5, u64::MAX)), CORRUPT);
}

#[test]
fn stripes_lie_in_their_file() {
    let stripe = |offset: u64, length: u64, rows: u64| {
        let stripe =
            Message::default().number(1, offset).number(3, length).number(4, 1).number(5, rows);
        let footer = Message::default()
            .bytes(3, &stripe.into_bytes())
            .bytes(4, &nested(12, &[], &[]))
            .number(6, 5)
            .into_bytes();
        told(read_all(finish(b"ORC".to_vec(), &footer, postscript()), &schema(&[])))
    };
    for (offset, length, rows) in
        [(100, 1, 5), (0, u64::MAX, 5), (u64::MAX, 1, 5), (0, 2, 6), (0, 2, 4), (0, 2, u64::MAX)]
    {
        assert_eq!(stripe(offset, length, rows), CORRUPT, "{offset} {length} {rows}");
    }
}

#[test]
fn values_that_orc_rust_panics_over_are_refused() {
    // Scales that make it divide by zero.
    let decimal = Message::default().number(1, 14).number(5, 10).number(6, 2).into_bytes();
    for scale in [-1, 130, 39] {
        let streams = vec![(1, DATA, vec![2]), (1, SECONDARY, direct_signed(&[scale]))];
        let file = TestFile::new(vec![root(), decimal.clone()], 1, streams);
        assert_eq!(told(read_a(&file, DataType::Decimal128(10, 2))), CORRUPT);
    }
    // The last second that chrono has in UTC is none in Tokyo.
    let mut seconds = vec![0x38];
    seconds.extend(((8_210_266_876_799_u64 - 1_420_070_400) << 1).to_be_bytes());
    let streams = vec![(1, DATA, seconds), (1, SECONDARY, direct(&[0]))];
    let mut file = TestFile::new(vec![root(), plain(9)], 1, streams);
    file.zone = Some("Asia/Tokyo");
    let time = DataType::Timestamp(TimeUnit::Microsecond, None);
    assert_eq!(told(read_a(&file, time)), CORRUPT);
}
