//! The text of a statement as it may be listed and logged: without the passwords that it sets.
//!
//! It must hold for text that does not parse as well, so it goes by words alone and takes away too
//! much rather than too little: what follows the word that announces a secret is gone to the end.

use mooring_spi::{Error, ErrorKind};
use std::borrow::Cow;

/// What stands in a secret's place.
pub const SECRET: &str = "'<secret>'";

/// The words after which a secret may stand in a statement that is no query.
const ANNOUNCING: [&str; 2] = ["IDENTIFIED", "PASSWORD"];

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
    if !quoted(&sql[start..]).any(|secret| message.contains(&format!("'{secret}'"))) {
        return error;
    }
    Error::new(error.kind(), format!("`{}` is not supported as it stands", without_secrets(sql)))
}

/// What stands between quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\'', '"']).skip(1).step_by(2)
}

/// Where the listed part of the text ends, when it has a secret.
fn secret_start(sql: &str) -> Option<usize> {
    let mut words = Words { sql, at: 0 };
    let (first_at, first) = words.next()?;
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    let query = ["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "USE", "KILL"];
    if query.iter().any(|word| is(first, word)) {
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

/// The end of the first of these words from `start` on, wherever it stands.
fn announced(sql: &str, start: usize, announcing: &[&str]) -> Option<usize> {
    let bytes = sql.as_bytes();
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let mut at = start;
    while at < bytes.len() {
        if !of_word(&bytes[at]) {
            at += 1;
            continue;
        }
        let length = bytes[at..].iter().take_while(|byte| of_word(byte)).count();
        let word = &bytes[at..at + length];
        if announcing.iter().any(|announcing| word.eq_ignore_ascii_case(announcing.as_bytes())) {
            return Some(at + length);
        }
        at += length;
    }
    None
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
mod tests {
    use super::*;
    use crate::statement::parse;
    use proptest::prelude::*;

    #[test]
    fn what_follows_the_announcing_word_is_gone() {
        for (sql, listed) in [
            (
                "CREATE USER 'a'@'%' IDENTIFIED BY 's3cret' REQUIRE SSL",
                "CREATE USER 'a'@'%' IDENTIFIED '<secret>'",
            ),
            (
                "/* x */ alter\nuser a identified by 's3cret",
                "/* x */ alter\nuser a identified '<secret>'",
            ),
            ("SET PASSWORD = 's3cret'", "SET PASSWORD '<secret>'"),
            ("SET @x = 1, PASSWORD FOR a = 's3cret'", "SET @x = 1, PASSWORD '<secret>'"),
            ("SET PASSWORD FOR a = PASSWORD('s3cret')", "SET PASSWORD '<secret>'"),
            (
                "GRANT ALL ON *.* TO a IDENTIFIED BY 's3cret'",
                "GRANT ALL ON *.* TO a IDENTIFIED '<secret>'",
            ),
            ("CREATE USER a IDENTIFED BY 's3cret'", "CREATE USER '<secret>'"),
            ("CREATE OR REPLACE USER a BY 's3cret'", "CREATE OR REPLACE USER '<secret>'"),
            ("CRAETE USER a IDENTIFIED BY 's3cret'", "CRAETE USER a IDENTIFIED '<secret>'"),
            ("/*!50000 CREATE USER a USING 's3cret' */", "/*!50000 CREATE USER '<secret>'"),
            (
                "SELECT 1; ALTER USER a IDENTIFIED BY 's3cret'",
                "SELECT 1; ALTER USER a IDENTIFIED '<secret>'",
            ),
            (
                "EXPLAIN ALTER USER a IDENTIFIED BY 's3cret'",
                "EXPLAIN ALTER USER a IDENTIFIED '<secret>'",
            ),
            (r"CREATE USER 'a\' IDENTIFIED BY 's3cret'", r"CREATE USER 'a\' IDENTIFIED '<secret>'"),
        ] {
            assert_eq!(without_secrets(sql), listed);
        }
    }

    #[test]
    fn other_statements_are_listed_as_they_are() {
        for sql in [
            "",
            "SELECT password, 'identified' FROM users",
            "(SELECT password FROM t)",
            "-- password\nSELECT 1;",
            "EXPLAIN SELECT password FROM t",
            "DROP USER a",
            "SET NAMES utf8mb4",
            "CREATE EXTERNAL TABLE user (a INT) STORED AS CSV LOCATION 'x'",
            "WITH password AS (SELECT 1) SELECT * FROM password",
        ] {
            assert!(matches!(without_secrets(sql), Cow::Borrowed(same) if same == sql), "{sql}");
        }
    }

    #[test]
    fn a_syntax_error_does_not_quote_a_secret() {
        for sql in [
            "CREATE USER a IDENTIFIED 's3cret'",
            "CREATE USER a BY 's3cret'",
            "CREATE USER a 's3cret'",
            "CREATE USER a IDENTIFIED BY s3cret",
            "CREATE USER a IDENTIFIED BY 'x' 's3cret'",
            "ALTER USER a IDENTIFIED WITH mysql_native_password TO 's3cret'",
            "SET PASSWORD FOR a TO 's3cret'",
            "SET PASSWORD FOR 's3cret",
            "SET PASSWORD 's3cret'",
            "SET PASSWORD = PASSWORD 's3cret'",
            "GRANT ALL ON *.* TO a IDENTIFIED BY 's3cret'",
        ] {
            let error = error_without_secrets(sql, parse(sql).expect_err(sql));
            assert!(!error.message().contains("s3cret"), "{sql}: {error}");
        }
        let sql = "SET @p = PASSWORD('s3cret')";
        let error = error_without_secrets(sql, Error::unsupported("`PASSWORD('s3cret')` is none"));
        assert!(!error.message().contains("s3cret"), "{error}");
        let error = error_without_secrets(sql, Error::unsupported("`a` has no `s3cret`"));
        assert_eq!(error.message(), "`a` has no `s3cret`");
        let error = error_without_secrets("SELECT FORM t", parse("SELECT 1 1").expect_err("wrong"));
        assert!(error.message().contains("found"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_listed(sql: String) {
            let _ = without_secrets(&sql);
        }

        #[test]
        fn no_secret_is_listed(
            start in "(CREATE|ALTER|create) USER( IF EXISTS)? ('a'@'%'|a@b|`q`)( IDENTIFIED| identified)?[ \n]",
            word in "(BY|WITH x BY|AS|=)?",
            end in "[ ';]{0,3}",
        ) {
            let sql = format!("{start}{word} 's3cret'{end}");
            prop_assert!(!without_secrets(&sql).contains("s3cret"), "{}", sql);
        }
    }
}
