use super::*;
use crate::statement::{Statement, parse};
use mooring_spi::ErrorKind;
use proptest::prelude::*;

fn parsed(sql: &str) -> UserStatement {
    match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
        Statement::Users(statement) => *statement,
        other => panic!("another statement: {other:?}"),
    }
}

fn named(name: &str, host: &str) -> UserRef {
    UserRef::Named(UserId::new(name, host))
}

fn plain(user: UserRef) -> UserDefinition {
    UserDefinition { user, identified: None }
}

#[test]
fn accounts_are_read_as_mysql_reads_them() {
    for (account, name, host) in [
        ("'a'@'%'", "a", "%"),
        ("a", "a", "%"),
        ("'a'", "a", "%"),
        ("`a b`@`10.%`", "a b", "10.%"),
        ("\"a\"@\"::1\"", "a", "::1"),
        ("a@localhost", "a", "localhost"),
        ("a@'10.0.0.0/8'", "a", "10.0.0.0/8"),
        ("'a'@localhost", "a", "localhost"),
        ("'a'@127.0.0.1", "a", "127.0.0.1"),
        ("a@127.0.0.1", "a", "127.0.0.1"),
        ("'a@b'@'%'", "a@b", "%"),
        ("'O''Hara'@'%'", "O'Hara", "%"),
    ] {
        let expected = UserStatement::Drop { users: vec![named(name, host)], if_exists: false };
        assert_eq!(parsed(&format!("DROP USER {account}")), expected, "{account}");
    }
    for own in ["USER()", "CURRENT_USER", "current_user()"] {
        let expected = UserStatement::Drop { users: vec![UserRef::Current], if_exists: true };
        assert_eq!(parsed(&format!("DROP USER IF EXISTS {own}")), expected, "{own}");
    }
}

#[test]
fn users_are_created_with_all_that_is_supported() {
    let by = |plugin: Option<&str>, password: &str| {
        Some(Identified::By {
            plugin: plugin.map(str::to_owned),
            password: Password::new(password),
        })
    };
    let statement = parsed(
        "CREATE USER IF NOT EXISTS 'a'@'h' IDENTIFIED BY 'it''s', b IDENTIFIED WITH \
         mysql_native_password BY 'x', c IDENTIFIED WITH 'caching_sha2_password' AS '$A$', \
         d IDENTIFIED WITH caching_sha2_password, e \
         REQUIRE SUBJECT '/CN=a' AND ISSUER '/CN=ca' ACCOUNT LOCK;",
    );
    let plugin = "caching_sha2_password".to_owned();
    let expected = UserStatement::Create {
        users: vec![
            UserDefinition { user: named("a", "h"), identified: by(None, "it's") },
            UserDefinition {
                user: named("b", "%"),
                identified: by(Some("mysql_native_password"), "x"),
            },
            UserDefinition {
                user: named("c", "%"),
                identified: Some(Identified::As {
                    plugin: plugin.clone(),
                    hash: Password::new("$A$"),
                }),
            },
            UserDefinition { user: named("d", "%"), identified: Some(Identified::With { plugin }) },
            plain(named("e", "%")),
        ],
        if_not_exists: true,
        options: UserOptions {
            tls: Some(TlsRequired::Subject {
                subject: "/CN=a".to_owned(),
                issuer: Some("/CN=ca".to_owned()),
            }),
            locked: Some(true),
        },
    };
    assert_eq!(statement, expected);
    assert!(!format!("{statement:?}").contains("it's"));
}

#[test]
fn requirements_and_locks() {
    let options = |sql: &str| match parsed(sql) {
        UserStatement::Alter { options, .. } => options,
        other => panic!("not ALTER USER: {other:?}"),
    };
    for (clause, tls, locked) in [
        ("REQUIRE NONE", Some(TlsRequired::Nothing), None),
        ("REQUIRE SSL ACCOUNT UNLOCK", Some(TlsRequired::Ssl), Some(false)),
        ("ACCOUNT LOCK REQUIRE X509", Some(TlsRequired::X509), Some(true)),
        (
            "REQUIRE ISSUER 'i' SUBJECT 's'",
            Some(TlsRequired::Subject { subject: "s".to_owned(), issuer: Some("i".to_owned()) }),
            None,
        ),
    ] {
        assert_eq!(options(&format!("ALTER USER a {clause}")), UserOptions { tls, locked });
    }
}

