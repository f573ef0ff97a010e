//! The properties of one partition column, by its type of projection.

use super::date_bound::{Step, bound, step, unit};
use super::date_pattern::DatePattern;
use super::properties::ColumnProperties;
use arrow::datatypes::{DataType, Field};
use chrono::{DateTime, Datelike};
use mooring_spi::{
    CalendarUnit, ColumnProjection, DateBound, DateProjection, Error, IntegerProjection, Result,
    partition_value,
};
use std::collections::HashSet;

/// More than any whole number has.
const DIGITS_MAX: usize = 64;
/// The last day that every month has.
const DAY_MAX: u32 = 28;
const TYPES: &str = "`enum`, `integer`, `date` or `injected`";

/// # Errors
/// `CorruptData` and `Unsupported`, naming table and property.
pub(super) fn column_projection(
    properties: ColumnProperties<'_>,
    field: &Field,
) -> Result<ColumnProjection> {
    let kind = properties.required("type", TYPES)?;
    match kind.trim().to_ascii_lowercase().as_str() {
        "enum" => enumerated(properties, field),
        "integer" => integers(properties, field),
        "date" => dates(properties, field),
        "injected" => injected(properties, field),
        _ => Err(properties.malformed("type", kind, TYPES)),
    }
}

/// White space is a part of a value.
fn enumerated(properties: ColumnProperties<'_>, field: &Field) -> Result<ColumnProjection> {
    let right =
        format!("values of {}, none of them empty, with commas between them", type_name(field));
    let listed = properties.required("values", &right)?;
    let mut values = Vec::new();
    let mut seen = HashSet::new();
    for value in listed.split(',') {
        if value.is_empty() {
            return Err(properties.malformed("values", listed, &right));
        }
        if partition_value(field, value).is_err() {
            return Err(properties.malformed("values", value, &right));
        }
        if seen.insert(value) {
            values.push(value.to_owned());
        }
    }
    Ok(ColumnProjection::Enumerated(values))
}

fn integers(properties: ColumnProperties<'_>, field: &Field) -> Result<ColumnProjection> {
    let right = "the least and the greatest whole number with a comma between them, such as `0,23`";
    let range = properties.required("range", right)?;
    let bounds = range.split_once(',').and_then(|(min, max)| {
        let (min, max) = (min.trim().parse::<i64>().ok()?, max.trim().parse::<i64>().ok()?);
        (min <= max).then_some((min, max))
    });
    let (min, max) = bounds.ok_or_else(|| properties.malformed("range", range, right))?;
    match field.data_type() {
        DataType::Utf8 => {}
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            let fits = |bound: i64| partition_value(field, &bound.to_string()).is_ok();
            if !fits(min) || !fits(max) {
                let right = format!("within {}, the column's type", type_name(field));
                return Err(properties.malformed("range", range, &right));
            }
        }
        _ => return Err(not_of_type(properties, field, "text and whole numbers")),
    }
    Ok(ColumnProjection::Integers(IntegerProjection {
        min,
        max,
        interval: properties.positive("interval", u64::MAX)?.unwrap_or(1),
        digits: properties.positive("digits", DIGITS_MAX)?,
    }))
}

fn dates(properties: ColumnProperties<'_>, field: &Field) -> Result<ColumnProjection> {
    let format = properties.required("format", "a pattern such as `yyyy-MM-dd`")?;
    let pattern = DatePattern::parse(format)
        .map_err(|reason| properties.unsupported("format", format, &reason))?;
    let precision = pattern.precision();
    match field.data_type() {
        DataType::Utf8 | DataType::Timestamp(_, None) => {}
        DataType::Date32 if precision <= CalendarUnit::Days => {}
        DataType::Date32 => {
            let right = "a column of dates needs a pattern of days, months or years";
            return Err(properties.unsupported("format", format, right));
        }
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            if !pattern.is_of_digits() {
                let right = "a column of whole numbers needs a pattern of digits alone";
                return Err(properties.unsupported("format", format, right));
            }
        }
        _ => {
            return Err(not_of_type(
                properties,
                field,
                "text, dates, timestamps and whole numbers",
            ));
        }
    }
    let right = format!(
        "the first and the last date with a comma between them, each like `{format}` or \
         `NOW` with steps such as `NOW-3YEARS`"
    );
    let range = properties.required("range", &right)?;
    let bounds = range
        .split_once(',')
        .and_then(|(min, max)| Some((bound(min, &pattern)?, bound(max, &pattern)?)))
        .filter(|bounds| match bounds {
            (DateBound::At(min), DateBound::At(max)) => min <= max,
            (DateBound::At(_) | DateBound::Now(_), DateBound::At(_) | DateBound::Now(_)) => true,
        });
    let (min, max) = bounds.ok_or_else(|| properties.malformed("range", range, &right))?;
    let interval = properties.positive("interval", u32::MAX)?;
    let unit = interval_unit(properties)?;
    if precision > CalendarUnit::Days {
        // From days on the pattern tells no step that would surely be meant.
        let because = format!("given, because `{format}` is finer than days");
        if interval.is_none() {
            return Err(properties.missing("interval", &because));
        }
        if unit.is_none() {
            return Err(properties.missing("interval.unit", &because));
        }
    }
    let unit = unit.unwrap_or(precision);
    if precision > CalendarUnit::Months
        && matches!(step(unit), Step::Months(_))
        && !is_in_every_month(&min)
    {
        // Athena does not say where a step ends in a month that lacks the day, nor where the next one goes on:
        // Trino goes on from the shorter month's last day, we count from the start.
        let right = "steps of months or years begin at a date, on the 28th of its month or before";
        return Err(properties.unsupported("range", range, right));
    }
    Ok(ColumnProjection::Dates(DateProjection {
        min,
        max,
        format: format.to_owned(),
        interval: interval.unwrap_or(1),
        unit,
    }))
}

/// The day of a query may be any.
fn is_in_every_month(bound: &DateBound) -> bool {
    match bound {
        DateBound::At(seconds) => {
            DateTime::from_timestamp(*seconds, 0).is_some_and(|time| time.day() <= DAY_MAX)
        }
        DateBound::Now(_) => false,
    }
}

fn interval_unit(properties: ColumnProperties<'_>) -> Result<Option<CalendarUnit>> {
    const RIGHT: &str = "YEARS, MONTHS, WEEKS, DAYS, HOURS, MINUTES or SECONDS";
    let Some(text) = properties.get("interval.unit") else { return Ok(None) };
    match unit(text.trim()) {
        Some(unit) => Ok(Some(unit)),
        None if text.trim().eq_ignore_ascii_case("MILLISECONDS") => {
            Err(properties.unsupported("interval.unit", text, &format!("{RIGHT} are")))
        }
        None => Err(properties.malformed("interval.unit", text, RIGHT)),
    }
}

fn injected(properties: ColumnProperties<'_>, field: &Field) -> Result<ColumnProjection> {
    match field.data_type() {
        DataType::Utf8
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::Date32 => Ok(ColumnProjection::Injected),
        _ => Err(not_of_type(properties, field, "text, whole numbers and dates")),
    }
}

fn not_of_type(properties: ColumnProperties<'_>, field: &Field, right: &str) -> Error {
    let projection = properties.get("type").unwrap_or_default();
    let reason = format!("a column of {} cannot be projected so; {right} can", type_name(field));
    properties.unsupported("type", projection, &reason)
}

fn type_name(field: &Field) -> String {
    match field.data_type() {
        DataType::Utf8 => "text".to_owned(),
        other => other.to_string().to_lowercase(),
    }
}
