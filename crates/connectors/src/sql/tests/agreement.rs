//! What databases answer to the SQL that we send, by their own clients, is what the language means: 5,000 random relations
//! per database. `MOORING_TEST_SEED` says with which they begin.

use super::super::SqlWriter;
use super::super::reference::{self, Overflow, Row};
use super::clients::{Answer, MariadbClient, Psql, RunsSql};
use super::fixture::Fixture;
use super::generator::{Generator, Plan};
use super::random::Random;
use arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, Expression, ExpressionKind, Function, Operator, Relation, SortKey, Value,
    WindowFunction,
};
use std::collections::{BTreeMap, BTreeSet};

const PLANS: usize = 5_000;
const PLANS_PER_CLIENT: usize = 500;

#[test]
fn postgresql_answers_what_relations_mean() {
    match std::env::var("MOORING_TEST_POSTGRES_URL") {
        Ok(url) => agrees(&Psql { url }, false),
        Err(_) => eprintln!("skipped: MOORING_TEST_POSTGRES_URL names no server"),
    }
}

#[test]
fn mysql_answers_what_relations_mean() {
    match std::env::var("MOORING_TEST_MYSQL_URL") {
        Ok(url) => agrees(&MariadbClient { url: url::Url::parse(&url).expect("a URL") }, true),
        Err(_) => eprintln!("skipped: MOORING_TEST_MYSQL_URL names no server"),
    }
}

fn agrees(database: &dyn RunsSql, is_mysql: bool) {
    let given: Option<u64> =
        std::env::var("MOORING_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    // The same plans each time; other ones by their seed.
    let first_seed = given.unwrap_or(1 << 40);
    let seeds: Vec<u64> = (0..PLANS as u64).map(|at| first_seed + at).collect();

    let schema = format!("mooring_sql_{}", uuid::Uuid::new_v4().simple());
    let fixture = Fixture::new(&schema, is_mysql);
    database.prepare(&schema, &|dialect| fixture.statements(dialect));
    let dialect = database.dialect();
    let source_table = |table: &_| fixture.source_table(table);
    let writer = SqlWriter { dialect: &*dialect, source_table: &source_table };

    let mut used = BTreeSet::new();
    let mut failures = Vec::new();
    for seeds in seeds.chunks(PLANS_PER_CLIENT) {
        let plans: Vec<Plan> = seeds
            .iter()
            .map(|seed| Generator { random: Random::new(*seed), fixture: &fixture, writer }.plan())
            .collect();
        let queries: Vec<String> = plans
            .iter()
            .map(|plan| writer.statement(&plan.relation).expect("supported").sql)
            .collect();
        for (at, answer) in database.rows(&queries).into_iter().enumerate() {
            note(&plans[at].relation, &mut used);
            if let Err(difference) = compared(&plans[at], answer, &fixture) {
                failures.push(format!("seed {}: {difference}\n{}", seeds[at], queries[at]));
            }
        }
    }
    database.remove(&schema);
    let shown = failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} differ:\n{shown}", failures.len(), seeds.len());
    if given.is_none() {
        let missing: Vec<&str> =
            EXERCISED.iter().copied().filter(|name| !used.contains(*name)).collect();
        assert!(missing.is_empty(), "never generated: {missing:?}");
    }
}

/// What 5,000 plans hold on every database.
const EXERCISED: &[&str] = &[
    "Scan",
    "Filter",
    "Project",
    "Aggregate",
    "Limit",
    "Union",
    "Window",
    "Inner",
    "Left",
    "Right",
    "LeftSemi",
    "LeftAnti",
    "Equal",
    "NotEqual",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "Same",
    "In",
    "And",
    "Or",
    "Not",
    "IsNull",
    "IsNotNull",
    "Add",
    "Subtract",
    "Multiply",
    "Negate",
    "Absolute",
    "Coalesce",
    "Like",
    "CharacterLength",
    "Substring",
    "Concat",
    "Year",
    "Month",
    "Day",
    "Case",
    "Cast",
    "Subquery",
    "Substring to the end",
    "Count",
    "Sum",
    "Min",
    "Max",
    "RowNumber",
    "Rank",
    "DenseRank",
];

