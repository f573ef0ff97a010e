//! The values of one partition column that a query may ask for.

use super::dates::Dates;
use super::integers::Integers;
use super::sequence::{Matching, ProjectedValue, Sequence, matching};
use arrow::datatypes::{DataType, Field};
use chrono::{NaiveDate, NaiveDateTime};
use mooring_spi::{
    Bound, ColumnProjection, Domain, Error, ErrorKind, Range, Result, TableDefinition, Value,
    padded_length, partition_value,
};
use std::cmp::Ordering;
use std::collections::HashSet;

pub(super) struct ProjectedColumn<'a> {
    pub(super) table: &'a TableDefinition,
    pub(super) field: &'a Field,
    pub(super) projection: &'a ColumnProjection,
}

impl ProjectedColumn<'_> {
    /// Those that the domain may contain, each once; of more than `values_max` at least one more than that.
    ///
    /// # Errors
    /// `InvalidQuery` where a query has to ask for values and does not; `LimitExceeded`, `CorruptData`. All
    /// name table and column.
    pub(super) fn values(
        &self,
        domain: Option<&Domain>,
        now: NaiveDateTime,
        values_max: usize,
    ) -> Result<Vec<ProjectedValue>> {
        match self.projection {
            ColumnProjection::Enumerated(texts) => self.enumerated(texts, domain),
            ColumnProjection::Integers(integers) => {
                self.in_steps(&Integers::new(integers, self.field), domain, values_max)
            }
            ColumnProjection::Dates(dates) => {
                let dates =
                    Dates::new(dates, self.field, now).map_err(|reason| self.corrupt(&reason))?;
                self.in_steps(&dates, domain, values_max)
            }
            ColumnProjection::Injected => self.injected(domain),
        }
    }

    fn enumerated(&self, texts: &[String], domain: Option<&Domain>) -> Result<Vec<ProjectedValue>> {
        let mut values = Vec::new();
        for text in texts {
            let value =
                partition_value(self.field, text).map_err(|reason| self.corrupt(&reason))?;
            if domain.is_none_or(|domain| domain.may_contain(&value)) {
                values.push(ProjectedValue { text: text.clone(), value });
            }
        }
        Ok(values)
    }

    fn in_steps(
        &self,
        sequence: &dyn Sequence,
        domain: Option<&Domain>,
        values_max: usize,
    ) -> Result<Vec<ProjectedValue>> {
        match matching(sequence, domain, values_max).map_err(|reason| self.corrupt(&reason))? {
            Matching::Values(values) => Ok(values),
            Matching::TooManyMade(made) => {
                let (label, column) = (self.label(), self.field.name());
                let message = format!(
                    "partition column `{column}` of table `{label}` has more than {made} projected values that \
                     may match, without an order that leads to them; give a condition `{column} = value`"
                );
                Err(Error::new(ErrorKind::LimitExceeded, message))
            }
        }
    }

    /// Those that are pinned, each as the name of its folder has it.
    fn injected(&self, domain: Option<&Domain>) -> Result<Vec<ProjectedValue>> {
        let domain = domain.ok_or_else(|| self.unpinned())?;
        let mut values = Vec::new();
        let mut seen = HashSet::new();
        for range in domain.ranges.iter().filter(|range| !is_empty(range)) {
            let wanted = range.only_value().ok_or_else(|| self.unpinned())?;
            let text = text(self.field, wanted).ok_or_else(|| self.unpinned())?;
            // What is no value of the column's type is in no folder; nor is a text without a letter, or null.
            match partition_value(self.field, &text) {
                Ok(value) if value == *wanted && !text.is_empty() => {
                    if seen.insert(text.clone()) {
                        values.push(ProjectedValue { text, value });
                    }
                }
                Ok(_) | Err(_) => {}
            }
        }
        Ok(values)
    }

    fn unpinned(&self) -> Error {
        let (label, column) = (self.label(), self.field.name());
        let (value, why) = match self.field.data_type() {
            // A comparison with a number is one of numbers, which many texts stand for: `7`, `07`, `+7`.
            DataType::Utf8 => ("'value'", ", as text: a number does not say which folder it is"),
            _ => ("value", ""),
        };
        let message = format!(
            "table `{label}` needs a condition `{column} = {value}`, or `{column} IN ({value}, ...)`: the values \
             of its `injected` partition column `{column}` are those of the query{why}"
        );
        Error::new(ErrorKind::InvalidQuery, message)
    }

    fn corrupt(&self, reason: &str) -> Error {
        let (label, column) = (self.label(), self.field.name());
        let message = format!("projected partition column `{column}` of table `{label}`: {reason}");
        Error::new(ErrorKind::CorruptData, message)
    }

    fn label(&self) -> String {
        format!("{}.{}", self.table.schema_name, self.table.name)
    }
}

/// Whether two conditions exclude each other.
fn is_empty(range: &Range) -> bool {
    let (
        Bound::Included(low) | Bound::Excluded(low),
        Bound::Included(high) | Bound::Excluded(high),
    ) = (&range.low, &range.high)
    else {
        return false;
    };
    match low.compare(high) {
        Some(Ordering::Greater) => true,
        Some(Ordering::Equal) => range.only_value().is_none(),
        Some(Ordering::Less) | None => false,
    }
}

/// As a folder's name has it: without the spaces that fill a `char(n)` up. `None` for a value of another type
/// than the column's.
fn text(field: &Field, value: &Value) -> Option<String> {
    match (field.data_type(), value) {
        (DataType::Utf8, Value::Text(text)) => Some(match padded_length(field) {
            Some(_) => text.trim_end_matches(' ').to_owned(),
            None => text.clone(),
        }),
        (
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64,
            Value::Int(number),
        ) => Some(number.to_string()),
        (DataType::Date32, Value::Date(days)) => {
            Some(NaiveDate::from_epoch_days(*days)?.to_string())
        }
        _ => None,
    }
}
