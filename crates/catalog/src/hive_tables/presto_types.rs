//! Presto's type names as Arrow types, as they stand in the columns of its views.
//!
//! Source: Trino, `TypeSignature.toString` and `TypeSignatureTranslator`; PrestoDB and Athena write the same.

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use mooring_spi::{Error, Result};
use std::sync::Arc;

/// Types within types; beyond it nobody can mean it.
const DEPTH_MAX: usize = 64;
const DECIMAL_PRECISION_MAX: u8 = 38;

/// The Arrow type of a column.
///
/// # Errors
/// `Unsupported`, naming the type, for one that is unknown or has no rows here.
pub(super) fn arrow_type(text: &str) -> Result<DataType> {
    let mut parser = Parser { rest: text.trim() };
    match parser.data_type(DEPTH_MAX) {
        Some(data_type) if parser.rest.is_empty() => Ok(data_type),
        _ => Err(Error::unsupported(format!("the Presto type `{text}` is not supported"))),
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    fn data_type(&mut self, depth: usize) -> Option<DataType> {
        let depth = depth.checked_sub(1)?;
        let name = self.word().to_ascii_lowercase();
        Some(match name.as_str() {
            "boolean" => DataType::Boolean,
            "tinyint" => DataType::Int8,
            "smallint" => DataType::Int16,
            "integer" | "int" => DataType::Int32,
            "bigint" => DataType::Int64,
            "real" => DataType::Float32,
            "double" => DataType::Float64,
            "varbinary" => DataType::Binary,
            "date" => DataType::Date32,
            "varchar" | "char" => {
                self.numbers()?;
                DataType::Utf8
            }
            "decimal" => match self.numbers()?.as_slice() {
                [precision, scale] => decimal(*precision, *scale)?,
                _ => return None,
            },
            "timestamp" => {
                self.numbers()?;
                let zone = self.words("with time zone").then(|| "UTC".into());
                self.words("without time zone");
                DataType::Timestamp(TimeUnit::Microsecond, zone)
            }
            "array" => {
                self.symbol('(')?;
                let item = Field::new("item", self.data_type(depth)?, true);
                self.symbol(')')?;
                DataType::List(Arc::new(item))
            }
            "map" => {
                self.symbol('(')?;
                let key = Field::new("key", self.data_type(depth)?, false);
                self.symbol(',')?;
                let value = Field::new("value", self.data_type(depth)?, true);
                self.symbol(')')?;
                let entries = DataType::Struct(Fields::from(vec![key, value]));
                DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
            }
            "row" => self.row(depth)?,
            _ => return None,
        })
    }

    /// `(name type, "other name" type, ...)`; fields without names are not known.
    fn row(&mut self, depth: usize) -> Option<DataType> {
        self.symbol('(')?;
        let mut fields = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            let name = match self.rest.strip_prefix('"') {
                Some(quoted) => {
                    let (name, rest) = quoted.split_once('"')?;
                    self.rest = rest;
                    name
                }
                None => self.word(),
            };
            fields.push(Field::new(name, self.data_type(depth)?, true));
            if self.symbol(',').is_none() {
                self.symbol(')')?;
                return Some(DataType::Struct(Fields::from(fields)));
            }
        }
    }

    /// `(1, 2)`, or nothing at all.
    fn numbers(&mut self) -> Option<Vec<u32>> {
        let Some(rest) = self.rest.strip_prefix('(') else { return Some(Vec::new()) };
        let (numbers, rest) = rest.split_once(')')?;
        self.rest = rest;
        numbers.split(',').map(|number| number.trim().parse().ok()).collect()
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(symbol)?;
        Some(())
    }

    fn word(&mut self) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|character: char| !character.is_alphanumeric() && character != '_')
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn words(&mut self, words: &str) -> bool {
        let found = self.rest.trim_start().strip_prefix(words);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }
}

fn decimal(precision: u32, scale: u32) -> Option<DataType> {
    let precision = u8::try_from(precision).ok()?;
    let scale = i8::try_from(scale).ok()?;
    let fits =
        (1..=DECIMAL_PRECISION_MAX).contains(&precision) && scale.unsigned_abs() <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn types_are_those_of_presto() {
        for (presto, arrow) in [
            ("integer", "Int32"),
            ("real", "Float32"),
            ("varchar", "Utf8"),
            ("char(3)", "Utf8"),
            ("decimal(38,18)", "Decimal128(38, 18)"),
            ("timestamp(3)", "Timestamp(µs)"),
            ("timestamp(6) with time zone", "Timestamp(µs, \"UTC\")"),
            ("array(array(bigint))", "List(List(Int64))"),
        ] {
            assert_eq!(arrow_type(presto).expect(presto).to_string(), arrow);
        }
        let nested = arrow_type("row(a integer, \"b c\" map(varchar, decimal(3,1)))");
        let DataType::Struct(fields) = nested.expect("a row") else { panic!("no row") };
        let names: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
        assert_eq!(names, ["a", "b c"]);
    }

    #[test]
    fn others_are_refused_by_name() {
        for presto in [
            "HyperLogLog",
            "uuid",
            "time(3)",
            "decimal(39,0)",
            "array(",
            "row(integer)",
            "decimal",
            "",
        ] {
            let error = arrow_type(presto).expect_err(presto);
            assert!(error.message().contains(&format!("`{presto}`")), "{error}");
        }
        assert!(arrow_type(&"array(".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_read(text in "[a-z(),\" 0-9]{0,60}") {
            let _ = arrow_type(&text);
        }
    }
}
