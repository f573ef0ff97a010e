//! What the parameters of a table or partition tell of its rows. All are estimates: engines that know nothing
//! of each other write them, and leave them as they are when they write rows.
//!
//! Source: Apache Hive, `StatsSetupConst.java`; Apache Spark, `HiveExternalCatalog.scala`
//! (`statsToProperties`) and `CatalogColumnStat.toMap` in `catalog/interface.scala`.

use arrow::datatypes::{DataType, Field};
use mooring_spi::{
    ColumnStatistics, Count, TableDefinition, TableStatistics, Value, fold, partition_value,
};
use std::collections::BTreeMap;

const SPARK: &str = "spark.sql.statistics";

type Parameters = BTreeMap<String, String>;

/// Rows and bytes as Hive counts them, of a table or of a partition.
pub(crate) fn counted(parameters: &Parameters) -> Option<TableStatistics> {
    let number = |name: &str| parameters.get(name)?.trim().parse::<u64>().ok();
    let total_bytes = number("totalSize");
    // A table that nobody has counted has 0 rows, whatever its files have.
    let rows = number("numRows").filter(|rows| *rows > 0 || total_bytes == Some(0));
    // Of Parquet it is the number of values, which may be less than the files' bytes.
    let bytes = total_bytes.max(number("rawDataSize").filter(|bytes| *bytes > 0));
    known(rows, bytes)
}

/// Of a table, with what Spark keeps where it has counted.
pub(crate) fn parameter_statistics(
    table: &TableDefinition,
    parameters: &Parameters,
) -> Option<TableStatistics> {
    let number = |name: &str| parameters.get(&format!("{SPARK}.{name}"))?.parse::<u64>().ok();
    let Some(rows) = number("numRows") else { return counted(parameters) };
    let mut statistics = known(Some(rows), number("totalSize"))?;
    let columns = table.columns.fields().iter().map(|field| sparks_column(field, parameters));
    let columns: Vec<Option<ColumnStatistics>> = columns.collect();
    if columns.iter().any(Option::is_some) {
        statistics.columns = columns.into_iter().map(Option::unwrap_or_default).collect();
    }
    Some(statistics)
}

fn known(rows: Option<u64>, bytes: Option<u64>) -> Option<TableStatistics> {
    let count = |number: Option<u64>| number.map_or(Count::Unknown, Count::Estimate);
    let known = rows.is_some() || bytes.is_some();
    known.then(|| TableStatistics { rows: count(rows), bytes: count(bytes), columns: Vec::new() })
}

/// `None` where Spark has not analysed the column.
fn sparks_column(field: &Field, parameters: &Parameters) -> Option<ColumnStatistics> {
    let of = |column: &str, what: &str| {
        parameters.get(&format!("{SPARK}.colStats.{column}.{what}")).map(String::as_str)
    };
    let folded = fold(field.name());
    let told = |what: &str| of(field.name(), what).or_else(|| of(&folded, what));
    let version = told("version")?;
    let count = |what: &str| {
        let number = told(what).and_then(|text| text.parse().ok());
        number.map_or(Count::Unknown, Count::Estimate)
    };
    // Version 1 has times of the zone of whoever wrote them.
    let is_time = matches!(field.data_type(), DataType::Timestamp(..));
    let end = |what: &str| told(what).filter(|_| !is_time || version != "1");
    let end = |what: &str| end(what).and_then(|text| ordered_value(field, text));
    Some(ColumnStatistics {
        nulls: count("nullCount"),
        distinct: count("distinctCount"),
        min: end("min"),
        max: end("max"),
    })
}

