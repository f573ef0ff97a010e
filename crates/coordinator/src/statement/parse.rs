//! From SQL text to one [`Statement`].

use super::dialect::MooringDialect;
use super::names::Name;
use super::parameters::{Parameters, put_parameters};
use super::query::{explain_or_describe, query_statement};
use super::refused::{UNSUPPORTED, refused};
use super::sql_mode::SqlMode;
use super::syntax_error::{DEPTH_MAX, syntax_error};
use super::tokens::{
    at_end, expect, expected, name, next_is, nth_is, peek_word, string_or_word, take, take_any,
    take_words, whole_number,
};
use super::{
    CatalogStatement, Kill, Statement, Transaction, UserStatement, catalogs, chain_limit,
    external_table, length_limit, set, show, users,
};
use mooring_spi::{Error, ErrorKind, Result};
use sqlparser::keywords::Keyword;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer, Whitespace};

/// The message for a text without a statement: MySQL's error 1065.
pub const EMPTY_QUERY: &str = "Query was empty";

/// Parses the text of one statement in the default modes.
///
/// # Errors
/// `SyntaxError` with line and column, `Unsupported` naming the kind of statement,
/// `InvalidArgument` for a definition that makes no sense.
pub fn parse(sql: &str) -> Result<Statement> {
    parse_in(sql, SqlMode::default())
}

/// Parses the text of one statement in the lexical modes of its session.
///
/// # Errors
/// As [`parse`].
pub fn parse_in(sql: &str, mode: SqlMode) -> Result<Statement> {
    parse_with(sql, mode, Parameters::None).map(|(statement, _)| statement)
}

/// Parses the text of one statement with parameters, and answers how many it has.
///
/// # Errors
/// As [`parse`]; `InvalidArgument` when there are not as many values as parameters.
pub fn parse_with(
    sql: &str,
    mode: SqlMode,
    parameters: Parameters<'_>,
) -> Result<(Statement, usize)> {
    let dialect = MooringDialect::new(mode);
    let mut tokens = tokens_of(&dialect, sql)?;
    let count = put_parameters(&mut tokens, parameters)?;
    chain_limit::check(&tokens)?;
    dialect.expect_tokens(tokens.len());
    let mut parser = parser_of(&dialect, tokens);
    while parser.consume_token(&Token::SemiColon) {}
    if parser.peek_token_ref().token == Token::EOF {
        return Err(Error::new(ErrorKind::SyntaxError, EMPTY_QUERY));
    }
    let read = statement(&mut parser, sql).and_then(|read| finish(&mut parser).map(|()| read));
    match read {
        Err(_) if dialect.gave_up() => Err(Error::unsupported(
            "the statement is wrong or cut off within expressions that are nested too deeply to say \
             where",
        )),
        read => Ok((read?, count)),
    }
}

pub(super) fn parser_of(dialect: &MooringDialect, tokens: Vec<TokenWithSpan>) -> Parser<'_> {
    Parser::new(dialect).with_recursion_limit(DEPTH_MAX).with_tokens_with_locations(tokens)
}

/// The tokens with their places; a leading `TABLE t` becomes `SELECT * FROM t`, which it stands
/// for (MySQL 8.4 reference manual, section 15.2.16) and which sqlparser reads better.
pub(super) fn tokens_of(dialect: &MooringDialect, sql: &str) -> Result<Vec<TokenWithSpan>> {
    length_limit::check(sql)?;
    let mut tokens = Tokenizer::new(dialect, sql)
        .tokenize_with_location()
        .map_err(|error| syntax_error(error.into()))?;
    let first = tokens.iter().position(|token| !matches!(token.token, Token::Whitespace(_)));
    let Some(position) = first else {
        return Ok(tokens);
    };
    let Some(found) = tokens.get(position) else {
        return Ok(tokens);
    };
    if matches!(&found.token, Token::Word(word) if word.keyword == Keyword::TABLE) {
        let span = found.span;
        let space = Token::Whitespace(Whitespace::Space);
        let select = [
            Token::make_keyword("SELECT"),
            space.clone(),
            Token::Mul,
            space,
            Token::make_keyword("FROM"),
        ];
        tokens.splice(
            position..=position,
            select.into_iter().map(|token| TokenWithSpan::new(token, span)),
        );
    }
    Ok(tokens)
}

