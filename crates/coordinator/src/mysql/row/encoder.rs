//! One column's values: the downcast array, and the text of each value.

use super::super::column::unsupported;
use super::interval::Interval;
use super::{calendar, json, number};
use arrow::array::{
    Array, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, GenericBinaryArray,
    GenericStringArray, PrimitiveArray, StringViewArray,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type, Decimal64Type,
    Decimal128Type, Decimal256Type, DurationMicrosecondType, DurationMillisecondType,
    DurationNanosecondType, DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, IntervalDayTime, IntervalDayTimeType, IntervalMonthDayNano,
    IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};
use mooring_spi::{Error, Result};

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// A column ready to be encoded.
pub(super) struct Encoder<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

/// The values by their type. Slices are as long as the column.
pub(super) enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a [i8]),
    Int16(&'a [i16]),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    UInt8(&'a [u8]),
    UInt16(&'a [u16]),
    UInt32(&'a [u32]),
    UInt64(&'a [u64]),
    Float16(&'a [Half]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Decimal32(&'a [i32], i8),
    Decimal64(&'a [i64], i8),
    Decimal128(&'a [i128], i8),
    Decimal256(&'a [i256], i8),
    Utf8(&'a GenericStringArray<i32>),
    LargeUtf8(&'a GenericStringArray<i64>),
    Utf8View(&'a StringViewArray),
    Binary(&'a GenericBinaryArray<i32>),
    LargeBinary(&'a GenericBinaryArray<i64>),
    BinaryView(&'a BinaryViewArray),
    FixedSizeBinary(&'a FixedSizeBinaryArray),
    Date32(&'a [i32]),
    Date64(&'a [i64]),
    Time32(&'a [i32], TimeUnit),
    Time64(&'a [i64], TimeUnit),
    Timestamp(&'a [i64], TimeUnit),
    Duration(&'a [i64], TimeUnit),
    Months(&'a [i32]),
    DaysAndMilliseconds(&'a [IntervalDayTime]),
    MonthsDaysAndNanoseconds(&'a [IntervalMonthDayNano]),
    Nested(json::Nested<'a>),
    /// For each row, the row of its value.
    Indirect(Vec<usize>, Box<Encoder<'a>>),
}

impl<'a> Encoder<'a> {
    /// # Errors
    /// `Unsupported` for an Arrow type without a form.
    pub(super) fn new(array: &'a dyn Array) -> Result<Self> {
        use Values as V;
        let values = match array.data_type() {
            DataType::Null => V::Null,
            DataType::Boolean => V::Boolean(array.as_boolean()),
            DataType::Int8 => V::Int8(slice::<Int8Type>(array)),
            DataType::Int16 => V::Int16(slice::<Int16Type>(array)),
            DataType::Int32 => V::Int32(slice::<Int32Type>(array)),
            DataType::Int64 => V::Int64(slice::<Int64Type>(array)),
            DataType::UInt8 => V::UInt8(slice::<UInt8Type>(array)),
            DataType::UInt16 => V::UInt16(slice::<UInt16Type>(array)),
            DataType::UInt32 => V::UInt32(slice::<UInt32Type>(array)),
            DataType::UInt64 => V::UInt64(slice::<UInt64Type>(array)),
            DataType::Float16 => V::Float16(slice::<Float16Type>(array)),
            DataType::Float32 => V::Float32(slice::<Float32Type>(array)),
            DataType::Float64 => V::Float64(slice::<Float64Type>(array)),
            DataType::Decimal32(_, scale) => V::Decimal32(slice::<Decimal32Type>(array), *scale),
            DataType::Decimal64(_, scale) => V::Decimal64(slice::<Decimal64Type>(array), *scale),
            DataType::Decimal128(_, scale) => V::Decimal128(slice::<Decimal128Type>(array), *scale),
            DataType::Decimal256(_, scale) => V::Decimal256(slice::<Decimal256Type>(array), *scale),
            DataType::Utf8 => V::Utf8(array.as_string()),
            DataType::LargeUtf8 => V::LargeUtf8(array.as_string()),
            DataType::Utf8View => V::Utf8View(array.as_string_view()),
            DataType::Binary => V::Binary(array.as_binary()),
            DataType::LargeBinary => V::LargeBinary(array.as_binary()),
            DataType::BinaryView => V::BinaryView(array.as_binary_view()),
            DataType::FixedSizeBinary(_) => V::FixedSizeBinary(array.as_fixed_size_binary()),
            DataType::Date32 => V::Date32(slice::<Date32Type>(array)),
            DataType::Date64 => V::Date64(slice::<Date64Type>(array)),
            DataType::Time32(unit) => V::Time32(time32(array, *unit)?, *unit),
            DataType::Time64(unit) => V::Time64(time64(array, *unit)?, *unit),
            DataType::Timestamp(unit, _) => V::Timestamp(timestamp(array, *unit), *unit),
            DataType::Duration(unit) => V::Duration(duration(array, *unit), *unit),
            DataType::Interval(IntervalUnit::YearMonth) => {
                V::Months(slice::<IntervalYearMonthType>(array))
            }
            DataType::Interval(IntervalUnit::DayTime) => {
                V::DaysAndMilliseconds(slice::<IntervalDayTimeType>(array))
            }
            DataType::Interval(IntervalUnit::MonthDayNano) => {
                V::MonthsDaysAndNanoseconds(slice::<IntervalMonthDayNanoType>(array))
            }
            DataType::List(_)
            | DataType::LargeList(_)
            | DataType::FixedSizeList(_, _)
            | DataType::Struct(_)
            | DataType::Map(_, _)
            | DataType::ListView(_)
            | DataType::LargeListView(_) => V::Nested(json::Nested::new(array)?),
            DataType::Dictionary(_, _) => dictionary(array)?,
            DataType::RunEndEncoded(ends, _) => run_ends(array, ends.data_type())?,
            DataType::Union(_, _) => return Err(unsupported(array.data_type())),
        };
        Ok(Self { nulls: array.nulls(), values })
    }

    /// The encoder and the row that really hold the value of `row`.
    #[inline]
    pub(super) fn resolve(&self, row: usize) -> (&Self, usize) {
        match &self.values {
            Values::Indirect(rows, values) if !self.null_here(row) => values.resolve(rows[row]),
            _ => (self, row),
        }
    }

    #[inline]
    fn null_here(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row))
    }

    /// Whether a row, already resolved, has no value.
    #[inline]
    pub(super) fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null) || self.null_here(row)
    }

    pub(super) fn values(&self) -> &Values<'a> {
        &self.values
    }

    /// The value of a row, where it is text or bytes already.
    #[inline]
    pub(super) fn bytes(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Utf8(array) => Some(array.value(row).as_bytes()),
            Values::LargeUtf8(array) => Some(array.value(row).as_bytes()),
            Values::Utf8View(array) => Some(array.value(row).as_bytes()),
            Values::Binary(array) => Some(array.value(row)),
            Values::LargeBinary(array) => Some(array.value(row)),
            Values::BinaryView(array) => Some(array.value(row)),
            Values::FixedSizeBinary(array) => Some(array.value(row)),
            _ => None,
        }
    }

    /// Appends the text of a row that is not null, without its length.
    #[inline]
    pub(super) fn put_text(&self, out: &mut Vec<u8>, row: usize) {
        match &self.values {
            Values::Null => {}
            Values::Boolean(array) => out.push(b'0' + u8::from(array.value(row))),
            Values::Int8(values) => number::put_integer(out, values[row]),
            Values::Int16(values) => number::put_integer(out, values[row]),
            Values::Int32(values) => number::put_integer(out, values[row]),
            Values::Int64(values) => number::put_integer(out, values[row]),
            Values::UInt8(values) => number::put_integer(out, values[row]),
            Values::UInt16(values) => number::put_integer(out, values[row]),
            Values::UInt32(values) => number::put_integer(out, values[row]),
            Values::UInt64(values) => number::put_integer(out, values[row]),
            Values::Float16(values) => number::put_float(out, values[row].to_f32()),
            Values::Float32(values) => number::put_float(out, values[row]),
            Values::Float64(values) => number::put_double(out, values[row]),
            Values::Decimal32(values, scale) => {
                number::put_decimal(out, i128::from(values[row]), *scale);
            }
            Values::Decimal64(values, scale) => {
                number::put_decimal(out, i128::from(values[row]), *scale);
            }
            Values::Decimal128(values, scale) => number::put_decimal(out, values[row], *scale),
            Values::Decimal256(values, scale) => number::put_wide_decimal(out, values[row], *scale),
            Values::Date32(values) => calendar::put_date(out, i64::from(values[row])),
            Values::Date64(values) => {
                calendar::put_date(out, calendar::day_of(values[row], TimeUnit::Millisecond));
            }
            Values::Time32(values, unit) => calendar::put_time(out, i64::from(values[row]), *unit),
            Values::Time64(values, unit) => calendar::put_time(out, values[row], *unit),
            Values::Timestamp(values, unit) => calendar::put_timestamp(out, values[row], *unit),
            Values::Duration(values, unit) => {
                super::interval::put_duration(out, values[row], *unit)
            }
            Values::Months(values) => {
                Interval { months: values[row], ..Interval::default() }.put(out);
            }
            Values::DaysAndMilliseconds(values) => {
                let value = values[row];
                Interval::of_days_and_milliseconds(value.days, value.milliseconds).put(out);
            }
            Values::MonthsDaysAndNanoseconds(values) => {
                let IntervalMonthDayNano { months, days, nanoseconds } = values[row];
                Interval { months, days, nanoseconds }.put(out);
            }
            Values::Nested(nested) => nested.put(out, row),
            Values::Indirect(rows, values) => {
                let (encoder, row) = values.resolve(rows[row]);
                encoder.put_text(out, row);
            }
            Values::Utf8(_)
            | Values::LargeUtf8(_)
            | Values::Utf8View(_)
            | Values::Binary(_)
            | Values::LargeBinary(_)
            | Values::BinaryView(_)
            | Values::FixedSizeBinary(_) => {
                out.extend_from_slice(self.bytes(row).unwrap_or_default());
            }
        }
    }
}

fn slice<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
    let array: &PrimitiveArray<T> = array.as_primitive();
    array.values()
}

fn time32(array: &dyn Array, unit: TimeUnit) -> Result<&[i32]> {
    match unit {
        TimeUnit::Second => Ok(slice::<Time32SecondType>(array)),
        TimeUnit::Millisecond => Ok(slice::<Time32MillisecondType>(array)),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => Err(unsupported(array.data_type())),
    }
}

fn time64(array: &dyn Array, unit: TimeUnit) -> Result<&[i64]> {
    match unit {
        TimeUnit::Microsecond => Ok(slice::<Time64MicrosecondType>(array)),
        TimeUnit::Nanosecond => Ok(slice::<Time64NanosecondType>(array)),
        TimeUnit::Second | TimeUnit::Millisecond => Err(unsupported(array.data_type())),
    }
}

fn timestamp(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => slice::<TimestampSecondType>(array),
        TimeUnit::Millisecond => slice::<TimestampMillisecondType>(array),
        TimeUnit::Microsecond => slice::<TimestampMicrosecondType>(array),
        TimeUnit::Nanosecond => slice::<TimestampNanosecondType>(array),
    }
}

fn duration(array: &dyn Array, unit: TimeUnit) -> &[i64] {
    match unit {
        TimeUnit::Second => slice::<DurationSecondType>(array),
        TimeUnit::Millisecond => slice::<DurationMillisecondType>(array),
        TimeUnit::Microsecond => slice::<DurationMicrosecondType>(array),
        TimeUnit::Nanosecond => slice::<DurationNanosecondType>(array),
    }
}

fn dictionary(array: &dyn Array) -> Result<Values<'_>> {
    let dictionary = array.as_any_dictionary();
    // Without values every key is null, and keys cannot be brought into their range.
    if dictionary.values().is_empty() {
        return Ok(Values::Null);
    }
    let values = Encoder::new(dictionary.values().as_ref())?;
    Ok(Values::Indirect(dictionary.normalized_keys(), Box::new(values)))
}

fn run_ends<'a>(array: &'a dyn Array, ends: &DataType) -> Result<Values<'a>> {
    macro_rules! rows {
        ($type:ty) => {{
            let run = array
                .as_run_opt::<$type>()
                .ok_or_else(|| Error::internal("a run array is of another type than it says"))?;
            let rows = (0..run.len()).map(|row| run.get_physical_index(row)).collect();
            Ok(Values::Indirect(rows, Box::new(Encoder::new(run.values().as_ref())?)))
        }};
    }
    match ends {
        DataType::Int16 => rows!(Int16Type),
        DataType::Int32 => rows!(Int32Type),
        DataType::Int64 => rows!(Int64Type),
        _ => Err(unsupported(array.data_type())),
    }
}
