//! What a metastore is asked of the partitions that a predicate leaves. Whatever it is, its answer must
//! have every partition that matches; it may have others, which are left out here.
//!
//! Only equality with text is asked for. The metastore keeps every value as text: a number may stand there
//! as `07`, a `char(n)` with its spaces or without, and the order of texts is that of its database's collation.
//!
//! Source: Apache Hive, `Filter.g` (`FilterLexer.g4` and `FilterParser.g4` in version 4),
//! `Warehouse.makePartName` and `MetaStoreUtils.makePartNameMatcher`.

use arrow::datatypes::DataType;
use mooring_spi::{Bound, Domain, Predicate, TableDefinition, Value, fold, padded_length};

/// Values in one filter: a metastore makes a tree of them, and a condition of its database's for each.
const FILTER_VALUES_MAX: usize = 100;
/// Words of the filter's grammar, which cannot name a column there.
const KEYWORDS: [&str; 9] =
    ["and", "between", "const", "date", "in", "like", "not", "or", "struct"];

#[derive(Debug, PartialEq, Eq)]
pub(super) enum PartitionQuestion {
    /// The names of all partitions.
    AllNames,
    /// The names of those with these values, of the first columns; an empty one stands for any.
    NamesWith(Vec<String>),
    /// Those for which this text in the metastore's grammar of filters holds.
    Filter(String),
}

impl PartitionQuestion {
    pub(super) fn of(table: &TableDefinition, predicate: &Predicate) -> Self {
        let first = table.columns.fields().len().saturating_sub(table.partition_columns);
        let columns = table.columns.fields().iter().skip(first);
        let restricted: Vec<(&str, Vec<&str>)> = columns
            .map(|column| {
                let is_text =
                    column.data_type() == &DataType::Utf8 && padded_length(column).is_none();
                let domain = predicate.get(column.name()).filter(|_| is_text);
                (column.name().as_str(), domain.and_then(only_texts).unwrap_or_default())
            })
            .collect();
        Self::names_with(&restricted)
            .or_else(|| Self::filter(&restricted))
            .unwrap_or(Self::AllNames)
    }

    /// The method that asks it, where a metastore may refuse.
    pub(super) fn refusable_method(&self) -> Option<&'static str> {
        match self {
            Self::AllNames => None,
            Self::NamesWith(_) => Some("get_partition_names_ps"),
            Self::Filter(_) => Some("get_partitions_by_filter"),
        }
    }

    fn names_with(restricted: &[(&str, Vec<&str>)]) -> Option<Self> {
        let value = |(_, values): &(_, Vec<&str>)| match values.as_slice() {
            [value] if stands_in_names(value) => (*value).to_owned(),
            _ => String::new(),
        };
        let values: Vec<String> = restricted.iter().map(value).collect();
        let last = values.iter().rposition(|value| !value.is_empty())?;
        Some(Self::NamesWith(values.into_iter().take(last + 1).collect()))
    }

    fn filter(restricted: &[(&str, Vec<&str>)]) -> Option<Self> {
        let mut left = FILTER_VALUES_MAX;
        let mut conditions = Vec::new();
        for (column, values) in restricted {
            let column = fold(column);
            let fits = !values.is_empty() && values.len() <= left;
            if fits && is_identifier(&column) && values.iter().all(|value| is_literal(value)) {
                left -= values.len();
                let equal: Vec<String> =
                    values.iter().map(|value| format!("{column} = \"{value}\"")).collect();
                conditions.push(format!("({})", equal.join(" or ")));
            }
        }
        (!conditions.is_empty()).then(|| Self::Filter(conditions.join(" and ")))
    }
}

/// The texts of a domain that has nothing else.
fn only_texts(domain: &Domain) -> Option<Vec<&str>> {
    if domain.nulls {
        return None;
    }
    let text = |range: &'_ mooring_spi::Range| match (&range.low, &range.high) {
        (Bound::Included(Value::Text(low)), Bound::Included(Value::Text(high))) if low == high => {
            Some(())
        }
        _ => None,
    };
    domain.ranges.iter().try_for_each(text)?;
    Some(domain.ranges.iter().filter_map(|range| low_text(&range.low)).collect())
}

fn low_text(bound: &Bound) -> Option<&str> {
    match bound {
        Bound::Included(Value::Text(text)) => Some(text),
        Bound::Included(_) | Bound::Excluded(_) | Bound::Unbounded => None,
    }
}

/// Whether a value is in the names as it is, and in the pattern that the metastore makes of it has no
/// meaning but its own. A point stands for any character there, an underscore may.
fn stands_in_names(value: &str) -> bool {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !value.is_empty() && value.bytes().all(stands)
}

/// Literals have no escapes. Outside ASCII it depends on the database's character set what is equal.
fn is_literal(value: &str) -> bool {
    let stands = |byte: u8| matches!(byte, b' '..=b'~') && !b"\"'\\".contains(&byte);
    !value.is_empty() && value.bytes().all(stands)
}

fn is_identifier(name: &str) -> bool {
    let stands = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(stands)
        && !KEYWORDS.contains(&name)
}

#[cfg(test)]
mod tests;
