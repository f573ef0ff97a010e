//! The columns of every table.

use super::table::{
    ColumnEntry,
    Kind::{BigInt, UBigInt, UInt},
    Line, Rows, TableDefinition, null, null_text, set, text,
};
use super::{CATALOG, CHARACTER_SET, COLLATION, INFORMATION_SCHEMA};
use crate::statement::{COMMENT_KEY, Cell, mysql_type_text};

pub(super) const TABLES: &[TableDefinition] = &[TableDefinition {
    schema: INFORMATION_SCHEMA,
    name: "COLUMNS",
    columns: &[
        text("TABLE_CATALOG"),
        text("TABLE_SCHEMA"),
        text("TABLE_NAME"),
        null_text("COLUMN_NAME"),
        set("ORDINAL_POSITION", UInt),
        null_text("COLUMN_DEFAULT"),
        text("IS_NULLABLE"),
        null_text("DATA_TYPE"),
        null("CHARACTER_MAXIMUM_LENGTH", BigInt),
        null("CHARACTER_OCTET_LENGTH", BigInt),
        null("NUMERIC_PRECISION", UBigInt),
        null("NUMERIC_SCALE", UBigInt),
        null("DATETIME_PRECISION", UInt),
        null_text("CHARACTER_SET_NAME"),
        null_text("COLLATION_NAME"),
        text("COLUMN_TYPE"),
        text("COLUMN_KEY"),
        null_text("EXTRA"),
        null_text("PRIVILEGES"),
        text("COLUMN_COMMENT"),
        text("GENERATION_EXPRESSION"),
        null("SRS_ID", UInt),
    ],
    rows: Rows::PerColumn(column),
}];

fn column(column: &ColumnEntry<'_>) -> Line {
    let shape = Shape::of(&mysql_type_text(column.field));
    let comment = column.field.metadata().get(COMMENT_KEY).map_or("", String::as_str);
    let is_text = ["varchar", "char"].contains(&shape.name.as_str());
    vec![
        CATALOG.into(),
        column.table.database.label.as_str().into(),
        column.table.summary.name.as_str().into(),
        column.field.name().as_str().into(),
        column.position.into(),
        Cell::Null,
        if column.field.is_nullable() { "YES" } else { "NO" }.into(),
        shape.name.as_str().into(),
        shape.length.into(),
        // Four bytes hold any character.
        shape.length.map(|length| if is_text { length * 4 } else { length }).into(),
        shape.precision.into(),
        shape.scale.into(),
        shape.second_digits.into(),
        is_text.then_some(CHARACTER_SET).into(),
        is_text.then_some(COLLATION).into(),
        shape.text.into(),
        "".into(),
        "".into(),
        "select".into(),
        comment.into(),
        "".into(),
        Cell::Null,
    ]
}

/// What a type's text says, as MySQL spreads it over columns (MySQL 8.0 Reference Manual, section
/// 28.3.8 "The INFORMATION_SCHEMA COLUMNS Table").
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    text: String,
    name: String,
    /// Characters or, of binary types, bytes.
    length: Option<i64>,
    precision: Option<i64>,
    scale: Option<i64>,
    second_digits: Option<i64>,
}

impl Shape {
    fn of(text: &str) -> Self {
        let name = text.split(['(', ' ']).next().unwrap_or(text).to_owned();
        let numbers: Vec<i64> = text
            .split_once('(')
            .and_then(|(_, rest)| rest.split_once(')'))
            .map(|(inside, _)| inside.split(',').filter_map(|part| part.parse().ok()).collect())
            .unwrap_or_default();
        let unsigned = text.ends_with(" unsigned");
        let first = numbers.first().copied();
        let mut shape = Shape {
            text: text.to_owned(),
            name,
            length: None,
            precision: None,
            scale: None,
            second_digits: None,
        };
        match shape.name.as_str() {
            "tinyint" => shape.number(3, Some(0)),
            "smallint" => shape.number(5, Some(0)),
            "int" => shape.number(10, Some(0)),
            "bigint" => shape.number(if unsigned { 20 } else { 19 }, Some(0)),
            "float" => shape.number(12, None),
            "double" => shape.number(22, None),
            "decimal" => shape.number(first.unwrap_or(10), numbers.get(1).copied().or(Some(0))),
            "varchar" | "char" | "binary" => shape.length = first,
            "blob" => shape.length = Some(65_535),
            "time" | "datetime" | "timestamp" => shape.second_digits = first.or(Some(0)),
            _ => {}
        }
        shape
    }

    fn number(&mut self, precision: i64, scale: Option<i64>) {
        self.precision = Some(precision);
        self.scale = scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MariaDB 10.11 over a table of these types.
    #[test]
    fn a_type_is_spread_over_its_columns() {
        for (text, name, length, precision, scale, second_digits) in [
            ("tinyint(1)", "tinyint", None, Some(3), Some(0), None),
            ("bigint unsigned", "bigint", None, Some(20), Some(0), None),
            ("decimal(15,2)", "decimal", None, Some(15), Some(2), None),
            ("double", "double", None, Some(22), None, None),
            ("varchar(16383)", "varchar", Some(16383), None, None, None),
            ("char(5)", "char", Some(5), None, None, None),
            ("binary(16)", "binary", Some(16), None, None, None),
            ("blob", "blob", Some(65535), None, None, None),
            ("date", "date", None, None, None, None),
            ("datetime(6)", "datetime", None, None, None, Some(6)),
            ("timestamp", "timestamp", None, None, None, Some(0)),
            ("json", "json", None, None, None, None),
        ] {
            let text_owned = text.to_owned();
            let name = name.to_owned();
            let expected =
                Shape { text: text_owned, name, length, precision, scale, second_digits };
            assert_eq!(Shape::of(text), expected);
        }
    }
}
