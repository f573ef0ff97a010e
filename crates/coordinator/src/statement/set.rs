//! `SET ...`: variables, NAMES, CHARACTER SET and TRANSACTION, also several in one statement
//! (MySQL 8.4 reference manual, section 15.7.6).

use super::syntax_error::syntax_error;
use super::tokens::{
    at_end, expect, expected, identifier, next_is, peek_word, string_or_word, take, take_any,
    take_words,
};
use super::variable_value::VariableValue;
use super::variables::Scope;
use super::{Statement, Transaction};
use mooring_spi::{Error, Result};
use sqlparser::ast::Expr;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// One change; a statement's changes are made together or not at all.
#[derive(Debug, Clone, PartialEq)]
pub enum Assignment {
    Variable {
        target: Target,
        value: AssignedValue,
    },
    /// `None` is DEFAULT.
    Names {
        character_set: Option<String>,
        collation: Option<String>,
    },
    /// `None` is DEFAULT.
    CharacterSet {
        character_set: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    System { scope: Scope, name: String },
    User(String),
}

#[derive(Debug, Clone, PartialEq)]
pub enum AssignedValue {
    Default,
    /// A bare word (`ON`, `utf8mb4`, `STRICT_ALL_TABLES`).
    Word(String),
    Constant(VariableValue),
    Expression(Box<Expr>),
}

pub(super) fn set(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.advance_token();
    for other in ["ROLE", "RESOURCE"] {
        if next_is(parser, other) && parser.peek_nth_token_ref(1).token != Token::Eq {
            return Err(Error::unsupported(format!("`SET {other}` is not supported")));
        }
    }
    if take_words(parser, &["DEFAULT", "ROLE"]) {
        return Err(Error::unsupported("`SET DEFAULT ROLE` is not supported"));
    }
    if take(parser, "TRANSACTION") {
        characteristics(parser)?;
        return Ok(Statement::Transaction(Transaction::Characteristics));
    }
    let mut assignments = Vec::new();
    let mut scope = Scope::Session;
    loop {
        // A scope holds for the assignments after it, up to the next one.
        if let Some(written) = scope_word(parser) {
            scope = written;
        }
        if take(parser, "TRANSACTION") {
            for (name, value) in characteristics(parser)? {
                let target = Target::System { scope, name: name.to_owned() };
                let value = AssignedValue::Constant(value);
                assignments.push(Assignment::Variable { target, value });
            }
        } else {
            assignments.push(assignment(parser, scope)?);
        }
        if !parser.consume_token(&Token::Comma) {
            return Ok(Statement::Set(assignments));
        }
    }
}

const SCOPES: [&str; 5] = ["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"];

fn scope_word(parser: &mut Parser<'_>) -> Option<Scope> {
    let is_name = matches!(parser.peek_nth_token_ref(1).token, Token::Eq | Token::Assignment);
    if is_name {
        return None;
    }
    take_any(parser, &SCOPES).map(scope_named)
}

fn scope_named(word: &str) -> Scope {
    if word.eq_ignore_ascii_case("SESSION") || word.eq_ignore_ascii_case("LOCAL") {
        Scope::Session
    } else {
        Scope::Global
    }
}

fn assignment(parser: &mut Parser<'_>, scope: Scope) -> Result<Assignment> {
    let equals_ahead = matches!(parser.peek_nth_token_ref(1).token, Token::Eq | Token::Assignment);
    if !equals_ahead {
        if take(parser, "NAMES") {
            return names(parser);
        }
        if take_words(parser, &["CHARACTER", "SET"]) || take(parser, "CHARSET") {
            let character_set = word_or_default(parser, "a character set")?;
            return Ok(Assignment::CharacterSet { character_set });
        }
    }
    let target = target(parser, scope)?;
    if !parser.consume_token(&Token::Eq) && !parser.consume_token(&Token::Assignment) {
        return expected(parser, "`=`");
    }
    Ok(Assignment::Variable { target, value: value(parser)? })
}

fn names(parser: &mut Parser<'_>) -> Result<Assignment> {
    let character_set = word_or_default(parser, "a character set")?;
    let collation =
        if take(parser, "COLLATE") { word_or_default(parser, "a collation")? } else { None };
    Ok(Assignment::Names { character_set, collation })
}

fn word_or_default(parser: &mut Parser<'_>, what: &str) -> Result<Option<String>> {
    if take(parser, "DEFAULT") {
        return Ok(None);
    }
    string_or_word(parser, what).map(Some)
}

/// `name`, `@@name`, `@@session.name`, `@name`, ``@`name` ``, `@'name'`.
fn target(parser: &mut Parser<'_>, scope: Scope) -> Result<Target> {
    let quoted =
        matches!(&parser.peek_token_ref().token, Token::Word(word) if word.quote_style.is_some());
    // The tokenizer takes `@` as a letter of a name, or alone before a quote.
    if parser.consume_token(&Token::AtSign) {
        return Ok(Target::User(string_or_word(parser, "a variable")?));
    }
    let first = identifier(parser, "a variable")?;
    if quoted {
        return Ok(Target::System { scope, name: first });
    }
    if let Some(name) = first.strip_prefix("@@") {
        let scoped = SCOPES.iter().any(|scope| scope.eq_ignore_ascii_case(name));
        if scoped && parser.consume_token(&Token::Period) {
            let scope = scope_named(name);
            return Ok(Target::System { scope, name: identifier(parser, "a variable")? });
        }
        // Without a scope it is the session's, also after `GLOBAL x = 1, `.
        return Ok(Target::System { scope: Scope::Session, name: name.to_owned() });
    }
    if let Some(name) = first.strip_prefix('@') {
        return Ok(Target::User(name.to_owned()));
    }
    let mut name = first;
    while parser.consume_token(&Token::Period) {
        name.push('.');
        name.push_str(&identifier(parser, "a variable")?);
    }
    Ok(Target::System { scope, name })
}

/// A single word is taken as it stands; everything else is an expression.
fn value(parser: &mut Parser<'_>) -> Result<AssignedValue> {
    let alone =
        matches!(parser.peek_nth_token_ref(1).token, Token::Comma | Token::SemiColon | Token::EOF);
    if alone
        && let Some(word) = peek_word(parser, 0)
        && !word.starts_with('@')
        && !["NULL", "TRUE", "FALSE"].iter().any(|literal| literal.eq_ignore_ascii_case(word))
    {
        let word = word.to_owned();
        parser.advance_token();
        if word.eq_ignore_ascii_case("DEFAULT") {
            return Ok(AssignedValue::Default);
        }
        return Ok(AssignedValue::Word(word));
    }
    let expr = parser.parse_expr().map_err(syntax_error)?;
    Ok(AssignedValue::Expression(Box::new(expr)))
}

/// `ISOLATION LEVEL ...` and `READ ONLY | WRITE`, as the variables that hold them.
fn characteristics(parser: &mut Parser<'_>) -> Result<Vec<(&'static str, VariableValue)>> {
    let mut found = Vec::new();
    loop {
        if take_words(parser, &["ISOLATION", "LEVEL"]) {
            found.push(("transaction_isolation", VariableValue::text(isolation_level(parser)?)));
        } else if take(parser, "READ") {
            let read_only = take(parser, "ONLY");
            if !read_only {
                expect(parser, "WRITE")?;
            }
            found.push(("transaction_read_only", VariableValue::Bool(read_only)));
        } else {
            return expected(parser, "`ISOLATION LEVEL`, `READ ONLY` or `READ WRITE`");
        }
        if at_end(parser) || !parser.consume_token(&Token::Comma) {
            return Ok(found);
        }
    }
}

fn isolation_level(parser: &mut Parser<'_>) -> Result<&'static str> {
    for (words, level) in [
        (&["READ", "UNCOMMITTED"][..], "READ-UNCOMMITTED"),
        (&["READ", "COMMITTED"], "READ-COMMITTED"),
        (&["REPEATABLE", "READ"], "REPEATABLE-READ"),
        (&["SERIALIZABLE"], "SERIALIZABLE"),
    ] {
        if take_words(parser, words) {
            return Ok(level);
        }
    }
    expected(parser, "an isolation level")
}
