//! The `[[catalog]]` sections of the file: the catalogs beside `lake` and `tpch`, each with a name, its
//! kind after `using`, and the properties of that kind.

use super::ConfigError;
use super::origin::Origin;
use mooring_spi::sounds_secret;
use std::collections::BTreeMap;
use std::fmt;
use toml::{Table, Value};

pub(super) const KEY: &str = "catalog";

/// Names that catalogs of every server have.
const TAKEN: [&str; 3] = ["lake", "tpch", "system"];

/// One section. A property may be a secret.
#[derive(Clone, PartialEq)]
pub(crate) struct CatalogSection {
    pub(crate) name: String,
    pub(crate) using: String,
    pub(crate) properties: BTreeMap<String, String>,
}

impl fmt::Debug for CatalogSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CatalogSection({} using {})", self.name, self.using)
    }
}

/// # Errors
/// The first section that is none, with its name if it has one.
pub(super) fn read(value: Value, origin: &Origin) -> Result<Vec<CatalogSection>, ConfigError> {
    let Value::Array(sections) = value else {
        return Err(wrong(origin, "", "write each catalog as a section `[[catalog]]`"));
    };
    let mut catalogs: Vec<CatalogSection> = Vec::new();
    for section in sections {
        let Value::Table(section) = section else {
            return Err(wrong(origin, "", "write each catalog as a section `[[catalog]]`"));
        };
        let catalog = catalog(section, origin)?;
        let is_same = |other: &str| other.eq_ignore_ascii_case(&catalog.name);
        if TAKEN.iter().any(|taken| is_same(taken))
            || catalogs.iter().any(|other| is_same(&other.name))
        {
            return Err(wrong(origin, &catalog.name, "there is another catalog of this name"));
        }
        catalogs.push(catalog);
    }
    Ok(catalogs)
}

fn catalog(section: Table, origin: &Origin) -> Result<CatalogSection, ConfigError> {
    let mut properties = BTreeMap::new();
    let label = section.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    for (key, value) in section {
        let text = match value {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            Value::Boolean(on) => on.to_string(),
            Value::Float(_) | Value::Datetime(_) | Value::Array(_) | Value::Table(_) => {
                let problem = format!("`{key}` takes text, a whole number or a boolean");
                return Err(wrong(origin, &label, &problem));
            }
        };
        properties.insert(key, text);
    }
    let name = properties.remove("name").unwrap_or_default();
    if name.is_empty() || name.contains(['.', '`', ' ']) {
        return Err(wrong(origin, &name, "`name` is missing or has a dot, a space or a backtick"));
    }
    let using = properties.remove("using").unwrap_or_default();
    if using.is_empty() {
        return Err(wrong(
            origin,
            &name,
            "`using` is missing: the kind of the catalog: `hive`, `glue`, `postgresql` or `mysql`",
        ));
    }
    Ok(CatalogSection { name, using, properties })
}

/// The section as it would stand in a file, without secrets.
pub(super) fn show(catalog: &CatalogSection) -> String {
    let line = |name: &str, value: &str| format!("{name} = {}\n", Value::from(value));
    let mut text = "\n[[catalog]]\n".to_owned();
    text += &line("name", &catalog.name);
    text += &line("using", &catalog.using);
    for (name, value) in &catalog.properties {
        text += &line(name, if sounds_secret(name) { "(secret)" } else { value });
    }
    text
}

fn wrong(origin: &Origin, name: &str, problem: &str) -> ConfigError {
    let name = if name.is_empty() { String::new() } else { format!("`{name}`") };
    ConfigError::WrongCatalog { origin: origin.clone(), name, problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Vec<CatalogSection>, String> {
        let mut table: Table = text.parse().expect("TOML");
        let value = table.remove(KEY).expect("sections");
        read(value, &Origin::Default).map_err(|error| error.to_string())
    }

    #[test]
    fn sections_are_read_and_shown_without_secrets() {
        let text = "[[catalog]]\nname = \"hive\"\nusing = \"hive\"\nuris = \"thrift://a\"\n\
                    timeout_ms = 5\ns3_path_style = true\ns3_secret_key = \"hidden-word\"\n";
        let catalogs = read_text(text).expect("sections");
        let properties: Vec<_> = catalogs[0].properties.iter().collect();
        assert_eq!(properties.len(), 4);
        assert_eq!(catalogs[0].properties["timeout_ms"], "5");
        let shown = show(&catalogs[0]);
        assert!(
            shown.contains("uris = \"thrift://a\"") && !shown.contains("hidden-word"),
            "{shown}"
        );
    }

    #[test]
    fn wrong_sections_are_named() {
        for (text, expected) in [
            ("catalog = 1", "[[catalog]]"),
            ("catalog = [1]", "[[catalog]]"),
            ("[[catalog]]\nusing = \"hive\"", "`name`"),
            ("[[catalog]]\nname = \"a.b\"\nusing = \"hive\"", "`a.b`"),
            ("[[catalog]]\nname = \"h\"", "`using`"),
            ("[[catalog]]\nname = \"h\"\nusing = \"hive\"\nuris = [\"a\"]", "`uris`"),
            ("[[catalog]]\nname = \"Lake\"\nusing = \"hive\"", "`Lake`"),
            (
                "[[catalog]]\nname = \"h\"\nusing = \"hive\"\n[[catalog]]\nname = \"H\"\nusing = \"hive\"",
                "`H`",
            ),
        ] {
            let error = read_text(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }
}
