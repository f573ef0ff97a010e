//! Stripes that can have no row of the conditions are left out, and no others.

use super::statistics_tests::{counted, section, signed, texts};
use super::test_files::*;
use super::wire::{Message, varint};
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Int32Array, RecordBatch, StringArray,
};
use datafusion::arrow::compute::{max, max_string, min, min_string};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int32Type, Int64Type, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column, DynamicFilterPhysicalExpr, Literal, is_not_null, is_null,
};
use mooring_spi::ErrorKind;
use orc_rust::ArrowWriterBuilder;
use orc_rust::compression::CompressionType;
use std::sync::Arc;

/// A version that knows all of its statistics, whoever has written the file.
pub(super) const RIGHT: u64 = 9;

pub(super) type Expr = Arc<dyn PhysicalExpr>;

pub(super) fn column(name: &str, index: usize) -> Expr {
    Arc::new(Column::new(name, index))
}

pub(super) fn literal(value: impl Into<ScalarValue>) -> Expr {
    Arc::new(Literal::new(value.into()))
}

pub(super) fn compare(left: Expr, operator: Operator, right: Expr) -> Expr {
    Arc::new(BinaryExpr::new(left, operator, right))
}

pub(super) fn on(predicate: Expr) -> Where {
    Where { predicate: Some(predicate), ..Where::default() }
}

/// What a writer says of a column's values in one stripe.
fn said(array: &ArrayRef) -> Message {
    let values = (array.len() - array.null_count()) as u64;
    let said = counted(values, array.null_count() > 0);
    if values == 0 {
        return said;
    }
    match array.data_type() {
        DataType::Int32 => {
            let array = array.as_primitive::<Int32Type>();
            let (least, greatest) = (min(array).unwrap(), max(array).unwrap());
            said.bytes(2, &signed(least.into(), greatest.into()))
        }
        DataType::Int64 => {
            let array = array.as_primitive::<Int64Type>();
            said.bytes(2, &signed(min(array).unwrap(), max(array).unwrap()))
        }
        DataType::Date32 => {
            let array = array.as_primitive::<Date32Type>();
            let (least, greatest) = (min(array).unwrap(), max(array).unwrap());
            said.bytes(7, &signed(least.into(), greatest.into()))
        }
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            said.bytes(4, &texts(min_string(array).unwrap(), max_string(array).unwrap()))
        }
        DataType::Boolean => {
            let mut packed = Vec::new();
            varint(&mut packed, array.as_boolean().true_count() as u64);
            said.bytes(5, &Message::default().bytes(1, &packed).into_bytes())
        }
        _ => said,
    }
}

/// A file with so many rows in each stripe, and with their statistics.
pub(super) fn written(
    rows: &RecordBatch,
    stripe_rows: usize,
    compression: Option<CompressionType>,
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut builder = ArrowWriterBuilder::new(&mut file, rows.schema());
    if let Some(compression) = compression {
        builder = builder.with_compression(compression);
    }
    let mut writer = builder.try_build().unwrap();
    let mut stripes = Vec::new();
    for start in (0..rows.num_rows()).step_by(stripe_rows) {
        let stripe = rows.slice(start, stripe_rows.min(rows.num_rows() - start));
        writer.write(&stripe).unwrap();
        writer.flush_stripe().unwrap();
        let root = counted(stripe.num_rows() as u64, false);
        stripes.push([root].into_iter().chain(stripe.columns().iter().map(said)).collect());
    }
    writer.close().unwrap();
    with_statistics(&file, &section(stripes), RIGHT)
}

/// 1,000 rows in ten stripes: `id` counts from 0, `text` is the same with four digits, `day` is null in the rows
/// from 500 on.
fn numbered(compression: Option<CompressionType>) -> Vec<u8> {
    let columns: [(&str, ArrayRef, bool); 3] = [
        ("id", Arc::new(Int32Array::from_iter_values(0..1000)), true),
        (
            "text",
            Arc::new((0..1000).map(|id| Some(format!("{id:04}"))).collect::<StringArray>()),
            true,
        ),
        (
            "day",
            Arc::new((0..1000).map(|id| (id < 500).then_some(id)).collect::<Date32Array>()),
            true,
        ),
    ];
    written(&RecordBatch::try_from_iter_with_nullable(columns).unwrap(), 100, compression)
}

