//! What can go wrong, as the client is told it.
//!
//! An error crosses from worker to coordinator as plain text, so its text starts with a stable
//! code in brackets: `[TABLE_NOT_FOUND] table ...`. [`Error::from_text`] reads it back.

use std::fmt;
use std::sync::Arc;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Declares the kinds together with their stable codes, so that neither list can forget one.
macro_rules! error_kinds {
    ($($(#[$doc:meta])* $kind:ident = $code:literal,)*) => {
        /// What the client is told. Closed: every door maps each kind, without a catch-all arm.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorKind {
            $($(#[$doc])* $kind,)*
        }

        impl ErrorKind {
            pub const ALL: &[ErrorKind] = &[$(ErrorKind::$kind,)*];

            /// The stable code of this kind, as it stands in texts and logs.
            pub fn code(self) -> &'static str {
                match self {
                    $(ErrorKind::$kind => $code,)*
                }
            }
        }
    };
}

error_kinds! {
    /// The statement does not parse.
    SyntaxError = "SYNTAX_ERROR",
    /// The statement parses, but asks for something that Mooring does not do.
    Unsupported = "UNSUPPORTED",
    /// The statement parses, but does not make sense (an ungrouped column, a wrong argument count).
    InvalidQuery = "INVALID_QUERY",
    /// An option, property or argument has a value that cannot be used.
    InvalidArgument = "INVALID_ARGUMENT",
    CatalogNotFound = "CATALOG_NOT_FOUND",
    CatalogExists = "CATALOG_EXISTS",
    SchemaNotFound = "SCHEMA_NOT_FOUND",
    SchemaExists = "SCHEMA_EXISTS",
    SchemaNotEmpty = "SCHEMA_NOT_EMPTY",
    TableNotFound = "TABLE_NOT_FOUND",
    TableExists = "TABLE_EXISTS",
    ColumnNotFound = "COLUMN_NOT_FOUND",
    /// A name that matches several things.
    AmbiguousName = "AMBIGUOUS_NAME",
    FunctionNotFound = "FUNCTION_NOT_FOUND",
    /// Operand or argument types that do not fit together.
    TypeMismatch = "TYPE_MISMATCH",
    /// A value that does not fit its type or operation (overflow, division by zero, failed cast).
    InvalidValue = "INVALID_VALUE",
    UnknownVariable = "UNKNOWN_VARIABLE",
    /// A system variable that nobody can set.
    ReadOnlyVariable = "READ_ONLY_VARIABLE",
    /// A variable of the server, set in a session.
    GlobalVariable = "GLOBAL_VARIABLE",
    /// A value that a system variable does not take.
    WrongVariableValue = "WRONG_VARIABLE_VALUE",
    UnknownCharacterSet = "UNKNOWN_CHARACTER_SET",
    UnknownCollation = "UNKNOWN_COLLATION",
    /// A collation of another character set.
    CollationMismatch = "COLLATION_MISMATCH",
    UnknownTimeZone = "UNKNOWN_TIME_ZONE",
    /// No database is selected and the statement needs one.
    NoSchemaSelected = "NO_SCHEMA_SELECTED",
    /// No such client connection.
    ConnectionNotFound = "CONNECTION_NOT_FOUND",
    /// The user is known, but may not do this.
    AccessDenied = "ACCESS_DENIED",
    /// The user could not be authenticated.
    AuthenticationFailed = "AUTHENTICATION_FAILED",
    /// A statement about users that cannot be done for some of them: they exist, or do not.
    UserOperationFailed = "USER_OPERATION_FAILED",
    UserNotFound = "USER_NOT_FOUND",
    /// Nobody of that name and host can have a grant.
    GrantNotFound = "GRANT_NOT_FOUND",
    /// An authentication plugin that Mooring does not have.
    PluginNotFound = "PLUGIN_NOT_FOUND",
    /// A file or folder that a table needs is not there.
    LocationNotFound = "LOCATION_NOT_FOUND",
    /// A file was replaced between its listing and a read of it.
    FileChanged = "FILE_CHANGED",
    /// Data that does not follow its format or its table's schema.
    CorruptData = "CORRUPT_DATA",
    /// A metastore, object store or database that cannot be reached or does not answer.
    SourceUnavailable = "SOURCE_UNAVAILABLE",
    /// A metastore, object store or database answered that it will not do what it was asked.
    SourceRefused = "SOURCE_REFUSED",
    /// A worker went away or refused the task.
    WorkerUnavailable = "WORKER_UNAVAILABLE",
    /// The cluster has no live worker.
    NoWorkers = "NO_WORKERS",
    /// Memory, disk or another resource of a node is used up.
    ResourcesExhausted = "RESOURCES_EXHAUSTED",
    /// A configured limit (queries, connections, packet size) is reached.
    LimitExceeded = "LIMIT_EXCEEDED",
    Cancelled = "CANCELLED",
    TimedOut = "TIMED_OUT",
    ShuttingDown = "SHUTTING_DOWN",
    /// The state store cannot be read or written, or is of another version.
    StateUnusable = "STATE_UNUSABLE",
    /// A defect of Mooring.
    Internal = "INTERNAL",
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whether the same request can succeed when it is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    Never,
    /// At once: another attempt sees the cluster and the tables as they are by then.
    AtOnce,
    /// After the cause has passed (a source that is away, a full queue).
    Later,
}

/// An error with its kind, a message for the user and, for the log, its cause.
///
/// Messages are lower case without a final period, name things in backticks, and say what was
/// wrong and what would be right. They never hold a secret.
#[derive(Debug, Clone, thiserror::Error)]
#[error("[{kind}] {message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[source]
    cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), cause: None }
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    #[must_use]
    pub fn with_cause(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message without its code, as a client shows it.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub fn retry(&self) -> Retry {
        match self.kind {
            ErrorKind::WorkerUnavailable | ErrorKind::LocationNotFound | ErrorKind::FileChanged => {
                Retry::AtOnce
            }
            ErrorKind::SourceUnavailable
            | ErrorKind::NoWorkers
            | ErrorKind::ShuttingDown
            | ErrorKind::LimitExceeded => Retry::Later,
            ErrorKind::SyntaxError
            | ErrorKind::Unsupported
            | ErrorKind::InvalidQuery
            | ErrorKind::InvalidArgument
            | ErrorKind::CatalogNotFound
            | ErrorKind::CatalogExists
            | ErrorKind::SchemaNotFound
            | ErrorKind::SchemaExists
            | ErrorKind::SchemaNotEmpty
            | ErrorKind::TableNotFound
            | ErrorKind::TableExists
            | ErrorKind::ColumnNotFound
            | ErrorKind::AmbiguousName
            | ErrorKind::FunctionNotFound
            | ErrorKind::TypeMismatch
            | ErrorKind::InvalidValue
            | ErrorKind::UnknownVariable
            | ErrorKind::ReadOnlyVariable
            | ErrorKind::GlobalVariable
            | ErrorKind::WrongVariableValue
            | ErrorKind::UnknownCharacterSet
            | ErrorKind::UnknownCollation
            | ErrorKind::CollationMismatch
            | ErrorKind::UnknownTimeZone
            | ErrorKind::NoSchemaSelected
            | ErrorKind::ConnectionNotFound
            | ErrorKind::AccessDenied
            | ErrorKind::AuthenticationFailed
            | ErrorKind::UserOperationFailed
            | ErrorKind::UserNotFound
            | ErrorKind::GrantNotFound
            | ErrorKind::PluginNotFound
            | ErrorKind::CorruptData
            | ErrorKind::SourceRefused
            | ErrorKind::ResourcesExhausted
            | ErrorKind::Cancelled
            | ErrorKind::TimedOut
            | ErrorKind::StateUnusable
            | ErrorKind::Internal => Retry::Never,
        }
    }

    /// Reads an error back from its own text. `None` when the text does not start with a code: a
    /// code further inside may be a user's data.
    pub fn from_text(text: &str) -> Option<Self> {
        let (code, message) = text.strip_prefix('[')?.split_once("] ")?;
        let kind = ErrorKind::ALL.iter().find(|kind| kind.code() == code)?;
        Some(Self::new(*kind, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        for kind in ErrorKind::ALL {
            let sent = Error::new(*kind, "table `a` has [brackets] in its text");
            let read = Error::from_text(&sent.to_string()).expect("a code");
            assert_eq!(read.kind(), *kind);
            assert_eq!(read.message(), sent.message());
        }
    }

    #[test]
    fn a_code_inside_the_text_is_data() {
        assert!(Error::from_text("cannot cast '[WORKER_UNAVAILABLE] x'").is_none());
        assert!(Error::from_text("[unknown] x").is_none());
    }
}
