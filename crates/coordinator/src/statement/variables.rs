//! The variables of a session over those of the server.

use super::accepted_value::{accepted, unknown_character_set, unknown_collation};
use super::character_sets::{character_set, find_collation};
use super::nearest;
use super::sql_mode::SqlMode;
use super::variable_table::{ALIASES, Definition, Level, TABLE, definition};
use super::variable_value::VariableValue;
use mooring_spi::{Error, ErrorKind, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

const USER_VARIABLES_MAX: usize = 512;
const USER_VARIABLE_BYTES_MAX: usize = 65_536;
const USER_VARIABLE_NAME_CHARACTERS_MAX: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Session,
    Global,
}

/// What the server's configuration says, over the defaults of the table. It does not change.
#[derive(Debug, Default)]
pub struct ServerVariables {
    values: BTreeMap<&'static str, VariableValue>,
}

impl ServerVariables {
    /// # Errors
    /// `UnknownVariable`; `WrongVariableValue` and its like for a value that it does not take.
    pub fn new<'a>(values: impl IntoIterator<Item = (&'a str, VariableValue)>) -> Result<Self> {
        let mut server = Self::default();
        for (name, value) in values {
            let definition = known(name)?;
            server.values.insert(definition.name, accepted(definition, &value)?);
        }
        Ok(server)
    }

    fn get(&self, definition: &Definition) -> VariableValue {
        self.values.get(definition.name).cloned().unwrap_or_else(|| definition.default_value())
    }
}

/// A session's variables. A clone is a snapshot, and costs nothing: each statement takes some.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    server: Arc<ServerVariables>,
    changed: Arc<BTreeMap<&'static str, VariableValue>>,
    /// By name in lower case.
    user: Arc<BTreeMap<String, VariableValue>>,
}

impl Variables {
    pub fn new(server: Arc<ServerVariables>) -> Self {
        Self { server, changed: Arc::default(), user: Arc::default() }
    }

    /// As at the start of a session: the server's values, and no user variables.
    pub fn restart(&mut self) {
        self.changed = Arc::default();
        self.user = Arc::default();
    }

    /// The value of a system variable; a server's variable has it in both scopes.
    ///
    /// # Errors
    /// `UnknownVariable`, naming the nearest.
    pub fn get(&self, scope: Scope, name: &str) -> Result<VariableValue> {
        Ok(self.value(scope, known(name)?))
    }

    fn value(&self, scope: Scope, definition: &Definition) -> VariableValue {
        match (scope, self.changed.get(definition.name)) {
            (Scope::Session, Some(value)) => value.clone(),
            (Scope::Session, None) | (Scope::Global, _) => self.server.get(definition),
        }
    }

    /// Changes a system variable of the session.
    ///
    /// # Errors
    /// `UnknownVariable`; `WrongVariableValue` and what tells more of it; `ReadOnlyVariable`;
    /// `GlobalVariable` in a session; `Unsupported` for a change in the global scope.
    pub fn set(&mut self, scope: Scope, name: &str, value: VariableValue) -> Result<()> {
        let definition = writable(scope, name)?;
        let value = accepted(definition, &value)?;
        if definition.name == "collation_connection"
            && let VariableValue::Text(collation) = &value
            && let Some(collation) = find_collation(collation)
        {
            let character_set = VariableValue::text(collation.character_set);
            self.changed_mut().insert("character_set_connection", character_set);
        }
        self.changed_mut().insert(definition.name, value);
        Ok(())
    }

    /// What the last statement came to.
    pub fn count_warnings(&mut self, warnings: usize, errors: usize) {
        for (name, count) in [("warning_count", warnings), ("error_count", errors)] {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            self.changed_mut().insert(name, VariableValue::Int(count));
        }
    }

    /// `SET x = DEFAULT`: back to the server's value.
    ///
    /// # Errors
    /// As [`Variables::set`].
    pub fn reset(&mut self, scope: Scope, name: &str) -> Result<()> {
        let name = writable(scope, name)?.name;
        self.changed_mut().remove(name);
        Ok(())
    }

    /// `SET NAMES`; `None` is DEFAULT.
    ///
    /// # Errors
    /// `UnknownCharacterSet`, `UnknownCollation`, `CollationMismatch`.
    pub fn set_names(&mut self, name: Option<&str>, collation: Option<&str>) -> Result<()> {
        let set = character_set(name.unwrap_or("utf8mb4"))
            .ok_or_else(|| unknown_character_set(name.unwrap_or_default()))?;
        let collation = match collation {
            None => set.default_collation,
            Some(name) => match find_collation(name) {
                Some(found) if found.character_set == set.name => found.name,
                Some(found) => {
                    return Err(Error::new(
                        ErrorKind::CollationMismatch,
                        format!(
                            "collation `{}` is not of the character set `{}`",
                            found.name, set.name
                        ),
                    ));
                }
                None => return Err(unknown_collation(name)),
            },
        };
        self.changed_mut().insert("character_set_client", VariableValue::text(set.name));
        self.changed_mut().insert("character_set_results", VariableValue::text(set.name));
        self.changed_mut().insert("character_set_connection", VariableValue::text(set.name));
        self.changed_mut().insert("collation_connection", VariableValue::text(collation));
        Ok(())
    }

