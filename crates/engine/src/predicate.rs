//! From a plan's filters to `spi` domains. What cannot be said is left out: the engine filters
//! again, so a predicate may hold too much and never too little.

use crate::value::from_scalar;
use datafusion::arrow::datatypes::Schema;
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use itertools::Itertools;
use mooring_spi::{Bound, Count, Domain, Predicate, Range, TableStatistics, Value};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Values in an `IN` list, or keys of a join, beyond which a list is described by its bounds only.
pub(crate) const IN_LIST_MAX: usize = 5_000;

/// Pairs of ranges that are compared to know what lies in both of two lists.
const PAIRS_MAX: usize = 1_000_000;

/// A predicate that leaves one row of this many, or fewer, selects few.
const FEW_OF: u64 = 1_000;

/// The conjunction of `filters` as domains by column name.
pub(crate) fn to_predicate(filters: &[Expr]) -> Predicate {
    let mut predicate = BTreeMap::new();
    for filter in filters {
        add(filter, &mut predicate);
    }
    predicate
}

/// Whether the predicate asks some column for a handful of its values: then a format that finds the
/// rows first, and decodes the other columns for these alone, reads little.
pub(crate) fn selects_few(
    predicate: &Predicate,
    schema: &Schema,
    statistics: &TableStatistics,
) -> bool {
    predicate.iter().any(|(name, domain)| {
        let Ok(column) = schema.index_of(name) else { return false };
        let Some(known) = statistics.columns.get(column) else { return false };
        let wanted = domain.ranges.len() as u64;
        let distinct = match (known.distinct, &known.min, &known.max, statistics.rows) {
            (Count::Exact(distinct) | Count::Estimate(distinct), _, _, _) => distinct,
            // A key's values fill its range; there are no more of them than rows.
            (Count::Unknown, Some(min), Some(max), Count::Exact(rows) | Count::Estimate(rows)) => {
                span(min, max).min(rows)
            }
            (Count::Unknown, _, _, _) => 0,
        };
        !domain.nulls
            && domain.ranges.iter().all(|range| range.only_value().is_some())
            && wanted.saturating_mul(FEW_OF) <= distinct
    })
}

/// How many whole numbers or days there are from one value to the other; 0 for other types.
fn span(min: &Value, max: &Value) -> u64 {
    match (min, max) {
        (Value::Int(min), Value::Int(max)) => max.abs_diff(*min),
        (Value::UInt(min), Value::UInt(max)) => max.abs_diff(*min),
        (Value::Date(min), Value::Date(max)) => u64::from(max.abs_diff(*min)),
        _ => 0,
    }
}

fn add(filter: &Expr, predicate: &mut Predicate) {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            add(left, predicate);
            add(right, predicate);
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            for (column, domain) in either(left, right) {
                add_domain(column, domain, predicate);
            }
        }
        _ => {
            if let Some((column, domain)) = domain_of(filter) {
                add_domain(column, domain, predicate);
            }
        }
    }
}

/// Also holds of a column.
pub(crate) fn add_domain(column: String, domain: Domain, predicate: &mut Predicate) {
    match predicate.get_mut(&column) {
        Some(known) => *known = intersect(known, &domain),
        None => {
            predicate.insert(column, domain);
        }
    }
}

fn either(left: &Expr, right: &Expr) -> Predicate {
    let (mut left_predicate, mut right_predicate) = (Predicate::new(), Predicate::new());
    add(left, &mut left_predicate);
    add(right, &mut right_predicate);
    of_either(left_predicate, right_predicate)
}

/// What holds of a column whichever of the two a row meets.
pub(crate) fn of_either(mut left: Predicate, mut right: Predicate) -> Predicate {
    left.retain(|column, domain| match right.remove(column) {
        Some(other) => {
            domain.ranges.extend(other.ranges);
            domain.nulls |= other.nulls;
            domain.ranges.len() <= IN_LIST_MAX || widen(domain)
        }
        None => false,
    });
    left
}

/// Makes one range of all of them; false where their ends do not compare.
fn widen(domain: &mut Domain) -> bool {
    let ranges = std::mem::take(&mut domain.ranges).into_iter();
    let wide = ranges.map(Some).reduce(|wide, range| {
        let (wide, range) = (wide?, range?);
        Some(Range {
            low: wider(wide.low, range.low, Ordering::Less)?,
            high: wider(wide.high, range.high, Ordering::Greater)?,
        })
    });
    domain.ranges.extend(wide.flatten());
    !domain.ranges.is_empty()
}

fn wider(one: Bound, other: Bound, wanted: Ordering) -> Option<Bound> {
    let (Some(one_value), Some(other_value)) = (end(&one), end(&other)) else {
        return Some(Bound::Unbounded);
    };
    match one_value.compare(other_value)? {
        Ordering::Equal if matches!(one, Bound::Excluded(_)) => Some(other),
        Ordering::Equal => Some(one),
        order if order == wanted => Some(one),
        _ => Some(other),
    }
}

