//! The text of base scans: the only place of this connector where a statement that reads rows is written.

use super::types::{Column, Decode};
use crate::sql::decimal_text;
use arrow::temporal_conversions::{date32_to_datetime, timestamp_us_to_datetime};
use mooring_spi::{Bound, Domain, Predicate, Range, Value};

/// Years that every client of PostgreSQL writes with four digits.
const FIRST_DAY: i32 = -719_162;
const LAST_DAY: i32 = 2_932_896;
const DAY_MICROS: i64 = 86_400_000_000;

/// What is read of a relation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Select<'a> {
    pub schema: &'a str,
    pub table: &'a str,
    pub columns: &'a [&'a Column],
    /// As [`conditions`] gives them.
    pub conditions: &'a [String],
    pub limit: Option<u64>,
}

impl Select<'_> {
    /// Of the pages from `pages.0` up to `pages.1`, or to the end.
    pub fn text(&self, pages: Option<(u64, Option<u64>)>) -> String {
        let values: Vec<String> = self.columns.iter().map(|column| value(column)).collect();
        let mut text = format!(
            "SELECT {} FROM {}.{}",
            values.join(", "),
            identifier(self.schema),
            identifier(self.table)
        );
        let mut conditions = self.conditions.to_vec();
        if let Some((from, to)) = pages {
            if from > 0 {
                conditions.push(format!("ctid >= '({from},0)'::tid"));
            }
            if let Some(to) = to {
                conditions.push(format!("ctid < '({to},0)'::tid"));
            }
        }
        if !conditions.is_empty() {
            text = format!("{text} WHERE {}", conditions.join(" AND "));
        }
        match self.limit {
            Some(limit) => format!("{text} LIMIT {limit}"),
            None => text,
        }
    }
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Under `standard_conforming_strings`.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The column in the one form that the reader knows.
fn value(column: &Column) -> String {
    in_known_form(&identifier(&column.name), column)
}

/// What is `name` in a statement, as `column`.
pub(super) fn selected_as(name: &str, column: &Column) -> String {
    format!("{} AS {}", in_known_form(name, column), identifier(&column.name))
}

fn in_known_form(name: &str, column: &Column) -> String {
    match &column.decode {
        // Its cast to a number is the only one that there is.
        Decode::Decimal { .. } => format!("CAST({name} AS numeric)"),
        decode => format!("CAST({name} AS {})", decode.sql_type()),
    }
}

/// What holds of the rows wherever `predicate` does. What would not mean the same, or not surely more, is left
/// out: the engine filters again.
///
/// `orders_text`: whether the collation `C` orders the database's texts as their UTF-8.
pub(super) fn conditions(
    columns: &[Column],
    predicate: &Predicate,
    orders_text: bool,
) -> Vec<String> {
    let of = |(name, domain): (&String, &Domain)| {
        let column = columns.iter().find(|column| column.name == *name)?;
        condition(column, domain, orders_text)
    };
    predicate.iter().filter_map(of).collect()
}

fn condition(column: &Column, domain: &Domain, orders_text: bool) -> Option<String> {
    // A row of nulls is both NULL and not; its text is not.
    let operand = match column.native {
        true => identifier(&column.name),
        false => value(column),
    };
    let everything =
        |range: &Range| range.low == Bound::Unbounded && range.high == Bound::Unbounded;
    let mut any = Vec::new();
    if domain.ranges.iter().any(everything) {
        match domain.nulls {
            true => return None,
            false => return Some(format!("{operand} IS NOT NULL")),
        }
    }
    let single = |range: &Range| range.only_value().cloned();
    let values: Vec<Value> = domain.ranges.iter().filter_map(single).collect();
    if !values.is_empty() {
        let literals = values.iter().map(|value| literal_of(column, value));
        any.push(format!("{operand} IN ({})", literals.collect::<Option<Vec<_>>>()?.join(", ")));
    }
    for range in domain.ranges.iter().filter(|range| range.only_value().is_none()) {
        any.push(between(column, &operand, range, orders_text)?);
    }
    if domain.nulls {
        any.push(format!("{operand} IS NULL"));
    }
    match any.len() {
        0 => Some("FALSE".to_owned()),
        _ => Some(format!("({})", any.join(" OR "))),
    }
}

