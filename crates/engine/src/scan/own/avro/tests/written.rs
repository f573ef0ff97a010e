//! What arrow-avro's writer writes.

use super::*;
use arrow_avro::compression::CompressionCodec;
use arrow_avro::writer::WriterBuilder;
use arrow_avro::writer::format::AvroOcfFormat;
use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, StructArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::Int32Type;

const CODECS: [Option<CompressionCodec>; 6] = [
    None,
    Some(CompressionCodec::Deflate),
    Some(CompressionCodec::Snappy),
    Some(CompressionCodec::ZStandard),
    Some(CompressionCodec::Bzip2),
    Some(CompressionCodec::Xz),
];

fn some_if<T>(is_some: bool, value: T) -> Option<T> {
    is_some.then_some(value)
}

/// Every third value is null.
fn batch(first: i32, rows: i32) -> RecordBatch {
    let numbers = || (first..first + rows).map(|number| (number % 3 != 0, number));
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(
        numbers().map(|(is_some, number)| some_if(is_some, vec![Some(number), None])),
    );
    let place = StructArray::from(vec![(
        Arc::new(Field::new("zip", DataType::Int32, true)),
        Arc::new(
            numbers().map(|(is_some, number)| some_if(is_some, -number)).collect::<Int32Array>(),
        ) as ArrayRef,
    )]);
    let decimal: Decimal128Array = numbers()
        .map(|(is_some, number)| some_if(is_some, i128::from(number) * 1_000_003))
        .collect();
    let time: TimestampMicrosecondArray = numbers()
        .map(|(is_some, number)| some_if(is_some, i64::from(number) * 1_234_567))
        .collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("i", Arc::new(numbers().map(|(_, number)| Some(number)).collect::<Int32Array>())),
        (
            "l",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, i64::from(number) << 30))
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "d",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, f64::from(number) / 7.0))
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "b",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, number % 2 == 0))
                    .collect::<BooleanArray>(),
            ),
        ),
        (
            "s",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, format!("größe {number}")))
                    .collect::<StringArray>(),
            ),
        ),
        (
            "bin",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, number.to_be_bytes()))
                    .collect::<BinaryArray>(),
            ),
        ),
        (
            "day",
            Arc::new(
                numbers()
                    .map(|(is_some, number)| some_if(is_some, number * 100))
                    .collect::<Date32Array>(),
            ),
        ),
        ("time", Arc::new(time)),
        ("dec", Arc::new(decimal.with_precision_and_scale(20, 5).unwrap())),
        ("list", Arc::new(list)),
        ("place", Arc::new(place)),
    ];
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )
    .unwrap()
}

fn write(batches: &[RecordBatch], codec: Option<CompressionCodec>) -> Vec<u8> {
    let schema = batches[0].schema().as_ref().clone();
    let mut writer = WriterBuilder::new(schema)
        .with_compression(codec)
        .build::<_, AvroOcfFormat>(Vec::new())
        .unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner()
}

fn wanted_of(batch: &RecordBatch, projection: &[usize], batch_rows: usize) -> Wanted {
    let projection = projection.to_vec();
    Wanted {
        columns: batch.schema(),
        projection,
        by: ColumnMatch::Name,
        missing: Vec::new(),
        batch_rows,
    }
}

#[test]
fn all_codecs_are_read() {
    let batches = [batch(0, 1000), batch(1000, 1), batch(1001, 700)];
    let expected = concat_batches(&batches[0].schema(), &batches).unwrap();
    let all: Vec<usize> = (0..expected.num_columns()).collect();
    for codec in CODECS {
        let file = write(&batches, codec);
        for batch_rows in [1, 256, 10_000] {
            let found = read(&file, &wanted_of(&expected, &all, batch_rows)).unwrap();
            assert!(found.iter().all(|batch| batch.num_rows() <= batch_rows), "{codec:?}");
            let joined = concat_batches(&expected.schema(), &found).unwrap();
            assert!(joined == expected, "{codec:?} {batch_rows}");
        }
    }
}

#[test]
fn every_column_is_read_alone_and_none_is_counted() {
    let expected = batch(0, 500);
    let file = write(std::slice::from_ref(&expected), Some(CompressionCodec::Snappy));
    for place in 0..expected.num_columns() {
        let found = read(&file, &wanted_of(&expected, &[place], 1000)).unwrap();
        assert_eq!(found, [expected.project(&[place]).unwrap()], "{place}");
    }
    let found = read(&file, &wanted_of(&expected, &[10, 0, 4], 1000)).unwrap();
    assert_eq!(found, [expected.project(&[10, 0, 4]).unwrap()]);
    let counted = read(&file, &wanted_of(&expected, &[], 200)).unwrap();
    assert_eq!(counted.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [200, 200, 100]);
}

/// More bytes than one request asks for and than are decompressed at once, in blocks of several sizes.
#[test]
fn files_of_several_requests_are_read() {
    let text = |rows: i32, length: usize| {
        let texts = (0..rows).map(|row| Some(format!("{row} ").repeat(length)));
        let column: ArrayRef = Arc::new(texts.collect::<StringArray>());
        RecordBatch::try_from_iter_with_nullable([("s", column, true)]).unwrap()
    };
    let batches = [text(3, 700_000), text(2000, 100), text(1, 3_000_000), text(10, 1)];
    let expected = concat_batches(&batches[0].schema(), &batches).unwrap();
    for codec in [None, Some(CompressionCodec::ZStandard)] {
        let file = write(&batches, codec);
        let found = read(&file, &wanted_of(&expected, &[0], 100)).unwrap();
        assert!(concat_batches(&expected.schema(), &found).unwrap() == expected);
        let middle = file.len() / 2;
        let rows = [0..middle, middle..file.len()].map(|range| {
            row_count(&read_range(&file, &wanted_of(&expected, &[0], 100), Some(range)).unwrap())
        });
        assert_eq!(rows.iter().sum::<usize>(), expected.num_rows());
    }
}
