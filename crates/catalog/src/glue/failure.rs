//! What a call that failed means.

use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

const CHARACTERS_MAX: usize = 500;
/// Codes of AWS, and of STS, for who may not do this.
const DENIALS: [&str; 15] = [
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// How the SDK says that its chain of providers came to its end (`CredentialsProviderChain`). A provider that is
/// there, and fails, says something else.
const NO_CREDENTIALS: &str = "no providers in chain provided credentials";

/// How it says that a provider let it wait: the instance's, above all, where there is no such service.
const CREDENTIALS_LATE: &str = "identity resolver timed out";

/// Why a call failed, with a text that may be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The database, table or partition is not there.
    Absent,
    /// Glue cannot make sense of the request, an expression above all.
    Refused(String),
    Denied(String),
    /// Nobody gives credentials, so that nothing was asked.
    NoCredentials,
    /// Glue answered that it cannot.
    Failed(String),
    /// No answer, or none that can be read.
    Unanswered(String),
}

impl Failure {
    /// Codes: AWS Glue Web API Reference, "Common Errors" and the errors of `GetDatabases`, `GetTables`,
    /// `GetTable`, `GetPartitions` and `GetColumnStatisticsForTable`.
    pub(super) fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        let SdkError::ServiceError(answer) = error else {
            let text = chain(error);
            if text.contains(NO_CREDENTIALS) {
                return Failure::NoCredentials;
            }
            // Somebody else's answer: STS does not give the role.
            return match DENIALS.iter().any(|code| text.contains(code)) {
                true => Failure::Denied(text),
                false if text.contains(CREDENTIALS_LATE) => {
                    Failure::Unanswered(format!("no credentials came in time: {text}"))
                }
                false => Failure::Unanswered(text),
            };
        };
        let answer = answer.err();
        let Some(code) = answer.code() else { return Failure::Failed(chain(error)) };
        let message = answer.message().map(first_line).unwrap_or_default();
        let text = bounded(format!("{code}: {message}").trim_end_matches([':', ' ']));
        match code {
            "EntityNotFoundException" => Failure::Absent,
            "InvalidInputException" | "InvalidStateException" | "ValidationException" => {
                Failure::Refused(text)
            }
            code if DENIALS.contains(&code) => Failure::Denied(text),
            _ => Failure::Failed(text),
        }
    }
}

/// What the error says, and what its causes do.
fn chain(error: &dyn Error) -> String {
    let mut text = first_line(&error.to_string()).to_owned();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        let more = first_line(&more);
        if !text.ends_with(more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    bounded(&text)
}

/// After it AWS may repeat the request as it was signed, with the session's token. The SDK writes a
/// cause's line feed as `\n`.
fn first_line(text: &str) -> &str {
    let end = text.find("\\n").into_iter().chain(text.find(['\n', '\r'])).min();
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

fn bounded(text: &str) -> String {
    text.chars().take(CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_glue::error::{ConnectorError, ErrorMetadata};
    use aws_sdk_glue::operation::get_table::GetTableError;

    fn answered(code: &str, message: &str) -> Failure {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        Failure::of(&SdkError::service_error(GetTableError::generic(meta), ()))
    }

    #[test]
    fn codes_have_their_meaning() {
        assert_eq!(answered("EntityNotFoundException", "no table"), Failure::Absent);
        let refused = Failure::Refused("InvalidStateException: \"null\" is not an integer".into());
        assert_eq!(answered("InvalidStateException", "\"null\" is not an integer"), refused);
        let denied = Failure::Denied("AccessDeniedException: not you".into());
        assert_eq!(answered("AccessDeniedException", "not you"), denied);
        let throttled = Failure::Failed("ThrottlingException: Rate exceeded".into());
        assert_eq!(answered("ThrottlingException", "Rate exceeded"), throttled);
        assert_eq!(answered("Odd", ""), Failure::Failed("Odd".into()));
    }

    #[test]
    fn the_signed_request_is_not_shown() {
        let said = "the signature does not match\n\nThe Canonical String is\nhunter2";
        let Failure::Denied(text) = answered("InvalidSignatureException", said) else {
            panic!("it is denied");
        };
        assert_eq!(text, "InvalidSignatureException: the signature does not match");
        let Failure::Denied(text) = refused_role("SignatureDoesNotMatch", said) else {
            panic!("it is denied");
        };
        assert!(text.contains("SignatureDoesNotMatch"), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }

    /// A call that was not made: the credentials for it were asked for elsewhere.
    fn refused_role(code: &str, message: &str) -> Failure {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let inner = SdkError::service_error(GetTableError::generic(meta), ());
        let outer: SdkError<GetTableError, ()> =
            SdkError::dispatch_failure(ConnectorError::other(inner.into(), None));
        Failure::of(&outer)
    }

    #[test]
    fn a_role_that_is_not_given_is_no_outage() {
        for (code, is_denied) in [("AccessDenied", true), ("ServiceUnavailable", false)] {
            match refused_role(code, "not you") {
                Failure::Denied(text) => assert!(is_denied && text.contains(code), "{text}"),
                Failure::Unanswered(text) => assert!(!is_denied && text.contains(code), "{text}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn nobody_who_gives_credentials_is_no_outage() {
        let failure = |cause: &'static str| {
            let cause = ConnectorError::other(cause.into(), None);
            let error: SdkError<GetTableError, ()> = SdkError::dispatch_failure(cause);
            Failure::of(&error)
        };
        assert_eq!(failure(NO_CREDENTIALS), Failure::NoCredentials);
        let Failure::Unanswered(late) = failure("identity resolver timed out after 5s") else {
            panic!("somebody may give some later");
        };
        assert!(late.contains("no credentials came in time"), "{late}");
    }

    #[test]
    fn causes_are_named() {
        let refused = std::io::Error::other("connection refused");
        let error: SdkError<GetTableError, ()> =
            SdkError::dispatch_failure(ConnectorError::io(refused.into()));
        let Failure::Unanswered(text) = Failure::of(&error) else { panic!("no answer") };
        assert!(text.contains("connection refused"), "{text}");
        assert!(bounded(&"ä".repeat(10_000)).len() == 1_000);
    }
}
