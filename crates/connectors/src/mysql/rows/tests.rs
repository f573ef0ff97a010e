//! Whole rows. What MySQL sends was written by hand after the Source Code Documentation.

use super::*;
use crate::mysql::settings::ZeroDates;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int32Type, Int64Type, Schema, TimeUnit,
    TimestampMicrosecondType, UInt64Type,
};
use mysql_common::constants::ColumnType as Kind;
use proptest::prelude::*;
use std::sync::Arc;

fn sent(kind: Kind) -> ColumnDefinition {
    ColumnDefinition { kind, unsigned: false, binary: false, decimals: 0 }
}

fn schema(types: &[(DataType, bool)]) -> SchemaRef {
    let field = |(at, (data_type, nullable)): (usize, &(DataType, bool))| {
        Field::new(format!("c{at}"), data_type.clone(), *nullable)
    };
    Arc::new(Schema::new(types.iter().enumerate().map(field).collect::<Vec<_>>()))
}

fn moments() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

fn decoder(zero_dates: ZeroDates) -> RowDecoder {
    let schema = schema(&[
        (DataType::Int32, false),
        (DataType::Utf8, true),
        (DataType::Decimal128(10, 2), true),
        (DataType::Date32, true),
        (moments(), true),
        (DataType::UInt64, true),
        (DataType::Int64, true),
    ]);
    let decimal = ColumnDefinition { decimals: 2, ..sent(Kind::MYSQL_TYPE_NEWDECIMAL) };
    let columns = [
        sent(Kind::MYSQL_TYPE_LONG),
        sent(Kind::MYSQL_TYPE_VAR_STRING),
        decimal,
        sent(Kind::MYSQL_TYPE_DATE),
        sent(Kind::MYSQL_TYPE_DATETIME),
        sent(Kind::MYSQL_TYPE_BIT),
        // Wider here than there.
        sent(Kind::MYSQL_TYPE_SHORT),
    ];
    RowDecoder::new(schema, &columns, 3, zero_dates).expect("columns that fit")
}

/// 7, 'ü', -1.50, 1970-01-02, 1970-01-01 00:00:01, b'100000001', -2. Seven columns and two bits need two bytes of nulls.
const ROW: &[u8] =
    b"\0\0\0\x07\0\0\0\x02\xC3\xBC\x05-1.50\x04\xB2\x07\x01\x02\x07\xB2\x07\x01\x01\0\0\x01\x02\x01\x01\xFE\xFF";
/// All but the first one are null.
const NULLS: &[u8] = b"\0\xF8\x01\x08\0\0\0";

#[test]
fn rows_become_a_batch() {
    let mut decoder = decoder(ZeroDates::Error);
    decoder.push(ROW).expect("a row");
    decoder.push(NULLS).expect("a row");
    assert!(!decoder.is_full());
    decoder.push(ROW).expect("a row");
    assert!(decoder.is_full());
    let (batch, bytes) = decoder.take().expect("a batch");
    assert_eq!((batch.num_rows(), bytes), (3, 2 * ROW.len() + NULLS.len()));
    assert!(decoder.is_empty());
    assert_eq!(batch.column(0).as_primitive::<Int32Type>().values()[..], [7, 8, 7]);
    assert_eq!(batch.column(1).as_string::<i32>().value(2), "ü");
    assert_eq!(batch.column(2).as_primitive::<Decimal128Type>().value(0), -150);
    assert_eq!(batch.column(3).as_primitive::<Date32Type>().value(0), 1);
    assert_eq!(batch.column(4).as_primitive::<TimestampMicrosecondType>().value(0), 1_000_000);
    assert_eq!(batch.column(5).as_primitive::<UInt64Type>().value(0), 257);
    assert_eq!(batch.column(6).as_primitive::<Int64Type>().value(0), -2);
    for column in &batch.columns()[1..] {
        assert!(column.is_null(1) && column.is_valid(2));
    }
}

