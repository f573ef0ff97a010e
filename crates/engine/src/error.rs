//! Between DataFusion's errors and ours. On the way in, an error of ours rides as
//! `DataFusionError::External`; on the way out, DataFusion's own kinds are told apart here, once.

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, SchemaError};
use mooring_spi::{Error, ErrorKind};
use parquet::errors::ParquetError;
use std::error::Error as _;

/// Wraps an error of ours for a DataFusion interface.
pub fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// Reads an error of ours out of DataFusion's, or tells DataFusion's own by its kind.
pub fn from_datafusion(error: &DataFusionError) -> Error {
    if let Some(ours) = find_ours(error) {
        return ours;
    }
    let text = error.strip_backtrace();
    let text = tidy(&text);
    match Error::from_text(text) {
        Some(ours) => ours,
        None => classify(error, text),
    }
}

/// The error of ours anywhere in the chain of causes.
fn find_ours(error: &DataFusionError) -> Option<Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(ours) = current.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        if let Some(DataFusionError::External(inner)) = current.downcast_ref::<DataFusionError>()
            && let Some(ours) = inner.downcast_ref::<Error>()
        {
            return Some(ours.clone());
        }
        next = current.source();
    }
    None
}

fn classify(error: &DataFusionError, text: &str) -> Error {
    if let Some(message) = wrong_argument(text) {
        return Error::new(ErrorKind::TypeMismatch, message);
    }
    let kind = match error {
        DataFusionError::Context(_, inner) => return classify_inner(inner, text),
        DataFusionError::Diagnostic(_, inner) => return from_datafusion(inner),
        DataFusionError::Shared(inner) => return from_datafusion(inner),
        DataFusionError::Collection(errors) => match errors.first() {
            Some(first) => return from_datafusion(first),
            None => ErrorKind::Internal,
        },
        DataFusionError::SchemaError(schema_error, _) => return schema(schema_error, text),
        DataFusionError::SQL(_, _) => ErrorKind::SyntaxError,
        DataFusionError::Plan(message) => match unknown_function(message) {
            Some(message) => return Error::new(ErrorKind::FunctionNotFound, message),
            None => plan_kind(message),
        },
        DataFusionError::NotImplemented(_) => ErrorKind::Unsupported,
        DataFusionError::ResourcesExhausted(_) => ErrorKind::ResourcesExhausted,
        DataFusionError::ArrowError(arrow, _) => arrow_kind(arrow),
        DataFusionError::Execution(message) => execution_kind(message),
        DataFusionError::ParquetError(parquet) => match parquet_kind(parquet.as_ref(), text) {
            kind @ ErrorKind::LocationNotFound => return Error::new(kind, "it is no longer there"),
            kind @ ErrorKind::FileChanged => {
                return Error::new(kind, "it was replaced while it was read");
            }
            kind => kind,
        },
        DataFusionError::ObjectStore(store) => match store_kind(store) {
            kind @ ErrorKind::FileChanged => {
                return Error::new(kind, "it was replaced while it was read");
            }
            kind => kind,
        },
        DataFusionError::IoError(_) => ErrorKind::SourceUnavailable,
        DataFusionError::Configuration(_) => ErrorKind::InvalidArgument,
        DataFusionError::External(_)
        | DataFusionError::Internal(_)
        | DataFusionError::ExecutionJoin(_)
        | DataFusionError::Substrait(_)
        | DataFusionError::Ffi(_) => ErrorKind::Internal,
    };
    Error::new(kind, text)
}

fn store_kind(error: &object_store::Error) -> ErrorKind {
    match error {
        object_store::Error::NotFound { .. } => ErrorKind::LocationNotFound,
        object_store::Error::Precondition { .. } => ErrorKind::FileChanged,
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => ErrorKind::AccessDenied,
        _ => ErrorKind::SourceUnavailable,
    }
}

/// How DataFusion's reader of footers tells an error of the store, of which it keeps the text alone.
const STORE_ERROR: &str = "Object Store error: ";

