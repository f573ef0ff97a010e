//! A statement on its way to its first rows, which its client may be answered before it has them.

use crate::session::{AnnounceColumns, OutputColumn, Response, ResultSet};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, Result};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

type Task = AbortOnDropHandle<Result<Response>>;

/// Ends its statement when dropped.
pub(super) struct Coming {
    task: Task,
    columns: oneshot::Receiver<Vec<OutputColumn>>,
}

impl Coming {
    /// Begins what `run` makes with whom to tell the columns.
    pub(super) fn begin<W>(run: impl FnOnce(AnnounceColumns) -> W) -> Self
    where
        W: Future<Output = Result<Response>> + Send + 'static,
    {
        let (announce, columns) = oneshot::channel();
        Self { task: AbortOnDropHandle::new(tokio::spawn(run(announce))), columns }
    }

    /// What it came to; or, when it takes longer than `patience` and its columns are known, a
    /// result whose rows are yet to come, and with them its error.
    ///
    /// # Errors
    /// Those of the statement.
    pub(super) async fn response(self, patience: Option<Duration>) -> Result<Response> {
        let Self { mut task, columns } = self;
        let known = async {
            tokio::time::sleep(patience?).await;
            columns.await.ok()
        };
        let columns = tokio::select! {
            biased;
            done = &mut task => return ended(done),
            Some(columns) = known => columns,
        };
        Ok(Response::Rows(to_come(columns, task)))
    }
}

fn to_come(columns: Vec<OutputColumn>, task: Task) -> ResultSet {
    let told = columns.clone();
    let batches = async move {
        match ended(task.await)? {
            Response::Rows(result) if are_same(&result.columns, &told) => Ok(result.batches),
            Response::Rows(_) | Response::Done(_) => {
                Err(Error::internal("the statement's columns are others than those that were told"))
            }
        }
    };
    ResultSet { columns, batches: stream::once(batches).try_flatten().boxed() }
}

/// A query that was planned again, since a worker went away, may have been planned of another
/// version of its tables.
fn are_same(columns: &[OutputColumn], told: &[OutputColumn]) -> bool {
    let is_same = |(one, other): (&OutputColumn, &OutputColumn)| {
        one.label == other.label && one.field.data_type() == other.field.data_type()
    };
    columns.len() == told.len() && columns.iter().zip(told).all(is_same)
}

fn ended(done: std::result::Result<Result<Response>, JoinError>) -> Result<Response> {
    done.unwrap_or_else(|error| {
        Err(Error::internal("the statement's task ended without an answer").with_cause(error))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int32Array, RecordBatch};
    use arrow::datatypes::{DataType, Field, Schema};
    use mooring_spi::ErrorKind;
    use std::sync::Arc;

    const LONG: Duration = Duration::from_secs(3600);

    fn columns(data_type: DataType) -> Vec<OutputColumn> {
        let field = Arc::new(Field::new("v", data_type, false));
        vec![OutputColumn { label: "v".to_owned(), field }]
    }

    fn rows(columns: Vec<OutputColumn>) -> Response {
        let numbers = Arc::new(Int32Array::from(vec![7]));
        let schema = Schema::new(vec![columns[0].field.clone()]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![numbers]).expect("a batch");
        Response::Rows(ResultSet { columns, batches: stream::iter([Ok(batch)]).boxed() })
    }

    async fn read(response: Result<Response>) -> Result<usize> {
        let Response::Rows(result) = response? else { panic!("no rows") };
        let batches: Vec<RecordBatch> = result.batches.try_collect().await?;
        Ok(batches.iter().map(RecordBatch::num_rows).sum())
    }

    #[tokio::test]
    async fn what_is_there_in_time_is_answered() {
        let coming = Coming::begin(|_| async { Ok(rows(columns(DataType::Int32))) });
        assert_eq!(read(coming.response(Some(LONG)).await).await.expect("rows"), 1);
        let failing = Coming::begin(|_| async { Err(Error::new(ErrorKind::InvalidValue, "x")) });
        let error = failing.response(Some(LONG)).await.map(drop).expect_err("its error");
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
    }

    #[tokio::test]
    async fn columns_come_before_rows_and_errors() {
        for failing in [false, true] {
            let (go_on, waits) = oneshot::channel::<()>();
            let coming = Coming::begin(move |announce| async move {
                let _ = announce.send(columns(DataType::Int32));
                waits.await.expect("told");
                match failing {
                    true => Err(Error::new(ErrorKind::InvalidValue, "x")),
                    false => Ok(rows(columns(DataType::Int32))),
                }
            });
            let response = coming.response(Some(Duration::ZERO)).await;
            go_on.send(()).expect("waits");
            let read = read(response).await;
            assert_eq!(
                read.map_err(|error| error.kind()),
                match failing {
                    true => Err(ErrorKind::InvalidValue),
                    false => Ok(1),
                }
            );
        }
    }

    #[tokio::test]
    async fn other_columns_than_were_told_are_an_error() {
        let (go_on, waits) = oneshot::channel::<()>();
        let coming = Coming::begin(|announce| async move {
            let _ = announce.send(columns(DataType::Utf8));
            waits.await.expect("told");
            Ok(rows(columns(DataType::Int32)))
        });
        let response = coming.response(Some(Duration::ZERO)).await;
        go_on.send(()).expect("waits");
        assert!(read(response).await.is_err());
    }

    #[tokio::test]
    async fn a_statement_that_tells_no_columns_is_waited_for() {
        let coming = Coming::begin(|announce| async move {
            drop(announce);
            tokio::task::yield_now().await;
            Ok(rows(columns(DataType::Int32)))
        });
        assert_eq!(read(coming.response(Some(Duration::ZERO)).await).await.expect("rows"), 1);
    }

    #[tokio::test]
    async fn it_ends_with_its_result() {
        let (held, released) = oneshot::channel::<()>();
        let coming = Coming::begin(|announce| async move {
            let _ = announce.send(columns(DataType::Int32));
            let _held = held;
            std::future::pending().await
        });
        let response = coming.response(Some(Duration::ZERO)).await;
        drop(response);
        assert!(released.await.is_err());
    }
}
