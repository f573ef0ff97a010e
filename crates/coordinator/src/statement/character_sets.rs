//! The character sets and collations that clients may name. Everything here speaks UTF-8, so the
//! sets are those that UTF-8 holds without conversion. Ids and names are MySQL 8.4's
//! (`information_schema.collations`); a set's default is the binary collation, as text compares
//! by its bytes.

pub(crate) struct CharacterSet {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) default_collation: &'static str,
    pub(crate) bytes_max: i64,
}

pub(crate) const CHARACTER_SETS: &[CharacterSet] = &[
    set("ascii", "US ASCII", "ascii_bin", 1),
    set("binary", "Binary pseudo charset", "binary", 1),
    set("utf8mb3", "UTF-8 Unicode", "utf8mb3_bin", 3),
    set("utf8mb4", "UTF-8 Unicode", "utf8mb4_bin", 4),
];

const fn set(
    name: &'static str,
    description: &'static str,
    default_collation: &'static str,
    bytes_max: i64,
) -> CharacterSet {
    CharacterSet { name, description, default_collation, bytes_max }
}

pub(crate) struct Collation {
    pub(crate) name: &'static str,
    pub(crate) character_set: &'static str,
    pub(crate) id: i64,
    pub(crate) sort_length: i64,
    pub(super) pads: bool,
}

pub(crate) const COLLATIONS: &[Collation] = &[
    collation("ascii_bin", "ascii", 65, 1, true),
    collation("ascii_general_ci", "ascii", 11, 1, true),
    collation("binary", "binary", 63, 1, false),
    collation("utf8mb3_bin", "utf8mb3", 83, 1, true),
    collation("utf8mb3_general_ci", "utf8mb3", 33, 1, true),
    collation("utf8mb3_unicode_ci", "utf8mb3", 192, 8, true),
    collation("utf8mb4_0900_ai_ci", "utf8mb4", 255, 0, false),
    collation("utf8mb4_0900_as_ci", "utf8mb4", 305, 0, false),
    collation("utf8mb4_0900_as_cs", "utf8mb4", 278, 0, false),
    collation("utf8mb4_0900_bin", "utf8mb4", 309, 1, false),
    collation("utf8mb4_bin", "utf8mb4", 46, 1, true),
    collation("utf8mb4_general_ci", "utf8mb4", 45, 1, true),
    collation("utf8mb4_unicode_520_ci", "utf8mb4", 246, 8, true),
    collation("utf8mb4_unicode_ci", "utf8mb4", 224, 8, true),
];

impl Collation {
    /// Whether its character set has it unless told otherwise.
    pub(crate) fn is_default(&self) -> bool {
        character_set(self.character_set).is_some_and(|set| set.default_collation == self.name)
    }

    pub(crate) fn pad_attribute(&self) -> &'static str {
        if self.pads { "PAD SPACE" } else { "NO PAD" }
    }
}

const fn collation(
    name: &'static str,
    character_set: &'static str,
    id: i64,
    sort_length: i64,
    pads: bool,
) -> Collation {
    Collation { name, character_set, id, sort_length, pads }
}

/// The set of this name; `utf8` is `utf8mb3`, as in MySQL.
pub(super) fn character_set(name: &str) -> Option<&'static CharacterSet> {
    let name = if name.eq_ignore_ascii_case("utf8") { "utf8mb3" } else { name };
    CHARACTER_SETS.iter().find(|set| set.name.eq_ignore_ascii_case(name))
}

/// The collation of this name; `utf8_...` is `utf8mb3_...`.
pub(super) fn find_collation(name: &str) -> Option<&'static Collation> {
    let lower = name.to_ascii_lowercase();
    let full = match lower.strip_prefix("utf8_") {
        Some(rest) => format!("utf8mb3_{rest}"),
        None => lower,
    };
    COLLATIONS.iter().find(|collation| collation.name == full)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_has_its_default_collation() {
        for set in CHARACTER_SETS {
            let collation = find_collation(set.default_collation).expect(set.name);
            assert_eq!(collation.character_set, set.name);
        }
        for collation in COLLATIONS {
            assert!(character_set(collation.character_set).is_some(), "{}", collation.name);
        }
    }

    #[test]
    fn old_names_are_understood() {
        assert_eq!(character_set("UTF8").map(|set| set.name), Some("utf8mb3"));
        assert_eq!(find_collation("utf8_general_ci").map(|found| found.id), Some(33));
    }

    // The numbers on the wire are mysql_common's, which the protocol uses.
    #[test]
    fn ids_are_those_of_the_protocol() {
        for collation in COLLATIONS {
            let id = u16::try_from(collation.id).expect("a small id");
            let known = mysql_common::collations::CollationId::from(id);
            let name = mysql_common::collations::Collation::resolve(known)
                .collation()
                .replace("utf8_", "utf8mb3_");
            assert_eq!(name.to_ascii_lowercase(), collation.name);
        }
    }
}