/// The table's columns of that file, of which the first is wider there and the last is new.
fn table() -> SchemaRef {
    let columns = [DataType::Int64, DataType::Utf8, DataType::Date32, DataType::Utf8];
    schema(&["id", "text", "day", "new"].into_iter().zip(columns).collect::<Vec<_>>())
}

/// How many stripes of it are left, of ten.
fn left(conditions: &Where) -> usize {
    left_of(numbered(None), conditions)
}

fn left_of(file: Vec<u8>, conditions: &Where) -> usize {
    let request = Request { columns: table(), range: None, batch_rows: BATCH_ROWS };
    let pruned = read_where(file, request, conditions).unwrap();
    assert_eq!(pruned.stripes_pruned + pruned.stripes_read, 10);
    let rows: usize = pruned.batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(rows, 100 * pruned.stripes_read);
    pruned.stripes_read
}

#[test]
fn stripes_without_rows_of_the_conditions_are_not_read() {
    let (id, text, day, new) =
        (|| column("id", 0), || column("text", 1), || column("day", 2), || column("new", 3));
    let both = |left, right| compare(left, Operator::And, right);
    let either = |left, right| compare(left, Operator::Or, right);
    let from_250 = || compare(id(), Operator::GtEq, literal(250_i64));
    let to_310 = compare(id(), Operator::Lt, literal(310_i64));
    let late = compare(day(), Operator::Gt, literal(ScalarValue::Date32(Some(450))));
    for (predicate, expected) in [
        (compare(id(), Operator::Eq, literal(777_i64)), 1),
        (compare(id(), Operator::Eq, literal(5_000_000_000_i64)), 0),
        (from_250(), 8),
        (both(from_250(), to_310), 2),
        (compare(text(), Operator::Eq, literal("0777")), 1),
        (compare(text(), Operator::Lt, literal("02")), 2),
        (late, 1),
        (is_null(day()).unwrap(), 5),
        (is_not_null(day()).unwrap(), 5),
        (is_null(id()).unwrap(), 0),
        (compare(new(), Operator::Eq, literal("a")), 0),
        (is_null(new()).unwrap(), 10),
        (either(compare(id(), Operator::Lt, literal(5_i64)), is_null(new()).unwrap()), 10),
        (either(compare(id(), Operator::Lt, literal(5_i64)), is_not_null(new()).unwrap()), 1),
        (literal(true), 10),
        (literal(false), 0),
    ] {
        let message = predicate.to_string();
        assert_eq!(left(&on(predicate)), expected, "{message}");
    }
    assert_eq!(left(&Where::default()), 10);
}

#[test]
fn ranges_have_those_of_their_stripes_that_are_left() {
    let file = numbered(Some(CompressionType::Zlib));
    let conditions = on(compare(column("id", 0), Operator::GtEq, literal(250_i64)));
    let (mut pruned, mut read) = (0, 0);
    let size = file.len() as i64;
    for part in 0..7 {
        let range = Some((size * part / 7, size * (part + 1) / 7));
        let request = Request { columns: table(), range, batch_rows: BATCH_ROWS };
        let of_range = read_where(file.clone(), request, &conditions).unwrap();
        pruned += of_range.stripes_pruned;
        read += of_range.stripes_read;
    }
    assert_eq!((pruned, read), (2, 8));
}

#[test]
fn columns_of_partitions_have_one_value() {
    let year = |year: i32| {
        let is = compare(column("year", 4), Operator::Eq, literal(year));
        let first = compare(column("id", 0), Operator::Lt, literal(50_i64));
        Where {
            predicate: Some(compare(is, Operator::Or, first)),
            partition: vec![("year", ScalarValue::Int32(Some(2024)))],
        }
    };
    assert_eq!(left(&year(2024)), 10);
    assert_eq!(left(&year(2023)), 1);
    let mut unknown = year(2024);
    unknown.partition[0].1 = ScalarValue::Int32(None);
    assert_eq!(left(&unknown), 1);
}

#[test]
fn a_dynamic_filter_counts_as_it_is_when_a_file_is_opened() {
    let filter = Arc::new(DynamicFilterPhysicalExpr::new(vec![column("id", 0)], literal(true)));
    let conditions = on(Arc::clone(&filter) as Expr);
    assert_eq!(left(&conditions), 10);
    filter.update(compare(column("id", 0), Operator::Lt, literal(120_i64))).unwrap();
    assert_eq!(left(&conditions), 2);
    filter.update(compare(column("id", 0), Operator::Lt, literal(20_i64))).unwrap();
    assert_eq!(left(&conditions), 1);
}

