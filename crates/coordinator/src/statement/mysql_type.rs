//! MySQL's text of a column's type, as `DESCRIBE` and `information_schema` print it.

use arrow::datatypes::{DataType, Field, TimeUnit};
use mooring_spi::{CHARACTER_LENGTH, PADDED_LENGTH};

/// The longest that MySQL can declare with four bytes per character.
const VARCHAR: &str = "varchar(16383)";

/// The type of a column in MySQL's words. What MySQL lacks has the type in which it is sent:
/// nested values are JSON, intervals are text.
pub fn mysql_type_text(field: &Field) -> String {
    let length = |key: &str| field.metadata().get(key)?.parse::<u32>().ok();
    match (is_text(field.data_type()), length(PADDED_LENGTH), length(CHARACTER_LENGTH)) {
        (true, Some(length), _) => format!("char({length})"),
        (true, None, Some(length)) => format!("varchar({length})"),
        (true, None, None) | (false, _, _) => type_text(field.data_type()),
    }
}

fn type_text(data_type: &DataType) -> String {
    let text = match data_type {
        DataType::Boolean => "tinyint(1)",
        DataType::Int8 => "tinyint",
        DataType::UInt8 => "tinyint unsigned",
        DataType::Int16 => "smallint",
        DataType::UInt16 => "smallint unsigned",
        DataType::Int32 => "int",
        DataType::UInt32 => "int unsigned",
        DataType::Int64 => "bigint",
        DataType::UInt64 => "bigint unsigned",
        DataType::Float16 | DataType::Float32 => "float",
        DataType::Float64 => "double",
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => return decimal(*precision, *scale),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => VARCHAR,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "blob",
        DataType::FixedSizeBinary(length) => return format!("binary({length})"),
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Time32(unit) | DataType::Time64(unit) => return timed("time", *unit),
        DataType::Timestamp(unit, None) => return timed("datetime", *unit),
        DataType::Timestamp(unit, Some(_)) => return timed("timestamp", *unit),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::FixedSizeList(..)
        | DataType::Struct(_)
        | DataType::Map(..)
        | DataType::Union(..) => "json",
        DataType::Null | DataType::Duration(_) | DataType::Interval(_) => VARCHAR,
        DataType::Dictionary(_, values) => return type_text(values),
        DataType::RunEndEncoded(_, values) => return type_text(values.data_type()),
    };
    text.to_owned()
}

/// MySQL has no negative scale: the digits are before the point.
fn decimal(precision: u8, scale: i8) -> String {
    let zeros = if scale < 0 { scale.unsigned_abs() } else { 0 };
    format!("decimal({},{})", precision.saturating_add(zeros), scale.max(0))
}

fn timed(name: &str, unit: TimeUnit) -> String {
    match unit {
        TimeUnit::Second => name.to_owned(),
        TimeUnit::Millisecond => format!("{name}(3)"),
        TimeUnit::Microsecond | TimeUnit::Nanosecond => format!("{name}(6)"),
    }
}

/// Whether the column has a character set.
pub(super) fn is_text(data_type: &DataType) -> bool {
    type_text(data_type) == VARCHAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_mysqls() {
        let text = |data_type| mysql_type_text(&Field::new("a", data_type, true));
        assert_eq!(text(DataType::Boolean), "tinyint(1)");
        assert_eq!(text(DataType::UInt64), "bigint unsigned");
        assert_eq!(text(DataType::Decimal128(15, 2)), "decimal(15,2)");
        assert_eq!(text(DataType::Decimal128(5, -2)), "decimal(7,0)");
        assert_eq!(text(DataType::Utf8View), "varchar(16383)");
        assert_eq!(text(DataType::Timestamp(TimeUnit::Microsecond, None)), "datetime(6)");
        assert_eq!(text(DataType::Timestamp(TimeUnit::Second, Some("UTC".into()))), "timestamp");
        let keys = Box::new(DataType::Int32);
        assert_eq!(text(DataType::Dictionary(keys, Box::new(DataType::Utf8))), "varchar(16383)");
    }

    #[test]
    fn texts_have_the_length_that_was_declared() {
        let text = |data_type, key: &str, length: &str| {
            let metadata = [(key.to_owned(), length.to_owned())].into();
            mysql_type_text(&Field::new("a", data_type, true).with_metadata(metadata))
        };
        assert_eq!(text(DataType::Utf8, PADDED_LENGTH, "5"), "char(5)");
        assert_eq!(text(DataType::Utf8, CHARACTER_LENGTH, "7"), "varchar(7)");
        assert_eq!(text(DataType::Utf8, CHARACTER_LENGTH, "seven"), "varchar(16383)");
        assert_eq!(text(DataType::Int32, PADDED_LENGTH, "5"), "int");
    }
}
