//! The properties of a table, found by their names in any case, and what is said of one that is wrong.

use crate::hive_tables::location::shown;
use mooring_spi::{Error, ErrorKind, Result, fold};
use std::collections::BTreeMap;
use std::str::FromStr;

#[derive(Debug, Clone, Copy)]
pub(super) struct Properties<'a> {
    /// Schema and name.
    pub(super) table: &'a str,
    pub(super) parameters: &'a BTreeMap<String, String>,
}

impl<'a> Properties<'a> {
    /// As it is written wins.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        let folded = || {
            let mut parameters = self.parameters.iter();
            parameters.find(|(known, _)| fold(known) == fold(name)).map(|(_, value)| value)
        };
        self.parameters.get(name).or_else(folded).map(String::as_str)
    }

    pub(super) fn of_column(self, column: &'a str) -> ColumnProperties<'a> {
        ColumnProperties { properties: self, column }
    }

    fn missing(&self, name: &str, right: &str) -> Error {
        let message = format!(
            "table `{}` has a partition projection without the property `{name}`; it has to be {right}",
            self.table
        );
        Error::new(ErrorKind::CorruptData, message)
    }

    pub(super) fn malformed(&self, name: &str, value: &str, right: &str) -> Error {
        let message = format!(
            "table `{}` has the property `{name}` = `{}`; it has to be {right}",
            self.table,
            shown(value)
        );
        Error::new(ErrorKind::CorruptData, message)
    }

    pub(super) fn unsupported(&self, name: &str, value: &str, right: &str) -> Error {
        Error::unsupported(format!(
            "table `{}` has the property `{name}` = `{}`, which is not read; {right}",
            self.table,
            shown(value)
        ))
    }
}

/// The properties `projection.COLUMN.*`, by what stands for the star.
#[derive(Debug, Clone, Copy)]
pub(super) struct ColumnProperties<'a> {
    properties: Properties<'a>,
    column: &'a str,
}

impl<'a> ColumnProperties<'a> {
    fn name(&self, property: &str) -> String {
        format!("projection.{}.{property}", self.column)
    }

    pub(super) fn get(&self, property: &str) -> Option<&'a str> {
        self.properties.get(&self.name(property))
    }

    /// # Errors
    /// `CorruptData` where it is missing; `right` is what it has to be.
    pub(super) fn required(&self, property: &str, right: &str) -> Result<&'a str> {
        self.get(property).ok_or_else(|| self.missing(property, right))
    }

    /// `None` where it is missing.
    ///
    /// # Errors
    /// `CorruptData` for a value that is no whole number from 1 to `max`.
    pub(super) fn positive<N>(&self, property: &str, max: N) -> Result<Option<N>>
    where
        N: FromStr + PartialOrd + From<u8> + ToString,
    {
        let Some(value) = self.get(property) else { return Ok(None) };
        let number = value.trim().parse::<N>().ok();
        match number.filter(|number| *number >= N::from(1) && *number <= max) {
            Some(number) => Ok(Some(number)),
            None => {
                let right = format!("a whole number from 1 to {}", max.to_string());
                Err(self.malformed(property, value, &right))
            }
        }
    }

    pub(super) fn missing(&self, property: &str, right: &str) -> Error {
        self.properties.missing(&self.name(property), right)
    }

    pub(super) fn malformed(&self, property: &str, value: &str, right: &str) -> Error {
        self.properties.malformed(&self.name(property), value, right)
    }

    pub(super) fn unsupported(&self, property: &str, value: &str, right: &str) -> Error {
        self.properties.unsupported(&self.name(property), value, right)
    }
}
