//! Reading tokens by hand, where a statement has a grammar of our own.
//!
//! Words are compared by their text, not by sqlparser's keywords, which lack some of MySQL's.

use super::syntax_error::syntax_error;
use mooring_spi::Result;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Word};

/// The unquoted word `offset` tokens ahead.
pub(super) fn peek_word<'a>(parser: &'a Parser<'_>, offset: usize) -> Option<&'a str> {
    match &parser.peek_nth_token_ref(offset).token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value),
        _ => None,
    }
}

pub(super) fn next_is(parser: &Parser<'_>, word: &str) -> bool {
    nth_is(parser, 0, word)
}

pub(super) fn nth_is(parser: &Parser<'_>, offset: usize, word: &str) -> bool {
    peek_word(parser, offset).is_some_and(|next| next.eq_ignore_ascii_case(word))
}

/// Takes the words if all of them are next, in this order.
pub(super) fn take_words(parser: &mut Parser<'_>, words: &[&str]) -> bool {
    let all = words.iter().enumerate().all(|(offset, word)| nth_is(parser, offset, word));
    if all {
        for _ in words {
            parser.advance_token();
        }
    }
    all
}

pub(super) fn take(parser: &mut Parser<'_>, word: &str) -> bool {
    take_words(parser, &[word])
}

/// Takes the first of the words that is next, and returns it.
pub(super) fn take_any<'w>(parser: &mut Parser<'_>, words: &[&'w str]) -> Option<&'w str> {
    let found = words.iter().find(|word| next_is(parser, word)).copied();
    if found.is_some() {
        parser.advance_token();
    }
    found
}

/// # Errors
/// `SyntaxError` when another token is next.
pub(super) fn expect(parser: &mut Parser<'_>, word: &str) -> Result<()> {
    if take(parser, word) { Ok(()) } else { expected(parser, &format!("`{word}`")) }
}

/// # Errors
/// `SyntaxError` when another token is next.
pub(super) fn expect_token(parser: &mut Parser<'_>, token: &Token) -> Result<()> {
    parser.expect_token(token).map(drop).map_err(syntax_error)
}

/// The syntax error that `what` should stand where the next token is.
pub(super) fn expected<T>(parser: &Parser<'_>, what: &str) -> Result<T> {
    parser.expected_ref(what, parser.peek_token_ref()).map_err(syntax_error)
}

pub(super) fn at_end(parser: &Parser<'_>) -> bool {
    matches!(parser.peek_token_ref().token, Token::EOF | Token::SemiColon)
}

/// A name of one or more parts: ``a.`b`.c``.
///
/// # Errors
/// `SyntaxError` when no name is next.
pub(super) fn name(parser: &mut Parser<'_>, what: &str) -> Result<Vec<String>> {
    let mut parts = vec![identifier(parser, what)?];
    while parser.consume_token(&Token::Period) {
        parts.push(identifier(parser, what)?);
    }
    Ok(parts)
}

/// # Errors
/// `SyntaxError` when no identifier is next.
pub(super) fn identifier(parser: &mut Parser<'_>, what: &str) -> Result<String> {
    match &parser.peek_token_ref().token {
        Token::Word(word) => {
            let value = word.value.clone();
            parser.advance_token();
            Ok(value)
        }
        _ => expected(parser, what),
    }
}

/// A string literal in single or double quotes.
///
/// # Errors
/// `SyntaxError` when no string is next.
pub(super) fn string(parser: &mut Parser<'_>, what: &str) -> Result<String> {
    match &parser.peek_token_ref().token {
        Token::SingleQuotedString(value) | Token::DoubleQuotedString(value) => {
            let value = value.clone();
            parser.advance_token();
            Ok(value)
        }
        _ => expected(parser, what),
    }
}

/// A string literal or a bare word.
///
/// # Errors
/// `SyntaxError` when neither is next.
pub(super) fn string_or_word(parser: &mut Parser<'_>, what: &str) -> Result<String> {
    match &parser.peek_token_ref().token {
        Token::Word(_) => identifier(parser, what),
        _ => string(parser, what),
    }
}

/// # Errors
/// `SyntaxError` when no whole number is next.
pub(super) fn whole_number(parser: &mut Parser<'_>) -> Result<u64> {
    parser.parse_literal_uint().map_err(syntax_error)
}
