//! One column of the rows: its form there, its array here.

use super::Problem;
use super::form::{Form, Integer, bits};
use super::moment::{moment, time, timestamp};
use super::number::decimal;
use crate::mysql::protocol::{ColumnDefinition, Cursor};
use crate::mysql::settings::ZeroDates;
use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, NullArray, PrimitiveBuilder,
    StringBuilder,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;

/// What a text is worth at first, in bytes.
const TEXT_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct Column {
    values: Values,
    zero_dates: ZeroDates,
}

/// The array in the making, with what it is made of. Where both sides have the same width a number is taken as it is.
#[derive(Debug)]
enum Values {
    Null(usize),
    /// A number that is 0 or not.
    Boolean(Integer, BooleanBuilder),
    Int8(PrimitiveBuilder<Int8Type>),
    Int16(PrimitiveBuilder<Int16Type>),
    Int32(PrimitiveBuilder<Int32Type>),
    Int64(PrimitiveBuilder<Int64Type>),
    UInt8(PrimitiveBuilder<UInt8Type>),
    UInt16(PrimitiveBuilder<UInt16Type>),
    UInt32(PrimitiveBuilder<UInt32Type>),
    UInt64(PrimitiveBuilder<UInt64Type>),
    // Of another width there; a value that does not fit is an error.
    WiderInt8(Integer, PrimitiveBuilder<Int8Type>),
    WiderUInt8(Integer, PrimitiveBuilder<UInt8Type>),
    WiderUInt16(Integer, PrimitiveBuilder<UInt16Type>),
    WiderUInt32(Integer, PrimitiveBuilder<UInt32Type>),
    WiderInt16(Integer, PrimitiveBuilder<Int16Type>),
    WiderInt32(Integer, PrimitiveBuilder<Int32Type>),
    WiderInt64(Integer, PrimitiveBuilder<Int64Type>),
    WiderUInt64(Integer, PrimitiveBuilder<UInt64Type>),
    IntegerDecimal(Integer, u8, i8, PrimitiveBuilder<Decimal128Type>),
    Float(PrimitiveBuilder<Float32Type>),
    Double(PrimitiveBuilder<Float64Type>),
    WiderFloat(PrimitiveBuilder<Float64Type>),
    Decimal(u8, i8, PrimitiveBuilder<Decimal128Type>),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Bits(PrimitiveBuilder<UInt64Type>),
    Date(PrimitiveBuilder<Date32Type>),
    Moment(PrimitiveBuilder<TimestampMicrosecondType>),
    Time(u8, String, StringBuilder),
}

impl Column {
    /// # Errors
    /// `TypeMismatch`, naming the column, where values of what is sent may not be values of the field. Those that the
    /// server computed may be of any width.
    pub(super) fn new(
        field: &Field,
        sent: &ColumnDefinition,
        rows: usize,
        zero_dates: ZeroDates,
        is_computed: bool,
    ) -> Result<Self> {
        let data_type = field.data_type();
        let values = Form::of(sent).and_then(|form| {
            let other_width = || is_computed.then(|| of_any_width(data_type, form, rows)).flatten();
            values(data_type, form, rows).or_else(other_width)
        });
        let values = values.ok_or_else(|| {
            let kind = format!("{:?}", sent.kind);
            let kind = kind.trim_start_matches("MYSQL_TYPE_").to_lowercase();
            Error::new(
                ErrorKind::TypeMismatch,
                format!(
                    "column `{}` is now of another type at the server (`{kind}`{}) than {}; the table has changed \
                     since the query was planned",
                    field.name(),
                    if sent.unsigned { " unsigned" } else { "" },
                    field.data_type()
                ),
            )
        })?;
        Ok(Self { values, zero_dates })
    }

