//! Whole numbers in steps.

use super::sequence::{ProjectedValue, Sequence};
use arrow::datatypes::{DataType, Field};
use mooring_spi::{IntegerProjection, Value, padded_length, partition_value};
use std::ops;

pub(super) struct Integers<'a> {
    projection: &'a IntegerProjection,
    field: &'a Field,
    /// The column has the texts, not the numbers.
    is_text: bool,
}

impl<'a> Integers<'a> {
    pub(super) fn new(projection: &'a IntegerProjection, field: &'a Field) -> Self {
        Self { projection, field, is_text: *field.data_type() == DataType::Utf8 }
    }

    /// A sign counts among the digits, as in Java's `%0Nd`.
    fn text(&self, number: i64) -> String {
        let digits = self.projection.digits.unwrap_or_default();
        format!("{number:0digits$}")
    }

    /// Whether a `char(n)` has not all characters of each text. The longest ones are those of the ends.
    fn is_cut(&self) -> bool {
        let IntegerProjection { min, max, .. } = *self.projection;
        padded_length(self.field)
            .is_some_and(|length| self.text(min).len().max(self.text(max).len()) > length)
    }
}

impl Sequence for Integers<'_> {
    fn count(&self) -> u128 {
        let span = i128::from(self.projection.max) - i128::from(self.projection.min);
        u128::try_from(span)
            .map_or(0, |span| span / u128::from(self.projection.interval.max(1)) + 1)
    }

    fn at(&self, number: u128) -> Result<ProjectedValue, String> {
        let steps = number.checked_mul(self.projection.interval.into());
        let value = steps
            .and_then(|steps| i128::try_from(steps).ok()?.checked_add(self.projection.min.into()))
            .and_then(|value| i64::try_from(value).ok())
            .ok_or_else(|| format!("step {number} is beyond all whole numbers"))?;
        let text = self.text(value);
        let value = match self.is_text {
            true => partition_value(self.field, &text)?,
            false => Value::Int(value),
        };
        Ok(ProjectedValue { text, value })
    }

    /// Texts of the same length are in the order of their numbers.
    fn is_ordered(&self) -> bool {
        let IntegerProjection { min, max, .. } = *self.projection;
        !self.is_text || (min >= 0 && self.text(min).len() == self.text(max).len())
    }

    fn numbers_of(&self, value: &Value) -> Result<ops::Range<u128>, String> {
        let Value::Text(text) = value else { return Ok(0..self.count()) };
        if self.is_cut() {
            return Ok(0..self.count());
        }
        let text = match padded_length(self.field) {
            Some(_) => text.trim_end_matches(' '),
            None => text,
        };
        let steps = text.parse::<i64>().ok().and_then(|number| {
            let interval = i128::from(self.projection.interval.max(1));
            let distance = i128::from(number) - i128::from(self.projection.min);
            (distance % interval == 0).then_some(distance / interval)
        });
        match steps.and_then(|steps| u128::try_from(steps).ok()) {
            Some(number) if number < self.count() => Ok(number..number + 1),
            _ => Ok(0..0),
        }
    }
}
