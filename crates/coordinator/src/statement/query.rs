//! Queries: SELECT, WITH, VALUES, TABLE, and EXPLAIN of them.

use super::labels::{Label, labels_at};
use super::names::Name;
use super::normalize::normalize;
use super::syntax_error::syntax_error;
use super::tokens::{
    at_end, expect_token, expected, name, next_is, nth_is, peek_word, string_or_word, take,
};
use super::{Describe, Statement};
use mooring_spi::{Error, Result};
use sqlparser::ast::{Query, Select, SetExpr};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// A query, ready to be planned.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryStatement {
    /// In the form that DataFusion plans as it is meant; see the module `normalize`.
    pub query: Box<Query>,
    /// One label per item of the outermost leftmost SELECT; empty for VALUES.
    pub labels: Vec<Label>,
    /// `SELECT ... INTO @name`: the user variable that takes the only value instead of the client.
    pub into: Option<String>,
    pub explain: Option<Explain>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explain {
    pub analyze: bool,
    pub verbose: bool,
}

/// Parses a query at the parser's place; `sql` is the whole text that the tokens come from.
pub(super) fn query_statement(
    parser: &mut Parser<'_>,
    sql: &str,
    explain: Option<Explain>,
) -> Result<QueryStatement> {
    let start = parser.index();
    let mut query = parser.parse_query().map_err(syntax_error)?;
    let end = parser.index();
    let tokens = (start..end).map(|index| parser.token_at(index).clone()).collect();
    let labels = labels_at(sql, tokens, &query);
    let into = take_into(&mut query)?;
    normalize(&mut query)?;
    Ok(QueryStatement { query, labels, into, explain })
}

/// The outermost leftmost SELECT, inside parentheses and set operations.
pub(super) fn leftmost_select(query: &Query) -> Option<&Select> {
    let mut body = &*query.body;
    loop {
        match body {
            SetExpr::Select(select) => return Some(select),
            SetExpr::Query(inner) => body = &inner.body,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Values(_)
            | SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_)
            | SetExpr::Merge(_)
            | SetExpr::Table(_) => return None,
        }
    }
}

/// Takes `INTO @name` out of a query; DataFusion would make a table of it.
fn take_into(query: &mut Query) -> Result<Option<String>> {
    let SetExpr::Select(select) = &mut *query.body else {
        return Ok(None);
    };
    let Some(into) = select.into.take() else {
        return Ok(None);
    };
    let name = into.name.to_string();
    match name.strip_prefix('@') {
        Some(variable) if !variable.starts_with('@') && !variable.is_empty() => {
            Ok(Some(variable.to_owned()))
        }
        _ => Err(Error::unsupported(format!(
            "`SELECT ... INTO {name}` is not supported; into one user variable it is"
        ))),
    }
}

/// `EXPLAIN|DESCRIBE|DESC` of a query or of a table.
pub(super) fn explain_or_describe(parser: &mut Parser<'_>, sql: &str) -> Result<Statement> {
    parser.advance_token();
    let mut explain = Explain { analyze: false, verbose: false };
    loop {
        if next_is(parser, "FORMAT") && parser.peek_nth_token_ref(1).token == Token::Eq {
            format(parser)?;
        } else if option_ahead(parser, "ANALYZE") {
            explain.analyze |= take(parser, "ANALYZE");
        } else if option_ahead(parser, "VERBOSE") || option_ahead(parser, "EXTENDED") {
            parser.advance_token();
            explain.verbose = true;
        } else {
            break;
        }
    }
    if starts_query(parser, 0) {
        let query = query_statement(parser, sql, Some(explain))?;
        return Ok(Statement::Query(Box::new(query)));
    }
    if let Some(kind) = peek_word(parser, 0).map(str::to_ascii_uppercase)
        && ["INSERT", "UPDATE", "DELETE", "REPLACE", "FOR"].contains(&kind.as_str())
    {
        return Err(Error::unsupported(format!("`EXPLAIN {kind}` is not supported")));
    }
    take(parser, "TABLE");
    let table = Name(name(parser, "a query or a table name")?);
    let column = if at_end(parser) { None } else { Some(string_or_word(parser, "a column")?) };
    Ok(Statement::Describe(Describe { table, column }))
}

