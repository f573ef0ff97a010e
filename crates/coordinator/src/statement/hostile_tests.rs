//! Texts that are made to exhaust a parser: deep types, many parameters.
//! Each is read on a stack as small as a worker thread's, and within a generous time; a stack that
//! overflows ends the test run.

use super::{Parameters, SqlMode, parse_with};
use std::sync::mpsc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

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
fn as_many_parameters_as_the_protocol_has_are_counted() {
    let sql = format!("SELECT {}", vec!["?"; 65_535].join(", "));
    let count = parse_with(&sql, SqlMode::default(), Parameters::Numbered).map(|(_, count)| count);
    assert_eq!(count.ok(), Some(65_535));
}
