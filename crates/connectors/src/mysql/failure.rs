//! What goes wrong between us and a server, and what a client is told of it: always with the catalog's name.
//!
//! Sources: MySQL 8.0 Error Message Reference, chapter 2; MariaDB Server Documentation, "MariaDB Error Codes".

use super::protocol::{Malformed, ServerError};
use crate::database::{Outcome, WireError};
use crate::sql::MysqlDialect;
use mooring_spi::{Error, ErrorKind};
use std::io;
use std::time::Duration;

/// ER_QUERY_INTERRUPTED
const INTERRUPTED: u16 = 1317;

#[derive(Debug)]
pub(super) enum Failure {
    /// The connection cannot be made, or broke.
    Lost(io::Error),
    /// No byte came, or was taken, for so long.
    Silent(Duration),
    /// The server answered with an error. The connection goes on.
    Refused(ServerError),
    /// The same, of a query in its own language that a user wrote.
    NotAccepted(ServerError),
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

    /// Whether the server took the connection's credentials for wrong.
    pub(super) fn is_wrong_login(&self) -> bool {
        match self {
            Self::Refused(error) | Self::NotAccepted(error) => error.is_wrong_login(),
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
            Self::Refused(_) | Self::NotAccepted(_) => Outcome::Refused,
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
            Self::Lost(_)
            | Self::Refused(_)
            | Self::NotAccepted(_)
            | Self::Tls(_)
            | Self::Proof(_) => false,
        }
    }

    /// Whether the next command finds the connection at its beginning.
    pub(super) fn leaves_connection(&self) -> bool {
        match self {
            Self::Refused(error) | Self::NotAccepted(error) => !error.ends_connection(),
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
            Self::Tls(why) => Error::new(
                ErrorKind::SourceRefused,
                format!("the MySQL server of catalog `{catalog}` at `{server}`: {why}"),
            ),
            Self::Refused(error) => error.into_error(catalog),
            Self::NotAccepted(error) => error.into_query_error(catalog),
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
            // ER_WARN_DATA_OUT_OF_RANGE, ER_DATA_OUT_OF_RANGE
            1264 | 1690 => ErrorKind::InvalidValue,
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
            // ER_USER_LIMIT_REACHED: of queries in an hour, for instance.
            ErrorKind::LimitExceeded if *number == 1226 => format!(
                "the MySQL server of catalog `{catalog}` gives its `user` no more for now: {told}"
            ),
            ErrorKind::LimitExceeded => format!(
                "the MySQL server of catalog `{catalog}` takes no more connections: {told}; a lower \
                 `connections_max` leaves some for others"
            ),
            ErrorKind::TableNotFound | ErrorKind::SchemaNotFound | ErrorKind::ColumnNotFound => {
                format!("catalog `{catalog}` has changed while it was queried: {told}")
            }
            ErrorKind::InvalidValue => match column_without_date(text) {
                Some(column) => format!(
                    "catalog `{catalog}`: column {column} has a date that no calendar has, such as `0000-00-00`; \
                     `zero_dates` = `null` reads it as null"
                ),
                None => format!(
                    "catalog `{catalog}`: the MySQL server computed a value that does not fit its type: {told}"
                ),
            },
            _ if *number == INTERRUPTED => {
                format!("a statement was ended at the MySQL server of catalog `{catalog}`: {told}")
            }
            _ => format!("the MySQL server of catalog `{catalog}` answered: {told}"),
        };
        Error::new(self.kind(), message)
    }

    /// Of a query that a user wrote: what is not there is a mistake in it.
    fn into_query_error(self, catalog: &str) -> Error {
        let Self { number, text, .. } = &self;
        match self.kind() {
            ErrorKind::SchemaNotFound
            | ErrorKind::TableNotFound
            | ErrorKind::ColumnNotFound
            | ErrorKind::InvalidValue
            | ErrorKind::SourceRefused
                if *number != INTERRUPTED =>
            {
                let message = format!(
                    "catalog `{catalog}`: the query is not accepted: {text} (error {number})"
                );
                Error::new(ErrorKind::InvalidQuery, message)
            }
            _ => self.into_error(catalog),
        }
    }
}

/// The column of which a statement of ours met a date that no calendar has, where that is what `text` tells.
fn column_without_date(text: &str) -> Option<&str> {
    let marker = MysqlDialect::NO_DATE.to_ascii_lowercase();
    let (_, after) = text.split_once(&marker)?;
    let (path, _) = after.split_once("))")?;
    let name = path.rfind(".`").map_or(path, |dot| &path[dot + 1..]);
    Some(name)
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
            (1226, ErrorKind::LimitExceeded),
            (1264, ErrorKind::InvalidValue),
            (1690, ErrorKind::InvalidValue),
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
        let tls = Failure::Tls("it does not offer TLS".to_owned()).into_error("shop", "db:3306");
        assert_eq!(tls.kind(), ErrorKind::SourceRefused, "it was reached");
        assert!(tls.message().contains("`db:3306`: it does not"), "{tls}");
        assert!(
            lost.message().contains("`shop`") && lost.message().contains("`db:3306`"),
            "{lost}"
        );
    }

    fn told(number: u16, text: &str) -> ServerError {
        ServerError { number, state: "HY000".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_limit_of_a_user_is_not_one_of_connections() {
        assert!(!refused(1226).message().contains("connections"), "{}", refused(1226));
        assert!(refused(1203).message().contains("`connections_max`"));
    }

    #[test]
    fn what_is_wrong_with_a_query_of_a_user_is_not_a_change() {
        let of = |number| {
            let error = told(number, "its words");
            Failure::NotAccepted(error).into_error("shop", "db:3306")
        };
        for number in [1049, 1054, 1064, 1146, 1690] {
            let error = of(number);
            assert_eq!(error.kind(), ErrorKind::InvalidQuery, "{number}");
            assert!(!error.message().contains("changed"), "{error}");
            for word in ["`shop`", "its words", &number.to_string()] {
                assert!(error.message().contains(word), "{error}");
            }
        }
        for number in [1040, 1142, 1317, 1927, 3024] {
            let error = of(number);
            assert_eq!(error.kind(), refused(number).kind(), "{number}");
            assert_eq!(error.message(), refused(number).message());
        }
    }

    /// The message of MariaDB 10.11, and the same within the parentheses that MySQL prints.
    #[test]
    fn dates_that_the_server_met_are_told_by_their_column() {
        for text in [
            "BIGINT value is out of range in '9223372036854775807 + (1 + dayofmonth(`shop`.`t1`.`day`))'",
            "BIGINT value is out of range in '(9223372036854775807 + (1 + dayofmonth(`shop`.`t1`.`day`)))'",
        ] {
            let error = Failure::Refused(told(1690, text)).into_error("shop", "db:3306");
            assert_eq!(error.kind(), ErrorKind::InvalidValue);
            for word in ["`shop`", "column `day` has", "`zero_dates`"] {
                assert!(error.message().contains(word), "{error}");
            }
        }
        let other = told(1690, "BIGINT value is out of range in '(9223372036854775807 + 1)'");
        let error = Failure::Refused(other).into_error("shop", "db:3306");
        assert!(error.message().contains("does not fit") && !error.message().contains("date"));
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
