//! Statistics that a metastore keeps of columns, since somebody analysed a table.
//!
//! Source: Apache Hive, `hive_metastore.thrift`: `get_table_statistics_req`, `ColumnStatisticsObj` and the
//! union `ColumnStatisticsData` (`timestampStats` came with version 4).

use super::HiveMetastore;
use super::client::Answer;
use super::thrift::{Struct, Value as Wire, Writer};
use crate::hive_tables::{stored_count, stored_decimal};
use arrow::datatypes::{DataType, TimeUnit};
use mooring_spi::{ColumnStatistics, TableDefinition, TableStatistics, Value, fold};

/// Of wider tables, the first ones.
const COLUMNS_MAX: usize = 1_000;
/// Whose statistics are asked for, where a metastore keeps them by engine.
const ENGINE: &str = "hive";

impl HiveMetastore {
    pub(super) async fn table_statistics(
        &self,
        table: &TableDefinition,
    ) -> Option<TableStatistics> {
        // A call that failed is counted.
        self.statistics.of(table, self.column_statistics(table)).await
    }

    /// Empty where none are kept; `None` where the call failed.
    async fn column_statistics(&self, table: &TableDefinition) -> Option<Vec<ColumnStatistics>> {
        let fields = table.columns.fields();
        let own = fields.len().saturating_sub(table.partition_columns);
        let names: Vec<String> =
            fields.iter().take(own.min(COLUMNS_MAX)).map(|field| fold(field.name())).collect();
        let request = |call: Writer| {
            call.structure(1, |request| {
                let request = request.text(1, &table.schema_name).text(2, &table.name);
                request.texts(3, &names).text(6, ENGINE)
            })
        };
        let answer = self.client.call("get_table_statistics_req", request).await.ok()?;
        let Answer::Value(Wire::Struct(result)) = answer else { return None };
        let mut columns = vec![ColumnStatistics::default(); fields.len()];
        let mut is_known = false;
        for column in result.list(1).ok()? {
            let Wire::Struct(column) = column else { return None };
            let name = fold(&column.text(1).ok()?);
            let Some(index) = names.iter().position(|known| *known == name) else { continue };
            let Some(data) = column.structure(3) else { continue };
            columns[index] = of_column(data, fields[index].data_type());
            is_known = true;
        }
        Some(if is_known { columns } else { Vec::new() })
    }
}

/// `data`: the union, of which one field is there. Ends of another type than the column's, which has changed
/// since, are left out.
fn of_column(data: &Struct, data_type: &DataType) -> ColumnStatistics {
    let nulls_only = |kind: &Struct| ColumnStatistics {
        nulls: stored_count(kind.int(3)),
        ..ColumnStatistics::default()
    };
    let text = |kind: &Struct| ColumnStatistics {
        distinct: stored_count(kind.int(4)),
        ..nulls_only(kind)
    };
    let ordered = |kind: &Struct| {
        let end = |field: i16| kind.get(field).and_then(|end| value(end, data_type));
        ColumnStatistics { min: end(1), max: end(2), ..text(kind) }
    };
    let of = |field: i16| data.structure(field);
    if let Some(boolean) = of(1) {
        let sides = [boolean.int(1), boolean.int(2)];
        let distinct = sides.iter().flatten().filter(|rows| **rows > 0).count() as i64;
        return ColumnStatistics { distinct: stored_count(Some(distinct)), ..nulls_only(boolean) };
    }
    if let Some(kind) = [2, 3, 6, 7, 8].into_iter().find_map(of) {
        return ordered(kind);
    }
    if let Some(kind) = of(4) {
        return text(kind);
    }
    of(5).map(nulls_only).unwrap_or_default()
}