/// An error of the store may stand in one of the format.
fn parquet_kind(error: &ParquetError, text: &str) -> ErrorKind {
    let mut cause = error.source();
    while let Some(found) = cause {
        if let Some(store) = found.downcast_ref::<object_store::Error>() {
            return store_kind(store);
        }
        cause = found.source();
    }
    match text.split_once(STORE_ERROR).map(|(_, told)| told) {
        Some(told) if told.starts_with("Object at location") => ErrorKind::LocationNotFound,
        Some(told) if told.starts_with("Request precondition failure") => ErrorKind::FileChanged,
        // Credentials, or rights.
        Some(told) if told.starts_with("The operation lacked") => ErrorKind::AccessDenied,
        Some(_) => ErrorKind::SourceUnavailable,
        None => ErrorKind::CorruptData,
    }
}

fn classify_inner(inner: &DataFusionError, text: &str) -> Error {
    let kind = from_datafusion(inner).kind();
    Error::new(kind, text)
}

fn schema(error: &SchemaError, text: &str) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let wanted = field.flat_name();
            let mut known: Vec<String> =
                valid_fields.iter().map(|column| format!("`{}`", column.name)).collect();
            known.truncate(8);
            let hint = match known.is_empty() {
                true => String::new(),
                false => format!("; there are {}", known.join(", ")),
            };
            Error::new(ErrorKind::ColumnNotFound, format!("unknown column `{wanted}`{hint}"))
        }
        SchemaError::AmbiguousReference { field } => Error::new(
            ErrorKind::AmbiguousName,
            format!("column `{}` is ambiguous; qualify it with its table", field.name),
        ),
        SchemaError::DuplicateQualifiedField { .. }
        | SchemaError::DuplicateUnqualifiedField { .. } => {
            Error::new(ErrorKind::AmbiguousName, text)
        }
    }
}

/// Of DataFusion's `Invalid function 'json_extract'.\nDid you mean 'union_extract'?`, which proposes something always.
fn unknown_function(message: &str) -> Option<String> {
    let quoted = |text: &str| text.split('\'').nth(1).map(str::to_owned);
    let rest = message.strip_prefix("Invalid function")?;
    let name = quoted(rest)?;
    let near = rest.split_once("Did you mean").and_then(|(_, near)| quoted(near));
    let near = near.filter(|near| near.chars().next() == name.chars().next());
    let hint = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Some(format!("unknown function `{name}`{hint}"))
}

/// Of DataFusion's `Function 'sum' failed to match any signature, errors: … Function 'sum' requires Decimal, but
/// received Boolean (DataType: Boolean)., …`.
fn wrong_argument(text: &str) -> Option<String> {
    let (before, errors) = text.split_once("' failed to match any signature")?;
    let (_, name) = before.rsplit_once("Function '")?;
    let (_, received) = errors.split_once("but received ")?;
    let (given, _) = received.split_once(" (DataType")?;
    let hint = match given {
        "Boolean" => "; `CASE WHEN … THEN 1 ELSE 0 END` makes a number of a condition",
        _ => "",
    };
    Some(format!("`{name}` takes no value of type {given}{hint}"))
}

/// DataFusion tells planning errors apart by their text only.
fn plan_kind(message: &str) -> ErrorKind {
    if message.contains("annot coerce")
        || message.contains("oercion")
        || message.contains("cannot be cast")
        || message.contains("Failed to coerce")
    {
        ErrorKind::TypeMismatch
    } else if message.contains("is ambiguous") {
        ErrorKind::AmbiguousName
    } else {
        ErrorKind::InvalidQuery
    }
}

fn execution_kind(message: &str) -> ErrorKind {
    if message.contains("Scalar subquery returned more than one row")
        || message.contains("more than one row")
    {
        ErrorKind::InvalidQuery
    } else {
        ErrorKind::InvalidValue
    }
}

