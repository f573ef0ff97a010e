//! What each [`ErrorKind`] is called in the protocols of the doors, and how loudly it is logged.
//! One exhaustive match: a new kind does not compile until it has its row.
//!
//! Sources: MySQL 8.0 Error Message Reference, chapter 2 "Server Error Message Reference" (errno
//! and SQLSTATE); the gRPC project's `doc/statuscodes.md` (code numbers).
//!
//! No row has an SQLSTATE of class 08 unless the connection is really lost: connectors and pools
//! (Connector/J among them) throw a connection away when they see one.

use mooring_spi::ErrorKind;
use tracing::Level;

/// One kind's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorRow {
    pub mysql_errno: u16,
    /// Five characters.
    pub sqlstate: &'static str,
    /// The number of a gRPC status code.
    pub grpc_code: i32,
    /// `DEBUG`: the user's statement; `WARN`: the surroundings; `ERROR`: a defect of ours.
    pub level: Level,
}

/// The row of `kind`.
pub fn row(kind: ErrorKind) -> ErrorRow {
    use ErrorKind as Kind;
    let user = Level::DEBUG;
    let surroundings = Level::WARN;
    let (mysql_errno, sqlstate, grpc_code, level) = match kind {
        // ER_PARSE_ERROR
        Kind::SyntaxError => (1064, "42000", 3, user),
        // ER_NOT_SUPPORTED_YET
        Kind::Unsupported => (1235, "42000", 12, user),
        // ER_PARSE_ERROR as well: class 42000, and clients show its text
        Kind::InvalidQuery => (1064, "42000", 3, user),
        // ER_WRONG_ARGUMENTS
        Kind::InvalidArgument => (1210, "HY000", 3, user),
        // ER_BAD_DB_ERROR
        Kind::CatalogNotFound => (1049, "42000", 5, user),
        // ER_DB_CREATE_EXISTS
        Kind::CatalogExists => (1007, "HY000", 6, user),
        // ER_BAD_DB_ERROR
        Kind::SchemaNotFound => (1049, "42000", 5, user),
        // ER_DB_CREATE_EXISTS
        Kind::SchemaExists => (1007, "HY000", 6, user),
        // ER_DB_DROP_RMDIR, the server's own word for a database that is not empty
        Kind::SchemaNotEmpty => (1010, "HY000", 9, user),
        // ER_NO_SUCH_TABLE
        Kind::TableNotFound => (1146, "42S02", 5, user),
        // ER_TABLE_EXISTS_ERROR
        Kind::TableExists => (1050, "42S01", 6, user),
        // ER_BAD_FIELD_ERROR
        Kind::ColumnNotFound => (1054, "42S22", 5, user),
        // ER_NON_UNIQ_ERROR
        Kind::AmbiguousName => (1052, "23000", 3, user),
        // ER_SP_DOES_NOT_EXIST
        Kind::FunctionNotFound => (1305, "42000", 5, user),
        // ER_WRONG_ARGUMENTS
        Kind::TypeMismatch => (1210, "HY000", 3, user),
        // ER_TRUNCATED_WRONG_VALUE_FOR_FIELD
        Kind::InvalidValue => (1366, "HY000", 11, user),
        // ER_UNKNOWN_SYSTEM_VARIABLE
        Kind::UnknownVariable => (1193, "HY000", 5, user),
        // ER_INCORRECT_GLOBAL_LOCAL_VAR
        Kind::ReadOnlyVariable => (1238, "HY000", 3, user),
        // ER_GLOBAL_VARIABLE
        Kind::GlobalVariable => (1229, "HY000", 3, user),
        // ER_WRONG_VALUE_FOR_VAR
        Kind::WrongVariableValue => (1231, "42000", 3, user),
        // ER_UNKNOWN_CHARACTER_SET
        Kind::UnknownCharacterSet => (1115, "42000", 3, user),
        // ER_UNKNOWN_COLLATION
        Kind::UnknownCollation => (1273, "HY000", 3, user),
        // ER_COLLATION_CHARSET_MISMATCH
        Kind::CollationMismatch => (1253, "42000", 3, user),
        // ER_UNKNOWN_TIME_ZONE
        Kind::UnknownTimeZone => (1298, "HY000", 3, user),
        // ER_NO_DB_ERROR
        Kind::NoSchemaSelected => (1046, "3D000", 9, user),
        // ER_NO_SUCH_THREAD
        Kind::ConnectionNotFound => (1094, "HY000", 5, user),
        // ER_SPECIFIC_ACCESS_DENIED_ERROR
        Kind::AccessDenied => (1227, "42000", 7, user),
        // ER_ACCESS_DENIED_ERROR
        Kind::AuthenticationFailed => (1045, "28000", 16, surroundings),
        // ER_CANNOT_USER
        Kind::UserOperationFailed => (1396, "HY000", 9, user),
        // ER_PASSWORD_NO_MATCH
        Kind::UserNotFound => (1133, "42000", 5, user),
        // ER_NONEXISTING_GRANT
        Kind::GrantNotFound => (1141, "42000", 5, user),
        // ER_PLUGIN_IS_NOT_LOADED
        Kind::PluginNotFound => (1524, "HY000", 5, user),
        // ER_FILE_NOT_FOUND
        Kind::LocationNotFound => (1017, "HY000", 5, user),
        // ER_CHECKREAD
        Kind::FileChanged => (1020, "HY000", 10, user),
        // ER_NOT_FORM_FILE
        Kind::CorruptData => (1033, "HY000", 15, surroundings),
        // ER_CONNECT_TO_FOREIGN_DATA_SOURCE
        Kind::SourceUnavailable => (1429, "HY000", 14, surroundings),
        // ER_QUERY_ON_FOREIGN_DATA_SOURCE
        Kind::SourceRefused => (1430, "HY000", 9, surroundings),
        // ER_UNKNOWN_ERROR: MySQL has no other nodes
        Kind::WorkerUnavailable | Kind::NoWorkers => (1105, "HY000", 14, surroundings),
        // ER_OUT_OF_SORTMEMORY
        Kind::ResourcesExhausted => (1038, "HY001", 8, surroundings),
        // ER_USER_LIMIT_REACHED
        Kind::LimitExceeded => (1226, "42000", 8, surroundings),
        // ER_QUERY_INTERRUPTED
        Kind::Cancelled => (1317, "70100", 1, user),
        // ER_QUERY_TIMEOUT
        Kind::TimedOut => (3024, "HY000", 4, user),
        // ER_SERVER_SHUTDOWN
        Kind::ShuttingDown => (1053, "08S01", 14, user),
        // ER_UNKNOWN_ERROR
        Kind::StateUnusable => (1105, "HY000", 14, Level::ERROR),
        Kind::Internal => (1105, "HY000", 13, Level::ERROR),
    };
    ErrorRow { mysql_errno, sqlstate, grpc_code, level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_well_formed() {
        for kind in ErrorKind::ALL {
            let row = row(*kind);
            assert!(row.mysql_errno >= 1000, "{kind}");
            assert_eq!(row.sqlstate.len(), 5, "{kind}");
            assert!((1..=16).contains(&row.grpc_code), "{kind}");
        }
    }

    /// Grafana shows 1064, 1054 and 1146 to its users and hides the rest; SQLAlchemy and Metabase
    /// look for 1146 and `42S02`.
    #[test]
    fn the_codes_that_clients_look_for_are_those() {
        let codes = [ErrorKind::SyntaxError, ErrorKind::ColumnNotFound, ErrorKind::TableNotFound]
            .map(|kind| (row(kind).mysql_errno, row(kind).sqlstate));
        assert_eq!(codes, [(1064, "42000"), (1054, "42S22"), (1146, "42S02")]);
    }
}
