//! By what databases find the rows that are joined: what follows from an equality stands before it, where an index or a
//! hash would not serve it.

use super::super::{Dialect, MysqlDialect, PostgresDialect, SqlWriter, Statement};
use super::build::*;
use super::fixture::{Fixture, mariadb};
use arrow::datatypes::DataType;
use mooring_spi::{AggregateFunction, Expression, Function, JoinKind, Relation, Unsupported};

// Columns of the tables.
const ID: usize = 0;
const N: usize = 1;
/// Of one collation, as is `LONG`.
const X: usize = 5;
/// Of another one.
const BYTES: usize = 6;
const LATIN: usize = 7;
const LONG: usize = 8;
const DATE: usize = 11;

const MYSQL_8: MysqlDialect = MysqlDialect { mariadb: false, version: (8, 4, 3) };
const MYSQL_5: MysqlDialect = MysqlDialect { mariadb: false, version: (5, 7, 44) };

fn table(name: usize, projection: &[usize]) -> Relation {
    scan(&Fixture::new("s", true).tables[name].0, projection.to_vec())
}

fn written(relation: &Relation, dialect: &dyn Dialect) -> Result<Statement, Unsupported> {
    let fixture = Fixture::new("s", dialect.longest_key().is_some());
    let source_table = |table: &_| fixture.source_table(table);
    SqlWriter { dialect, source_table: &source_table }.statement(relation)
}

#[track_caller]
fn joined(relation: &Relation, dialect: &dyn Dialect, expected: &str) {
    let sql = written(relation, dialect).expect("supported").sql;
    let (_, from) = sql.split_once(" FROM ").expect("a FROM");
    assert_eq!(from, expected);
}

#[track_caller]
fn refused(relation: &Relation, dialect: &dyn Dialect) {
    let refusal = written(relation, dialect).expect_err("refused");
    assert!(refusal.0.contains("only where"), "{refusal}");
}

/// Conditions on the columns of both sides, one behind the other.
type Conditions = Vec<(Function, usize, usize)>;

fn pairs(left: Relation, right: Relation, kind: JoinKind, conditions: Conditions) -> Relation {
    let both = join(left.clone(), right.clone(), JoinKind::Inner, vec![]);
    let conditions = conditions
        .into_iter()
        .map(|(function, a, b)| test(function, vec![column(&both, a), column(&both, b)]))
        .collect();
    join(left, right, kind, conditions)
}

fn equal(left: usize, right: usize) -> Relation {
    pairs(table(0, &[left]), table(1, &[right]), JoinKind::Inner, vec![(Function::Equal, 0, 1)])
}

#[test]
fn texts_of_one_collation_are_found_by_it() {
    joined(
        &equal(X, LONG),
        &mariadb(),
        "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (t1.`x` = t2.`u`) AND (CAST(t1.`x` AS BINARY) = CAST(t2.`u` AS BINARY))",
    );
    // As they stand, whatever character set they are compared in.
    joined(
        &equal(LATIN, LATIN),
        &MYSQL_8,
        "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (t1.`v` = t2.`v`) AND (CAST(CONVERT(t1.`v` USING utf8mb4) AS BINARY) \
         = CAST(CONVERT(t2.`v` USING utf8mb4) AS BINARY))",
    );
    let some = limit(table(1, &[X]), vec![], Some(3), 0);
    let relation = pairs(table(0, &[X]), some, JoinKind::Left, vec![(Function::Equal, 0, 1)]);
    joined(
        &relation,
        &mariadb(),
        "`s`.`a` AS t1 LEFT JOIN (SELECT t2.`x` AS c0 FROM `s`.`b` AS t2 LIMIT 3) AS t3 ON (t1.`x` = t3.c0) \
         AND (CAST(t1.`x` AS BINARY) = CAST(t3.c0 AS BINARY))",
    );
    joined(
        &equal(X, X),
        &PostgresDialect,
        r#""s"."a" AS t1 JOIN "s"."b" AS t2 ON (t1."x" = t2."x")"#,
    );
}

#[test]
fn what_follows_is_said_only_where_all_must_hold() {
    let input = table(0, &[X, LONG]);
    let same = test(Function::Equal, vec![column(&input, 0), column(&input, 1)]);
    joined(
        &filter(input.clone(), vec![same.clone()]),
        &mariadb(),
        "`s`.`a` AS t1 WHERE (t1.`x` = t1.`u`) AND (CAST(t1.`x` AS BINARY) = CAST(t1.`u` AS BINARY))",
    );
    joined(
        &filter(input, vec![test(Function::Not, vec![same])]),
        &mariadb(),
        "`s`.`a` AS t1 WHERE (NOT (CAST(t1.`x` AS BINARY) = CAST(t1.`u` AS BINARY)))",
    );
}

#[test]
fn conditions_of_a_join_are_for_indexes_too() {
    let both = join(table(0, &[ID]), table(1, &[ID, X]), JoinKind::Inner, vec![]);
    let conditions = vec![
        test(Function::Equal, vec![column(&both, 0), column(&both, 1)]),
        test(Function::Equal, vec![column(&both, 2), text("a")]),
    ];
    joined(
        &join(table(0, &[ID]), table(1, &[ID, X]), JoinKind::Left, conditions),
        &mariadb(),
        "`s`.`a` AS t1 LEFT JOIN `s`.`b` AS t2 ON (t1.`id` = t2.`id`) AND (t2.`x` = _utf8mb4'a') \
         AND (CAST(t2.`x` AS BINARY) = CAST(_utf8mb4'a' AS BINARY))",
    );
}

