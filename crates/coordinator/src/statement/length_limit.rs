//! A bound on the tokens of a text.
//!
//! A token takes about ninety bytes and a text of 64 MiB may have as many tokens as bytes: one
//! statement could take gigabytes before its first token is looked at.

use mooring_spi::{Error, Result};

/// Words and symbols, those in strings and comments included: to tell them apart, one would have to
/// read the tokens. A list of a million numbers has three million.
const PIECES_MAX: usize = 4_000_000;

/// # Errors
/// `Unsupported` for a text of more than [`PIECES_MAX`] pieces.
pub(super) fn check(text: &str) -> Result<()> {
    if text.len() <= PIECES_MAX || pieces(text) <= PIECES_MAX {
        return Ok(());
    }
    Err(Error::unsupported(format!(
        "a text of more than {PIECES_MAX} words and symbols is not supported; long values go as \
         parameters of a prepared statement"
    )))
}

/// No fewer than the tokens: a token begins at a symbol or space, or where a word does.
fn pieces(text: &str) -> usize {
    let mut count = 0;
    let mut within_word = false;
    for byte in text.bytes() {
        let is_word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        count += usize::from(!(is_word && within_word));
        within_word = is_word;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::super::{SqlMode, parse, statement_places};
    use super::*;
    use mooring_spi::ErrorKind;

    #[test]
    fn endless_texts_are_refused_whole() {
        let text = format!("SELECT 1{}", ";".repeat(PIECES_MAX)) + "SELECT 2";
        let places = statement_places(&text, SqlMode::default());
        assert_eq!((places.len(), places[0].clone()), (1, 0..text.len()));
        assert_eq!(parse(&text).expect_err("refused").kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_long_string_is_one_piece() {
        let text = format!("SELECT '{}'", "x".repeat(2 * PIECES_MAX));
        assert!(parse(&text).is_ok());
        assert_eq!(pieces("SELECT 'ab c', ü"), 10);
    }
}
