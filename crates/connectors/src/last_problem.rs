//! What was wrong when a source was last reached.

use mooring_spi::{ErrorKind, Result};
use parking_lot::Mutex;

#[derive(Debug, Default)]
pub(crate) struct LastProblem(Mutex<Option<String>>);

impl LastProblem {
    /// Takes note of what a source answered, or why it did not.
    pub(crate) fn seen<T>(&self, answer: Result<T>) -> Result<T> {
        match &answer {
            Ok(_) => *self.0.lock() = None,
            Err(error) if is_of_source(error.kind()) => {
                *self.0.lock() = Some(error.message().to_owned());
            }
            // Of what was asked, or of us.
            Err(_) => {}
        }
        answer
    }

    pub(crate) fn told(&self) -> Option<String> {
        self.0.lock().clone()
    }
}

/// `InvalidArgument`: a secret that is not where the catalog says.
fn is_of_source(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::SourceUnavailable | ErrorKind::SourceRefused | ErrorKind::InvalidArgument
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mooring_spi::Error;

    #[test]
    fn a_problem_stays_until_the_source_answers() {
        let last = LastProblem::default();
        assert_eq!(last.told(), None);
        for (kind, message) in [
            (ErrorKind::SourceUnavailable, "nobody there"),
            (ErrorKind::SchemaNotFound, "no such schema"),
        ] {
            let answer: Result<()> = last.seen(Err(Error::new(kind, message)));
            answer.expect_err("handed on");
            assert_eq!(last.told().as_deref(), Some("nobody there"));
        }
        last.seen(Ok(())).expect("handed on");
        assert_eq!(last.told(), None);
    }
}
