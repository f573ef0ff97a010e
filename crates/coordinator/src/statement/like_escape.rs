//! `LIKE 'pattern' ESCAPE 'c'` in the form that DataFusion runs, where the escape is a backslash.

use mooring_spi::{Error, Result};
use sqlparser::ast::{Expr, Value};

/// Rewrites the pattern of a LIKE with an escape character of its own.
///
/// # Errors
/// `Unsupported` for a pattern that is no literal, or an escape that is no single character.
pub(super) fn with_backslash(expr: &mut Expr) -> Result<()> {
    let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr
    else {
        return Ok(());
    };
    let Some(escape) = escape_char.take() else {
        return Ok(());
    };
    let escape = single_character(&escape.value)?;
    if escape == Some('\\') {
        return Ok(());
    }
    let Expr::Value(literal) = &mut **pattern else {
        return Err(Error::unsupported("`ESCAPE` is supported with a pattern that is a literal"));
    };
    let (Value::SingleQuotedString(text) | Value::DoubleQuotedString(text)) = &mut literal.value
    else {
        return Err(Error::unsupported("`ESCAPE` is supported with a pattern that is a literal"));
    };
    *text = rewritten(text, escape);
    Ok(())
}

/// `None`: no character escapes.
fn single_character(value: &Value) -> Result<Option<char>> {
    let text = match value {
        Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text,
        other => return Err(Error::unsupported(format!("`ESCAPE {other}` is not supported"))),
    };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (first, None) => Ok(first),
        _ => Err(Error::unsupported(format!("`ESCAPE '{text}'`: one character escapes, not more"))),
    }
}

fn rewritten(pattern: &str, escape: Option<char>) -> String {
    let mut rewritten = String::with_capacity(pattern.len());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        // The character after an escape stands for itself; a last escape too.
        let literal = match Some(character) == escape {
            true => characters.next().or(Some(character)),
            false => None,
        };
        match literal.unwrap_or(character) {
            '\\' => rewritten.push_str("\\\\"),
            special @ ('%' | '_') if literal.is_some() => {
                rewritten.push('\\');
                rewritten.push(special);
            }
            other => rewritten.push(other),
        }
    }
    rewritten
}

#[cfg(test)]
mod tests {
    use super::rewritten;

    #[test]
    fn another_escape_becomes_a_backslash() {
        assert_eq!(rewritten("100|%", Some('|')), "100\\%");
        assert_eq!(rewritten("a||b%", Some('|')), "a|b%");
        assert_eq!(rewritten("c:\\_%", Some('|')), "c:\\\\_%");
        assert_eq!(rewritten("50%|", Some('|')), "50%|");
        assert_eq!(rewritten("a\\%", None), "a\\\\%");
    }
}
