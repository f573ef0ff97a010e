use super::*;
use crate::statement::parse;
use proptest::prelude::*;

#[test]
fn what_follows_the_announcing_word_is_gone() {
    for (sql, listed) in [
        (
            "CREATE USER 'a'@'%' IDENTIFIED BY 's3cret' REQUIRE SSL",
            "CREATE USER 'a'@'%' IDENTIFIED '<secret>'",
        ),
        (
            "/* x */ alter\nuser a identified by 's3cret",
            "/* x */ alter\nuser a identified '<secret>'",
        ),
        ("SET PASSWORD = 's3cret'", "SET PASSWORD '<secret>'"),
        ("SET @x = 1, PASSWORD FOR a = 's3cret'", "SET @x = 1, PASSWORD '<secret>'"),
        ("SET PASSWORD FOR a = PASSWORD('s3cret')", "SET PASSWORD '<secret>'"),
        (
            "GRANT ALL ON *.* TO a IDENTIFIED BY 's3cret'",
            "GRANT ALL ON *.* TO a IDENTIFIED '<secret>'",
        ),
        ("CREATE USER a IDENTIFED BY 's3cret'", "CREATE USER '<secret>'"),
        ("CREATE OR REPLACE USER a BY 's3cret'", "CREATE OR REPLACE USER '<secret>'"),
        ("CRAETE USER a IDENTIFIED BY 's3cret'", "CRAETE USER a IDENTIFIED '<secret>'"),
        ("/*!50000 CREATE USER a USING 's3cret' */", "/*!50000 CREATE USER '<secret>'"),
        (
            "SELECT 1; ALTER USER a IDENTIFIED BY 's3cret'",
            "SELECT 1; ALTER USER a IDENTIFIED '<secret>'",
        ),
        (
            "EXPLAIN ALTER USER a IDENTIFIED BY 's3cret'",
            "EXPLAIN ALTER USER a IDENTIFIED '<secret>'",
        ),
        (r"CREATE USER 'a\' IDENTIFIED BY 's3cret'", r"CREATE USER 'a\' IDENTIFIED '<secret>'"),
    ] {
        assert_eq!(without_secrets(sql), listed);
    }
}

