//! Expected bytes follow PostgreSQL's `send` functions: numbers in network order, dates since 2000-01-01.

use super::*;
use crate::postgresql::types::Decode;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int32Type, Int64Type,
    Schema, TimestampMicrosecondType, UInt64Type,
};
use proptest::prelude::*;
use std::sync::Arc;

fn decoder(columns: &[Decode]) -> BatchDecoder {
    let field = |decode: &Decode| Field::new("c", decode.data_type(), true);
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    let column =
        |decode: &Decode| Column { name: "c".to_owned(), decode: decode.clone(), native: false };
    let columns: Vec<Column> = columns.iter().map(column).collect();
    BatchDecoder::new(schema, &columns, 4)
}

fn start() -> Vec<u8> {
    [SIGNATURE, &[0; 8]].concat()
}

fn put_row(message: &mut Vec<u8>, fields: &[Option<Vec<u8>>]) {
    message.extend((fields.len() as i16).to_be_bytes());
    for field in fields {
        match field {
            None => message.extend((-1_i32).to_be_bytes()),
            Some(value) => {
                message.extend((value.len() as i32).to_be_bytes());
                message.extend(value);
            }
        }
    }
}

fn one(decode: Decode, value: Option<Vec<u8>>) -> Result<arrow::array::ArrayRef> {
    let mut decoder = decoder(&[decode]);
    let mut message = start();
    put_row(&mut message, &[value]);
    decoder.take(&message)?;
    decoder.take(&(-1_i16).to_be_bytes())?;
    assert!(decoder.has_ended());
    decoder.finish().map(|batch| batch.column(0).clone())
}

fn numeric(weight: i16, sign: u16, groups: &[i16]) -> Vec<u8> {
    let head = [groups.len() as i16, weight, sign as i16, 0];
    head.iter().chain(groups).flat_map(|number| number.to_be_bytes()).collect()
}

fn decimal_of(value: Vec<u8>, precision: u8, scale: i8) -> Result<i128> {
    let array = one(Decode::Decimal { precision, scale }, Some(value))?;
    Ok(array.as_primitive::<Decimal128Type>().value(0))
}

#[test]
fn numbers_are_exact_or_errors() {
    // 12345.67 is 1|2345|6700 with weight 1.
    let number = || numeric(1, 0, &[1, 2345, 6700]);
    assert_eq!(decimal_of(number(), 10, 2).expect("a number"), 1_234_567);
    assert_eq!(decimal_of(number(), 10, 4).expect("a number"), 123_456_700);
    assert_eq!(decimal_of(numeric(0, 0x4000, &[7]), 5, 0).expect("a number"), -7);
    assert_eq!(decimal_of(numeric(0, 0, &[]), 5, 3).expect("a number"), 0);
    // 0.00012 is 1|2000 behind one group of zeros: weight -1.
    assert_eq!(decimal_of(numeric(-1, 0, &[1, 2000]), 9, 5).expect("a number"), 12);
    // 10^12 is one group.
    assert_eq!(decimal_of(numeric(3, 0, &[1]), 15, 2).expect("a number"), 10_i128.pow(14));
    for (value, precision, scale) in [
        (number(), 10, 1),
        (number(), 6, 2),
        (numeric(-1, 0, &[1, 2000]), 9, 4),
        (numeric(100, 0, &[1]), 38, 9),
        (numeric(0, 0xc000, &[]), 38, 9),
        (numeric(0, 0xd000, &[]), 38, 9),
        (numeric(0, 0xf000, &[]), 38, 9),
    ] {
        let error = decimal_of(value, precision, scale).expect_err("no place");
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{error}");
        assert!(error.message().starts_with("column `c`"), "{error}");
    }
}

