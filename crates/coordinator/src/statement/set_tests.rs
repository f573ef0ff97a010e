//! SET from text to changed variables; the statements are those of the clients named beside them.

use super::super::{Statement, Transaction, parse};
use super::*;

fn run(variables: &mut Variables, sql: &str) -> Result<()> {
    match parse(sql)? {
        Statement::Set(assignments) => apply(variables, &assignments),
        other => panic!("no SET: {other:?}"),
    }
}

fn after(sql: &str) -> Variables {
    let mut variables = Variables::default();
    run(&mut variables, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    variables
}

fn value(variables: &Variables, name: &str) -> String {
    variables.text(name).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn sqlx_connects() {
    let variables = after(
        "SET sql_mode=(SELECT CONCAT(@@sql_mode, ',PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION')),\
         time_zone='+00:00',NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;",
    );
    assert_eq!(value(&variables, "time_zone"), "+00:00");
    assert_eq!(value(&variables, "collation_connection"), "utf8mb4_unicode_ci");
    assert!(value(&variables, "sql_mode").contains("PIPES_AS_CONCAT"));
}

#[test]
fn mariadb_connector_j_connects() {
    let variables = after(
        "set autocommit=0, session_track_schema=1, sql_mode=concat(@@sql_mode,',STRICT_ALL_TABLES')",
    );
    assert_eq!(value(&variables, "autocommit"), "0");
    assert!(value(&variables, "sql_mode").contains("STRICT_ALL_TABLES"));
}

#[test]
fn mysqldump_saves_and_restores() {
    let mut variables = Variables::default();
    for sql in [
        "/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;",
        "/*!40103 SET TIME_ZONE='+00:00' */",
        "/*!40101 SET SQL_MODE=IFNULL(@OLD_SQL_MODE,'') */",
    ] {
        run(&mut variables, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    assert_eq!(value(&variables, "sql_mode"), value(&Variables::default(), "sql_mode"));
}

#[test]
fn scopes_and_forms() {
    let variables = after(
        "SET SESSION wait_timeout = 100, @@session.net_read_timeout := 7, @@net_write_timeout = 5+2*3,
         LOCAL sql_safe_updates = ON, character_set_results = NULL, autocommit = OFF,
         `sql_notes` = false, @a = 'x', @b := CONCAT(@a, REPLACE('y-y', '-', 1)), @`c d` = -1.5",
    );
    assert_eq!(value(&variables, "wait_timeout"), "100");
    assert_eq!(value(&variables, "net_read_timeout"), "7");
    assert_eq!(value(&variables, "net_write_timeout"), "11");
    assert_eq!(value(&variables, "character_set_results"), "");
    assert_eq!(value(&variables, "autocommit"), "0");
    assert_eq!(value(&variables, "sql_notes"), "0");
    assert_eq!(variables.user("b"), VariableValue::text("xy1y"));
    assert_eq!(variables.user("c d"), VariableValue::Double(-1.5));
    let odbc = after("set @@sql_select_limit=DEFAULT");
    assert_eq!(value(&odbc, "sql_select_limit"), "18446744073709551615");
}

#[test]
fn names_and_character_set() {
    let variables = after("SET NAMES 'utf8mb4' COLLATE 'utf8mb4_0900_ai_ci'");
    assert_eq!(value(&variables, "collation_connection"), "utf8mb4_0900_ai_ci");
    assert_eq!(value(&after("SET NAMES DEFAULT"), "character_set_client"), "utf8mb4");
    assert_eq!(value(&after("SET CHARACTER SET utf8"), "character_set_client"), "utf8mb3");
}

#[test]
fn transactions() {
    for sql in
        ["SET TRANSACTION READ WRITE", "set transaction isolation level read committed, read only"]
    {
        let statement = parse(sql).expect(sql);
        assert_eq!(statement, Statement::Transaction(Transaction::Characteristics), "{sql}");
    }
    let variables = after("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY");
    assert_eq!(value(&variables, "transaction_isolation"), "READ-COMMITTED");
    assert_eq!(value(&variables, "transaction_read_only"), "1");
}

#[test]
fn all_or_nothing() {
    let mut variables = Variables::default();
    let error = run(&mut variables, "SET wait_timeout = 1, nonsense = 2").expect_err("unknown");
    assert_eq!(error.kind(), ErrorKind::UnknownVariable);
    assert_eq!(value(&variables, "wait_timeout"), "28800");
}

#[test]
fn refusals() {
    for (sql, kind) in [
        ("SET GLOBAL wait_timeout = 1", ErrorKind::Unsupported),
        ("SET PERSIST wait_timeout = 1", ErrorKind::Unsupported),
        ("SET ROLE NONE", ErrorKind::Unsupported),
        ("SET @x = (SELECT max(a) FROM t)", ErrorKind::Unsupported),
        ("SET @x = sleep(1)", ErrorKind::Unsupported),
        ("SET @x = 9223372036854775807 * 9223372036854775807", ErrorKind::InvalidValue),
        ("SET @x = 'a' + 1", ErrorKind::TypeMismatch),
        ("SET @x", ErrorKind::SyntaxError),
        ("SET", ErrorKind::SyntaxError),
        ("SET a = 1,", ErrorKind::SyntaxError),
        ("SET NAMES latin1", ErrorKind::UnknownCharacterSet),
        ("SET a.b = 1", ErrorKind::UnknownVariable),
    ] {
        let error = run(&mut Variables::default(), sql).expect_err(sql);
        assert_eq!(error.kind(), kind, "{sql}: {error}");
    }
}