fn domain_of(filter: &Expr) -> Option<(String, Domain)> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            match (column_name(left), literal(right)) {
                (Some(column), Some(value)) => Some((column, comparison(*op, value)?)),
                _ => {
                    let (column, value) = (column_name(right)?, literal(left)?);
                    Some((column, comparison(op.swap()?, value)?))
                }
            }
        }
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let range = Range {
                low: Bound::Included(literal(low)?),
                high: Bound::Included(literal(high)?),
            };
            Some((column_name(expr)?, Domain { ranges: vec![range], nulls: false }))
        }
        Expr::InList(InList { expr, list, negated: false }) if list.len() <= IN_LIST_MAX => {
            let values = list.iter().map(literal).collect::<Option<Vec<_>>>()?;
            let ranges = values.into_iter().filter(|value| !value.is_null()).map(Range::exactly);
            Some((column_name(expr)?, Domain { ranges: ranges.collect(), nulls: false }))
        }
        Expr::IsNull(expr) => {
            Some((column_name(expr)?, Domain { ranges: Vec::new(), nulls: true }))
        }
        Expr::IsNotNull(expr) => {
            let all = Range { low: Bound::Unbounded, high: Bound::Unbounded };
            Some((column_name(expr)?, Domain { ranges: vec![all], nulls: false }))
        }
        _ => None,
    }
}

/// The values that stand so to `value`, on the right; `None` where a domain cannot say it.
pub(crate) fn comparison(op: Operator, value: Value) -> Option<Domain> {
    if value.is_null() {
        return None;
    }
    let range = match op {
        Operator::Eq => Range::exactly(value),
        Operator::Lt => Range { low: Bound::Unbounded, high: Bound::Excluded(value) },
        Operator::LtEq => Range { low: Bound::Unbounded, high: Bound::Included(value) },
        Operator::Gt => Range { low: Bound::Excluded(value), high: Bound::Unbounded },
        Operator::GtEq => Range { low: Bound::Included(value), high: Bound::Unbounded },
        _ => return None,
    };
    Some(Domain { ranges: vec![range], nulls: false })
}

fn column_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Column(column) => Some(column.name.clone()),
        _ => None,
    }
}

fn literal(expr: &Expr) -> Option<Value> {
    match expr {
        Expr::Literal(scalar, _) => from_scalar(scalar),
        _ => None,
    }
}

/// A domain that holds every value of both: the one with fewer ranges is close enough, because
/// either of them alone is already true of the rows.
fn intersect(left: &Domain, right: &Domain) -> Domain {
    let nulls = left.nulls && right.nulls;
    if left.ranges.len().saturating_mul(right.ranges.len()) > PAIRS_MAX {
        // Either holds all that both hold.
        let shorter = if left.ranges.len() <= right.ranges.len() { left } else { right };
        return Domain { ranges: shorter.ranges.clone(), nulls };
    }
    let pairs = left.ranges.iter().cartesian_product(&right.ranges);
    let ranges = pairs.filter_map(|(left, right)| both(left, right)).collect();
    Domain { ranges, nulls }
}

/// What lies in both; `None` where nothing does.
fn both(left: &Range, right: &Range) -> Option<Range> {
    let low = tighter(&left.low, &right.low, Ordering::Greater);
    let high = tighter(&left.high, &right.high, Ordering::Less);
    let is_empty = match (end(&low), end(&high)) {
        (Some(least), Some(most)) => match least.compare(most) {
            Some(Ordering::Greater) => true,
            Some(Ordering::Equal) => {
                !matches!((&low, &high), (Bound::Included(_), Bound::Included(_)))
            }
            Some(Ordering::Less) | None => false,
        },
        _ => false,
    };
    (!is_empty).then_some(Range { low, high })
}

fn tighter(left: &Bound, right: &Bound, wanted: Ordering) -> Bound {
    match (end(left), end(right)) {
        (None, _) => right.clone(),
        (_, None) => left.clone(),
        (Some(left_value), Some(right_value)) => match left_value.compare(right_value) {
            Some(order) if order == wanted => left.clone(),
            Some(Ordering::Equal) if matches!(left, Bound::Excluded(_)) => left.clone(),
            Some(_) => right.clone(),
            None => left.clone(),
        },
    }
}

