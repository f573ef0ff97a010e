//! Into which files a table is cut, and how they are named.

use super::super::{ScaleFactor, TablePart, TpchTable};
use mooring_spi::Count;

/// The parts of a table that each become a file.
pub(super) fn parts(
    table: TpchTable,
    scale_factor: ScaleFactor,
    files: Option<usize>,
) -> Vec<TablePart> {
    let files = files.unwrap_or_else(|| default_files(table, scale_factor));
    TablePart::all(table, scale_factor, u32::try_from(files).unwrap_or(u32::MAX)).collect()
}

/// `lineitem-part-00003-of-00016.parquet`: the names sort in the order of the table.
pub(super) fn file_name(part: TablePart) -> String {
    format!("{}-part-{:05}-of-{:05}.parquet", part.table, part.part(), part.part_count())
}

/// Whether a name is one that [`file_name`] makes for this table.
pub(super) fn is_file_of(table: TpchTable, name: &str) -> bool {
    let numbers = name
        .strip_prefix(table.name())
        .and_then(|rest| rest.strip_prefix("-part-"))
        .and_then(|rest| rest.strip_suffix(".parquet"))
        .and_then(|rest| rest.split_once("-of-"));
    let is_number = |text: &str| text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    numbers.is_some_and(|(part, count)| is_number(part) && is_number(count))
}

/// At most this many rows in a row group, and at least two groups in a file where they do not
/// become tiny, so that a file can be shared by two tasks.
pub(super) fn row_group_rows(part: TablePart) -> usize {
    const MOST: u64 = 1_048_576;
    const LEAST: u64 = 131_072;
    let rows = about_rows(part.table, part.scale_factor) / u64::from(part.part_count());
    let groups = rows.div_ceil(MOST).max(2);
    // A little room, because a part of `lineitem` is not exactly its share.
    let group = rows.div_ceil(groups) * 101 / 100;
    usize::try_from(group.clamp(LEAST, MOST)).unwrap_or(usize::MAX)
}

const FILE_BYTES: u64 = 128 * 1024 * 1024;

fn default_files(table: TpchTable, scale_factor: ScaleFactor) -> usize {
    let least = match table {
        TpchTable::Nation | TpchTable::Region | TpchTable::Supplier => 1,
        TpchTable::Customer
        | TpchTable::Lineitem
        | TpchTable::Orders
        | TpchTable::Part
        | TpchTable::Partsupp => 2,
    };
    let bytes = about_rows(table, scale_factor) * parquet_row_bytes(table);
    usize::try_from(bytes.div_ceil(FILE_BYTES)).unwrap_or(usize::MAX).max(least)
}

/// Bytes per row in files as this module writes them, measured at scale factor 1.
fn parquet_row_bytes(table: TpchTable) -> u64 {
    match table {
        TpchTable::Customer => 90,
        TpchTable::Lineitem => 34,
        TpchTable::Orders => 37,
        TpchTable::Part => 34,
        TpchTable::Partsupp => 53,
        TpchTable::Supplier => 90,
        TpchTable::Nation | TpchTable::Region => 100,
    }
}

fn about_rows(table: TpchTable, scale_factor: ScaleFactor) -> u64 {
    match table.rows(scale_factor) {
        Count::Exact(rows) | Count::Estimate(rows) => rows,
        Count::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(factor: f64) -> ScaleFactor {
        ScaleFactor::new(factor).expect("a factor")
    }

    #[test]
    fn big_tables_have_two_files_at_least_and_small_ones_one() {
        for table in TpchTable::ALL {
            let files = parts(table, scale(1.0), None).len();
            let small =
                matches!(table, TpchTable::Nation | TpchTable::Region | TpchTable::Supplier);
            assert!(if small { files == 1 } else { files >= 2 }, "{table}: {files}");
        }
        assert!(parts(TpchTable::Lineitem, scale(10.0), None).len() > 10);
    }

    #[test]
    fn names_are_recognised_per_table() {
        let part = TablePart::new(TpchTable::Part, scale(1.0), 3, 16).expect("a part");
        let name = file_name(part);
        assert_eq!(name, "part-part-00003-of-00016.parquet");
        assert!(is_file_of(TpchTable::Part, &name));
        for other in ["partsupp-part-00003-of-00016.parquet", "part-1.parquet", "part-part-x-of-y"]
        {
            assert!(!is_file_of(TpchTable::Part, other), "{other}");
        }
    }

    #[test]
    fn row_groups_stay_between_their_bounds() {
        for (factor, files) in [(0.01, 2), (1.0, 2), (10.0, 20), (10.0, 1)] {
            for part in parts(TpchTable::Lineitem, scale(factor), Some(files)) {
                assert!((131_072..=1_048_576).contains(&row_group_rows(part)), "{part}");
            }
        }
    }
}
