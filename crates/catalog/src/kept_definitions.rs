//! Definitions that were read from the store, kept as long as nothing is written to it.

use mooring_spi::{TableDefinition, fold};
use mooring_state::Content;
use parking_lot::Mutex;
use std::collections::HashMap;

/// When there are more, it starts anew.
const DEFINITIONS_MAX: usize = 1_000;

#[derive(Debug, Default)]
pub(crate) struct KeptDefinitions(Mutex<Kept>);

/// Tables by the folded names of their schema and their own, as the store had them at one moment.
#[derive(Debug, Default)]
struct Kept {
    at: Option<Content>,
    tables: HashMap<(String, String), TableDefinition>,
}

impl KeptDefinitions {
    /// What was kept when the store was as it is `now`.
    pub(crate) fn get(
        &self,
        now: Option<Content>,
        schema: &str,
        table: &str,
    ) -> Option<TableDefinition> {
        let kept = self.0.lock();
        if now.is_none() || kept.at != now {
            return None;
        }
        kept.tables.get(&(fold(schema), fold(table))).cloned()
    }

    /// `at`: before it was read.
    pub(crate) fn put(
        &self,
        at: Option<Content>,
        schema: &str,
        table: &str,
        definition: &TableDefinition,
    ) {
        if at.is_none() {
            return;
        }
        let mut kept = self.0.lock();
        if kept.at != at || kept.tables.len() >= DEFINITIONS_MAX {
            *kept = Kept { at, tables: HashMap::new() };
        }
        kept.tables.insert((fold(schema), fold(table)), definition.clone());
    }
}
