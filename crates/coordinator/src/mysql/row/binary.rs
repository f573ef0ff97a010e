//! Rows of the binary protocol.
//!
//! Source: MySQL Source Code Documentation, "Binary Protocol Resultset": a zero byte, the map of
//! the NULLs beginning at its third bit, then the values that are there, each in the form of its
//! column's type ("Binary Protocol Value").

use super::calendar::{SECONDS_PER_DAY, civil, day_of, split};
use super::encoder::{Encoder, Values};
use super::put_text;
use arrow::datatypes::TimeUnit;

const HEADER: u8 = 0;
/// The bits of the map before the first column's.
const NULLS_OFFSET: usize = 2;

/// Appends the payload of `Protocol::BinaryResultsetRow` for one row.
#[inline]
pub(super) fn put_row(out: &mut Vec<u8>, columns: &[Encoder<'_>], row: usize) {
    out.push(HEADER);
    let nulls = out.len();
    out.resize(nulls + (columns.len() + NULLS_OFFSET).div_ceil(8), 0);
    for (at, column) in columns.iter().enumerate() {
        let (encoder, row) = column.resolve(row);
        if encoder.is_null(row) {
            let bit = at + NULLS_OFFSET;
            out[nulls + bit / 8] |= 1 << (bit % 8);
        } else {
            put_value(out, encoder, row);
        }
    }
}

/// The forms are those of the types that `column.rs` declares.
#[inline]
fn put_value(out: &mut Vec<u8>, encoder: &Encoder<'_>, row: usize) {
    match encoder.values() {
        // Never asked for: it has no rows that are not null.
        Values::Null => {}
        Values::Boolean(array) => out.push(u8::from(array.value(row))),
        Values::Int8(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Int16(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Int32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Int64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::UInt8(values) => out.push(values[row]),
        Values::UInt16(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::UInt32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::UInt64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Float16(values) => out.extend_from_slice(&values[row].to_f32().to_le_bytes()),
        Values::Float32(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Float64(values) => out.extend_from_slice(&values[row].to_le_bytes()),
        Values::Date32(values) => {
            out.push(4);
            put_day(out, i64::from(values[row]));
        }
        Values::Date64(values) => {
            out.push(4);
            put_day(out, day_of(values[row], TimeUnit::Millisecond));
        }
        Values::Time32(values, unit) => put_time(out, i64::from(values[row]), *unit),
        Values::Time64(values, unit) => put_time(out, values[row], *unit),
        Values::Timestamp(values, unit) => put_timestamp(out, values[row], *unit),
        Values::Decimal32(..)
        | Values::Decimal64(..)
        | Values::Decimal128(..)
        | Values::Decimal256(..)
        | Values::Utf8(_)
        | Values::LargeUtf8(_)
        | Values::Utf8View(_)
        | Values::Binary(_)
        | Values::LargeBinary(_)
        | Values::BinaryView(_)
        | Values::FixedSizeBinary(_)
        | Values::Duration(..)
        | Values::Months(_)
        | Values::DaysAndMilliseconds(_)
        | Values::MonthsDaysAndNanoseconds(_)
        | Values::Nested(_) => put_text(out, encoder, row),
        Values::Indirect(rows, values) => {
            let (values, row) = values.resolve(rows[row]);
            put_value(out, values, row);
        }
    }
}

/// Year, month and day. The batch's dates have been checked to lie in the years 0000 to 9999.
fn put_day(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil(days);
    out.extend_from_slice(&year.to_le_bytes()[..2]);
    out.extend_from_slice(&[month.to_le_bytes()[0], day.to_le_bytes()[0]]);
}

/// The shortest of the three forms: without time, without fraction, with microseconds.
fn put_timestamp(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let (seconds, microseconds) = split(value, unit);
    let (days, clock) = (seconds.div_euclid(SECONDS_PER_DAY), seconds.rem_euclid(SECONDS_PER_DAY));
    out.push(match (clock, microseconds) {
        (0, 0) => 4,
        (_, 0) => 7,
        _ => 11,
    });
    put_day(out, days);
    if (clock, microseconds) != (0, 0) {
        put_clock(out, clock);
    }
    if microseconds != 0 {
        out.extend_from_slice(&microseconds.to_le_bytes());
    }
}

/// A sign, days, and the shortest form as above.
fn put_time(out: &mut Vec<u8>, value: i64, unit: TimeUnit) {
    let (seconds, microseconds) = split(value.saturating_abs(), unit);
    if (seconds, microseconds) == (0, 0) {
        return out.push(0);
    }
    out.push(if microseconds == 0 { 8 } else { 12 });
    out.push(u8::from(value < 0));
    out.extend_from_slice(&(seconds / SECONDS_PER_DAY).to_le_bytes()[..4]);
    put_clock(out, seconds % SECONDS_PER_DAY);
    if microseconds != 0 {
        out.extend_from_slice(&microseconds.to_le_bytes());
    }
}

/// Hours, minutes and seconds of less than a day.
fn put_clock(out: &mut Vec<u8>, seconds: i64) {
    for part in [seconds / 3600, seconds / 60 % 60, seconds % 60] {
        out.push(part.to_le_bytes()[0]);
    }
}

#[cfg(test)]
#[path = "binary_tests.rs"]
mod tests;
