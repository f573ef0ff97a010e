//! CREATE, ALTER and DROP CATALOG, and COMMENT ON CATALOG.
//!
//! ```text
//! CREATE CATALOG [IF NOT EXISTS] name USING kind [COMMENT 'text'] [WITH (key = value, ...)] [NOVERIFY]
//! ALTER CATALOG name SET (key = value, ...) [NOVERIFY]
//! ALTER CATALOG name RESET (key, ...) [NOVERIFY]
//! ALTER CATALOG name RENAME TO name
//! DROP CATALOG [IF EXISTS] name
//! COMMENT ON CATALOG name IS 'text' | NULL
//! ```

use super::tokens::{
    expect, expect_token, expected, identifier, string, string_or_word, take, take_words,
};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;
use std::collections::BTreeMap;
use std::fmt;

/// A property's value as text. It may be a secret, and is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct PropertyText(String);

impl PropertyText {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PropertyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// By names in lower case.
pub type PropertyTexts = BTreeMap<String, PropertyText>;

/// One statement that defines catalogs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogStatement {
    Create(CreateCatalog),
    Set { name: String, properties: PropertyTexts, verify: bool },
    Reset { name: String, keys: Vec<String>, verify: bool },
    Rename { name: String, to: String },
    Drop { name: String, if_exists: bool },
    Comment { name: String, comment: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateCatalog {
    pub name: String,
    /// In lower case.
    pub kind: String,
    pub comment: Option<String>,
    pub properties: PropertyTexts,
    pub if_not_exists: bool,
    /// Whether the source is reached before the catalog exists.
    pub verify: bool,
}

pub(super) fn create_catalog(parser: &mut Parser<'_>) -> Result<CatalogStatement> {
    expect(parser, "CREATE")?;
    expect(parser, "CATALOG")?;
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let name = catalog_name(parser)?;
    expect(parser, "USING")?;
    let kind = string_or_word(parser, "the kind of the catalog")?.to_lowercase();
    let comment = match take(parser, "COMMENT") {
        true => Some(text(parser, "a comment in quotes")?),
        false => None,
    };
    let properties = match take(parser, "WITH") {
        true => properties(parser)?,
        false => PropertyTexts::new(),
    };
    let verify = verify(parser);
    let new = CreateCatalog { name, kind, comment, properties, if_not_exists, verify };
    Ok(CatalogStatement::Create(new))
}

pub(super) fn alter_catalog(parser: &mut Parser<'_>) -> Result<CatalogStatement> {
    expect(parser, "ALTER")?;
    expect(parser, "CATALOG")?;
    let name = catalog_name(parser)?;
    if take(parser, "SET") {
        let properties = properties(parser)?;
        if properties.is_empty() {
            return Err(wrong("`SET` names no property"));
        }
        return Ok(CatalogStatement::Set { name, properties, verify: verify(parser) });
    }
    if take(parser, "RESET") {
        expect_token(parser, &Token::LParen)?;
        let mut keys = vec![key(parser)?];
        while parser.consume_token(&Token::Comma) {
            keys.push(key(parser)?);
        }
        expect_token(parser, &Token::RParen)?;
        return Ok(CatalogStatement::Reset { name, keys, verify: verify(parser) });
    }
    if take_words(parser, &["RENAME", "TO"]) {
        return Ok(CatalogStatement::Rename { name, to: catalog_name(parser)? });
    }
    expected(parser, "`SET`, `RESET` or `RENAME TO`")
}

pub(super) fn drop_catalog(parser: &mut Parser<'_>) -> Result<CatalogStatement> {
    expect(parser, "DROP")?;
    expect(parser, "CATALOG")?;
    let if_exists = take_words(parser, &["IF", "EXISTS"]);
    Ok(CatalogStatement::Drop { name: catalog_name(parser)?, if_exists })
}

pub(super) fn comment_on_catalog(parser: &mut Parser<'_>) -> Result<CatalogStatement> {
    for word in ["COMMENT", "ON", "CATALOG"] {
        expect(parser, word)?;
    }
    let name = catalog_name(parser)?;
    expect(parser, "IS")?;
    let comment = match take(parser, "NULL") {
        true => None,
        false => Some(text(parser, "a comment in quotes or `NULL`")?),
    };
    Ok(CatalogStatement::Comment { name, comment })
}

/// A name of one part.
fn catalog_name(parser: &mut Parser<'_>) -> Result<String> {
    identifier(parser, "the name of a catalog")
}

fn verify(parser: &mut Parser<'_>) -> bool {
    !take(parser, "NOVERIFY")
}

fn properties(parser: &mut Parser<'_>) -> Result<PropertyTexts> {
    let mut properties = PropertyTexts::new();
    expect_token(parser, &Token::LParen)?;
    if parser.consume_token(&Token::RParen) {
        return Ok(properties);
    }
    loop {
        let key = key(parser)?;
        expect_token(parser, &Token::Eq)?;
        let value = value(parser)?;
        if properties.contains_key(&key) {
            return Err(wrong(&format!("property `{key}` is there twice")));
        }
        properties.insert(key, PropertyText(value));
        if !parser.consume_token(&Token::Comma) {
            break;
        }
    }
    expect_token(parser, &Token::RParen)?;
    Ok(properties)
}

fn key(parser: &mut Parser<'_>) -> Result<String> {
    Ok(string_or_word(parser, "the name of a property")?.to_lowercase())
}

fn value(parser: &mut Parser<'_>) -> Result<String> {
    let what = "a text in quotes, a number, `TRUE` or `FALSE`";
    for boolean in ["TRUE", "FALSE"] {
        if take(parser, boolean) {
            return Ok(boolean.to_lowercase());
        }
    }
    let negative = parser.consume_token(&Token::Minus);
    let number = match &parser.peek_token_ref().token {
        Token::Number(digits, _) => Some(digits.clone()),
        _ => None,
    };
    match number {
        Some(digits) => {
            parser.advance_token();
            Ok(if negative { format!("-{digits}") } else { digits })
        }
        None if negative => expected(parser, "a number"),
        None => text(parser, what),
    }
}

/// Text in quotes, or the value of a parameter.
fn text(parser: &mut Parser<'_>, what: &str) -> Result<String> {
    let value = match &parser.peek_token_ref().token {
        // The statement is being prepared: there is no value yet.
        Token::Placeholder(_) => Some(String::new()),
        // A driver that sends its texts as bytes.
        Token::HexStringLiteral(digits) => Some(from_hex(digits).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, "a parameter is not text in UTF-8")
        })?),
        _ => None,
    };
    match value {
        Some(value) => {
            parser.advance_token();
            Ok(value)
        }
        None => string(parser, what),
    }
}

