use super::*;
use crate::flight_sql::held_limit::HeldLimit;
use arrow::array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeBinaryArray,
    Float32Array, Int32Array, Int64Array, ListArray, NullArray, StringArray, Time32SecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::Int32Type;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use mooring_spi::ErrorKind;
use prometheus_client::metrics::gauge::Gauge;
use proptest::prelude::*;

fn reading(limits: BindLimits) -> Reading {
    Reading { limits, zone: "+02:00".parse().expect("a zone") }
}

const LIMITS: BindLimits = BindLimits { bytes_max: 1 << 20, rows_max: 100 };

fn batch() -> RecordBatch {
    let decimals = Decimal128Array::from(vec![Some(-125), None]);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(Int32Array::from(vec![Some(1), None]))),
        ("b", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        ("c", Arc::new(Float32Array::from(vec![0.5, -0.5]))),
        ("d", Arc::new(decimals.with_precision_and_scale(10, 2).expect("a decimal"))),
        ("e", Arc::new(StringArray::from(vec!["a'b", ""]))),
        ("f", Arc::new(BinaryArray::from(vec![&b"\0\xff"[..], b""]))),
        ("g", Arc::new(BooleanArray::from(vec![true, false]))),
        ("h", Arc::new(Date32Array::from(vec![9131, -1]))),
        ("i", Arc::new(TimestampNanosecondArray::from(vec![1_000_001_999, 0]))),
        ("j", Arc::new(Time32SecondArray::from(vec![3661, 0]))),
        ("k", Arc::new(TimestampSecondArray::from(vec![1, -1]).with_timezone("-11:00"))),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .expect("a batch")
}

fn messages(batch: RecordBatch) -> Vec<FlightData> {
    let stream = futures::stream::iter([Ok::<_, FlightError>(batch)]);
    let encoded = FlightDataEncoderBuilder::new().build(stream).try_collect();
    futures::executor::block_on(encoded).expect("encoded")
}

/// The values by their types' definitions in Arrow's `Schema.fbs`; nanoseconds are cut.
#[test]
fn each_type_becomes_its_value() {
    let (rows, bytes) = rows_of(messages(batch()), reading(LIMITS)).expect("rows");
    assert!(bytes >= 2 * 11 * size_of::<Value>(), "{bytes}");
    let expected = vec![
        Value::Int(1),
        Value::UInt(u64::MAX),
        Value::Float(0.5),
        Value::Decimal { unscaled: -125, scale: 2 },
        Value::Text("a'b".to_owned()),
        Value::Binary(vec![0, 0xff]),
        Value::Boolean(true),
        Value::Date(9131),
        Value::Timestamp(1_000_001),
        Value::Text("01:01:01.000000".to_owned()),
        // The session's zone is two hours ahead, whatever the client's is.
        Value::Timestamp(7_201_000_000),
    ];
    assert_eq!(rows[0], expected);
    assert_eq!((&rows[1][0], &rows[1][3]), (&Value::Null, &Value::Null));
    assert_eq!(rows.len(), 2);
}

#[test]
fn an_unknown_parameter_is_told_as_text() {
    let schema = parameter_fields(&[DataType::Null, DataType::Int64, DataType::Utf8View]);
    let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
    assert_eq!(types, [DataType::Utf8, DataType::Int64, DataType::Utf8]);
}

#[test]
fn too_many_rows_and_too_many_bytes_are_refused() {
    let few = BindLimits { rows_max: 1, ..LIMITS };
    let error = rows_of(messages(batch()), reading(few)).expect_err("too many rows");
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let small = BindLimits { bytes_max: 64, ..LIMITS };
    let sent = messages(batch()).into_iter().map(Ok::<_, ()>);
    let mut place = HeldLimit::of_statements(1, 1 << 20, Gauge::default()).place("ana");
    let collected = collect(futures::stream::iter(sent), small, &mut place);
    let collected = futures::executor::block_on(collected);
    assert!(matches!(collected, Err(CollectError::TooLarge(_))));
}