#[test]
fn the_other_statements() {
    let a = || vec![named("a", "%")];
    for (sql, expected) in [
        (
            "ALTER USER IF EXISTS a",
            UserStatement::Alter {
                users: vec![plain(named("a", "%"))],
                if_exists: true,
                options: UserOptions::default(),
            },
        ),
        (
            "RENAME USER a TO b@localhost, 'c'@'h' TO d",
            UserStatement::Rename {
                pairs: vec![
                    (named("a", "%"), named("b", "localhost")),
                    (named("c", "h"), named("d", "%")),
                ],
            },
        ),
        (
            "SET PASSWORD FOR 'a'@'h' = 'x'",
            UserStatement::SetPassword { user: named("a", "h"), password: Password::new("x") },
        ),
        (
            "SET PASSWORD = PASSWORD('x')",
            UserStatement::SetPassword { user: UserRef::Current, password: Password::new("x") },
        ),
        (
            "GRANT ALL PRIVILEGES ON *.* TO 'a'@'%' WITH GRANT OPTION",
            UserStatement::Grant { users: a(), administrator: true },
        ),
        ("GRANT ALL ON *.* TO a", UserStatement::Grant { users: a(), administrator: true }),
        ("GRANT SELECT ON *.* TO a", UserStatement::Grant { users: a(), administrator: false }),
        (
            "GRANT USAGE, SHOW DATABASES ON *.* TO a",
            UserStatement::Grant { users: a(), administrator: false },
        ),
        ("REVOKE ALL PRIVILEGES, GRANT OPTION FROM a", UserStatement::Revoke { users: a() }),
        ("REVOKE ALL ON *.* FROM a", UserStatement::Revoke { users: a() }),
        ("SHOW GRANTS", UserStatement::ShowGrants { user: UserRef::Current }),
        ("SHOW GRANTS FOR CURRENT_USER()", UserStatement::ShowGrants { user: UserRef::Current }),
        (
            "SHOW GRANTS FOR root@localhost",
            UserStatement::ShowGrants { user: named("root", "localhost") },
        ),
        ("SHOW CREATE USER 'a'@'h'", UserStatement::ShowCreate { user: named("a", "h") }),
    ] {
        assert_eq!(parsed(sql), expected, "{sql}");
    }
}

