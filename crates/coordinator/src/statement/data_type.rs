//! The SQL types of column definitions as Arrow types, and back.

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, TimeUnit};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::ast::{DataType as SqlType, ExactNumberInfo, TimezoneInfo};

/// The Arrow type of an SQL type. Display widths, lengths of strings and binaries and the
/// precision of times are read and not enforced: the files decide.
///
/// # Errors
/// `Unsupported` naming the type; `InvalidArgument` for a precision out of range.
pub(super) fn arrow_type(sql: &SqlType) -> Result<DataType> {
    let data_type = match sql {
        SqlType::Boolean | SqlType::Bool => DataType::Boolean,
        SqlType::TinyInt(_) => DataType::Int8,
        SqlType::TinyIntUnsigned(_) => DataType::UInt8,
        SqlType::SmallInt(_) => DataType::Int16,
        SqlType::SmallIntUnsigned(_) => DataType::UInt16,
        SqlType::Int(_) | SqlType::Integer(_) | SqlType::MediumInt(_) => DataType::Int32,
        SqlType::IntUnsigned(_) | SqlType::IntegerUnsigned(_) | SqlType::MediumIntUnsigned(_) => {
            DataType::UInt32
        }
        SqlType::BigInt(_) => DataType::Int64,
        SqlType::BigIntUnsigned(_) => DataType::UInt64,
        SqlType::Float(_) | SqlType::Real => DataType::Float32,
        SqlType::Double(_) | SqlType::DoublePrecision => DataType::Float64,
        SqlType::Decimal(size) | SqlType::Numeric(size) | SqlType::Dec(size) => decimal(*size)?,
        SqlType::Char(_)
        | SqlType::Character(_)
        | SqlType::Varchar(_)
        | SqlType::CharVarying(_)
        | SqlType::CharacterVarying(_)
        | SqlType::Text
        | SqlType::TinyText
        | SqlType::MediumText
        | SqlType::LongText
        | SqlType::String(_) => DataType::Utf8,
        SqlType::Binary(_)
        | SqlType::Varbinary(_)
        | SqlType::Blob(_)
        | SqlType::TinyBlob
        | SqlType::MediumBlob
        | SqlType::LongBlob => DataType::Binary,
        SqlType::Date => DataType::Date32,
        SqlType::Datetime(precision) => timestamp(*precision, false)?,
        SqlType::Timestamp(precision, zone) => {
            timestamp(*precision, matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz))?
        }
        SqlType::Time(precision, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            fraction(*precision)?;
            DataType::Time64(TimeUnit::Microsecond)
        }
        other => {
            return Err(Error::unsupported(format!("the column type `{other}` is not supported")));
        }
    };
    Ok(data_type)
}

/// MySQL's default is `DECIMAL(10, 0)`.
fn decimal(size: ExactNumberInfo) -> Result<DataType> {
    let (precision, scale) = match size {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    let fitting = u8::try_from(precision)
        .ok()
        .filter(|precision| (1..=DECIMAL128_MAX_PRECISION).contains(precision))
        .zip(i8::try_from(scale).ok().filter(|scale| *scale >= 0))
        .filter(|(precision, scale)| scale.unsigned_abs() <= *precision);
    fitting.map(|(precision, scale)| DataType::Decimal128(precision, scale)).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "`DECIMAL({precision}, {scale})` is out of range: the precision is 1 to \
                 {DECIMAL128_MAX_PRECISION} and the scale 0 to the precision"
            ),
        )
    })
}

fn timestamp(precision: Option<u64>, with_zone: bool) -> Result<DataType> {
    fraction(precision)?;
    Ok(DataType::Timestamp(TimeUnit::Microsecond, with_zone.then(|| "UTC".into())))
}

