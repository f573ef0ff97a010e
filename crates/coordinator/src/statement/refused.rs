//! Statements of other servers, of MySQL for the most part, that are known by their first words and refused by
//! name; and the table that they would change, since its catalog may be one that nothing writes to.

use super::names::Name;
use super::tokens::{name, nth_is, peek_word, take, take_any};
use mooring_spi::Error;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// A statement that is known and not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// By its first words: `INSERT`, `ALTER TABLE`.
    pub kind: String,
    /// What is there in its place.
    instead: &'static str,
    /// What it would change, where it says so.
    pub table: Option<Name>,
}

impl Refused {
    pub fn error(&self) -> Error {
        Error::unsupported(format!("`{}` is not supported{}", self.kind, self.instead))
    }

    /// As [`Refused::error`], where the table is of a catalog that nothing writes to.
    pub fn read_only(&self, table: &Name, catalog: &str) -> Error {
        Error::unsupported(format!(
            "`{}` is not supported: `{table}` is of catalog `{catalog}`, which is read only",
            self.kind
        ))
    }
}

/// The first words of such statements.
pub(super) const UNSUPPORTED: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "BINLOG",
    "CACHE",
    "CALL",
    "CHANGE",
    "CHECK",
    "CHECKSUM",
    "CLONE",
    "COMMENT",
    "COPY",
    "DEALLOCATE",
    "DELETE",
    "DO",
    "EXECUTE",
    "FLUSH",
    "HANDLER",
    "HELP",
    "IMPORT",
    "INSERT",
    "INSTALL",
    "LOAD",
    "LOCK",
    "MERGE",
    "OPTIMIZE",
    "PREPARE",
    "PURGE",
    "RELEASE",
    "RENAME",
    "REPAIR",
    "REPLACE",
    "RESET",
    "RESIGNAL",
    "RESTART",
    "SAVEPOINT",
    "SHUTDOWN",
    "SIGNAL",
    "STOP",
    "TRUNCATE",
    "UNINSTALL",
    "UNLOCK",
    "UPDATE",
    "XA",
];

/// What stands between the first words and the table's name.
const BEFORE_TABLE: &[&str] = &[
    "DELAYED",
    "EXISTS",
    "FROM",
    "HIGH_PRIORITY",
    "IF",
    "IGNORE",
    "INTO",
    "LOW_PRIORITY",
    "NOT",
    "ONLY",
    "OVERWRITE",
    "QUICK",
    "TABLE",
];

/// Names the statement by its first word or, where that says little, by two. Nothing of it is left to be read.
pub(super) fn refused(parser: &mut Parser<'_>) -> Refused {
    let mut kind = peek_word(parser, 0).unwrap_or_default().to_ascii_uppercase();
    let mut replaces = false;
    let mut words = 1;
    if matches!(kind.as_str(), "ALTER" | "CREATE" | "DROP" | "LOAD" | "LOCK" | "RENAME") {
        let between = ["OR", "REPLACE", "TEMPORARY", "UNIQUE"];
        while kind == "CREATE" && between.iter().any(|word| nth_is(parser, words, word)) {
            replaces |= nth_is(parser, words, "REPLACE");
            words += 1;
        }
        if let Some(object) = peek_word(parser, words) {
            kind = format!("{kind} {}", object.to_ascii_uppercase());
            words += 1;
        }
    }
    let instead = if kind == "CREATE TABLE" {
        "; `CREATE EXTERNAL TABLE` makes a table of files that are there"
    } else if kind == "CREATE CATALOG" && replaces {
        kind = "CREATE OR REPLACE CATALOG".to_owned();
        "; `ALTER CATALOG ... SET` gives a catalog that is there other properties"
    } else {
        ""
    };
    for _ in 0..words {
        parser.advance_token();
    }
    let table = changed_table(parser, &kind);
    while parser.peek_token_ref().token != Token::EOF {
        parser.advance_token();
    }
    Refused { kind, instead, table }
}

/// The table behind the first words; the first one of several.
fn changed_table(parser: &mut Parser<'_>, kind: &str) -> Option<Name> {
    match kind {
        "INSERT" | "REPLACE" | "UPDATE" | "DELETE" | "TRUNCATE" | "MERGE" | "ALTER TABLE"
        | "RENAME TABLE" | "CREATE TABLE" | "CREATE VIEW" | "ALTER VIEW" | "DROP VIEW" => {}
        "CREATE INDEX" | "DROP INDEX" => {
            while !take(parser, "ON") {
                if parser.peek_token_ref().token == Token::EOF {
                    return None;
                }
                parser.advance_token();
            }
        }
        _ => return None,
    }
    while take_any(parser, BEFORE_TABLE).is_some() {}
    name(parser, "a table name").ok().map(Name)
}

#[cfg(test)]
mod tests {
    use super::super::{Statement, parse};

    fn table_of(sql: &str) -> Option<String> {
        match parse(sql).expect(sql) {
            Statement::Refused(refused) => refused.table.map(|table| table.to_string()),
            other => panic!("not refused: {other:?}"),
        }
    }

    #[test]
    fn the_table_that_would_change_is_found() {
        for sql in [
            "INSERT INTO pg.sales.orders VALUES (1)",
            "insert ignore `pg`.sales.orders (a) select 1",
            "INSERT OVERWRITE TABLE pg.sales.orders SELECT 1;",
            "REPLACE INTO pg.sales.orders VALUES (1)",
            "UPDATE pg.sales.orders SET a = 1",
            "DELETE FROM pg.sales.orders WHERE a = 1",
            "TRUNCATE pg.sales.orders",
            "TRUNCATE TABLE pg.sales.orders",
            "MERGE INTO pg.sales.orders USING t ON a = b WHEN MATCHED THEN DELETE",
            "ALTER TABLE pg.sales.orders ADD a INT",
            "CREATE TABLE IF NOT EXISTS pg.sales.orders (a INT)",
            "CREATE TABLE pg.sales.orders AS SELECT 1",
            "CREATE OR REPLACE VIEW pg.sales.orders AS SELECT 1",
            "CREATE UNIQUE INDEX i ON pg.sales.orders (a)",
            "DROP VIEW IF EXISTS pg.sales.orders",
        ] {
            assert_eq!(table_of(sql).as_deref(), Some("pg.sales.orders"), "{sql}");
        }
        for sql in ["INSERT", "INSERT INTO (1)", "CREATE INDEX i", "FLUSH TABLES", "DO SLEEP(1)"] {
            assert_eq!(table_of(sql), None, "{sql}");
        }
    }
}
