//! The Arrow types in which results travel: those that every client reads, unless the session says
//! that its client reads more.

use super::options::WireOptions;
use super::status::defect;
use crate::session::OutputColumn;
use crate::statement::mysql_type_text;
use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use chrono::{DateTime, Offset, TimeZone};
use mooring_spi::{Error, ErrorKind, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// 2^64 - 1 has so many.
const UINT64_DIGITS: u8 = 20;

/// The schema that a client is told, before the first row.
pub(super) fn wire_schema(columns: &[OutputColumn], options: WireOptions) -> SchemaRef {
    let fields = columns.iter().map(|column| {
        let data_type = column_type(column.field.data_type(), options);
        Field::new(&column.label, data_type, column.field.is_nullable())
            .with_metadata(column_metadata(&column.field, []))
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// What clients are told of a column besides its Arrow type, with `more` of the same kind. JDBC's driver
/// has precisions from here alone.
///
/// Source: `FlightSql.proto`, "Flight SQL column metadata".
pub(super) fn column_metadata<const N: usize>(
    field: &Field,
    more: [(&str, &str); N],
) -> HashMap<String, String> {
    let (precision, scale) = digits(field.data_type());
    let told = [
        ("TYPE_NAME", Some(mysql_type_text(field))),
        ("PRECISION", precision.map(|digits| digits.to_string())),
        ("SCALE", scale.map(|digits| digits.to_string())),
    ];
    let more = more.map(|(key, value)| (key, Some(value.to_owned())));
    let named =
        |(key, value): (&str, Option<String>)| Some((format!("ARROW:FLIGHT:SQL:{key}"), value?));
    told.into_iter().chain(more).filter_map(named).collect()
}

fn digits(data_type: &DataType) -> (Option<u8>, Option<i8>) {
    match data_type {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => (Some(*precision), Some(*scale)),
        _ => (None, None),
    }
}

/// The type in which values of a type travel.
///
/// Dictionaries and runs travel as their values: few clients read the former where it changes
/// between batches, fewer the latter. Views travel as plain text and bytes unless they are asked
/// for, and those within other values always: they would send the whole of the buffers that they
/// point into.
pub(super) fn wire_type(data_type: &DataType, options: WireOptions) -> DataType {
    let nested = |field: &FieldRef| -> FieldRef {
        let inner = wire_type(field.data_type(), WireOptions { views: false, ..options });
        Arc::new(field.as_ref().clone().with_data_type(inner))
    };
    match data_type {
        DataType::UInt8 if options.signed => DataType::Int16,
        DataType::UInt16 if options.signed => DataType::Int32,
        DataType::UInt32 if options.signed => DataType::Int64,
        DataType::UInt64 if options.signed => DataType::Decimal128(UINT64_DIGITS, 0),
        DataType::Utf8View if !options.views => DataType::Utf8,
        DataType::BinaryView if !options.views => DataType::Binary,
        DataType::Dictionary(_, values) => wire_type(values, options),
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type(), options),
        DataType::List(field) | DataType::ListView(field) => DataType::List(nested(field)),
        DataType::LargeList(field) | DataType::LargeListView(field) => {
            DataType::LargeList(nested(field))
        }
        DataType::FixedSizeList(field, length) => DataType::FixedSizeList(nested(field), *length),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(nested).collect()),
        DataType::Map(entries, is_sorted) => DataType::Map(nested(entries), *is_sorted),
        other => other.clone(),
    }
}

/// The type of a column of results and tables.
pub(super) fn column_type(data_type: &DataType, options: WireOptions) -> DataType {
    match data_type {
        // The wall time of the session's zone, as at the MySQL door.
        DataType::Timestamp(unit, Some(_)) if options.signed => DataType::Timestamp(*unit, None),
        other => wire_type(other, options),
    }
}

/// Instants in microseconds as wall time in a zone. `None`: one is beyond all dates.
pub(super) fn wall_times(instants: &ArrayRef, zone: Tz) -> Option<ArrayRef> {
    let wall_time = |instant: i64| {
        let at = DateTime::from_timestamp_micros(instant)?.naive_utc();
        let offset = zone.offset_from_utc_datetime(&at).fix().local_minus_utc();
        instant.checked_add(i64::from(offset) * 1_000_000)
    };
    let instants = instants.as_primitive_opt::<TimestampMicrosecondType>()?;
    let walls = instants
        .try_unary::<_, TimestampMicrosecondType, ()>(|instant| wall_time(instant).ok_or(()));
    Some(Arc::new(walls.ok()?))
}

fn as_wall_times(column: &ArrayRef, unit: TimeUnit, zone: Tz) -> Result<ArrayRef> {
    let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let instants = cast(column, &utc).map_err(defect)?;
    let walls = wall_times(&instants, zone).ok_or_else(|| {
        let text = "a timestamp is beyond the dates that a time zone knows";
        Error::new(ErrorKind::InvalidValue, text)
    })?;
    cast(&walls, &DataType::Timestamp(unit, None)).map_err(defect)
}

/// A batch in the form of the schema that the client was told; `zone` is the session's.
///
/// # Errors
/// `Internal`: a column is of a type that does not become the one that was announced.
pub(super) fn into_wire(
    batch: &RecordBatch,
    schema: &SchemaRef,
    zone: Option<Tz>,
) -> Result<RecordBatch> {
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        columns.push(match (column.data_type(), field.data_type(), zone) {
            (found, told, _) if found == told => column.clone(),
            (DataType::Timestamp(_, Some(_)), DataType::Timestamp(unit, None), Some(own)) => {
                as_wall_times(column, *unit, own)?
            }
            (_, told, _) => cast(column, told).map_err(defect)?,
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options).map_err(defect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        Array, DictionaryArray, Int32Array, StringViewArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::datatypes::{Decimal128Type, Int32Type};

    fn column(label: &str, data_type: DataType) -> OutputColumn {
        let field = Arc::new(Field::new("planned", data_type, true));
        OutputColumn { label: label.to_owned(), field }
    }

    #[test]
    fn views_and_dictionaries_travel_as_their_values() {
        let words = ["short", "long enough to stand in a buffer"];
        let dictionary: DictionaryArray<Int32Type> = words.into_iter().collect();
        let views = StringViewArray::from_iter_values(words);
        let columns = [
            column("v", DataType::Utf8View),
            column("d", dictionary.data_type().clone()),
            column("i", DataType::Int32),
        ];
        let numbers = Arc::new(Int32Array::from(vec![1, 2]));
        let planned = Schema::new(columns.iter().map(|one| one.field.clone()).collect::<Fields>());
        let batch = RecordBatch::try_new(
            Arc::new(planned),
            vec![Arc::new(views), Arc::new(dictionary), numbers],
        )
        .expect("a batch");

        let schema = wire_schema(&columns, WireOptions::default());
        let names: Vec<&String> = schema.fields().iter().map(|field| field.name()).collect();
        assert_eq!(names, ["v", "d", "i"]);
        let wire = into_wire(&batch, &schema, None).expect("converted");
        for index in 0..2 {
            let text: Vec<_> = wire.column(index).as_string::<i32>().iter().flatten().collect();
            assert_eq!(text, words);
        }
        assert!(Arc::ptr_eq(wire.column(2), batch.column(2)));
    }

    #[test]
    fn types_inside_of_types_are_looked_at() {
        let inner = Arc::new(Field::new("item", DataType::Utf8View, true));
        let list = DataType::ListView(inner);
        let structure = DataType::Struct(vec![Field::new("l", list, true)].into());
        let expected = DataType::Struct(
            vec![Field::new("l", DataType::new_list(DataType::Utf8, true), true)].into(),
        );
        assert_eq!(wire_type(&structure, WireOptions::default()), expected);
        let views = WireOptions { views: true, ..WireOptions::default() };
        assert_eq!(wire_type(&structure, views), expected);
        assert_eq!(wire_type(&DataType::Utf8View, views), DataType::Utf8View);
    }

    #[test]
    fn numbers_without_sign_travel_as_signed_ones() {
        let options = WireOptions { signed: true, ..WireOptions::default() };
        let largest: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX]));
        let columns = [column("n", DataType::UInt64)];
        let batch = RecordBatch::try_from_iter([("planned", largest)]).expect("a batch");
        let wire = into_wire(&batch, &wire_schema(&columns, options), None).expect("converted");
        let number = wire.column(0).as_primitive::<Decimal128Type>().value(0);
        assert_eq!(number, i128::from(u64::MAX));
        assert_eq!(wire_type(&DataType::UInt8, options), DataType::Int16);
    }

    #[test]
    fn instants_travel_as_wall_times_to_clients_without_them() {
        let options = WireOptions { signed: true, ..WireOptions::default() };
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let instants: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![Some(1), None]).with_timezone("UTC"));
        let batch = RecordBatch::try_from_iter([("planned", instants)]).expect("a batch");
        let schema = wire_schema(&[column("t", utc.clone())], options);
        let zone = Some("+02:00".parse().expect("a zone"));
        let wire = into_wire(&batch, &schema, zone).expect("converted");
        let walls = wire.column(0).as_primitive::<TimestampMicrosecondType>();
        assert_eq!(walls.iter().collect::<Vec<_>>(), [Some(7_200_000_001), None]);
        assert_eq!(column_type(&utc, WireOptions::default()), utc);
    }

    #[test]
    fn rows_without_columns_keep_their_number() {
        let options = RecordBatchOptions::new().with_row_count(Some(3));
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema.clone(), vec![], &options);
        assert_eq!(into_wire(&batch.expect("a batch"), &schema, None).expect("rows").num_rows(), 3);
    }
}
