//! `SHOW ...` as MySQL has it (8.4 reference manual, section 15.7.7), `SHOW CATALOGS` and `SHOW CREATE
//! CATALOG`.

use super::filter::{Filter, filter};
use super::names::Name;
use super::tokens::{
    expect, expect_token, expected, identifier, name, peek_word, take, take_any, take_words,
    whole_number,
};
use mooring_spi::{Error, Result};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// What is to be shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Show {
    Catalogs {
        filter: Filter,
    },
    /// Of all catalogs, or of one.
    Databases {
        catalog: Option<String>,
        filter: Filter,
    },
    Tables {
        database: Option<Name>,
        full: bool,
        filter: Filter,
    },
    TableStatus {
        database: Option<Name>,
        filter: Filter,
    },
    Columns {
        table: Name,
        full: bool,
        filter: Filter,
    },
    Indexes {
        table: Name,
        filter: Filter,
    },
    CreateTable {
        table: Name,
    },
    CreateView {
        view: Name,
    },
    CreateDatabase {
        database: Name,
    },
    CreateCatalog {
        catalog: String,
    },
    Variables {
        global: bool,
        filter: Filter,
    },
    Status {
        filter: Filter,
    },
    Warnings {
        range: ShowRange,
    },
    Errors {
        range: ShowRange,
    },
    WarningCount,
    ErrorCount,
    Engines,
    CharacterSets {
        filter: Filter,
    },
    Collations {
        filter: Filter,
    },
    Plugins,
    Processes {
        full: bool,
    },
    Privileges,
    /// What Mooring has none of, in MySQL's form.
    Nothing {
        kind: NothingKind,
    },
}

impl Show {
    /// Whether the statement is about the last one's warnings, and so keeps them.
    pub fn is_diagnostic(&self) -> bool {
        matches!(
            self,
            Show::Warnings { .. } | Show::Errors { .. } | Show::WarningCount | Show::ErrorCount
        )
    }
}

/// `LIMIT [offset,] count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShowRange {
    pub offset: u64,
    pub count: u64,
}

impl ShowRange {
    const ALL: Self = Self { offset: 0, count: u64::MAX };
}

/// What MySQL can show and Mooring never has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NothingKind {
    Triggers,
    Events,
    Procedures,
    Functions,
    OpenTables,
    /// `SHOW MASTER STATUS`, in MySQL 8.4 `SHOW BINARY LOG STATUS`.
    BinaryLogStatus,
}

pub(super) fn show(parser: &mut Parser<'_>) -> Result<Show> {
    parser.advance_token();
    let start = parser.index();
    if take_words(parser, &["CREATE"]) {
        return create(parser, start);
    }
    take(parser, "EXTENDED");
    let full = take(parser, "FULL");
    let scope = take_any(parser, &["GLOBAL", "SESSION", "LOCAL"]);
    let Some(word) = peek_word(parser, 0).map(str::to_ascii_uppercase) else {
        return expected(parser, "what to show");
    };
    parser.advance_token();
    match (word.as_str(), scope) {
        ("VARIABLES", _) => {
            Ok(Show::Variables { global: scope == Some("GLOBAL"), filter: filter(parser)? })
        }
        ("STATUS", _) => Ok(Show::Status { filter: filter(parser)? }),
        (_, Some(_)) => {
            parser.prev_token();
            expected(parser, "`VARIABLES` or `STATUS`")
        }
        ("CATALOGS", None) => Ok(Show::Catalogs { filter: filter(parser)? }),
        ("DATABASES" | "SCHEMAS", None) => {
            let catalog = from(parser, "a catalog")?.map(|name| name.to_string());
            Ok(Show::Databases { catalog, filter: filter(parser)? })
        }
        ("TABLES", None) => {
            let database = from(parser, "a database")?;
            Ok(Show::Tables { database, full, filter: filter(parser)? })
        }
        ("TABLE", None) if take(parser, "STATUS") => {
            let database = from(parser, "a database")?;
            Ok(Show::TableStatus { database, filter: filter(parser)? })
        }
        ("COLUMNS" | "FIELDS", None) => {
            Ok(Show::Columns { table: of_table(parser)?, full, filter: filter(parser)? })
        }
        ("INDEX" | "INDEXES" | "KEYS", None) => {
            Ok(Show::Indexes { table: of_table(parser)?, filter: filter(parser)? })
        }
        ("WARNINGS", None) => Ok(Show::Warnings { range: range(parser)? }),
        ("ERRORS", None) => Ok(Show::Errors { range: range(parser)? }),
        ("COUNT", None) => count(parser),
        ("ENGINES", None) => Ok(Show::Engines),
        ("STORAGE", None) if take(parser, "ENGINES") => Ok(Show::Engines),
        ("CHARSET", None) => Ok(Show::CharacterSets { filter: filter(parser)? }),
        ("CHARACTER", None) if take(parser, "SET") => {
            Ok(Show::CharacterSets { filter: filter(parser)? })
        }
        ("COLLATION", None) => Ok(Show::Collations { filter: filter(parser)? }),
        ("PLUGINS", None) => Ok(Show::Plugins),
        ("PROCESSLIST", None) => Ok(Show::Processes { full }),
        ("PRIVILEGES", None) => Ok(Show::Privileges),
        ("MASTER", None) if take(parser, "STATUS") => Ok(NO_BINARY_LOG),
        ("BINARY", None) if take_words(parser, &["LOG", "STATUS"]) => Ok(NO_BINARY_LOG),
        ("TRIGGERS", None) => nothing(parser, NothingKind::Triggers),
        ("EVENTS", None) => nothing(parser, NothingKind::Events),
        ("PROCEDURE", None) if take(parser, "STATUS") => nothing(parser, NothingKind::Procedures),
        ("FUNCTION", None) if take(parser, "STATUS") => nothing(parser, NothingKind::Functions),
        ("OPEN", None) if take(parser, "TABLES") => nothing(parser, NothingKind::OpenTables),
        _ => Err(unsupported(parser, start)),
    }
}

