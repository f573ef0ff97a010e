//! Dates and times in steps along the calendar.

use super::date_bound::{Step, moved, step, time_of};
use super::date_pattern::DatePattern;
use super::sequence::{ProjectedValue, Sequence, first};
use arrow::datatypes::{DataType, Field};
use chrono::{Datelike, NaiveDateTime};
use mooring_spi::{CalendarUnit, DateProjection, Value, padded_length, partition_value};
use std::ops;

pub(super) struct Dates<'a> {
    field: &'a Field,
    pattern: DatePattern,
    start: NaiveDateTime,
    interval: i64,
    unit: CalendarUnit,
    count: u128,
}

impl<'a> Dates<'a> {
    /// # Errors
    /// The reason, as a part of a sentence.
    pub(super) fn new(
        projection: &DateProjection,
        field: &'a Field,
        now: NaiveDateTime,
    ) -> Result<Self, String> {
        let pattern = DatePattern::parse(&projection.format)?;
        let end_of = |bound| {
            let time = time_of(bound, now).ok_or("its range goes beyond the calendar")?;
            Ok::<_, String>(pattern.truncated(time))
        };
        let (start, end) = (end_of(&projection.min)?, end_of(&projection.max)?);
        let (interval, unit) = told(projection, pattern.precision());
        let mut dates = Self { field, pattern, start, interval, unit, count: 0 };
        dates.count = dates.count_until(end);
        Ok(dates)
    }

    fn count_until(&self, end: NaiveDateTime) -> u128 {
        if end < self.start {
            return 0;
        }
        let whole_steps = match step(self.unit) {
            Step::Seconds(seconds) => {
                (end - self.start).num_seconds() / seconds.saturating_mul(self.interval)
            }
            Step::Months(months) => {
                let month =
                    |time: NaiveDateTime| i64::from(time.year()) * 12 + i64::from(time.month0());
                let steps = (month(end) - month(self.start)) / months.saturating_mul(self.interval);
                // The last of them may be later in its month than the end is.
                let is_beyond = moved(self.start, steps * self.interval, self.unit)
                    .is_none_or(|time| time > end);
                steps - i64::from(is_beyond)
            }
        };
        u128::try_from(whole_steps).map_or(0, |steps| steps + 1)
    }

    fn time_at(&self, number: u128) -> Result<NaiveDateTime, String> {
        let steps = i64::try_from(number).ok().and_then(|number| number.checked_mul(self.interval));
        let time = steps.and_then(|steps| moved(self.start, steps, self.unit));
        time.ok_or_else(|| format!("step {number} of its range is beyond the calendar"))
    }

    fn value(&self, text: &str, time: NaiveDateTime) -> Result<Value, String> {
        let time = self.pattern.truncated(time).and_utc().timestamp();
        let beyond = || format!("`{text}` is beyond the calendar");
        match self.field.data_type() {
            DataType::Date32 => {
                i32::try_from(time.div_euclid(86_400)).map(Value::Date).map_err(|_| beyond())
            }
            DataType::Timestamp(..) => {
                time.checked_mul(1_000_000).map(Value::Timestamp).ok_or_else(beyond)
            }
            _ => partition_value(self.field, text),
        }
    }
}

/// Steps that come to every unit of the pattern are those of the unit: others would make a value many times.
fn told(projection: &DateProjection, precision: CalendarUnit) -> (i64, CalendarUnit) {
    let interval = i64::from(projection.interval.max(1));
    let comes_to_every_unit = match (step(projection.unit), step(precision)) {
        (Step::Seconds(short), Step::Seconds(long)) | (Step::Months(short), Step::Months(long)) => {
            long % short.saturating_mul(interval) == 0
        }
        // Months begin with a day.
        (Step::Seconds(short), Step::Months(_)) => 86_400 % short.saturating_mul(interval) == 0,
        (Step::Months(_), Step::Seconds(_)) => false,
    };
    match comes_to_every_unit {
        true => (1, precision),
        false => (interval, projection.unit),
    }
}

impl Sequence for Dates<'_> {
    fn count(&self) -> u128 {
        self.count
    }

    fn at(&self, number: u128) -> Result<ProjectedValue, String> {
        let time = self.time_at(number)?;
        let text = self
            .pattern
            .write(time)
            .ok_or_else(|| format!("its `format` cannot write the year of {}", time.date()))?;
        let value = self.value(&text, time)?;
        Ok(ProjectedValue { text, value })
    }

    fn is_ordered(&self) -> bool {
        match self.field.data_type() {
            DataType::Date32 | DataType::Timestamp(..) => true,
            _ => self.pattern.is_sortable(),
        }
    }

    fn numbers_of(&self, value: &Value) -> Result<ops::Range<u128>, String> {
        // A `char(n)` may have a part of the text alone, and spaces that are none of it.
        if padded_length(self.field).is_some() {
            return Ok(0..self.count);
        }
        let wanted = match (self.field.data_type(), value) {
            (DataType::Utf8, Value::Text(text)) => self.pattern.read(text),
            _ => return Ok(0..self.count),
        };
        let Some(wanted) = wanted else { return Ok(0..0) };
        let number = first(self.count, |number| Ok(self.time_at(number)? >= wanted))?;
        Ok(number..self.count.min(number + 1))
    }
}
