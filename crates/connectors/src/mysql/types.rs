//! Which Arrow type stands for a column of MySQL or MariaDB, in which form it is selected, and which conditions on it
//! the server may check. The table for users is in `docs/mysql-source.md`.
//!
//! Sources: MySQL 8.4 Reference Manual, chapter 13 "Data Types"; MariaDB Server Documentation, "Data Types".

use arrow::datatypes::{DataType, TimeUnit};
use serde::{Deserialize, Serialize};

const DECIMAL_DIGITS_MAX: u8 = 38;

/// What `information_schema.COLUMNS` says of a column's type.
#[derive(Debug, Clone, Default)]
pub(super) struct DeclaredType<'a> {
    /// `DATA_TYPE`, in lower case: `int`.
    pub(super) name: &'a str,
    /// `COLUMN_TYPE`: `int(10) unsigned`.
    pub(super) whole: &'a str,
    pub(super) character_set: Option<&'a str>,
    pub(super) collation: Option<&'a str>,
    pub(super) precision: Option<u8>,
    pub(super) scale: Option<u8>,
    /// Digits of a fraction of a second.
    pub(super) second_digits: Option<u8>,
    /// Of a text, in characters, or of bytes.
    pub(super) longest: Option<u64>,
}

/// How a column stands in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Form {
    Plain,
    /// Cast to text: a type that travels in a form of its own.
    Characters,
    /// Well-known binary, of a geometry.
    Wkb,
}

/// Which conditions on a column the server may check: where its comparison holds for every row for which ours does. It
/// rules wherever the column itself is compared, keys of joins among them: the Arrow type does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Comparison {
    None,
    Integer,
    Unsigned,
    Decimal,
    Double,
    Date,
    /// Wall time, with so many digits of a fraction.
    Moment {
        digits: u8,
    },
    /// UTC.
    Instant {
        digits: u8,
    },
    Text {
        /// Whether the column's collation orders texts by their bytes. One that pads with spaces does not.
        ordered: bool,
        /// Those of a text that the column is compared with.
        characters: Characters,
    },
    Bytes,
}

/// The characters that a server compares with a column without a conversion of it. With others some servers convert the
/// column, and some have an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Characters {
    Ascii,
    /// Of the basic multilingual plane, as `utf8mb3` has them.
    Basic,
    All,
}

impl Characters {
    pub(super) fn have(self, text: &str) -> bool {
        match self {
            Self::Ascii => text.is_ascii(),
            Self::Basic => text.chars().all(|character| character <= '\u{FFFF}'),
            Self::All => true,
        }
    }
}

/// What the server computes with a column exactly as we do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Computes {
    /// Everything.
    Exactly,
    /// What dates do that are in a calendar.
    Dates,
    Text {
        at_most: Option<u64>,
        /// Whether it is in another character set than ours.
        converted: bool,
        /// Where equal bytes in ours are equal in its character set, too.
        collation: Option<String>,
    },
    Bytes {
        at_most: Option<u64>,
    },
    /// Nothing: a column of this type.
    Nothing {
        declared: String,
    },
}

impl Computes {
    pub(super) fn of(declared: &DeclaredType<'_>) -> Self {
        match declared.name {
            "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "float"
            | "double" | "real" => Self::Exactly,
            "decimal" | "numeric" if declared.precision.unwrap_or(10) <= DECIMAL_DIGITS_MAX => {
                Self::Exactly
            }
            "date" | "datetime" | "timestamp" => Self::Dates,
            "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "char" => {
                let converted = declared.character_set != Some("utf8mb4");
                let known = characters(declared.character_set);
                let collation = known.and(declared.collation).map(str::to_owned);
                Self::Text { at_most: declared.longest, converted, collation }
            }
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
                Self::Bytes { at_most: declared.longest }
            }
            other => Self::Nothing { declared: other.to_owned() },
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct ColumnType {
    pub(super) data_type: DataType,
    pub(super) form: Form,
    pub(super) comparison: Comparison,
}

/// `None` for a type that is not known here.
pub(super) fn column_type(declared: &DeclaredType<'_>) -> Option<ColumnType> {
    let unsigned = declared.whole.contains(" unsigned");
    let plain = |data_type, comparison| ColumnType { data_type, form: Form::Plain, comparison };
    let integer = |signed, without_sign| match unsigned {
        true => plain(without_sign, Comparison::Unsigned),
        false => plain(signed, Comparison::Integer),
    };
    let digits = declared.second_digits.unwrap_or_default();
    Some(match declared.name {
        "tinyint" => integer(DataType::Int8, DataType::UInt8),
        "smallint" => integer(DataType::Int16, DataType::UInt16),
        "mediumint" | "int" | "integer" => integer(DataType::Int32, DataType::UInt32),
        "bigint" => integer(DataType::Int64, DataType::UInt64),
        // A number of one or two digits is another year there.
        "year" => plain(DataType::Int16, Comparison::None),
        "bit" => plain(DataType::UInt64, Comparison::None),
        // Its values are compared as doubles there, and were rounded to 24 bits.
        "float" => plain(DataType::Float32, Comparison::None),
        "double" | "real" => plain(DataType::Float64, Comparison::Double),
        "decimal" | "numeric" => {
            let precision = declared.precision.unwrap_or(10).clamp(1, DECIMAL_DIGITS_MAX);
            let scale = declared.scale.unwrap_or_default().min(precision);
            let scale = i8::try_from(scale).unwrap_or_default();
            plain(DataType::Decimal128(precision, scale), Comparison::Decimal)
        }
        "date" => plain(DataType::Date32, Comparison::Date),
        "datetime" => {
            plain(DataType::Timestamp(TimeUnit::Microsecond, None), Comparison::Moment { digits })
        }
        "timestamp" => plain(
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Comparison::Instant { digits },
        ),
        // Longer than a day, and negative.
        "time" => plain(DataType::Utf8, Comparison::None),
        "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => {
            plain(DataType::Utf8, text(declared, true))
        }
        // Spaces at the end are not stored, whatever the collation makes of them.
        "char" | "enum" => plain(DataType::Utf8, text(declared, false)),
        "set" | "json" => plain(DataType::Utf8, Comparison::None),
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            plain(DataType::Binary, Comparison::Bytes)
        }
        "vector" => plain(DataType::Binary, Comparison::None),
        "uuid" | "inet4" | "inet6" => ColumnType {
            data_type: DataType::Utf8,
            form: Form::Characters,
            comparison: Comparison::None,
        },
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geometrycollection" | "geomcollection" => ColumnType {
            data_type: DataType::Binary,
            form: Form::Wkb,
            comparison: Comparison::None,
        },
        _ => return None,
    })
}

