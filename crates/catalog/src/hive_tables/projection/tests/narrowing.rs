//! Conditions leave of a column's values those that they may contain, whatever way leads to them.

use super::*;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Ends of a range among the values, and what kind of ends they are.
type Pick = (Index, Index, u8);

fn picks() -> impl Strategy<Value = Vec<Pick>> {
    prop::collection::vec((any::<Index>(), any::<Index>(), 0_u8..10), 0..4)
}

fn domain(picks: &[Pick], values: &[Value]) -> Domain {
    let end = |index: &Index, kind: u8| {
        let value = index.get(values).clone();
        match kind {
            0 => Bound::Unbounded,
            1 => Bound::Included(value),
            _ => Bound::Excluded(value),
        }
    };
    let range = |(low, high, kind): &Pick| match kind {
        9 => Range::exactly(low.get(values).clone()),
        kind => Range { low: end(low, kind % 3), high: end(high, kind / 3) },
    };
    Domain { ranges: picks.iter().map(range).collect(), nulls: false }
}

/// `wider` has values that the table has, and others.
fn narrows_as_a_filter(
    table: &TableDefinition,
    wider: &TableDefinition,
    picks: &[Pick],
) -> Result<(), TestCaseError> {
    let all = |table| found(table, &Predicate::new());
    let values: Vec<Value> = all(wider).into_iter().flat_map(|found| found.values).collect();
    let domain = domain(picks, &values);
    let expected: Vec<PartitionDefinition> =
        all(table).into_iter().filter(|found| domain.may_contain(&found.values[0])).collect();
    let narrowed = found(table, &Predicate::from([("c".to_owned(), domain)]));
    prop_assert_eq!(narrowed, expected);
    Ok(())
}

fn integers(hive_type: &str, range: (i64, i64), interval: u64, digits: usize) -> TableDefinition {
    let (range, interval) = (format!("{},{}", range.0, range.1), interval.to_string());
    let (digits, kind) = (digits.to_string(), ("type", "integer"));
    let properties = [kind, ("range", &*range), ("interval", &*interval), ("digits", &*digits)];
    of_column(hive_type, &properties).expect("defined")
}

fn dates(kind: (&str, &str, &str), around: (u32, u32), interval: u32) -> TableDefinition {
    let (hive_type, format, unit) = kind;
    let range = format!("NOW-{}{unit},NOW+{}{unit}", around.0, around.1);
    let interval = interval.to_string();
    let step = [("interval", interval.as_str()), ("interval.unit", unit)];
    let properties = [("type", "date"), ("format", format), ("range", range.as_str())];
    of_column(hive_type, &[&properties[..], &step[..]].concat()).expect("defined")
}

/// Type of the column, pattern, unit.
const KINDS: [(&str, &str, &str); 16] = [
    ("string", "yyyy-MM-dd", "DAYS"),
    ("string", "dd-MM-yyyy", "DAYS"),
    ("string", "d.M.y", "WEEKS"),
    ("string", "MM/yyyy", "MONTHS"),
    ("string", "MM/yyyy", "DAYS"),
    ("string", "yyyy", "MONTHS"),
    ("string", "yyyy/MM/dd/HH", "HOURS"),
    ("string", "mm:HH dd-MM-yyyy", "MINUTES"),
    ("date", "dd.MM.yyyy", "DAYS"),
    ("date", "yyyyMM", "WEEKS"),
    ("timestamp", "dd-MM-yyyy HH", "HOURS"),
    ("int", "yyyyMMdd", "DAYS"),
    ("int", "ddMMyyyy", "DAYS"),
    ("char(12)", "dd-MM-yyyy", "DAYS"),
    // What is too long is cut.
    ("char(8)", "d-M-y", "DAYS"),
    ("char(6)", "yyyyMMdd", "WEEKS"),
];

proptest! {
    #[test]
    fn integers_are_narrowed_as_a_filter_narrows(
        hive_type in select(vec!["int", "string", "char(4)", "char(1)"]),
        (min, span) in (-30_i64..120, 0_i64..60),
        (interval, digits) in (1_u64..8, 1_usize..4),
        picks in picks(),
    ) {
        let table = integers(hive_type, (min, min + span), interval, digits);
        let wider = integers(hive_type, (min - 3, min + span + 3), 1, digits);
        narrows_as_a_filter(&table, &wider, &picks)?;
    }

    #[test]
    fn dates_are_narrowed_as_a_filter_narrows(
        kind in select(KINDS.to_vec()),
        (before, after) in (0_u32..40, 0_u32..40),
        interval in 1_u32..10,
        picks in picks(),
    ) {
        let table = dates(kind, (before, after), interval);
        let wider = dates(kind, (before + 3, after + 3), 1);
        narrows_as_a_filter(&table, &wider, &picks)?;
    }
}