/// Spark keeps no ends of text and bytes.
fn ordered_value(field: &Field, text: &str) -> Option<Value> {
    match field.data_type() {
        DataType::Utf8 | DataType::Binary => None,
        _ => partition_value(field, text).ok().filter(|value| !value.is_null()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Schema, TimeUnit};
    use mooring_spi::FileFormat;
    use std::sync::Arc;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn table(columns: Vec<Field>) -> TableDefinition {
        TableDefinition {
            schema_name: "s".into(),
            name: "t".into(),
            columns: Arc::new(Schema::new(columns)),
            partition_columns: 0,
            location: "/t/".into(),
            format: FileFormat::Parquet,
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: Default::default(),
        }
    }

    #[test]
    fn only_what_was_counted_counts() {
        use Count::{Estimate, Unknown};
        for (pairs, expected) in [
            (&[][..], None),
            (&[("numRows", "-1"), ("totalSize", "-1"), ("rawDataSize", "-1")], None),
            (&[("numRows", "x")], None),
            (&[("numRows", "7")], Some((Estimate(7), Unknown))),
            (&[("numRows", "7"), ("totalSize", "90")], Some((Estimate(7), Estimate(90)))),
            (&[("totalSize", "90"), ("rawDataSize", "900")], Some((Unknown, Estimate(900)))),
            (&[("totalSize", "90"), ("rawDataSize", "9")], Some((Unknown, Estimate(90)))),
            (&[("numRows", "0"), ("totalSize", "90")], Some((Unknown, Estimate(90)))),
            (&[("numRows", "0"), ("totalSize", "0")], Some((Estimate(0), Estimate(0)))),
        ] {
            let found = counted(&parameters(pairs)).map(|found| (found.rows, found.bytes));
            assert_eq!(found, expected, "{pairs:?}");
        }
    }

    #[test]
    fn spark_tells_of_columns_too() {
        let wall = DataType::Timestamp(TimeUnit::Microsecond, None);
        let table = table(vec![
            Field::new("orderId", DataType::Int64, true),
            Field::new("day", DataType::Date32, true),
            Field::new("at", wall, true),
            Field::new("old", DataType::Timestamp(TimeUnit::Microsecond, None), true),
            Field::new("price", DataType::Decimal128(6, 2), true),
            Field::new("name", DataType::Utf8, true),
            Field::new("other", DataType::Int32, true),
        ]);
        let told = parameters(&[
            ("numRows", "1"),
            ("spark.sql.statistics.numRows", "1000"),
            ("spark.sql.statistics.totalSize", "5000"),
            ("spark.sql.statistics.colStats.orderId.version", "2"),
            ("spark.sql.statistics.colStats.orderId.distinctCount", "990"),
            ("spark.sql.statistics.colStats.orderId.nullCount", "3"),
            ("spark.sql.statistics.colStats.orderId.min", "-4"),
            ("spark.sql.statistics.colStats.orderId.max", "12345678901"),
            ("spark.sql.statistics.colStats.day.version", "2"),
            ("spark.sql.statistics.colStats.day.min", "1970-01-02"),
            ("spark.sql.statistics.colStats.day.max", "soon"),
            ("spark.sql.statistics.colStats.at.version", "2"),
            ("spark.sql.statistics.colStats.at.max", "1970-01-01 00:00:01.000002"),
            ("spark.sql.statistics.colStats.old.version", "1"),
            ("spark.sql.statistics.colStats.old.max", "1970-01-01 00:00:01.0"),
            ("spark.sql.statistics.colStats.price.version", "2"),
            ("spark.sql.statistics.colStats.price.min", "1.50"),
            ("spark.sql.statistics.colStats.name.version", "2"),
            ("spark.sql.statistics.colStats.name.distinctCount", "5"),
        ]);
        let found = parameter_statistics(&table, &told).expect("statistics");
        assert_eq!((found.rows, found.bytes), (Count::Estimate(1_000), Count::Estimate(5_000)));
        let id = &found.columns[0];
        assert_eq!((id.distinct, id.nulls), (Count::Estimate(990), Count::Estimate(3)));
        assert_eq!((&id.min, &id.max), (&Some(Value::Int(-4)), &Some(Value::Int(12_345_678_901))));
        assert_eq!((&found.columns[1].min, &found.columns[1].max), (&Some(Value::Date(1)), &None));
        assert_eq!(found.columns[2].max, Some(Value::Timestamp(1_000_002)));
        assert_eq!(found.columns[3].max, None);
        assert_eq!(found.columns[4].min, Some(Value::Decimal { unscaled: 150, scale: 2 }));
        assert_eq!(found.columns[5].distinct, Count::Estimate(5));
        assert_eq!(found.columns[6], ColumnStatistics::default());

        let without = parameters(&[("spark.sql.statistics.totalSize", "9"), ("numRows", "4")]);
        let found = parameter_statistics(&table, &without).expect("statistics");
        assert_eq!((found.rows, found.columns.len()), (Count::Estimate(4), 0));
    }
}
