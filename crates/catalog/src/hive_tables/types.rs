//! Hive's type names as Arrow types.
//!
//! Source: Apache Hive, "LanguageManual Types"; the grammar is that of
//! `serde2/typeinfo/TypeInfoUtils.java`.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use mooring_spi::{Error, Result};
use std::sync::Arc;

/// Types within types; beyond it nobody can mean it.
const DEPTH_MAX: usize = 64;
const DECIMAL_PRECISION_MAX: u8 = 38;
/// Of `char(n)`: Trino's; Hive's is 255.
const CHAR_LENGTH_MAX: u32 = 65_536;

/// The Arrow type of a column.
///
/// # Errors
/// `Unsupported`, naming the type, for one that is unknown or has no rows here.
pub(super) fn arrow_type(text: &str) -> Result<DataType> {
    let mut parser = Parser { rest: text.trim() };
    let parsed = parser.data_type(DEPTH_MAX);
    match parsed {
        Some(data_type) if parser.rest.is_empty() => Ok(data_type),
        _ => Err(Error::unsupported(format!("the Hive type `{text}` is not supported"))),
    }
}

/// What a type of characters says beside that it is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Characters {
    /// `varchar(n)`
    AtMost(usize),
    /// `char(n)`
    Exactly(usize),
}

/// `None` of other types.
pub(super) fn characters(text: &str) -> Option<Characters> {
    let text = text.trim().to_ascii_lowercase();
    let length = |rest: &str| -> Option<usize> {
        rest.trim().strip_prefix('(')?.strip_suffix(')')?.trim().parse().ok()
    };
    match text.strip_prefix("varchar") {
        Some(rest) => length(rest).map(Characters::AtMost),
        None => length(text.strip_prefix("char")?).map(Characters::Exactly),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn data_type(&mut self, depth: usize) -> Option<DataType> {
        let depth = depth.checked_sub(1)?;
        let name = self.word(|character| character.is_alphanumeric() || "_ ".contains(character));
        let name = name.trim().to_ascii_lowercase();
        Some(match name.as_str() {
            "boolean" => DataType::Boolean,
            "tinyint" => DataType::Int8,
            "smallint" => DataType::Int16,
            "int" | "integer" => DataType::Int32,
            "bigint" => DataType::Int64,
            "float" => DataType::Float32,
            "double" | "double precision" => DataType::Float64,
            "string" => DataType::Utf8,
            "binary" => DataType::Binary,
            "date" => DataType::Date32,
            "timestamp" => DataType::Timestamp(TimeUnit::Microsecond, None),
            "timestamp with local time zone" => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            "varchar" => {
                self.numbers()?;
                DataType::Utf8
            }
            "char" => match self.numbers()?.as_slice() {
                [1..=CHAR_LENGTH_MAX] => DataType::Utf8,
                _ => return None,
            },
            "decimal" | "numeric" => self.decimal()?,
            "array" => {
                self.symbol('<')?;
                let item = Field::new("item", self.data_type(depth)?, true);
                self.symbol('>')?;
                DataType::List(Arc::new(item))
            }
            "map" => {
                self.symbol('<')?;
                let key = Field::new("key", self.data_type(depth)?, false);
                self.symbol(',')?;
                let value = Field::new("value", self.data_type(depth)?, true);
                self.symbol('>')?;
                let entries = DataType::Struct(Fields::from(vec![key, value]));
                DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
            }
            "struct" => self.structure(depth)?,
            _ => return None,
        })
    }

    /// `<name:type, ...>`
    fn structure(&mut self, depth: usize) -> Option<DataType> {
        self.symbol('<')?;
        let mut fields = Vec::new();
        loop {
            let name = match self.rest.strip_prefix('`') {
                Some(quoted) => {
                    let (name, rest) = quoted.split_once('`')?;
                    self.rest = rest;
                    name
                }
                None => self.word(|character| !":<>,".contains(character)),
            };
            self.symbol(':')?;
            fields.push(Field::new(name.trim(), self.data_type(depth)?, true));
            if self.symbol(',').is_none() {
                self.symbol('>')?;
                return Some(DataType::Struct(Fields::from(fields)));
            }
        }
    }

    /// `DECIMAL` alone is `DECIMAL(10,0)`.
    fn decimal(&mut self) -> Option<DataType> {
        let (precision, scale) = match self.rest.starts_with('(') {
            true => match self.numbers()?.as_slice() {
                [precision] => (*precision, 0),
                [precision, scale] => (*precision, *scale),
                _ => return None,
            },
            false => (10, 0),
        };
        let precision = u8::try_from(precision).ok()?;
        let scale = i8::try_from(scale).ok()?;
        let fits =
            (1..=DECIMAL_PRECISION_MAX).contains(&precision) && scale.unsigned_abs() <= precision;
        fits.then_some(DataType::Decimal128(precision, scale))
    }

    /// `(1, 2)`
    fn numbers(&mut self) -> Option<Vec<u32>> {
        let (numbers, rest) = self.rest.strip_prefix('(')?.split_once(')')?;
        self.rest = rest;
        numbers.split(',').map(|number| number.trim().parse().ok()).collect()
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|character| !belongs(character)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_are_those_of_hive() {
        let text = |name: &str| arrow_type(name).map(|found| found.to_string());
        for (hive, arrow) in [
            ("bigint", "Int64"),
            ("decimal", "Decimal128(10, 0)"),
            ("decimal(38, 18)", "Decimal128(38, 18)"),
            ("varchar(20)", "Utf8"),
            ("char(255)", "Utf8"),
            ("timestamp with local time zone", "Timestamp(µs, \"UTC\")"),
            ("array<int>", "List(Int32)"),
        ] {
            assert_eq!(text(hive).expect(hive), arrow);
        }
        let nested = arrow_type("struct<a:int,`b c`:array<map<string,decimal(3,1)>>,d:date>");
        let DataType::Struct(fields) = nested.expect("a struct") else {
            panic!("no struct");
        };
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "b c", "d"]);
    }

    #[test]
    fn others_are_refused_by_name() {
        for hive in [
            "uniontype<int,string>",
            "void",
            "decimal(39,0)",
            "decimal(3,4)",
            "varchar",
            "char",
            "char(0)",
            "char(65537)",
            "char(1,2)",
            "array<int",
            "array<int>>",
            "map<int>",
            "struct<a>",
            "interval_day_time",
            "",
        ] {
            let error = arrow_type(hive).expect_err(hive);
            assert!(error.message().contains(&format!("`{hive}`")), "{error}");
        }
        assert!(arrow_type(&"array<".repeat(100_000)).is_err());
    }

    #[test]
    fn lengths_are_those_of_characters() {
        for (hive, length) in [
            ("varchar(10)", Some(Characters::AtMost(10))),
            ("CHAR( 5 )", Some(Characters::Exactly(5))),
            ("string", None),
            ("decimal(5)", None),
            ("array<char(5)>", None),
        ] {
            assert_eq!(characters(hive), length);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(text in "[a-z<>:,()`0-9 ]{0,60}") {
            let _ = arrow_type(&text);
        }
    }
}
