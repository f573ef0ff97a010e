//! Texts that are made to exhaust a parser: deep nesting of every kind, chains, many parameters.
//! Each is read on a stack as small as a worker thread's, and within a generous time; a stack that
//! overflows ends the test run.

use super::{Parameters, SqlMode, parse_with};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(6);

/// Parses, prints and drops.
fn survive(name: &str, sql: String) {
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let parsed = parse_with(&sql, SqlMode::default(), Parameters::Numbered);
        let _ = sender.send(format!("{parsed:?}").len());
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).expect("a thread");
    assert!(receiver.recv_timeout(PATIENCE).is_ok(), "{name} takes too long");
}

#[test]
fn deep_nesting_is_read_or_refused() {
    for (name, before, inner, after) in [
        ("parentheses", "(", "1", ")"),
        ("functions", "f(", "1", ")"),
        ("casts", "CAST(", "1", " AS CHAR)"),
        ("cases", "CASE WHEN 1 THEN ", "1", " END"),
        ("open cases", "CASE ", "1", ""),
        ("intervals", "INTERVAL ", "1", ""),
        ("negations", "NOT ", "1", ""),
        ("signs", "- ", "1", ""),
        ("bangs", "! ", "1", ""),
        ("casts by operator", "BINARY ", "1", ""),
        ("subqueries", "(SELECT ", "1", ")"),
        ("exists", "EXISTS (SELECT ", "1", ")"),
        ("lists", "1 IN (", "1", ")"),
        ("brackets", "[", "1", "]"),
        ("braces", "{", "1", "}"),
        ("structs", "STRUCT(", "1", ")"),
        ("arrays", "ARRAY[", "1", "]"),
        ("maps", "MAP {1: ", "1", "}"),
        ("subscripts", "", "a", "[1]"),
        ("fields", "", "a", ".b"),
        ("collations", "", "a", " COLLATE utf8mb4_bin"),
        ("casts by colons", "", "a", "::INT"),
        ("tests for NULL", "", "a", " IS NULL"),
        ("texts side by side", "", "'a'", " 'a'"),
    ] {
        for depth in [100, 190, 900, 20_000] {
            let sql = format!("SELECT {}{inner}{}", before.repeat(depth), after.repeat(depth));
            survive(&format!("{name} {depth}"), sql);
        }
    }
}

#[test]
fn deep_types_are_read_or_refused() {
    for (name, before, after) in [
        ("arrays", "ARRAY<", ">"),
        ("structs", "STRUCT<a ", ">"),
        ("nullables", "Nullable(", ")"),
        ("arrays in parentheses", "Array(", ")"),
        ("maps", "Map(INT, ", ")"),
        ("tuples", "Tuple(", ")"),
        ("brackets", "", "[]"),
    ] {
        for depth in [100, 190, 900, 20_000] {
            let data_type = format!("{}INT{}", before.repeat(depth), after.repeat(depth));
            survive(&format!("{name} {depth}"), format!("SELECT CAST(1 AS {data_type})"));
            survive(&format!("{name} {depth} as a prefix"), format!("SELECT {data_type} '1'"));
        }
    }
}

#[test]
fn deep_tables_are_read_or_refused() {
    for (name, before, inner, after) in [
        ("parentheses", "(", "t", ")"),
        ("subqueries", "(SELECT * FROM ", "t", ") x"),
        ("joins", "(a JOIN ", "t", ")"),
        ("chains of joins", "", "t", " JOIN t"),
        ("commas", "", "t", ", t"),
        ("functions", "TABLE(f(", "1", "))"),
        ("pivots", "", "t", " PIVOT(SUM(a) FOR b IN (1))"),
    ] {
        for depth in [100, 190, 900, 20_000] {
            let sql =
                format!("SELECT * FROM {}{inner}{}", before.repeat(depth), after.repeat(depth));
            survive(&format!("{name} {depth}"), sql);
        }
    }
    for depth in [190, 20_000] {
        survive("explains", format!("{}SELECT 1", "EXPLAIN ".repeat(depth)));
        survive("withs", format!("{}SELECT 1", "WITH a AS (".repeat(depth)));
        survive("queries", format!("{}SELECT 1{}", "(".repeat(depth), ")".repeat(depth)));
        survive("comments", format!("SELECT {}1", "/*".repeat(depth)));
        survive("hints", format!("SELECT {}1", "/*! ".repeat(depth)));
    }
}

#[test]
fn as_many_parameters_as_the_protocol_has_are_counted() {
    let sql = format!("SELECT {}", vec!["?"; 65_535].join(", "));
    let count = parse_with(&sql, SqlMode::default(), Parameters::Numbered).map(|(_, count)| count);
    assert_eq!(count.ok(), Some(65_535));
}
