//! Which columns of a file hold instants, and the zone of their wall time.

use crate::scan::column_names::rebuilt;
use crate::scan::shown_footers::FooterChange;
use datafusion::arrow::datatypes::{DataType, FieldRef, Fields, Schema, TimeUnit};
use mooring_spi::TimeZone;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{FileMetaData, KeyValue, ParquetMetaData};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use std::slice::Iter;
use std::sync::Arc;

/// Where Hive keeps the zone by which it made instants: `DataWritableWriteSupport.java` of Apache Hive,
/// since HIVE-21290.
const WRITER_TIME_ZONE: &str = "writer.time.zone";
/// How the footers that readers see name the zone of the wall times; Arrow's schema has it as metadata.
pub(super) const WALL_TIME_ZONE: &str = "mooring.wall_time_zone";

/// Footers tell instants from wall time, and the zone of the wall time if it is not UTC.
#[derive(Debug)]
pub(in crate::scan) struct InstantFooters {
    /// The zone for files that do not say theirs.
    pub zone: TimeZone,
}

impl FooterChange for InstantFooters {
    fn shown(&self, footer: &ParquetMetaData) -> ParquetResult<Option<ParquetMetaData>> {
        with_instants(footer, self.zone)
    }
}

/// The footer whose types tell instants, with the zone of their wall time; `None` where it will do as it is.
///
/// # Errors
/// When the file names a zone that is not known.
pub(super) fn with_instants(
    metadata: &ParquetMetaData,
    otherwise: TimeZone,
) -> ParquetResult<Option<ParquetMetaData>> {
    let file = metadata.file_metadata();
    let columns = file.schema_descr().columns();
    let is_marked = columns.iter().any(|column| is_instant(column));
    let is_ours = |pair: &KeyValue| pair.key == ARROW_SCHEMA_META_KEY || pair.key == WALL_TIME_ZONE;
    if !is_marked && !file.key_value_metadata().into_iter().flatten().any(is_ours) {
        return Ok(None);
    }
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let has_instants =
        is_marked || schema.fields().iter().any(|field| tells_instants(field.data_type()));
    let zone = match has_instants {
        true => zone_of(file, otherwise)?,
        false => TimeZone::Utc,
    };
    // DataFusion finds 96-bit timestamps in lists of one form only, and reads those of Hive's lists as
    // nanoseconds, which wrap around outside of 1677 to 2262.
    let is_repeated = |column: &ColumnDescPtr| is_int96(column) && column.max_rep_level() > 0;
    // No file may say of itself what only we say of it.
    let is_forged = schema.metadata().contains_key(WALL_TIME_ZONE);
    if zone.is_utc() && !is_forged && !columns.iter().any(is_repeated) {
        return Ok(None);
    }

    let of_int96 = (!zone.is_utc()).then(|| "UTC".into());
    let mut leaves = Leaves {
        columns: columns.iter(),
        of_int96: DataType::Timestamp(TimeUnit::Microsecond, of_int96),
    };
    let fields = leaves.fields(schema.fields())?;
    if leaves.columns.next().is_some() {
        return Err(other_leaves());
    }

    let kept = file.key_value_metadata().into_iter().flatten();
    let kept = kept.filter(|pair| !is_ours(pair));
    let mut pairs: Vec<KeyValue> = kept.cloned().collect();
    let schema = encode_arrow_schema(&Schema::new(fields));
    pairs.push(KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), schema));
    if !zone.is_utc() {
        pairs.push(KeyValue::new(WALL_TIME_ZONE.to_owned(), zone.to_string()));
    }
    Ok(Some(rebuilt(metadata, file.schema_descr_ptr(), Some(pairs))))
}

/// The zone by which the writer of a file made instants of wall time.
fn zone_of(file: &FileMetaData, otherwise: TimeZone) -> ParquetResult<TimeZone> {
    // Impala stores wall time as if it were of UTC.
    if file.created_by().is_some_and(|writer| writer.starts_with("impala")) {
        return Ok(TimeZone::Utc);
    }
    let mut pairs = file.key_value_metadata().into_iter().flatten();
    let said = pairs.find(|pair| pair.key == WRITER_TIME_ZONE).and_then(|pair| pair.value.as_ref());
    let Some(name) = said else { return Ok(otherwise) };
    TimeZone::parse(name).ok_or_else(|| {
        ParquetError::General(format!(
            "`{WRITER_TIME_ZONE}` of the footer is `{name}`; expected a name of the IANA database or an \
             offset from UTC"
        ))
    })
}

/// Source: parquet.thrift and LogicalTypes.md of apache/parquet-format.
fn is_instant(column: &ColumnDescriptor) -> bool {
    let adjusted = match column.logical_type_ref() {
        Some(LogicalType::Timestamp(timestamp)) => timestamp.is_adjusted_to_u_t_c,
        Some(_) => false,
        None => matches!(
            column.converted_type(),
            ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS
        ),
    };
    adjusted || is_int96(column)
}

/// Whether a type has instants in it. Those of whole seconds are told by the Arrow schema alone: no type of
/// Parquet's has that unit.
fn tells_instants(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(_, zone) => zone.is_some(),
        DataType::Struct(fields) => fields.iter().any(|field| tells_instants(field.data_type())),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => tells_instants(item.data_type()),
        DataType::Dictionary(_, values) => tells_instants(values),
        _ => false,
    }
}

fn is_int96(column: &ColumnDescriptor) -> bool {
    column.physical_type() == Type::INT96
}

/// The leaves of a file, which Arrow's types have in the same order.
struct Leaves<'a> {
    columns: Iter<'a, ColumnDescPtr>,
    of_int96: DataType,
}

impl Leaves<'_> {
    fn fields(&mut self, fields: &Fields) -> ParquetResult<Fields> {
        fields.iter().map(|field| self.field(field)).collect()
    }

    fn field(&mut self, field: &FieldRef) -> ParquetResult<FieldRef> {
        let data_type = self.data_type(field.data_type())?;
        Ok(Arc::new(field.as_ref().clone().with_data_type(data_type)))
    }

    /// The type with 96-bit timestamps as [`Leaves::of_int96`] says.
    fn data_type(&mut self, data_type: &DataType) -> ParquetResult<DataType> {
        Ok(match data_type {
            DataType::Struct(fields) => DataType::Struct(self.fields(fields)?),
            DataType::List(item) => DataType::List(self.field(item)?),
            DataType::LargeList(item) => DataType::LargeList(self.field(item)?),
            DataType::ListView(item) => DataType::ListView(self.field(item)?),
            DataType::LargeListView(item) => DataType::LargeListView(self.field(item)?),
            DataType::FixedSizeList(item, length) => {
                DataType::FixedSizeList(self.field(item)?, *length)
            }
            DataType::Map(entries, sorted) => DataType::Map(self.field(entries)?, *sorted),
            leaf => {
                let column = self.columns.next().ok_or_else(other_leaves)?;
                match leaf {
                    _ if is_int96(column) => self.of_int96.clone(),
                    // A writer's wish, which would hide the instants.
                    DataType::Dictionary(_, values)
                        if is_instant(column) || tells_instants(values) =>
                    {
                        values.as_ref().clone()
                    }
                    other => other.clone(),
                }
            }
        })
    }
}

fn other_leaves() -> ParquetError {
    ParquetError::General("its columns are not those of its Arrow schema".to_owned())
}
