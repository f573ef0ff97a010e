//! Timestamps of ORC have nanoseconds, tables microseconds: what is between two of these is cut. orc-rust fails
//! over such a value, so it gives timestamps as decimals of seconds with nine digits, which hold all of them.

use crate::error::to_datafusion;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, make_array};
use datafusion::arrow::datatypes::{
    DataType, Decimal128Type, DecimalType, FieldRef, Schema, SchemaRef, TimeUnit,
    TimestampMicrosecondType,
};
use datafusion::common::Result;
use mooring_spi::{Error, ErrorKind};
use std::sync::Arc;

/// How orc-rust takes a wish for such decimals.
const SECONDS: DataType = DataType::Decimal128(Decimal128Type::MAX_PRECISION, 9);
const NANOSECONDS_IN_MICROSECOND: i128 = 1_000;

/// The schema with decimals for timestamps, `None` where it has none.
pub(super) fn with_decimals(schema: &Schema) -> Option<SchemaRef> {
    let fields: Vec<FieldRef> = schema.fields().iter().map(decimal_field).collect();
    let changed = fields.iter().zip(schema.fields()).any(|(new, old)| new != old);
    changed.then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

fn decimal_field(field: &FieldRef) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Timestamp(_, _) => SECONDS,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(decimal_field).collect()),
        DataType::List(item) => DataType::List(decimal_field(item)),
        DataType::Map(entries, sorted) => DataType::Map(decimal_field(entries), *sorted),
        other => other.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The rows with microseconds, as `schema` has them.
///
/// # Errors
/// `CorruptData` for a timestamp beyond 64 bits of microseconds.
pub(super) fn with_microseconds(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| microseconds(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn microseconds(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(Arc::clone(array));
    }
    if let DataType::Timestamp(TimeUnit::Microsecond, zone) = wanted {
        let nanoseconds = array.as_primitive::<Decimal128Type>();
        let cut = nanoseconds.try_unary::<_, TimestampMicrosecondType, _>(|value| {
            i64::try_from(value.div_euclid(NANOSECONDS_IN_MICROSECOND)).map_err(|_| {
                let message = format!("a timestamp of {value} ns since 1970 is out of range");
                to_datafusion(Error::new(ErrorKind::CorruptData, message))
            })
        })?;
        return Ok(Arc::new(cut.with_timezone_opt(zone.clone())));
    }
    let inside: Vec<&DataType> = match wanted {
        DataType::Struct(fields) => fields.iter().map(|field| field.data_type()).collect(),
        DataType::List(item) | DataType::Map(item, _) => vec![item.data_type()],
        _ => Vec::new(),
    };
    let data = array.to_data();
    let children = data.child_data().iter().zip(inside).map(|(child, wanted)| {
        microseconds(&make_array(child.clone()), wanted).map(|child| child.to_data())
    });
    let children = children.collect::<Result<Vec<_>>>()?;
    let data = data.into_builder().data_type(wanted.clone()).child_data(children).build()?;
    Ok(make_array(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{Decimal128Array, StructArray, new_null_array};
    use datafusion::arrow::datatypes::{Field, Fields};

    #[test]
    fn what_is_between_two_microseconds_is_cut_to_the_earlier_one() {
        let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
        let inner = Fields::from(vec![Field::new("at", micros.clone(), true)]);
        let schema = Arc::new(Schema::new(vec![
            Field::new("at", micros, true),
            Field::new("place", DataType::Struct(inner), true),
            Field::new("n", DataType::Int32, true),
        ]));
        let decimals = with_decimals(&schema).expect("timestamps");
        assert_eq!(decimals.field(0).data_type(), &SECONDS);
        assert_eq!(decimals.field(2), schema.field(2));

        let values = [Some(1_999), Some(-1), Some(-2_000), None];
        let seconds = Decimal128Array::from(values.to_vec());
        let seconds: ArrayRef = Arc::new(seconds.with_precision_and_scale(38, 9).expect("it fits"));
        let DataType::Struct(fields) = decimals.field(1).data_type() else { panic!("no struct") };
        let place = StructArray::new(fields.clone(), vec![Arc::clone(&seconds)], None);
        let numbers = new_null_array(&DataType::Int32, 4);
        let batch = RecordBatch::try_new(decimals, vec![seconds, Arc::new(place), numbers]);
        let read = with_microseconds(&batch.expect("rows"), &schema).expect("it fits");
        let of = |array: &ArrayRef| {
            array.as_primitive::<TimestampMicrosecondType>().iter().collect::<Vec<_>>()
        };
        let expected = [Some(1), Some(-1), Some(-2), None];
        assert_eq!(of(read.column(0)), expected);
        assert_eq!(of(read.column(1).as_struct().column(0)), expected);
        assert!(with_decimals(&Schema::new(vec![schema.field(2).clone()])).is_none());
    }
}
