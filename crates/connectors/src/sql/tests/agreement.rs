//! What databases answer to the SQL that we send, by their own clients and by our connectors, is what the language means:
//! 5,000 random relations per database. `MOORING_TEST_SEED` says with which they begin.

use super::super::SqlWriter;
use super::super::reference::{self, Overflow, Row};
use super::client_values::value;
use super::clients::{Answer, MariadbClient, Psql, RunsSql};
use super::exercised::{EXERCISED, note};
use super::fixture::Fixture;
use super::generator::{Generator, Plan};
use super::keys::Keys;
use super::random::Random;
use super::reading::{self, Catalog};
use arrow::datatypes::DataType;
use mooring_spi::{Operator, Predicate, Relation, SortKey, Value};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

const PLANS: usize = 5_000;
const PLANS_PER_CLIENT: usize = 500;

#[test]
fn postgresql_answers_what_relations_mean() {
    match std::env::var("MOORING_TEST_POSTGRES_URL") {
        Ok(url) => {
            let catalog = Catalog::new(&Url::parse(&url).expect("a URL"), false);
            agrees(&Psql { url }, &catalog, false);
        }
        Err(_) => eprintln!("skipped: MOORING_TEST_POSTGRES_URL names no server"),
    }
}

#[test]
fn mysql_answers_what_relations_mean() {
    match std::env::var("MOORING_TEST_MYSQL_URL") {
        Ok(url) => {
            let url = Url::parse(&url).expect("a URL");
            let catalog = Catalog::new(&url, true);
            agrees(&MariadbClient { url }, &catalog, true);
        }
        Err(_) => eprintln!("skipped: MOORING_TEST_MYSQL_URL names no server"),
    }
}

fn agrees(database: &dyn RunsSql, catalog: &Catalog, is_mysql: bool) {
    let given: Option<u64> =
        std::env::var("MOORING_TEST_SEED").ok().map(|seed| seed.parse().expect("a number"));
    // The same plans each time; other ones by their seed.
    let first_seed = given.unwrap_or(1 << 40);
    let seeds: Vec<u64> = (0..PLANS as u64).map(|at| first_seed + at).collect();

    let schema = format!("mooring_sql_{}", uuid::Uuid::new_v4().simple());
    let mut fixture = Fixture::new(&schema, is_mysql);
    database.prepare(&schema, &|dialect| fixture.statements(dialect));
    fixture.found_by(catalog);
    let dialect = database.dialect();
    let source_table = |table: &_| fixture.source_table(table);
    let writer = SqlWriter { dialect: &*dialect, source_table: &source_table };

    let mut used = BTreeSet::new();
    let mut failures = Vec::new();
    let mut read = 0;
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
            if let Err(difference) = by_client(&plans[at], answer, &fixture) {
                failures.push(format!("seed {}: {difference}\n{}", seeds[at], queries[at]));
            }
        }
        let all = plans.iter().map(|plan| (&plan.relation, Predicate::new()));
        for (at, answer) in catalog.rows(&all.collect::<Vec<_>>()).into_iter().enumerate() {
            let Some(answer) = answer else { continue };
            read += 1;
            if let Err(difference) = by_reader(&plans[at], answer, &fixture) {
                let seed = seeds[at];
                failures.push(format!("seed {seed}, when read: {difference}\n{}", queries[at]));
            }
        }
        let keys: Vec<(usize, Keys)> = (0..plans.len())
            .filter_map(|at| Some((at, Keys::of(&plans[at], seeds[at])?)))
            .collect();
        let few = keys.iter().map(|(at, keys)| (&plans[*at].relation, keys.predicate()));
        let answers = catalog.rows(&few.collect::<Vec<_>>());
        for ((at, range), answer) in keys.iter().zip(answers) {
            let Some(answer) = answer else { continue };
            if let Err(difference) = with_keys(&plans[*at], answer, (range, &fixture)) {
                let seed = seeds[*at];
                failures.push(format!("seed {seed}, by keys: {difference}\n{}", queries[*at]));
            }
        }
    }
    database.remove(&schema);
    let shown = failures.iter().take(5).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(failures.is_empty(), "{} of {} differ:\n{shown}", failures.len(), seeds.len());
    // The others compute with a column of which a connector knows less.
    assert!(read > seeds.len() / 2, "only {read} of {} were read", seeds.len());
    if given.is_none() {
        let missing: Vec<&str> =
            EXERCISED.iter().copied().filter(|name| !used.contains(*name)).collect();
        assert!(missing.is_empty(), "never generated: {missing:?}");
    }
}

