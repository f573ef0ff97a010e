//! From the object store's errors to ours.

use crate::credentials::NoCredentials;
use crate::http::InternalAddress;
use mooring_spi::{Error, ErrorKind};
use std::error::Error as StdError;
use std::io;

/// Longer causes are cut: some servers answer with a page.
const DETAIL_CHARS_MAX: usize = 200;

/// How `object_store` says that a web server sent a whole file for a part of it.
const NO_RANGES: &str = "Range request not supported";

/// Says what went wrong with `what`, a location. The server's answer is cut down to its status
/// and code: its text may repeat parts of the signed request.
pub fn to_spi_error(error: object_store::Error, what: &str) -> Error {
    if let Some(none) = causes(&error).find_map(|cause| cause.downcast_ref::<NoCredentials>()) {
        return Error::new(ErrorKind::AccessDenied, format!("`{what}` cannot be read: {none}"));
    }
    let answer = Answer::read(&error);
    let (kind, message) = match &error {
        object_store::Error::NotFound { .. } => not_found(what, &answer),
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => denied(what, &answer),
        object_store::Error::Generic { .. } => generic(&error, what, &answer),
        object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => {
            (ErrorKind::FileChanged, format!("`{what}` was replaced while it was read"))
        }
        object_store::Error::AlreadyExists { .. } => {
            (ErrorKind::InvalidArgument, format!("`{what}` already exists"))
        }
        object_store::Error::InvalidPath { source } => {
            (ErrorKind::InvalidArgument, format!("`{what}` is no usable path: {source}"))
        }
        object_store::Error::NotSupported { source } if source.to_string().contains(NO_RANGES) => {
            let message = format!(
                "the server of `{what}` does not answer range requests, which reading parts of a \
                 file takes; copy the file to an object store or to a disk"
            );
            (ErrorKind::Unsupported, message)
        }
        object_store::Error::NotSupported { .. } | object_store::Error::NotImplemented { .. } => {
            (ErrorKind::Unsupported, format!("the object store of `{what}` cannot do this"))
        }
        object_store::Error::UnknownConfigurationKey { key, .. } => {
            (ErrorKind::InvalidArgument, format!("storage setting `{key}` is unknown"))
        }
        other => (ErrorKind::Internal, format!("the request for `{what}` failed: {other}")),
    };
    let told = Error::new(kind, message);
    match answer.status {
        Some(_) => told,
        None => told.with_cause(error),
    }
}

/// What is worth telling of a server's answer.
struct Answer {
    status: Option<u16>,
    /// S3's own code, such as `NoSuchBucket`.
    code: Option<String>,
}

impl Answer {
    fn read(error: &object_store::Error) -> Self {
        let mut answer = Answer { status: None, code: None };
        for cause in causes(error) {
            let text = cause.to_string();
            answer.status = answer.status.or_else(|| status_in(&text));
            answer.code = answer.code.or_else(|| code_in(&text));
        }
        answer
    }

    fn suffix(&self) -> String {
        match (&self.status, &self.code) {
            (_, Some(code)) => format!(": the server answered `{code}`"),
            (Some(status), None) => format!(": the server answered with status {status}"),
            (None, None) => String::new(),
        }
    }
}

/// `object_store` keeps its own error types to itself; only their texts are to be had.
fn status_in(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// Error responses of S3 are XML: `<Error><Code>NoSuchKey</Code>...`.
fn code_in(text: &str) -> Option<String> {
    let (_, after) = text.split_once("<Code>")?;
    let (code, _) = after.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    is_code.then(|| code.to_string())
}

fn generic(error: &object_store::Error, what: &str, answer: &Answer) -> (ErrorKind, String) {
    let code = answer.code.as_deref().unwrap_or_default();
    match (answer.status, code) {
        (Some(401 | 403), _) | (_, "ExpiredToken" | "InvalidToken") => return denied(what, answer),
        (Some(404), _) => return not_found(what, answer),
        (Some(_), _) => {
            let message = format!("`{what}` cannot be read{}", answer.suffix());
            return (ErrorKind::SourceUnavailable, message);
        }
        (None, _) => {}
    }
    if causes(error).any(|cause| cause.is::<InternalAddress>()) {
        return (ErrorKind::AccessDenied, format!("`{what}` is not read: {InternalAddress}"));
    }
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    if texts.iter().any(|text| text.contains("redirect without LOCATION")) {
        let message = format!("`{what}` is in another region; set `s3_region`");
        return (ErrorKind::InvalidArgument, message);
    }
    match io_kind(error) {
        Some(io::ErrorKind::NotFound) => not_found(what, answer),
        Some(io::ErrorKind::PermissionDenied) => denied(what, answer),
        _ => {
            let detail = texts.last().map(|text| shortened(text)).unwrap_or_default();
            (ErrorKind::SourceUnavailable, format!("`{what}` cannot be reached: {detail}"))
        }
    }
}

fn not_found(what: &str, answer: &Answer) -> (ErrorKind, String) {
    let detail = match &answer.code {
        Some(_) => answer.suffix(),
        None => String::new(),
    };
    (ErrorKind::LocationNotFound, format!("`{what}` does not exist{detail}"))
}

fn denied(what: &str, answer: &Answer) -> (ErrorKind, String) {
    (ErrorKind::AccessDenied, format!("access to `{what}` was denied{}", answer.suffix()))
}

fn causes(error: &object_store::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let mut next = error.source();
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

fn io_kind(error: &object_store::Error) -> Option<io::ErrorKind> {
    causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last()
}

fn shortened(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(DETAIL_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic_error(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.into() }
    }

    #[test]
    fn a_status_decides_the_kind() {
        let body = "<Error><Code>NoSuchBucket</Code><Message>secret-token</Message></Error>";
        for (status, kind) in [
            ("401 Unauthorized", ErrorKind::AccessDenied),
            ("403 Forbidden", ErrorKind::AccessDenied),
            ("404 Not Found", ErrorKind::LocationNotFound),
            ("503 Service Unavailable", ErrorKind::SourceUnavailable),
        ] {
            let text = format!("Server returned non-2xx status code: {status}: {body}");
            let error = to_spi_error(generic_error(&text), "s3://b/a");
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.message().contains("`s3://b/a`"), "{error}");
            assert!(error.message().contains("`NoSuchBucket`"), "{error}");
            assert!(!format!("{error:?}").contains("secret-token"), "{error:?}");
        }
    }

    #[test]
    fn the_systems_error_decides_for_local_files() {
        for (cause, kind) in [
            (io::ErrorKind::PermissionDenied, ErrorKind::AccessDenied),
            (io::ErrorKind::NotFound, ErrorKind::LocationNotFound),
            (io::ErrorKind::ConnectionRefused, ErrorKind::SourceUnavailable),
        ] {
            let source = Box::new(io::Error::from(cause));
            let error = object_store::Error::Generic { store: "LocalFileSystem", source };
            assert_eq!(to_spi_error(error, "/a").kind(), kind);
        }
    }
}
