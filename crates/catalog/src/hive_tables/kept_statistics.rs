//! What is known of tables between the questions about them: what a table's parameters told, from the call
//! that answered its definition to the question for its statistics, which so costs no call of its own; and
//! what a call for its columns told, for some minutes, so that not each query makes one.

use arrow::datatypes::SchemaRef;
use mooring_spi::{ColumnStatistics, Count, TableDefinition, TableStatistics};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// When there are more tables, it starts anew.
const TABLES_MAX: usize = 1_000;
/// The same for their columns, about 150 bytes each.
const COLUMNS_MAX: usize = 100_000;
/// A query does not wait long for what it can do without.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long columns serve. Who analyses a table anew sees the difference after that.
const COLUMNS_KEPT: Duration = Duration::from_secs(300);
/// How long nobody asks after a call that failed: one that is refused or not known would be for every query.
const FAILURE_KEPT: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct KeptStatistics(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By the exact names of schema and table.
    tables: HashMap<(String, String), Entry>,
    columns: usize,
}

#[derive(Debug)]
struct Entry {
    /// By the parameters.
    told: TableStatistics,
    columns: Option<KeptColumns>,
    /// Whether columns were asked for since the definition was.
    is_asked: bool,
}

#[derive(Debug)]
struct KeptColumns {
    /// Empty where nothing was told.
    columns: Vec<ColumnStatistics>,
    /// Whose columns they are.
    schema: SchemaRef,
    until: Instant,
}

impl KeptStatistics {
    /// In the place of what parameters told before; `None` where now nothing is told.
    pub(crate) fn put(&self, table: &TableDefinition, told: Option<TableStatistics>) {
        let mut kept = self.0.lock();
        let before = kept.take(table);
        let Some(told) = told else { return };
        let columns = before.and_then(|entry| entry.columns);
        kept.add(table, Entry { told, columns, is_asked: false });
    }

    /// What is told of the table; `None` where nothing is, or where so many tables were asked for since
    /// that it was given up. `ask` makes a call for the columns, whose answer is kept. It is made only where
    /// the number of rows is known, without which columns tell the planner nothing, and `None` stands for
    /// a call that failed: the estimate does without.
    pub(crate) async fn of(
        &self,
        table: &TableDefinition,
        ask: impl Future<Output = Option<Vec<ColumnStatistics>>>,
    ) -> Option<TableStatistics> {
        let (mut known, columns) = self.get(table)?;
        if !known.columns.is_empty() || known.rows == Count::Unknown {
            return Some(known);
        }
        known.columns = match columns {
            Some(columns) => columns,
            None => {
                let told = timeout(TIMEOUT, ask).await.ok().flatten();
                self.put_columns(table, told.clone());
                told.unwrap_or_default()
            }
        };
        Some(known)
    }

    /// Whether columns were asked for since the table's definition was: the query that does so has made
    /// a call more than others.
    pub(crate) fn is_asked(&self, table: &TableDefinition) -> bool {
        self.0.lock().tables.get(&key(table)).is_some_and(|entry| entry.is_asked)
    }

    fn get(
        &self,
        table: &TableDefinition,
    ) -> Option<(TableStatistics, Option<Vec<ColumnStatistics>>)> {
        let kept = self.0.lock();
        let entry = kept.tables.get(&key(table))?;
        let columns = entry
            .columns
            .as_ref()
            .filter(|columns| columns.until > Instant::now() && columns.schema == table.columns);
        Some((entry.told.clone(), columns.map(|columns| columns.columns.clone())))
    }

    fn put_columns(&self, table: &TableDefinition, told: Option<Vec<ColumnStatistics>>) {
        let mut kept = self.0.lock();
        let Some(entry) = kept.take(table) else { return };
        let time = if told.is_some() { COLUMNS_KEPT } else { FAILURE_KEPT };
        let columns = KeptColumns {
            columns: told.unwrap_or_default(),
            schema: table.columns.clone(),
            until: Instant::now() + time,
        };
        kept.add(table, Entry { columns: Some(columns), is_asked: true, ..entry });
    }
}

impl Kept {
    fn take(&mut self, table: &TableDefinition) -> Option<Entry> {
        let entry = self.tables.remove(&key(table))?;
        self.columns -= entry.columns_count();
        Some(entry)
    }

    /// Of a table that was taken, or is new.
    fn add(&mut self, table: &TableDefinition, entry: Entry) {
        let columns = entry.columns_count();
        if self.tables.len() >= TABLES_MAX || self.columns + columns > COLUMNS_MAX {
            *self = Self::default();
        }
        self.columns += columns;
        self.tables.insert(key(table), entry);
    }
}

impl Entry {
    fn columns_count(&self) -> usize {
        self.told.columns.len() + self.columns.as_ref().map_or(0, |kept| kept.columns.len())
    }
}

