use super::super::{CreateExternalTable, parse};
use super::*;

fn parsed(sql: &str) -> Statement {
    parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

fn refused(sql: &str) -> (ErrorKind, String) {
    let error = parse(sql).expect_err(sql);
    (error.kind(), error.message().to_owned())
}

fn name_of(parts: &[&str]) -> Name {
    Name(parts.iter().map(|part| (*part).to_owned()).collect())
}

fn is_query(sql: &str) -> bool {
    matches!(parsed(sql), Statement::Query(_))
}

#[test]
fn a_path_stands_where_a_table_may() {
    for (sql, expected) in [
        ("SELECT * FROM 's3://b/a b/*.csv'", "SELECT * FROM 's3://b/a b/*.csv'"),
        ("TABLE '/data/a.csv'", "SELECT * FROM '/data/a.csv'"),
        (
            "SELECT t.x FROM '/data/a.csv' t, `/data/b.csv` AS u JOIN \"/data/c.csv\" v ON t.x = '/data/d'",
            "SELECT t.x FROM '/data/a.csv' t, `/data/b.csv` AS u JOIN \"/data/c.csv\" v ON t.x = '/data/d'",
        ),
    ] {
        let Statement::Query(query) = parsed(sql) else { panic!("no query: {sql}") };
        // How sqlparser writes an alias does not matter.
        let written = query.query.to_string().replace(" AS ", " ");
        assert_eq!(written, expected.replace(" AS ", " "));
    }
}

#[test]
fn comments_and_semicolons_are_around() {
    for sql in [
        "/* ApplicationName=DBeaver 24.1 */ SELECT 1",
        "-- a\n# b\n/* c */ SELECT 1 ; ; -- d",
        ";SELECT 1",
        "(SELECT 1)",
        "WITH a AS (SELECT 1) SELECT * FROM a",
        "VALUES (1, 'x'), (2, 'y')",
        "VALUES ROW(1, 2), ROW(3, 4)",
        "/*! SELECT 1 */",
    ] {
        assert!(is_query(sql), "{sql}");
    }
    for sql in ["", "  ", ";", "/* nothing */", "-- nothing"] {
        assert_eq!(refused(sql), (ErrorKind::SyntaxError, EMPTY_QUERY.to_owned()), "{sql:?}");
    }
    assert_eq!(refused("SELECT 1; SELECT 2").0, ErrorKind::SyntaxError);
}

#[test]
fn syntax_errors_tell_where_and_what() {
    assert_eq!(
        refused("FORM t"),
        (
            ErrorKind::SyntaxError,
            "syntax error at line 1, column 1: expected a statement, found `FORM`".to_owned()
        )
    );
    let (_, message) = refused("SELECT a,\n  FROM t");
    assert!(message.starts_with("syntax error at line 2, column"), "{message}");
    let (_, message) = refused("SELECT 1 +");
    assert!(message.starts_with("syntax error at the end of the statement: expected"), "{message}");
    let (_, message) = refused("SELECT a FROM t WHERE x = 'abc");
    assert_eq!(message, "syntax error at line 1, column 27: unterminated string literal");
    let (_, message) = refused("SELECT 1 FROM t u v");
    assert!(message.ends_with("expected the end of the statement, found `v`"), "{message}");
}

#[test]
fn deep_nesting_is_refused_and_moderate_is_not() {
    let nested = |depth: usize| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    assert!(is_query(&nested(60)));
    assert_eq!(refused(&nested(5_000)).0, ErrorKind::Unsupported);
    let long = format!("SELECT * FROM t WHERE {}", vec!["a = 1"; 500].join(" OR "));
    assert!(is_query(&long));
}

#[test]
fn standard_sql_parses() {
    for sql in [
        "SELECT count(*) FILTER (WHERE a > 1) FROM t",
        "SELECT sum(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t",
        "SELECT sum(a) OVER w, rank() OVER (w ORDER BY b) FROM t WINDOW w AS (PARTITION BY c)",
        "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
        "SELECT EXTRACT(YEAR FROM d), EXTRACT(YEAR_MONTH FROM d) FROM t",
        "SELECT d + INTERVAL '3' month, d - interval 1 + 2 day, DATE_ADD(d, INTERVAL HOUR(e) HOUR) FROM t",
        "SELECT date '1998-12-01', timestamp '2020-01-01 00:00:00'",
        "SELECT a || 'x' || \"y\" FROM t",
        "SELECT a, sum(b) FROM t GROUP BY GROUPING SETS ((a), ())",
        "SELECT a, sum(b) FROM t GROUP BY CUBE (a, c) HAVING sum(b) > 1",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT * FROM n",
        "SELECT * FROM (VALUES (1, 2)) AS v (a, b)",
        "SELECT CAST(a AS DECIMAL(10, 2)), TRY_CAST(b AS BIGINT) FROM t",
        "SELECT a FROM t EXCEPT SELECT a FROM u INTERSECT SELECT a FROM v",
        "SELECT t.b FROM t LEFT JOIN u USING (a) CROSS JOIN v, LATERAL (SELECT 1) x",
        "SELECT a FROM t LIMIT 5, 10",
        "SELECT a FROM `tpch.tiny`.t AS x WHERE a IN (1, 2) FOR UPDATE",
    ] {
        assert!(is_query(sql), "{sql}");
    }
}

#[test]
fn schemas_and_tables() {
    assert_eq!(parsed("USE `tpch.tiny`"), Statement::Use(name_of(&["tpch.tiny"])));
    assert_eq!(parsed("use tpch.tiny;"), Statement::Use(name_of(&["tpch", "tiny"])));
    assert_eq!(
        parsed(
            "CREATE DATABASE IF NOT EXISTS d DEFAULT CHARACTER SET = utf8mb4 COLLATE utf8mb4_bin"
        ),
        Statement::CreateSchema { name: name_of(&["d"]), if_not_exists: true }
    );
    assert_eq!(
        parsed("DROP SCHEMA IF EXISTS lake.d CASCADE"),
        Statement::DropSchema { name: name_of(&["lake", "d"]), if_exists: true, cascade: true }
    );
    assert_eq!(
        parsed("DROP TABLE a, b.c"),
        Statement::DropTable {
            names: vec![name_of(&["a"]), name_of(&["b", "c"])],
            if_exists: false
        }
    );
    for sql in ["REFRESH TABLE hive.sales.orders", "refresh table `hive`.sales.`orders`;"] {
        let table = name_of(&["hive", "sales", "orders"]);
        assert_eq!(parsed(sql), Statement::RefreshTable(table), "{sql}");
    }
    for sql in ["REFRESH", "REFRESH orders", "REFRESH TABLE", "REFRESH TABLE a b"] {
        assert_eq!(refused(sql).0, ErrorKind::SyntaxError, "{sql}");
    }
    let external = parsed("CREATE EXTERNAL TABLE t STORED AS JSON LOCATION 'x'");
    let Statement::CreateExternalTable(external) = external else { panic!("another statement") };
    let CreateExternalTable { name, .. } = *external;
    assert_eq!(name, name_of(&["t"]));
}

#[test]
fn transactions_and_kill() {
    use Transaction::{Begin, Commit, Rollback};
    for (sql, expected) in [
        ("BEGIN", Begin),
        ("START TRANSACTION READ ONLY, WITH CONSISTENT SNAPSHOT", Begin),
        ("COMMIT AND NO CHAIN NO RELEASE", Commit),
        ("rollback work", Rollback),
    ] {
        assert_eq!(parsed(sql), Statement::Transaction(expected), "{sql}");
    }
    assert_eq!(refused("ROLLBACK TO SAVEPOINT a").0, ErrorKind::Unsupported);
    let kill = |connection_id, query_only| Statement::Kill(Kill { connection_id, query_only });
    assert_eq!(parsed("KILL QUERY 7"), kill(7, true));
    assert_eq!(parsed("KILL CONNECTION 7"), kill(7, false));
    assert_eq!(parsed("kill 7"), kill(7, false));
}

#[test]
fn other_statements_are_named() {
    for (sql, name) in [
        ("INSERT INTO t VALUES (1)", "`INSERT`"),
        ("REPLACE INTO t VALUES (1)", "`REPLACE`"),
        ("UPDATE t SET a = 1", "`UPDATE`"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "`CREATE VIEW`"),
        ("CREATE TEMPORARY TABLE t (a INT)", "`CREATE TABLE`"),
        ("CREATE ROLE r", "`CREATE ROLE`"),
        ("ALTER TABLE t ADD a INT", "`ALTER TABLE`"),
        ("DROP VIEW v", "`DROP VIEW`"),
        ("FLUSH PRIVILEGES", "`FLUSH`"),
        ("LOCK TABLES t READ", "`LOCK TABLES`"),
        ("DO SLEEP(1)", "`DO`"),
    ] {
        let Statement::Refused(refused) = parsed(sql) else { panic!("not refused: {sql}") };
        let error = refused.error();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
        assert!(error.message().contains(name), "{sql}: {error}");
    }
}

#[test]
fn ansi_quotes_are_a_mode() {
    let ansi = SqlMode { ansi_quotes: true, ..SqlMode::default() };
    let Ok(Statement::Query(query)) = parse_in("SELECT \"a b\" FROM \"t\"", ansi) else {
        panic!("no query")
    };
    assert_eq!(query.labels, [super::super::Label::Text("a b".to_owned())]);
}
