//! What the planner may know of a column without a look at the data: how wide it is and how many
//! values it has.

use super::{ScaleFactor, TpchTable};
use arrow::datatypes::Field;
use mooring_spi::Count;

/// About how many bytes a value takes as an Arrow array.
pub(super) fn width_bytes(field: &Field) -> u64 {
    const OFFSET_BYTES: u64 = 4;
    match field.data_type().primitive_width() {
        Some(width) => width as u64,
        None => OFFSET_BYTES + text_bytes(field.name()),
    }
}

/// The sum over all columns of a table.
pub(super) fn row_bytes(table: TpchTable) -> u64 {
    table.schema().fields().iter().map(|field| width_bytes(field)).sum()
}

/// How many different values a column has: exact for keys, an estimate where the values are drawn
/// from a list or a range of this size (clauses 4.2.2 and 4.2.3).
pub(super) fn distinct(column: &str, scale: ScaleFactor) -> Count {
    let of = |table: TpchTable| table.units(scale);
    match column {
        "r_regionkey" | "r_name" | "r_comment" | "n_regionkey" => Count::Exact(5),
        "n_nationkey" | "n_name" | "n_comment" => Count::Exact(25),
        "p_partkey" | "ps_partkey" => Count::Exact(of(TpchTable::Part)),
        "s_suppkey" | "s_name" | "ps_suppkey" => Count::Exact(of(TpchTable::Supplier)),
        "c_custkey" | "c_name" => Count::Exact(of(TpchTable::Customer)),
        "o_orderkey" | "l_orderkey" => Count::Exact(of(TpchTable::Orders)),
        "l_linenumber" => Count::Exact(7),
        "o_shippriority" => Count::Exact(1),
        // A third of the customers never orders.
        "o_custkey" => Count::Estimate(of(TpchTable::Customer) * 2 / 3),
        "l_partkey" => Count::Estimate(of(TpchTable::Part)),
        "l_suppkey" => Count::Estimate(of(TpchTable::Supplier)),
        "c_nationkey" | "s_nationkey" => Count::Estimate(25),
        "l_returnflag" | "o_orderstatus" => Count::Estimate(3),
        "l_linestatus" => Count::Estimate(2),
        "l_shipinstruct" => Count::Estimate(4),
        "l_shipmode" => Count::Estimate(7),
        "l_quantity" | "p_size" => Count::Estimate(50),
        "l_discount" => Count::Estimate(11),
        "l_tax" => Count::Estimate(9),
        "l_shipdate" | "l_commitdate" | "l_receiptdate" | "o_orderdate" => Count::Estimate(2_500),
        "o_orderpriority" | "c_mktsegment" | "p_mfgr" => Count::Estimate(5),
        "o_clerk" => Count::Estimate(scale.times(1_000).max(1_000)),
        "p_brand" => Count::Estimate(25),
        "p_type" => Count::Estimate(150),
        "p_container" => Count::Estimate(40),
        "ps_availqty" => Count::Estimate(9_999),
        _ => Count::Unknown,
    }
}

/// The average length of a text column: of its list of values, or as clause 4.2.3 sets it.
fn text_bytes(column: &str) -> u64 {
    match column {
        "l_returnflag" | "l_linestatus" | "o_orderstatus" => 1,
        "l_shipmode" => 4,
        "n_name" | "r_name" => 7,
        "p_container" | "p_brand" | "o_orderpriority" => 8,
        "c_mktsegment" => 9,
        "l_shipinstruct" => 12,
        "p_mfgr" | "p_comment" => 14,
        "o_clerk" | "c_phone" | "s_phone" => 15,
        "c_name" | "s_name" => 18,
        "p_type" => 21,
        "c_address" | "s_address" => 25,
        "l_comment" => 27,
        "p_name" => 33,
        "o_comment" => 49,
        "s_comment" => 63,
        "c_comment" | "n_comment" | "r_comment" => 73,
        "ps_comment" => 124,
        _ => {
            debug_assert!(false, "no text width for column `{column}`");
            16
        }
    }
}
