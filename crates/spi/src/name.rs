//! Names that users see, and the rule by which a typed name finds a thing: an exact match wins
//! over one that differs in case only, and two of the latter are an error.

use crate::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A table by its full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    pub catalog: String,
    pub schema: String,
    pub table: String,
}

impl TableName {
    pub fn new(
        catalog: impl Into<String>,
        schema: impl Into<String>,
        table: impl Into<String>,
    ) -> Self {
        Self { catalog: catalog.into(), schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.catalog, self.schema, self.table)
    }
}

/// A table by its name inside one catalog.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SchemaTable {
    pub schema: String,
    pub table: String,
}

impl SchemaTable {
    pub fn new(schema: impl Into<String>, table: impl Into<String>) -> Self {
        Self { schema: schema.into(), table: table.into() }
    }
}

impl fmt::Display for SchemaTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// The form under which names that differ in case only are equal.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// The name as an SQL identifier in backticks.
pub fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// Finds `wanted` among `names`: the exact one, else the only one that differs in case.
///
/// # Errors
/// `AmbiguousName`, naming both, when two names differ from `wanted` in case only.
pub fn pick_name<'a>(
    wanted: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Option<&'a str>> {
    let folded = fold(wanted);
    let mut found: Option<&'a str> = None;
    let mut other: Option<&'a str> = None;
    for name in names {
        if name == wanted {
            return Ok(Some(name));
        }
        if fold(name) == folded {
            other = found;
            found = Some(name);
        }
    }
    match (found, other) {
        (Some(first), Some(second)) => Err(Error::new(
            ErrorKind::AmbiguousName,
            format!("`{wanted}` could be `{second}` or `{first}`; write it in its exact case"),
        )),
        (found, _) => Ok(found),
    }
}

/// Whether the name of a table is a path or a URL: `s3://bucket/a/*.parquet`, `/data/a.csv`. A
/// relative path is one too, so that it can be refused as such.
pub fn is_path(name: &str) -> bool {
    name.contains("://") || ["/", "./", "../"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_wins_over_folded() {
        assert_eq!(pick_name("Ab", ["AB", "Ab", "ab"]).expect("no ambiguity"), Some("Ab"));
    }

    #[test]
    fn a_single_folded_match_is_found() {
        assert_eq!(pick_name("AB", ["x", "ab"]).expect("no ambiguity"), Some("ab"));
    }

    #[test]
    fn two_folded_matches_are_named() {
        let error = pick_name("ab", ["Ab", "aB"]).expect_err("ambiguous");
        assert_eq!(error.kind(), ErrorKind::AmbiguousName);
        assert!(error.message().contains("`Ab`") && error.message().contains("`aB`"));
    }
}
