//! What the SDK's types of statistics are here. Which values they stand for is arithmetic: no endpoint but
//! AWS answers them.

use super::*;
use crate::conformance::definition;
use arrow::datatypes::{Field, Schema};
use aws_sdk_glue::primitives::Blob;
use aws_sdk_glue::types::builders::ColumnStatisticsDataBuilder;
use aws_sdk_glue::types::{
    BinaryColumnStatisticsData, BooleanColumnStatisticsData, ColumnStatisticsType,
    DateColumnStatisticsData, DecimalColumnStatisticsData, DoubleColumnStatisticsData,
    LongColumnStatisticsData, StringColumnStatisticsData,
};
use mooring_spi::Count::{Estimate, Unknown};
use std::sync::Arc;

const MICROSECONDS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// The data of a column; its type is what Glue says of it, which does not count.
fn data(
    fill: impl FnOnce(ColumnStatisticsDataBuilder) -> ColumnStatisticsDataBuilder,
) -> ColumnStatisticsData {
    let builder = ColumnStatisticsData::builder().r#type(ColumnStatisticsType::Long);
    fill(builder).build().expect("a type")
}

fn longs(low: i64, high: i64, nulls: i64, distinct: i64) -> ColumnStatisticsData {
    let kind = LongColumnStatisticsData::builder().minimum_value(low).maximum_value(high);
    let kind = kind.number_of_nulls(nulls).number_of_distinct_values(distinct).build();
    data(|all| all.long_column_statistics_data(kind))
}

fn doubles(low: f64, high: f64) -> ColumnStatisticsData {
    let kind = DoubleColumnStatisticsData::builder().minimum_value(low).maximum_value(high);
    let kind = kind.number_of_nulls(3).number_of_distinct_values(4).build();
    data(|all| all.double_column_statistics_data(kind))
}

fn times(low: DateTime, high: DateTime) -> ColumnStatisticsData {
    let kind = DateColumnStatisticsData::builder().minimum_value(low).maximum_value(high);
    let kind = kind.number_of_nulls(3).number_of_distinct_values(4).build();
    data(|all| all.date_column_statistics_data(kind))
}

/// From -1.5 to 300, whose zeros were left out.
fn decimals() -> ColumnStatisticsData {
    let number = |digits: &[u8], scale: i32| {
        let digits = Blob::new(digits.to_vec());
        DecimalNumber::builder().unscaled_value(digits).scale(scale).build().expect("whole")
    };
    let kind = DecimalColumnStatisticsData::builder()
        .minimum_value(number(&[0xF1], 1))
        .maximum_value(number(&[1, 0x2C], 0));
    let kind = kind.number_of_nulls(3).number_of_distinct_values(4).build();
    data(|all| all.decimal_column_statistics_data(kind))
}

#[test]
fn ends_are_values_of_their_columns() {
    let price = |unscaled| Value::Decimal { unscaled, scale: 2 };
    let halves = DateTime::from_fractional_secs(-1, 0.5);
    for (told, data_type, low, high) in [
        (longs(-1, 9, 3, 4), DataType::Int16, Value::Int(-1), Value::Int(9)),
        (doubles(-0.5, 2.5), DataType::Float64, Value::Float(-0.5), Value::Float(2.5)),
        (decimals(), DataType::Decimal128(10, 2), price(-150), price(30_000)),
        (
            times(DateTime::from_secs(-1), DateTime::from_secs(SECONDS_PER_DAY)),
            DataType::Date32,
            Value::Date(-1),
            Value::Date(1),
        ),
        (
            times(halves, DateTime::from_millis(1_002)),
            MICROSECONDS,
            Value::Timestamp(-500_000),
            Value::Timestamp(1_002_000),
        ),
    ] {
        let found = of_column(&told, &data_type);
        assert_eq!((found.nulls, found.distinct), (Estimate(3), Estimate(4)), "{data_type}");
        assert_eq!((found.min, found.max), (Some(low), Some(high)), "{data_type}");
        // The column has become text since.
        let found = of_column(&told, &DataType::Utf8);
        assert_eq!((found.min, found.max, found.distinct), (None, None, Estimate(4)));
    }
}

#[test]
fn kinds_without_ends_are_counted() {
    let kind = StringColumnStatisticsData::builder().maximum_length(20).average_length(7.5);
    let kind = kind.number_of_nulls(3).number_of_distinct_values(4).build();
    let text = of_column(&data(|all| all.string_column_statistics_data(kind)), &DataType::Utf8);
    assert_eq!((text.nulls, text.distinct, text.min), (Estimate(3), Estimate(4), None));
    let kind = BinaryColumnStatisticsData::builder().maximum_length(20).number_of_nulls(3).build();
    let bytes = of_column(&data(|all| all.binary_column_statistics_data(kind)), &DataType::Binary);
    assert_eq!((bytes.nulls, bytes.distinct), (Estimate(3), Unknown));
    let kind = BooleanColumnStatisticsData::builder().number_of_falses(5).number_of_nulls(3);
    let kind = kind.build();
    let sides =
        of_column(&data(|all| all.boolean_column_statistics_data(kind)), &DataType::Boolean);
    assert_eq!((sides.nulls, sides.distinct), (Estimate(3), Estimate(1)));
    assert_eq!(of_column(&data(|all| all), &DataType::Int32), ColumnStatistics::default());
}

#[test]
fn what_is_not_told_is_no_zero() {
    for (low, high, distinct, min) in [
        (0, 0, 0, None),
        (0, 0, 7, None),
        (0, 0, 1, Some(Value::Int(0))),
        (0, 9, 7, Some(Value::Int(0))),
    ] {
        assert_eq!(of_column(&longs(low, high, 0, distinct), &DataType::Int64).min, min);
    }
    let unknown = of_column(&longs(1, 2, -1, -1), &DataType::Int64);
    assert_eq!((unknown.nulls, unknown.distinct), (Unknown, Unknown));
    let far = times(DateTime::from_secs(i64::MAX), DateTime::from_secs(i64::MAX));
    for data_type in [DataType::Date32, MICROSECONDS] {
        assert_eq!(of_column(&far, &data_type).max, None);
    }
}

#[test]
fn columns_are_found_in_any_case_and_partition_columns_are_not() {
    let field = |name| Field::new(name, DataType::Int64, true);
    let columns = Schema::new(vec![field("id"), field("orderId"), field("day")]);
    let table = TableDefinition {
        columns: Arc::new(columns),
        partition_columns: 1,
        ..definition("s", "t", "s3://b/t/")
    };
    let column = |name: &str| {
        let column = GlueColumn::builder().column_name(name).column_type("bigint");
        let column = column.analyzed_time(DateTime::from_secs(0));
        column.statistics_data(longs(1, 2, 0, 2)).build().expect("whole")
    };
    let distinct = |told: &[GlueColumn]| -> Vec<_> {
        by_column(&table, told).iter().map(|column| column.distinct).collect()
    };
    let told = [column("orderid"), column("day"), column("gone")];
    assert_eq!(distinct(&told), [Unknown, Estimate(2), Unknown]);
    assert!(distinct(&told[1..]).is_empty());
    assert!(distinct(&[]).is_empty());
}
