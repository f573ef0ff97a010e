//! The conditions on partition columns as Glue's `Expression`: it may leave more partitions than the
//! predicate does, never fewer.
//!
//! Source: AWS Glue Web API Reference, `GetPartitions`, `Expression`; the grammar below it is JSQLParser's.

use arrow::datatypes::{DataType, Field};
use arrow::temporal_conversions::date32_to_datetime;
use mooring_spi::{Bound, Domain, Predicate, Range, TableDefinition, Value, padded_length};

/// `Expression` may not be longer.
const CHARACTERS_MAX: usize = 2_048;

/// Words of JSQLParser's grammar that cannot stand for a column. One that is missing here makes Glue
/// refuse the expression, and all partitions are asked for then.
const RESERVED: &str = "\
    all and any as asc begin between by case cast create cross current delete desc distinct do \
    drop else end escape except exists false fetch for from full group having if in index inner \
    insert intersect interval into is join key left like limit minus natural not null offset on \
    only open optimize or order outer primary procedure replace right select set some start \
    table then top true truncate union unique update using values when where window with xor";

/// `None` when no condition can be said for sure. A condition that does not fit any more is left out.
pub(super) fn expression(table: &TableDefinition, predicate: &Predicate) -> Option<String> {
    let first = table.columns.fields().len().checked_sub(table.partition_columns)?;
    let mut expression = String::new();
    for column in &table.columns.fields()[first..] {
        let domain = predicate.get(column.name());
        let Some(condition) = domain.and_then(|domain| condition(column, domain)) else { continue };
        let separator = if expression.is_empty() { "" } else { " AND " };
        if expression.len() + separator.len() + condition.len() <= CHARACTERS_MAX {
            expression = expression + separator + &condition;
        }
    }
    (!expression.is_empty()).then_some(expression)
}

/// `(year IN (2023, 2024) OR (year >= 2030 AND year < 2040))`
fn condition(column: &Field, domain: &Domain) -> Option<String> {
    // What Glue makes of a partition without a value is not said. It may have the values of a `char(n)` with all
    // of their spaces or without.
    let is_padded = padded_length(column).is_some();
    if domain.nulls || domain.ranges.is_empty() || is_padded || !is_plain(column.name()) {
        return None;
    }
    let name = column.name();
    let mut values = Vec::new();
    let mut alternatives = Vec::new();
    for range in &domain.ranges {
        match range {
            Range { low: Bound::Included(low), high: Bound::Included(high) } if low == high => {
                values.push(literal(column.data_type(), low)?);
            }
            Range { low, high } => alternatives.push(between(column, low, high)?),
        }
    }
    match values.as_slice() {
        [] => {}
        [value] => alternatives.push(format!("{name} = {value}")),
        values => alternatives.push(format!("{name} IN ({})", values.join(", "))),
    }
    Some(format!("({})", alternatives.join(" OR ")))
}

/// An end that cannot be said is left open; `None` when both are.
fn between(column: &Field, low: &Bound, high: &Bound) -> Option<String> {
    let end = |bound: &Bound, included: &str, excluded: &str| {
        let (operator, value) = match bound {
            Bound::Unbounded => return None,
            Bound::Included(value) => (included, value),
            Bound::Excluded(value) => (excluded, value),
        };
        // By bytes here and by UTF-16 units in Java; the two orders agree about ASCII.
        if matches!(value, Value::Text(text) if !text.is_ascii()) {
            return None;
        }
        let literal = literal(column.data_type(), value)?;
        Some(format!("{} {operator} {literal}", column.name()))
    };
    match (end(low, ">=", ">"), end(high, "<=", "<")) {
        (None, None) => None,
        (Some(only), None) | (None, Some(only)) => Some(only),
        (Some(low), Some(high)) => Some(format!("({low} AND {high})")),
    }
}

/// Of the types whose comparison is the same in Glue: text, integers, dates.
fn literal(data_type: &DataType, value: &Value) -> Option<String> {
    match (data_type, value) {
        (DataType::Utf8, Value::Text(text)) => quoted(text),
        // A sign is an operator of the grammar.
        (
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64,
            Value::Int(number @ 0..),
        ) => Some(number.to_string()),
        (DataType::Date32, Value::Date(days)) => {
            let date = date32_to_datetime(*days)?.date();
            // Four digits, and no sign.
            let text = date.to_string();
            (text.len() == 10).then(|| format!("'{text}'"))
        }
        _ => None,
    }
}

/// In the grammar a quote stands twice. What a backslash means depends on its version, and control
/// characters are no part of an `Expression`.
fn quoted(text: &str) -> Option<String> {
    if text.contains('\\') || text.contains(char::is_control) {
        return None;
    }
    Some(format!("'{}'", text.replace('\'', "''")))
}

