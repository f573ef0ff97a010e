//! Errors as they go over the wire: those of the engine, by the table of all doors, and those of
//! the protocol itself, which have no [`mooring_spi::ErrorKind`].

use super::wire::Malformed;
use crate::error_table;
use mooring_spi::Error;

/// So much of a wrong value is told.
const SHOWN_CHARACTERS_MAX: usize = 128;

/// The content of an ERR packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WireError {
    pub(crate) errno: u16,
    pub(crate) sqlstate: &'static str,
    pub(crate) message: String,
}

impl From<&Error> for WireError {
    fn from(error: &Error) -> Self {
        let row = error_table::row(error.kind());
        Self { errno: row.mysql_errno, sqlstate: row.sqlstate, message: error.message().to_owned() }
    }
}

impl From<Malformed> for WireError {
    fn from(_: Malformed) -> Self {
        Self::malformed()
    }
}

/// The protocol's own errors; texts and numbers from the MySQL 8.0 Error Message Reference.
impl WireError {
    fn new(errno: u16, sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { errno, sqlstate, message: message.into() }
    }

    /// ER_CON_COUNT_ERROR
    pub(crate) fn too_many_connections() -> Self {
        Self::new(1040, "08004", "Too many connections")
    }

    /// ER_HANDSHAKE_ERROR
    pub(crate) fn bad_handshake() -> Self {
        Self::new(1043, "08S01", "Bad handshake")
    }

    /// ER_ACCESS_DENIED_ERROR; clients look for its text.
    pub(crate) fn access_denied(user: &str, host: &str, with_password: bool) -> Self {
        let using = if with_password { "YES" } else { "NO" };
        Self::new(
            1045,
            "28000",
            format!("Access denied for user '{user}'@'{host}' (using password: {using})"),
        )
    }

    /// ER_ACCOUNT_HAS_BEEN_LOCKED, for a client that has proven the password.
    pub(crate) fn account_locked(user: &str, host: &str) -> Self {
        Self::new(
            3118,
            "HY000",
            format!("Access denied for user '{user}'@'{host}'. Account is locked."),
        )
    }

    /// ER_HOST_IS_BLOCKED; MySQL blocks for good, so the rest of its text would be wrong.
    pub(crate) fn too_many_logins_waiting(host: &str) -> Self {
        Self::new(
            1129,
            "HY000",
            format!("Host '{host}' has logins waiting after failed ones; try again later"),
        )
    }

    /// ER_UNKNOWN_COM_ERROR
    pub(crate) fn unknown_command() -> Self {
        Self::new(1047, "08S01", "Unknown command")
    }

    /// ER_TOO_MANY_FIELDS
    pub(crate) fn too_many_columns() -> Self {
        Self::new(1117, "HY000", "Too many columns")
    }

    /// ER_NET_PACKET_TOO_LARGE
    pub(crate) fn packet_too_large() -> Self {
        Self::new(1153, "08S01", "Got a packet bigger than 'max_allowed_packet' bytes")
    }

    /// ER_NET_READ_INTERRUPTED
    pub(crate) fn read_timed_out() -> Self {
        Self::new(1159, "08S01", "Got timeout reading communication packets")
    }

    /// ER_NET_UNCOMPRESS_ERROR
    pub(crate) fn not_compressed() -> Self {
        Self::new(1157, "08S01", "Couldn't uncompress communication packet")
    }

    /// ER_TOO_MANY_USER_CONNECTIONS
    pub(crate) fn too_many_user_connections(user: &str) -> Self {
        let message =
            format!("User {user} already has more than 'max_user_connections' active connections");
        Self::new(1203, "42000", message)
    }

    /// ER_SECURE_TRANSPORT_REQUIRED
    pub(crate) fn tls_required() -> Self {
        Self::new(
            3159,
            "HY000",
            "Connections using insecure transport are prohibited while \
             --require_secure_transport=ON.",
        )
    }

