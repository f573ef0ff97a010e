//! What one setting is, and how a setting is found by its key.

use super::SETTINGS;
use super::kind::Kind;

/// One line of the table of settings.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The full name: section and name, with dots.
    pub(crate) key: &'static str,
    /// As TOML text.
    pub(crate) default: &'static str,
    pub(crate) kind: Kind,
    /// Who reads it.
    pub(crate) roles: &'static [Role],
    /// One or two sentences for `mooring config`.
    pub(crate) help: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Coordinator,
    Worker,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Coordinator => "coordinator",
            Role::Worker => "worker",
        }
    }
}

impl Setting {
    /// The section, with dots, and the name inside it.
    pub(crate) fn section_and_name(&self) -> (&'static str, &'static str) {
        self.key.rsplit_once('.').unwrap_or(("", self.key))
    }
}

pub(crate) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Whether settings live in or below the section of this name.
pub(crate) fn is_section(name: &str) -> bool {
    SETTINGS
        .iter()
        .any(|setting| setting.key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The key that was most likely meant: one that ends in what was written (a section was left
/// out), else the one with the fewest letters to change in proportion to its length.
pub(crate) fn nearest(unknown: &str) -> &'static str {
    let ending = format!(".{unknown}");
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.key.ends_with(&ending)) {
        return setting.key;
    }
    let likeness = |key: &str| strsim::normalized_damerau_levenshtein(key, unknown);
    SETTINGS
        .iter()
        .map(|setting| setting.key)
        .max_by(|left, right| likeness(left).total_cmp(&likeness(right)))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_and_have_a_section() {
        for (position, setting) in SETTINGS.iter().enumerate() {
            assert_ne!(setting.section_and_name().0, "", "{}", setting.key);
            let first = SETTINGS.iter().position(|other| other.key == setting.key);
            assert_eq!(first, Some(position), "{} stands twice", setting.key);
            assert!(!is_section(setting.key), "{} is also a section", setting.key);
        }
    }

    #[test]
    fn sections_are_contiguous() {
        let mut sections: Vec<&str> =
            SETTINGS.iter().map(|setting| setting.section_and_name().0).collect();
        sections.dedup();
        for (position, section) in sections.iter().enumerate() {
            assert!(!sections[position + 1..].contains(section), "[{section}] is in two pieces");
        }
    }

    #[test]
    fn a_typing_error_and_a_missing_section_find_the_key_that_was_meant() {
        assert_eq!(nearest("coordinator.mysql.listn"), "coordinator.mysql.listen");
        assert_eq!(nearest("coordinator_mysql_listen"), "coordinator.mysql.listen");
        assert_eq!(nearest("mysql.listen"), "coordinator.mysql.listen");
        assert_eq!(nearest("engine.memory_limit"), "engine.memory_limit_bytes");
    }
}
