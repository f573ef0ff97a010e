//! MySQL's LIKE on names: `%` is any text, `_` one character, `\` takes the next character as it
//! is; upper and lower case are equal.

/// Whether `text` matches the pattern.
pub fn matches(pattern: &str, text: &str) -> bool {
    Pattern::new(pattern).matches(text)
}

/// A pattern that was read once, for many texts.
pub struct Pattern(Vec<Element>);

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        Self(elements(pattern))
    }

    pub fn matches(&self, text: &str) -> bool {
        elements_match(&self.0, text)
    }
}

/// A failed attempt goes back to the last `%` only, so the cost is at most the product of the two
/// lengths, and about their sum in practice.
fn elements_match(pattern: &[Element], text: &str) -> bool {
    let text: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let (mut at, mut read) = (0, 0);
    // Where to go on after another character is given to the last `%`.
    let mut retry: Option<(usize, usize)> = None;
    while let Some(character) = text.get(read) {
        match pattern.get(at) {
            Some(Element::AnyText) => {
                at += 1;
                retry = Some((at, read));
                continue;
            }
            Some(Element::AnyCharacter) => {
                at += 1;
                read += 1;
                continue;
            }
            Some(Element::Character(wanted)) if wanted == character => {
                at += 1;
                read += 1;
                continue;
            }
            Some(Element::Character(_)) | None => {}
        }
        let Some((after_any, taken)) = retry else {
            return false;
        };
        retry = Some((after_any, taken + 1));
        at = after_any;
        read = taken + 1;
    }
    pattern.iter().skip(at).all(|element| matches!(element, Element::AnyText))
}

enum Element {
    AnyText,
    AnyCharacter,
    Character(char),
}

fn elements(pattern: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '%' => elements.push(Element::AnyText),
            '_' => elements.push(Element::AnyCharacter),
            '\\' => push(&mut elements, characters.next().unwrap_or('\\')),
            other => push(&mut elements, other),
        }
    }
    elements
}

fn push(elements: &mut Vec<Element>, character: char) {
    elements.extend(character.to_lowercase().map(Element::Character));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_manuals_examples() {
        // MySQL 8.4 reference manual, section 14.8.1, "LIKE".
        for (pattern, text, expected) in [
            ("David_", "David!", true),
            ("%D%v%", "David!", true),
            ("David\\_", "David!", false),
            ("David\\_", "David_", true),
            ("abc", "ABC", true),
            ("10%", "10", true),
            ("", "", true),
            ("", "a", false),
            ("%", "", true),
            ("_", "", false),
            ("a%b%c", "a-b-b-c", true),
            ("a%b", "abc", false),
            ("größe%", "GRÖSSE", false),
            ("größe%", "GRÖßE_2", true),
            ("a\\", "a\\", true),
            // MariaDB 10.11.
            ("s_ß", "süß", true),
            ("%ab", "aab", true),
            ("%ab%b", "abab", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn many_wildcards_end_soon() {
        assert!(!matches(&"%a".repeat(200), &"a".repeat(199)));
        assert!(!matches(&format!("{}b", "%a".repeat(200)), &"a".repeat(20_000)));
    }

    /// The definition, by recursion.
    fn slow(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('%', rest)) => (0..=text.len()).any(|taken| slow(rest, &text[taken..])),
            Some((wanted, rest)) => text.split_first().is_some_and(|(next, after)| {
                (*wanted == '_' || wanted == next) && slow(rest, after)
            }),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab%_]{0,8}", text in "[ab]{0,10}") {
            let wanted = slow(
                &pattern.chars().collect::<Vec<_>>(),
                &text.chars().collect::<Vec<_>>(),
            );
            prop_assert_eq!(matches(&pattern, &text), wanted);
        }
    }
}
