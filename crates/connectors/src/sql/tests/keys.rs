//! What a reader is told while a query runs: the range of a join's keys in one column of a statement.

use super::super::reference::{Row, compare};
use super::generator::Plan;
use super::random::Random;
use mooring_spi::{Bound, Domain, Operator, Predicate, Range, Value};
use std::cmp::Ordering;

/// Of one plan in four.
const ONE_IN: usize = 4;

pub(super) struct Keys {
    column: usize,
    low: Value,
    high: Value,
}

impl Keys {
    /// Between two values of a column of the plan's rows; `None` for a plan that is read without.
    pub(super) fn of(plan: &Plan, seed: u64) -> Option<Self> {
        let mut random = Random::new(!seed);
        let rows = plan.rows.as_ref().ok().filter(|rows| !rows.is_empty())?;
        // Which rows a limit leaves is not always said.
        let is_limited = matches!(plan.relation.operator, Operator::Limit { .. });
        if is_limited || !random.one_in(ONE_IN) {
            return None;
        }
        let column = random.below(plan.relation.columns.len());
        let is_key = |value: &&Value| match value {
            Value::Float(number) => !number.is_nan(),
            value => !value.is_null(),
        };
        let values: Vec<&Value> = rows.iter().map(|row| &row[column]).filter(is_key).collect();
        if values.is_empty() {
            return None;
        }
        let (mut low, mut high) = (*random.choice(&values), *random.choice(&values));
        if compare(low, high) == Ordering::Greater {
            (low, high) = (high, low);
        }
        // What is another year to some.
        let few = Value::Int(1 + i64::from(random.one_in(2)) * 68);
        if matches!(low, Value::Int(_)) && random.one_in(2) && compare(&few, high).is_lt() {
            low = &few;
        }
        Some(Self { column, low: low.clone(), high: high.clone() })
    }

    /// For columns that are called `column_1`, `column_2` and so on.
    pub(super) fn predicate(&self) -> Predicate {
        let (low, high) = (self.low.clone(), self.high.clone());
        let range = Range { low: Bound::Included(low), high: Bound::Included(high) };
        let domain = Domain { ranges: vec![range], nulls: false };
        Predicate::from([(format!("column_{}", self.column + 1), domain)])
    }

    /// Those that must come. Others may.
    pub(super) fn chosen(&self, rows: &[Row]) -> Vec<Row> {
        let is_within = |row: &&Row| {
            let value = &row[self.column];
            !value.is_null()
                && compare(&self.low, value).is_le()
                && compare(value, &self.high).is_le()
        };
        rows.iter().filter(is_within).cloned().collect()
    }
}
