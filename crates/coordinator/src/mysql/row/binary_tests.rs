use super::super::{BatchEncoder, RowForm};
use crate::mysql::column::put_column;
use crate::session::OutputColumn;
use arrow::array::*;
use arrow::datatypes::{Field, Int8Type, Int32Type, Schema};
use mysql_common::io::ParseBuf;
use mysql_common::packets::Column;
use mysql_common::proto::{Binary, MyDeserialize};
use mysql_common::row::{Row, RowDeserializer};
use mysql_common::value::{ServerSide, Value};
use proptest::prelude::*;
use std::sync::Arc;

fn batch(arrays: Vec<ArrayRef>) -> RecordBatch {
    let field = |array: &ArrayRef| Field::new("c", array.data_type().clone(), true);
    let fields: Vec<Field> = arrays.iter().map(field).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch")
}

/// The rows as `mysql_common`, the peer, reads them by the column definitions that go before them.
fn read(arrays: Vec<ArrayRef>) -> Vec<Vec<Value>> {
    let batch = batch(arrays);
    let columns: Arc<[Column]> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let mut bytes = Vec::new();
            let column = OutputColumn { label: field.name().clone(), field: field.clone() };
            put_column(&mut bytes, &column, "").expect("a type with a form");
            Column::deserialize((), &mut ParseBuf(&bytes)).expect("a definition")
        })
        .collect();
    let encoder = BatchEncoder::new(&batch, RowForm::Binary).expect("a type with a form");
    (0..batch.num_rows())
        .map(|row| {
            let mut out = Vec::new();
            encoder.put_row(&mut out, row);
            let mut rest = ParseBuf(&out);
            let row =
                RowDeserializer::<ServerSide, Binary>::deserialize(columns.clone(), &mut rest);
            assert!(rest.is_empty(), "nothing is left");
            Row::from(row.expect("a row")).unwrap()
        })
        .collect()
}

fn column(array: impl Array + 'static) -> Vec<Value> {
    read(vec![Arc::new(array)]).into_iter().map(|mut row| row.remove(0)).collect()
}