fn key(table: &TableDefinition) -> (String, String) {
    (table.schema_name.clone(), table.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::definition;
    use arrow::datatypes::Schema;
    use std::cell::Cell;
    use std::sync::Arc;

    fn told(rows: u64, columns: usize) -> TableStatistics {
        let columns = vec![ColumnStatistics::default(); columns];
        TableStatistics { rows: Count::Estimate(rows), columns, ..TableStatistics::default() }
    }

    fn known(kept: &KeptStatistics, table: &TableDefinition) -> Option<TableStatistics> {
        kept.get(table).map(|(told, _)| told)
    }

    /// How many distinct values the first column has, when a call for columns answers `told`, and whether
    /// there was one.
    async fn asked(
        kept: &KeptStatistics,
        table: &TableDefinition,
        told: Option<u64>,
    ) -> (Option<Count>, bool) {
        let is_called = Cell::new(false);
        let ask = async {
            is_called.set(true);
            told.map(|distinct| {
                let distinct = Count::Estimate(distinct);
                vec![ColumnStatistics { distinct, ..ColumnStatistics::default() }]
            })
        };
        let found = kept.of(table, ask).await.expect("it was put");
        (found.columns.first().map(|column| column.distinct), is_called.get())
    }

    fn age(kept: &KeptStatistics, by: Duration) {
        for entry in kept.0.lock().tables.values_mut() {
            let columns = entry.columns.as_mut().expect("columns");
            columns.until = columns.until.checked_sub(by).expect("a clock that runs for long");
        }
    }

    #[test]
    fn the_last_word_counts() {
        let kept = KeptStatistics::default();
        let table = definition("s", "t", "/t/");
        for told in [Some(told(1, 2)), Some(told(2, 0)), None, Some(told(3, 1))] {
            kept.put(&table, told.clone());
            assert_eq!(known(&kept, &table), told);
            assert_eq!(known(&kept, &definition("s", "u", "/t/")), None);
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
            let table = definition("s", name, "/t/");
            kept.put(&table, Some(told(1, 0)));
            kept.put_columns(&table, Some(vec![ColumnStatistics::default(); COLUMNS_MAX / 2]));
        }
        let found = ["a", "b", "c"].map(|name| known(&kept, &definition("s", name, "/t/")));
        assert_eq!(found.map(|found| found.is_some()), [false, false, true]);
        assert_eq!(kept.0.lock().columns, COLUMNS_MAX / 2);
    }

    #[tokio::test]
    async fn columns_are_asked_for_once_in_some_minutes() {
        let kept = KeptStatistics::default();
        let table = definition("s", "t", "/t/");
        kept.put(&table, Some(told(1, 0)));
        assert!(!kept.is_asked(&table));
        assert_eq!(asked(&kept, &table, Some(4)).await, (Some(Count::Estimate(4)), true));
        assert!(kept.is_asked(&table));
        assert_eq!(asked(&kept, &table, Some(5)).await, (Some(Count::Estimate(4)), false));
        // The definition is asked for by each query.
        kept.put(&table, Some(told(2, 0)));
        assert!(!kept.is_asked(&table));
        assert_eq!(asked(&kept, &table, Some(5)).await, (Some(Count::Estimate(4)), false));
        assert!(!kept.is_asked(&table));
        age(&kept, COLUMNS_KEPT);
        assert_eq!(asked(&kept, &table, Some(5)).await, (Some(Count::Estimate(5)), true));
        let other = TableDefinition { columns: Arc::new(Schema::empty()), ..table };
        assert_eq!(asked(&kept, &other, Some(6)).await, (Some(Count::Estimate(6)), true));
    }

    #[tokio::test]
    async fn a_call_that_failed_is_not_made_again_at_once() {
        let kept = KeptStatistics::default();
        let table = definition("s", "t", "/t/");
        kept.put(&table, Some(told(1, 0)));
        assert_eq!(asked(&kept, &table, None).await, (None, true));
        assert_eq!(asked(&kept, &table, Some(4)).await, (None, false));
        age(&kept, FAILURE_KEPT);
        assert_eq!(asked(&kept, &table, Some(4)).await, (Some(Count::Estimate(4)), true));
    }

    #[tokio::test]
    async fn columns_are_not_asked_for_where_they_are_told_or_of_no_use() {
        let kept = KeptStatistics::default();
        let table = definition("s", "t", "/t/");
        let no_rows = TableStatistics { rows: Count::Unknown, ..told(1, 0) };
        for (known, distinct) in [(told(1, 1), Some(Count::Unknown)), (no_rows, None)] {
            kept.put(&table, Some(known));
            assert_eq!(asked(&kept, &table, Some(4)).await, (distinct, false));
        }
    }
}