fn end(bound: &Bound) -> Option<&Value> {
    match bound {
        Bound::Unbounded => None,
        Bound::Included(value) | Bound::Excluded(value) => Some(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::datatypes::{DataType, Field};
    use datafusion::prelude::{col, lit};
    use mooring_spi::ColumnStatistics;

    fn holds(filter: Expr, value: i64) -> bool {
        to_predicate(&[filter])["a"].may_contain(&Value::Int(value))
    }

    #[test]
    fn conjunctions_narrow_a_range() {
        let filter = || col("a").gt(lit(1_i64)).and(col("a").lt_eq(lit(5_i64)));
        let inside: Vec<i64> = (0..8).filter(|value| holds(filter(), *value)).collect();
        assert_eq!(inside, [2, 3, 4, 5]);
    }

    #[test]
    fn a_list_within_a_range_stays_a_list() {
        let list = || col("a").in_list(vec![lit(1_i64), lit(4_i64), lit(7_i64)], false);
        let range = || col("a").gt_eq(lit(2_i64)).and(col("a").lt(lit(7_i64)));
        let only = Domain { ranges: vec![Range::exactly(Value::Int(4))], nulls: false };
        assert_eq!(to_predicate(&[range(), list()])["a"], only);
        assert_eq!(to_predicate(&[list(), range()])["a"], only);
        let nothing = to_predicate(&[list(), col("a").gt(lit(7_i64))]);
        assert_eq!(nothing["a"], Domain { ranges: Vec::new(), nulls: false });
    }

    #[test]
    fn lists_that_are_too_long_together_become_a_range() {
        let keys = |first: i64| {
            let ranges = (first..).map(|key| Range::exactly(Value::Int(key))).take(IN_LIST_MAX);
            Predicate::from([("a".to_owned(), Domain { ranges: ranges.collect(), nulls: false })])
        };
        let high = 2 * i64::try_from(IN_LIST_MAX).expect("a number");
        let wide =
            Range { low: Bound::Included(Value::Int(1)), high: Bound::Included(Value::Int(2)) };
        for (left, right) in [(1, high), (high, 1)] {
            let either = of_either(keys(left), keys(right));
            let last = Value::Int(high + high / 2 - 1);
            let wide = Range { high: Bound::Included(last), ..wide.clone() };
            assert_eq!(either["a"], Domain { ranges: vec![wide], nulls: false });
        }
        let open = Range { low: Bound::Excluded(Value::Int(5)), high: Bound::Unbounded };
        let open = Predicate::from([("a".to_owned(), Domain { ranges: vec![open], nulls: true })]);
        let either = of_either(keys(5), open);
        let from = Range { low: Bound::Included(Value::Int(5)), high: Bound::Unbounded };
        assert_eq!(either["a"], Domain { ranges: vec![from], nulls: true });
    }

    #[test]
    fn a_literal_on_the_left_turns_the_comparison() {
        assert!(holds(lit(3_i64).lt(col("a")), 4));
        assert!(!holds(lit(3_i64).lt(col("a")), 3));
    }

    #[test]
    fn disjunctions_widen_what_both_sides_say_of_a_column() {
        let range = col("a").gt_eq(lit(2_i64)).and(col("a").lt_eq(lit(3_i64)));
        let filter = range.and(col("b").eq(lit(1_i64))).or(col("a").gt(lit(8_i64)));
        let inside: Vec<i64> = (0..11).filter(|value| holds(filter.clone(), *value)).collect();
        assert_eq!(inside, [2, 3, 9, 10]);
        assert_eq!(to_predicate(&[filter]).len(), 1);
    }

    #[test]
    fn disjunctions_over_two_columns_say_nothing() {
        let filter = col("a").eq(lit(1_i64)).or(col("b").eq(lit(2_i64)));
        assert!(to_predicate(&[filter]).is_empty());
    }

    #[test]
    fn a_range_and_a_list_never_lose_a_value() {
        let filter =
            col("a").in_list(vec![lit(1_i64), lit(9_i64)], false).and(col("a").gt(lit(5_i64)));
        assert!(holds(filter, 9));
    }

    #[test]
    fn a_key_selects_few_and_a_flag_does_not() {
        let schema = Schema::new(vec![
            Field::new("key", DataType::Int64, false),
            Field::new("flag", DataType::Int64, false),
            Field::new("text", DataType::Utf8, false),
        ]);
        let between = |min, max| ColumnStatistics {
            min: Some(min),
            max: Some(max),
            ..ColumnStatistics::default()
        };
        let statistics = TableStatistics {
            rows: Count::Exact(15_000),
            bytes: Count::Unknown,
            columns: vec![
                between(Value::Int(1), Value::Int(60_000)),
                between(Value::Int(0), Value::Int(1)),
                between(Value::Text("a".into()), Value::Text("z".into())),
            ],
        };
        let few = |filter: Expr| selects_few(&to_predicate(&[filter]), &schema, &statistics);
        assert!(few(col("key").eq(lit(7_i64))));
        assert!(few(col("key").eq(lit(7_i64)).and(col("flag").gt(lit(0_i64)))));
        assert!(few(col("key").in_list((0..15).map(|key| lit(key as i64)).collect(), false)));
        assert!(!few(col("key").in_list((0..16).map(|key| lit(key as i64)).collect(), false)));
        assert!(!few(col("key").lt(lit(7_i64))));
        assert!(!few(col("key").is_null().or(col("key").eq(lit(7_i64)))));
        assert!(!few(col("flag").eq(lit(1_i64))));
        assert!(!few(col("text").eq(lit("a"))));
    }

    #[test]
    fn a_comparison_with_null_says_nothing() {
        let filter = col("a").eq(Expr::Literal(datafusion::common::ScalarValue::Int64(None), None));
        assert!(to_predicate(&[filter]).is_empty());
    }
}