    pub(super) fn push_null(&mut self) {
        match &mut self.values {
            Values::Null(rows) => *rows += 1,
            Values::Boolean(_, builder) => builder.append_null(),
            Values::Int8(builder) | Values::WiderInt8(_, builder) => builder.append_null(),
            Values::Int16(builder) | Values::WiderInt16(_, builder) => builder.append_null(),
            Values::Int32(builder) | Values::WiderInt32(_, builder) => builder.append_null(),
            Values::Int64(builder) | Values::WiderInt64(_, builder) => builder.append_null(),
            Values::UInt8(builder) | Values::WiderUInt8(_, builder) => builder.append_null(),
            Values::UInt16(builder) | Values::WiderUInt16(_, builder) => builder.append_null(),
            Values::UInt32(builder) | Values::WiderUInt32(_, builder) => builder.append_null(),
            Values::UInt64(builder) | Values::WiderUInt64(_, builder) | Values::Bits(builder) => {
                builder.append_null()
            }
            Values::IntegerDecimal(_, _, _, builder) | Values::Decimal(_, _, builder) => {
                builder.append_null();
            }
            Values::Float(builder) => builder.append_null(),
            Values::Double(builder) | Values::WiderFloat(builder) => builder.append_null(),
            Values::Text(builder) | Values::Time(_, _, builder) => builder.append_null(),
            Values::Bytes(builder) => builder.append_null(),
            Values::Date(builder) => builder.append_null(),
            Values::Moment(builder) => builder.append_null(),
        }
    }

