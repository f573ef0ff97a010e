//! Which methods a metastore has answered before, and which it has refused, so that a refusal costs one
//! query a call more, and not each.

use mooring_spi::TableDefinition;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// When there are more, it starts anew.
const VERDICTS_MAX: usize = 1_000;
/// How long a refusal counts: servers get other settings, and other versions.
const REFUSED_FOR: Duration = Duration::from_secs(600);

/// What a metastore has said to a method, for one table each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing yet.
    Unknown,
    Answered,
    Refused,
}

#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<HashMap<Key, Kept>>);

/// A verdict, and until when it counts, where it is a refusal.
type Kept = (Verdict, Instant);

/// A method, and the names of schema and table; empty ones where it is not about one.
type Key = (&'static str, String, String);

impl Verdicts {
    /// `table`: `None` for what is the same for all tables.
    pub(super) fn of(&self, method: &'static str, table: Option<&TableDefinition>) -> Verdict {
        match self.0.lock().get(&key(method, table)) {
            Some((Verdict::Refused, until)) if *until <= Instant::now() => Verdict::Unknown,
            Some((verdict, _)) => *verdict,
            None => Verdict::Unknown,
        }
    }

    pub(super) fn put(
        &self,
        method: &'static str,
        table: Option<&TableDefinition>,
        verdict: Verdict,
    ) {
        let mut verdicts = self.0.lock();
        if verdicts.len() >= VERDICTS_MAX {
            verdicts.clear();
        }
        verdicts.insert(key(method, table), (verdict, Instant::now() + REFUSED_FOR));
    }
}

fn key(method: &'static str, table: Option<&TableDefinition>) -> Key {
    let names = table.map(|table| (table.schema_name.clone(), table.name.clone()));
    let (schema, name) = names.unwrap_or_default();
    (method, schema, name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::definition;

    #[test]
    fn the_last_verdict_counts_for_its_table_and_method() {
        let verdicts = Verdicts::default();
        let table = definition("s", "t", "/t/");
        for verdict in [Verdict::Answered, Verdict::Refused, Verdict::Answered] {
            verdicts.put("a", Some(&table), verdict);
            assert_eq!(verdicts.of("a", Some(&table)), verdict);
            assert_eq!(verdicts.of("b", Some(&table)), Verdict::Unknown);
            assert_eq!(verdicts.of("a", Some(&definition("s", "u", "/u/"))), Verdict::Unknown);
            assert_eq!(verdicts.of("a", None), Verdict::Unknown);
        }
    }

    #[test]
    fn a_refusal_counts_for_some_minutes() {
        let verdicts = Verdicts::default();
        verdicts.put("a", None, Verdict::Refused);
        assert_eq!(verdicts.of("a", None), Verdict::Refused);
        for (_, until) in verdicts.0.lock().values_mut() {
            *until -= REFUSED_FOR;
        }
        assert_eq!(verdicts.of("a", None), Verdict::Unknown);
    }

    #[test]
    fn there_are_not_many_of_them() {
        let verdicts = Verdicts::default();
        for number in 0..3 * VERDICTS_MAX {
            let table = definition("s", &number.to_string(), "/t/");
            verdicts.put("a", Some(&table), Verdict::Answered);
            assert!(verdicts.0.lock().len() <= VERDICTS_MAX);
        }
    }
}
