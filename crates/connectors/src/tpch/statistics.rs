//! A table's statistics, known without generating a row.

use super::column::{distinct, row_bytes};
use super::{ScaleFactor, TpchTable};
use mooring_spi::{ColumnStatistics, Count, TableStatistics, Value};
use tpchgen::generators::OrderGenerator;

pub(super) fn table_statistics(table: TpchTable, scale: ScaleFactor) -> TableStatistics {
    let rows = table.rows(scale);
    let columns = table
        .schema()
        .fields()
        .iter()
        .map(|field| column_statistics(field.name(), scale))
        .collect();
    TableStatistics { rows, bytes: Count::Estimate(table_bytes(table, scale)), columns }
}

/// About how many bytes the whole table takes in Arrow's form.
pub(super) fn table_bytes(table: TpchTable, scale: ScaleFactor) -> u64 {
    let rows = match table.rows(scale) {
        Count::Exact(rows) | Count::Estimate(rows) => rows,
        Count::Unknown => 0,
    };
    rows * row_bytes(table)
}

fn column_statistics(column: &str, scale: ScaleFactor) -> ColumnStatistics {
    let range = key_range(column, scale);
    ColumnStatistics {
        nulls: Count::Exact(0),
        distinct: distinct(column, scale),
        min: range.map(|(min, _)| Value::Int(min)),
        max: range.map(|(_, max)| Value::Int(max)),
    }
}

/// The least and the greatest value of the columns where every value between is used up by rule,
/// not by chance. Orders use 8 of every 32 keys (clause 4.2.3).
fn key_range(column: &str, scale: ScaleFactor) -> Option<(i64, i64)> {
    let of = |table: TpchTable| i64::try_from(table.units(scale)).unwrap_or(i64::MAX);
    match column {
        "r_regionkey" | "n_regionkey" => Some((0, 4)),
        "n_nationkey" => Some((0, 24)),
        "p_partkey" | "ps_partkey" => Some((1, of(TpchTable::Part))),
        "s_suppkey" | "ps_suppkey" => Some((1, of(TpchTable::Supplier))),
        "c_custkey" => Some((1, of(TpchTable::Customer))),
        "o_orderkey" | "l_orderkey" => {
            Some((1, OrderGenerator::make_order_key(of(TpchTable::Orders))))
        }
        "l_linenumber" => Some((1, 7)),
        "o_shippriority" => Some((0, 0)),
        _ => None,
    }
}
