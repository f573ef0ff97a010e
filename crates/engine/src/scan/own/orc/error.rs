//! What can be wrong with an ORC file, and how an error of ours comes back out of orc-rust.

use mooring_spi::{Error, ErrorKind};
use std::fmt::Display;
use std::io;

pub(super) fn corrupt(reason: impl Display) -> Error {
    Error::new(ErrorKind::CorruptData, format!("the ORC file is corrupt: {reason}"))
}

pub(super) fn unsupported(reason: impl Display) -> Error {
    Error::unsupported(format!("the ORC file cannot be read: {reason}"))
}

pub(super) fn too_large(reason: impl Display) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("the ORC file is too large: {reason}"))
}

/// What orc-rust reports: an error of ours that went through it, or what it found itself.
pub(super) fn reported(error: &(dyn std::error::Error + 'static)) -> Error {
    let mut next = Some(error);
    while let Some(current) = next {
        if let Some(ours) = current.downcast_ref::<Error>() {
            return ours.clone();
        }
        // An `io::Error` passes over the error that it holds when it is asked for its source.
        next = match current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(held) => Some(held),
            None => current.source(),
        };
    }
    let message = format!("the ORC file cannot be read: {error}");
    Error::new(ErrorKind::CorruptData, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::error::ArrowError;

    #[test]
    fn an_error_of_ours_comes_back_through_the_layers() {
        let ours = too_large("a stripe");
        let inner = io::Error::other(ours.clone());
        let outer = ArrowError::ExternalError(Box::new(inner));
        assert_eq!(reported(&outer).kind(), ErrorKind::LimitExceeded);
        assert_eq!(reported(&outer).message(), ours.message());
        let other = ArrowError::ExternalError(Box::new(io::Error::other("broken")));
        assert_eq!(reported(&other).kind(), ErrorKind::CorruptData);
    }
}
