//! Statistics as writers leave them, and as nobody should.

use super::chunks::{CHUNK_BYTES_DEFAULT, Compressed};
use super::statistics::{Bounds, Known, Statistics};
use super::test_files::told;
use super::wire::Message;
use bytes::Bytes;
use futures::executor::block_on;
use mooring_formats::BlockCodec;
use mooring_spi::{ErrorKind, Result};
use proptest::collection::vec;
use proptest::prelude::*;

/// As Protocol Buffers have a `sint64`.
pub(super) fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}

/// A message `ColumnStatistics` without bounds.
pub(super) fn counted(values: u64, has_null: bool) -> Message {
    Message::default().number(1, values).number(10, u64::from(has_null))
}

/// Bounds that are signed numbers.
pub(super) fn signed(least: i64, greatest: i64) -> Vec<u8> {
    Message::default().number(1, zigzag(least)).number(2, zigzag(greatest)).into_bytes()
}

/// Bounds that are texts.
pub(super) fn texts(least: &str, greatest: &str) -> Vec<u8> {
    Message::default().bytes(1, least.as_bytes()).bytes(2, greatest.as_bytes()).into_bytes()
}

/// The section of a file's stripes, each with its columns.
pub(super) fn section(stripes: Vec<Vec<Message>>) -> Vec<u8> {
    let section = stripes.into_iter().fold(Message::default(), |section, columns| {
        let stripe = columns
            .into_iter()
            .fold(Message::default(), |stripe, column| stripe.bytes(1, &column.into_bytes()));
        section.bytes(1, &stripe.into_bytes())
    });
    section.into_bytes()
}

const PLAIN: Compressed = Compressed { codec: None, chunk_bytes: CHUNK_BYTES_DEFAULT };

fn read(section: Vec<u8>, stripes: usize) -> Result<Option<Statistics>> {
    block_on(Statistics::read(PLAIN, section.into(), stripes))
}

#[test]
fn what_writers_say_is_read() {
    let section = section(vec![
        vec![
            counted(4, false),
            counted(3, true).bytes(2, &signed(i64::MIN, i64::MAX)),
            counted(4, false).bytes(4, &texts("a", "ö")),
            counted(4, false).bytes(7, &signed(-719_162, 20_000)),
            counted(4, false).bytes(6, &texts("-1.5", "12")),
        ],
        vec![counted(0, false)],
    ]);
    let statistics = read(section, 2).unwrap().unwrap();
    let known = statistics.of_stripe(0, &[1, 2, 3, 4, 9]).unwrap();
    let counted = |values, has_null| Known {
        values: Some(values),
        has_null: Some(has_null),
        ..Known::default()
    };
    let integers = Bounds { least: Some(i64::MIN), greatest: Some(i64::MAX) };
    let days = Bounds { least: Some(-719_162), greatest: Some(20_000) };
    let texts = Bounds { least: Some(&b"a"[..]), greatest: Some("ö".as_bytes()) };
    let decimals = Bounds { least: Some(&b"-1.5"[..]), greatest: Some(&b"12"[..]) };
    let expected = [
        Known { integers, ..counted(3, true) },
        Known { texts, ..counted(4, false) },
        Known { days, ..counted(4, false) },
        Known { decimals, ..counted(4, false) },
        Known::default(),
    ];
    assert_eq!(known, expected);
    // A column that is not told of is not known.
    assert_eq!(statistics.of_stripe(1, &[0, 1]).unwrap(), [counted(0, false), Known::default()]);
}

#[test]
fn long_texts_have_bounds_instead() {
    let bounds = Message::default().bytes(4, b"aaa").bytes(5, b"aab").into_bytes();
    let mixed = Message::default().bytes(1, b"a").bytes(5, b"b").into_bytes();
    let column = |bounds: &[u8]| counted(1, false).bytes(4, bounds);
    let section = section(vec![vec![column(&bounds), column(&mixed)]]);
    let statistics = read(section, 1).unwrap().unwrap();
    let known = statistics.of_stripe(0, &[0, 1]).unwrap();
    let expected = [("aaa", "aab"), ("a", "b")];
    for (known, (least, greatest)) in known.iter().zip(expected) {
        let expected =
            Bounds { least: Some(least.as_bytes()), greatest: Some(greatest.as_bytes()) };
        assert_eq!(known.texts, expected);
    }
}

#[test]
fn nulls_are_known_where_all_that_is_said_goes_together() {
    for (values, has_null, rows, nulls) in [
        (Some(7), Some(true), 10, Some(3)),
        (Some(10), Some(false), 10, Some(0)),
        (Some(0), Some(true), 10, Some(10)),
        (Some(0), None, 10, Some(10)),
        (Some(0), Some(false), 0, Some(0)),
        (Some(7), Some(false), 10, None),
        (Some(10), Some(true), 10, None),
        (Some(11), Some(false), 10, None),
        (Some(7), None, 10, None),
        (Some(10), None, 10, None),
        (None, Some(false), 10, None),
    ] {
        let known = Known { values, has_null, ..Known::default() };
        assert_eq!(known.nulls(rows), nulls, "{values:?} {has_null:?} {rows}");
    }
}

#[test]
fn statistics_are_of_each_stripe_or_of_none() {
    let of = |stripes: usize| section((0..stripes).map(|_| vec![counted(1, false)]).collect());
    assert!(read(of(3), 3).unwrap().is_some());
    for (told_of, stripes) in [(0, 1), (2, 3), (4, 3), (100, 3)] {
        assert!(read(of(told_of), stripes).unwrap().is_none(), "{told_of} of {stripes}");
    }
}

#[test]
fn statistics_that_cannot_be_read_are_named() {
    let corrupt = Some(ErrorKind::CorruptData);
    // A length beyond the section, and a stripe that is a number.
    assert_eq!(told(read(vec![0x0a, 0x05, 0x00], 1)), corrupt);
    assert_eq!(told(read(Message::default().number(1, 7).into_bytes(), 1)), corrupt);
    let zstd = Compressed { codec: Some(BlockCodec::Zstd), ..PLAIN };
    let broken = Bytes::from_static(&[0x08, 0, 0, 1, 2, 3, 4]);
    assert_eq!(told(block_on(Statistics::read(zstd, broken, 1))), corrupt);
    let cut = Message::default().bytes(1, &[0x12, 0x09]).into_bytes();
    let statistics = read(Message::default().bytes(1, &cut).into_bytes(), 1).unwrap().unwrap();
    assert_eq!(told(statistics.of_stripe(0, &[0])), corrupt);
    // Nobody asks for it.
    assert!(statistics.of_stripe(0, &[1]).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_end(section in vec(any::<u8>(), 0..200), stripes in 0_usize..4) {
        if let Ok(Some(statistics)) = read(section, stripes) {
            for place in 0..=stripes {
                told(statistics.of_stripe(place, &[0, 1, 5]));
            }
        }
    }

    #[test]
    fn columns_of_any_bytes_end(columns in vec(vec(any::<u8>(), 0..40), 0..6)) {
        let stripe = columns.iter().fold(Message::default(), |stripe, column| stripe.bytes(1, column));
        let section = Message::default().bytes(1, &stripe.into_bytes()).into_bytes();
        let statistics = read(section, 1).unwrap().unwrap();
        if let Ok(known) = statistics.of_stripe(0, &[0, 2, 7]) {
            prop_assert_eq!(known.len(), 3);
        } else {
            prop_assert!(told(statistics.of_stripe(0, &[0, 2, 7])).is_some());
        }
    }
}
