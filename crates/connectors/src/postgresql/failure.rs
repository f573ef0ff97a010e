//! What the database's errors are to a client. Source of the codes: PostgreSQL's manual, appendix A.

use super::protocol::{ServerError, Unfit};
use crate::database::WireError;
use mooring_spi::{Error, ErrorKind};
use std::io;
use std::time::Duration;

/// What goes wrong between us and a server.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no way to the server.
    Unreachable(String),
    /// The connection broke.
    Lost(io::Error),
    /// No byte came, or was taken, for so long.
    Silent(Duration),
    /// The server answered with an error.
    Refused(ServerError),
    /// What the server says first ends the connection.
    Unfit(Unfit),
    /// The server's certificate, or its TLS, is not what the settings ask for.
    Tls(String),
    /// The server wants a proof that we do not give.
    Proof(String),
    /// What the server sent does not follow the protocol.
    Malformed(String),
    /// Everything that says itself what it is.
    Other(Error),
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Lost(error) => Self::Lost(error),
            WireError::Silent(limit) => Self::Silent(limit),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl Failure {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }

    /// Whether the user or the password is wrong: trying again may lock the account.
    pub(super) fn is_of_login(&self) -> bool {
        match self {
            Self::Refused(error) => error.code.starts_with("28"),
            // What the server wants of us before it looks at a password.
            Self::Proof(_) => true,
            Self::Unreachable(_)
            | Self::Lost(_)
            | Self::Silent(_)
            | Self::Unfit(_)
            | Self::Tls(_)
            | Self::Malformed(_)
            | Self::Other(_) => false,
        }
    }

    /// What the database says of a query that a user wrote, where it is the query that is wrong: its syntax, a name, a
    /// type. Source of the classes: PostgreSQL's manual, appendix A.
    pub(super) fn of_query(self) -> Result<String, Self> {
        match self {
            Self::Refused(ServerError { code, text, .. }) if is_of_query(&code) => {
                Ok(format!("{text} (SQLSTATE {code})"))
            }
            other => Err(other),
        }
    }

    /// What a client is told.
    pub(super) fn into_error(self, catalog: &str) -> Error {
        let broke = |cause: &str| format!("the connection to the database broke: {cause}");
        let (kind, text) = match self {
            Self::Unreachable(problem) => (ErrorKind::SourceUnavailable, problem),
            Self::Lost(error) => {
                let cause = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "the database closed it".to_owned(),
                    _ => error.to_string(),
                };
                return unavailable(catalog, &broke(&cause)).with_cause(error);
            }
            Self::Silent(limit) => (
                ErrorKind::SourceUnavailable,
                format!("the database neither sent nor took anything for {} ms", limit.as_millis()),
            ),
            Self::Refused(error) => refusal(&error.code, &error.text),
            Self::Unfit(unfit) => (ErrorKind::SourceRefused, unfit.to_string()),
            Self::Tls(problem) | Self::Proof(problem) => (ErrorKind::SourceRefused, problem),
            Self::Malformed(what) => (
                ErrorKind::CorruptData,
                format!("the database sent what is not of its protocol: {what}"),
            ),
            Self::Other(error) => {
                let text = format!("catalog `{catalog}`: {}", error.message());
                return Error::new(error.kind(), text).with_cause(error);
            }
        };
        Error::new(kind, format!("catalog `{catalog}`: {text}"))
    }
}

pub(super) fn unavailable(catalog: &str, problem: &str) -> Error {
    Error::new(ErrorKind::SourceUnavailable, format!("catalog `{catalog}`: {problem}"))
}

fn is_of_query(code: &str) -> bool {
    let is_right_lacking = code == "42501";
    !is_right_lacking && ["0A", "22", "3F", "42"].iter().any(|class| code.starts_with(class))
}

