//! The environment layer: `MOORING__COORDINATOR__MYSQL__LISTEN` sets `coordinator.mysql.listen`.
//!
//! Two underscores stand for a dot. Names with one underscore after `MOORING` are not ours:
//! Kubernetes makes such variables for a service that is called `mooring`.

use super::ConfigError;
use super::origin::Origin;
use std::ffi::OsString;

const PREFIX: &str = "MOORING__";

pub(super) struct Variable {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) value: String,
}

/// Our variables, by name, unchecked.
///
/// # Errors
/// A value is not UTF-8.
pub(super) fn read(environment: &[(OsString, OsString)]) -> Result<Vec<Variable>, ConfigError> {
    let mut variables = Vec::new();
    for (name, value) in environment {
        let Some((name, rest)) =
            name.to_str().and_then(|name| Some((name, name.strip_prefix(PREFIX)?)))
        else {
            continue;
        };
        let name = name.to_owned();
        let Some(value) = value.to_str() else {
            return Err(ConfigError::NotUnicode { origin: Origin::Environment(name) });
        };
        let key = rest.replace("__", ".").to_lowercase();
        variables.push(Variable { name, key, value: value.to_owned() });
    }
    variables.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(variables)
}
