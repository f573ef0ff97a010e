//! From a parameter as it was sent to the value that the engine is given.
//!
//! The type that a driver declares for a string says little: go-sql-driver and mysql2 send bytes as
//! strings, Connector/J sends strings as BLOB when they come from a stream, and mysql_async sends
//! both as VAR_STRING. So the place where the parameter stands decides, where the planner knows its
//! type: bytes in a place for bytes, else text. Where it does not, a BLOB is bytes and a string is
//! text. What is no UTF-8 is bytes everywhere, and nothing of it is lost.

use super::super::error::WireError;
use super::Raw;
use super::decimal::{Parsed, parse_decimal};
use arrow::datatypes::DataType;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use mooring_spi::Value;

const YEAR_MAX: u16 = 9999;

/// `place` is the type that the planner has inferred for the parameter; `Null` where it knows none.
///
/// # Errors
/// ER_TRUNCATED_WRONG_VALUE for a date, time or decimal that is none, ER_MALFORMED_PACKET for one
/// of a length that the protocol does not have.
pub(crate) fn to_value(raw: Raw<'_>, place: &DataType) -> Result<Value, WireError> {
    Ok(match raw {
        Raw::Null => Value::Null,
        // Drivers have no wire type for a boolean.
        Raw::Signed(number @ 0..=1) if *place == DataType::Boolean => Value::Boolean(number == 1),
        Raw::Unsigned(number @ 0..=1) if *place == DataType::Boolean => Value::Boolean(number == 1),
        Raw::Signed(number) => Value::Int(number),
        Raw::Unsigned(number) => Value::UInt(number),
        Raw::Float(number) => Value::Float(number),
        Raw::Decimal(bytes) => decimal(bytes)?,
        Raw::Date(bytes) => date(bytes)?,
        Raw::DateTime(bytes) => date_time(bytes)?,
        Raw::Time(bytes) => time(bytes)?,
        Raw::Text(bytes) => string(bytes, is_binary(place)),
        Raw::Bytes(bytes) => string(bytes, is_binary(place) || *place == DataType::Null),
    })
}

fn is_binary(place: &DataType) -> bool {
    match place {
        DataType::Dictionary(_, values) => is_binary(values),
        DataType::RunEndEncoded(_, values) => is_binary(values.data_type()),
        other => other.is_binary() || matches!(other, DataType::FixedSizeBinary(_)),
    }
}

fn string(bytes: &[u8], binary: bool) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !binary => Value::Text(text.to_owned()),
        _ => Value::Binary(bytes.to_vec()),
    }
}

fn decimal(bytes: &[u8]) -> Result<Value, WireError> {
    let text = String::from_utf8_lossy(bytes);
    match parse_decimal(&text) {
        Parsed::Decimal { unscaled, scale } => Ok(Value::Decimal { unscaled, scale }),
        // The planner reads it as it reads a literal.
        Parsed::TooLong => Ok(Value::Text(text.into_owned())),
        Parsed::NotANumber => Err(WireError::incorrect_value("DECIMAL", &text)),
    }
}

/// `Protocol::MYSQL_TYPE_DATE`; what it has of a time is cut off. MySQL's zero dates, which no
/// other system has, are NULL.
fn date(bytes: &[u8]) -> Result<Value, WireError> {
    let Some(moment) = moment(bytes, "DATE")? else {
        return Ok(Value::Null);
    };
    let days = (moment.date() - NaiveDate::default()).num_days();
    i32::try_from(days).map(Value::Date).map_err(|_| WireError::malformed())
}

fn date_time(bytes: &[u8]) -> Result<Value, WireError> {
    let moment = moment(bytes, "DATETIME")?;
    Ok(moment.map_or(Value::Null, |moment| Value::Timestamp(moment.and_utc().timestamp_micros())))
}

/// `None` for a zero date, also one that is zero in parts.
fn moment(bytes: &[u8], kind: &str) -> Result<Option<NaiveDateTime>, WireError> {
    let (day, clock, fraction) = match bytes {
        [] => return Ok(None),
        [year_low, year_high, month, day] => {
            ([*year_low, *year_high, *month, *day], [0; 3], [0; 4])
        }
        [a, b, month, day, hour, minute, second] => {
            ([*a, *b, *month, *day], [*hour, *minute, *second], [0; 4])
        }
        [a, b, month, day, hour, minute, second, f0, f1, f2, f3] => {
            ([*a, *b, *month, *day], [*hour, *minute, *second], [*f0, *f1, *f2, *f3])
        }
        _ => return Err(WireError::malformed()),
    };
    let [a, b, month, day] = day;
    let year = u16::from_le_bytes([a, b]);
    if month == 0 || day == 0 {
        return Ok(None);
    }
    let [hour, minute, second] = clock;
    let microseconds = u32::from_le_bytes(fraction);
    let found = NaiveDate::from_ymd_opt(i32::from(year), u32::from(month), u32::from(day))
        .filter(|_| year <= YEAR_MAX)
        .zip(time_of_day(hour, minute, second, microseconds));
    match found {
        Some((date, time)) => Ok(Some(date.and_time(time))),
        None => Err(WireError::incorrect_value(
            kind,
            &format!(
                "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{microseconds:06}"
            ),
        )),
    }
}

fn time_of_day(hour: u8, minute: u8, second: u8, microseconds: u32) -> Option<NaiveTime> {
    // chrono takes a second million for a leap second.
    let whole = microseconds < 1_000_000;
    NaiveTime::from_hms_micro_opt(hour.into(), minute.into(), second.into(), microseconds)
        .filter(|_| whole)
}