#[test]
fn rows_without_columns_are_counted() {
    let mut decoder =
        RowDecoder::new(schema(&[]), &[sent(Kind::MYSQL_TYPE_LONGLONG)], 10, ZeroDates::Error)
            .expect("a column to count");
    for _ in 0..2 {
        decoder.push(b"\0\0\x01\0\0\0\0\0\0\0").expect("a row");
    }
    assert_eq!(decoder.take().expect("a batch").0.num_rows(), 2);
}

fn date_row(length_and_date: &[u8], zero_dates: ZeroDates) -> Result<RecordBatch> {
    let schema = schema(&[(DataType::Date32, true)]);
    let mut decoder = RowDecoder::new(schema, &[sent(Kind::MYSQL_TYPE_DATE)], 10, zero_dates)?;
    decoder.push(&[b"\0\0", length_and_date].concat())?;
    Ok(decoder.take()?.0)
}

#[test]
fn zero_dates_are_errors_or_null() {
    for date in [&b"\0"[..], b"\x04\0\0\0\0", b"\x04\xE8\x07\0\x0A"] {
        let error = date_row(date, ZeroDates::Error).expect_err("no date");
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
        assert!(
            error.message().contains("`c0`") && error.message().contains("zero_dates"),
            "{error}"
        );
        let batch = date_row(date, ZeroDates::Null).expect("a null");
        assert!(batch.column(0).is_null(0));
    }
}

#[test]
fn another_type_is_named() {
    for (data_type, kind) in [
        (DataType::Int32, Kind::MYSQL_TYPE_LONGLONG),
        (DataType::Int32, Kind::MYSQL_TYPE_VAR_STRING),
        (DataType::Utf8, Kind::MYSQL_TYPE_LONG),
        (DataType::Date32, Kind::MYSQL_TYPE_TIME),
        (DataType::UInt64, Kind::MYSQL_TYPE_LONGLONG),
        (DataType::Float32, Kind::MYSQL_TYPE_DOUBLE),
    ] {
        let schema = schema(&[(data_type.clone(), true)]);
        let error = RowDecoder::new(schema, &[sent(kind)], 10, ZeroDates::Error);
        let error = error.expect_err("another type");
        assert_eq!(error.kind(), ErrorKind::TypeMismatch, "{data_type} {kind:?}");
        assert!(error.message().contains("`c0`"), "{error}");
    }
    let finer = ColumnDefinition { decimals: 3, ..sent(Kind::MYSQL_TYPE_NEWDECIMAL) };
    let narrow = schema(&[(DataType::Decimal128(10, 2), true)]);
    assert!(RowDecoder::new(narrow, &[finer], 10, ZeroDates::Error).is_err());
    let none = RowDecoder::new(schema(&[(DataType::Int32, true)]), &[], 10, ZeroDates::Error);
    assert!(none.is_err());
}

#[test]
fn a_null_where_there_is_none_is_named() {
    let schema = schema(&[(DataType::Int32, false)]);
    let mut decoder = RowDecoder::new(schema, &[sent(Kind::MYSQL_TYPE_LONG)], 10, ZeroDates::Error)
        .expect("a column");
    decoder.push(b"\0\x04").expect("a row");
    let error = decoder.take().expect_err("a null");
    assert!(error.message().contains("`c0`"), "{error}");
}

#[test]
fn long_texts_end_a_batch() {
    let schema = schema(&[(DataType::Binary, true)]);
    let bytes = ColumnDefinition { binary: true, ..sent(Kind::MYSQL_TYPE_LONG_BLOB) };
    let mut decoder = RowDecoder::new(schema, &[bytes], 1000, ZeroDates::Error).expect("a column");
    let row = [&b"\0\0\xFD\0\0\x80"[..], &vec![1; 8 << 20]].concat();
    decoder.push(&row).expect("a row");
    assert!(decoder.is_full());
    assert_eq!(decoder.take().expect("a batch").0.num_rows(), 1);
    assert!(!decoder.is_full());
}

