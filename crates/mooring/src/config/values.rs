//! The layers, merged into one flat map from key to value and origin.

use super::catalogs::{self, CatalogSection};
use super::kind::Kind;
use super::origin::Origin;
use super::setting::{self, Setting};
use super::{ConfigError, SETTINGS, environment, file};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use toml::Value;

/// Where the layers above the defaults are read from.
#[derive(Default)]
pub(crate) struct Sources {
    /// The file of `--config`, which must exist.
    pub(crate) file: Option<PathBuf>,
    /// Where a `mooring.toml` is looked for when no file was named.
    pub(crate) folder: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// The last one wins.
    pub(crate) flags: Vec<Flag>,
}

impl Sources {
    /// The working folder and the environment of this process.
    pub(crate) fn of_process(file: Option<PathBuf>, flags: Vec<Flag>) -> Self {
        Self { file, folder: PathBuf::new(), environment: std::env::vars_os().collect(), flags }
    }
}

/// A setting that was given on the command line. Has no `Debug`: the value may be a secret.
#[derive(Clone)]
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: &'static str,
    pub(crate) key: String,
    /// As in an environment variable.
    pub(crate) value: String,
}

/// One value and where it came from. Has no `Debug`: the value may be a secret.
pub(crate) struct Sourced {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// The value of every setting.
pub(crate) struct Values {
    by_key: BTreeMap<&'static str, Sourced>,
    catalogs: Vec<CatalogSection>,
}

impl Values {
    /// Reads every layer.
    ///
    /// # Errors
    /// The first unknown key or wrong value, with its origin; an unreadable file.
    pub(crate) fn load(sources: &Sources) -> Result<Self, ConfigError> {
        let mut values = Self::defaults()?;
        if let Some(path) = file::choose(sources) {
            for (key, value) in file::read(&path)? {
                let origin = Origin::File(path.clone());
                match key == catalogs::KEY {
                    true => values.catalogs = catalogs::read(value, &origin)?,
                    false => values.set(&key, value, origin)?,
                }
            }
        }
        for variable in environment::read(&sources.environment)? {
            let origin = Origin::Environment(variable.name);
            values.set_text(&variable.key, &variable.value, origin)?;
        }
        for flag in &sources.flags {
            values.set_text(&flag.key, &flag.value, Origin::Flag(flag.name.to_owned()))?;
        }
        Ok(values)
    }

    /// # Errors
    /// A default of the table is no TOML or not of its kind: a defect, which a test excludes.
    pub(crate) fn defaults() -> Result<Self, ConfigError> {
        let mut values = Self { by_key: BTreeMap::new(), catalogs: Vec::new() };
        for setting in SETTINGS {
            let value = setting.default.parse::<Value>().map_err(|error: toml::de::Error| {
                ConfigError::Structure(format!("default of `{}`: {}", setting.key, error.message()))
            })?;
            values.set(setting.key, value, Origin::Default)?;
        }
        Ok(values)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Sourced> {
        self.by_key.get(key)
    }

    /// The file's `[[catalog]]` sections.
    pub(crate) fn catalogs(&self) -> &[CatalogSection] {
        &self.catalogs
    }

    /// The values as nested tables, as they would stand in a file.
    pub(crate) fn nested(&self) -> Value {
        let mut root = toml::Table::new();
        for (key, sourced) in &self.by_key {
            let mut parts: Vec<&str> = key.split('.').collect();
            let name = parts.pop().unwrap_or_default();
            if let Some(section) = section_mut(&mut root, &parts) {
                section.insert(name.to_owned(), sourced.value.clone());
            }
        }
        Value::Table(root)
    }

    fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), ConfigError> {
        let setting = known(key, &origin)?;
        if !setting.kind.accepts(&value) {
            let found = describe(setting, &value);
            let expected = setting.kind.expected();
            return Err(ConfigError::WrongValue { key: setting.key, origin, found, expected });
        }
        self.by_key.insert(setting.key, Sourced { value, origin });
        Ok(())
    }

    fn set_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), ConfigError> {
        let value = known(key, &origin)?.kind.read_text(text);
        self.set(key, value, origin)
    }
}

fn known(key: &str, origin: &Origin) -> Result<&'static Setting, ConfigError> {
    if let Some(setting) = setting::find(key) {
        return Ok(setting);
    }
    let key = key.to_owned();
    let origin = origin.clone();
    if setting::is_section(&key) {
        return Err(ConfigError::SectionWithValue { key, origin });
    }
    let nearest = setting::nearest(&key);
    Err(ConfigError::UnknownKey { key, origin, nearest })
}

/// A wrong value as an error names it: its type, and the value unless it is secret.
fn describe(setting: &Setting, value: &Value) -> String {
    let type_name = match value {
        Value::String(_) => "text",
        Value::Integer(_) => "the integer",
        Value::Float(_) => "the float",
        Value::Boolean(_) => "the boolean",
        Value::Datetime(_) => "the time",
        Value::Array(_) => "the list",
        Value::Table(_) => return "a table".to_owned(),
    };
    if setting.kind == Kind::Secret {
        return format!("{type_name} (secret)");
    }
    format!("{type_name} `{value}`")
}

/// The table of this section, made where it is missing; `None` when a value is in its place,
/// which [`known`] excludes.
fn section_mut<'a>(root: &'a mut toml::Table, parts: &[&str]) -> Option<&'a mut toml::Table> {
    let mut table = root;
    for part in parts {
        table = table
            .entry(*part)
            .or_insert_with(|| Value::Table(toml::Table::new()))
            .as_table_mut()?;
    }
    Some(table)
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
