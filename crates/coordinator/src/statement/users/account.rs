//! Account names: `'user'@'host'`, each part quoted or not, the host `%` when it is left out
//! (MySQL 8.0 reference manual, section 8.2.4 "Specifying Account Names").

use super::UserRef;
use crate::statement::tokens::{expect_token, expected, peek_word};
use mooring_spi::Result;
use mooring_state::{ANY_HOST, UserId};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

/// One account, or the session's own.
///
/// # Errors
/// `SyntaxError` when no account is next.
pub(super) fn user(parser: &mut Parser<'_>) -> Result<UserRef> {
    let own = peek_word(parser, 0).is_some_and(|word| {
        let function = parser.peek_nth_token_ref(1).token == Token::LParen;
        word.eq_ignore_ascii_case("CURRENT_USER") || (function && word.eq_ignore_ascii_case("USER"))
    });
    if own {
        parser.advance_token();
        if parser.consume_token(&Token::LParen) {
            expect_token(parser, &Token::RParen)?;
        }
        return Ok(UserRef::Current);
    }
    // The tokenizer takes `@` as a letter of an unquoted name, or alone before a quote.
    let (name, host) = match part(parser) {
        Some(Part::Quoted(name)) => (name, None),
        Some(Part::Plain(text)) => match text.split_once('@') {
            Some((name, rest)) if !name.is_empty() => (name.to_owned(), Some(rest.to_owned())),
            _ => (text, None),
        },
        None => return expected(parser, "a user such as `'name'@'host'`"),
    };
    let host = match host {
        Some(host) if host.is_empty() => host_part(parser)?,
        Some(host) => host,
        None => at_host(parser)?.unwrap_or_else(|| ANY_HOST.to_owned()),
    };
    Ok(UserRef::Named(UserId::new(name, host)))
}

/// Accounts with commas between them.
///
/// # Errors
/// `SyntaxError` when no account is next.
pub(super) fn users(parser: &mut Parser<'_>) -> Result<Vec<UserRef>> {
    let mut users = vec![user(parser)?];
    while parser.consume_token(&Token::Comma) {
        users.push(user(parser)?);
    }
    Ok(users)
}

enum Part {
    Quoted(String),
    Plain(String),
}

/// A quoted string or identifier, or unquoted text up to the next space: `root@127.0.0.1` is
/// several tokens.
fn part(parser: &mut Parser<'_>) -> Option<Part> {
    let first = parser.peek_token_ref().token.clone();
    let text = match first {
        Token::SingleQuotedString(text) | Token::DoubleQuotedString(text) => {
            parser.advance_token();
            return Some(Part::Quoted(text));
        }
        Token::Word(word) if word.quote_style.is_some() => {
            parser.advance_token();
            return Some(Part::Quoted(word.value));
        }
        Token::Word(word) => word.value,
        _ => return None,
    };
    parser.advance_token();
    let mut text = text;
    if text.contains('@') && !text.ends_with('@') {
        loop {
            match parser.peek_token_no_skip().token {
                Token::Number(digits, _) => text.push_str(&digits),
                Token::Period => text.push('.'),
                Token::Word(word) if word.quote_style.is_none() => text.push_str(&word.value),
                _ => break,
            }
            parser.advance_token();
        }
    }
    Some(Part::Plain(text))
}

/// `@host`, where the name was quoted.
fn at_host(parser: &mut Parser<'_>) -> Result<Option<String>> {
    if parser.consume_token(&Token::AtSign) {
        return host_part(parser).map(Some);
    }
    if !peek_word(parser, 0).is_some_and(|word| word.starts_with('@')) {
        return Ok(None);
    }
    match part(parser) {
        Some(Part::Plain(text)) => Ok(text.strip_prefix('@').map(str::to_owned)),
        Some(Part::Quoted(_)) | None => expected(parser, "a host"),
    }
}

/// What follows an `@`.
fn host_part(parser: &mut Parser<'_>) -> Result<String> {
    match part(parser) {
        Some(Part::Quoted(host) | Part::Plain(host)) => Ok(host),
        None => expected(parser, "a host in quotes"),
    }
}
