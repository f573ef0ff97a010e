//! What goes wrong between us and a server, and what a client is told of it: always with the catalog's name.
//!
//! Sources: MySQL 8.0 Error Message Reference, chapter 2; MariaDB Server Documentation, "MariaDB Error Codes".

use super::protocol::{Malformed, ServerError};
use crate::database::Outcome;
use mooring_spi::{Error, ErrorKind};
use std::io;
use std::time::Duration;

#[derive(Debug)]
pub(super) enum Failure {
    /// The connection cannot be made, or broke.
    Lost(io::Error),
    /// No byte came, or was taken, for so long.
    Silent(Duration),
    /// The server answered with an error. The connection goes on.
    Refused(ServerError),
    /// What the server sent does not follow the protocol.
    Malformed(String),
    /// A row or an answer is longer than so many bytes.
    TooLong(usize),
    /// The server's certificate, or its TLS, is not what the settings ask for.
    Tls(String),
    /// The server wants a proof that we do not give; what would help.
    Proof(String),
    /// Everything that says itself what it is.
    Other(Error),
}

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        Self::malformed(malformed.0)
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

    /// Whether the server took the connection's credentials for wrong.
    pub(super) fn is_wrong_login(&self) -> bool {
        match self {
            Self::Refused(error) => error.is_wrong_login(),
            Self::Lost(_)
            | Self::Silent(_)
            | Self::Malformed(_)
            | Self::TooLong(_)
            | Self::Tls(_)
            | Self::Proof(_)
            | Self::Other(_) => false,
        }
    }

    /// How a statement ended that failed so.
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) => Outcome::Refused,
            Self::Lost(_)
            | Self::Silent(_)
            | Self::Malformed(_)
            | Self::TooLong(_)
            | Self::Tls(_)
            | Self::Proof(_)
            | Self::Other(_) => Outcome::Failed,
        }
    }

    /// Whether a statement may go on at the server although we have given up on it.
    pub(super) fn leaves_statement(&self) -> bool {
        match self {
            Self::Silent(_) | Self::Malformed(_) | Self::TooLong(_) | Self::Other(_) => true,
            Self::Lost(_) | Self::Refused(_) | Self::Tls(_) | Self::Proof(_) => false,
        }
    }

    /// Whether the next command finds the connection at its beginning.
    pub(super) fn leaves_connection(&self) -> bool {
        match self {
            Self::Refused(error) => !error.ends_connection(),
            Self::Lost(_)
            | Self::Silent(_)
            | Self::Malformed(_)
            | Self::TooLong(_)
            | Self::Tls(_)
            | Self::Proof(_)
            | Self::Other(_) => false,
        }
    }

    /// `server`: `HOST:PORT`.
    pub(super) fn into_error(self, catalog: &str, server: &str) -> Error {
        let unavailable = |why: String| {
            Error::new(
                ErrorKind::SourceUnavailable,
                format!(
                    "the MySQL server of catalog `{catalog}` at `{server}` is not available: {why}"
                ),
            )
        };
        match self {
            Self::Lost(error) => {
                let why = match error.kind() {
                    io::ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
                    _ => error.to_string(),
                };
                unavailable(why).with_cause(error)
            }
            Self::Silent(limit) => {
                unavailable(format!("it was silent for {} ms", limit.as_millis()))
            }
            Self::Tls(why) => unavailable(why),
            Self::Refused(error) => error.into_error(catalog),
            Self::Malformed(what) => Error::new(
                ErrorKind::CorruptData,
                format!("the MySQL server of catalog `{catalog}` at `{server}` sent {what}"),
            ),
            Self::TooLong(limit) => Error::new(
                ErrorKind::LimitExceeded,
                format!(
                    "catalog `{catalog}`: a row is longer than `row_max_bytes` = {limit} allows"
                ),
            ),
            Self::Proof(why) => {
                Error::new(ErrorKind::SourceRefused, format!("catalog `{catalog}`: {why}"))
            }
            Self::Other(error) => {
                let message = format!("catalog `{catalog}`: {}", error.message());
                Error::new(error.kind(), message)
            }
        }
    }
}

impl ServerError {
    /// ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_ACCOUNT_HAS_BEEN_LOCKED,
    /// ER_USER_ACCESS_DENIED_FOR_USER_ACCOUNT_BLOCKED_BY_PASSWORD_LOCK, MariaDB's ER_ACCOUNT_HAS_BEEN_LOCKED
    /// and ER_USER_IS_BLOCKED.
    pub(super) fn is_wrong_login(&self) -> bool {
        matches!(self.number, 1045 | 1698 | 3118 | 3955 | 4151 | 4166)
    }