fn between(column: &Column, operand: &str, range: &Range, orders_text: bool) -> Option<String> {
    let operand = match column.decode {
        Decode::Text if orders_text => format!("{operand} COLLATE \"C\""),
        Decode::Text => return None,
        _ => operand.to_owned(),
    };
    let side =
        |bound: &Bound, included: &str, excluded: &str| match bound {
            Bound::Unbounded => Some(None),
            Bound::Included(value) => literal_of(column, value)
                .map(|literal| Some(format!("{operand} {included} {literal}"))),
            Bound::Excluded(value) => literal_of(column, value)
                .map(|literal| Some(format!("{operand} {excluded} {literal}"))),
        };
    let sides = [side(&range.low, ">=", ">")?, side(&range.high, "<=", "<")?];
    Some(sides.into_iter().flatten().collect::<Vec<_>>().join(" AND "))
}

/// The value as a literal of the column's type; `None` where a comparison with it would be another one than
/// ours.
fn literal_of(column: &Column, value: &Value) -> Option<String> {
    match (&column.decode, value) {
        (Decode::Boolean, Value::Boolean(value)) => {
            Some(if *value { "TRUE" } else { "FALSE" }.into())
        }
        (
            Decode::Int16 | Decode::Int32 | Decode::Int64 | Decode::UInt64 | Decode::Decimal { .. },
            Value::Int(value),
        ) => Some(value.to_string()),
        (
            Decode::Int16 | Decode::Int32 | Decode::Int64 | Decode::UInt64 | Decode::Decimal { .. },
            Value::UInt(value),
        ) => Some(value.to_string()),
        (Decode::Decimal { .. }, Value::Decimal { unscaled, scale }) => {
            Some(decimal_text(*unscaled, *scale))
        }
        // A database's text has no such character.
        (Decode::Text, Value::Text(text)) if !text.contains('\0') => Some(literal(text)),
        (Decode::Uuid, Value::Text(text)) => {
            // Others are equal to no uuid as we show it, and an error to the database.
            let shown = uuid::Uuid::try_parse(text).ok()?.hyphenated().to_string();
            (shown == *text).then(|| format!("{}::uuid", literal(text)))
        }
        (Decode::Date, Value::Date(days)) if (FIRST_DAY..=LAST_DAY).contains(days) => {
            let shown = date32_to_datetime(*days)?.date();
            Some(format!("'{shown}'::date"))
        }
        (Decode::Timestamp, Value::Timestamp(micros)) => {
            timestamp(*micros).map(|shown| format!("'{shown}'::timestamp"))
        }
        (Decode::TimestampUtc, Value::Timestamp(micros)) => {
            timestamp(*micros).map(|shown| format!("'{shown}+00'::timestamptz"))
        }
        // Floats: sorts tell -0.0 from 0.0 here and not there. Lists, bytes, times: rarely asked for.
        _ => None,
    }
}

