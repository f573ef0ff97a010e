//! `LIKE`.

/// Whether all of `text` matches.
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    rest_matches(&text, &pattern)
}

fn rest_matches(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skipped| rest_matches(&text[skipped..], rest)),
        ['_', rest @ ..] => !text.is_empty() && rest_matches(&text[1..], rest),
        ['\\', escaped, rest @ ..] => {
            text.first() == Some(escaped) && rest_matches(&text[1..], rest)
        }
        [character, rest @ ..] => text.first() == Some(character) && rest_matches(&text[1..], rest),
    }
}

#[test]
fn wildcards_are_characters_and_case_counts() {
    assert!(matches("été", "_t_"));
    assert!(matches("", "%"));
    assert!(!matches("A", "a"));
    assert!(!matches("a ", "a"));
    assert!(matches("10%", "1_\\%"));
    assert!(!matches("100", "1_\\%"));
}
