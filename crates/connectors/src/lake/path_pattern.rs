//! Patterns over the names of files and folders, as shells have them (POSIX.1-2024, XCU section
//! 2.14 "Pattern Matching Notation"): `*`, `?`, `[abc]`, `[a-z]`, `[!abc]` inside one name, and `**`
//! as a whole name for any number of folders.

use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::Location;
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// More names are a mistake; matching takes their product with a path's.
const NAMES_MAX: usize = 64;

const ANY_FOLDERS: &str = "**";

/// What stands below a folder, one text per name. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Pattern(Vec<String>);

/// A path as a query names it: the longest folder without a pattern, or the file, and the pattern
/// below it.
///
/// # Errors
/// `InvalidArgument` for a relative path, for `..` below a pattern and for what is no location.
pub(super) fn parse(text: &str) -> Result<(Location, Option<Pattern>)> {
    if text.starts_with("./") || text.starts_with("../") {
        return Err(invalid(format!(
            "path `{text}` is relative, and a server has no folder of yours; write all of it"
        )));
    }
    let path_at = match text.split_once("://") {
        // Web servers have no listings, and `?` is none of a path there.
        Some((scheme, _))
            if ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web)) =>
        {
            return Ok((Location::parse(text)?, None));
        }
        Some((scheme, rest)) => scheme.len() + 3 + rest.find('/').unwrap_or(rest.len()),
        None => 0,
    };
    let (root, path) = text.split_at(path_at);
    let Some(first) = path.find(['*', '?', '[']) else {
        return Ok((Location::parse(text)?, None));
    };
    let (folder, names) = path.split_at(path[..first].rfind('/').map_or(0, |slash| slash + 1));
    let is_url = !root.is_empty();
    let names =
        names.split('/').map(|name| decoded(text, name, is_url)).collect::<Result<Vec<_>>>()?;
    if let Some(name) = names.iter().find(|name| matches!(name.as_str(), "" | "." | "..")) {
        return Err(invalid(format!("path `{text}` has the name `{name}` in its pattern")));
    }
    if names.len() > NAMES_MAX {
        let message = format!("path `{text}` has more than {NAMES_MAX} names in its pattern");
        return Err(Error::new(ErrorKind::LimitExceeded, message));
    }
    Ok((Location::parse(&format!("{root}{folder}"))?.into_folder(), Some(Pattern(names))))
}

