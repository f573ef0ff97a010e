//! Errors as gRPC knows them: the code by the table of all doors, and with it, for machines, the
//! kind, the SQLSTATE and MySQL's number.
//!
//! Source: gRPC's "Richer error model" (`grpc-status-details-bin` holds a `google.rpc.Status`) and
//! `google/rpc/error_details.proto` (`ErrorInfo`). The same stands in plain trailers for clients
//! that do not decode it.

use crate::error_table;
use mooring_spi::{Error, ErrorKind};
use prost::Message;
use std::collections::HashMap;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// What `ErrorInfo` calls the one whose error it is.
const DOMAIN: &str = "mooring";
const ERROR_INFO_URL: &str = "type.googleapis.com/google.rpc.ErrorInfo";
/// A status travels in headers, whose size clients bound, mostly to 8 KiB; percent-encoding
/// triples what is not ASCII, and the details repeat the text in base64.
const MESSAGE_BYTES_MAX: usize = 1536;

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<arrow_flight::sql::Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
    #[prost(map = "string, string", tag = "3")]
    metadata: HashMap<String, String>,
}

/// The error as a client is told it; it is not logged.
pub(super) fn status(error: &Error) -> Status {
    let row = error_table::row(error.kind());
    let errno = row.mysql_errno.to_string();
    let message = bounded(error.message());
    let metadata = [("sqlstate", row.sqlstate), ("mysql_errno", errno.as_str())]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let info = ErrorInfo {
        reason: error.kind().code().to_owned(),
        domain: DOMAIN.to_owned(),
        metadata: metadata.into(),
    };
    let details = RpcStatus {
        code: row.grpc_code,
        message: message.clone(),
        details: vec![arrow_flight::sql::Any {
            type_url: ERROR_INFO_URL.to_owned(),
            value: info.encode_to_vec().into(),
        }],
    };
    let mut trailers = MetadataMap::new();
    trailers.insert("x-mooring-sqlstate", MetadataValue::from_static(row.sqlstate));
    trailers.insert("x-mooring-code", MetadataValue::from_static(error.kind().code()));
    Status::with_details_and_metadata(
        Code::from_i32(row.grpc_code),
        message,
        details.encode_to_vec().into(),
        trailers,
    )
}

fn bounded(message: &str) -> String {
    if message.len() <= MESSAGE_BYTES_MAX {
        return message.to_owned();
    }
    let mut end = MESSAGE_BYTES_MAX;
    while !message.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}…", &message[..end])
}

/// Logs an error once, at its kind's level, and translates it.
pub(super) fn report(error: &Error, user: &str, connection_id: u32) -> Status {
    let (code, message) = (error.kind().code(), error.message());
    let cause = std::error::Error::source(error).map(tracing::field::display);
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(user, connection_id, code, message, cause, "call failed")
        };
    }
    match error_table::row(error.kind()).level {
        tracing::Level::ERROR => event!(error),
        tracing::Level::WARN => event!(warn),
        _ => event!(debug),
    }
    status(error)
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

pub(super) fn limit_exceeded(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::LimitExceeded, message)
}

pub(super) fn not_authenticated(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::AuthenticationFailed, message)
}

/// A defect in what was made here for the client.
pub(super) fn defect(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal("an answer cannot be written in Arrow's form").with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes by name in gRPC's `doc/statuscodes.md`.
    #[test]
    fn kinds_have_the_codes_that_clients_know() {
        for (kind, code) in [
            (ErrorKind::SyntaxError, Code::InvalidArgument),
            (ErrorKind::TableNotFound, Code::NotFound),
            (ErrorKind::Unsupported, Code::Unimplemented),
            (ErrorKind::AccessDenied, Code::PermissionDenied),
            (ErrorKind::AuthenticationFailed, Code::Unauthenticated),
            (ErrorKind::Cancelled, Code::Cancelled),
            (ErrorKind::TimedOut, Code::DeadlineExceeded),
            (ErrorKind::LimitExceeded, Code::ResourceExhausted),
            (ErrorKind::SourceUnavailable, Code::Unavailable),
        ] {
            assert_eq!(status(&Error::new(kind, "x")).code(), code, "{kind}");
        }
    }

    #[test]
    fn the_sqlstate_stands_in_the_details_and_in_a_trailer() {
        let status = status(&Error::new(ErrorKind::TableNotFound, "table `t` doesn't exist"));
        let details = RpcStatus::decode(status.details()).expect("details");
        assert_eq!(details.message, "table `t` doesn't exist");
        let info = ErrorInfo::decode(&*details.details[0].value).expect("an ErrorInfo");
        assert_eq!(info.reason, "TABLE_NOT_FOUND");
        assert_eq!(info.metadata["sqlstate"], "42S02");
        assert_eq!(info.metadata["mysql_errno"], "1146");
        assert_eq!(status.metadata().get("x-mooring-sqlstate").expect("there"), "42S02");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = format!("x{}", "ü".repeat(MESSAGE_BYTES_MAX));
        let cut = status(&Error::internal(long)).message().to_owned();
        assert!(cut.len() <= MESSAGE_BYTES_MAX + '…'.len_utf8() && cut.ends_with("ü…"));
    }
}
