//! Parameters of prepared statements: from the client's Arrow batches to values, row by row.
//!
//! Nothing of what a client sends here is believed: compressed bodies are refused, since their
//! lengths are only claimed, and what the decoder stumbles over is caught.

use super::held_limit::HeldPlace;
use super::prepared::Row;
use super::status::{invalid, limit_exceeded};
use super::wire_types::{wall_times, wire_type};
use crate::flight_sql::options::WireOptions;
use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Date32Type, Decimal128Type, Field, Fields, Float64Type,
    Int64Type, Schema, SchemaRef, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    UInt64Type,
};
use arrow::ipc::root_as_message;
use arrow_flight::FlightData;
use arrow_flight::decode::FlightRecordBatchStream;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use mooring_spi::{Error, Result, Value};
use std::sync::Arc;

/// Parameters of one statement; MySQL's bound as well.
const PARAMETERS_MAX: usize = 65_535;

/// What parameters look like to a client: those of which nothing tells the type are text, which
/// every client can bind and the planner converts.
pub(super) fn parameter_fields(parameters: &[DataType]) -> SchemaRef {
    let fields = parameters.iter().enumerate().map(|(index, data_type)| {
        let data_type = match data_type {
            DataType::Null => DataType::Utf8,
            // JDBC's driver writes milliseconds, whatever unit it is told. Who binds a type of its
            // own may bind a finer one.
            DataType::Timestamp(_, _) => DataType::Timestamp(TimeUnit::Millisecond, None),
            DataType::Time32(_) | DataType::Time64(_) => DataType::Time32(TimeUnit::Millisecond),
            known => wire_type(known, WireOptions::default()),
        };
        Field::new(format!("parameter_{}", index + 1), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// The bounds of what a client binds at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct BindLimits {
    pub(super) bytes_max: usize,
    pub(super) rows_max: usize,
}

/// How a client's values are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    pub(super) limits: BindLimits,
    /// The session's: instants are bound as wall time in it, which is what its literals are.
    pub(super) zone: Tz,
}

/// Collects the messages of a client, as far as it may send any.
///
/// # Errors
/// `LimitExceeded`; what the stream ends with.
pub(super) async fn collect<E>(
    mut messages: impl futures::Stream<Item = std::result::Result<FlightData, E>> + Unpin,
    limits: BindLimits,
    place: &mut HeldPlace,
) -> std::result::Result<Vec<FlightData>, CollectError<E>> {
    let mut collected = Vec::new();
    let mut bytes = 0_usize;
    while let Some(message) = messages.next().await {
        let message = message.map_err(CollectError::Stream)?;
        let message = needed(&message);
        // Empty messages take memory, too.
        let size = message.data_header.len() + message.data_body.len() + size_of::<FlightData>();
        bytes += size;
        place.grow(size).map_err(CollectError::TooLarge)?;
        if bytes > limits.bytes_max {
            return Err(CollectError::TooLarge(too_large(limits.bytes_max)));
        }
        collected.push(message);
    }
    Ok(collected)
}

/// What is read of a message, in memory of its own: its parts keep the whole buffer alive that it came
/// in, with all that a client may have put beside them.
fn needed(message: &FlightData) -> FlightData {
    FlightData {
        data_header: Bytes::copy_from_slice(&message.data_header),
        data_body: Bytes::copy_from_slice(&message.data_body),
        ..FlightData::default()
    }
}

/// Why messages were not collected.
#[derive(Debug)]
pub(super) enum CollectError<E> {
    Stream(E),
    TooLarge(Error),
}

/// The rows in a client's messages, and what they take in bytes, which may be much more than the
/// messages: nulls take none there, and views may share theirs. Decodes and computes: not for an I/O thread.
///
/// # Errors
/// `InvalidArgument` for what is no Arrow data or has a type that parameters do not have,
/// `InvalidValue` for a value out of range, `LimitExceeded`.
pub(super) fn rows_of(messages: Vec<FlightData>, reading: Reading) -> Result<(Vec<Row>, usize)> {
    let limits = reading.limits;
    // The decoder indexes by what a client claims.
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decode(messages)));
    let batches = decoded.map_err(|_| malformed("its lengths do not fit its data"))??;
    let count: usize = batches
        .iter()
        .try_fold(0_usize, |sum, batch| sum.checked_add(batch.num_rows()))
        .unwrap_or(usize::MAX);
    if count > limits.rows_max {
        return Err(limit_exceeded(format!(
            "{count} rows of parameters are bound at once, and at most {} may be (`coordinator.flight_sql.parameter_rows_max`)",
            limits.rows_max
        )));
    }
    let values = batches
        .iter()
        .flat_map(RecordBatch::columns)
        .fold(0, |sum: usize, column| sum.saturating_add(value_count(column)));
    // Before anything is converted: a byte can stand for a value of many.
    if values.saturating_mul(size_of::<Value>()) > limits.bytes_max {
        return Err(too_large(limits.bytes_max));
    }
    let mut rows = Vec::with_capacity(count);
    let mut budget = Budget { bytes: 0, bytes_max: limits.bytes_max };
    for batch in &batches {
        append_rows(batch, reading.zone, &mut rows, &mut budget)?;
    }
    Ok((rows, budget.bytes))
}