const NO_BINARY_LOG: Show = Show::Nothing { kind: NothingKind::BinaryLogStatus };

/// Names the statement by the words that follow SHOW, at most two.
fn unsupported(parser: &Parser<'_>, start: usize) -> Error {
    let words: Vec<String> = (start..)
        .map(|index| &parser.token_at(index).token)
        .take_while(|token| !matches!(token, Token::EOF | Token::SemiColon))
        .filter_map(|token| match token {
            Token::Word(word) => Some(word.value.to_ascii_uppercase()),
            _ => None,
        })
        .take(2)
        .collect();
    Error::unsupported(format!("`SHOW {}` is not supported", words.join(" ")))
}

fn create(parser: &mut Parser<'_>, start: usize) -> Result<Show> {
    if take(parser, "TABLE") {
        return Ok(Show::CreateTable { table: Name(name(parser, "a table")?) });
    }
    if take(parser, "CATALOG") {
        return Ok(Show::CreateCatalog { catalog: identifier(parser, "a catalog")? });
    }
    if take(parser, "VIEW") {
        return Ok(Show::CreateView { view: Name(name(parser, "a view")?) });
    }
    if take_any(parser, &["DATABASE", "SCHEMA"]).is_some() {
        take_words(parser, &["IF", "NOT", "EXISTS"]);
        return Ok(Show::CreateDatabase { database: Name(name(parser, "a database")?) });
    }
    Err(unsupported(parser, start))
}

/// `FROM x` or `IN x`.
fn from(parser: &mut Parser<'_>, what: &str) -> Result<Option<Name>> {
    match take_any(parser, &["FROM", "IN"]) {
        Some(_) => Ok(Some(Name(name(parser, what)?))),
        None => Ok(None),
    }
}

/// `FROM table [FROM database]`.
fn of_table(parser: &mut Parser<'_>) -> Result<Name> {
    let Some(table) = from(parser, "a table")? else {
        return expected(parser, "`FROM`");
    };
    let Some(database) = from(parser, "a database")? else {
        return Ok(table);
    };
    let Name(mut parts) = database;
    parts.extend(table.0.last().cloned());
    Ok(Name(parts))
}

fn range(parser: &mut Parser<'_>) -> Result<ShowRange> {
    if !take(parser, "LIMIT") {
        return Ok(ShowRange::ALL);
    }
    let first = whole_number(parser)?;
    if parser.consume_token(&Token::Comma) {
        return Ok(ShowRange { offset: first, count: whole_number(parser)? });
    }
    let offset = if take(parser, "OFFSET") { whole_number(parser)? } else { 0 };
    Ok(ShowRange { offset, count: first })
}

/// `COUNT(*) WARNINGS | ERRORS`.
fn count(parser: &mut Parser<'_>) -> Result<Show> {
    for token in [Token::LParen, Token::Mul, Token::RParen] {
        expect_token(parser, &token)?;
    }
    if take(parser, "WARNINGS") {
        return Ok(Show::WarningCount);
    }
    expect(parser, "ERRORS")?;
    Ok(Show::ErrorCount)
}