/// `Date` and `Timestamp` are structs of one number; `Decimal` is one of 1 its digits and 3 its scale.
fn value(end: &Wire, data_type: &DataType) -> Option<Value> {
    match (data_type, end) {
        (
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64,
            Wire::Int(number),
        ) => Some(Value::Int(*number)),
        (DataType::Float32 | DataType::Float64, Wire::Double(number)) => {
            Some(Value::Float(*number))
        }
        (DataType::Date32, Wire::Struct(date)) => {
            Some(Value::Date(i32::try_from(date.int(1)?).ok()?))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, _), Wire::Struct(time)) => {
            Some(Value::Timestamp(time.int(1)?.checked_mul(1_000_000)?))
        }
        (DataType::Decimal128(_, scale), Wire::Struct(decimal)) => {
            let Some(Wire::Binary(bytes)) = decimal.get(1) else { return None };
            stored_decimal(bytes, decimal.int(3)?, *scale)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::Count;

    /// A union's field as it would be read.
    fn union(field: i16, fields: &[(i16, Wire)]) -> Struct {
        Struct::of([(field, Wire::Struct(Struct::of(fields.to_vec())))])
    }

    fn inner(fields: &[(i16, Wire)]) -> Wire {
        Wire::Struct(Struct::of(fields.to_vec()))
    }

    fn decimal(unscaled: &[u8], scale: i64) -> Wire {
        inner(&[(1, Wire::Binary(unscaled.to_vec())), (3, Wire::Int(scale))])
    }

    #[test]
    fn every_kind_of_column_is_read() {
        use Count::Estimate;
        let counts = [(3, Wire::Int(3)), (4, Wire::Int(4))];
        let ends = |low: Wire, high: Wire| [&[(1, low), (2, high)][..], &counts].concat();
        let day = |day: i64| inner(&[(1, Wire::Int(day))]);
        let decimals = DataType::Decimal128(10, 2);
        let price = |unscaled| Value::Decimal { unscaled, scale: 2 };
        for (kind, fields, data_type, low, high) in [
            (2, ends(Wire::Int(-1), Wire::Int(9)), DataType::Int16, Value::Int(-1), Value::Int(9)),
            (
                3,
                ends(Wire::Double(-0.5), Wire::Double(2.5)),
                DataType::Float64,
                Value::Float(-0.5),
                Value::Float(2.5),
            ),
            // -1.5 and 300, whose zeros were left out.
            (
                6,
                ends(decimal(&[0xF1], 1), decimal(&[1, 0x2C], 0)),
                decimals,
                price(-150),
                price(30_000),
            ),
            (7, ends(day(-1), day(19_723)), DataType::Date32, Value::Date(-1), Value::Date(19_723)),
            (
                8,
                ends(day(-1), day(1)),
                DataType::Timestamp(TimeUnit::Microsecond, None),
                Value::Timestamp(-1_000_000),
                Value::Timestamp(1_000_000),
            ),
        ] {
            let found = of_column(&union(kind, &fields), &data_type);
            assert_eq!((found.nulls, found.distinct), (Estimate(3), Estimate(4)), "{data_type}");
            assert_eq!((found.min, found.max), (Some(low), Some(high)));
            // The column has become text since.
            let found = of_column(&union(kind, &fields), &DataType::Utf8);
            assert_eq!((found.min, found.max, found.distinct), (None, None, Estimate(4)));
        }
        let lengths =
            [(1, Wire::Int(20)), (2, Wire::Double(7.5)), counts[0].clone(), counts[1].clone()];
        let text = of_column(&union(4, &lengths), &DataType::Utf8);
        assert_eq!((text.nulls, text.distinct, text.min), (Estimate(3), Estimate(4), None));
        let binary = of_column(&union(5, &lengths[..3]), &DataType::Binary);
        assert_eq!((binary.nulls, binary.distinct), (Estimate(3), Count::Unknown));
        let sides = [(1, Wire::Int(0)), (2, Wire::Int(5)), (3, Wire::Int(3))];
        let boolean = of_column(&union(1, &sides), &DataType::Boolean);
        assert_eq!((boolean.nulls, boolean.distinct), (Estimate(3), Estimate(1)));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let unknown = [(1, Wire::Int(7)), (3, Wire::Int(-1)), (4, Wire::Int(-1))];
        let found = of_column(&union(2, &unknown), &DataType::Int32);
        assert_eq!(
            (found.nulls, found.distinct, found.max),
            (Count::Unknown, Count::Unknown, None)
        );
        assert_eq!(of_column(&union(9, &unknown), &DataType::Int32), ColumnStatistics::default());
        assert_eq!(value(&decimal(&[1; 17], 0), &DataType::Decimal128(38, 2)), None);
        let far = inner(&[(1, Wire::Int(i64::MAX))]);
        assert_eq!(value(&far, &DataType::Date32), None);
        assert_eq!(value(&far, &DataType::Timestamp(TimeUnit::Microsecond, None)), None);
    }
}