/// The values of a column, with those that stand in its dictionary. Of some types any number takes no
/// bytes in a message.
fn value_count(column: &ArrayRef) -> usize {
    let values =
        column.as_any_dictionary_opt().map_or(0, |dictionary| value_count(dictionary.values()));
    column.len().saturating_add(values)
}

fn malformed(problem: &str) -> Error {
    invalid(format!("the parameters are no Arrow data: {problem}"))
}

fn decode(messages: Vec<FlightData>) -> Result<Vec<RecordBatch>> {
    let mut with_data = Vec::with_capacity(messages.len());
    for message in messages {
        // A client may send the descriptor by itself.
        if message.data_header.is_empty() {
            continue;
        }
        refuse_compressed(&message)?;
        with_data.push(Ok(message));
    }
    let batches = FlightRecordBatchStream::new_from_flight_data(futures::stream::iter(with_data));
    // Nothing in it waits.
    futures::executor::block_on(batches.try_collect())
        .map_err(|error| malformed(&error.to_string()))
}

fn refuse_compressed(message: &FlightData) -> Result<()> {
    let header =
        root_as_message(&message.data_header).map_err(|error| malformed(&error.to_string()))?;
    let dictionary = header.header_as_dictionary_batch().and_then(|batch| batch.data());
    let batch = header.header_as_record_batch().or(dictionary);
    match batch.and_then(|batch| batch.compression()) {
        None => Ok(()),
        Some(_) => Err(Error::unsupported(
            "compressed parameters are not supported; send them without compression",
        )),
    }
}

/// What values take, and may take.
struct Budget {
    bytes: usize,
    bytes_max: usize,
}

impl Budget {
    fn take(&mut self, bytes: usize) -> Result<()> {
        self.bytes = self.bytes.saturating_add(bytes);
        match self.bytes > self.bytes_max {
            true => Err(too_large(self.bytes_max)),
            false => Ok(()),
        }
    }
}

fn too_large(bytes_max: usize) -> Error {
    limit_exceeded(format!(
        "parameters take more than {bytes_max} bytes (`coordinator.flight_sql.message_max_bytes`)"
    ))
}

fn append_rows(
    batch: &RecordBatch,
    zone: Tz,
    rows: &mut Vec<Row>,
    budget: &mut Budget,
) -> Result<()> {
    if batch.num_columns() > PARAMETERS_MAX {
        return Err(limit_exceeded(format!("a statement has at most {PARAMETERS_MAX} parameters")));
    }
    let columns = batch.columns().iter().map(|array| Column::of(array, zone));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    for row in 0..batch.num_rows() {
        budget.take(columns.len() * size_of::<Value>())?;
        let mut values = Row::with_capacity(columns.len());
        for column in &columns {
            budget.take(column.bytes(row))?;
            values.push(column.value(row)?);
        }
        rows.push(values);
    }
    Ok(())
}

/// A column of parameters in the one type of its kind.
enum Column {
    Null,
    Boolean(ArrayRef),
    Int(ArrayRef),
    UInt(ArrayRef),
    Float(ArrayRef),
    Decimal(ArrayRef, i8),
    Text(ArrayRef),
    Binary(ArrayRef),
    FixedBinary(ArrayRef),
    Date(ArrayRef),
    Time(ArrayRef),
    Timestamp(ArrayRef),
}