proptest! {
    /// Whatever a server sends, there is a batch or an error.
    #[test]
    fn cut_and_changed_rows_are_read_or_refused(
        length in 0_usize..40, at in 0_usize..40, byte: u8, null_dates: bool
    ) {
        let zero_dates = if null_dates { ZeroDates::Null } else { ZeroDates::Error };
        let mut row = ROW.to_vec();
        row.truncate(length);
        if let Some(changed) = row.get_mut(at) {
            *changed = byte;
        }
        let mut decoder = decoder(zero_dates);
        if decoder.push(&row).is_ok() {
            let _ = decoder.take();
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(row: Vec<u8>) {
        let mut decoder = decoder(ZeroDates::Null);
        if decoder.push(&row).is_ok() {
            prop_assert_eq!(decoder.take().map(|(batch, _)| batch.num_rows()).unwrap_or(1), 1);
        }
    }
}

/// 64 bits each, as MySQL computes them, with a sign or without.
#[test]
fn computed_numbers_are_of_any_width() {
    let wide = |unsigned| ColumnDefinition { unsigned, ..sent(Kind::MYSQL_TYPE_LONGLONG) };
    let row = |number: i64| [&[0, 0][..], &number.to_le_bytes()].concat();
    for (data_type, least, most) in [
        (DataType::Int8, -128, 127),
        (DataType::Int16, -32_768, 32_767),
        (DataType::Int32, -2_147_483_648, 2_147_483_647),
        (DataType::Int64, i64::MIN, i64::MAX),
        (DataType::UInt8, 0, 255),
        (DataType::UInt16, 0, 65_535),
        (DataType::UInt32, 0, 4_294_967_295),
        (DataType::UInt64, 0, i64::MAX),
    ] {
        let schema = schema(&[(data_type.clone(), true)]);
        let make = || RowDecoder::of_computed(schema.clone(), &[wide(false)], 10, ZeroDates::Error);
        let mut decoder = make().expect("columns that fit");
        for number in [least, most] {
            decoder.push(&row(number)).expect("a number");
        }
        let (batch, _) = decoder.take().expect("a batch");
        let numbers = arrow::compute::cast(batch.column(0), &DataType::Decimal128(20, 0));
        let numbers = numbers.expect("numbers");
        let numbers = numbers.as_primitive::<Decimal128Type>();
        assert_eq!(numbers.values()[..], [i128::from(least), i128::from(most)], "{data_type}");
        for beyond in [least.checked_sub(1), most.checked_add(1)].into_iter().flatten() {
            let error = make().expect("columns that fit").push(&row(beyond));
            let error = error.expect_err("a number that does not fit");
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{data_type}: {beyond}");
        }
        let unsigned = RowDecoder::of_computed(schema, &[wide(true)], 10, ZeroDates::Error);
        let mut unsigned = unsigned.expect("columns that fit");
        // 2^64 - 1 fits nothing else.
        let is_wide = data_type == DataType::UInt64;
        assert_eq!(unsigned.push(&row(-1)).is_ok(), is_wide, "{data_type}");
    }
    let schema = schema(&[(DataType::Int32, true)]);
    let digits = [ColumnDefinition { decimals: 0, ..sent(Kind::MYSQL_TYPE_NEWDECIMAL) }];
    let union = RowDecoder::of_computed(schema.clone(), &digits, 10, ZeroDates::Error);
    let mut union = union.expect("columns that fit");
    union.push(b"\0\0\x05-1234").expect("a number");
    union.push(b"\0\0\x0a2147483648").expect_err("a number that does not fit");
    let half = [ColumnDefinition { decimals: 1, ..sent(Kind::MYSQL_TYPE_NEWDECIMAL) }];
    assert!(RowDecoder::of_computed(schema.clone(), &half, 10, ZeroDates::Error).is_err());
    assert!(RowDecoder::new(schema.clone(), &[wide(false)], 10, ZeroDates::Error).is_err());
    let text = [sent(Kind::MYSQL_TYPE_VAR_STRING)];
    assert!(RowDecoder::of_computed(schema, &text, 10, ZeroDates::Error).is_err());
}