    /// `SET CHARACTER SET`: the connection keeps the database's set.
    ///
    /// # Errors
    /// `UnknownCharacterSet`.
    pub fn set_character_set(&mut self, name: Option<&str>) -> Result<()> {
        let set = character_set(name.unwrap_or("utf8mb4"))
            .ok_or_else(|| unknown_character_set(name.unwrap_or_default()))?;
        self.changed_mut().insert("character_set_client", VariableValue::text(set.name));
        self.changed_mut().insert("character_set_results", VariableValue::text(set.name));
        let collation = self.get(Scope::Session, "collation_database")?;
        self.set(Scope::Session, "collation_connection", collation)
    }

    fn changed_mut(&mut self) -> &mut BTreeMap<&'static str, VariableValue> {
        Arc::make_mut(&mut self.changed)
    }

    /// A user variable; NULL when it was never set.
    pub fn user(&self, name: &str) -> VariableValue {
        self.user.get(&name.to_lowercase()).cloned().unwrap_or(VariableValue::Null)
    }

    /// # Errors
    /// `LimitExceeded` for too many, too large or too long a name.
    pub fn set_user(&mut self, name: &str, value: VariableValue) -> Result<()> {
        let key = name.to_lowercase();
        if key.chars().count() > USER_VARIABLE_NAME_CHARACTERS_MAX {
            return Err(limit(format!(
                "the name of user variable `{name}` is longer than \
                 {USER_VARIABLE_NAME_CHARACTERS_MAX} characters"
            )));
        }
        if value.size_bytes() > USER_VARIABLE_BYTES_MAX {
            return Err(limit(format!(
                "the value of user variable `{name}` is larger than {USER_VARIABLE_BYTES_MAX} bytes"
            )));
        }
        if self.user.len() >= USER_VARIABLES_MAX && !self.user.contains_key(&key) {
            return Err(limit(format!(
                "a session has {USER_VARIABLES_MAX} user variables at most"
            )));
        }
        Arc::make_mut(&mut self.user).insert(key, value);
        Ok(())
    }

    /// Every system variable by name.
    pub fn all(&self, scope: Scope) -> Vec<(&'static str, VariableValue)> {
        let mut all: Vec<_> = TABLE
            .iter()
            .map(|definition| (definition.name, self.value(scope, definition)))
            .collect();
        all.extend(ALIASES.iter().filter_map(|(alias, target)| {
            definition(target).map(|definition| (*alias, self.value(scope, definition)))
        }));
        all.sort_unstable_by_key(|(name, _)| *name);
        all
    }

    /// The session's value of a whole number or a switch (0 or 1).
    ///
    /// # Errors
    /// `UnknownVariable`; `Internal` for a variable of another kind.
    pub fn int(&self, name: &str) -> Result<i64> {
        match self.get(Scope::Session, name)? {
            VariableValue::Int(number) => Ok(number),
            VariableValue::UInt(number) => Ok(i64::try_from(number).unwrap_or(i64::MAX)),
            VariableValue::Bool(on) => Ok(i64::from(on)),
            VariableValue::Null | VariableValue::Double(_) | VariableValue::Text(_) => {
                Err(Error::internal(format!("variable `{name}` is no number")))
            }
        }
    }

    /// The session's value as text; NULL is empty.
    ///
    /// # Errors
    /// `UnknownVariable`.
    pub fn text(&self, name: &str) -> Result<String> {
        Ok(match self.get(Scope::Session, name)? {
            VariableValue::Null => String::new(),
            value => value.to_string(),
        })
    }

    /// The modes in which statements are to be parsed.
    pub fn sql_mode(&self) -> SqlMode {
        SqlMode::of(&self.text("sql_mode").unwrap_or_default())
    }
}

fn known(name: &str) -> Result<&'static Definition> {
    definition(name).ok_or_else(|| {
        let names = TABLE.iter().map(|definition| definition.name);
        Error::new(
            ErrorKind::UnknownVariable,
            format!("unknown system variable `{name}`{}", nearest::hint(name, names)),
        )
    })
}

fn writable(scope: Scope, name: &str) -> Result<&'static Definition> {
    let definition = known(name)?;
    if definition.read_only {
        return Err(Error::new(
            ErrorKind::ReadOnlyVariable,
            format!("variable `{name}` is read-only"),
        ));
    }
    match (scope, definition.level) {
        (Scope::Session, Level::Session) => Ok(definition),
        (Scope::Session, Level::Global) => Err(Error::new(
            ErrorKind::GlobalVariable,
            format!("variable `{name}` is the server's; a session can't set it"),
        )),
        (Scope::Global, _) => Err(Error::unsupported(format!(
            "`SET GLOBAL {name}` is not supported; set it in the configuration"
        ))),
    }
}

fn limit(message: String) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}

#[cfg(test)]
#[path = "variables_tests.rs"]
mod tests;