fn finish(parser: &mut Parser<'_>) -> Result<()> {
    if parser.peek_token_ref().token == Token::EOF {
        return Ok(());
    }
    if !parser.consume_token(&Token::SemiColon) {
        return expected(parser, "the end of the statement");
    }
    while parser.consume_token(&Token::SemiColon) {}
    if parser.peek_token_ref().token == Token::EOF {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::SyntaxError,
        "several statements in one text; send them one by one, or ask for multi-statements",
    ))
}

fn statement(parser: &mut Parser<'_>, sql: &str) -> Result<Statement> {
    if parser.peek_token_ref().token == Token::LParen {
        return query(parser, sql);
    }
    let Some(word) = peek_word(parser, 0).map(str::to_ascii_uppercase) else {
        return expected(parser, "a statement");
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" => query(parser, sql),
        "GRANT" => about_users(parser, users::grant),
        "REVOKE" => about_users(parser, users::revoke),
        "ALTER" if nth_is(parser, 1, "USER") => about_users(parser, users::alter_user),
        "CREATE" if nth_is(parser, 1, "USER") => about_users(parser, users::create_user),
        "DROP" if nth_is(parser, 1, "USER") => about_users(parser, users::drop_user),
        "RENAME" if nth_is(parser, 1, "USER") => about_users(parser, users::rename_user),
        "SET" if nth_is(parser, 1, "PASSWORD") => about_users(parser, users::set_password),
        "SHOW" if nth_is(parser, 1, "GRANTS") => about_users(parser, users::show_grants),
        "SHOW" if nth_is(parser, 1, "CREATE") && nth_is(parser, 2, "USER") => {
            about_users(parser, users::show_create_user)
        }
        "CREATE" if nth_is(parser, 1, "CATALOG") => {
            about_catalogs(catalogs::create_catalog(parser))
        }
        "ALTER" if nth_is(parser, 1, "CATALOG") => about_catalogs(catalogs::alter_catalog(parser)),
        "DROP" if nth_is(parser, 1, "CATALOG") => about_catalogs(catalogs::drop_catalog(parser)),
        "COMMENT" if nth_is(parser, 2, "CATALOG") => {
            about_catalogs(catalogs::comment_on_catalog(parser))
        }
        "EXPLAIN" | "DESCRIBE" | "DESC" => explain_or_describe(parser, sql),
        "SHOW" => show::show(parser).map(Statement::Show),
        "SET" => set::set(parser),
        "USE" => {
            parser.advance_token();
            Ok(Statement::Use(Name(name(parser, "a database")?)))
        }
        "CREATE" => create(parser),
        "DROP" => drop_statement(parser),
        "BEGIN" | "START" | "COMMIT" | "ROLLBACK" => transaction(parser),
        "KILL" => kill(parser),
        "REFRESH" => {
            parser.advance_token();
            expect(parser, "TABLE")?;
            Ok(Statement::RefreshTable(Name(name(parser, "a table name")?)))
        }
        other if UNSUPPORTED.contains(&other) => Ok(Statement::Refused(refused(parser))),
        _ => expected(parser, "a statement"),
    }
}

fn query(parser: &mut Parser<'_>, sql: &str) -> Result<Statement> {
    Ok(Statement::Query(Box::new(query_statement(parser, sql, None)?)))
}