#[test]
fn compressed_parameters_are_refused() {
    let options = arrow::ipc::writer::IpcWriteOptions::default()
        .try_with_compression(Some(arrow::ipc::CompressionType::ZSTD))
        .expect("options");
    let stream = futures::stream::iter([Ok::<_, FlightError>(batch())]);
    let encoded = FlightDataEncoderBuilder::new().with_options(options).build(stream);
    let encoded = futures::executor::block_on(encoded.try_collect()).expect("encoded");
    let error = rows_of(encoded, reading(LIMITS)).expect_err("compressed");
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// One long value behind many keys is small in a message and large in rows; a null takes nothing in
/// a message and its place in a row.
#[test]
fn what_rows_would_take_is_bounded_too() {
    let long = "x".repeat(4096);
    let keys = DictionaryArray::<Int32Type>::from_iter(std::iter::repeat_n(long.as_str(), 90));
    let nulls: ArrayRef = Arc::new(NullArray::new(90));
    let fixed = FixedSizeBinaryArray::try_from_iter([vec![0_u8; 4096]].iter()).expect("bytes");
    let fixed = DictionaryArray::new(Int32Array::from(vec![0; 90]), Arc::new(fixed));
    let fixed: ArrayRef = Arc::new(fixed);
    let dictionary: ArrayRef = Arc::new(keys);
    let limits = BindLimits { bytes_max: 64 * 1024, ..LIMITS };
    for columns in [vec![dictionary], vec![fixed], vec![nulls; 100]] {
        let named = columns.into_iter().enumerate();
        let named = named.map(|(index, array)| (index.to_string(), array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(named).expect("a batch");
        let stream = futures::stream::iter([Ok::<_, FlightError>(batch)]);
        let encoder = FlightDataEncoderBuilder::new()
            .with_dictionary_handling(arrow_flight::encode::DictionaryHandling::Resend);
        let sent = futures::executor::block_on(encoder.build(stream).try_collect());
        let error = rows_of(sent.expect("encoded"), reading(limits)).expect_err("too large");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}

/// Messages whose parts share a buffer with bytes that nobody reads.
#[tokio::test]
async fn what_stands_beside_the_data_is_not_kept() {
    let big = Bytes::from(vec![7; 1 << 10]);
    let beside = FlightData {
        data_header: big.slice(..1),
        app_metadata: big.clone(),
        flight_descriptor: Some(arrow_flight::FlightDescriptor::new_cmd(big.clone())),
        ..FlightData::default()
    };
    let limits = BindLimits { bytes_max: 1 << 20, rows_max: 1 };
    let sent = (0..8).map(|_| Ok::<_, ()>(beside.clone()));
    let mut place = HeldLimit::of_statements(1, 1 << 20, Gauge::default()).place("ana");
    let kept = collect(futures::stream::iter(sent), limits, &mut place).await.expect("collected");
    assert_eq!(kept.len(), 8);
    drop(beside);
    // Ours is the only one left of the buffer.
    assert!(big.is_unique());
    assert!(kept.iter().all(|one| one.app_metadata.is_empty() && one.flight_descriptor.is_none()));
}

/// A value that stands once in a message and many times in its rows.
#[test]
fn values_of_dictionaries_are_not_copied_for_each_row() {
    let limits = BindLimits { bytes_max: 64 << 10, rows_max: 1000 };
    let wide =
        FixedSizeBinaryArray::try_from_iter([vec![1_u8; 16 << 10]].into_iter()).expect("wide");
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let long = ListArray::new(
        item,
        OffsetBuffer::from_lengths([2 << 10]),
        Arc::new(Int64Array::from(vec![1; 2 << 10])),
        None,
    );
    for (values, keys, kind) in [
        (Arc::new(wide) as ArrayRef, 500, ErrorKind::LimitExceeded),
        (Arc::new(long), 500, ErrorKind::InvalidArgument),
    ] {
        let keys = Int32Array::from(vec![0; keys]);
        let dictionary = DictionaryArray::new(keys, values);
        let column = Arc::new(dictionary) as ArrayRef;
        let batch = RecordBatch::try_from_iter([("a", column)]).expect("a batch");
        let stream = futures::stream::iter([Ok::<_, FlightError>(batch)]);
        let encoder = FlightDataEncoderBuilder::new()
            .with_dictionary_handling(arrow_flight::encode::DictionaryHandling::Resend);
        let sent = futures::executor::block_on(encoder.build(stream).try_collect());
        let error = rows_of(sent.expect("encoded"), reading(limits)).expect_err("refused");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// Neither the rows nor the bytes of a message tell how long its dictionaries are.
#[test]
fn values_of_no_bytes_are_counted() {
    let none = FixedSizeBinaryArray::try_new_with_len(0, Buffer::default(), None, 1 << 20);
    let inner = DictionaryArray::new(
        Int32Array::from(vec![0; 3]),
        Arc::new(none.expect("nothing, often")) as ArrayRef,
    );
    let outer = DictionaryArray::new(Int32Array::from(vec![0; 2]), Arc::new(inner) as ArrayRef);
    assert_eq!(value_count(&(Arc::new(outer) as ArrayRef)), 2 + 3 + (1 << 20));
}

#[test]
fn small_dictionaries_are_values() {
    let keys = Int32Array::from(vec![Some(0), None, Some(1)]);
    let values = FixedSizeBinaryArray::try_from_iter([[1_u8, 2], [3, 4]].into_iter()).expect("two");
    let column = Arc::new(DictionaryArray::new(keys, Arc::new(values) as ArrayRef)) as ArrayRef;
    let column = Column::of(&column, reading(LIMITS).zone).expect("bytes");
    let found: Vec<Value> = (0..3).map(|row| column.value(row).expect("a value")).collect();
    let expected = [Value::Binary(vec![1, 2]), Value::Null, Value::Binary(vec![3, 4])];
    assert_eq!(found, expected);
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_refused(header: Vec<u8>, body: Vec<u8>) {
        let message = FlightData {
            data_header: header.into(), data_body: body.into(), ..FlightData::default()
        };
        let _ = rows_of(vec![message], reading(LIMITS));
    }

    /// A message with changed bytes, also in its claims of lengths.
    #[test]
    fn changed_messages_are_rows_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut sent = messages(batch());
        for message in &mut sent {
            let mut header = message.data_header.to_vec();
            for (at, byte) in &changes {
                let at = at.index(header.len());
                header[at] = *byte;
            }
            message.data_header = header.into();
            if !message.data_body.is_empty() {
                message.data_body.truncate(cut.index(message.data_body.len()));
            }
        }
        let _ = rows_of(sent, reading(LIMITS));
    }
}