/// The rows without the last limit, and that limit.
fn unlimited(plan: &Plan) -> Option<(&Relation, &[SortKey])> {
    match &plan.relation.operator {
        Operator::Limit { input, order, .. } => Some((input, order)),
        _ => None,
    }
}

/// # Errors
/// What is different.
fn compared(plan: &Plan, answer: Answer, fixture: &Fixture) -> Result<(), String> {
    // Where the language has an error, a database may leave out the row that has it.
    let Ok(expected) = &plan.rows else {
        return match answer {
            Err(error) if !is_overflow(&error) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        };
    };
    let types: Vec<&DataType> =
        plan.relation.columns.iter().map(|column| &column.data_type).collect();
    let mut rows = Vec::new();
    for texts in answer? {
        if texts.len() != types.len() {
            return Err(format!("{} columns instead of {}", texts.len(), types.len()));
        }
        let row: Result<Row, String> = texts
            .iter()
            .zip(&types)
            .map(|(text, data_type)| value(text.as_deref(), data_type))
            .collect();
        rows.push(row?);
    }
    let Some((input, order)) = unlimited(plan) else {
        return same_rows(&rows, expected);
    };
    // Any rows of the input, of which the keys say how many of each: peers at the edge may be exchanged.
    let keys_of = |rows: &[Row]| -> Result<Vec<Row>, Overflow> {
        rows.iter().map(|row| reference::keys(row, order)).collect()
    };
    let (Ok(keys), Ok(expected_keys), Ok(all)) =
        (keys_of(&rows), keys_of(expected), reference::rows(input, &|table| fixture.rows(table)))
    else {
        return Err("the reference fails".to_owned());
    };
    same_rows(&keys, &expected_keys)?;
    let mut left = counted(&all);
    for row in &rows {
        let count = left.entry(shown(row)).or_default();
        *count -= 1;
        if *count < 0 {
            return Err(format!("too often or not at all in the input: {}", shown(row)));
        }
    }
    Ok(())
}

fn is_overflow(error: &str) -> bool {
    ["out of range", "overflow"].iter().any(|part| error.contains(part))
}

fn same_rows(rows: &[Row], expected: &[Row]) -> Result<(), String> {
    let (found, wanted) = (counted(rows), counted(expected));
    if found == wanted {
        return Ok(());
    }
    let differing = |a: &BTreeMap<String, i64>, b: &BTreeMap<String, i64>| -> Vec<String> {
        a.iter()
            .filter(|(row, count)| b.get(*row) != Some(count))
            .take(3)
            .map(|(row, count)| format!("{count} x {row}"))
            .collect()
    };
    Err(format!(
        "{} rows instead of {}; found {:?}, wanted {:?}",
        rows.len(),
        expected.len(),
        differing(&found, &wanted),
        differing(&wanted, &found)
    ))
}

fn counted(rows: &[Row]) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(shown(row)).or_default() += 1;
    }
    counts
}

/// Two values are equal where their texts are.
fn shown(row: &[Value]) -> String {
    let texts: Vec<String> = row
        .iter()
        .map(|value| match value {
            Value::Float(number) if *number == 0.0 => "Float(0.0)".to_owned(),
            value => format!("{value:?}"),
        })
        .collect();
    texts.join(" | ")
}

/// What a client's text stands for.
fn value(text: Option<&str>, data_type: &DataType) -> Result<Value, String> {
    let Some(text) = text else { return Ok(Value::Null) };
    let unread = || format!("`{text}` is no {data_type}");
    let value = match data_type {
        DataType::Boolean => match text {
            "t" | "1" => Value::Boolean(true),
            "f" | "0" => Value::Boolean(false),
            _ => return Err(unread()),
        },
        DataType::Int32 | DataType::Int64 => Value::Int(text.parse().map_err(|_| unread())?),
        DataType::UInt64 => Value::UInt(text.parse().map_err(|_| unread())?),
        DataType::Float64 => Value::Float(text.parse().map_err(|_| unread())?),
        DataType::Decimal128(_, scale) => decimal(text, *scale).ok_or_else(unread)?,
        DataType::Utf8 => Value::Text(text.to_owned()),
        DataType::Date32 => Value::Date(date(text).ok_or_else(unread)?),
        DataType::Timestamp(..) => Value::Timestamp(timestamp(text).ok_or_else(unread)?),
        other => return Err(format!("no texts of {other}")),
    };
    Ok(value)
}