    /// ER_SERVER_SHUTDOWN, ER_NEW_ABORTING_CONNECTION, ER_CONNECTION_KILLED (MariaDB's),
    /// ER_CLIENT_INTERACTION_TIMEOUT, and the login's errors.
    fn ends_connection(&self) -> bool {
        matches!(self.number, 1053 | 1184 | 1927 | 4031) || self.is_wrong_login()
    }

    /// What the error is to a client.
    fn kind(&self) -> ErrorKind {
        match self.number {
            // ER_DBACCESS_DENIED_ERROR, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR,
            // ER_SPECIFIC_ACCESS_DENIED_ERROR, ER_PROCACCESS_DENIED_ERROR
            1044 | 1142 | 1143 | 1227 | 1370 => ErrorKind::AccessDenied,
            // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS, ER_USER_LIMIT_REACHED
            1040 | 1203 | 1226 => ErrorKind::LimitExceeded,
            1049 => ErrorKind::SchemaNotFound,
            // ER_BAD_TABLE_ERROR, ER_NO_SUCH_TABLE
            1051 | 1146 => ErrorKind::TableNotFound,
            1054 => ErrorKind::ColumnNotFound,
            // ER_LOCK_WAIT_TIMEOUT, ER_STATEMENT_TIMEOUT (MariaDB's), ER_QUERY_TIMEOUT
            1205 | 1969 | 3024 => ErrorKind::TimedOut,
            // ER_OUTOFMEMORY, ER_OUT_OF_SORTMEMORY, ER_OUT_OF_RESOURCES
            1037 | 1038 | 1041 => ErrorKind::ResourcesExhausted,
            // ER_HOST_IS_BLOCKED
            1053 | 1184 | 1927 | 4031 | 1129 => ErrorKind::SourceUnavailable,
            _ => ErrorKind::SourceRefused,
        }
    }

    fn into_error(self, catalog: &str) -> Error {
        let Self { number, text, .. } = &self;
        let told = format!("{text} (error {number})");
        let message = match self.kind() {
            _ if self.is_wrong_login() => {
                format!(
                    "the MySQL server of catalog `{catalog}` did not accept `user` and `password`: {told}"
                )
            }
            ErrorKind::LimitExceeded => format!(
                "the MySQL server of catalog `{catalog}` takes no more connections: {told}; a lower \
                 `connections_max` leaves some for others"
            ),
            ErrorKind::TableNotFound | ErrorKind::SchemaNotFound | ErrorKind::ColumnNotFound => {
                format!("catalog `{catalog}` has changed while it was queried: {told}")
            }
            // ER_QUERY_INTERRUPTED
            _ if *number == 1317 => {
                format!("a statement was ended at the MySQL server of catalog `{catalog}`: {told}")
            }
            _ => format!("the MySQL server of catalog `{catalog}` answered: {told}"),
        };
        Error::new(self.kind(), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: u16) -> Error {
        let error = ServerError { number, state: "HY000".to_owned(), text: "its words".to_owned() };
        Failure::Refused(error).into_error("shop", "db:3306")
    }

    #[test]
    fn errors_have_kinds_and_name_their_catalog() {
        for (number, kind) in [
            (1045, ErrorKind::SourceRefused),
            (1142, ErrorKind::AccessDenied),
            (1040, ErrorKind::LimitExceeded),
            (1203, ErrorKind::LimitExceeded),
            (1146, ErrorKind::TableNotFound),
            (1054, ErrorKind::ColumnNotFound),
            (1317, ErrorKind::SourceRefused),
            (1927, ErrorKind::SourceUnavailable),
            (1969, ErrorKind::TimedOut),
            (3024, ErrorKind::TimedOut),
            (1064, ErrorKind::SourceRefused),
        ] {
            let error = refused(number);
            assert_eq!(error.kind(), kind, "{number}");
            for word in ["`shop`", "its words", &number.to_string()] {
                assert!(error.message().contains(word), "{error}");
            }
        }
        let lost = Failure::Lost(io::ErrorKind::UnexpectedEof.into()).into_error("shop", "db:3306");
        assert_eq!(lost.kind(), ErrorKind::SourceUnavailable);
        assert!(
            lost.message().contains("`shop`") && lost.message().contains("`db:3306`"),
            "{lost}"
        );
    }

    #[test]
    fn only_an_answered_error_leaves_the_connection() {
        let error = |number| {
            Failure::Refused(ServerError { number, state: String::new(), text: String::new() })
        };
        assert!(error(1146).leaves_connection());
        assert!(!error(1927).leaves_connection());
        assert!(!Failure::malformed("x").leaves_connection());
    }
}
