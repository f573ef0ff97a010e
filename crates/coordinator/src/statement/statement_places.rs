//! Cuts a text into its statements, at the semicolons that are tokens: not those in strings, names
//! and comments.

use super::dialect::MooringDialect;
use super::length_limit;
use super::source_text::Offsets;
use super::sql_mode::SqlMode;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::ops::Range;

/// Where the statements of `text` stand, in bytes and without their semicolons. Pieces without a
/// token (white space, comments) are left out, unless there is nothing else. Text that cannot be cut
/// any further is the last statement's, whose parser tells what is wrong with it.
pub fn statement_places(text: &str, mode: SqlMode) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let ended = |character: char| character == ';' || character.is_ascii_whitespace();
    // A text too long to be parsed is not cut either: its parser tells.
    if !text.trim_end_matches(ended).contains(';') || length_limit::check(text).is_err() {
        places.push(0..text.len());
        return places;
    }
    let dialect = MooringDialect::new(mode);
    let mut tokens: Vec<TokenWithSpan> = Vec::new();
    // On an error the tokens before it are there.
    let whole = Tokenizer::new(&dialect, text).tokenize_with_location_into_buf(&mut tokens).is_ok();
    let mut offsets = Offsets::new(text);
    let (mut start, mut is_empty) = (0, true);
    for token in &tokens {
        match &token.token {
            Token::SemiColon => {
                let Some(end) = offsets.of(token.span.start) else {
                    break;
                };
                if !is_empty {
                    places.push(start..end);
                }
                (start, is_empty) = (end + 1, true);
            }
            Token::Whitespace(_) | Token::EOF => {}
            _ => is_empty = false,
        }
    }
    if !is_empty || !whole || places.is_empty() {
        places.push(start..text.len());
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        statement_places(text, SqlMode::default()).into_iter().map(|place| &text[place]).collect()
    }

    /// Lexical rules: MySQL 8.0 reference manual, sections 9.1.1, 9.2 and 9.7.
    #[test]
    fn statements_end_at_semicolons_that_are_tokens() {
        for (text, expected) in [
            ("SELECT 1", vec!["SELECT 1"]),
            ("SELECT 1; ", vec!["SELECT 1; "]),
            ("SELECT 1;SELECT 2", vec!["SELECT 1", "SELECT 2"]),
            ("SELECT ';', \"a;b\"; SELECT `x;y`;", vec!["SELECT ';', \"a;b\"", " SELECT `x;y`"]),
            (r"SELECT 'a\';b'; SELECT 2", vec![r"SELECT 'a\';b'", " SELECT 2"]),
            ("SELECT 'it''s;' ; SELECT 2", vec!["SELECT 'it''s;' ", " SELECT 2"]),
            ("SELECT /* ; */ 1; SELECT 2", vec!["SELECT /* ; */ 1", " SELECT 2"]),
            ("SELECT 1 -- a;b\n; SELECT 2", vec!["SELECT 1 -- a;b\n", " SELECT 2"]),
            ("SELECT 1 # a;b\n; SELECT 2", vec!["SELECT 1 # a;b\n", " SELECT 2"]),
            ("SELECT 'ü';\nSELECT 'ß;'", vec!["SELECT 'ü'", "\nSELECT 'ß;'"]),
            ("SELECT 1;; ;SELECT 2;-- end;", vec!["SELECT 1", "SELECT 2"]),
            (" ; ;x", vec!["x"]),
        ] {
            assert_eq!(cut(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_the_last_statements() {
        assert_eq!(
            cut("SELECT 1; SELECT 'open; SELECT 2"),
            ["SELECT 1", " SELECT 'open; SELECT 2"]
        );
        assert_eq!(cut("/* ; */"), ["/* ; */"]);
    }

    #[test]
    fn the_lexical_modes_hold() {
        let mode = SqlMode { no_backslash_escapes: true, ..SqlMode::default() };
        let text = r"SELECT '\'; SELECT ';'";
        let places = statement_places(text, mode);
        assert_eq!(places.len(), 2);
        assert_eq!(&text[places[0].clone()], r"SELECT '\'");
    }

    proptest! {
        #[test]
        fn any_text_is_cut_in_order(text in "([;'\"`#\\\\ /*aü\n-]|--|/\\*|\\*/){0,30}") {
            let mut end = 0;
            let places = statement_places(&text, SqlMode::default());
            prop_assert!(!places.is_empty());
            for place in places {
                prop_assert!(place.start >= end && text.get(place.clone()).is_some());
                end = place.end;
            }
        }
    }
}
