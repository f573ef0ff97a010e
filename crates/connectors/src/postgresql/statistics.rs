//! What the database knows of a table's size and values, for the planner. All of it is an estimate.

use super::metadata::{Leaf, Relation, RelationStatistics};
use super::types::{Column, Decode};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use mooring_spi::{ColumnStatistics, Count, TableStatistics, Value};

/// What PostgreSQL keeps of each row beside its values.
const ROW_OVERHEAD_BYTES: u64 = 28;

/// # Arguments
/// `columns`: those of the relation, in order.
pub(super) fn table_statistics(
    relation: &Relation,
    columns: &[Column],
    block_bytes: u64,
) -> TableStatistics {
    let width = row_width(relation, columns);
    let rows = match &relation.leaves {
        Some(leaves) => {
            let known = leaves.iter().map(|leaf| leaf_rows(leaf, width, block_bytes));
            known.collect::<Option<Vec<_>>>().map(|rows| rows.iter().sum())
        }
        None => rows(relation.rows, relation.pages, relation.bytes, width, block_bytes),
    };
    let Some(rows) = rows else { return TableStatistics::default() };
    let known = |column: &Column| {
        let found = relation.statistics.iter().flatten().find(|it| it.column == column.name);
        found.map(|it| column_statistics(it, &column.decode, rows)).unwrap_or_default()
    };
    TableStatistics {
        rows: Count::Estimate(rows),
        bytes: Count::Estimate(rows.saturating_mul(width)),
        columns: columns.iter().map(known).collect(),
    }
}

pub(super) fn leaf_rows(leaf: &Leaf, width: u64, block_bytes: u64) -> Option<u64> {
    rows(leaf.rows, leaf.pages, leaf.bytes, width, block_bytes)
}

/// About how many bytes a row takes in Arrow's form.
pub(super) fn row_width(relation: &Relation, columns: &[Column]) -> u64 {
    let width = |column: &Column| {
        let found = relation.statistics.iter().flatten().find(|it| it.column == column.name);
        match &column.decode {
            Decode::Text | Decode::Binary | Decode::List(_) => {
                found.map_or(column.decode.width_bytes(), |it| it.width + 4)
            }
            decode => decode.width_bytes(),
        }
    };
    columns.iter().map(width).sum::<u64>().max(1)
}

/// As PostgreSQL's own planner: as many rows per page as there were when they were counted, or as fit.
fn rows(counted: f64, pages: i64, bytes: Option<u64>, width: u64, block_bytes: u64) -> Option<u64> {
    let pages_now = bytes.map(|bytes| bytes / block_bytes.max(1));
    match pages_now {
        Some(now) if counted >= 0.0 && pages > 0 => {
            Some((counted / pages as f64 * now as f64).round() as u64)
        }
        Some(now) => Some(now * (block_bytes / (width + ROW_OVERHEAD_BYTES)).max(1)),
        // A foreign table has been analyzed, or nothing is known of it.
        None if counted > 0.0 => Some(counted as u64),
        None => None,
    }
}

fn column_statistics(known: &RelationStatistics, decode: &Decode, rows: u64) -> ColumnStatistics {
    let of_rows = |fraction: f64| (fraction * rows as f64).round() as u64;
    let distinct = match known.distinct {
        distinct if distinct > 0.0 => Count::Estimate((distinct.round() as u64).min(rows)),
        distinct if distinct < 0.0 => Count::Estimate(of_rows(-distinct)),
        _ => Count::Unknown,
    };
    let bound = |text: &Option<String>| text.as_deref().and_then(|text| value(text, decode));
    ColumnStatistics {
        nulls: Count::Estimate(of_rows(known.nulls)),
        distinct,
        min: bound(&known.least),
        max: bound(&known.greatest),
    }
}

fn value(text: &str, decode: &Decode) -> Option<Value> {
    match decode {
        Decode::Int16 | Decode::Int32 | Decode::Int64 => text.parse().ok().map(Value::Int),
        Decode::UInt64 => text.parse().ok().map(Value::UInt),
        Decode::Float32 | Decode::Float64 => {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Value::Float)
        }
        Decode::Decimal { scale, .. } => {
            let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
            let places = usize::from(scale.unsigned_abs());
            let digits = format!("{whole}{:0<places$}", fraction.get(..places).unwrap_or(fraction));
            digits.parse().ok().map(|unscaled| Value::Decimal { unscaled, scale: *scale })
        }
        Decode::Date => Date32Type::parse(text).map(Value::Date),
        Decode::Timestamp | Decode::TimestampUtc => {
            TimestampMicrosecondType::parse(text).map(Value::Timestamp)
        }
        Decode::Boolean
        | Decode::Text
        | Decode::Uuid
        | Decode::Binary
        | Decode::Time
        | Decode::List(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_follow_the_size_of_now() {
        assert_eq!(rows(1_000.0, 10, Some(20 * 8192), 8, 8192), Some(2_000));
        // Never counted: 8192 / (8 + 28) fit on a page.
        assert_eq!(rows(-1.0, 0, Some(8192), 8, 8192), Some(227));
        assert_eq!(rows(0.0, 0, Some(0), 8, 8192), Some(0));
        assert_eq!(rows(-1.0, 0, None, 8, 8192), None);
        assert_eq!(rows(50.0, 0, None, 8, 8192), Some(50));
    }

    #[test]
    fn bounds_are_read_from_their_text() {
        let decimal = Decode::Decimal { precision: 10, scale: 2 };
        assert_eq!(value("-1.5", &decimal), Some(Value::Decimal { unscaled: -150, scale: 2 }));
        assert_eq!(value("7", &decimal), Some(Value::Decimal { unscaled: 700, scale: 2 }));
        assert_eq!(value("1970-01-02", &Decode::Date), Some(Value::Date(1)));
        assert_eq!(value("infinity", &Decode::Date), None);
        assert_eq!(
            value("1970-01-01 00:00:01.5", &Decode::Timestamp),
            Some(Value::Timestamp(1_500_000))
        );
        assert_eq!(
            value("1970-01-01 00:00:01+00", &Decode::TimestampUtc),
            Some(Value::Timestamp(1_000_000))
        );
        assert_eq!(value("NaN", &Decode::Float64), None);
    }

    #[test]
    fn distinct_values_may_grow_with_the_table() {
        let known = |distinct| RelationStatistics {
            column: "c".into(),
            nulls: 0.25,
            distinct,
            width: 4,
            least: None,
            greatest: None,
        };
        let of = |distinct| column_statistics(&known(distinct), &Decode::Int32, 1_000);
        assert_eq!(of(-0.5).distinct, Count::Estimate(500));
        assert_eq!(of(7.0).distinct, Count::Estimate(7));
        assert_eq!(of(0.0).distinct, Count::Unknown);
        assert_eq!(of(7.0).nulls, Count::Estimate(250));
    }
}