#[test]
fn dates_begin_elsewhere_and_have_an_end() {
    let date = |days: i32| one(Decode::Date, Some(days.to_be_bytes().to_vec()));
    assert_eq!(date(-10_957).expect("1970").as_primitive::<Date32Type>().value(0), 0);
    assert_eq!(date(i32::MAX).expect_err("infinity").kind(), ErrorKind::InvalidValue);
    let instant = |micros: i64| one(Decode::TimestampUtc, Some(micros.to_be_bytes().to_vec()));
    let array = instant(0).expect("2000");
    assert_eq!(array.as_primitive::<TimestampMicrosecondType>().value(0), 946_684_800_000_000);
    assert_eq!(array.data_type(), &Decode::TimestampUtc.data_type());
    for micros in [i64::MAX, i64::MIN, i64::MAX - 1] {
        assert_eq!(instant(micros).expect_err("no place").kind(), ErrorKind::InvalidValue);
    }
    let time = |micros: i64| one(Decode::Time, Some(micros.to_be_bytes().to_vec()));
    assert!(time(86_399_999_999).is_ok() && time(86_400_000_000).is_err() && time(-1).is_err());
}

fn array_of(dimensions: i32, elements: &[Option<i32>]) -> Vec<u8> {
    let mut bytes: Vec<u8> =
        [dimensions, 1, 23].iter().flat_map(|number| number.to_be_bytes()).collect();
    for _ in 0..dimensions {
        bytes.extend((elements.len() as i32).to_be_bytes());
        bytes.extend(1_i32.to_be_bytes());
    }
    for element in elements {
        match element {
            Some(element) => {
                bytes.extend(4_i32.to_be_bytes());
                bytes.extend(element.to_be_bytes());
            }
            None => bytes.extend((-1_i32).to_be_bytes()),
        }
    }
    bytes
}

#[test]
fn lists_have_one_dimension() {
    let decode = || Decode::List(Box::new(Decode::Int32));
    let mut decoder = decoder(&[decode()]);
    let mut message = start();
    for value in [Some(array_of(1, &[Some(1), None])), None, Some(array_of(0, &[]))] {
        put_row(&mut message, &[value]);
    }
    decoder.take(&message).expect("rows");
    let batch = decoder.finish().expect("a batch");
    let lists = batch.column(0).as_list::<i32>();
    assert_eq!(
        lists.value(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(),
        [Some(1), None]
    );
    assert!(lists.is_null(1) && lists.is_valid(2) && lists.value(2).is_empty());
    let error = one(decode(), Some(array_of(2, &[Some(1)]))).expect_err("a table");
    assert!(error.message().contains("2 dimensions"), "{error}");
    // The next batch begins anew.
    put_row(&mut message, &[None]);
    decoder.take(&message[start().len()..]).expect("rows");
    assert_eq!(decoder.finish().expect("a batch").num_rows(), 4);
}

#[test]
fn rows_without_columns_are_counted() {
    let mut decoder = decoder(&[]);
    let mut message = start();
    put_row(&mut message, &[]);
    put_row(&mut message, &[]);
    decoder.take(&message).expect("rows");
    assert_eq!(decoder.finish().expect("a batch").num_rows(), 2);
}

#[test]
fn a_uuid_is_lower_case_text() {
    let array = one(Decode::Uuid, Some((0..16).map(|byte| byte * 17).collect())).expect("a uuid");
    assert_eq!(array.as_string::<i32>().value(0), "00112233-4455-6677-8899-aabbccddeeff");
}

#[test]
fn a_null_in_a_column_without_nulls_is_a_changed_table() {
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Int32, false)]));
    let column = Column { name: "c".to_owned(), decode: Decode::Int32, native: true };
    let mut decoder = BatchDecoder::new(schema, &[column], 1);
    let mut message = start();
    put_row(&mut message, &[None]);
    decoder.take(&message).expect("a row");
    assert_eq!(decoder.finish().expect_err("a null").kind(), ErrorKind::FileChanged);
}

#[test]
fn numbers_of_rows_are_never_below_zero() {
    let counted = |number: i64| one(Decode::UInt64, Some(number.to_be_bytes().to_vec()));
    let array = counted(i64::MAX).expect("a number");
    assert_eq!(array.as_primitive::<UInt64Type>().value(0), i64::MAX.unsigned_abs());
    assert_eq!(counted(-1).expect_err("below zero").kind(), ErrorKind::CorruptData);
}

