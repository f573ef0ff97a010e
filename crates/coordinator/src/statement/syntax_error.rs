//! sqlparser's errors in our words: where, what was expected, what was found.

use mooring_spi::{Error, ErrorKind};
use sqlparser::parser::ParserError;

/// How deep parentheses, subqueries and operators may nest.
pub(super) const DEPTH_MAX: usize = 200;

const FOUND_CHARACTERS_MAX: usize = 64;

pub(super) fn syntax_error(error: ParserError) -> Error {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            Error::new(ErrorKind::SyntaxError, message(&text))
        }
        ParserError::RecursionLimitExceeded => {
            Error::unsupported(format!("the statement nests deeper than {DEPTH_MAX} levels"))
        }
    }
}

/// sqlparser's text is `WHAT at Line: L, Column: C`, without the place at the end of the input.
fn message(text: &str) -> String {
    let (what, place) = match text.rsplit_once(" at Line: ") {
        Some((what, place)) => (what, format!("line {}", place.replace("Column: ", "column "))),
        None => (text, "the end of the statement".to_owned()),
    };
    let what = match what.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: "))
    {
        Some((expected, "EOF")) => format!("expected {}", lower_first(expected)),
        Some((expected, found)) => {
            format!("expected {}, found `{}`", lower_first(expected), shortened(found))
        }
        None => lower_first(what),
    };
    format!("syntax error at {place}: {what}")
}

/// Lower case at the start, unless the first word is a keyword in capitals.
fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    let (Some(first), second) = (characters.next(), characters.next()) else {
        return String::new();
    };
    if second.is_some_and(char::is_uppercase) {
        return text.to_owned();
    }
    first.to_lowercase().chain(text.chars().skip(1)).collect()
}

fn shortened(found: &str) -> String {
    if found.chars().count() <= FOUND_CHARACTERS_MAX {
        return found.to_owned();
    }
    let mut short: String = found.chars().take(FOUND_CHARACTERS_MAX).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_and_token_are_told() {
        assert_eq!(
            message("Expected: an expression, found: FORM at Line: 1, Column: 8"),
            "syntax error at line 1, column 8: expected an expression, found `FORM`"
        );
    }

    #[test]
    fn the_end_has_no_place() {
        assert_eq!(
            message("Expected: identifier, found: EOF"),
            "syntax error at the end of the statement: expected identifier"
        );
    }

    #[test]
    fn the_tokenizer_speaks_the_same_way() {
        assert_eq!(
            message("Unterminated string literal at Line: 2, Column: 5"),
            "syntax error at line 2, column 5: unterminated string literal"
        );
    }

    #[test]
    fn a_long_token_is_cut() {
        let text = format!("Expected: x, found: '{}' at Line: 1, Column: 1", "é".repeat(1000));
        assert!(message(&text).chars().count() < 200);
    }
}
