//! Why a measurement could not be made.

use std::io;

pub type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// An ERR packet of the server.
    #[error("{code}: {message}")]
    Refused { code: u16, message: String },
    #[error("{0}")]
    Unexpected(String),
}

pub fn unexpected(what: impl Into<String>) -> Failure {
    Failure::Unexpected(what.into())
}