impl Column {
    fn of(array: &ArrayRef, zone: Tz) -> Result<Self> {
        let to = |data_type: DataType| {
            let wrong = |error: arrow::error::ArrowError| {
                let text = format!("a parameter of type `{}` is out of range", array.data_type());
                Error::new(mooring_spi::ErrorKind::InvalidValue, text).with_cause(error)
            };
            match *array.data_type() == data_type {
                true => Ok(array.clone()),
                false => cast_or_fail(array, &data_type).map_err(wrong),
            }
        };
        Ok(match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Boolean(array.clone()),
            data_type if data_type.is_signed_integer() => Self::Int(to(DataType::Int64)?),
            data_type if data_type.is_unsigned_integer() => Self::UInt(to(DataType::UInt64)?),
            data_type if data_type.is_floating() => Self::Float(to(DataType::Float64)?),
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => {
                let data_type = DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale);
                Self::Decimal(to(data_type)?, *scale)
            }
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                Self::Text(to(DataType::Utf8View)?)
            }
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
                Self::Binary(to(DataType::BinaryView)?)
            }
            DataType::FixedSizeBinary(_) => Self::FixedBinary(array.clone()),
            DataType::Date32 | DataType::Date64 => Self::Date(to(DataType::Date32)?),
            DataType::Time32(_) | DataType::Time64(_) => {
                Self::Time(to(DataType::Time64(TimeUnit::Microsecond))?)
            }
            DataType::Timestamp(_, None) => {
                Self::Timestamp(to(DataType::Timestamp(TimeUnit::Microsecond, None))?)
            }
            DataType::Timestamp(_, Some(named)) => {
                let utc = to(DataType::Timestamp(TimeUnit::Microsecond, Some(named.clone())))?;
                let beyond = || {
                    let kind = mooring_spi::ErrorKind::InvalidValue;
                    Error::new(kind, "a parameter is a timestamp beyond all dates")
                };
                Self::Timestamp(wall_times(&utc, zone).ok_or_else(beyond)?)
            }
            DataType::Dictionary(_, values) => match shared(values) {
                Some(data_type) => return Self::of(&to(data_type)?, zone),
                None => return Err(no_parameter(array.data_type())),
            },
            other => return Err(no_parameter(other)),
        })
    }

    /// What a value takes besides its own place.
    fn bytes(&self, row: usize) -> usize {
        match self {
            Self::Text(array) => array.as_string_view().value(row).len(),
            Self::Binary(array) => array.as_binary_view().value(row).len(),
            Self::FixedBinary(array) => array.as_fixed_size_binary().value(row).len(),
            Self::Time(_) => TIME_BYTES,
            Self::Null
            | Self::Boolean(_)
            | Self::Int(_)
            | Self::UInt(_)
            | Self::Float(_)
            | Self::Decimal(..)
            | Self::Date(_)
            | Self::Timestamp(_) => 0,
        }
    }

    fn value(&self, row: usize) -> Result<Value> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Boolean(array)
            | Self::Int(array)
            | Self::UInt(array)
            | Self::Float(array)
            | Self::Decimal(array, _)
            | Self::Text(array)
            | Self::Binary(array)
            | Self::FixedBinary(array)
            | Self::Date(array)
            | Self::Time(array)
            | Self::Timestamp(array)
                if array.is_null(row) =>
            {
                Value::Null
            }
            Self::Boolean(array) => Value::Boolean(array.as_boolean().value(row)),
            Self::Int(array) => Value::Int(array.as_primitive::<Int64Type>().value(row)),
            Self::UInt(array) => Value::UInt(array.as_primitive::<UInt64Type>().value(row)),
            Self::Float(array) => Value::Float(array.as_primitive::<Float64Type>().value(row)),
            Self::Decimal(array, scale) => Value::Decimal {
                unscaled: array.as_primitive::<Decimal128Type>().value(row),
                scale: *scale,
            },
            Self::Text(array) => Value::Text(array.as_string_view().value(row).to_owned()),
            Self::Binary(array) => Value::Binary(array.as_binary_view().value(row).to_vec()),
            Self::FixedBinary(array) => {
                Value::Binary(array.as_fixed_size_binary().value(row).to_vec())
            }
            Self::Date(array) => Value::Date(array.as_primitive::<Date32Type>().value(row)),
            Self::Time(array) => {
                time_text(array.as_primitive::<Time64MicrosecondType>().value(row))?
            }
            Self::Timestamp(array) => {
                Value::Timestamp(array.as_primitive::<TimestampMicrosecondType>().value(row))
            }
        })
    }
}

fn no_parameter(data_type: &DataType) -> Error {
    invalid(format!(
        "a parameter has the type `{data_type}`; there are numbers, text, bytes, dates, times \
         and timestamps"
    ))
}

/// The type of a dictionary's values in which equal ones stay one, or are small. `None` for what is
/// no parameter's: unpacking it would come before its refusal.
fn shared(values: &DataType) -> Option<DataType> {
    match values {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(DataType::Utf8View),
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Some(DataType::BinaryView),
        DataType::Boolean => Some(DataType::Boolean),
        other => other.is_primitive().then(|| other.clone()),
    }
}

/// `hh:mm:ss.ffffff`.
const TIME_BYTES: usize = 15;

/// As [`cast`], where what does not fit is an error and not NULL.
fn cast_or_fail(
    array: &ArrayRef,
    data_type: &DataType,
) -> std::result::Result<ArrayRef, arrow::error::ArrowError> {
    let cast_array = cast(array, data_type)?;
    match cast_array.null_count() == array.logical_null_count() {
        true => Ok(cast_array),
        false => {
            Err(arrow::error::ArrowError::CastError(format!("a value does not fit `{data_type}`")))
        }
    }
}

/// MySQL has no literal of a time that carries the fraction as exactly.
fn time_text(micros: i64) -> Result<Value> {
    const DAY: i64 = 86_400_000_000;
    if !(0..DAY).contains(&micros) {
        return Err(Error::new(
            mooring_spi::ErrorKind::InvalidValue,
            "a parameter is a time beyond a day",
        ));
    }
    let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Ok(Value::Text(format!("{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}")))
}

#[cfg(test)]
#[path = "parameters_tests.rs"]
mod tests;