fn decimal(text: &str, scale: i8) -> Option<Value> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    let unscaled = format!("{whole}{fraction}{}", "0".repeat(missing)).parse().ok()?;
    Some(Value::Decimal { unscaled, scale })
}

/// Days by counting, so that the code under test is not asked.
fn date(text: &str) -> Option<i32> {
    let (text, is_before_christ) = match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let year = if is_before_christ { 1 - year } else { year };
    let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let months = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = year - 1;
    let leap_days = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let of_year: i64 = months.iter().take(usize::try_from(month).ok()? - 1).sum();
    // 719,162 days are before 1970.
    i32::try_from(before * 365 + leap_days + of_year + day - 1 - 719_162).ok()
}

fn timestamp(text: &str) -> Option<i64> {
    let (text, era) = match text.strip_suffix(" BC") {
        Some(text) => (text, " BC"),
        None => (text, ""),
    };
    let text = text.strip_suffix("+00").unwrap_or(text);
    let (day, time) = text.split_once(' ')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok());
    let seconds = parts.next()?? * 3600 + parts.next()?? * 60 + parts.next()??;
    let microseconds: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some((i64::from(date(&format!("{day}{era}"))?) * 86_400 + seconds) * 1_000_000 + microseconds)
}

/// The names of all that is in a relation.
fn note(relation: &Relation, used: &mut BTreeSet<String>) {
    let aggregate = |aggregate: &Aggregate, used: &mut BTreeSet<String>| {
        used.insert(format!("{:?}", aggregate.function));
        aggregate
            .argument
            .iter()
            .chain(&aggregate.filter)
            .for_each(|part| note_expression(part, used));
    };
    let name = match &relation.operator {
        Operator::Scan { .. } => "Scan",
        Operator::Filter { conditions, .. } => {
            conditions.iter().for_each(|condition| note_expression(condition, used));
            "Filter"
        }
        Operator::Project { expressions, .. } => {
            expressions.iter().for_each(|expression| note_expression(expression, used));
            "Project"
        }
        Operator::Aggregate { groups, aggregates, .. } => {
            groups.iter().for_each(|group| note_expression(group, used));
            aggregates.iter().for_each(|call| aggregate(call, used));
            "Aggregate"
        }
        Operator::Limit { .. } => "Limit",
        Operator::Join { kind, conditions, .. } => {
            conditions.iter().for_each(|condition| note_expression(condition, used));
            used.insert(format!("{kind:?}"));
            "Join"
        }
        Operator::Union { .. } => "Union",
        Operator::Window { calls, .. } => {
            for call in calls {
                match &call.function {
                    WindowFunction::Aggregate(call) => aggregate(call, used),
                    WindowFunction::RowNumber
                    | WindowFunction::Rank
                    | WindowFunction::DenseRank => {
                        used.insert(format!("{:?}", call.function));
                    }
                }
            }
            "Window"
        }
    };
    used.insert(name.to_owned());
    relation.inputs().into_iter().for_each(|input| note(input, used));
}

fn note_expression(expression: &Expression, used: &mut BTreeSet<String>) {
    match &expression.kind {
        ExpressionKind::Column(_) | ExpressionKind::Literal(_) => {}
        ExpressionKind::Call { function, arguments } => {
            used.insert(format!("{function:?}"));
            if *function == Function::Substring && arguments.len() == 2 {
                used.insert("Substring to the end".to_owned());
            }
            arguments.iter().for_each(|argument| note_expression(argument, used));
        }
        ExpressionKind::Cast(input) => {
            used.insert("Cast".to_owned());
            note_expression(input, used);
        }
        ExpressionKind::Case { branches, otherwise } => {
            used.insert("Case".to_owned());
            for (condition, result) in branches {
                note_expression(condition, used);
                note_expression(result, used);
            }
            if let Some(otherwise) = otherwise {
                note_expression(otherwise, used);
            }
        }
        ExpressionKind::Subquery(relation) => {
            used.insert("Subquery".to_owned());
            note(relation, used);
        }
    }
}