/// `'Infinity'::float8 - 'Infinity'::float8` has a sign on most machines.
#[test]
fn every_nan_is_the_same() {
    let array = one(Decode::Float64, Some((-f64::NAN).to_be_bytes().to_vec())).expect("a number");
    assert_eq!(array.as_primitive::<Float64Type>().value(0).to_bits(), f64::NAN.to_bits());
    let array = one(Decode::Float32, Some((-f32::NAN).to_be_bytes().to_vec())).expect("a number");
    assert_eq!(array.as_primitive::<Float32Type>().value(0).to_bits(), f32::NAN.to_bits());
    let array = one(Decode::Float64, Some((-0.0_f64).to_be_bytes().to_vec())).expect("a number");
    assert!(array.as_primitive::<Float64Type>().value(0).is_sign_negative());
}

fn every_type() -> Vec<Decode> {
    vec![
        Decode::Boolean,
        Decode::Int64,
        Decode::UInt64,
        Decode::Decimal { precision: 20, scale: 3 },
        Decode::Text,
        Decode::Uuid,
        Decode::Binary,
        Decode::Timestamp,
        Decode::List(Box::new(Decode::Int32)),
    ]
}

fn every_value() -> Vec<u8> {
    let mut message = start();
    let values = [
        vec![1],
        7_i64.to_be_bytes().to_vec(),
        8_i64.to_be_bytes().to_vec(),
        numeric(0, 0, &[12, 3450]),
        "blåbær".as_bytes().to_vec(),
        vec![9; 16],
        vec![0, 255],
        0_i64.to_be_bytes().to_vec(),
        array_of(1, &[Some(5)]),
    ];
    put_row(&mut message, &values.map(Some));
    message
}

proptest! {
    /// Every garbled message is an error or a batch, never a panic.
    #[test]
    fn garbled_bytes_are_errors(at in 0..220_usize, byte: u8, end in 0..220_usize) {
        let mut message = every_value();
        let length = message.len();
        message[at % length] = byte;
        message.truncate(end.max(1));
        let mut decoder = decoder(&every_type());
        match decoder.take(&message) {
            Ok(()) => prop_assert!(decoder.finish().is_ok()),
            Err(error) => prop_assert!(
                matches!(error.kind(), ErrorKind::CorruptData | ErrorKind::InvalidValue)
            ),
        }
    }

    #[test]
    fn a_message_that_ends_early_is_an_error(end in 0..220_usize) {
        let message = every_value();
        let end = end % message.len();
        let cut = decoder(&every_type()).take(&message[..end]);
        // The header alone is whole.
        prop_assert_eq!(cut.is_ok(), end == start().len());
    }

    /// Any number that fits comes back as it was written.
    #[test]
    fn decimals_come_back(unscaled in -10_i128.pow(38) + 1..10_i128.pow(38), scale in 0..=38_i8) {
        // Digits, with zeros so that the point stands between groups of four.
        let behind = usize::from(scale.unsigned_abs());
        let padding = (4 - behind % 4) % 4;
        let mut digits = format!("{}{}", unscaled.unsigned_abs(), "0".repeat(padding));
        let behind = behind + padding;
        while digits.len() % 4 != 0 || digits.len() < behind {
            digits.insert(0, '0');
        }
        let groups: Vec<i16> = digits
            .as_bytes()
            .chunks(4)
            .map(|group| group.iter().fold(0, |number, digit| number * 10 + i16::from(digit - b'0')))
            .collect();
        let weight = (digits.len() - behind) as i16 / 4 - 1;
        let sign = if unscaled < 0 { 0x4000 } else { 0 };
        prop_assert_eq!(decimal_of(numeric(weight, sign, &groups), 38, scale).expect("it fits"), unscaled);
    }

    #[test]
    fn integers_come_back(value: i64) {
        let array = one(Decode::Int64, Some(value.to_be_bytes().to_vec())).expect("a value");
        prop_assert_eq!(array.as_primitive::<Int64Type>().value(0), value);
    }
}
