//! What is known of a column's values before a scan: used to skip partitions and files. A domain
//! may hold more values than the predicate allows, never fewer; the engine filters again.

use crate::Value;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    Unbounded,
    Included(Value),
    Excluded(Value),
}

/// The values between two bounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    pub low: Bound,
    pub high: Bound,
}

impl Range {
    pub fn exactly(value: Value) -> Self {
        Self { low: Bound::Included(value.clone()), high: Bound::Included(value) }
    }

    /// The one value that lies in the range, where its bounds say so.
    pub fn only_value(&self) -> Option<&Value> {
        match (&self.low, &self.high) {
            (Bound::Included(low), Bound::Included(high)) if low == high => Some(low),
            _ => None,
        }
    }

    /// Whether `value` may lie in the range; true where the two do not compare.
    pub fn may_contain(&self, value: &Value) -> bool {
        let above_low = match &self.low {
            Bound::Unbounded => true,
            Bound::Included(low) => value.compare(low) != Some(Ordering::Less),
            Bound::Excluded(low) => {
                !matches!(value.compare(low), Some(Ordering::Less | Ordering::Equal))
            }
        };
        let below_high = match &self.high {
            Bound::Unbounded => true,
            Bound::Included(high) => value.compare(high) != Some(Ordering::Greater),
            Bound::Excluded(high) => {
                !matches!(value.compare(high), Some(Ordering::Greater | Ordering::Equal))
            }
        };
        above_low && below_high
    }
}

/// The values that a column may have: any of the ranges, or null where allowed. Without either there is no row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    pub ranges: Vec<Range>,
    pub nulls: bool,
}

impl Domain {
    pub fn may_contain(&self, value: &Value) -> bool {
        match value {
            Value::Null => self.nulls,
            value => self.ranges.iter().any(|range| range.may_contain(value)),
        }
    }
}

/// Domains by column name; all of them hold at once. A column without an entry may be anything.
pub type Predicate = BTreeMap<String, Domain>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_their_included_ends_only() {
        let range =
            Range { low: Bound::Included(Value::Int(1)), high: Bound::Excluded(Value::Int(3)) };
        let inside: Vec<i64> =
            (0..5).filter(|value| range.may_contain(&Value::Int(*value))).collect();
        assert_eq!(inside, [1, 2]);
    }

    #[test]
    fn values_of_another_type_are_never_pruned() {
        assert!(Range::exactly(Value::Int(1)).may_contain(&Value::Text("x".into())));
    }

    #[test]
    fn null_is_in_a_domain_only_by_its_flag() {
        let domain = Domain { ranges: vec![Range::exactly(Value::Int(1))], nulls: false };
        assert!(!domain.may_contain(&Value::Null));
    }
}
