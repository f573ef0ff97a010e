//! The text of each operator, and what is refused.

use super::super::{
    Dialect, MysqlDialect, Native, OutputColumn, PostgresDialect, SqlWriter, Statement,
};
use super::build::*;
use super::fixture::{Fixture, LARGE_DECIMAL, SMALL_DECIMAL, mariadb};
use arrow::datatypes::DataType;
use mooring_spi::{
    Aggregate, AggregateFunction, Expression, ExpressionKind, Function, JoinKind, Operator,
    Relation, RelationColumn, SortKey, Unsupported, Value, WindowCall, WindowFunction,
};

// Columns of the tables.
const ID: usize = 0;
const N: usize = 1;
const D: usize = 3;
const W: usize = 4;
const X: usize = 5;
const NO_CASE: usize = 6;
const LATIN: usize = 7;
const LONG: usize = 8;
const F: usize = 9;
const DATE: usize = 11;
const OPAQUE: usize = 14;

fn table(name: usize, projection: &[usize]) -> Relation {
    scan(&Fixture::new("s", false).tables[name].0, projection.to_vec())
}

fn written(relation: &Relation, dialect: &dyn Dialect) -> Result<Statement, Unsupported> {
    let fixture = Fixture::new("s", dialect.longest_key().is_some());
    let source_table = |table: &_| fixture.source_table(table);
    SqlWriter { dialect, source_table: &source_table }.statement(relation)
}

#[track_caller]
fn postgres(relation: &Relation, expected: &str) {
    assert_eq!(written(relation, &PostgresDialect).expect("supported").sql, expected);
}

#[track_caller]
fn mysql(relation: &Relation, expected: &str) {
    assert_eq!(written(relation, &mariadb()).expect("supported").sql, expected);
}

#[track_caller]
fn refused(relation: &Relation, dialect: &dyn Dialect, reason: &str) {
    let refusal = written(relation, dialect).expect_err("refused");
    assert!(refusal.0.contains(reason), "{refusal} does not say `{reason}`");
}

fn double(number: f64) -> Expression {
    literal(Value::Float(number), DataType::Float64)
}

fn compared(input: Relation, function: Function, with: Expression) -> Relation {
    let condition = test(function, vec![column(&input, 0), with]);
    filter(input, vec![condition])
}

#[test]
fn one_table_is_one_select() {
    let relation = compared(table(0, &[X, ID]), Function::Equal, text("it's"));
    let chosen = project(relation.clone(), vec![column(&relation, 1)]);
    let order = vec![sort_key(column(&chosen, 0))];
    let relation = limit(chosen, order, Some(10), 0);
    postgres(
        &relation,
        r#"SELECT t1."id" AS c0 FROM "s"."a" AS t1 WHERE (t1."x" = 'it''s'::text) ORDER BY t1."id" LIMIT 10"#,
    );
    mysql(
        &relation,
        "SELECT t1.`id` AS c0 FROM `s`.`a` AS t1 WHERE (t1.`x` = _utf8mb4'it''s') \
         AND (CAST(t1.`x` AS BINARY) = CAST(_utf8mb4'it''s' AS BINARY)) ORDER BY (t1.`id` IS NULL), t1.`id` LIMIT 10",
    );
}

#[test]
fn what_is_above_a_limit_stays_above_it() {
    let limited = limit(table(0, &[ID]), vec![], Some(3), 2);
    postgres(
        &compared(limited, Function::Greater, integer(1)),
        r#"SELECT t2.c0 AS c0 FROM (SELECT t1."id" AS c0 FROM "s"."a" AS t1 LIMIT 3 OFFSET 2) AS t2 WHERE (t2.c0 > 1::int8)"#,
    );
    let limited = limit(table(0, &[ID]), vec![], None, 2);
    mysql(
        &limit(limited, vec![], Some(u64::MAX), 0),
        "SELECT t2.c0 AS c0 FROM (SELECT t1.`id` AS c0 FROM `s`.`a` AS t1 LIMIT 18446744073709551615 OFFSET 2) AS t2 \
         LIMIT 18446744073709551615",
    );
}

