//! Rows of random conditions are the same with and without the stripes that are left out.

use super::conditions_tests::{Expr, RIGHT, column, compare, literal, on, written};
use super::test_files::*;
use datafusion::arrow::array::{
    ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array,
    RecordBatch, StringArray,
};
use datafusion::arrow::compute::{concat_batches, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{in_list, is_not_null, is_null, not};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;

const NAMES: [&str; 7] = ["id", "wide", "narrow", "text", "day", "truth", "double"];

#[derive(Debug, Clone)]
struct Row {
    wide: Option<i64>,
    narrow: Option<i32>,
    text: Option<String>,
    day: Option<i32>,
    truth: Option<bool>,
    double: Option<f64>,
}

/// orc-rust's writer panics where the outliers of a run need more than 24 bits (its patches have no such widths).
const FAR: i32 = 1 << 20;

/// A number of a file.
fn number() -> impl Strategy<Value = i32> {
    prop_oneof![4 => -5_i32..5, 1 => Just(-FAR), 1 => Just(FAR)]
}

/// A number of a condition.
fn wide() -> impl Strategy<Value = i64> {
    prop_oneof![4 => number().prop_map(i64::from), 1 => Just(i64::MIN), 1 => Just(i64::MAX)]
}

/// The same for a column of 32 bits.
fn narrow() -> impl Strategy<Value = i32> {
    prop_oneof![4 => number(), 1 => Just(i32::MIN), 1 => Just(i32::MAX)]
}

fn double() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-0.0),
        Just(f64::NAN),
        Just(-f64::NAN),
        Just(f64::INFINITY),
        -3.0..3.0
    ]
}

fn row() -> impl Strategy<Value = Row> {
    let nullable = prop::option::of::<BoxedStrategy<i32>>;
    (
        prop::option::of(number().prop_map(i64::from)),
        nullable(number().boxed()),
        prop::option::of("[aäz]{0,3}"),
        nullable((-5_i32..5).boxed()),
        prop::option::of(any::<bool>()),
        prop::option::of(double()),
    )
        .prop_map(|(wide, narrow, text, day, truth, double)| Row {
            wide,
            narrow,
            text,
            day,
            truth,
            double,
        })
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: [ArrayRef; 7] = [
        Arc::new(Int64Array::from_iter_values(0..rows.len() as i64)),
        Arc::new(rows.iter().map(|row| row.wide).collect::<Int64Array>()),
        Arc::new(rows.iter().map(|row| row.narrow).collect::<Int32Array>()),
        Arc::new(rows.iter().map(|row| row.text.clone()).collect::<StringArray>()),
        Arc::new(rows.iter().map(|row| row.day).collect::<Date32Array>()),
        Arc::new(rows.iter().map(|row| row.truth).collect::<BooleanArray>()),
        Arc::new(rows.iter().map(|row| row.double).collect::<Float64Array>()),
    ];
    let columns = NAMES.into_iter().zip(columns).map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// The table's columns, with one that is wider there and one that the file lacks.
fn columns() -> SchemaRef {
    schema(&[
        ("id", DataType::Int64),
        ("wide", DataType::Int64),
        ("narrow", DataType::Int64),
        ("text", DataType::Utf8),
        ("day", DataType::Date32),
        ("truth", DataType::Boolean),
        ("double", DataType::Float64),
        ("none", DataType::Utf8),
    ])
}

fn value(column: usize) -> BoxedStrategy<ScalarValue> {
    match column {
        1 => prop::option::of(wide()).prop_map(ScalarValue::Int64).boxed(),
        2 => prop::option::of(narrow())
            .prop_map(|value| ScalarValue::Int64(value.map(i64::from)))
            .boxed(),
        4 => prop::option::of(-5_i32..5).prop_map(ScalarValue::Date32).boxed(),
        5 => prop::option::of(any::<bool>()).prop_map(ScalarValue::Boolean).boxed(),
        6 => prop::option::of(double()).prop_map(ScalarValue::Float64).boxed(),
        _ => prop::option::of("[aäz]{0,3}").prop_map(ScalarValue::Utf8).boxed(),
    }
}

fn condition() -> impl Strategy<Value = Expr> {
    let comparison = (1_usize..8).prop_flat_map(|at| {
        let operators = vec![
            Operator::Eq,
            Operator::NotEq,
            Operator::Lt,
            Operator::LtEq,
            Operator::Gt,
            Operator::GtEq,
        ];
        (Just(at), prop::sample::select(operators), vec(value(at), 1..4), 0_u8..6)
    });
    let leaf = comparison.prop_map(|(at, operator, values, kind)| {
        let columns = columns();
        let named = column(columns.field(at).name(), at);
        let mut literals: Vec<Expr> = values.into_iter().map(literal).collect();
        match kind {
            0 => is_null(named).unwrap(),
            1 => is_not_null(named).unwrap(),
            2 => in_list(named, literals, &false, &columns).unwrap(),
            3 => in_list(named, literals, &true, &columns).unwrap(),
            _ => compare(named, operator, literals.remove(0)),
        }
    });
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| compare(a, Operator::And, b)),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| compare(a, Operator::Or, b)),
            inner.prop_map(|inner| not(inner).unwrap()),
        ]
    })
}

/// The numbers of the rows that meet the conditions.
fn met(batches: &[RecordBatch], predicate: &Expr) -> Vec<i64> {
    let rows = concat_batches(&columns(), batches).unwrap();
    let met = predicate.evaluate(&rows).unwrap().into_array(rows.num_rows()).unwrap();
    let rows = filter_record_batch(&rows, met.as_boolean()).unwrap();
    rows.column(0).as_primitive::<Int64Type>().values().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn rows_are_the_same_without_the_stripes_that_are_left_out(
        mut rows in vec(row(), 1..60),
        sorted_by in 0_u8..3,
        stripe_rows in 1_usize..15,
        predicate in condition(),
    ) {
        match sorted_by {
            0 => rows.sort_by_key(|row| row.wide),
            1 => rows.sort_by_key(|row| row.text.clone()),
            _ => {}
        }
        let file = written(&batch(&rows), stripe_rows, None);
        let request = || Request { columns: columns(), range: None, batch_rows: BATCH_ROWS };
        let all = read(file.clone(), request()).unwrap();
        let pruned = read_where(file, request(), &on(Arc::clone(&predicate))).unwrap();
        prop_assert_eq!(met(&pruned.batches, &predicate), met(&all, &predicate));
        prop_assert_eq!(pruned.stripes_pruned + pruned.stripes_read, rows.len().div_ceil(stripe_rows));
    }

    #[test]
    fn statistics_of_any_bytes_are_told(statistics in vec(any::<u8>(), 0..100), predicate in condition()) {
        let row = Row { wide: Some(1), narrow: None, text: None, day: None, truth: None, double: None };
        let file = with_statistics(&written(&batch(&[row]), 1, None), &statistics, RIGHT);
        let request = Request { columns: columns(), range: None, batch_rows: BATCH_ROWS };
        told(read_where(file, request, &on(predicate)));
    }
}
