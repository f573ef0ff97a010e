//! What the database's errors are to a client. Source of the codes: PostgreSQL's manual, appendix A.

use mooring_spi::{Error, ErrorKind};
use std::error::Error as _;
use std::io;

/// The error of a connection or a statement.
pub(super) fn failed(catalog: &str, error: tokio_postgres::Error) -> Error {
    let told = match error.as_db_error() {
        Some(told) => {
            let (kind, text) = refusal(told.code().code(), told.message());
            Error::new(kind, format!("catalog `{catalog}`: {text}"))
        }
        None => {
            // The outermost text names the layer only.
            let layer = error.to_string();
            let cause = error.source().map_or_else(|| layer.clone(), ToString::to_string);
            let (kind, text) = of_layer(&layer, &cause, is_of_socket(&error));
            Error::new(kind, format!("catalog `{catalog}`: {text}"))
        }
    };
    told.with_cause(error)
}

/// Whether the operating system said so, or the connection ended.
fn is_of_socket(error: &tokio_postgres::Error) -> bool {
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.get_ref().is_none())
}

/// What happened outside of what the database says, by the words of `tokio-postgres` for where it did.
fn of_layer(layer: &str, cause: &str, is_of_socket: bool) -> (ErrorKind, String) {
    let refused = |text: String| (ErrorKind::SourceRefused, text);
    match layer {
        "authentication error" => refused(format!("the login fails: {cause}")),
        // Nothing else that it asks for can be missing.
        "invalid configuration" => refused(
            "the login fails: the database asks for a password, and there is no `password`"
                .to_owned(),
        ),
        "error performing TLS handshake" if cause.contains("does not support TLS") => {
            refused("the database does not offer TLS, which `tls` demands".to_owned())
        }
        "error performing TLS handshake" if !is_of_socket => {
            refused(format!("TLS with the database fails: {cause}"))
        }
        "error parsing response from server" | "unexpected message from server" => (
            ErrorKind::CorruptData,
            format!("the database sent what is not of its protocol: {cause}"),
        ),
        _ => {
            (ErrorKind::SourceUnavailable, format!("the connection to the database broke: {cause}"))
        }
    }
}

pub(super) fn unavailable(catalog: &str, problem: &str) -> Error {
    Error::new(ErrorKind::SourceUnavailable, format!("catalog `{catalog}`: {problem}"))
}

/// Whether the user or the password is wrong: trying again may lock the account.
pub(super) fn is_of_login(error: &tokio_postgres::Error) -> bool {
    match error.as_db_error() {
        Some(told) => told.code().code().starts_with("28"),
        // What the server wants of us before it looks at a password.
        None => error.to_string().starts_with("authentication error"),
    }
}

/// What the database says of a query that a user wrote, where it is the query that is wrong: its syntax, a name, a
/// type. Source of the classes: PostgreSQL's manual, appendix A.
pub(super) fn of_query(error: &tokio_postgres::Error) -> Option<String> {
    let told = error.as_db_error()?;
    let code = told.code().code();
    is_of_query(code).then(|| format!("{} (SQLSTATE {code})", told.message()))
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

    /// The words of tokio-postgres 0.7, and of the operating system.
    #[test]
    fn what_was_reached_is_not_told_as_out_of_reach() {
        let tls = "error performing TLS handshake";
        for (layer, cause, of_socket, kind, expected) in [
            (
                "invalid configuration",
                "password missing",
                false,
                ErrorKind::SourceRefused,
                "no `password`",
            ),
            (
                "authentication error",
                "unsupported",
                false,
                ErrorKind::SourceRefused,
                "the login fails",
            ),
            (tls, "server does not support TLS", false, ErrorKind::SourceRefused, "`tls` demands"),
            (tls, "invalid peer certificate", false, ErrorKind::SourceRefused, "certificate"),
            (tls, "Connection reset by peer", true, ErrorKind::SourceUnavailable, "broke"),
            ("unexpected message from server", "x", false, ErrorKind::CorruptData, "protocol"),
            (
                "error communicating with the server",
                "reset",
                true,
                ErrorKind::SourceUnavailable,
                "broke",
            ),
            (
                "connection closed",
                "connection closed",
                false,
                ErrorKind::SourceUnavailable,
                "broke",
            ),
        ] {
            let (told, text) = of_layer(layer, cause, of_socket);
            assert_eq!(told, kind, "{layer}");
            assert!(text.contains(expected) && !text.contains("reached"), "{text}");
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
