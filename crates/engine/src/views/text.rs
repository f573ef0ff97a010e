//! The text of a view as a query, by its own dialect's words and quotes. What the parser would take for
//! something else than the dialect means is refused before.

use mooring_spi::{Error, ErrorKind, Result, ViewDialect};
use sqlparser::ast::{Expr, Query};
use sqlparser::dialect::Dialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::cell::Cell;

const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Expressions that are begun at most, for each token: sqlparser reads some that fail twice at every level.
const EXPRESSIONS_PER_TOKEN: usize = 16;

/// A set operation is as deep as so many operators, see `CHAIN_MAX` of the coordinator's `chain_limit`.
const SET_OPERATION_WEIGHT: usize = 4;

/// Operators of one text, and of all views of a statement: their expressions may come to stand inside each other,
/// and the stack of planning is for as many and those of the statement.
pub(super) const OPERATORS_MAX: usize = 1_000;

/// A parsed text.
#[derive(Debug)]
pub(super) struct ViewText {
    pub query: Query,
    /// Which become levels of its plan, one inside the other at worst.
    pub operators: usize,
}

/// # Errors
/// `SyntaxError`; `Unsupported` for what other dialects read in another way, or beyond a bound.
pub(super) fn parse(sql: &str, dialect: ViewDialect) -> Result<ViewText> {
    if sql.len() > TEXT_BYTES_MAX {
        let message = format!("its text has more than {TEXT_BYTES_MAX} bytes");
        return Err(Error::unsupported(message));
    }
    let double_quotes = match dialect {
        ViewDialect::Presto => true,
        // They escape in strings, unless a setting of the day says otherwise.
        ViewDialect::Hive | ViewDialect::Spark { .. } if sql.contains('\\') => {
            return Err(Error::unsupported("its text has a backslash, which has several meanings"));
        }
        ViewDialect::Hive | ViewDialect::Spark { .. } => false,
    };
    let words = ViewWords { double_quotes, expressions_left: Cell::new(0) };
    let tokens = Tokenizer::new(&words, sql)
        .tokenize_with_location()
        .map_err(|error| syntax_error(&error.to_string()))?;
    words.expressions_left.set((tokens.len() + 1).saturating_mul(EXPRESSIONS_PER_TOKEN));
    refuse_literals_with_suffix(&tokens)?;
    let operators = tokens.iter().map(|token| weight(&token.token)).sum();
    if operators > OPERATORS_MAX {
        let message = format!("its text has more than {OPERATORS_MAX} operators");
        return Err(Error::unsupported(message));
    }
    let mut parser = Parser::new(&words).with_tokens_with_locations(tokens);
    let query = parser.parse_query().map_err(|error| syntax_error(&error.to_string()))?;
    let _semicolon = parser.consume_token(&Token::SemiColon);
    match &parser.peek_token_ref().token {
        Token::EOF => Ok(ViewText { query: *query, operators }),
        other => Err(syntax_error(&format!("`{other}` is not expected after the query"))),
    }
}

fn syntax_error(message: &str) -> Error {
    Error::new(ErrorKind::SyntaxError, format!("its text cannot be read: {message}"))
}

/// `1.5D`, `2BD`: two tokens here, of which the second would be an alias.
fn refuse_literals_with_suffix(tokens: &[TokenWithSpan]) -> Result<()> {
    for pair in tokens.windows(2) {
        if let [number, word] = pair
            && let Token::Number(digits, _) = &number.token
            && let Token::Word(suffix) = &word.token
        {
            return Err(Error::unsupported(format!("the literal `{digits}{suffix}` is not known")));
        }
    }
    Ok(())
}

fn weight(token: &Token) -> usize {
    match token {
        Token::Word(word) => match word.keyword {
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => {
                SET_OPERATION_WEIGHT
            }
            Keyword::AND | Keyword::OR | Keyword::NOT | Keyword::IS | Keyword::LIKE => 1,
            _ => 0,
        },
        Token::Plus
        | Token::Minus
        | Token::Mul
        | Token::Div
        | Token::Mod
        | Token::StringConcat
        | Token::Eq
        | Token::DoubleEq
        | Token::Neq
        | Token::Lt
        | Token::Gt
        | Token::LtEq
        | Token::GtEq => 1,
        _ => 0,
    }
}

/// Identifiers in double quotes are Presto's; to Hive and Spark these are strings, and backticks are for
/// identifiers.
#[derive(Debug)]
struct ViewWords {
    double_quotes: bool,
    expressions_left: Cell<usize>,
}

impl Dialect for ViewWords {
    fn is_delimited_identifier_start(&self, character: char) -> bool {
        match self.double_quotes {
            true => character == '"',
            false => character == '`',
        }
    }

    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphanumeric() || character == '_'
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        true
    }

    fn require_interval_qualifier(&self) -> bool {
        true
    }

    fn parse_prefix(&self, _parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let left = self.expressions_left.get();
        self.expressions_left.set(left.saturating_sub(1));
        match left {
            0 => Some(Err(ParserError::RecursionLimitExceeded)),
            _ => None,
        }
    }
}
