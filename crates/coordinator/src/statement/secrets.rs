//! The text of a statement as it may be listed and logged: without the passwords and the properties of
//! catalogs that it sets.
//!
//! It must hold for text that does not parse as well, so it goes by words alone and takes away too
//! much rather than too little: what follows the word that announces a secret is gone to the end.

use mooring_spi::{Error, ErrorKind};
use std::borrow::Cow;

/// What stands in a secret's place.
pub const SECRET: &str = "'<secret>'";

/// The words after which a secret may stand in a statement that is no query.
const ANNOUNCING: [&str; 2] = ["IDENTIFIED", "PASSWORD"];

/// The first words of statements that have no secrets.
const QUERIES: [&str; 7] = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "USE", "KILL"];

/// What stands in a secret's place in an error.
const HIDDEN: &str = "***";

/// Below that a secret is like any other word of a message.
const SECRET_LENGTH_MIN: usize = 4;

/// Properties that are none.
const HARMLESS_PROPERTIES: [&str; 3] = ["host", "user", "database"];

/// Parts of the names of properties that are secrets.
const SECRET_NAMES: [&str; 2] = ["secret", "password"];

/// The statement without its secrets.
pub fn without_secrets(sql: &str) -> Cow<'_, str> {
    match secret_start(sql) {
        None => Cow::Borrowed(sql),
        Some(at) => Cow::Owned(format!("{} {SECRET}", sql[..at].trim_end())),
    }
}

/// An error of a statement, without what it quotes of a text that has secrets.
pub fn error_without_secrets(sql: &str, error: Error) -> Error {
    let Some(start) = secret_start(sql) else { return error };
    let message = error.message();
    if let (ErrorKind::SyntaxError, Some((what, _))) =
        (error.kind(), message.split_once(", found `"))
    {
        return Error::new(ErrorKind::SyntaxError, what);
    }
    let mut told = message.to_owned();
    for secret in quoted(&sql[start..]) {
        if !told.contains(&format!("'{secret}'")) {
            continue;
        }
        // The cause stays, and what may be the secret goes, however else it is quoted.
        told = match secret.chars().count() >= SECRET_LENGTH_MIN {
            true => told.replace(secret, HIDDEN),
            false => told.replace(&format!("'{secret}'"), &format!("'{HIDDEN}'")),
        };
    }
    match told == message {
        true => error,
        // Its cause may have it, too.
        false => Error::new(error.kind(), told),
    }
}

/// What stands between quotes, or may: a quote that is escaped moves all that follow. Not where a server is, and who
/// logs in there, which its errors tell.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let mut before = "";
    text.split(['\'', '"']).filter(move |piece| {
        let is_harmless = is_value_of(before, &HARMLESS_PROPERTIES);
        before = *piece;
        !is_harmless && !piece.trim().is_empty()
    })
}

/// Whether what stands before a value says that it is one of these properties'.
fn is_value_of(before: &str, properties: &[&str]) -> bool {
    let Some(key) = before.trim_end().strip_suffix('=') else { return false };
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    let key = key.trim_end();
    let start = key
        .rfind(|letter: char| !is_part(letter))
        .map_or(0, |at| at + key[at..].chars().next().map_or(1, char::len_utf8));
    properties.iter().any(|property| property.eq_ignore_ascii_case(&key[start..]))
}

/// Where the listed part of the text ends, when it has a secret.
fn secret_start(sql: &str) -> Option<usize> {
    let first = [catalog_secret_start(sql), other_secret_start(sql)];
    first.into_iter().flatten().min()
}

/// Of everything but the definition of a catalog.
fn other_secret_start(sql: &str) -> Option<usize> {
    let mut words = Words { sql, at: 0 };
    let (first_at, first) = words.next()?;
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    if QUERIES.iter().any(|word| is(first, word)) {
        // Another statement may follow.
        let next = sql[first_at..].find(';')? + first_at + 1;
        return announced(sql, next, &ANNOUNCING);
    }
    if ["EXPLAIN", "DESCRIBE", "DESC"].iter().any(|word| is(first, word)) {
        return announced(sql, first_at, &ANNOUNCING[..1]);
    }
    announced(sql, first_at, &ANNOUNCING).or_else(|| {
        // Not even the word is there: a slip of the pen, or nothing secret.
        let (mut at, mut word) = words.next()?;
        if is(first, "CREATE") && is(word, "OR") {
            words.next()?;
            (at, word) = words.next()?;
        }
        let user = is(word, "USER") && (is(first, "CREATE") || is(first, "ALTER"));
        user.then_some(at + word.len())
    })
}

