//! Values in steps, of which only those are made that a query may ask for.

use mooring_spi::{Bound, Domain, Range, Value};
use std::cmp::Ordering;
use std::ops;

/// Values of one column that are made for one query at most, where no order leads to those that match.
const VALUES_MADE_MAX: usize = 200_000;

/// A value of a partition column, and how it stands in locations.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ProjectedValue {
    pub(super) text: String,
    pub(super) value: Value,
}

/// Each value is found by its number, from 0, without those before it. Equal texts have numbers next to each
/// other. Errors are reasons, as parts of a sentence.
pub(super) trait Sequence {
    fn count(&self) -> u128;

    /// # Errors
    /// Why there is no such value, though `number` is below the count.
    fn at(&self, number: u128) -> Result<ProjectedValue, String>;

    /// Whether no value is less than the one before it, as [`Value::compare`] has it.
    fn is_ordered(&self) -> bool;

    /// The numbers among which a value is if it is there at all; asked where there is no order.
    ///
    /// # Errors
    /// As [`Sequence::at`].
    fn numbers_of(&self, value: &Value) -> Result<ops::Range<u128>, String>;
}

/// The values that a domain may contain, in their order, up to one more than `values_max`.
///
/// # Errors
/// As [`Sequence::at`].
pub(super) fn matching(
    sequence: &dyn Sequence,
    domain: Option<&Domain>,
    values_max: usize,
) -> Result<Matching, String> {
    let mut spans = Vec::new();
    match domain {
        None => spans.push(0..sequence.count()),
        Some(domain) => {
            for range in &domain.ranges {
                spans.push(span(sequence, range)?);
            }
        }
    }
    spans.sort_unstable_by_key(|span| span.start);
    let mut found: Vec<ProjectedValue> = Vec::new();
    let made_max = VALUES_MADE_MAX.max(values_max);
    let (mut made, mut next) = (0, 0);
    for span in spans {
        for number in span.start.max(next)..span.end {
            if made == made_max {
                return Ok(Matching::TooManyMade(made));
            }
            let value = sequence.at(number)?;
            made += 1;
            let is_again = found.last().is_some_and(|last| last.text == value.text);
            if !is_again && domain.is_none_or(|domain| domain.may_contain(&value.value)) {
                found.push(value);
            }
            if found.len() > values_max {
                return Ok(Matching::Values(found));
            }
        }
        next = next.max(span.end);
    }
    Ok(Matching::Values(found))
}

#[derive(Debug, PartialEq)]
pub(super) enum Matching {
    Values(Vec<ProjectedValue>),
    /// So many were made, and there are more that may match.
    TooManyMade(usize),
}

/// The numbers of all values in the range, and of others where nothing is known of them.
fn span(sequence: &dyn Sequence, range: &Range) -> Result<ops::Range<u128>, String> {
    if !sequence.is_ordered() {
        return match range.only_value() {
            Some(value) => sequence.numbers_of(value),
            None => Ok(0..sequence.count()),
        };
    }
    let start = match &range.low {
        Bound::Unbounded => 0,
        Bound::Included(low) | Bound::Excluded(low) => first(sequence.count(), |number| {
            Ok(sequence.at(number)?.value.compare(low) != Some(Ordering::Less))
        })?,
    };
    let end = match &range.high {
        Bound::Unbounded => sequence.count(),
        Bound::Included(high) | Bound::Excluded(high) => first(sequence.count(), |number| {
            Ok(sequence.at(number)?.value.compare(high) == Some(Ordering::Greater))
        })?,
    };
    Ok(start..end)
}

/// The first number for which it is so, given that it is so for all after it; `count` if there is none.
pub(super) fn first(
    count: u128,
    is_so: impl Fn(u128) -> Result<bool, String>,
) -> Result<u128, String> {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        match is_so(middle)? {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    Ok(low)
}
