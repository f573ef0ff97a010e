//! What connectors made of the handles of tables, while these are asked about: a query's plan is asked about node by
//! node, and each question reads all tables below.

use mooring_spi::Table;
use parking_lot::Mutex;
use std::sync::{Arc, Weak};

/// Tables of the queries that are planned at once; those that come later push the oldest out.
const KEPT_MAX: usize = 256;

/// By the very table: a kept one goes with the plan that holds it.
#[derive(Debug)]
pub struct KeptHandles<H>(Mutex<Vec<(Weak<Table>, Arc<H>)>>);

impl<H> Default for KeptHandles<H> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<H> KeptHandles<H> {
    /// What `read` makes of the table's handle.
    ///
    /// # Errors
    /// What `read` answers, which is not kept.
    pub fn get<E>(
        &self,
        table: &Arc<Table>,
        read: impl FnOnce(&Table) -> Result<H, E>,
    ) -> Result<Arc<H>, E> {
        let is_it = |kept: &Weak<Table>| std::ptr::eq(kept.as_ptr(), Arc::as_ptr(table));
        if let Some((_, handle)) = self.0.lock().iter().find(|(kept, _)| is_it(kept)) {
            return Ok(Arc::clone(handle));
        }
        let handle = Arc::new(read(table)?);
        let mut kept = self.0.lock();
        // As long as there is an entry for it, no other table has its place in memory.
        kept.retain(|(table, _)| table.strong_count() > 0);
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push((Arc::downgrade(table), Arc::clone(&handle)));
        Ok(handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use mooring_spi::{SchemaTable, TableKind, TableStatistics};

    fn table(handle: &str) -> Arc<Table> {
        Arc::new(Table {
            name: SchemaTable::new("s", "t"),
            kind: TableKind::Table,
            schema: Arc::new(Schema::empty()),
            statistics: TableStatistics::default(),
            handle: handle.to_owned(),
            view: None,
        })
    }

    #[test]
    fn a_handle_is_read_once_for_each_table() {
        let kept = KeptHandles::default();
        let mut reads = 0;
        let mut get = |table: &Arc<Table>| {
            kept.get(table, |table| {
                reads += 1;
                Ok::<_, ()>(table.handle.clone())
            })
            .expect("a handle")
        };
        let (first, second) = (table("a"), table("b"));
        for _ in 0..3 {
            assert_eq!((get(&first).as_str(), get(&second).as_str()), ("a", "b"));
        }
        drop(first);
        // Wherever in memory it is.
        assert_eq!(get(&table("c")).as_str(), "c");
        assert_eq!(reads, 3);
        assert!(kept.get(&table("d"), |_| Err::<String, _>(())).is_err());
    }

    #[test]
    fn no_more_are_kept_than_are_planned_at_once() {
        let kept = KeptHandles::default();
        let tables: Vec<Arc<Table>> = (0..KEPT_MAX + 10).map(|_| table("a")).collect();
        for table in &tables {
            kept.get(table, |table| Ok::<_, ()>(table.handle.clone())).expect("a handle");
        }
        assert_eq!(kept.0.lock().len(), KEPT_MAX);
        drop(tables);
        let last = table("b");
        kept.get(&last, |table| Ok::<_, ()>(table.handle.clone())).expect("a handle");
        assert_eq!(kept.0.lock().len(), 1);
    }
}