    #[inline]
    pub(super) fn push(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
        match &mut self.values {
            // A value where there can be none is a row that is none.
            Values::Null(_) => return Err(Problem::Digits),
            Values::Boolean(form, builder) => builder.append_value(form.read(cursor)? != 0),
            Values::Int8(builder) => builder.append_value(i8::from_le_bytes(cursor.array()?)),
            Values::Int16(builder) => builder.append_value(i16::from_le_bytes(cursor.array()?)),
            Values::Int32(builder) => builder.append_value(i32::from_le_bytes(cursor.array()?)),
            Values::Int64(builder) => builder.append_value(i64::from_le_bytes(cursor.array()?)),
            Values::UInt8(builder) => builder.append_value(u8::from_le_bytes(cursor.array()?)),
            Values::UInt16(builder) => builder.append_value(u16::from_le_bytes(cursor.array()?)),
            Values::UInt32(builder) => builder.append_value(u32::from_le_bytes(cursor.array()?)),
            Values::UInt64(builder) => builder.append_value(u64::from_le_bytes(cursor.array()?)),
            Values::WiderInt8(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderUInt8(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderUInt16(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderUInt32(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderInt16(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderInt32(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderInt64(form, builder) => widened(*form, cursor, builder)?,
            Values::WiderUInt64(form, builder) => widened(*form, cursor, builder)?,
            Values::IntegerDecimal(form, precision, scale, builder) => {
                let power = 10_i128.checked_pow(u32::from(scale.unsigned_abs()));
                let value = form.read(cursor)?;
                let unscaled = power.and_then(|power| value.checked_mul(power));
                let limit = 10_i128.checked_pow(u32::from(*precision)).ok_or(Problem::Digits)?;
                let fits =
                    |unscaled: &i128| (-limit..limit).contains(unscaled) && *unscaled != -limit;
                builder.append_value(unscaled.filter(fits).ok_or(Problem::Digits)?);
            }
            Values::Float(builder) => builder.append_value(f32::from_le_bytes(cursor.array()?)),
            Values::Double(builder) => builder.append_value(f64::from_le_bytes(cursor.array()?)),
            Values::WiderFloat(builder) => {
                builder.append_value(f32::from_le_bytes(cursor.array()?).into());
            }
            Values::Decimal(precision, scale, builder) => {
                builder.append_value(decimal(cursor.bytes()?, *precision, *scale)?);
            }
            Values::Text(builder) => {
                let text = std::str::from_utf8(cursor.bytes()?).map_err(|_| Problem::Encoding)?;
                builder.append_value(text);
            }
            Values::Bytes(builder) => builder.append_value(cursor.bytes()?),
            Values::Bits(builder) => builder.append_value(bits(cursor.bytes()?)?),
            Values::Date(builder) => match (moment(cursor), self.zero_dates) {
                (Ok((days, _)), _) => builder.append_value(days),
                (Err(Problem::NoDate), ZeroDates::Null) => builder.append_null(),
                (Err(problem), _) => return Err(problem),
            },
            Values::Moment(builder) => match (moment(cursor), self.zero_dates) {
                (Ok(moment), _) => builder.append_value(timestamp(moment)),
                (Err(Problem::NoDate), ZeroDates::Null) => builder.append_null(),
                (Err(problem), _) => return Err(problem),
            },
            Values::Time(digits, text, builder) => {
                time(cursor, *digits, text)?;
                builder.append_value(&*text);
            }
        }
        Ok(())
    }

    /// The values so far; the column begins anew.
    pub(super) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Null(rows) => Arc::new(NullArray::new(std::mem::take(rows))),
            Values::Boolean(_, builder) => Arc::new(builder.finish()),
            Values::Int8(builder) | Values::WiderInt8(_, builder) => Arc::new(builder.finish()),
            Values::Int16(builder) | Values::WiderInt16(_, builder) => Arc::new(builder.finish()),
            Values::Int32(builder) | Values::WiderInt32(_, builder) => Arc::new(builder.finish()),
            Values::Int64(builder) | Values::WiderInt64(_, builder) => Arc::new(builder.finish()),
            Values::UInt8(builder) | Values::WiderUInt8(_, builder) => Arc::new(builder.finish()),
            Values::UInt16(builder) | Values::WiderUInt16(_, builder) => Arc::new(builder.finish()),
            Values::UInt32(builder) | Values::WiderUInt32(_, builder) => Arc::new(builder.finish()),
            Values::UInt64(builder) | Values::WiderUInt64(_, builder) | Values::Bits(builder) => {
                Arc::new(builder.finish())
            }
            Values::IntegerDecimal(_, _, _, builder) | Values::Decimal(_, _, builder) => {
                Arc::new(builder.finish())
            }
            Values::Float(builder) => Arc::new(builder.finish()),
            Values::Double(builder) | Values::WiderFloat(builder) => Arc::new(builder.finish()),
            Values::Text(builder) | Values::Time(_, _, builder) => Arc::new(builder.finish()),
            Values::Bytes(builder) => Arc::new(builder.finish()),
            Values::Date(builder) => Arc::new(builder.finish()),
            Values::Moment(builder) => Arc::new(builder.finish()),
        }
    }
}

fn widened<T>(
    form: Integer,
    cursor: &mut Cursor<'_>,
    builder: &mut PrimitiveBuilder<T>,
) -> Result<(), Problem>
where
    T: ArrowPrimitiveType,
    T::Native: TryFrom<i128>,
{
    let value = form.read(cursor)?;
    builder.append_value(T::Native::try_from(value).map_err(|_| Problem::Digits)?);
    Ok(())
}

/// `None` where the form may hold values that the type does not.
fn values(data_type: &DataType, form: Form, rows: usize) -> Option<Values> {
    fn numbers<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(rows)
    }
    let decimals = || numbers(rows).with_data_type(data_type.clone());
    let texts = || StringBuilder::with_capacity(rows, rows * TEXT_BYTES);
    Some(match (data_type, form) {
        (DataType::Null, Form::Null) => Values::Null(0),
        (DataType::Boolean, Form::Integer(form)) => {
            Values::Boolean(form, BooleanBuilder::with_capacity(rows))
        }
        (DataType::Int8, Form::Integer(Integer::I8)) => Values::Int8(numbers(rows)),
        (DataType::Int16, Form::Integer(Integer::I16)) => Values::Int16(numbers(rows)),
        (DataType::Int32, Form::Integer(Integer::I32)) => Values::Int32(numbers(rows)),
        (DataType::Int64, Form::Integer(Integer::I64)) => Values::Int64(numbers(rows)),
        (DataType::UInt8, Form::Integer(Integer::U8)) => Values::UInt8(numbers(rows)),
        (DataType::UInt16, Form::Integer(Integer::U16)) => Values::UInt16(numbers(rows)),
        (DataType::UInt32, Form::Integer(Integer::U32)) => Values::UInt32(numbers(rows)),
        (DataType::UInt64, Form::Integer(Integer::U64)) => Values::UInt64(numbers(rows)),
        (DataType::Int16, Form::Integer(form)) if form.fits(16, true) => {
            Values::WiderInt16(form, numbers(rows))
        }
        (DataType::Int32, Form::Integer(form)) if form.fits(32, true) => {
            Values::WiderInt32(form, numbers(rows))
        }
        (DataType::Int64, Form::Integer(form)) if form.fits(64, true) => {
            Values::WiderInt64(form, numbers(rows))
        }
        (DataType::UInt64, Form::Integer(form)) if form.fits(64, false) => {
            Values::WiderUInt64(form, numbers(rows))
        }
        (DataType::Decimal128(precision, scale), Form::Integer(form)) if *scale >= 0 => {
            Values::IntegerDecimal(form, *precision, *scale, decimals())
        }
        (DataType::Decimal128(precision, scale), Form::Decimal(digits))
            if u8::try_from(*scale).is_ok_and(|scale| digits <= scale) =>
        {
            Values::Decimal(*precision, *scale, decimals())
        }
        (DataType::Float32, Form::Float) => Values::Float(numbers(rows)),
        (DataType::Float64, Form::Double) => Values::Double(numbers(rows)),
        (DataType::Float64, Form::Float) => Values::WiderFloat(numbers(rows)),
        (DataType::Utf8, Form::Text) => Values::Text(texts()),
        (DataType::Utf8, Form::Time(digits)) => Values::Time(digits, String::new(), texts()),
        (DataType::Binary, Form::Bytes) => {
            Values::Bytes(BinaryBuilder::with_capacity(rows, rows * TEXT_BYTES))
        }
        (DataType::UInt64, Form::Bits) => Values::Bits(numbers(rows)),
        (DataType::Date32, Form::Moment) => Values::Date(numbers(rows)),
        (DataType::Timestamp(TimeUnit::Microsecond, _), Form::Moment) => {
            Values::Moment(numbers(rows).with_data_type(data_type.clone()))
        }
        _ => return None,
    })
}

/// Whole numbers whatever their width and sign there: MySQL computes all of them in 64 bits, where MariaDB keeps them narrow.
fn of_any_width(data_type: &DataType, form: Form, rows: usize) -> Option<Values> {
    fn numbers<T: ArrowPrimitiveType>(rows: usize) -> PrimitiveBuilder<T> {
        PrimitiveBuilder::with_capacity(rows)
    }
    let form = match form {
        Form::Integer(form) => form,
        // What a union makes of numbers with a sign and without.
        Form::Decimal(0) => Integer::Digits,
        Form::Decimal(_)
        | Form::Float
        | Form::Double
        | Form::Text
        | Form::Bytes
        | Form::Bits
        | Form::Moment
        | Form::Time(_)
        | Form::Null => return None,
    };
    Some(match data_type {
        DataType::Int8 => Values::WiderInt8(form, numbers(rows)),
        DataType::Int16 => Values::WiderInt16(form, numbers(rows)),
        DataType::Int32 => Values::WiderInt32(form, numbers(rows)),
        DataType::Int64 => Values::WiderInt64(form, numbers(rows)),
        DataType::UInt8 => Values::WiderUInt8(form, numbers(rows)),
        DataType::UInt16 => Values::WiderUInt16(form, numbers(rows)),
        DataType::UInt32 => Values::WiderUInt32(form, numbers(rows)),
        DataType::UInt64 => Values::WiderUInt64(form, numbers(rows)),
        _ => return None,
    })
}