#[test]
fn what_is_not_supported_is_named() {
    for (sql, part) in [
        ("CREATE USER a WITH MAX_USER_CONNECTIONS 3", "`WITH MAX_USER_CONNECTIONS`"),
        ("CREATE USER a COMMENT 'x'", "`COMMENT`"),
        ("CREATE USER a ATTRIBUTE '{}'", "`ATTRIBUTE`"),
        ("CREATE USER a DEFAULT ROLE r", "`DEFAULT ROLE`"),
        ("CREATE USER a PASSWORD EXPIRE", "`PASSWORD EXPIRE`"),
        ("CREATE USER a FAILED_LOGIN_ATTEMPTS 3", "`FAILED_LOGIN_ATTEMPTS`"),
        ("CREATE USER a REQUIRE CIPHER 'x'", "`REQUIRE CIPHER`"),
        ("CREATE USER a REQUIRE ISSUER 'x'", "`REQUIRE ISSUER`"),
        ("CREATE USER a IDENTIFIED BY RANDOM PASSWORD", "RANDOM PASSWORD"),
        ("CREATE USER a IDENTIFIED BY PASSWORD '*1'", "mysql_native_password AS"),
        ("CREATE USER a IDENTIFIED VIA ed25519", "`IDENTIFIED VIA`"),
        ("ALTER USER a IDENTIFIED BY 'x' REPLACE 'y'", "`REPLACE`"),
        ("ALTER USER a IDENTIFIED BY 'x' RETAIN CURRENT PASSWORD", "`RETAIN CURRENT PASSWORD`"),
        ("ALTER USER a IDENTIFIED WITH caching_sha2_password", "without a password"),
        ("SET PASSWORD TO RANDOM", "RANDOM"),
        ("GRANT INSERT ON *.* TO a", "`GRANT INSERT`"),
        ("GRANT SELECT, DROP ON *.* TO a", "`GRANT DROP`"),
        ("GRANT SELECT ON sales.* TO a", "`sales.*`"),
        ("GRANT SELECT ON t TO a", "`t`"),
        ("GRANT SELECT (a) ON *.* TO a", "columns"),
        ("GRANT SELECT ON *.* TO a WITH GRANT OPTION", "WITH GRANT OPTION"),
        ("GRANT analyst TO a", "roles"),
        ("GRANT ALL ON *.* TO a IDENTIFIED BY 'x'", "`ALTER USER`"),
        ("REVOKE SELECT ON *.* FROM a", "`REVOKE SELECT`"),
        ("REVOKE ALL ON db.* FROM a", "`db.*`"),
        ("SHOW GRANTS FOR a USING r", "USING"),
        ("CREATE ROLE r", "`CREATE ROLE`"),
        ("DROP ROLE r", "`DROP ROLE`"),
        ("RENAME TABLE a TO b", "`RENAME TABLE`"),
        ("ALTER TABLE a RENAME b", "`ALTER TABLE`"),
    ] {
        let error = match parse(sql) {
            Ok(Statement::Refused(refused)) => refused.error(),
            other => other.expect_err(sql),
        };
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error}");
        assert!(error.message().contains(part), "{sql}: {error}");
    }
}

#[test]
fn wrong_grammar_is_pointed_at() {
    for sql in [
        "CREATE USER",
        "CREATE USER 'a'@",
        "CREATE USER a IDENTIFIED",
        "CREATE USER a IDENTIFIED BY",
        "CREATE USER a IDENTIFIED BY x",
        "CREATE USER a IDENTIFIED WITH caching_sha2_password BY",
        "CREATE USER a REQUIRE",
        "CREATE USER a REQUIRE SUBJECT 's' AND",
        "CREATE USER a ACCOUNT LOCK ACCOUNT UNLOCK",
        "CREATE USER a ACCOUNT",
        "CREATE USER CURRENT_USER()",
        "CREATE USER a b",
        "DROP USER",
        "DROP USER a,",
        "RENAME USER a b",
        "SET PASSWORD FOR = 'x'",
        "SET PASSWORD 'x'",
        "GRANT ALL ON *.* a",
        "GRANT ON *.* TO a",
        "REVOKE ALL PRIVILEGES, GRANT OPTION TO a",
        "SHOW GRANTS FOR",
        "SHOW CREATE USER 'a'@'b' c",
    ] {
        let error = parse(sql).expect_err(sql);
        assert_eq!(error.kind(), ErrorKind::SyntaxError, "{sql}: {error}");
    }
}

proptest! {
    /// Any words and signs after a statement's beginning end in a statement or an error.
    #[test]
    fn any_tokens_are_parsed_or_refused(
        start in "(CREATE USER|ALTER USER|DROP USER|RENAME USER|SET PASSWORD|GRANT|REVOKE|SHOW GRANTS)",
        rest in proptest::collection::vec(
            "(IF|NOT|EXISTS|IDENTIFIED|BY|WITH|AS|REQUIRE|SSL|SUBJECT|AND|ACCOUNT|LOCK|TO|FOR|FROM|ALL\
             |ON|PRIVILEGES|OPTION|USER\\(\\)|CURRENT_USER|a|a@b|a@|@|@b|'x'|`q`|\\*\\.\\*|\\*|\\.|,|=|\\(|\\)|1\\.2)",
            0..8,
        ),
    ) {
        let _ = parse(&format!("{start} {}", rest.join(" ")));
    }
}