fn from_hex(digits: &str) -> Option<String> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..digits.len()).step_by(2);
    let bytes: Option<Vec<u8>> =
        pairs.map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}

fn wrong(problem: &str) -> Error {
    Error::new(ErrorKind::SyntaxError, format!("syntax error: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::super::{Parameters, Statement, parse, parse_in, parse_with};
    use super::*;
    use crate::statement::SqlMode;
    use mooring_spi::Value;

    fn read(sql: &str) -> CatalogStatement {
        match parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")) {
            Statement::Catalogs(statement) => *statement,
            other => panic!("another statement: {other:?}"),
        }
    }

    fn texts(pairs: &[(&str, &str)]) -> PropertyTexts {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), PropertyText::new(*value))).collect()
    }

    #[test]
    fn a_catalog_is_created() {
        let expected = CreateCatalog {
            name: "Sales".into(),
            kind: "postgresql".into(),
            comment: Some("it's ours".into()),
            properties: texts(&[("host", "a"), ("port", "5432"), ("tls", "true"), ("x", "-1.5")]),
            if_not_exists: true,
            verify: false,
        };
        for sql in [
            "CREATE CATALOG IF NOT EXISTS Sales USING postgresql COMMENT 'it''s ours' \
             WITH (host = 'a', port = 5432, TLS = true, x = -1.5) NOVERIFY",
            "create catalog if not exists `Sales` using PostgreSQL comment \"it's ours\" \
             with ('host' = \"a\", `port` = '5432', tls = TRUE, x = '-1.5') noverify;",
        ] {
            assert_eq!(read(sql), CatalogStatement::Create(expected.clone()), "{sql}");
        }
        let least = CreateCatalog {
            name: "a".into(),
            kind: "tpch".into(),
            comment: None,
            properties: texts(&[]),
            if_not_exists: false,
            verify: true,
        };
        for sql in ["CREATE CATALOG a USING tpch", "/* x */ CREATE CATALOG a USING tpch WITH ()"] {
            assert_eq!(read(sql), CatalogStatement::Create(least.clone()), "{sql}");
        }
    }

    #[test]
    fn a_catalog_is_changed_dropped_and_commented() {
        let name = || "a".to_owned();
        for (sql, expected) in [
            (
                "ALTER CATALOG a SET (host = 'b', port = 1)",
                CatalogStatement::Set {
                    name: name(),
                    properties: texts(&[("host", "b"), ("port", "1")]),
                    verify: true,
                },
            ),
            (
                "ALTER CATALOG a RESET (Port, 'tls') NOVERIFY",
                CatalogStatement::Reset {
                    name: name(),
                    keys: vec!["port".into(), "tls".into()],
                    verify: false,
                },
            ),
            (
                "ALTER CATALOG a RENAME TO `b c`",
                CatalogStatement::Rename { name: name(), to: "b c".into() },
            ),
            ("DROP CATALOG a", CatalogStatement::Drop { name: name(), if_exists: false }),
            ("DROP CATALOG IF EXISTS a", CatalogStatement::Drop { name: name(), if_exists: true }),
            (
                "COMMENT ON CATALOG a IS 'x'",
                CatalogStatement::Comment { name: name(), comment: Some("x".into()) },
            ),
            (
                "COMMENT ON CATALOG a IS NULL",
                CatalogStatement::Comment { name: name(), comment: None },
            ),
        ] {
            assert_eq!(read(sql), expected, "{sql}");
        }
    }

    #[test]
    fn values_of_parameters_are_taken_as_they_are() {
        let sql = "CREATE CATALOG a USING x COMMENT ? WITH (host = ?, port = ?, note = ?)";
        let (_, count) = parse_with(sql, SqlMode::default(), Parameters::Numbered).expect("parsed");
        assert_eq!(count, 4);
        let values = [
            Value::Text("why".into()),
            Value::Text("it's = ) '".into()),
            Value::Int(5432),
            Value::Binary("ü".into()),
        ];
        let read = parse_with(sql, SqlMode::default(), Parameters::Values(&values));
        let Statement::Catalogs(statement) = read.expect("parsed").0 else { panic!("another") };
        let CatalogStatement::Create(new) = *statement else { panic!("another") };
        let expected = texts(&[("host", "it's = ) '"), ("port", "5432"), ("note", "ü")]);
        assert_eq!((new.comment.as_deref(), new.properties), (Some("why"), expected));
    }

    #[test]
    fn wrong_ones_are_refused() {
        for sql in [
            "CREATE CATALOG",
            "CREATE CATALOG a",
            "CREATE CATALOG a.b USING x",
            "CREATE CATALOG a USING x WITH",
            "CREATE CATALOG a USING x WITH (host)",
            "CREATE CATALOG a USING x WITH (host = b)",
            "CREATE CATALOG a USING x WITH (host = 'a' port = 1)",
            "CREATE CATALOG a USING x WITH (host = 'a', HOST = 'b')",
            "CREATE CATALOG a USING x WITH (host = 'a',)",
            "CREATE CATALOG a USING x WITH (host = -'a')",
            "CREATE CATALOG a USING x WITH (host = 'a') COMMENT 'late'",
            "CREATE CATALOG a USING x VERIFY",
            "ALTER CATALOG a",
            "ALTER CATALOG a SET ()",
            "ALTER CATALOG a RESET ()",
            "ALTER CATALOG a RENAME b",
            "DROP CATALOG a, b",
            "DROP CATALOG a CASCADE",
            "COMMENT ON CATALOG a IS 1",
        ] {
            let error = parse_in(sql, SqlMode::default()).expect_err(sql);
            assert_eq!(error.kind(), ErrorKind::SyntaxError, "{sql}: {error}");
        }
        let refused = parse("COMMENT ON TABLE a IS 'x'").expect("it is known");
        assert!(matches!(refused, Statement::Refused(_)), "{refused:?}");
    }

    #[test]
    fn no_value_is_in_the_debug_form() {
        let statement = read("CREATE CATALOG a USING x WITH (password = 's3cret')");
        assert!(!format!("{statement:?}").contains("s3cret"));
    }
}
