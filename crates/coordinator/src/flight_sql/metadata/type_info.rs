//! GetXdbcTypeInfo: the types by the names that statements give them.
//!
//! Source of the columns: `FlightSql.proto`, `CommandGetXdbcTypeInfo`; of sizes and prefixes: the
//! ODBC reference, "SQLGetTypeInfo Function" and "Column Size, Decimal Digits, Transfer Octet
//! Length, and Display Size".

use crate::flight_sql::status::defect;
use arrow::array::RecordBatch;
use arrow_flight::sql::metadata::{XdbcTypeInfo, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::{Nullable, Searchable, XdbcDataType, XdbcDatetimeSubcode};
use mooring_spi::Result;

/// Text and bytes as long as a value may be.
const LONGEST: i32 = i32::MAX;

/// All types, or those of one number.
///
/// # Errors
/// `Internal`.
pub(super) fn type_info(data_type: Option<i32>) -> Result<RecordBatch> {
    let mut builder = XdbcTypeInfoDataBuilder::new();
    for info in types() {
        builder.append(info);
    }
    builder.build().and_then(|data| data.record_batch(data_type)).map_err(defect)
}

fn types() -> Vec<XdbcTypeInfo> {
    let mut all = vec![
        bit(),
        integer("tinyint", XdbcDataType::XdbcTinyint, 3, false),
        integer("smallint", XdbcDataType::XdbcSmallint, 5, false),
        integer("int", XdbcDataType::XdbcInteger, 10, false),
        integer("bigint", XdbcDataType::XdbcBigint, 19, false),
        integer("tinyint unsigned", XdbcDataType::XdbcTinyint, 3, true),
        integer("smallint unsigned", XdbcDataType::XdbcSmallint, 5, true),
        integer("int unsigned", XdbcDataType::XdbcInteger, 10, true),
        integer("bigint unsigned", XdbcDataType::XdbcBigint, 20, true),
        float("float", XdbcDataType::XdbcReal, 24),
        float("double", XdbcDataType::XdbcDouble, 53),
        decimal(),
    ];
    all.extend([
        quoted("char", XdbcDataType::XdbcChar, 255, "length", "'"),
        quoted("varchar", XdbcDataType::XdbcVarchar, LONGEST, "length", "'"),
        quoted("binary", XdbcDataType::XdbcBinary, 255, "length", "X'"),
        quoted("varbinary", XdbcDataType::XdbcVarbinary, LONGEST, "length", "X'"),
    ]);
    all.extend([
        moment("date", XdbcDataType::XdbcDate, None, 10, "DATE '"),
        moment(
            "time",
            XdbcDataType::XdbcTime,
            Some(XdbcDatetimeSubcode::XdbcSubcodeTime),
            15,
            "TIME '",
        ),
        moment(
            "datetime",
            XdbcDataType::XdbcTimestamp,
            Some(XdbcDatetimeSubcode::XdbcSubcodeTimestamp),
            26,
            "TIMESTAMP '",
        ),
        moment(
            "timestamp",
            XdbcDataType::XdbcTimestamp,
            Some(XdbcDatetimeSubcode::XdbcSubcodeTimestampWithTimezone),
            26,
            "TIMESTAMP '",
        ),
    ]);
    all
}

fn named(name: &str, data_type: XdbcDataType, size: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        type_name: name.to_owned(),
        data_type,
        column_size: Some(size),
        nullable: Nullable::NullabilityNullable,
        searchable: Searchable::Full,
        local_type_name: Some(name.to_owned()),
        sql_data_type: data_type,
        ..XdbcTypeInfo::default()
    }
}

fn bit() -> XdbcTypeInfo {
    named("boolean", XdbcDataType::XdbcBit, 1)
}

fn integer(name: &str, data_type: XdbcDataType, digits: i32, unsigned: bool) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(unsigned),
        auto_increment: Some(false),
        minimum_scale: Some(0),
        maximum_scale: Some(0),
        num_prec_radix: Some(10),
        ..named(name, data_type, digits)
    }
}

fn float(name: &str, data_type: XdbcDataType, bits: i32) -> XdbcTypeInfo {
    XdbcTypeInfo {
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        num_prec_radix: Some(2),
        ..named(name, data_type, bits)
    }
}

fn decimal() -> XdbcTypeInfo {
    XdbcTypeInfo {
        create_params: Some(vec!["precision".to_owned(), "scale".to_owned()]),
        unsigned_attribute: Some(false),
        auto_increment: Some(false),
        minimum_scale: Some(0),
        maximum_scale: Some(38),
        num_prec_radix: Some(10),
        ..named("decimal", XdbcDataType::XdbcDecimal, 38)
    }
}

/// Text compares by its bytes.
fn quoted(
    name: &str,
    data_type: XdbcDataType,
    size: i32,
    parameter: &str,
    prefix: &str,
) -> XdbcTypeInfo {
    XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        create_params: Some(vec![parameter.to_owned()]),
        case_sensitive: true,
        ..named(name, data_type, size)
    }
}

/// Dates and times are to the microsecond.
fn moment(
    name: &str,
    data_type: XdbcDataType,
    subcode: Option<XdbcDatetimeSubcode>,
    size: i32,
    prefix: &str,
) -> XdbcTypeInfo {
    let fraction = subcode.map(|_| 6);
    XdbcTypeInfo {
        literal_prefix: Some(prefix.to_owned()),
        literal_suffix: Some("'".to_owned()),
        minimum_scale: fraction.map(|_| 0),
        maximum_scale: fraction,
        datetime_subcode: subcode,
        ..named(name, data_type, size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray;

    fn names(data_type: Option<i32>) -> Vec<String> {
        let batch = type_info(data_type).expect("types");
        let names = batch.column(0).as_string::<i32>().iter().flatten();
        names.map(str::to_owned).collect()
    }

    #[test]
    fn one_type_is_told_alone_and_all_without_a_number() {
        assert_eq!(names(Some(XdbcDataType::XdbcDate as i32)), ["date"]);
        let integers = names(Some(XdbcDataType::XdbcInteger as i32));
        assert_eq!(integers, ["int", "int unsigned"]);
        assert_eq!(names(None).len(), types().len());
        assert!(names(Some(4711)).is_empty());
    }
}
