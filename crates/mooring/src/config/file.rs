//! The file layer: which file is read, and its tables as flat keys.

use super::values::Sources;
use super::{ConfigError, setting};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Read from the working folder when no file was named.
const FILE_NAME: &str = "mooring.toml";

/// The file that was named, else the one in the folder, if there is one.
pub(super) fn choose(sources: &Sources) -> Option<PathBuf> {
    if let Some(path) = &sources.file {
        return Some(path.clone());
    }
    let path = sources.folder.join(FILE_NAME);
    path.exists().then_some(path)
}

/// The file's values by key, unchecked.
///
/// # Errors
/// The file cannot be read or is no TOML.
pub(super) fn read(path: &Path) -> Result<Vec<(String, Value)>, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::FileUnreadable { path: path.to_owned(), source })?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start);
        ConfigError::FileNotToml {
            path: path.to_owned(),
            line: 1 + text.bytes().take(start).filter(|byte| *byte == b'\n').count(),
            message: error.message().to_owned(),
        }
    })?;
    let mut values = Vec::new();
    flatten("", table, &mut values);
    Ok(values)
}

/// Goes down into sections only: below a setting or an unknown name, nothing is a key.
fn flatten(section: &str, table: Table, values: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if section.is_empty() { name } else { format!("{section}.{name}") };
        match value {
            Value::Table(inner) if setting::is_section(&key) => flatten(&key, inner, values),
            value => values.push((key, value)),
        }
    }
}