/// Of a text that defines a catalog, anywhere in it: after what is known to be no secret, the catalog's name
/// and kind and what is done to it, nothing is listed. What looks like it was meant to define one, by words
/// or by the name of a property that is a secret, is treated alike.
fn catalog_secret_start(sql: &str) -> Option<usize> {
    // What is no word at all, such as the end of a comment that is executed, is passed over.
    let words = |at: usize| Words { sql, at }.filter(|(_, word)| !word.is_empty());
    let is_any = |word: &str, known: &[&str]| known.iter().any(|it| word.eq_ignore_ascii_case(it));
    let mut start = words(0);
    let (first_at, first) = start.next()?;
    let query = is_any(first, &QUERIES);
    if query && !sql[first_at..].contains(';') {
        return None;
    }
    // A slip of the pen in the first word.
    let meant = start
        .next()
        .filter(|(_, word)| !query && !is_any(first, &["DROP", "COMMENT"]) && is_catalog(word))
        .and_then(|(at, word)| after_names(sql, at + word.len()));
    let defined = all_words(sql, 0).filter(|(_, word)| is_any(word, &["CREATE", "ALTER"]));
    let defined = defined.filter_map(|(at, word)| {
        let mut rest = words(at + word.len());
        let mut next = rest.next()?;
        if is_any(next.1, &["OR"]) {
            rest.next()?;
            next = rest.next()?;
        }
        let (at, word) = next;
        is_catalog(word).then(|| after_names(sql, at + word.len())).flatten()
    });
    let columns = is_any(first, &["CREATE"]) && sql.to_ascii_uppercase().contains("EXTERNAL TABLE");
    let named = (!columns && is_any(first, &["CREATE", "ALTER", "CATALOG"])).then(|| {
        let of_secret = |word: &str| {
            let word = word.to_ascii_lowercase();
            SECRET_NAMES.iter().any(|name| word.contains(name))
        };
        let found = all_words(sql, 0).find(|(_, word)| of_secret(word));
        let end = found.map(|(at, word)| at + word.len());
        end.filter(|end| !sql[*end..].trim().is_empty())
    });
    meant.into_iter().chain(defined).chain(named.flatten()).min()
}

fn is_catalog(word: &str) -> bool {
    word.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("CATALOG"))
}

/// Where the harmless part of a definition ends, from behind the word CATALOG; `None` when nothing follows it.
///
/// That part is `[IF NOT EXISTS] name [USING kind | SET | RESET | RENAME TO name]`, as plain words or in
/// backticks, with nothing between but space: a comment may hold what was tried before.
fn after_names(sql: &str, start: usize) -> Option<usize> {
    let mut at = start;
    let take = |at: &mut usize, words: &[&str]| {
        let mut next = *at;
        for word in words {
            match plain_word(sql, next) {
                Some((found, end)) if found.eq_ignore_ascii_case(word) => next = end,
                _ => return false,
            }
        }
        *at = next;
        true
    };
    take(&mut at, &["IF", "NOT", "EXISTS"]);
    if let Some((_, end)) = plain_word(sql, at) {
        at = end;
        let named = take(&mut at, &["USING"]) || take(&mut at, &["RENAME", "TO"]);
        if named && let Some((_, end)) = plain_word(sql, at) {
            at = end;
        } else if !named && !take(&mut at, &["SET"]) {
            take(&mut at, &["RESET"]);
        }
    }
    let rest = sql[at..].trim_start_matches(|letter: char| letter.is_whitespace() || letter == ';');
    (!rest.is_empty()).then_some(at)
}

/// The word, or the name in backticks, that follows after space at most, and where it ends.
fn plain_word(sql: &str, at: usize) -> Option<(&str, usize)> {
    let rest = sql[at..].trim_start();
    let start = sql.len() - rest.len();
    let end = match rest.strip_prefix('`') {
        Some(name) => 2 + name.find('`')?,
        None => rest
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(rest.len()),
    };
    (end > 0).then(|| (&rest[..end], start + end))
}

/// The end of the first of these words from `start` on, wherever it stands.
fn announced(sql: &str, start: usize, announcing: &[&str]) -> Option<usize> {
    let is_announcing =
        |word: &str| announcing.iter().any(|announcing| word.eq_ignore_ascii_case(announcing));
    all_words(sql, start).find(|(_, word)| is_announcing(word)).map(|(at, word)| at + word.len())
}

/// All words from `start` on, in quotes and comments too, with their places.
fn all_words(sql: &str, start: usize) -> impl Iterator<Item = (usize, &str)> {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let mut at = start;
    std::iter::from_fn(move || {
        let bytes = sql.as_bytes();
        while at < bytes.len() && !of_word(&bytes[at]) {
            at += 1;
        }
        let length = bytes[at..].iter().take_while(|byte| of_word(byte)).count();
        let word = sql.get(at..at + length).filter(|word| !word.is_empty())?;
        let found = (at, word);
        at += length;
        Some(found)
    })
}

/// The words at the start of a statement, with their places. Comments, parentheses and empty
/// statements are passed over; the inside of `/*! ... */` is not, since it is executed.
struct Words<'a> {
    sql: &'a str,
    at: usize,
}

impl<'a> Iterator for Words<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.sql.get(self.at..)?;
            let first = rest.chars().next()?;
            if let Some(hint) = rest.strip_prefix("/*!").or_else(|| rest.strip_prefix("/*M!")) {
                let version = hint.bytes().take_while(u8::is_ascii_digit).count();
                self.at += rest.len() - hint.len() + version;
            } else if let Some(comment) = rest.strip_prefix("/*") {
                self.at += 2 + comment.find("*/").map_or(comment.len(), |end| end + 2);
            } else if rest.starts_with("--") || first == '#' {
                self.at += rest.find('\n').map_or(rest.len(), |end| end + 1);
            } else if first.is_whitespace() || matches!(first, ';' | '(') {
                self.at += first.len_utf8();
            } else {
                break;
            }
        }
        let rest = &self.sql[self.at..];
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let word = &rest[..end.unwrap_or(rest.len())];
        let at = self.at;
        // A text may go on with something that is no word.
        self.at += word.len().max(rest.chars().next().map_or(0, char::len_utf8));
        Some((at, word))
    }
}

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