/// `Protocol::MYSQL_TYPE_TIME` as text, `-HHH:MM:SS.ffffff`: it may be longer than a day, as no
/// time of ours is.
fn time(bytes: &[u8]) -> Result<Value, WireError> {
    let (negative, days, clock, fraction) = match bytes {
        [] => return Ok(Value::Text("00:00:00".to_owned())),
        [negative, d0, d1, d2, d3, hour, minute, second] => {
            (*negative, [*d0, *d1, *d2, *d3], [*hour, *minute, *second], [0; 4])
        }
        [negative, d0, d1, d2, d3, hour, minute, second, f0, f1, f2, f3] => {
            let fraction = [*f0, *f1, *f2, *f3];
            (*negative, [*d0, *d1, *d2, *d3], [*hour, *minute, *second], fraction)
        }
        _ => return Err(WireError::malformed()),
    };
    let [hour, minute, second] = clock;
    let microseconds = u32::from_le_bytes(fraction);
    let hours = u64::from(u32::from_le_bytes(days)) * 24 + u64::from(hour);
    let sign = if negative == 0 { "" } else { "-" };
    let mut text = format!("{sign}{hours:02}:{minute:02}:{second:02}");
    if microseconds > 0 {
        text.push_str(&format!(".{microseconds:06}"));
    }
    match time_of_day(hour, minute, second, microseconds) {
        Some(_) => Ok(Value::Text(text)),
        None => Err(WireError::incorrect_value("TIME", &text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::proto::MySerialize;
    use mysql_common::value::Value as Peer;
    use proptest::prelude::*;

    /// What `mysql_common` sends for a date or time, without its length.
    fn sent(value: Peer) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.serialize(&mut bytes);
        bytes.split_off(1)
    }

    /// Days and microseconds as MariaDB 10.11 counts them: `DATEDIFF(x, '1970-01-01')`,
    /// `TIMESTAMPDIFF(MICROSECOND, '1970-01-01', x)`.
    #[test]
    fn dates_and_times_become_values() {
        let place = DataType::Null;
        for (raw, expected) in [
            (Raw::Date(&sent(Peer::Date(2024, 2, 29, 0, 0, 0, 0))[..]), Value::Date(19_782)),
            (Raw::Date(&sent(Peer::Date(1969, 12, 31, 23, 0, 0, 0))), Value::Date(-1)),
            (
                Raw::DateTime(&sent(Peer::Date(2024, 2, 29, 1, 2, 3, 4))),
                Value::Timestamp(1_709_168_523_000_004),
            ),
            (Raw::DateTime(&sent(Peer::Date(0, 0, 0, 0, 0, 0, 0))), Value::Null),
            (Raw::Date(b"\xE8\x07\0\x01"), Value::Null),
            (Raw::Time(&sent(Peer::Time(false, 0, 0, 0, 0, 0))), Value::Text("00:00:00".into())),
            (
                Raw::Time(&sent(Peer::Time(true, 1, 2, 3, 4, 5))),
                Value::Text("-26:03:04.000005".into()),
            ),
        ] {
            assert_eq!(to_value(raw, &place).expect("a value"), expected);
        }
    }

    #[test]
    fn what_is_no_date_or_number_is_told() {
        for raw in [
            Raw::Date(b"\xE8\x07\x02\x1E"),
            Raw::DateTime(b"\x10\x27\x01\x01\x19\0\0"),
            Raw::Time(b"\0\0\0\0\0\x18\0\0"),
            Raw::Decimal(b"abc"),
        ] {
            let error = to_value(raw, &DataType::Null).expect_err("refused");
            assert_eq!((error.errno, error.sqlstate), (1292, "22007"), "{raw:?}");
        }
        for raw in [Raw::Date(b"\xE8"), Raw::Time(b"\0\0")] {
            assert_eq!(to_value(raw, &DataType::Null).expect_err("refused").errno, 1835);
        }
    }

    #[test]
    fn strings_are_text_or_bytes_by_their_place() {
        let text = || Value::Text("ab".into());
        let binary = || Value::Binary(b"ab".to_vec());
        for (raw, place, expected) in [
            (Raw::Text(b"ab"), DataType::Utf8, text()),
            (Raw::Bytes(b"ab"), DataType::Utf8View, text()),
            (Raw::Text(b"ab"), DataType::Binary, binary()),
            (Raw::Bytes(b"ab"), DataType::FixedSizeBinary(2), binary()),
            (Raw::Text(b"ab"), DataType::Null, text()),
            (Raw::Bytes(b"ab"), DataType::Null, binary()),
            (Raw::Bytes(b"ab"), DataType::Int64, text()),
            (Raw::Text(b"\xFF"), DataType::Utf8, Value::Binary(vec![0xFF])),
        ] {
            assert_eq!(to_value(raw, &place).expect("a value"), expected, "{raw:?} for {place}");
        }
    }

    #[test]
    fn one_and_zero_are_booleans_in_their_place() {
        for (raw, place, expected) in [
            (Raw::Signed(1), DataType::Boolean, Value::Boolean(true)),
            (Raw::Signed(2), DataType::Boolean, Value::Int(2)),
            (Raw::Unsigned(0), DataType::Boolean, Value::Boolean(false)),
            (Raw::Signed(1), DataType::Int8, Value::Int(1)),
            (Raw::Unsigned(u64::MAX), DataType::UInt64, Value::UInt(u64::MAX)),
        ] {
            assert_eq!(to_value(raw, &place).expect("a value"), expected);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes in proptest::collection::vec(any::<u8>(), 0..16)) {
            for raw in [
                Raw::Date(&bytes),
                Raw::DateTime(&bytes),
                Raw::Time(&bytes),
                Raw::Decimal(&bytes),
                Raw::Text(&bytes),
            ] {
                let _ = to_value(raw, &DataType::Null);
            }
        }
    }
}
