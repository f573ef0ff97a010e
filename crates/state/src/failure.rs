//! From the database's errors to ours: which constraint refused a change, and everything else as
//! a store that cannot be used.

use mooring_spi::{Error, ErrorKind};

/// Why a piece of work on the store ended without its result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database's own error.
    Sql(sqlx::Error),
    /// What the client is told.
    Told(Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Failure::Sql(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Told(error)
    }
}

impl Failure {
    /// An entry of that name is already there.
    pub(crate) fn is_duplicate(&self) -> bool {
        matches!(self, Failure::Sql(error) if is_duplicate(error))
    }

    /// The entry belongs to one that is not there, or still has others that belong to it.
    pub(crate) fn is_reference(&self) -> bool {
        matches!(self, Failure::Sql(error) if is_reference(error))
    }

    /// Others worked on the same entries, and the database undid this work: it can be done again.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Failure::Sql(error) if is_conflict(error))
    }

    pub(crate) fn told(self, label: &str) -> Error {
        match self {
            Failure::Sql(error) => unusable(label, error),
            Failure::Told(error) => error,
        }
    }
}

pub(crate) fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_unique_violation())
}

pub(crate) fn is_reference(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.is_foreign_key_violation())
}

/// PostgreSQL's `serialization_failure` and `deadlock_detected` (its manual, appendix A), and
/// SQLite's `SQLITE_BUSY` in its extended forms (the low byte of a result code is 5).
fn is_conflict(error: &sqlx::Error) -> bool {
    let Some(code) = error.as_database_error().and_then(|error| error.code()) else { return false };
    match code.len() {
        5 => matches!(code.as_ref(), "40001" | "40P01"),
        _ => code.parse::<u32>().is_ok_and(|code| code & 0xff == 5),
    }
}

/// The database's texts name users, hosts and objects, but never a password.
pub(crate) fn unusable(label: &str, error: sqlx::Error) -> Error {
    let message = format!("{label} cannot be used: {}", one_line(&error.to_string()));
    Error::new(ErrorKind::StateUnusable, message).with_cause(error)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
