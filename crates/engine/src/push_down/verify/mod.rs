//! `pushdown_verify`: a query runs both ways, and its rows are compared. What the client sees is the query with
//! push-down; once it has ended, the same query runs without, and a difference is an error in the
//! end's place. Memory is bounded: rows are counted and added up, not kept.

mod comparison;
mod fingerprint;

pub(crate) use comparison::Comparison;

use fingerprint::Fingerprint;
use futures::StreamExt;
use mooring_spi::{BatchStream, Error, ErrorKind, Result};

/// Starts the query without push-down.
type Start = Box<dyn FnOnce() -> Result<BatchStream> + Send>;

struct Verified {
    shown: BatchStream,
    seen: Fingerprint,
    start: Start,
    comparison: Comparison,
}

/// The batches of `shown`, and after them an error if those of the other plan are not the same.
pub(crate) fn verified(shown: BatchStream, start: Start, comparison: Comparison) -> BatchStream {
    let seen = Fingerprint::new(comparison);
    let state = Verified { shown, seen, start, comparison };
    futures::stream::unfold(Some(state), |state| async move {
        let mut state = state?;
        match state.shown.next().await {
            Some(Ok(batch)) => match state.seen.add(&batch) {
                Ok(()) => Some((Ok(batch), Some(state))),
                Err(error) => Some((Err(error), None)),
            },
            Some(Err(error)) => Some((Err(state.after(error).await), None)),
            None => state.compare().await.err().map(|error| (Err(error), None)),
        }
    })
    .boxed()
}

impl Verified {
    async fn compare(self) -> Result<()> {
        match run(self.start, self.comparison).await {
            Ok(other) => self.seen.same_as(&other),
            Err(error) if tells_of_rows(&error) => Err(differs(format!(
                "with it there are {} rows, and without it an error: {error}",
                self.seen.rows()
            ))),
            Err(error) => Err(error),
        }
    }

    /// What the client is told of an error with push-down: that error, if there is one without it too.
    async fn after(self, error: Error) -> Error {
        if !tells_of_rows(&error) {
            return error;
        }
        match run(self.start, self.comparison).await {
            Ok(other) => differs(format!(
                "with it there is an error, and without it {} rows: {error}",
                other.rows()
            )),
            Err(_) => error,
        }
    }
}

async fn run(start: Start, comparison: Comparison) -> Result<Fingerprint> {
    let mut batches = start()?;
    let mut seen = Fingerprint::new(comparison);
    while let Some(batch) = batches.next().await {
        seen.add(&batch?)?;
    }
    Ok(seen)
}

fn differs(how: String) -> Error {
    Error::internal(format!("push-down changes the answer: {how}"))
}

/// Whether the rows are to blame, and not that the query was stopped or a node or source went away.
fn tells_of_rows(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidValue
            | ErrorKind::InvalidQuery
            | ErrorKind::InvalidArgument
            | ErrorKind::TypeMismatch
            | ErrorKind::CorruptData
            | ErrorKind::SourceRefused
            | ErrorKind::Unsupported
            | ErrorKind::Internal
    )
}