/// Whether the word is an option here, and not a table's name.
fn option_ahead(parser: &Parser<'_>, word: &str) -> bool {
    let after = &parser.peek_nth_token_ref(1).token;
    next_is(parser, word) && !matches!(after, Token::EOF | Token::SemiColon | Token::Period)
}

fn starts_query(parser: &Parser<'_>, offset: usize) -> bool {
    let words = ["SELECT", "WITH", "VALUES"];
    words.iter().any(|word| nth_is(parser, offset, word))
        || parser.peek_nth_token_ref(offset).token == Token::LParen
}

/// `FORMAT = TRADITIONAL | TREE`: both show the plan as text.
fn format(parser: &mut Parser<'_>) -> Result<()> {
    parser.advance_token();
    expect_token(parser, &Token::Eq)?;
    if ["TRADITIONAL", "TREE", "DEFAULT"].iter().any(|known| next_is(parser, known)) {
        parser.advance_token();
        return Ok(());
    }
    if let Some(other) = peek_word(parser, 0) {
        return Err(Error::unsupported(format!(
            "`EXPLAIN FORMAT={other}` is not supported; `TREE` is"
        )));
    }
    expected(parser, "`TREE`")
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;
    use mooring_spi::ErrorKind;

    fn parsed(sql: &str) -> QueryStatement {
        match parse(sql).expect("a statement") {
            Statement::Query(query) => *query,
            other => panic!("no query: {other:?}"),
        }
    }

    #[test]
    fn explain_keeps_its_options() {
        assert_eq!(parsed("SELECT 1").explain, None);
        let analyze = Explain { analyze: true, verbose: true };
        assert_eq!(parsed("EXPLAIN ANALYZE VERBOSE SELECT 1").explain, Some(analyze));
        let plain = Explain { analyze: false, verbose: false };
        for sql in [
            "DESC SELECT 1",
            "EXPLAIN FORMAT=TREE (SELECT 1)",
            "explain with a as (select 1) select * from a",
        ] {
            assert_eq!(parsed(sql).explain, Some(plain), "{sql}");
        }
        let error = parse("EXPLAIN FORMAT=JSON SELECT 1").expect_err("no JSON");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn describe_reads_names_and_columns() {
        let described = |sql| match parse(sql).expect("a statement") {
            Statement::Describe(Describe { table, column }) => (table.0, column),
            other => panic!("no describe: {other:?}"),
        };
        let table =
            |parts: &[&str]| parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>();
        assert_eq!(described("DESC t"), (table(&["t"]), None));
        assert_eq!(
            described("EXPLAIN `tpch.tiny`.nation n_name"),
            (table(&["tpch.tiny", "nation"]), Some("n_name".into()))
        );
        assert_eq!(described("DESCRIBE a.b.c '%x'"), (table(&["a", "b", "c"]), Some("%x".into())));
        assert_eq!(described("DESCRIBE analyze"), (table(&["analyze"]), None));
    }

    #[test]
    fn into_takes_a_user_variable_only() {
        let query = parsed("SELECT SLEEP(0) INTO @__MySqlConnector__Sleep");
        assert_eq!(query.into.as_deref(), Some("__MySqlConnector__Sleep"));
        assert_eq!(query.query.to_string(), "SELECT SLEEP(0)");
        let error = parse("SELECT 1 INTO t FROM u").expect_err("no table");
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn table_is_a_select_of_everything() {
        let query = parsed("TABLE `a.b`.t ORDER BY x LIMIT 2;");
        assert_eq!(query.query.to_string(), "SELECT * FROM `a.b`.t ORDER BY x LIMIT 2");
        assert_eq!(query.labels, [Label::Wildcard]);
    }
}