#[test]
fn groups_are_of_equal_bytes() {
    let input = table(0, &[X, D]);
    let groups = vec![column(&input, 0)];
    let aggregates = vec![
        of(AggregateFunction::Sum, Some(column(&input, 1)), DataType::Decimal128(22, 2)),
        Aggregate {
            filter: Some(test(Function::IsNull, vec![column(&input, 1)])),
            ..of(AggregateFunction::Count, None, DataType::Int64)
        },
    ];
    let relation = aggregate(input, groups, aggregates);
    postgres(
        &relation,
        r#"SELECT t1."x" AS c0, sum(t1."d")::numeric(22,2) AS c1, (count(*) FILTER (WHERE (t1."d" IS NULL))) AS c2 FROM "s"."a" AS t1 GROUP BY t1."x""#,
    );
    mysql(
        &relation,
        "SELECT CONVERT(CAST(t1.`x` AS BINARY) USING utf8mb4) AS c0, SUM(t1.`d`) AS c1, \
         COUNT(CASE WHEN (t1.`d` IS NULL) THEN 1 END) AS c2 FROM `s`.`a` AS t1 GROUP BY CAST(t1.`x` AS BINARY)",
    );
}

#[test]
fn rows_are_counted_without_a_column() {
    let rows = of(AggregateFunction::Count, None, DataType::Int64);
    let relation = aggregate(table(0, &[]), vec![], vec![rows]);
    postgres(&relation, r#"SELECT count(*) AS c0 FROM "s"."a" AS t1"#);
    mysql(&limit(table(0, &[]), vec![], Some(1), 0), "SELECT 1 AS c0 FROM `s`.`a` AS t1 LIMIT 1");
}

#[test]
fn order_is_that_of_bytes() {
    postgres(
        &compared(table(0, &[X]), Function::Less, text("b")),
        r#"SELECT t1."x" AS c0 FROM "s"."a" AS t1 WHERE ((t1."x" COLLATE "C") < ('b'::text COLLATE "C"))"#,
    );
    // The column's own collation is that of bytes.
    postgres(
        &compared(table(0, &[LATIN]), Function::Less, text("b")),
        r#"SELECT t1."v" AS c0 FROM "s"."a" AS t1 WHERE (t1."v" < 'b'::text)"#,
    );
    postgres(
        &compared(table(0, &[NO_CASE]), Function::Equal, text("b\\")),
        r#"SELECT t1."y" AS c0 FROM "s"."a" AS t1 WHERE ((t1."y" COLLATE "C") = (E'b\\'::text COLLATE "C"))"#,
    );
    let input = table(0, &[LATIN]);
    let lowest = of(AggregateFunction::Min, Some(column(&input, 0)), DataType::Utf8);
    mysql(
        &aggregate(input, vec![], vec![lowest]),
        "SELECT CONVERT(MIN(CAST(CONVERT(t1.`v` USING utf8mb4) AS BINARY)) USING utf8mb4) AS c0 FROM `s`.`a` AS t1",
    );
}

#[test]
fn patterns_have_an_escape_that_no_setting_changes() {
    let relation = |pattern| compared(table(0, &[X]), Function::Like, text(pattern));
    postgres(
        &relation(r"a\%_"),
        r#"SELECT t1."x" AS c0 FROM "s"."a" AS t1 WHERE (t1."x" LIKE E'a\\%_'::text)"#,
    );
    mysql(
        &relation(r"!a\%_"),
        "SELECT t1.`x` AS c0 FROM `s`.`a` AS t1 WHERE ((t1.`x` COLLATE utf8mb4_bin) LIKE _utf8mb4'!!a!%_' ESCAPE '!')",
    );
    refused(&relation(r"a\b"), &PostgresDialect, "stands before what needs none");
    refused(&relation(r"a\"), &mariadb(), "stands before what needs none");
}

#[test]
fn sides_of_joins_keep_their_filters() {
    let join_of = |kind| {
        let right = compared(table(1, &[ID]), Function::Greater, integer(1));
        let pair = Expression { kind: ExpressionKind::Column(1), data_type: DataType::Int64 };
        let left = table(0, &[ID]);
        let condition = test(Function::Equal, vec![column(&left, 0), pair]);
        join(left, right, kind, vec![condition])
    };
    postgres(
        &join_of(JoinKind::Inner),
        r#"SELECT t1."id" AS c0, t2."id" AS c1 FROM "s"."a" AS t1 JOIN "s"."b" AS t2 ON (t1."id" = t2."id") WHERE (t2."id" > 1::int8)"#,
    );
    postgres(
        &join_of(JoinKind::Left),
        r#"SELECT t1."id" AS c0, t3.c0 AS c1 FROM "s"."a" AS t1 LEFT JOIN (SELECT t2."id" AS c0 FROM "s"."b" AS t2 WHERE (t2."id" > 1::int8)) AS t3 ON (t1."id" = t3.c0)"#,
    );
    postgres(
        &join_of(JoinKind::LeftAnti),
        r#"SELECT t1."id" AS c0 FROM "s"."a" AS t1 WHERE (NOT EXISTS (SELECT 1 FROM "s"."b" AS t2 WHERE (t2."id" > 1::int8) AND (t1."id" = t2."id")))"#,
    );
    assert!(written(&join_of(JoinKind::Full), &PostgresDialect).is_ok());
    refused(&join_of(JoinKind::Full), &mariadb(), "MySQL has none");
}

#[test]
fn a_literal_beside_an_outer_join_is_null_where_there_is_no_pair() {
    let right = table(1, &[ID]);
    let right = project(right.clone(), vec![column(&right, 0), integer(7)]);
    let relation = join(table(0, &[ID]), right, JoinKind::Left, vec![]);
    postgres(
        &relation,
        r#"SELECT t1."id" AS c0, t3.c0 AS c1, t3.c1 AS c2 FROM "s"."a" AS t1 LEFT JOIN (SELECT t2."id" AS c0, 7::int8 AS c1 FROM "s"."b" AS t2) AS t3 ON TRUE"#,
    );
}

#[test]
fn what_an_outer_join_makes_null_has_an_order() {
    let right = table(1, &[ID]);
    let right = project(right.clone(), vec![integer(7)]);
    let joined = join(table(0, &[ID]), right, JoinKind::Left, vec![]);
    let arguments = vec![column(&joined, 1), integer(9)];
    let either = call(Function::Coalesce, arguments, DataType::Int64);
    let chosen = project(joined, vec![either]);
    let order = vec![sort_key(column(&chosen, 0))];
    postgres(
        &limit(chosen, order, Some(1), 0),
        r#"SELECT COALESCE(t3.c0, 9::int8) AS c0 FROM "s"."a" AS t1 LEFT JOIN (SELECT 7::int8 AS c0 FROM "s"."b" AS t2) AS t3 ON TRUE ORDER BY COALESCE(t3.c0, 9::int8) LIMIT 1"#,
    );
}

#[test]
fn unions_are_derived_tables() {
    let relation = union(vec![table(0, &[X]), table(1, &[LATIN])]);
    postgres(
        &relation,
        r#"SELECT t3.c0 AS c0 FROM (SELECT t1."x" AS c0 FROM "s"."a" AS t1 UNION ALL SELECT t2."v" AS c0 FROM "s"."b" AS t2) AS t3"#,
    );
    mysql(
        &relation,
        "SELECT t3.c0 AS c0 FROM (SELECT (t1.`x` COLLATE utf8mb4_bin) AS c0 FROM `s`.`a` AS t1 UNION ALL \
         SELECT (CONVERT(t2.`v` USING utf8mb4) COLLATE utf8mb4_bin) AS c0 FROM `s`.`b` AS t2) AS t3",
    );
}

fn numbered() -> Relation {
    let input = table(0, &[X, N]);
    let key = SortKey { expression: column(&input, 1), descending: true, nulls_first: false };
    let call = WindowCall {
        function: WindowFunction::RowNumber,
        partition_by: vec![column(&input, 0)],
        order_by: vec![key],
        data_type: DataType::UInt64,
    };
    let mut columns = input.columns.clone();
    columns.push(RelationColumn { data_type: DataType::UInt64, nullable: false });
    Relation { operator: Operator::Window { input: Box::new(input), calls: vec![call] }, columns }
}

#[test]
fn windows_sort_as_the_engine_does() {
    postgres(
        &numbered(),
        r#"SELECT t1."x" AS c0, t1."n" AS c1, (ROW_NUMBER() OVER (PARTITION BY t1."x" ORDER BY t1."n" DESC NULLS LAST)) AS c2 FROM "s"."a" AS t1"#,
    );
    mysql(
        &numbered(),
        "SELECT t1.`x` AS c0, t1.`n` AS c1, CAST((ROW_NUMBER() OVER (PARTITION BY CAST(t1.`x` AS BINARY) \
         ORDER BY t1.`n` DESC)) AS UNSIGNED) AS c2 FROM `s`.`a` AS t1",
    );
    let old = MysqlDialect { mariadb: false, version: (5, 7, 44) };
    refused(&numbered(), &old, "MySQL 8.0");
}

#[test]
fn zero_dates_are_null_and_indexes_are_used() {
    let day = literal(Value::Date(0), DataType::Date32);
    mysql(
        &compared(table(0, &[DATE]), Function::Less, day),
        "SELECT (CASE WHEN DAYOFMONTH(t1.`dt`) BETWEEN 1 AND DAYOFMONTH(LAST_DAY(t1.`dt`)) THEN t1.`dt` END) AS c0 \
         FROM `s`.`a` AS t1 WHERE (t1.`dt` < DATE'1970-01-01') AND ((CASE WHEN DAYOFMONTH(t1.`dt`) BETWEEN 1 \
         AND DAYOFMONTH(LAST_DAY(t1.`dt`)) THEN t1.`dt` END) < DATE'1970-01-01')",
    );
}

#[test]
fn what_may_fail_is_in_no_condition() {
    let input = table(0, &[N]);
    let sum = call(Function::Add, vec![column(&input, 0), integer(1)], DataType::Int64);
    postgres(
        &project(input.clone(), vec![sum.clone()]),
        r#"SELECT (t1."n" + 1::int8) AS c0 FROM "s"."a" AS t1"#,
    );
    let condition = test(Function::Greater, vec![sum.clone(), integer(0)]);
    refused(&filter(input.clone(), vec![condition]), &PostgresDialect, "a condition");
    let summed = project(input.clone(), vec![sum.clone()]);
    refused(&compared(summed, Function::Greater, integer(0)), &mariadb(), "a condition");
    let either = call(Function::Coalesce, vec![column(&input, 0), sum], DataType::Int64);
    refused(&project(input.clone(), vec![either]), &mariadb(), "may fail");
    let largest = call(Function::Add, vec![integer(i64::MAX), integer(1)], DataType::Int64);
    refused(&project(input, vec![largest]), &PostgresDialect, "constants");
}

#[test]
fn decimals_keep_their_digits_or_stay() {
    let input = table(0, &[D, W]);
    let product = |(left, right): (usize, usize), data_type: DataType| {
        let sides = vec![column(&input, left), column(&input, right)];
        project(input.clone(), vec![call(Function::Multiply, sides, data_type)])
    };
    let fits = product((0, 0), DataType::Decimal128(25, 4));
    postgres(&fits, r#"SELECT (t1."d" * t1."d") AS c0 FROM "s"."a" AS t1"#);
    mysql(&fits, "SELECT (t1.`d` * t1.`d`) AS c0 FROM `s`.`a` AS t1");
    let tight = product((1, 0), DataType::Decimal128(38, 6));
    postgres(&tight, r#"SELECT (t1."w" * t1."d")::numeric(38,6) AS c0 FROM "s"."a" AS t1"#);
    // MySQL computes with more digits: who reads it has the error.
    mysql(&tight, "SELECT (t1.`w` * t1.`d`) AS c0 FROM `s`.`a` AS t1");
    let long = product((1, 1), DataType::Decimal128(38, 8));
    refused(&long, &mariadb(), "MySQL would cut it");
    let twice = call(
        Function::Add,
        vec![column(&tight, 0), column(&tight, 0)],
        DataType::Decimal128(38, 6),
    );
    refused(&project(tight, vec![twice]), &mariadb(), "MySQL would cut it");
    let wider = project(input.clone(), vec![cast(column(&input, 0), LARGE_DECIMAL)]);
    mysql(&wider, "SELECT CAST(t1.`d` AS DECIMAL(38,4)) AS c0 FROM `s`.`a` AS t1");
    let narrower = project(input.clone(), vec![cast(column(&input, 1), SMALL_DECIMAL)]);
    refused(&narrower, &PostgresDialect, "no digit of the fraction is lost");
}

/// The largest value of a column of the second table.
fn largest(at: usize, data_type: DataType) -> Expression {
    let input = table(1, &[at]);
    let call = of(AggregateFunction::Max, Some(column(&input, 0)), data_type.clone());
    let relation = aggregate(input, vec![], vec![call]);
    Expression { kind: ExpressionKind::Subquery(Box::new(relation)), data_type }
}

#[test]
fn one_value_is_a_subquery() {
    let relation = compared(table(0, &[N]), Function::Equal, largest(N, DataType::Int64));
    postgres(
        &relation,
        r#"SELECT t1."n" AS c0 FROM "s"."a" AS t1 WHERE (t1."n" = (SELECT max(t2."n") AS c0 FROM "s"."b" AS t2))"#,
    );
    mysql(
        &relation,
        "SELECT t1.`n` AS c0 FROM `s`.`a` AS t1 WHERE (t1.`n` = (SELECT MAX(t2.`n`) AS c0 FROM `s`.`b` AS t2))",
    );
    let tables: Vec<&str> =
        relation.tables().into_iter().map(|table| table.name.table.as_str()).collect();
    assert_eq!(tables, ["a", "b"]);
    // No collation of a text is that of another.
    let relation = compared(table(0, &[NO_CASE]), Function::Equal, largest(X, DataType::Utf8));
    postgres(
        &relation,
        r#"SELECT t1."y" AS c0 FROM "s"."a" AS t1 WHERE ((t1."y" COLLATE "C") = ((SELECT max((t2."x" COLLATE "C")) AS c0 FROM "s"."b" AS t2) COLLATE "C"))"#,
    );
    mysql(
        &relation,
        "SELECT t1.`y` AS c0 FROM `s`.`a` AS t1 WHERE (CAST(t1.`y` AS BINARY) = CAST((SELECT \
         CONVERT(MAX(CAST(t2.`x` AS BINARY)) USING utf8mb4) AS c0 FROM `s`.`b` AS t2) AS BINARY))",
    );
}

#[test]
fn a_subquery_has_one_row_for_sure() {
    let value = |relation| Expression {
        kind: ExpressionKind::Subquery(Box::new(relation)),
        data_type: DataType::Int64,
    };
    let of_rows = |relation| compared(table(0, &[N]), Function::Equal, value(relation));
    refused(&of_rows(table(1, &[N])), &PostgresDialect, "more than one row");
    refused(&of_rows(limit(table(1, &[N]), vec![], Some(2), 0)), &mariadb(), "more than one row");
    assert!(written(&of_rows(limit(table(1, &[N]), vec![], Some(1), 3)), &mariadb()).is_ok());
    let wide = limit(table(1, &[N, ID]), vec![], Some(1), 0);
    refused(&of_rows(wide), &PostgresDialect, "columns");
    // It is the same for all rows, which databases may find out before there is one.
    let next = call(Function::Add, vec![largest(N, DataType::Int64), integer(1)], DataType::Int64);
    refused(&project(table(0, &[N]), vec![next]), &mariadb(), "constants");
    let group = vec![largest(N, DataType::Int64)];
    refused(&aggregate(table(0, &[N]), group, vec![]), &PostgresDialect, "same for all rows");
}

#[test]
fn a_sum_that_is_too_long_to_be_read_can_be_compared() {
    let input = table(0, &[W]);
    let sum = of(AggregateFunction::Sum, Some(column(&input, 0)), LARGE_DECIMAL);
    let summed = aggregate(input, vec![], vec![sum]);
    let few = || literal(Value::Decimal { unscaled: 150, scale: 2 }, SMALL_DECIMAL);
    mysql(
        &compared(summed.clone(), Function::Greater, few()),
        "SELECT t2.c0 AS c0 FROM (SELECT SUM(t1.`w`) AS c0 FROM `s`.`a` AS t1) AS t2 \
         WHERE (t2.c0 > CAST(1.50 AS DECIMAL(12,2)))",
    );
    let zero = literal(Value::Decimal { unscaled: 0, scale: 4 }, LARGE_DECIMAL);
    let either = call(Function::Coalesce, vec![column(&summed, 0), zero], LARGE_DECIMAL);
    refused(&project(summed, vec![either]), &mariadb(), "may fail");
}

#[test]
fn a_substring_ends_where_the_text_does() {
    let input = table(0, &[X]);
    let from = |place: i64| {
        let arguments = vec![column(&input, 0), integer(place)];
        project(input.clone(), vec![call(Function::Substring, arguments, DataType::Utf8)])
    };
    postgres(&from(2), r#"SELECT substr(t1."x", 2::int8::int4) AS c0 FROM "s"."a" AS t1"#);
    mysql(&from(2), "SELECT SUBSTRING(t1.`x`, 2) AS c0 FROM `s`.`a` AS t1");
    // PostgreSQL counts from before the text, MySQL from its end, or nowhere.
    for place in [0, -2, i64::from(i32::MAX) + 1] {
        refused(&from(place), &PostgresDialect, "literals of 1 and more");
        refused(&from(place), &mariadb(), "literals of 1 and more");
    }
}

#[test]
fn what_the_database_does_otherwise_is_refused() {
    let floats = table(0, &[F]);
    let sum = of(AggregateFunction::Sum, Some(column(&floats, 0)), DataType::Float64);
    refused(&aggregate(floats.clone(), vec![], vec![sum]), &PostgresDialect, "order of its values");
    let group = vec![column(&floats, 0)];
    refused(&aggregate(floats.clone(), group, vec![]), &mariadb(), "0.0 and -0.0");
    let listed = test(Function::In, vec![column(&floats, 0), double(0.0), double(1.0)]);
    let least = of(AggregateFunction::Min, Some(column(&floats, 0)), DataType::Float64);
    let first = vec![sort_key(column(&floats, 0))];
    for dialect in [&PostgresDialect as &dyn Dialect, &mariadb()] {
        let sorted = limit(floats.clone(), first.clone(), Some(1), 0);
        refused(&sorted, dialect, "-0.0 stands before 0.0");
        let lowest = aggregate(floats.clone(), vec![], vec![least.clone()]);
        refused(&lowest, dialect, "-0.0 stands before 0.0");
        refused(&filter(floats.clone(), vec![listed.clone()]), dialect, "in a long list");
    }
    let opaque = compared(table(0, &[OPAQUE]), Function::Equal, text("ab"));
    refused(&opaque, &PostgresDialect, "`name`");
    let long = table(0, &[LONG]);
    let group = vec![column(&long, 0)];
    refused(&aggregate(long, group, vec![]), &mariadb(), "at most 1000 characters");
    let infinity = double(f64::INFINITY);
    refused(&compared(table(0, &[F]), Function::Equal, infinity), &mariadb(), "no infinity");
    let zero = text("a\0");
    refused(&compared(table(0, &[X]), Function::Equal, zero), &PostgresDialect, "can hold it");
}

#[test]
fn who_reads_learns_what_a_column_is() {
    let input = table(0, &[OPAQUE, ID]);
    let expressions = vec![column(&input, 0), test(Function::IsNull, vec![column(&input, 0)])];
    let relation = limit(project(input, expressions), vec![], Some(1), 0);
    let statement = written(&relation, &PostgresDialect).expect("supported");
    assert_eq!(
        statement.sql,
        r#"SELECT t1."o" AS c0, (t1."o" IS NOT DISTINCT FROM NULL) AS c1 FROM "s"."a" AS t1 LIMIT 1"#
    );
    let native = Native { schema: "s".to_owned(), table: "a".to_owned(), column: OPAQUE };
    assert_eq!(
        statement.columns,
        [OutputColumn::Native(native), OutputColumn::Computed(DataType::Boolean)]
    );
}

#[test]
fn statements_are_bounded() {
    let mut deep = table(0, &[ID]);
    for _ in 0..200 {
        deep = limit(deep, vec![], Some(1), 0);
    }
    refused(&deep, &PostgresDialect, "levels");
    let wide = union((0..50).map(|_| table(0, &[ID])).collect());
    refused(&wide, &mariadb(), "tables");
}
