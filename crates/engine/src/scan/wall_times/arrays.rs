//! Wall time in the place of instants, at any depth of a type and of an array.

use crate::error::to_datafusion;
use chrono::{DateTime, Offset, TimeZone as _};
use datafusion::arrow::array::timezone::Tz;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, make_array};
use datafusion::arrow::datatypes::{
    ArrowTimestampType, DataType, FieldRef, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use datafusion::common::{DataFusionError, Result};
use mooring_spi::{Error, ErrorKind, TimeZone};
use std::sync::Arc;

/// The type as a file has it, with wall time where the table has anything but instants. Fields of structures are
/// found by their names, as a cast does; what the table lacks stays.
pub(super) fn with_wall_time(file: &DataType, table: &DataType) -> DataType {
    match (file, table) {
        (DataType::Timestamp(_, Some(_)), DataType::Timestamp(_, Some(_))) => file.clone(),
        (DataType::Timestamp(unit, Some(_)), _) => DataType::Timestamp(*unit, None),
        (DataType::Struct(fields), DataType::Struct(columns)) => {
            let shown = fields.iter().map(|field| {
                let column = columns.iter().find(|column| column.name() == field.name());
                column.map_or_else(|| Arc::clone(field), |column| shown_field(field, column))
            });
            DataType::Struct(shown.collect())
        }
        (DataType::Map(entries, sorted), DataType::Map(columns, _)) => {
            DataType::Map(shown_entries(entries, columns), *sorted)
        }
        (DataType::List(item), _) => DataType::List(shown_item(item, table)),
        (DataType::LargeList(item), _) => DataType::LargeList(shown_item(item, table)),
        (DataType::ListView(item), _) => DataType::ListView(shown_item(item, table)),
        (DataType::LargeListView(item), _) => DataType::LargeListView(shown_item(item, table)),
        (DataType::FixedSizeList(item, length), _) => {
            DataType::FixedSizeList(shown_item(item, table), *length)
        }
        (other, _) => other.clone(),
    }
}

fn shown_field(field: &FieldRef, column: &FieldRef) -> FieldRef {
    let data_type = with_wall_time(field.data_type(), column.data_type());
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

fn shown_item(item: &FieldRef, table: &DataType) -> FieldRef {
    match table {
        DataType::List(column)
        | DataType::LargeList(column)
        | DataType::ListView(column)
        | DataType::LargeListView(column)
        | DataType::FixedSizeList(column, _) => shown_field(item, column),
        _ => Arc::clone(item),
    }
}

/// Keys and values are found by their place.
fn shown_entries(entries: &FieldRef, columns: &FieldRef) -> FieldRef {
    let (DataType::Struct(pair), DataType::Struct(columns)) =
        (entries.data_type(), columns.data_type())
    else {
        return Arc::clone(entries);
    };
    let shown = pair.iter().zip(columns).map(|(field, column)| shown_field(field, column));
    let shown = DataType::Struct(shown.collect());
    Arc::new(entries.as_ref().clone().with_data_type(shown))
}

/// The array as `shown`, which is its own type with wall time in the place of some instants.
///
/// # Errors
/// `CorruptData` for an instant that is too far away for a date.
pub(super) fn to_wall_time(array: &ArrayRef, shown: &DataType, zone: TimeZone) -> Result<ArrayRef> {
    if array.data_type() == shown {
        return Ok(Arc::clone(array));
    }
    if let (DataType::Timestamp(unit, _), TimeZone::Other(zone)) = (array.data_type(), zone) {
        return match unit {
            TimeUnit::Second => shifted::<TimestampSecondType>(array, 1, zone),
            TimeUnit::Millisecond => shifted::<TimestampMillisecondType>(array, 1_000, zone),
            TimeUnit::Microsecond => shifted::<TimestampMicrosecondType>(array, 1_000_000, zone),
            TimeUnit::Nanosecond => shifted::<TimestampNanosecondType>(array, 1_000_000_000, zone),
        };
    }
    let data = array.to_data();
    let children = data.child_data().iter().zip(inside(shown)).map(|(child, shown)| {
        let child = make_array(child.clone());
        to_wall_time(&child, shown, zone).map(|child| child.to_data())
    });
    let children = children.collect::<Result<Vec<_>>>()?;
    let data = data.into_builder().data_type(shown.clone()).child_data(children).build()?;
    Ok(make_array(data))
}

/// The types of what an array has inside it.
fn inside(data_type: &DataType) -> Vec<&DataType> {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => vec![item.data_type()],
        _ => Vec::new(),
    }
}

fn shifted<T: ArrowTimestampType>(array: &ArrayRef, second: i64, zone: Tz) -> Result<ArrayRef> {
    let instants = array.as_primitive::<T>();
    let wall_time = instants.try_unary::<_, T, DataFusionError>(|instant| {
        wall_time(instant, second, zone).ok_or_else(|| {
            to_datafusion(Error::new(
                ErrorKind::CorruptData,
                format!("the timestamp {instant} (of {second} in a second) is beyond all dates"),
            ))
        })
    })?;
    Ok(Arc::new(wall_time))
}

/// An instant and its wall time, both since 1970, with `second` units in a second.
fn wall_time(instant: i64, second: i64, zone: Tz) -> Option<i64> {
    let at = DateTime::from_timestamp(instant.div_euclid(second), 0)?;
    let offset = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    instant.checked_add(i64::from(offset) * second)
}
