//! Columns of MySQL that PostgreSQL has none like: dates that no calendar has, and bytes of one length.

use super::super::{
    Form, MysqlDialect, Native, OutputColumn, SourceColumn, SourceTable, SqlWriter, Statement,
};
use super::build::*;
use super::fixture::mariadb;
use arrow::datatypes::{DataType, Field, Schema};
use mooring_spi::{
    AggregateFunction, Function, Relation, SchemaTable, Table, TableKind, TableStatistics,
    Unsupported, Value,
};
use std::sync::Arc;

const ID: usize = 0;
const DAY: usize = 1;
const BYTES: usize = 2;

fn table(projection: &[usize]) -> Relation {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("day", DataType::Date32, true),
        Field::new("bytes", DataType::Binary, true),
    ];
    let table = Table {
        name: SchemaTable::new("s", "a"),
        kind: TableKind::Table,
        schema: Arc::new(Schema::new(fields)),
        statistics: TableStatistics::default(),
        handle: String::new(),
        view: None,
    };
    scan(&Arc::new(table), projection.to_vec())
}

fn written(relation: &Relation) -> Statement {
    let source_table = |table: &Arc<Table>| -> Result<SourceTable, Unsupported> {
        let forms =
            [Form::Exact, Form::ZeroDates { are_null: false }, Form::Bytes { at_most: Some(2) }];
        let columns = table.schema.fields().iter().zip(forms);
        let columns =
            columns.map(|(field, form)| SourceColumn { name: field.name().clone(), form });
        Ok(SourceTable { schema: "s".into(), name: "a".into(), columns: columns.collect() })
    };
    let dialect = mariadb();
    SqlWriter { dialect: &dialect, source_table: &source_table }
        .statement(relation)
        .expect("supported")
}

/// `DAY`, and an error where no calendar has it.
fn checked(table: &str) -> String {
    format!(
        "(CASE WHEN DAYOFMONTH({table}.`day`) BETWEEN 1 AND DAYOFMONTH(LAST_DAY({table}.`day`)) THEN {table}.`day` \
         ELSE FROM_DAYS(9223372036854775807 + (1 + DAYOFMONTH({table}.`day`))) END)"
    )
}

#[test]
fn a_date_that_is_only_fetched_stays_as_it_is() {
    let relation = limit(table(&[ID, DAY]), vec![], Some(10), 0);
    let statement = written(&relation);
    assert_eq!(statement.sql, "SELECT t1.`id` AS c0, t1.`day` AS c1 FROM `s`.`a` AS t1 LIMIT 10");
    let native = Native { schema: "s".to_owned(), table: "a".to_owned(), column: DAY };
    assert_eq!(statement.columns[1], OutputColumn::Native(native));
}

#[test]
fn a_date_that_is_computed_with_must_be_one() {
    let day = literal(Value::Date(0), DataType::Date32);
    let input = table(&[ID, DAY]);
    let later = test(Function::Greater, vec![column(&input, 1), day]);
    let relation = filter(input, vec![later]);
    let checked = checked("t1");
    assert_eq!(
        written(&relation).sql,
        format!(
            "SELECT t1.`id` AS c0, t1.`day` AS c1 FROM `s`.`a` AS t1 WHERE (t1.`day` > DATE'1970-01-01') \
             AND ({checked} > DATE'1970-01-01')"
        )
    );
    let input = table(&[DAY]);
    let groups = vec![column(&input, 0)];
    let latest = of(AggregateFunction::Max, Some(column(&input, 0)), DataType::Date32);
    assert_eq!(
        written(&aggregate(input, groups, vec![latest])).sql,
        format!(
            "SELECT {checked} AS c0, MAX({checked}) AS c1 FROM `s`.`a` AS t1 GROUP BY {checked}"
        )
    );
}

/// A limit below a condition: what is counted was fetched from within.
#[test]
fn a_date_of_a_derived_table_must_be_one() {
    let limited = limit(table(&[DAY]), vec![], Some(3), 0);
    let rows = of(AggregateFunction::Count, Some(column(&limited, 0)), DataType::Int64);
    let checked = checked("t1");
    assert_eq!(
        written(&aggregate(limited, vec![], vec![rows])).sql,
        format!(
            "SELECT COUNT(t2.c0) AS c0 FROM (SELECT {checked} AS c0 FROM `s`.`a` AS t1 LIMIT 3) AS t2"
        )
    );
}

#[test]
fn only_null_is_null() {
    let input = table(&[ID, DAY]);
    let is_null = test(Function::IsNull, vec![column(&input, 1)]);
    let relation = project(input.clone(), vec![column(&input, 0)]);
    let missing = filter(input, vec![is_null]);
    let missing = project(missing, vec![column(&relation, 0)]);
    assert_eq!(
        written(&missing).sql,
        "SELECT t1.`id` AS c0 FROM `s`.`a` AS t1 WHERE (t1.`day` <=> NULL)"
    );
    let input = table(&[DAY]);
    let is_there = test(Function::IsNotNull, vec![column(&input, 0)]);
    let checked = checked("t1");
    assert_eq!(
        written(&filter(input, vec![is_there])).sql,
        format!("SELECT t1.`day` AS c0 FROM `s`.`a` AS t1 WHERE ({checked} IS NOT NULL)")
    );
}

#[test]
fn bytes_beside_longer_ones_are_not_filled_up() {
    let bytes = || table(&[BYTES]);
    assert_eq!(
        written(&union(vec![bytes(), bytes()])).sql,
        "SELECT t3.c0 AS c0 FROM (SELECT CAST(t1.`bytes` AS BINARY) AS c0 FROM `s`.`a` AS t1 UNION ALL \
         SELECT CAST(t2.`bytes` AS BINARY) AS c0 FROM `s`.`a` AS t2) AS t3"
    );
    let input = bytes();
    let other = literal(Value::Binary(vec![97]), DataType::Binary);
    let either = call(Function::Coalesce, vec![column(&input, 0), other], DataType::Binary);
    assert_eq!(
        written(&project(input, vec![either])).sql,
        "SELECT COALESCE(CAST(t1.`bytes` AS BINARY), CAST(x'61' AS BINARY)) AS c0 FROM `s`.`a` AS t1"
    );
}

/// The session's settings stand beside others of one `SET`.
#[test]
fn a_session_is_settings_without_their_statement() {
    assert!(!MysqlDialect::SESSION.to_ascii_lowercase().contains("set session"));
    for setting in ["time_zone = '+00:00'", "sql_mode = 'NO_BACKSLASH_ESCAPES'"] {
        assert!(MysqlDialect::SESSION.contains(setting), "{setting}");
    }
}