fn timestamp(micros: i64) -> Option<String> {
    let day = i32::try_from(micros.div_euclid(DAY_MICROS)).ok()?;
    let known = (FIRST_DAY..=LAST_DAY).contains(&day);
    let shown = timestamp_us_to_datetime(micros).filter(|_| known)?;
    Some(format!("{} {}", shown.date(), shown.time()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, decode: Decode, native: bool) -> Column {
        Column { name: name.to_owned(), decode, native }
    }

    fn told(decode: Decode, native: bool, domain: Domain) -> Option<String> {
        condition(&column("a", decode, native), &domain, true)
    }

    fn is(values: &[Value], nulls: bool) -> Domain {
        Domain { ranges: values.iter().cloned().map(Range::exactly).collect(), nulls }
    }

    fn above(value: Value) -> Domain {
        let range = Range { low: Bound::Excluded(value), high: Bound::Unbounded };
        Domain { ranges: vec![range], nulls: false }
    }

    #[test]
    fn names_stay_within_their_quotes() {
        let column = column("a\"b", Decode::Text, true);
        let select = Select {
            schema: "s",
            table: "t\"; DROP TABLE x; --",
            columns: &[&column],
            conditions: &[],
            limit: Some(3),
        };
        assert_eq!(
            select.text(None),
            "SELECT CAST(\"a\"\"b\" AS text) FROM \"s\".\"t\"\"; DROP TABLE x; --\" LIMIT 3"
        );
    }

    #[test]
    fn pieces_of_a_table_are_ranges_of_pages() {
        let select = Select {
            schema: "s",
            table: "t",
            columns: &[],
            conditions: &["FALSE".into()],
            limit: None,
        };
        assert_eq!(
            select.text(Some((0, Some(8)))),
            "SELECT  FROM \"s\".\"t\" WHERE FALSE AND ctid < '(8,0)'::tid"
        );
        assert_eq!(
            select.text(Some((8, None))),
            "SELECT  FROM \"s\".\"t\" WHERE FALSE AND ctid >= '(8,0)'::tid"
        );
    }

    #[test]
    fn domains_become_conditions() {
        let text = |text: &str| Value::Text(text.to_owned());
        let decimals = || Decode::Decimal { precision: 10, scale: 2 };
        for (found, expected) in [
            (
                told(Decode::Int32, true, is(&[Value::Int(-3), Value::Int(4)], true)),
                Some("(\"a\" IN (-3, 4) OR \"a\" IS NULL)"),
            ),
            (told(Decode::Int32, true, is(&[], false)), Some("FALSE")),
            (told(Decode::Int32, true, is(&[text("x")], false)), None),
            (
                told(decimals(), true, above(Value::Decimal { unscaled: -5, scale: 2 })),
                Some("(\"a\" > -0.05)"),
            ),
            (told(Decode::Text, true, is(&[text("it's")], false)), Some("(\"a\" IN ('it''s'))")),
            (
                told(Decode::Text, false, is(&[text("x")], false)),
                Some("(CAST(\"a\" AS text) IN ('x'))"),
            ),
            (told(Decode::Text, true, above(text("x"))), Some("(\"a\" COLLATE \"C\" > 'x')")),
            (told(Decode::Text, true, is(&[text("\0")], false)), None),
            (told(Decode::Uuid, true, is(&[text("NO")], false)), None),
            (told(Decode::Date, true, above(Value::Date(0))), Some("(\"a\" > '1970-01-01'::date)")),
            (told(Decode::Date, true, above(Value::Date(i32::MAX))), None),
            (
                told(Decode::TimestampUtc, true, above(Value::Timestamp(1_500_000))),
                Some("(\"a\" > '1970-01-01 00:00:01.500+00'::timestamptz)"),
            ),
            (told(Decode::Timestamp, true, above(Value::Timestamp(i64::MAX))), None),
            (told(Decode::Float64, true, above(Value::Float(0.0))), None),
        ] {
            assert_eq!(found.as_deref(), expected);
        }
    }

    #[test]
    fn everything_but_null_is_said_of_the_value() {
        let all = Range { low: Bound::Unbounded, high: Bound::Unbounded };
        let domain = |nulls| Domain { ranges: vec![all.clone()], nulls };
        assert_eq!(
            told(Decode::Text, false, domain(false)).as_deref(),
            Some("CAST(\"a\" AS text) IS NOT NULL")
        );
        assert_eq!(told(Decode::Text, false, domain(true)), None);
    }

    #[test]
    fn a_text_has_no_order_where_the_database_has_another_encoding() {
        let column = column("a", Decode::Text, true);
        let predicate = Predicate::from([("a".to_owned(), above(Value::Text("x".into())))]);
        assert!(conditions(&[column], &predicate, false).is_empty());
    }
}