#[test]
fn statistics_of_the_first_writers_are_not_believed() {
    let conditions = on(compare(column("id", 0), Operator::Eq, literal(777_i64)));
    let file = numbered(None);
    // Of as many stripes, none of which has the value.
    let nothing = |stripes: usize| {
        let column = || counted(100, false).bytes(2, &signed(1, 1));
        section((0..stripes).map(|_| vec![counted(100, false), column()]).collect())
    };
    for (statistics, version, expected) in
        [(nothing(10), 0, 10), (nothing(10), 1, 0), (nothing(9), 1, 10), (Vec::new(), 9, 10)]
    {
        let file = with_statistics(&file, &statistics, version);
        assert_eq!(left_of(file, &conditions), expected, "version {version}");
    }
    let broken = with_statistics(&file, &[0x0a, 0x7f], 9);
    let request = Request { columns: table(), range: None, batch_rows: BATCH_ROWS };
    let read = read_where(broken.clone(), request, &conditions);
    assert_eq!(told(read), Some(ErrorKind::CorruptData));
    // Nobody asks for them.
    assert_eq!(left_of(broken, &Where::default()), 10);
}

/// Whether a stripe with a single row is left by `a = value`, if it says that its values lie elsewhere.
fn is_left(file: &TestFile, said: Message, version: u64, value: ScalarValue) -> bool {
    let file =
        with_statistics(&file.bytes(), &section(vec![vec![counted(1, false), said]]), version);
    let columns = schema(&[("a", value.data_type())]);
    let conditions = on(compare(column("a", 0), Operator::Eq, literal(value)));
    let request = Request { columns, range: None, batch_rows: BATCH_ROWS };
    read_where(file, request, &conditions).unwrap().stripes_read == 1
}

#[test]
fn what_others_may_order_in_another_way_is_not_believed() {
    let said = |field, bounds: &[u8]| counted(1, false).bytes(field, bounds);
    let text = |code| {
        let streams = vec![(1, LENGTH, direct(&[1])), (1, DATA, b"a".to_vec())];
        TestFile::new(vec![root(), plain(code)], 1, streams)
    };
    let b_to_c = texts("b", "c");
    // STRING, VARCHAR and CHAR.
    for (code, expected) in [(7, false), (16, false), (17, true)] {
        let is_left = is_left(&text(code), said(4, &b_to_c), RIGHT, ScalarValue::from("a"));
        assert_eq!(is_left, expected, "{code}");
    }
    // Bounds that are the wrong way round, no text, or of no values.
    let odd = Message::default().bytes(1, &[0xff]).bytes(2, &[0xff]).into_bytes();
    for said in [
        said(4, &texts("c", "b")),
        said(4, &odd),
        Message::default().bytes(2, &signed(7, 8)),
        counted(1, true),
    ] {
        assert!(is_left(&text(7), said, RIGHT, ScalarValue::from("a")));
    }

    let decimal = Message::default().number(1, 14).number(5, 10).number(6, 2).into_bytes();
    let streams = vec![(1, DATA, vec![2]), (1, SECONDARY, direct_signed(&[2]))];
    let file = TestFile::new(vec![root(), decimal], 1, streams);
    // Java's, since its footer does not say whose it is. Wider, and with fewer digits behind the point.
    for (version, precision, scale, expected) in
        [(6, 10, 2, true), (7, 10, 2, false), (7, 12, 4, false), (7, 10, 1, true)]
    {
        let value = ScalarValue::Decimal128(Some(1), precision, scale);
        let is_left = is_left(&file, said(6, &texts("5.25", "7")), version, value);
        assert_eq!(is_left, expected, "{version} {precision} {scale}");
    }

    let number = TestFile::new(vec![root(), plain(4)], 1, vec![(1, DATA, direct_signed(&[3]))]);
    let wide = said(2, &signed(5, i64::from(i32::MAX) + 1));
    assert!(is_left(&number, wide, RIGHT, ScalarValue::Int32(Some(3))));
    let narrow = said(2, &signed(5, i64::from(i32::MAX)));
    assert!(!is_left(&number, narrow, RIGHT, ScalarValue::Int32(Some(3))));
}
