//! Which variables and files the secrets of defined catalogs may name: whoever defines catalogs sends what they hold to
//! a server of their choice.

use mooring_spi::{CatalogDefinition, Error, ErrorKind, Result, is_secret_reference};

/// How references must begin, such as `env:` for any variable and `file:/run/secrets/` for files of one folder.
#[derive(Debug, Clone)]
pub struct SecretReferences(Vec<String>);

impl SecretReferences {
    pub fn new(beginnings: Vec<String>) -> Self {
        Self(beginnings)
    }

    /// # Errors
    /// `InvalidArgument`, naming the property, for a reference that begins otherwise.
    pub(super) fn check(&self, definition: &CatalogDefinition) -> Result<()> {
        let is_refused = |value: &str| is_secret_reference(value) && !self.allows(value);
        match definition.properties.iter().find(|(_, value)| is_refused(value)) {
            None => Ok(()),
            Some((property, value)) => {
                let allowed: Vec<String> = self.0.iter().map(|it| format!("`{it}`")).collect();
                let allowed =
                    if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
                let message = format!(
                    "catalog `{}`: `{property}` refers to `{value}`; `coordinator.secrets.references` allows what \
                     begins with: {allowed}",
                    definition.name
                );
                Err(Error::new(ErrorKind::InvalidArgument, message))
            }
        }
    }

    fn allows(&self, reference: &str) -> bool {
        // A step up leaves the folder that a beginning names.
        let steps_up = reference.split(['/', '\\', ':']).any(|part| part == "..");
        let is_whole = |beginning: &str| matches!(beginning, "env:" | "file:");
        self.0.iter().any(|beginning| {
            reference.starts_with(beginning.as_str()) && (!steps_up || is_whole(beginning))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::SecretReferences;

    #[test]
    fn a_beginning_is_not_left() {
        let all = SecretReferences::new(vec!["env:".into(), "file:".into()]);
        let some = SecretReferences::new(vec!["env:MOORING_".into(), "file:/run/secrets/".into()]);
        for reference in ["env:MOORING_PG", "file:/run/secrets/pg", "file:/run/secrets/a/b..c"] {
            assert!(all.allows(reference) && some.allows(reference), "{reference}");
        }
        for reference in [
            "env:HOME",
            "file:/etc/hostname",
            "file:/run/secrets",
            "file:/run/secrets/../../etc/hostname",
            "file:/run/secrets/..",
        ] {
            assert!(all.allows(reference) && !some.allows(reference), "{reference}");
        }
        assert!(!all.allows("aws-sm:arn") && !SecretReferences::new(vec![]).allows("env:HOME"));
    }
}