fn text(declared: &DeclaredType<'_>, may_be_ordered: bool) -> Comparison {
    // A code point is greater where its bytes in UTF-8 are. `utf8mb4_bin` pads with spaces: `a` and a tab stand before `a`.
    let ordered = matches!(
        declared.collation,
        Some("utf8mb4_0900_bin" | "utf8mb4_nopad_bin" | "utf8mb3_nopad_bin" | "utf8_nopad_bin")
    );
    match characters(declared.character_set) {
        Some(characters) => Comparison::Text { ordered: ordered && may_be_ordered, characters },
        None => Comparison::None,
    }
}

/// Of a character set that has each character once.
fn characters(character_set: Option<&str>) -> Option<Characters> {
    match character_set? {
        "utf8mb4" => Some(Characters::All),
        "utf8mb3" | "utf8" => Some(Characters::Basic),
        "latin1" | "ascii" => Some(Characters::Ascii),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, whole: &str) -> DataType {
        let declared = DeclaredType { name, whole, ..DeclaredType::default() };
        column_type(&declared).expect("a known type").data_type
    }

    #[test]
    fn numbers_keep_their_width_and_sign() {
        assert_eq!(of("tinyint", "tinyint(1)"), DataType::Int8);
        assert_eq!(of("tinyint", "tinyint(3) unsigned"), DataType::UInt8);
        assert_eq!(of("mediumint", "mediumint(8) unsigned zerofill"), DataType::UInt32);
        assert_eq!(of("bigint", "bigint unsigned"), DataType::UInt64);
        assert_eq!(of("bigint", "bigint"), DataType::Int64);
        let decimal = |precision, scale| {
            let declared = DeclaredType {
                name: "decimal",
                precision: Some(precision),
                scale: Some(scale),
                ..DeclaredType::default()
            };
            column_type(&declared).expect("a known type").data_type
        };
        assert_eq!(decimal(15, 2), DataType::Decimal128(15, 2));
        assert_eq!(decimal(65, 30), DataType::Decimal128(38, 30));
        assert_eq!(decimal(38, 38), DataType::Decimal128(38, 38));
    }

    #[test]
    fn only_collations_of_bytes_order_texts() {
        let compares = |name, character_set, collation| {
            let declared = DeclaredType {
                name,
                character_set: Some(character_set),
                collation: Some(collation),
                ..DeclaredType::default()
            };
            column_type(&declared).expect("a known type").comparison
        };
        let text = |ordered, characters| Comparison::Text { ordered, characters };
        let all = |ordered| text(ordered, Characters::All);
        assert_eq!(compares("varchar", "utf8mb4", "utf8mb4_0900_bin"), all(true));
        assert_eq!(compares("text", "utf8mb4", "utf8mb4_nopad_bin"), all(true));
        assert_eq!(compares("varchar", "utf8mb4", "utf8mb4_bin"), all(false));
        assert_eq!(compares("char", "utf8mb4", "utf8mb4_0900_bin"), all(false));
        assert_eq!(compares("enum", "utf8mb3", "utf8mb3_bin"), text(false, Characters::Basic));
        assert_eq!(compares("text", "utf8mb3", "utf8mb3_nopad_bin"), text(true, Characters::Basic));
        assert_eq!(compares("varchar", "latin1", "latin1_bin"), text(false, Characters::Ascii));
        assert_eq!(compares("varchar", "sjis", "sjis_japanese_ci"), Comparison::None);
    }

    #[test]
    fn only_known_characters_have_a_collation() {
        let collation = |character_set, collation| {
            let declared = DeclaredType {
                name: "varchar",
                character_set: Some(character_set),
                collation: Some(collation),
                ..DeclaredType::default()
            };
            match Computes::of(&declared) {
                Computes::Text { collation, .. } => collation,
                other => panic!("{other:?}"),
            }
        };
        for (set, name) in [
            ("utf8mb4", "utf8mb4_0900_ai_ci"),
            ("utf8mb3", "utf8mb3_general_ci"),
            ("latin1", "latin1_swedish_ci"),
        ] {
            assert_eq!(collation(set, name).as_deref(), Some(name));
        }
        // It has characters twice, which are the same in Unicode.
        assert_eq!(collation("cp932", "cp932_japanese_ci"), None);
    }

    #[test]
    fn unknown_types_have_none() {
        let declared = DeclaredType { name: "xmltype", ..DeclaredType::default() };
        assert_eq!(column_type(&declared), None);
    }
}