fn nothing(parser: &mut Parser<'_>, kind: NothingKind) -> Result<Show> {
    from(parser, "a database")?;
    filter(parser)?;
    Ok(Show::Nothing { kind })
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};
    use super::*;
    use mooring_spi::ErrorKind;

    fn shown(sql: &str) -> Show {
        match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            Statement::Show(show) => show,
            other => panic!("another statement: {other:?}"),
        }
    }

    fn name_of(parts: &[&str]) -> Name {
        Name(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    #[test]
    fn what_clients_send() {
        let like = |pattern: &str| Filter::Like(pattern.to_owned());
        let all = Filter::All;
        for (sql, expected) in [
            ("show databases", Show::Databases { catalog: None, filter: all.clone() }),
            (
                "SHOW SCHEMAS FROM tpch LIKE 's%'",
                Show::Databases { catalog: Some("tpch".into()), filter: like("s%") },
            ),
            ("SHOW CATALOGS", Show::Catalogs { filter: all.clone() }),
            (
                "SHOW FULL TABLES FROM `tpch.tiny` LIKE '%'",
                Show::Tables {
                    database: Some(name_of(&["tpch.tiny"])),
                    full: true,
                    filter: like("%"),
                },
            ),
            (
                "SHOW TABLES IN a.b",
                Show::Tables {
                    database: Some(name_of(&["a", "b"])),
                    full: false,
                    filter: all.clone(),
                },
            ),
            (
                "/* ApplicationName=DBeaver 24 */ SHOW FULL COLUMNS FROM `t` FROM `a.b` LIKE '%';",
                Show::Columns { table: name_of(&["a.b", "t"]), full: true, filter: like("%") },
            ),
            (
                "SHOW FIELDS IN a.t",
                Show::Columns { table: name_of(&["a", "t"]), full: false, filter: all.clone() },
            ),
            (
                "SHOW KEYS FROM t FROM db",
                Show::Indexes { table: name_of(&["db", "t"]), filter: all.clone() },
            ),
            ("SHOW CREATE VIEW a.v", Show::CreateView { view: name_of(&["a", "v"]) }),
            ("SHOW PRIVILEGES", Show::Privileges),
            ("SHOW CREATE CATALOG `a.b`", Show::CreateCatalog { catalog: "a.b".into() }),
            ("SHOW BINARY LOG STATUS", NO_BINARY_LOG),
            ("SHOW CREATE TABLE `a`.`b`", Show::CreateTable { table: name_of(&["a", "b"]) }),
            (
                "SHOW CREATE DATABASE IF NOT EXISTS d",
                Show::CreateDatabase { database: name_of(&["d"]) },
            ),
            ("SHOW GLOBAL VARIABLES", Show::Variables { global: true, filter: all.clone() }),
            (
                "SHOW SESSION VARIABLES LIKE 'sql_mode'",
                Show::Variables { global: false, filter: like("sql_mode") },
            ),
            ("SHOW SESSION STATUS LIKE 'Ssl_cipher'", Show::Status { filter: like("Ssl_cipher") }),
            (
                "SHOW TABLE STATUS FROM db LIKE 't'",
                Show::TableStatus { database: Some(name_of(&["db"])), filter: like("t") },
            ),
            (
                "SHOW WARNINGS LIMIT 2, 3",
                Show::Warnings { range: ShowRange { offset: 2, count: 3 } },
            ),
            ("SHOW COUNT(*) WARNINGS", Show::WarningCount),
            ("SHOW CHARACTER SET", Show::CharacterSets { filter: all.clone() }),
            ("SHOW COLLATION", Show::Collations { filter: all.clone() }),
            ("SHOW FULL PROCESSLIST", Show::Processes { full: true }),
            ("SHOW STORAGE ENGINES", Show::Engines),
            ("SHOW FUNCTION STATUS WHERE Db = 'x'", Show::Nothing { kind: NothingKind::Functions }),
        ] {
            assert_eq!(shown(sql), expected, "{sql}");
        }
        let sql = "SHOW VARIABLES WHERE Variable_name in ('max_allowed_packet', 'time_zone')";
        assert!(matches!(shown(sql), Show::Variables { global: false, filter: Filter::Where(_) }));
    }

    #[test]
    fn others_are_named_or_pointed_at() {
        for (sql, part) in [
            ("SHOW MASTER LOGS", "`SHOW MASTER LOGS`"),
            ("SHOW CREATE EVENT v", "`SHOW CREATE EVENT`"),
            ("SHOW FUNCTIONS", "`SHOW FUNCTIONS`"),
        ] {
            let error = parse(sql).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}");
            assert!(error.message().contains(part), "{error}");
        }
        for sql in
            ["SHOW", "SHOW COLUMNS", "SHOW TABLES FROM", "SHOW GLOBAL TABLES", "SHOW TABLES x"]
        {
            assert_eq!(parse(sql).expect_err(sql).kind(), ErrorKind::SyntaxError, "{sql}");
        }
    }
}