fn refusal(code: &str, message: &str) -> (ErrorKind, String) {
    let (kind, problem) = match code {
        "28P01" | "28000" => (ErrorKind::SourceRefused, "the database refuses the login"),
        "3D000" => (ErrorKind::SourceRefused, "there is no such database"),
        "53300" => (
            ErrorKind::SourceUnavailable,
            "the database has no connection left; `connections_max` bounds ours",
        ),
        "57014" if message.contains("statement timeout") => {
            (ErrorKind::TimedOut, "the statement took longer than `statement_timeout_ms`")
        }
        "57014" => (ErrorKind::SourceRefused, "the statement was cancelled at the database"),
        "42501" => (ErrorKind::SourceRefused, "the user may not read this"),
        // What was planned is no longer there: the table, a column, its type.
        "42P01" | "42703" | "42809" | "42846" | "3F000" => {
            (ErrorKind::FileChanged, "the table was changed since the query was planned")
        }
        "55P03" => (ErrorKind::FileChanged, "somebody is changing the table"),
        _ if code.starts_with("08") || code.starts_with("57P") || code == "40001" => {
            (ErrorKind::SourceUnavailable, "the database ended the connection")
        }
        _ if code.starts_with("53") => {
            (ErrorKind::SourceUnavailable, "the database is out of resources")
        }
        _ if code.starts_with("22") => {
            (ErrorKind::InvalidValue, "the database cannot convert a value")
        }
        _ => (ErrorKind::SourceRefused, "the database refuses the statement"),
    };
    (kind, format!("{problem}: {message} (SQLSTATE {code})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_kinds() {
        for (code, message, expected) in [
            ("28P01", "password authentication failed", ErrorKind::SourceRefused),
            ("53300", "sorry, too many clients already", ErrorKind::SourceUnavailable),
            ("57P01", "terminating connection", ErrorKind::SourceUnavailable),
            ("57P03", "the database system is starting up", ErrorKind::SourceUnavailable),
            ("57014", "canceling statement due to statement timeout", ErrorKind::TimedOut),
            ("57014", "canceling statement due to user request", ErrorKind::SourceRefused),
            ("42501", "permission denied for table t", ErrorKind::SourceRefused),
            ("42P01", "relation \"t\" does not exist", ErrorKind::FileChanged),
            ("42703", "column \"c\" does not exist", ErrorKind::FileChanged),
            ("55P03", "canceling statement due to lock timeout", ErrorKind::FileChanged),
            ("22003", "integer out of range", ErrorKind::InvalidValue),
            ("XX000", "anything", ErrorKind::SourceRefused),
        ] {
            let (kind, text) = refusal(code, message);
            assert_eq!(kind, expected, "{code}");
            assert!(text.contains(message) && text.contains(code), "{text}");
        }
    }

    #[test]
    fn what_was_reached_is_not_told_as_out_of_reach() {
        let lost = |kind: io::ErrorKind| Failure::Lost(kind.into());
        for (failure, kind, expected) in [
            (Failure::Unfit(Unfit::ClearText), ErrorKind::SourceRefused, "clear text"),
            (Failure::Proof("the login fails".into()), ErrorKind::SourceRefused, "the login fails"),
            (Failure::Tls("certificate".into()), ErrorKind::SourceRefused, "certificate"),
            (lost(io::ErrorKind::ConnectionReset), ErrorKind::SourceUnavailable, "broke"),
            (lost(io::ErrorKind::UnexpectedEof), ErrorKind::SourceUnavailable, "closed it"),
            (Failure::malformed("x"), ErrorKind::CorruptData, "protocol"),
            (
                Failure::Silent(Duration::from_secs(2)),
                ErrorKind::SourceUnavailable,
                "anything for 2000 ms",
            ),
        ] {
            let error = failure.into_error("pg");
            assert_eq!(error.kind(), kind, "{error}");
            let text = error.message();
            assert!(text.starts_with("catalog `pg`: ") && text.contains(expected), "{text}");
            assert!(!text.contains("reached"), "{text}");
        }
    }

    #[test]
    fn a_wrong_query_is_not_a_changed_table() {
        for (code, expected) in [
            ("42P01", true),
            ("42601", true),
            ("42703", true),
            ("3F000", true),
            ("22P02", true),
            ("42501", false),
            ("57014", false),
            ("53300", false),
        ] {
            assert_eq!(is_of_query(code), expected, "{code}");
        }
    }
}