fn arrow_kind(error: &ArrowError) -> ErrorKind {
    match error {
        ArrowError::DivideByZero
        | ArrowError::ArithmeticOverflow(_)
        | ArrowError::CastError(_)
        | ArrowError::ParseError(_)
        | ArrowError::ComputeError(_)
        | ArrowError::InvalidArgumentError(_) => ErrorKind::InvalidValue,
        ArrowError::CsvError(_) | ArrowError::JsonError(_) | ArrowError::ParquetError(_) => {
            ErrorKind::CorruptData
        }
        ArrowError::NotYetImplemented(_) => ErrorKind::Unsupported,
        ArrowError::MemoryError(_) => ErrorKind::ResourcesExhausted,
        _ => ErrorKind::Internal,
    }
}

/// DataFusion's text without the names of its layers.
pub(crate) fn tidy(text: &str) -> &str {
    const LAYERS: &[&str] = &[
        "Error during planning: ",
        "Execution error: ",
        "External error: ",
        "Arrow error: ",
        "Cast error: ",
        "Schema error: ",
        "Parquet error: ",
        "Object Store error: ",
        "This feature is not implemented: ",
        "Resources exhausted: ",
    ];
    // A context stands before its cause; what went wrong is the innermost one.
    let mut rest = text.rsplit("\ncaused by\n").next().unwrap_or(text);
    while let Some(stripped) = LAYERS.iter().find_map(|layer| rest.strip_prefix(layer)) {
        rest = stripped;
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_survives_wrapping_and_flattening() {
        let ours = Error::new(ErrorKind::SourceUnavailable, "`pg` does not answer");
        let wrapped = DataFusionError::Context(
            "while scanning".into(),
            Box::new(to_datafusion(ours.clone())),
        );
        assert_eq!(from_datafusion(&wrapped).kind(), ours.kind());
        let flattened = DataFusionError::External(wrapped.to_string().into());
        assert_eq!(from_datafusion(&flattened).kind(), ours.kind());
        assert_eq!(from_datafusion(&flattened).message(), ours.message());
    }

    #[test]
    fn missing_credentials_of_a_store_are_no_outage() {
        let source = "no credentials were found".into();
        let store = object_store::Error::Unauthenticated { path: "s3://b".to_owned(), source };
        // With its type, and with its text alone.
        let text = format!("{STORE_ERROR}{store}");
        let causes: [Box<dyn std::error::Error + Send + Sync>; 2] = [store.into(), text.into()];
        for cause in causes {
            let read = DataFusionError::ParquetError(Box::new(ParquetError::External(cause)));
            let error = from_datafusion(&read);
            assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
            assert!(error.message().contains("no credentials were found"), "{error}");
        }
    }

    /// The texts of DataFusion 55.2.
    #[test]
    fn functions_and_their_arguments_are_told_by_name() {
        for (text, expected) in [
            (
                "Invalid function 'json_extract'.\nDid you mean 'union_extract'?",
                "unknown function `json_extract`",
            ),
            (
                "Invalid function 'lowr'.\nDid you mean 'lower'?",
                "unknown function `lowr`; did you mean `lower`?",
            ),
        ] {
            let error = from_datafusion(&DataFusionError::Plan(text.to_owned()));
            assert_eq!((error.kind(), error.message()), (ErrorKind::FunctionNotFound, expected));
        }
        let text = "Function 'sum' failed to match any signature, errors: Error during planning: Function 'sum' \
            requires Decimal, but received Boolean (DataType: Boolean).,Error during planning: Function 'sum' \
            requires UInt64, but received Boolean (DataType: Boolean).";
        let error = from_datafusion(&DataFusionError::Internal(text.to_owned()));
        assert_eq!(error.kind(), ErrorKind::TypeMismatch);
        assert!(error.message().starts_with("`sum` takes no value of type Boolean; "), "{error}");
    }

    #[test]
    fn division_by_zero_is_a_bad_value() {
        let error = DataFusionError::ArrowError(Box::new(ArrowError::DivideByZero), None);
        assert_eq!(from_datafusion(&error).kind(), ErrorKind::InvalidValue);
    }
}