#[test]
fn a_catalog_is_listed_by_its_name_and_kind() {
    for (sql, listed) in [
        (
            "CREATE CATALOG a USING postgresql WITH (password = 's3cret')",
            "CREATE CATALOG a USING postgresql '<secret>'",
        ),
        (
            "create  catalog\nif not exists `a b` using x comment 's3cret' with (k = 's3cret') noverify;",
            "create  catalog\nif not exists `a b` using x '<secret>'",
        ),
        ("CREATE CATALOG a (password 's3cret')", "CREATE CATALOG a '<secret>'"),
        ("CREATE CATALOG a /* s3cret */ USING x", "CREATE CATALOG a '<secret>'"),
        ("CREATE CATALOG /* s3cret */ a USING x", "CREATE CATALOG '<secret>'"),
        ("CREATE CATALOG a USING x -- s3cret", "CREATE CATALOG a USING x '<secret>'"),
        ("CREATE CATALOG a USING x s3cret", "CREATE CATALOG a USING x '<secret>'"),
        ("CREATE CATALOG `a s3cret", "CREATE CATALOG '<secret>'"),
        ("CREATE CATALOG 's3cret'", "CREATE CATALOG '<secret>'"),
        ("CREATE CATALOG a USING 's3cret'", "CREATE CATALOG a USING '<secret>'"),
        ("CREATE OR REPLACE CATALOG a WITH (k='s3cret')", "CREATE OR REPLACE CATALOG a '<secret>'"),
        ("CREATE/**/CATALOG a WITH(k='s3cret", "CREATE/**/CATALOG a '<secret>'"),
        (
            "/*!50000 CREATE */ CATALOG a WITH (k='s3cret')",
            "/*!50000 CREATE */ CATALOG a '<secret>'",
        ),
        ("CREAT CATALOG a USING x WITH (k='s3cret')", "CREAT CATALOG a USING x '<secret>'"),
        ("CREATE CATALOGUE a USING x WITH (k='s3cret')", "CREATE CATALOGUE a USING x '<secret>'"),
        (
            "CREATE CTALOG a USING x WITH (s3_secret_key='s3cret')",
            "CREATE CTALOG a USING x WITH (s3_secret_key '<secret>'",
        ),
        ("ALTER CATALOG a SET (k = 's3cret')", "ALTER CATALOG a SET '<secret>'"),
        ("ALTER CATALOG a RENAME TO b (k = 's3cret')", "ALTER CATALOG a RENAME TO b '<secret>'"),
        (
            "SELECT '/*'; CREATE CATALOG a WITH (k = 's3cret')",
            "SELECT '/*'; CREATE CATALOG a '<secret>'",
        ),
        (
            "CREATE CATALOG a USING x; CREATE CATALOG b USING x WITH (k = 's3cret')",
            "CREATE CATALOG a USING x '<secret>'",
        ),
        (
            "EXPLAIN CREATE CATALOG a USING x WITH (k = 's3cret')",
            "EXPLAIN CREATE CATALOG a USING x '<secret>'",
        ),
        (
            "PREPARE s FROM 'CREATE CATALOG a USING x WITH (k = ''s3cret'')'",
            "PREPARE s FROM 'CREATE CATALOG a USING x '<secret>'",
        ),
    ] {
        assert_eq!(without_secrets(sql), listed, "{sql}");
    }
    for sql in [
        "CREATE CATALOG a USING tpch",
        "CREATE CATALOG IF NOT EXISTS `a` USING tpch;",
        "ALTER CATALOG a RENAME TO b",
        "DROP CATALOG IF EXISTS a",
        "SHOW CREATE CATALOG a",
        "SHOW CATALOGS LIKE 'a%'",
        "COMMENT ON CATALOG a IS 'ours'",
        "SELECT catalog, create_time FROM t",
        "CREATE EXTERNAL TABLE t (catalog TEXT, secret TEXT) STORED AS CSV LOCATION 'x'",
        "SET @my_secret_santa = 1",
    ] {
        assert!(matches!(without_secrets(sql), Cow::Borrowed(same) if same == sql), "{sql}");
    }
}

#[test]
fn an_error_of_a_catalog_does_not_quote_its_text() {
    for sql in [
        "CREATE CATALOG a USING x WITH (password = s3cret)",
        "CREATE CATALOG a USING x WITH (password = 'a' 's3cret')",
        "CREATE CATALOG a USING x WITH (password 's3cret')",
        "CREATE CATALOG a USING x 's3cret'",
        "CREATE CATALOG a WITH (password = 's3cret')",
        "CREATE CATALOG a USING x WITH (password = 's3cret",
        "CREATE CATALOG a USING x WITH ('s3cret')",
        "ALTER CATALOG a SET (password = 1 's3cret')",
        "ALTER CATALOG a SET password = 's3cret'",
        "ALTER CATALOG a 's3cret'",
    ] {
        let error = error_without_secrets(sql, parse(sql).expect_err(sql));
        assert!(!error.message().contains("s3cret"), "{sql}: {error}");
    }
    let refused = parse("CREATE CATALOGS a USING x WITH (password = 's3cret')");
    assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
}

#[test]
fn other_statements_are_listed_as_they_are() {
    for sql in [
        "",
        "SELECT password, 'identified' FROM users",
        "(SELECT password FROM t)",
        "-- password\nSELECT 1;",
        "EXPLAIN SELECT password FROM t",
        "DROP USER a",
        "SET NAMES utf8mb4",
        "CREATE EXTERNAL TABLE user (a INT) STORED AS CSV LOCATION 'x'",
        "WITH password AS (SELECT 1) SELECT * FROM password",
    ] {
        assert!(matches!(without_secrets(sql), Cow::Borrowed(same) if same == sql), "{sql}");
    }
}