/// The rows without the last limit, and that limit.
fn unlimited(plan: &Plan) -> Option<(&Relation, &[SortKey])> {
    match &plan.relation.operator {
        Operator::Limit { input, order, .. } => Some((input, order)),
        _ => None,
    }
}

/// # Errors
/// What is different.
fn by_reader(
    plan: &Plan,
    answer: mooring_spi::Result<Vec<Row>>,
    fixture: &Fixture,
) -> Result<(), String> {
    match (answer, &plan.rows) {
        (Ok(rows), Ok(expected)) => compared(plan, &rows, (expected, fixture)),
        (Ok(_), Err(Overflow)) => Ok(()),
        (Err(error), Err(Overflow)) if reading::is_overflow(&error) => Ok(()),
        (Err(error), _) => Err(error.to_string()),
    }
}

/// # Errors
/// What is missing, or in no row of the plan.
fn with_keys(
    plan: &Plan,
    answer: mooring_spi::Result<Vec<Row>>,
    (keys, fixture): (&Keys, &Fixture),
) -> Result<(), String> {
    let zeros = Zeros::of(fixture);
    let rows = answer.map_err(|error| error.to_string())?;
    let Ok(all) = &plan.rows else { return Err("keys of rows that are none".to_owned()) };
    let wanted = counted(&keys.chosen(all), zeros);
    let (found, possible) = (counted(&rows, zeros), counted(all, zeros));
    if let Some((row, _)) = found.iter().find(|(row, count)| possible.get(*row) < Some(*count)) {
        return Err(format!("not in the rows: {row}"));
    }
    match wanted.iter().find(|(row, count)| found.get(*row) < Some(*count)) {
        Some((row, count)) => Err(format!("missing: {count} x {row}")),
        None => Ok(()),
    }
}

/// # Errors
/// What is different.
fn by_client(plan: &Plan, answer: Answer, fixture: &Fixture) -> Result<(), String> {
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
    compared(plan, &rows, (expected, fixture))
}

/// # Errors
/// What is different.
fn compared(
    plan: &Plan,
    rows: &[Row],
    (expected, fixture): (&[Row], &Fixture),
) -> Result<(), String> {
    let zeros = Zeros::of(fixture);
    let Some((input, order)) = unlimited(plan) else {
        return same_rows(rows, expected, zeros);
    };
    // Any rows of the input, of which the keys say how many of each: peers at the edge may be exchanged.
    let keys_of = |rows: &[Row]| -> Result<Vec<Row>, Overflow> {
        rows.iter().map(|row| reference::keys(row, order)).collect()
    };
    let (Ok(keys), Ok(expected_keys), Ok(all)) =
        (keys_of(rows), keys_of(expected), reference::rows(input, &|table| fixture.rows(table)))
    else {
        return Err("the reference fails".to_owned());
    };
    same_rows(&keys, &expected_keys, zeros)?;
    let mut left = counted(&all, zeros);
    for row in rows {
        let count = left.entry(shown(row, zeros)).or_default();
        *count -= 1;
        if *count < 0 {
            let row = shown(row, zeros);
            return Err(format!("too often or not at all in the input: {row}"));
        }
    }
    Ok(())
}

pub(super) fn is_overflow(error: &str) -> bool {
    ["out of range", "overflow"].iter().any(|part| error.contains(part))
}

/// Whether 0.0 and -0.0 are two values. MySQL takes the one for the other where it makes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zeros {
    Alike,
    Apart,
}

impl Zeros {
    fn of(fixture: &Fixture) -> Self {
        if fixture.is_mysql { Self::Alike } else { Self::Apart }
    }
}

fn same_rows(rows: &[Row], expected: &[Row], zeros: Zeros) -> Result<(), String> {
    let (found, wanted) = (counted(rows, zeros), counted(expected, zeros));
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

fn counted(rows: &[Row], zeros: Zeros) -> BTreeMap<String, i64> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(shown(row, zeros)).or_default() += 1;
    }
    counts
}

/// Two values are equal where their texts are.
fn shown(row: &[Value], zeros: Zeros) -> String {
    let texts: Vec<String> = row
        .iter()
        .map(|value| match value {
            Value::Float(number) if *number == 0.0 && zeros == Zeros::Alike => {
                "Float(0.0)".to_owned()
            }
            value => format!("{value:?}"),
        })
        .collect();
    texts.join(" | ")
}