/// Digits after the second: microseconds are the finest.
fn fraction(precision: Option<u64>) -> Result<()> {
    match precision {
        Some(digits) if digits > 6 => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("a fraction of {digits} digits is too fine: seconds have 6 digits at most"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// The SQL type that [`arrow_type`] reads as this type; `None` where there is none.
pub(super) fn column_type_text(data_type: &DataType) -> Option<String> {
    let text = match data_type {
        DataType::Boolean => "boolean",
        DataType::Int8 => "tinyint",
        DataType::UInt8 => "tinyint unsigned",
        DataType::Int16 => "smallint",
        DataType::UInt16 => "smallint unsigned",
        DataType::Int32 => "int",
        DataType::UInt32 => "int unsigned",
        DataType::Int64 => "bigint",
        DataType::UInt64 => "bigint unsigned",
        DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "varchar(16383)",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "blob",
        DataType::Date32 => "date",
        DataType::Time64(TimeUnit::Microsecond) => "time(6)",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "datetime(6)",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "timestamp(6) with time zone",
        DataType::Decimal128(precision, scale) if *scale >= 0 => {
            return Some(format!("decimal({precision},{scale})"));
        }
        _ => return None,
    };
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::dialect::MooringDialect;
    use super::*;
    use sqlparser::parser::Parser;

    fn read(sql: &str) -> Result<DataType> {
        let dialect = MooringDialect::default();
        let parsed = Parser::new(&dialect)
            .try_with_sql(sql)
            .and_then(|mut parser| parser.parse_data_type())
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        arrow_type(&parsed)
    }

    #[test]
    fn types_have_their_widths() {
        let micros =
            |zone: Option<&str>| DataType::Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
        for (sql, expected) in [
            ("BOOLEAN", DataType::Boolean),
            ("TINYINT(1)", DataType::Int8),
            ("tinyint unsigned", DataType::UInt8),
            ("SMALLINT", DataType::Int16),
            ("MEDIUMINT", DataType::Int32),
            ("INTEGER", DataType::Int32),
            ("INT(11) UNSIGNED", DataType::UInt32),
            ("BIGINT UNSIGNED", DataType::UInt64),
            ("REAL", DataType::Float32),
            ("DOUBLE PRECISION", DataType::Float64),
            ("NUMERIC(38, 10)", DataType::Decimal128(38, 10)),
            ("DECIMAL", DataType::Decimal128(10, 0)),
            ("VARCHAR(25)", DataType::Utf8),
            ("STRING", DataType::Utf8),
            ("VARBINARY(16)", DataType::Binary),
            ("DATE", DataType::Date32),
            ("DATETIME(3)", micros(None)),
            ("TIMESTAMP", micros(None)),
            ("TIMESTAMP(6) WITH TIME ZONE", micros(Some("UTC"))),
            ("TIME", DataType::Time64(TimeUnit::Microsecond)),
        ] {
            assert_eq!(read(sql).expect(sql), expected, "{sql}");
        }
    }

    #[test]
    fn others_are_refused_by_name() {
        for sql in ["JSON", "GEOMETRY", "ENUM('a')", "TIME WITH TIME ZONE"] {
            let error = read(sql).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
            assert!(error.message().contains(sql.split(['(', ' ']).next().expect("a word")));
        }
        for sql in ["DECIMAL(39, 2)", "DECIMAL(5, 6)", "DECIMAL(0)", "DATETIME(9)"] {
            assert_eq!(read(sql).expect_err(sql).kind(), ErrorKind::InvalidArgument, "{sql}");
        }
    }

    #[test]
    fn written_types_are_read_back() {
        for sql in [
            "boolean",
            "tinyint",
            "tinyint unsigned",
            "smallint",
            "int",
            "int unsigned",
            "bigint",
            "bigint unsigned",
            "float",
            "double",
            "decimal(15,2)",
            "varchar(16383)",
            "blob",
            "date",
            "time(6)",
            "datetime(6)",
            "timestamp(6) with time zone",
        ] {
            let data_type = read(sql).expect(sql);
            assert_eq!(column_type_text(&data_type).as_deref(), Some(sql));
        }
    }
}
