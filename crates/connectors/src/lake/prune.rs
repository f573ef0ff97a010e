//! Which files a predicate leaves.

use super::snapshot::{ColumnFacts, SnapshotFile};
use arrow::datatypes::Schema;
use mooring_spi::{Bound, Domain, Predicate, Range, Value};
use std::cmp::Ordering;

/// Whether a file may hold a row for which every domain holds.
pub(super) fn may_match(
    file: &SnapshotFile,
    schema: &Schema,
    partition_columns: usize,
    predicate: &Predicate,
) -> bool {
    predicate.iter().all(|(name, domain)| {
        let Ok(column) = schema.index_of(name) else { return true };
        match file.column_facts(schema, partition_columns, column) {
            ColumnFacts::Value(value) => domain.may_contain(value),
            ColumnFacts::AllNull => domain.nulls,
            ColumnFacts::Unknown => true,
            ColumnFacts::Footer { rows, column } => {
                let may_be_null = domain.nulls && column.nulls != Some(0);
                let all_null = column.nulls == Some(rows);
                let may_be_value = !all_null
                    && match &column.range {
                        Some(range) => overlaps(domain, &range.min, &range.max),
                        None => !domain.ranges.is_empty(),
                    };
                may_be_null || may_be_value
            }
        }
    })
}

/// Whether a value from `min` to `max` may be in one of the domain's ranges.
fn overlaps(domain: &Domain, min: &Value, max: &Value) -> bool {
    domain.ranges.iter().any(|range| reaches_up(range, min) && reaches_down(range, max))
}

/// Whether the range goes up to `min` or beyond.
fn reaches_up(range: &Range, min: &Value) -> bool {
    match &range.high {
        Bound::Unbounded => true,
        Bound::Included(high) => high.compare(min) != Some(Ordering::Less),
        Bound::Excluded(high) => {
            !matches!(high.compare(min), Some(Ordering::Less | Ordering::Equal))
        }
    }
}

/// Whether the range goes down to `max` or beyond.
fn reaches_down(range: &Range, max: &Value) -> bool {
    match &range.low {
        Bound::Unbounded => true,
        Bound::Included(low) => low.compare(max) != Some(Ordering::Greater),
        Bound::Excluded(low) => {
            !matches!(low.compare(max), Some(Ordering::Greater | Ordering::Equal))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(low: Bound, high: Bound) -> Domain {
        Domain { ranges: vec![Range { low, high }], nulls: false }
    }

    /// By trial: a range overlaps 10 to 20 when one of the values in between is in it.
    #[test]
    fn overlap_is_what_trying_every_value_says() {
        let bounds = |value| {
            [
                Bound::Unbounded,
                Bound::Included(Value::Int(value)),
                Bound::Excluded(Value::Int(value)),
            ]
        };
        for (low, high) in (8..23).flat_map(|low| (low..23).map(move |high| (low, high))) {
            for low_bound in bounds(low) {
                for high_bound in bounds(high) {
                    let domain = domain(low_bound.clone(), high_bound);
                    let tried = (10..=20).any(|value| domain.may_contain(&Value::Int(value)));
                    let overlap = overlaps(&domain, &Value::Int(10), &Value::Int(20));
                    // Excluded neighbours hold no whole number, which a bound cannot know.
                    assert!(overlap || !tried, "{domain:?}");
                    assert!(tried || !overlap || high - low == 1 || low == high, "{domain:?}");
                }
            }
        }
    }

    #[test]
    fn other_types_are_never_pruned() {
        let text = domain(Bound::Included(Value::Text("a".into())), Bound::Unbounded);
        assert!(overlaps(&text, &Value::Int(10), &Value::Int(20)));
    }
}
