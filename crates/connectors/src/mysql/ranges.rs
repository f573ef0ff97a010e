//! A table cut into ranges of its key, for several connections at once. Together the ranges are all whole numbers, so
//! that rows which come after the cut are in one of them.

use mooring_spi::quote;

/// Rows that are worth a range of their own.
const RANGE_ROWS: u64 = 100_000;

/// How many ranges a table of so many rows is cut into.
pub(super) fn range_count(rows: u64, connections_max: usize) -> usize {
    usize::try_from(rows / RANGE_ROWS).unwrap_or(usize::MAX).clamp(1, connections_max.max(1))
}

/// Conditions of `count` ranges, or fewer; none for a key of too few values.
pub(super) fn ranges(key: &str, least: i128, most: i128, count: usize) -> Vec<String> {
    let Ok(count) = i128::try_from(count) else { return Vec::new() };
    // Both are of 64 bits: nothing overflows.
    let values = most - least + 1;
    if count < 2 || values < count {
        return Vec::new();
    }
    let name = quote(key);
    let cut = |at: i128| least + values * at / count;
    (0..count)
        .map(|at| match at {
            0 => format!("({name} < {})", cut(1)),
            _ if at == count - 1 => format!("({name} >= {})", cut(at)),
            _ => format!("({name} >= {} AND {name} < {})", cut(at), cut(at + 1)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_meet_and_have_no_ends() {
        assert_eq!(
            ranges("id", 1, 9, 3),
            ["(`id` < 4)", "(`id` >= 4 AND `id` < 7)", "(`id` >= 7)"]
        );
        let whole = ranges("id", 0, u64::MAX.into(), 2);
        assert_eq!(whole, ["(`id` < 9223372036854775808)", "(`id` >= 9223372036854775808)"]);
        let signed = ranges("id", i64::MIN.into(), i64::MAX.into(), 2);
        assert_eq!(signed, ["(`id` < 0)", "(`id` >= 0)"]);
        assert!(ranges("id", 5, 6, 3).is_empty() && ranges("id", 5, 5, 1).is_empty());
    }

    #[test]
    fn small_tables_stay_whole() {
        assert_eq!(range_count(99_999, 8), 1);
        assert_eq!(range_count(250_000, 8), 2);
        assert_eq!(range_count(10_000_000, 8), 8);
    }
}
