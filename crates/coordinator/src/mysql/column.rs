//! Column definitions: which MySQL type, charset, length, decimals and flags stand for an Arrow
//! field.
//!
//! Sources: MySQL Source Code Documentation, "Protocol::ColumnDefinition41" and
//! `include/field_types.h`; display lengths from the MySQL 8.0 manual, "Numeric Type Attributes"
//! and "Data Type Storage Requirements".

use super::wire::put_string;
use crate::session::OutputColumn;
use arrow::datatypes::{DataType, Field, TimeUnit};
use mooring_spi::{Error, Result};
use mysql_common::constants::{ColumnFlags, ColumnType};
use std::sync::Arc;

/// `utf8mb4_bin`
const TEXT: u16 = super::handshake::TEXT_COLLATION as u16;
/// `binary`
const BINARY: u16 = 63;

/// The largest VARCHAR in utf8mb4: ODBC clients allocate buffers by the declared length.
const TEXT_LENGTH: u32 = 65_532;
const BINARY_LENGTH: u32 = 65_535;
/// As MySQL declares JSON.
const JSON_LENGTH: u32 = u32::MAX;
const INTERVAL_LENGTH: u32 = 4 * 96;
/// "The scale is not fixed", for floating point.
const ANY_DECIMALS: u8 = 31;

/// How a column's values look to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WireType {
    kind: ColumnType,
    charset: u16,
    length: u32,
    decimals: u8,
    flags: ColumnFlags,
}

/// Appends `Protocol::ColumnDefinition41` for `column` of `table` (empty for an expression).
///
/// # Errors
/// `Unsupported` for an Arrow type that MySQL clients have no form for.
pub(crate) fn put_column(out: &mut Vec<u8>, column: &OutputColumn, table: &str) -> Result<()> {
    let mut wire = wire_type(column.field.data_type())?;
    if !column.field.is_nullable() {
        wire.flags |= ColumnFlags::NOT_NULL_FLAG;
    }
    let original = if table.is_empty() { "" } else { column.field.name() };
    for name in ["def", "", table, table, &column.label, original] {
        put_string(out, name.as_bytes());
    }
    out.push(0x0C); // length of what follows
    out.extend_from_slice(&wire.charset.to_le_bytes());
    out.extend_from_slice(&wire.length.to_le_bytes());
    out.push(wire.kind as u8);
    out.extend_from_slice(&wire.flags.bits().to_le_bytes());
    out.push(wire.decimals);
    out.extend_from_slice(&[0, 0]);
    Ok(())
}

/// Appends the definition of a parameter: `?`, of the type that the planner infers for it. Where
/// there is none, and for a type that MySQL lacks, it is a string.
pub(crate) fn put_parameter(out: &mut Vec<u8>, data_type: &DataType) {
    let inferred = match data_type {
        DataType::Null => DataType::Utf8,
        other if wire_type(other).is_ok() => other.clone(),
        _ => DataType::Utf8,
    };
    let field = Arc::new(Field::new("?", inferred, true));
    let column = OutputColumn { label: "?".to_owned(), field };
    // The type has a form: it was chosen for that.
    let _ = put_column(out, &column, "");
}

/// # Errors
/// `Unsupported` for a column that MySQL clients have no form for.
pub(crate) fn check_column(column: &OutputColumn) -> Result<()> {
    wire_type(column.field.data_type()).map(drop)
}

/// Whether a type within a list, struct or map has a form in JSON.
fn check_nested(data_type: &DataType) -> Result<()> {
    match data_type {
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => check_nested(item.data_type()),
        DataType::Struct(fields) => {
            fields.iter().try_for_each(|field| check_nested(field.data_type()))
        }
        plain => wire_type(plain).map(drop),
    }
}