fn decoded(text: &str, name: &str, is_url: bool) -> Result<String> {
    if !is_url {
        return Ok(name.to_owned());
    }
    let decoded = percent_decode_str(name).decode_utf8();
    decoded
        .map(|name| name.into_owned())
        .map_err(|_| invalid(format!("path `{text}` is not valid unicode")))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

impl Pattern {
    /// The pattern of each name.
    pub(super) fn names(&self) -> &[String] {
        &self.0
    }
}

/// Whether it stands for any number of folders.
pub(super) fn is_any_folders(pattern: &str) -> bool {
    pattern == ANY_FOLDERS
}

/// Whether the names of a path, its folders and its file, match the patterns.
pub(super) fn matches_path(patterns: &[String], names: &[&str]) -> bool {
    // Which numbers of names the patterns so far can take.
    let mut taken = vec![false; names.len() + 1];
    taken[0] = true;
    for pattern in patterns {
        let mut next = vec![false; names.len() + 1];
        for (count, _) in taken.iter().enumerate().filter(|(_, is_taken)| **is_taken) {
            if is_any_folders(pattern) {
                let folders = names[count..].iter().take_while(|name| !is_hidden(pattern, name));
                (0..=folders.count()).for_each(|more| next[count + more] = true);
            } else if names.get(count).is_some_and(|name| matches_name(pattern, name)) {
                next[count + 1] = true;
            }
        }
        taken = next;
    }
    taken.last() == Some(&true)
}

/// Whether the name says that it is no data, and the pattern does not ask for such names.
fn is_hidden(pattern: &str, name: &str) -> bool {
    name.starts_with(['_', '.']) && pattern.chars().next() != name.chars().next()
}

/// Whether one name matches. A pattern takes a name that starts with `_` or `.` only where it starts
/// with that character itself.
pub(super) fn matches_name(pattern: &str, name: &str) -> bool {
    if is_hidden(pattern, name) {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut in_name) = (0, 0);
    // Where to go on with one character more for the last `*`.
    let mut retry: Option<(usize, usize)> = None;
    while in_name < name.len() {
        if pattern.get(at) == Some(&'*') {
            at += 1;
            retry = Some((at, in_name));
        } else if let Some(length) = one_character(&pattern[at..], name[in_name]) {
            at += length;
            in_name += 1;
        } else if let Some((after_star, start)) = retry {
            at = after_star;
            in_name = start + 1;
            retry = Some((after_star, start + 1));
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|rest| *rest == '*')
}

/// The length of the first element of the pattern where it takes the character.
fn one_character(pattern: &[char], character: char) -> Option<usize> {
    match pattern.first()? {
        '?' => Some(1),
        '[' => match bracket(pattern) {
            Some((class, is_negated)) => {
                let length = class.len() + 2 + usize::from(is_negated);
                (in_class(class, character) != is_negated).then_some(length)
            }
            // Without its end it stands for itself.
            None => (character == '[').then_some(1),
        },
        literal => (*literal == character).then_some(1),
    }
}

/// What stands between the brackets at the start, and whether it is what must not match.
fn bracket(pattern: &[char]) -> Option<(&[char], bool)> {
    let is_negated = matches!(pattern.get(1), Some('!' | '^'));
    let start = 1 + usize::from(is_negated);
    // A bracket that comes first stands for itself.
    let rest = pattern.get(start + 1..)?;
    let end = start + 1 + rest.iter().position(|character| *character == ']')?;
    Some((&pattern[start..end], is_negated))
}

fn in_class(class: &[char], character: char) -> bool {
    let mut rest = class;
    loop {
        match rest {
            [] => return false,
            [first, '-', last, after @ ..] => {
                if (*first..=*last).contains(&character) {
                    return true;
                }
                rest = after;
            }
            [one, after @ ..] => {
                if *one == character {
                    return true;
                }
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // As `fnmatch` of glibc with `FNM_PERIOD` answers, but for names with `_`.
    #[test]
    fn names_match_as_in_a_shell() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.gz", false),
            ("*.csv", ".csv", false),
            (".*", ".csv", true),
            ("*", "_SUCCESS", false),
            ("_*", "_SUCCESS", true),
            ("a?c", "abc", true),
            ("a?c", "aüc", true),
            ("a?c", "ac", false),
            ("part-[0-2]*", "part-1.x", true),
            ("part-[0-2]*", "part-3.x", false),
            ("[!a-c]x", "dx", true),
            ("[^a-c]x", "bx", false),
            ("[]a]", "]", true),
            ("[a-]", "-", true),
            ("[a", "[a", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b", "ab-ba", false),
            ("", "", true),
            ("**.csv", "a.csv", true),
        ] {
            assert_eq!(matches_name(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn two_stars_are_any_number_of_folders() {
        let matches = |pattern: &str, path: &str| {
            let patterns: Vec<String> = pattern.split('/').map(str::to_owned).collect();
            matches_path(&patterns, &path.split('/').collect::<Vec<_>>())
        };
        for path in ["a.csv", "x/a.csv", "x/y/a.csv"] {
            assert!(matches("**/*.csv", path), "{path}");
        }
        assert!(!matches("*/*.csv", "x/y/a.csv"));
        assert!(!matches("**/*.csv", "_temporary/a.csv"));
        assert!(matches("**/x/**/a", "x/x/a"));
        assert!(matches("**", "x/y/a.csv"));
        assert!(!matches("**/x/a", "x/b/a"));
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let stars = "*a".repeat(200);
        assert!(!matches_name(&stars, &"a".repeat(199)));
        let folders: Vec<String> = vec![ANY_FOLDERS.to_owned(); NAMES_MAX];
        assert!(matches_path(&folders, &["a"; 1000]));
    }

    #[test]
    fn a_path_is_split_before_its_pattern() {
        for (text, folder, names) in [
            ("/data/a b/*.csv", "file:///data/a%20b/", &["*.csv"][..]),
            ("/*", "file:///", &["*"]),
            ("/data/../srv/**/x[0-9].csv", "file:///srv/", &["**", "x[0-9].csv"]),
            ("s3://b/a%20b/c%20?/*", "s3://b/a%20b/", &["c ?", "*"]),
            ("s3://b/x*/y.csv", "s3://b/", &["x*", "y.csv"]),
        ] {
            let (location, pattern) = parse(text).expect(text);
            assert_eq!(location.to_string(), folder);
            assert_eq!(pattern.expect("a pattern").names(), names);
        }
        for text in ["/data/a.csv", "s3://b/a/", "https://host/a%5B.csv"] {
            assert_eq!(parse(text).expect(text).1, None);
        }
        for text in
            ["./a.csv", "../a/*", "/data/*/../x", "/data/*//x", "s3://b/*/%2E%2E/x", "s3://*/a"]
        {
            assert_eq!(parse(text).expect_err(text).kind(), ErrorKind::InvalidArgument);
        }
    }
}
