//! What the parameters of tables told, from the call that answered a table's definition to the question for
//! its statistics, which so costs no call of its own.

use mooring_spi::{TableDefinition, TableStatistics};
use parking_lot::Mutex;
use std::collections::HashMap;

/// When there are more tables, it starts anew.
const TABLES_MAX: usize = 1_000;
/// The same for their columns, about 150 bytes each.
const COLUMNS_MAX: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct KeptStatistics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By the exact names of schema and table.
    tables: HashMap<(String, String), TableStatistics>,
    columns: usize,
}

impl KeptStatistics {
    /// In the place of what was told before; `None` where now nothing is told.
    pub(crate) fn put(&self, table: &TableDefinition, told: Option<TableStatistics>) {
        let mut kept = self.0.lock();
        if let Some(before) = kept.tables.remove(&key(table)) {
            kept.columns -= before.columns.len();
        }
        let Some(told) = told else { return };
        if kept.tables.len() >= TABLES_MAX || kept.columns + told.columns.len() > COLUMNS_MAX {
            *kept = Kept::default();
        }
        kept.columns += told.columns.len();
        kept.tables.insert(key(table), told);
    }

    /// `None` too where so many tables were asked for since that it was given up.
    pub(crate) fn get(&self, table: &TableDefinition) -> Option<TableStatistics> {
        self.0.lock().tables.get(&key(table)).cloned()
    }
}

fn key(table: &TableDefinition) -> (String, String) {
    (table.schema_name.clone(), table.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::definition;
    use mooring_spi::{ColumnStatistics, Count};

    fn told(rows: u64, columns: usize) -> TableStatistics {
        let columns = vec![ColumnStatistics::default(); columns];
        TableStatistics { rows: Count::Estimate(rows), columns, ..TableStatistics::default() }
    }

    #[test]
    fn the_last_word_counts() {
        let kept = KeptStatistics::default();
        let table = definition("s", "t", "/t/");
        for told in [Some(told(1, 2)), Some(told(2, 0)), None, Some(told(3, 1))] {
            kept.put(&table, told.clone());
            assert_eq!(kept.get(&table), told);
            assert_eq!(kept.get(&definition("s", "u", "/t/")), None);
        }
        assert_eq!(kept.0.lock().columns, 1);
    }

    #[test]
    fn what_is_kept_has_bounds() {
        let kept = KeptStatistics::default();
        for number in 0..3 * TABLES_MAX {
            kept.put(&definition("s", &format!("t{number}"), "/t/"), Some(told(1, 0)));
            assert!(kept.0.lock().tables.len() <= TABLES_MAX);
        }
        for name in ["a", "b", "c"] {
            kept.put(&definition("s", name, "/t/"), Some(told(1, COLUMNS_MAX / 2)));
        }
        let found = ["a", "b", "c"].map(|name| kept.get(&definition("s", name, "/t/")).is_some());
        assert_eq!(found, [false, false, true]);
    }
}