fn wire_type(data_type: &DataType) -> Result<WireType> {
    use ColumnType as Kind;
    let wire = match data_type {
        DataType::Null => binary(Kind::MYSQL_TYPE_NULL, 0),
        // As a column of a table declares it: with the binary flag, which MySQL gives to computed
        // numbers, Connector/J takes TINYINT(1) for a string of bits and returns bytes.
        DataType::Boolean => {
            WireType { flags: ColumnFlags::NUM_FLAG, ..number(Kind::MYSQL_TYPE_TINY, 1) }
        }
        DataType::Int8 => number(Kind::MYSQL_TYPE_TINY, 4),
        DataType::Int16 => number(Kind::MYSQL_TYPE_SHORT, 6),
        DataType::Int32 => number(Kind::MYSQL_TYPE_LONG, 11),
        DataType::Int64 => number(Kind::MYSQL_TYPE_LONGLONG, 20),
        DataType::UInt8 => unsigned(Kind::MYSQL_TYPE_TINY, 3),
        DataType::UInt16 => unsigned(Kind::MYSQL_TYPE_SHORT, 5),
        DataType::UInt32 => unsigned(Kind::MYSQL_TYPE_LONG, 10),
        DataType::UInt64 => unsigned(Kind::MYSQL_TYPE_LONGLONG, 20),
        DataType::Float16 | DataType::Float32 => {
            WireType { decimals: ANY_DECIMALS, ..number(Kind::MYSQL_TYPE_FLOAT, 12) }
        }
        DataType::Float64 => {
            WireType { decimals: ANY_DECIMALS, ..number(Kind::MYSQL_TYPE_DOUBLE, 22) }
        }
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale)
        | DataType::Decimal256(precision, scale) => decimal(*precision, *scale),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => text(TEXT_LENGTH),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => {
            binary(Kind::MYSQL_TYPE_VAR_STRING, BINARY_LENGTH)
        }
        DataType::FixedSizeBinary(length) => {
            binary(Kind::MYSQL_TYPE_STRING, u32::try_from(*length).unwrap_or_default())
        }
        DataType::Date32 | DataType::Date64 => binary(Kind::MYSQL_TYPE_DATE, 10),
        DataType::Time32(unit) | DataType::Time64(unit) => {
            with_fraction(binary(Kind::MYSQL_TYPE_TIME, 10), *unit)
        }
        DataType::Timestamp(unit, _) => with_fraction(binary(Kind::MYSQL_TYPE_DATETIME, 19), *unit),
        DataType::Duration(_) | DataType::Interval(_) => text(INTERVAL_LENGTH),
        DataType::List(_)
        | DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::ListView(_)
        | DataType::LargeListView(_)
        | DataType::Struct(_)
        | DataType::Map(_, _) => {
            check_nested(data_type)?;
            let json = binary(Kind::MYSQL_TYPE_JSON, JSON_LENGTH);
            WireType { flags: json.flags | ColumnFlags::BLOB_FLAG, ..json }
        }
        DataType::Dictionary(_, values) => wire_type(values)?,
        DataType::RunEndEncoded(_, values) => wire_type(values.data_type())?,
        DataType::Union(_, _) => return Err(unsupported(data_type)),
    };
    Ok(wire)
}

/// The refusal of an Arrow type without a form.
pub(crate) fn unsupported(data_type: &DataType) -> Error {
    Error::unsupported(format!(
        "a column of type `{data_type}` cannot be sent to a MySQL client; cast it to another type"
    ))
}

/// Digits after the point of the second. Nanoseconds are cut to microseconds.
pub(crate) fn fraction_digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond | TimeUnit::Nanosecond => 6,
    }
}

fn with_fraction(wire: WireType, unit: TimeUnit) -> WireType {
    let decimals = fraction_digits(unit);
    let point = u32::from(decimals > 0);
    WireType { decimals, length: wire.length + point + u32::from(decimals), ..wire }
}

fn decimal(precision: u8, scale: i8) -> WireType {
    let decimals = scale.max(0).unsigned_abs();
    let zeros = u32::from(scale.min(0).unsigned_abs());
    let sign_and_point = 1 + u32::from(decimals > 0);
    let length = u32::from(precision) + zeros + sign_and_point;
    WireType { decimals, ..number(ColumnType::MYSQL_TYPE_NEWDECIMAL, length) }
}