#[test]
fn a_syntax_error_does_not_quote_a_secret() {
    for sql in [
        "CREATE USER a IDENTIFIED 's3cret'",
        "CREATE USER a BY 's3cret'",
        "CREATE USER a 's3cret'",
        "CREATE USER a IDENTIFIED BY s3cret",
        "CREATE USER a IDENTIFIED BY 'x' 's3cret'",
        "ALTER USER a IDENTIFIED WITH mysql_native_password TO 's3cret'",
        "SET PASSWORD FOR a TO 's3cret'",
        "SET PASSWORD FOR 's3cret",
        "SET PASSWORD 's3cret'",
        "SET PASSWORD = PASSWORD 's3cret'",
        "GRANT ALL ON *.* TO a IDENTIFIED BY 's3cret'",
    ] {
        let error = error_without_secrets(sql, parse(sql).expect_err(sql));
        assert!(!error.message().contains("s3cret"), "{sql}: {error}");
    }
    let sql = "SET @p = PASSWORD('s3cret')";
    let error = error_without_secrets(sql, Error::unsupported("`PASSWORD('s3cret')` is none"));
    assert!(!error.message().contains("s3cret"), "{error}");
    let error = error_without_secrets(sql, Error::unsupported("`a` has no `s3cret`"));
    assert_eq!(error.message(), "`a` has no `s3cret`");
    // The server's own words, MySQL 8.0 Error Message Reference, ER_ACCESS_DENIED_ERROR.
    let create = |properties: &str| format!("CREATE CATALOG x USING mysql WITH ({properties})");
    let denied = "Access denied for user 'reader'@'127.0.0.1' (using password: YES)";
    let sql = create("host = '127.0.0.1', user='reader', password='wrong'");
    let error = error_without_secrets(&sql, Error::unsupported(denied));
    assert_eq!(error.message(), denied);
    let sql = create("host = '127.0.0.1', user='reader', password='reader'");
    let error = error_without_secrets(&sql, Error::unsupported(denied));
    let told = "Access denied for user '***'@'127.0.0.1' (using password: YES)";
    assert_eq!(error.message(), told);
    for properties in [
        "password = 'a\\'b', user = 'x', token = 's3cret'",
        "user = 'it''s', token = 's3cret'",
        "'user' = 'x', token = 's3cret'",
        "note = 'user =', token = 's3cret'",
    ] {
        let error = Error::unsupported("no 's3cret' and no \"s3cret\"");
        let error = error_without_secrets(&create(properties), error);
        assert_eq!(error.message(), "no '***' and no \"***\"", "{properties}");
    }
    let error = error_without_secrets("SELECT FORM t", parse("SELECT 1 1").expect_err("wrong"));
    assert!(error.message().contains("found"), "{error}");
}

proptest! {
    #[test]
    fn any_text_is_listed(sql: String) {
        let _ = without_secrets(&sql);
    }

    #[test]
    fn no_secret_is_listed(
        start in "(CREATE|ALTER|create) USER( IF EXISTS)? ('a'@'%'|a@b|`q`)( IDENTIFIED| identified)?[ \n]",
        word in "(BY|WITH x BY|AS|=)?",
        end in "[ ';]{0,3}",
    ) {
        let sql = format!("{start}{word} 's3cret'{end}");
        prop_assert!(!without_secrets(&sql).contains("s3cret"), "{}", sql);
    }

    #[test]
    fn no_secret_of_a_catalog_is_listed(
        before in "(SELECT 1; |/\\* x \\*/|EXPLAIN |;;|)",
        start in "(CREATE|ALTER|create)( |\n|/\\*\\*/)(OR REPLACE )?CATALOG ",
        name in "(IF NOT EXISTS )?(a|`b c`|'d'|)[ \n]",
        word in "(USING x |SET |RESET |RENAME |)(COMMENT 'y' |)(WITH|)[ (]{0,2}",
        property in "(password|k|'k'|)[ ]?(=|:|)[ ]?",
        end in "[ ';)]{0,3}",
    ) {
        let sql = format!("{before}{start}{name}{word}{property}'s3cret{end}");
        prop_assert!(!without_secrets(&sql).contains("s3cret"), "{}", sql);
    }
}