/// A name that needs no quotes, which the grammar's versions do not agree about. In lower case: Glue does
/// not say whether it looks at it.
fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
    let goes_on = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    begins && name.bytes().all(goes_on) && !RESERVED.split(' ').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::Schema;
    use mooring_spi::{FileFormat, PADDED_LENGTH};
    use std::sync::Arc;

    fn table(partition_columns: &[(&str, DataType)]) -> TableDefinition {
        let mut fields = vec![Field::new("id", DataType::Int64, true)];
        let partition =
            |(name, data_type): &(&str, DataType)| Field::new(*name, data_type.clone(), true);
        fields.extend(partition_columns.iter().map(partition));
        TableDefinition {
            schema_name: "s".into(),
            name: "t".into(),
            columns: Arc::new(Schema::new(fields)),
            partition_columns: partition_columns.len(),
            location: "s3://b/t".into(),
            format: FileFormat::Parquet,
            columns_by: Default::default(),
            partition_projection: None,
            may_be_absent: false,
            compression: None,
            options: Default::default(),
        }
    }

    fn any_of(ranges: Vec<Range>) -> Domain {
        Domain { ranges, nulls: false }
    }

    /// The expression for one partition column `c`.
    fn of(data_type: DataType, domain: Domain) -> Option<String> {
        expression(&table(&[("c", data_type)]), &Predicate::from([("c".into(), domain)]))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    #[test]
    fn conditions_are_those_of_the_grammar() {
        let table =
            table(&[("year", DataType::Int32), ("city", DataType::Utf8), ("x", DataType::Int8)]);
        let years = any_of(vec![
            Range::exactly(Value::Int(2023)),
            Range {
                low: Bound::Included(Value::Int(2030)),
                high: Bound::Excluded(Value::Int(2040)),
            },
            Range::exactly(Value::Int(2024)),
            Range { low: Bound::Excluded(Value::Int(2050)), high: Bound::Unbounded },
        ]);
        let cities = any_of(vec![Range::exactly(text("L'Aquila"))]);
        let ids = any_of(vec![Range::exactly(Value::Int(1))]);
        let predicate =
            Predicate::from([("year".into(), years), ("city".into(), cities), ("id".into(), ids)]);
        assert_eq!(
            expression(&table, &predicate).as_deref(),
            Some(
                "((year >= 2030 AND year < 2040) OR year > 2050 OR year IN (2023, 2024)) \
                 AND (city = 'L''Aquila')"
            )
        );
        assert_eq!(expression(&table, &Predicate::new()), None);
    }

    #[test]
    fn dates_are_written_out() {
        // Leap day of 2024: `date -d 2024-02-29 +%s` divided by 86,400.
        let day = any_of(vec![Range::exactly(Value::Date(19_782))]);
        assert_eq!(of(DataType::Date32, day).as_deref(), Some("(c = '2024-02-29')"));
        let late = any_of(vec![Range::exactly(Value::Date(i32::MAX))]);
        assert_eq!(of(DataType::Date32, late), None);
    }

    #[test]
    fn what_is_uncertain_is_left_out() {
        let only = |value| any_of(vec![Range::exactly(value)]);
        for (data_type, domain) in [
            (DataType::Int32, only(Value::Int(-1))),
            (DataType::Int32, only(text("1"))),
            (DataType::Utf8, only(text("a\\b"))),
            (DataType::Utf8, only(text("a\nb"))),
            (DataType::Float64, only(Value::Float(1.5))),
            (DataType::Boolean, only(Value::Boolean(true))),
            (DataType::Decimal128(5, 2), only(Value::Decimal { unscaled: 1, scale: 2 })),
            (DataType::Int32, Domain { nulls: true, ..only(Value::Int(1)) }),
            (DataType::Int32, any_of(vec![])),
            (
                DataType::Int32,
                any_of(vec![Range { low: Bound::Unbounded, high: Bound::Unbounded }]),
            ),
            // One of two that cannot be said leaves nothing that can.
            (
                DataType::Int32,
                any_of(vec![Range::exactly(Value::Int(1)), Range::exactly(Value::Int(-1))]),
            ),
            (
                DataType::Utf8,
                any_of(vec![Range { low: Bound::Included(text("ä")), high: Bound::Unbounded }]),
            ),
        ] {
            assert_eq!(of(data_type, domain.clone()), None, "{domain:?}");
        }
        // One end of two is a wider range.
        let wider =
            Range { low: Bound::Included(Value::Int(-5)), high: Bound::Included(Value::Int(5)) };
        assert_eq!(of(DataType::Int64, any_of(vec![wider])).as_deref(), Some("(c <= 5)"));
        assert_eq!(of(DataType::Utf8, only(text("São"))).as_deref(), Some("(c = 'São')"));
    }

    #[test]
    fn values_that_may_lack_spaces_are_left_out() {
        let metadata = [(PADDED_LENGTH.to_owned(), "3".to_owned())];
        let column = Field::new("c", DataType::Utf8, true).with_metadata(metadata.into());
        assert_eq!(condition(&column, &any_of(vec![Range::exactly(text("a  "))])), None);
    }

    #[test]
    fn names_that_need_quotes_are_left_out() {
        let one = || any_of(vec![Range::exactly(Value::Int(1))]);
        for (name, is_said) in [
            ("a_1", true),
            ("_a", true),
            ("Year", false),
            ("key", false),
            ("1a", false),
            ("a b", false),
            ("größe", false),
        ] {
            let predicate = Predicate::from([(name.to_owned(), one())]);
            let found = expression(&table(&[(name, DataType::Int32)]), &predicate);
            assert_eq!(found, is_said.then(|| format!("({name} = 1)")));
        }
    }

    #[test]
    fn what_does_not_fit_is_left_out_whole() {
        let many = (0..500).map(|number| Range::exactly(Value::Int(1_000 + number))).collect();
        let few = any_of(vec![Range::exactly(text("a"))]);
        let table = table(&[("many", DataType::Int32), ("few", DataType::Utf8)]);
        let predicate = Predicate::from([("many".into(), any_of(many)), ("few".into(), few)]);
        assert_eq!(expression(&table, &predicate).as_deref(), Some("(few = 'a')"));
    }
}