fn text(length: u32) -> WireType {
    WireType {
        kind: ColumnType::MYSQL_TYPE_VAR_STRING,
        charset: TEXT,
        length,
        decimals: 0,
        flags: ColumnFlags::empty(),
    }
}

fn binary(kind: ColumnType, length: u32) -> WireType {
    WireType { kind, charset: BINARY, length, decimals: 0, flags: ColumnFlags::BINARY_FLAG }
}

fn number(kind: ColumnType, length: u32) -> WireType {
    let wire = binary(kind, length);
    WireType { flags: wire.flags | ColumnFlags::NUM_FLAG, ..wire }
}

fn unsigned(kind: ColumnType, length: u32) -> WireType {
    let wire = number(kind, length);
    WireType { flags: wire.flags | ColumnFlags::UNSIGNED_FLAG, ..wire }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_common::io::ParseBuf;
    use mysql_common::packets::Column;
    use mysql_common::proto::MyDeserialize;

    /// What the peer library reads out of a definition.
    fn definition(data_type: DataType, nullable: bool) -> Column {
        let field = Arc::new(Field::new("name", data_type, nullable));
        let mut bytes = Vec::new();
        let column = OutputColumn { label: "COUNT(*)".to_owned(), field };
        put_column(&mut bytes, &column, "").expect("a type with a form");
        Column::deserialize((), &mut ParseBuf(&bytes)).expect("a column definition")
    }

    /// Lengths and decimals as `--column-type-info` shows them of MariaDB 10.11.
    #[test]
    fn types_have_their_lengths_and_decimals() {
        use ColumnType as Kind;
        for (data_type, kind, length, decimals) in [
            (DataType::Boolean, Kind::MYSQL_TYPE_TINY, 1, 0),
            (DataType::Int8, Kind::MYSQL_TYPE_TINY, 4, 0),
            (DataType::UInt8, Kind::MYSQL_TYPE_TINY, 3, 0),
            (DataType::Int16, Kind::MYSQL_TYPE_SHORT, 6, 0),
            (DataType::UInt16, Kind::MYSQL_TYPE_SHORT, 5, 0),
            (DataType::Int32, Kind::MYSQL_TYPE_LONG, 11, 0),
            (DataType::UInt64, Kind::MYSQL_TYPE_LONGLONG, 20, 0),
            (DataType::Float32, Kind::MYSQL_TYPE_FLOAT, 12, 31),
            (DataType::Decimal128(38, 38), Kind::MYSQL_TYPE_NEWDECIMAL, 40, 38),
            // Beyond MySQL's 65 digits, by the same rule.
            (DataType::Decimal256(76, 10), Kind::MYSQL_TYPE_NEWDECIMAL, 78, 10),
            (DataType::Time32(TimeUnit::Second), Kind::MYSQL_TYPE_TIME, 10, 0),
            (DataType::Timestamp(TimeUnit::Millisecond, None), Kind::MYSQL_TYPE_DATETIME, 23, 3),
            (DataType::Null, Kind::MYSQL_TYPE_NULL, 0, 0),
            (DataType::Binary, Kind::MYSQL_TYPE_VAR_STRING, 65_535, 0),
            (DataType::Int64, Kind::MYSQL_TYPE_LONGLONG, 20, 0),
            (DataType::UInt32, Kind::MYSQL_TYPE_LONG, 10, 0),
            (DataType::Float64, Kind::MYSQL_TYPE_DOUBLE, 22, 31),
            (DataType::Decimal128(15, 2), Kind::MYSQL_TYPE_NEWDECIMAL, 17, 2),
            (DataType::Decimal128(10, 0), Kind::MYSQL_TYPE_NEWDECIMAL, 11, 0),
            (DataType::Date32, Kind::MYSQL_TYPE_DATE, 10, 0),
            (DataType::Timestamp(TimeUnit::Microsecond, None), Kind::MYSQL_TYPE_DATETIME, 26, 6),
            (DataType::Timestamp(TimeUnit::Second, None), Kind::MYSQL_TYPE_DATETIME, 19, 0),
            (DataType::Time64(TimeUnit::Nanosecond), Kind::MYSQL_TYPE_TIME, 17, 6),
        ] {
            let column = definition(data_type.clone(), true);
            let found = (column.column_type(), column.column_length(), column.decimals());
            assert_eq!(found, (kind, length, decimals), "{data_type}");
            assert_eq!(column.character_set(), 63, "{data_type}");
        }
    }

    #[test]
    fn text_declares_its_collation_and_its_label() {
        let column = definition(DataType::Utf8View, true);
        assert_eq!(column.character_set(), 46);
        assert_eq!(column.column_type(), ColumnType::MYSQL_TYPE_VAR_STRING);
        assert_eq!(column.name_str(), "COUNT(*)");
    }

    #[test]
    fn flags_follow_the_field() {
        let flags = definition(DataType::UInt64, false).flags();
        assert!(flags.contains(ColumnFlags::NOT_NULL_FLAG | ColumnFlags::UNSIGNED_FLAG));
        assert!(!definition(DataType::Int64, true).flags().contains(ColumnFlags::UNSIGNED_FLAG));
        assert!(!definition(DataType::Boolean, true).flags().contains(ColumnFlags::BINARY_FLAG));
    }

    #[test]
    fn encoded_columns_look_like_their_values() {
        let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        assert_eq!(definition(dictionary, true), definition(DataType::Utf8, true));
    }

    /// MySQL 8.0 declares a JSON column so (`--column-type-info`).
    #[test]
    fn lists_structs_and_maps_are_json() {
        let item = || Arc::new(Field::new("item", DataType::Int64, true));
        let entries = DataType::Struct(vec![item(), item()].into());
        for data_type in [
            DataType::List(item()),
            DataType::LargeList(item()),
            DataType::FixedSizeList(item(), 2),
            DataType::ListView(item()),
            DataType::LargeListView(item()),
            DataType::Struct(vec![item()].into()),
            DataType::Map(Arc::new(Field::new("entries", entries, false)), false),
        ] {
            let column = definition(data_type.clone(), true);
            let found = (column.column_type(), column.character_set(), column.column_length());
            assert_eq!(found, (ColumnType::MYSQL_TYPE_JSON, 63, u32::MAX), "{data_type}");
            let flags = ColumnFlags::BLOB_FLAG | ColumnFlags::BINARY_FLAG;
            assert_eq!(column.flags(), flags, "{data_type}");
        }
    }

    #[test]
    fn a_union_is_refused_also_within_a_list() {
        use arrow::datatypes::{UnionFields, UnionMode};
        let union = DataType::Union(UnionFields::empty(), UnionMode::Dense);
        let list = DataType::List(Arc::new(Field::new("item", union.clone(), true)));
        for data_type in [union, list] {
            let field = Arc::new(Field::new("u", data_type, true));
            let column = OutputColumn { label: "u".to_owned(), field };
            let error = check_column(&column).expect_err("refused");
            assert_eq!(error.kind(), mooring_spi::ErrorKind::Unsupported);
        }
    }

    #[test]
    fn a_parameter_of_an_unknown_type_is_a_string() {
        for (data_type, kind) in [
            (DataType::Null, ColumnType::MYSQL_TYPE_VAR_STRING),
            (DataType::Int64, ColumnType::MYSQL_TYPE_LONGLONG),
        ] {
            let mut bytes = Vec::new();
            put_parameter(&mut bytes, &data_type);
            let column = Column::deserialize((), &mut ParseBuf(&bytes)).expect("a definition");
            assert_eq!((column.column_type(), &*column.name_str()), (kind, "?"));
        }
    }
}