/// Nothing would find its pairs.
#[test]
fn texts_of_two_collations_join_nothing() {
    let relation = equal(X, BYTES);
    refused(&relation, &mariadb());
    refused(&relation, &MYSQL_5);
    // It hashes by any expression.
    joined(
        &relation,
        &MYSQL_8,
        "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (CAST(t1.`x` AS BINARY) = CAST(t2.`y` AS BINARY))",
    );
    // Nor has what is computed a collation that is known.
    let input = table(1, &[X]);
    let groups = vec![column(&input, 0)];
    let rows = of(AggregateFunction::Count, None, DataType::Int64);
    let grouped = aggregate(input, groups, vec![rows]);
    let relation = pairs(table(0, &[X]), grouped, JoinKind::Inner, vec![(Function::Equal, 0, 1)]);
    refused(&relation, &mariadb());
    let some = limit(table(1, &[LATIN]), vec![], Some(3), 0);
    let relation = pairs(table(0, &[LATIN]), some, JoinKind::Inner, vec![(Function::Equal, 0, 1)]);
    refused(&relation, &mariadb());
}

#[test]
fn another_equality_finds_them() {
    let conditions = vec![(Function::Equal, 1, 3), (Function::Equal, 0, 2)];
    let relation = pairs(table(0, &[ID, X]), table(1, &[ID, BYTES]), JoinKind::Right, conditions);
    joined(
        &relation,
        &mariadb(),
        "`s`.`a` AS t1 RIGHT JOIN `s`.`b` AS t2 ON (CAST(t1.`x` AS BINARY) = CAST(t2.`y` AS BINARY)) \
         AND (t1.`id` = t2.`id`)",
    );
    // One side alone finds nothing.
    let conditions = vec![(Function::Equal, 1, 4), (Function::Equal, 0, 2)];
    let left = table(0, &[ID, X, N]);
    let relation = pairs(left, table(1, &[ID, BYTES]), JoinKind::Inner, conditions);
    refused(&relation, &mariadb());
}

/// MariaDB's hash joins do not find all nulls.
#[test]
fn nulls_are_not_hashed_by_mariadb() {
    let (left, right) = (table(0, &[ID, N]), table(1, &[ID, N]));
    let same = vec![(Function::Same, 1, 3)];
    let relation = pairs(left.clone(), right.clone(), JoinKind::Inner, same.clone());
    refused(&relation, &mariadb());
    joined(&relation, &MYSQL_5, "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (t1.`n` <=> t2.`n`)");
    refused(&pairs(left.clone(), right.clone(), JoinKind::LeftAnti, same), &mariadb());
    let conditions = vec![(Function::Same, 1, 3), (Function::Equal, 0, 2)];
    joined(
        &pairs(left, right, JoinKind::Inner, conditions),
        &mariadb(),
        "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON ((t1.`n` <=> t2.`n`) IS TRUE) AND (t1.`id` = t2.`id`)",
    );
}

/// A date of a calendar.
fn date(table: &str) -> String {
    format!(
        "(CASE WHEN DAYOFMONTH({table}.`dt`) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({table}.`dt`)) THEN {table}.`dt` END)"
    )
}

#[test]
fn dates_are_found_as_they_are_stored() {
    let (one, other) = (date("t1"), date("t2"));
    joined(
        &equal(DATE, DATE),
        &mariadb(),
        &format!("`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (t1.`dt` = t2.`dt`) AND ({one} = {other})"),
    );
    let sides = (table(0, &[DATE]), table(1, &[DATE]));
    joined(
        &pairs(sides.0, sides.1, JoinKind::LeftSemi, vec![(Function::Equal, 0, 1)]),
        &mariadb(),
        &format!(
            "`s`.`a` AS t1 WHERE (EXISTS (SELECT 1 FROM `s`.`b` AS t2 WHERE (t1.`dt` = t2.`dt`) AND ({one} = {other})))"
        ),
    );
    let some = limit(table(1, &[DATE]), vec![], Some(3), 0);
    let relation = pairs(table(0, &[DATE]), some, JoinKind::Inner, vec![(Function::Equal, 0, 1)]);
    joined(
        &relation,
        &mariadb(),
        &format!(
            "`s`.`a` AS t1 JOIN (SELECT {other} AS c0 FROM `s`.`b` AS t2 LIMIT 3) AS t3 ON (t1.`dt` = t3.c0) \
             AND ({one} = t3.c0)"
        ),
    );
}

#[test]
fn what_is_no_equality_is_asked_of_each_pair() {
    let conditions: Vec<Expression> = vec![];
    let crossed = join(table(0, &[X]), table(1, &[X]), JoinKind::Inner, conditions);
    joined(&crossed, &mariadb(), "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON TRUE");
    let less = vec![(Function::Less, 0, 1)];
    joined(
        &pairs(table(0, &[X]), table(1, &[X]), JoinKind::Inner, less),
        &mariadb(),
        "`s`.`a` AS t1 JOIN `s`.`b` AS t2 ON (CAST(t1.`x` AS BINARY) < CAST(t2.`x` AS BINARY))",
    );
}