fn bytes(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

#[test]
fn integers_have_the_width_and_sign_of_their_type() {
    assert_eq!(column(BooleanArray::from(vec![true, false])), [Value::Int(1), Value::Int(0)]);
    assert_eq!(column(Int8Array::from(vec![-128])), [Value::Int(-128)]);
    assert_eq!(column(UInt8Array::from(vec![255])), [Value::Int(255)]);
    assert_eq!(column(Int16Array::from(vec![-32_768])), [Value::Int(-32_768)]);
    assert_eq!(column(UInt16Array::from(vec![65_535])), [Value::Int(65_535)]);
    assert_eq!(column(Int32Array::from(vec![i32::MIN])), [Value::Int(i64::from(i32::MIN))]);
    assert_eq!(column(UInt32Array::from(vec![u32::MAX])), [Value::Int(i64::from(u32::MAX))]);
    assert_eq!(column(Int64Array::from(vec![i64::MIN])), [Value::Int(i64::MIN)]);
    assert_eq!(column(UInt64Array::from(vec![u64::MAX])), [Value::UInt(u64::MAX)]);
}

#[test]
fn numbers_with_a_point() {
    assert_eq!(column(Float32Array::from(vec![0.1])), [Value::Float(0.1)]);
    assert_eq!(column(Float64Array::from(vec![-0.1])), [Value::Double(-0.1)]);
    let decimals = Decimal128Array::from(vec![-5, i128::from(u64::MAX)]);
    let decimals = decimals.with_precision_and_scale(38, 2).expect("fits");
    assert_eq!(column(decimals), [bytes("-0.05"), bytes("184467440737095516.15")]);
}

/// The lengths 4, 7 and 11 of the documentation's "Binary Protocol Value" are told apart by the
/// peer; what it reads must be the moment that chrono names.
#[test]
fn dates_and_times_take_their_shortest_form() {
    assert_eq!(column(Date32Array::from(vec![19_782])), [Value::Date(2024, 2, 29, 0, 0, 0, 0)]);
    let midnight = 1_709_164_800_000_000;
    let moments = [midnight, midnight + 3_723_000_000, midnight + 3_723_000_001, -1];
    assert_eq!(
        column(TimestampMicrosecondArray::from(moments.to_vec())),
        [
            Value::Date(2024, 2, 29, 0, 0, 0, 0),
            Value::Date(2024, 2, 29, 1, 2, 3, 0),
            Value::Date(2024, 2, 29, 1, 2, 3, 1),
            Value::Date(1969, 12, 31, 23, 59, 59, 999_999),
        ]
    );
    assert_eq!(
        column(Time64NanosecondArray::from(vec![0, 3_723_000_000_000, 86_399_999_999_999])),
        [
            Value::Time(false, 0, 0, 0, 0, 0),
            Value::Time(false, 0, 1, 2, 3, 0),
            Value::Time(false, 0, 23, 59, 59, 999_999),
        ]
    );
    assert_eq!(
        column(Time32MillisecondArray::from(vec![1_007])),
        [Value::Time(false, 0, 0, 0, 1, 7_000)]
    );
    for (moment, length) in moments.into_iter().zip([4, 7, 11, 11]) {
        let batch = batch(vec![Arc::new(TimestampMicrosecondArray::from(vec![moment]))]);
        let encoder = BatchEncoder::new(&batch, RowForm::Binary).expect("a form");
        let mut out = Vec::new();
        encoder.put_row(&mut out, 0);
        assert_eq!((out[2], out.len()), (length, 3 + usize::from(length)));
    }
}

#[test]
fn text_bytes_and_json() {
    assert_eq!(column(StringViewArray::from(vec!["süß"])), [bytes("süß")]);
    let blob = vec![0, 255];
    assert_eq!(column(BinaryArray::from(vec![&blob[..]])), [Value::Bytes(blob)]);
    let long = "x".repeat(70_000);
    assert_eq!(column(StringArray::from(vec![long.as_str()])), [bytes(&long)]);
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1), None])]);
    assert_eq!(column(list), [bytes("[1, null]")]);
    let dictionary: DictionaryArray<Int8Type> = [Some("a"), None, Some("b")].into_iter().collect();
    assert_eq!(column(dictionary), [bytes("a"), Value::NULL, bytes("b")]);
    assert_eq!(column(NullArray::new(1)), [Value::NULL]);
}

proptest! {
    /// Over the byte borders of the map of NULLs.
    #[test]
    fn nulls_are_where_they_are(present in proptest::collection::vec(any::<bool>(), 1..40)) {
        let arrays = present.iter().zip(0_i64..).map(|(present, at)| {
            Arc::new(Int64Array::from(vec![present.then_some(at)])) as ArrayRef
        });
        let expected: Vec<Value> = present
            .iter()
            .zip(0_i64..)
            .map(|(present, at)| if *present { Value::Int(at) } else { Value::NULL })
            .collect();
        prop_assert_eq!(read(arrays.collect()), vec![expected]);
    }

    /// Against chrono.
    #[test]
    fn every_timestamp_is_right(value in -62_000_000_000_000_000_i64..253_000_000_000_000_000) {
        use chrono::{Datelike, Timelike};
        let moment = chrono::DateTime::from_timestamp_micros(value).expect("in range").naive_utc();
        let small = |part: u32| u8::try_from(part).expect("small");
        let expected = Value::Date(
            u16::try_from(moment.year()).expect("a year"),
            small(moment.month()),
            small(moment.day()),
            small(moment.hour()),
            small(moment.minute()),
            small(moment.second()),
            moment.nanosecond() / 1000,
        );
        prop_assert_eq!(column(TimestampMicrosecondArray::from(vec![value])), vec![expected]);
    }
}