fn about_users(
    parser: &mut Parser<'_>,
    rest: impl Fn(&mut Parser<'_>) -> Result<UserStatement>,
) -> Result<Statement> {
    rest(parser).map(|statement| Statement::Users(Box::new(statement)))
}

fn about_catalogs(statement: Result<CatalogStatement>) -> Result<Statement> {
    statement.map(|statement| Statement::Catalogs(Box::new(statement)))
}

fn create(parser: &mut Parser<'_>) -> Result<Statement> {
    if take_words(parser, &["CREATE", "EXTERNAL", "TABLE"]) {
        let table = external_table::create_external_table(parser)?;
        return Ok(Statement::CreateExternalTable(Box::new(table)));
    }
    if !nth_is(parser, 1, "SCHEMA") && !nth_is(parser, 1, "DATABASE") {
        return Ok(Statement::Refused(refused(parser)));
    }
    parser.advance_token();
    parser.advance_token();
    let if_not_exists = take_words(parser, &["IF", "NOT", "EXISTS"]);
    let schema = name(parser, "a database name")?;
    while !at_end(parser) {
        database_option(parser)?;
    }
    Ok(Statement::CreateSchema { name: Name(schema), if_not_exists })
}

/// `[DEFAULT] CHARACTER SET [=] x` or `[DEFAULT] COLLATE [=] x`: read, without effect.
fn database_option(parser: &mut Parser<'_>) -> Result<()> {
    take(parser, "DEFAULT");
    if !take_words(parser, &["CHARACTER", "SET"])
        && take_any(parser, &["CHARSET", "COLLATE"]).is_none()
    {
        return expected(parser, "`CHARACTER SET`, `COLLATE` or the end of the statement");
    }
    let _equals = parser.consume_token(&Token::Eq);
    string_or_word(parser, "a character set or a collation")?;
    Ok(())
}

fn drop_statement(parser: &mut Parser<'_>) -> Result<Statement> {
    let schema = nth_is(parser, 1, "SCHEMA") || nth_is(parser, 1, "DATABASE");
    if !schema && !nth_is(parser, 1, "TABLE") {
        return Ok(Statement::Refused(refused(parser)));
    }
    parser.advance_token();
    parser.advance_token();
    let if_exists = take_words(parser, &["IF", "EXISTS"]);
    if schema {
        let name = Name(name(parser, "a database name")?);
        let cascade = take_any(parser, &["CASCADE", "RESTRICT"]) == Some("CASCADE");
        return Ok(Statement::DropSchema { name, if_exists, cascade });
    }
    let mut names = vec![Name(name(parser, "a table name")?)];
    while parser.consume_token(&Token::Comma) {
        names.push(Name(name(parser, "a table name")?));
    }
    take_any(parser, &["CASCADE", "RESTRICT"]);
    Ok(Statement::DropTable { names, if_exists })
}

/// MySQL 8.4 reference manual, section 15.3.1.
fn transaction(parser: &mut Parser<'_>) -> Result<Statement> {
    if take(parser, "START") {
        expect(parser, "TRANSACTION")?;
        while !at_end(parser) {
            let known = take_words(parser, &["READ", "ONLY"])
                || take_words(parser, &["READ", "WRITE"])
                || take_words(parser, &["WITH", "CONSISTENT", "SNAPSHOT"]);
            if !known {
                return expected(parser, "`READ ONLY`, `READ WRITE` or `WITH CONSISTENT SNAPSHOT`");
            }
            let _more = parser.consume_token(&Token::Comma);
        }
        return Ok(Statement::Transaction(Transaction::Begin));
    }
    let kind = match take_any(parser, &["BEGIN", "COMMIT", "ROLLBACK"]) {
        Some("BEGIN") => Transaction::Begin,
        Some("COMMIT") => Transaction::Commit,
        _ => Transaction::Rollback,
    };
    take_any(parser, &["WORK", "TRANSACTION"]);
    if next_is(parser, "TO") {
        return Err(Error::unsupported("`ROLLBACK TO SAVEPOINT` is not supported"));
    }
    if take(parser, "AND") {
        take(parser, "NO");
        expect(parser, "CHAIN")?;
    }
    if take(parser, "NO") {
        expect(parser, "RELEASE")?;
    } else {
        take(parser, "RELEASE");
    }
    Ok(Statement::Transaction(kind))
}

fn kill(parser: &mut Parser<'_>) -> Result<Statement> {
    parser.advance_token();
    let query_only = take_any(parser, &["CONNECTION", "QUERY"]) == Some("QUERY");
    let connection_id = whole_number(parser)?;
    Ok(Statement::Kill(Kill { connection_id, query_only }))
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
