//! `sql_mode`: which modes exist, and which of them change how a statement is read.

use mooring_spi::{Error, ErrorKind, Result};

/// The modes that change how text becomes tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SqlMode {
    /// `"x"` is an identifier, not a string.
    pub ansi_quotes: bool,
    /// `\` is an ordinary character in strings.
    pub no_backslash_escapes: bool,
    /// `||` is OR: the session has turned `PIPES_AS_CONCAT` off.
    pub pipes_as_or: bool,
}

impl SqlMode {
    /// Reads the value of `sql_mode` in its accepted form.
    pub fn of(value: &str) -> Self {
        let has = |mode: &str| value.split(',').any(|part| part == mode);
        Self {
            ansi_quotes: has("ANSI_QUOTES"),
            no_backslash_escapes: has("NO_BACKSLASH_ESCAPES"),
            pipes_as_or: !has("PIPES_AS_CONCAT"),
        }
    }
}

/// MySQL 8.0's default, with `PIPES_AS_CONCAT`: `||` concatenates unless a session turns it off.
pub(super) const DEFAULT: &str = "PIPES_AS_CONCAT,ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,\
     NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/// In the order in which MySQL prints them (the bits of `sql/system_variables.h`).
/// `HIGH_NOT_PRECEDENCE` is left out: statements would mean something else.
const MODES: &[&str] = &[
    "REAL_AS_FLOAT",
    "PIPES_AS_CONCAT",
    "ANSI_QUOTES",
    "IGNORE_SPACE",
    "ONLY_FULL_GROUP_BY",
    "NO_UNSIGNED_SUBTRACTION",
    "NO_DIR_IN_CREATE",
    "ANSI",
    "NO_AUTO_VALUE_ON_ZERO",
    "NO_BACKSLASH_ESCAPES",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ALLOW_INVALID_DATES",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "TRADITIONAL",
    "NO_ENGINE_SUBSTITUTION",
    "PAD_CHAR_TO_FULL_LENGTH",
    "TIME_TRUNCATE_FRACTIONAL",
];

/// Removed in MySQL 8.0, still sent by clients, without a meaning here.
const REMOVED_MODES: &[&str] =
    &["NO_AUTO_CREATE_USER", "NO_FIELD_OPTIONS", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS"];

const ANSI: &[&str] =
    &["REAL_AS_FLOAT", "PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE", "ONLY_FULL_GROUP_BY"];

const TRADITIONAL: &[&str] = &[
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_IN_DATE",
    "NO_ZERO_DATE",
    "ERROR_FOR_DIVISION_BY_ZERO",
    "NO_ENGINE_SUBSTITUTION",
];

/// The accepted form of a list of modes: known ones, in capitals, in order, each once.
///
/// # Errors
/// `WrongVariableValue` for an unknown mode.
pub(super) fn accept(value: &str) -> Result<String> {
    let mut on = vec![false; MODES.len()];
    let mut turn_on = |name: &str| {
        let position = MODES.iter().position(|mode| mode.eq_ignore_ascii_case(name));
        if let Some(flag) = position.and_then(|position| on.get_mut(position)) {
            *flag = true;
        }
        position.is_some()
    };
    for name in value.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let known = turn_on(name);
        if !known && !REMOVED_MODES.iter().any(|mode| mode.eq_ignore_ascii_case(name)) {
            return Err(Error::new(
                ErrorKind::WrongVariableValue,
                format!("variable `sql_mode` can't be set to the value of `{name}`"),
            ));
        }
        let implied: &[&str] = match name.to_ascii_uppercase().as_str() {
            "ANSI" => ANSI,
            "TRADITIONAL" => TRADITIONAL,
            _ => &[],
        };
        for mode in implied {
            turn_on(mode);
        }
    }
    let names: Vec<&str> =
        MODES.iter().zip(&on).filter(|(_, on)| **on).map(|(mode, _)| *mode).collect();
    Ok(names.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_accepted_form() {
        assert_eq!(accept(DEFAULT).expect("known modes"), DEFAULT);
    }

    #[test]
    fn modes_are_ordered_and_kept_once() {
        let value = accept("strict_trans_tables,ANSI_QUOTES,,STRICT_TRANS_TABLES");
        assert_eq!(value.expect("known modes"), "ANSI_QUOTES,STRICT_TRANS_TABLES");
    }

    // MySQL 8.0 reference manual, section 5.1.11, "Combination SQL Modes".
    #[test]
    fn ansi_stands_for_its_parts() {
        assert_eq!(
            accept("ANSI").expect("a known mode"),
            "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY,ANSI"
        );
    }

    #[test]
    fn a_removed_mode_is_dropped_and_an_unknown_one_refused() {
        assert_eq!(accept("NO_AUTO_CREATE_USER").expect("a removed mode"), "");
        assert!(accept("FAST").expect_err("unknown").message().contains("`FAST`"));
    }
}