    /// ER_CLIENT_INTERACTION_TIMEOUT
    pub(crate) fn idle_for_too_long() -> Self {
        Self::new(
            4031,
            "HY000",
            "The client was disconnected by the server because of inactivity. See wait_timeout and \
             interactive_timeout for configuring this behavior.",
        )
    }

    /// ER_NET_PACKETS_OUT_OF_ORDER
    pub(crate) fn out_of_order() -> Self {
        Self::new(1156, "08S01", "Got packets out of order")
    }

    /// ER_WRONG_ARGUMENTS
    pub(crate) fn wrong_arguments(command: &str) -> Self {
        Self::new(1210, "HY000", format!("Incorrect arguments to {command}"))
    }

    /// ER_WRONG_ARGUMENTS, for a number that is no type of a parameter.
    pub(crate) fn unknown_parameter_type(code: u8) -> Self {
        Self::new(1210, "HY000", format!("parameters have no type of the number `{code}`"))
    }

    /// ER_UNKNOWN_STMT_HANDLER
    pub(crate) fn unknown_statement(statement_id: u32, command: &str) -> Self {
        Self::new(
            1243,
            "HY000",
            format!("Unknown prepared statement handler ({statement_id}) given to {command}"),
        )
    }

    /// ER_NOT_SUPPORTED_AUTH_MODE
    pub(crate) fn unsupported_client_plugin() -> Self {
        Self::new(
            1251,
            "08004",
            "Client does not support authentication protocol requested by server; consider \
             upgrading MySQL client",
        )
    }

    /// ER_TRUNCATED_WRONG_VALUE
    pub(crate) fn incorrect_value(kind: &str, text: &str) -> Self {
        let mut shown: String = text.chars().take(SHOWN_CHARACTERS_MAX).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        Self::new(1292, "22007", format!("Incorrect {kind} value: '{shown}'"))
    }

    /// ER_PS_MANY_PARAM
    pub(crate) fn too_many_parameters() -> Self {
        Self::new(1390, "HY000", "Prepared statement contains too many placeholders")
    }

    /// ER_STMT_HAS_NO_OPEN_CURSOR
    pub(crate) fn no_open_cursor(statement_id: u32) -> Self {
        Self::new(1421, "HY000", format!("The statement ({statement_id}) has no open cursor."))
    }

    /// ER_MAX_PREPARED_STMT_COUNT_REACHED
    pub(crate) fn too_many_statements(limit: usize) -> Self {
        Self::new(
            1461,
            "42000",
            format!(
                "Can't create more than max_prepared_stmt_count statements (current value: {limit})"
            ),
        )
    }

    /// ER_MAX_PREPARED_STMT_COUNT_REACHED, for want of a number for their size.
    pub(crate) fn statements_too_large(limit_bytes: usize) -> Self {
        let message = format!(
            "Can't prepare the statement: those of all clients may take {limit_bytes} bytes together; \
             close some, or send long values as parameters"
        );
        Self::new(1461, "42000", message)
    }

    /// ER_MALFORMED_PACKET
    pub(crate) fn malformed() -> Self {
        Self::new(1835, "HY000", "Malformed communication packet.")
    }

    /// ER_INVALID_CHARACTER_STRING
    pub(crate) fn invalid_text() -> Self {
        Self::new(1300, "HY000", "Invalid utf8mb4 character string in the statement")
    }
}

/// What is known of the client whose statement failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) user: &'a str,
    pub(crate) connection_id: u32,
}

/// Logs an error of the engine, once, at its kind's level, and translates it.
pub(crate) fn report(error: &Error, origin: Origin<'_>) -> WireError {
    let Origin { user, connection_id } = origin;
    let (code, message) = (error.kind().code(), error.message());
    let cause = std::error::Error::source(error).map(tracing::field::display);
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(user, connection_id, code, message, cause, "statement failed")
        };
    }
    match error_table::row(error.kind()).level {
        tracing::Level::ERROR => event!(error),
        tracing::Level::WARN => event!(warn),
        _ => event!(debug),
    }
    WireError::from(error)
}
