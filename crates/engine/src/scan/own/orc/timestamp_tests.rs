//! Timestamps with nanoseconds, as the specification has them written.
//!
//! Source: ORC Specification v1, "Timestamp Columns": DATA has the seconds since the beginning of 2015, of the
//! writer's clock; SECONDARY has the nanoseconds without the zeros at their end if there are at least two, and
//! in its lowest three bits how many those are, less one. Of times before 1970, writers round the seconds up if
//! a millisecond or more follows (ORC-763).

use super::test_files::*;
use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

/// From 1970 to 2015, of one clock: 45 years, of which 11 have a day more.
const SECONDS_TO_2015: i64 = (45 * 365 + 11) * 86_400;

/// Seconds since 2015, the nanoseconds encoded, and microseconds since 1970.
fn values() -> [(i32, u32, i64); 5] {
    let at = |seconds: i64, part: i64| (SECONDS_TO_2015 + seconds) * 1_000_000 + part;
    // 1960 began 10 years before 1970, of which 1960, 1964 and 1968 have a day more.
    let of_1960 = -(10 * 365 + 3) * 86_400;
    let since_2015 = (of_1960 - SECONDS_TO_2015) as i32;
    [
        // 123,456,789 ns, without zeros.
        (100, 123_456_789 << 3, at(100, 123_456)),
        // 1,500 ns are 15 and two zeros.
        (-100, 15 << 3 | 1, at(-100, 1)),
        (since_2015, 15 << 3 | 1, of_1960 * 1_000_000 + 1),
        // 999,999 ns are the most of which the seconds are not rounded up.
        (since_2015, 999_999 << 3, of_1960 * 1_000_000 + 999),
        // 0.250000001 s after 1960 began: the second is the next one.
        (since_2015 + 1, 250_000_001 << 3, of_1960 * 1_000_000 + 250_000),
    ]
}

/// The streams of a column with these values.
fn streams(column: u64) -> Vec<(u64, u64, Vec<u8>)> {
    let seconds = values().map(|(seconds, _, _)| seconds);
    let nanoseconds = values().map(|(_, nanoseconds, _)| nanoseconds);
    vec![(column, DATA, direct_signed(&seconds)), (column, SECONDARY, direct(&nanoseconds))]
}

fn micros(array: &ArrayRef) -> Vec<i64> {
    assert_eq!(array.null_count(), 0);
    array.as_primitive::<TimestampMicrosecondType>().values().to_vec()
}

fn time(zone: Option<&str>) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into))
}

/// The seconds count from the same clock, so that the zone does not change what it shows: in winter, as all of
/// these are.
#[test]
fn nanoseconds_are_cut_to_microseconds() {
    let expected = values().map(|(_, _, micros)| micros);
    for zone in [None, Some("UTC"), Some("America/New_York")] {
        let mut file = TestFile::new(vec![root(), plain(9)], 5, streams(1));
        file.zone = zone;
        let batch = read_a(&file, time(None)).unwrap();
        assert_eq!(micros(batch.column(0)), expected, "{zone:?}");

        let mut in_list = streams(2);
        in_list.push((1, LENGTH, direct(&[2, 3])));
        let types = vec![root(), nested(10, &[2], &[]), plain(9)];
        let mut file = TestFile::new(types, 2, in_list);
        file.zone = zone;
        let batch = read_a(&file, list_of(time(None))).unwrap();
        assert_eq!(micros(batch.column(0).as_list::<i32>().values()), expected, "{zone:?}");
    }
}

/// TIMESTAMP_INSTANT counts from 2015 in UTC, whatever the writer's zone is.
#[test]
fn instants_are_of_no_zone() {
    let expected = values().map(|(_, _, micros)| micros);
    for zone in [None, Some("America/New_York")] {
        let mut file = TestFile::new(vec![root(), plain(18)], 5, streams(1));
        file.zone = zone;
        let batch = read_a(&file, time(Some("UTC"))).unwrap();
        assert_eq!(micros(batch.column(0)), expected, "{zone:?}");
    }
}
