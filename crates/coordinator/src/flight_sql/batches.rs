//! A result on its way: batches become messages away from the door's threads, and cross to them
//! through a short channel. A client that reads slowly fills it, and the plan waits; one that takes
//! nothing for too long loses its result.

use super::metrics::FlightSqlMetrics;
use super::options::WireOptions;
use super::pieces::{PIECE_BYTES, compact, pieces};
use super::results::{OpenResult, ResultPlace};
use super::session::{FlightSession, ended};
use super::status::{defect, report};
use super::wire_types::{into_wire, wire_schema};
use crate::query::cancelled;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow_flight::FlightData;
use arrow_flight::encode::{FlightDataEncoder, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt, TryStreamExt};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Messages that may wait for the client, each a piece of a batch.
const MESSAGES_AHEAD: usize = 2;

/// What the sending of a result needs besides the result.
pub(super) struct Sending {
    pub(super) session: Arc<FlightSession>,
    /// Where messages are made.
    pub(super) runtime: Handle,
    pub(super) write_timeout: Duration,
    pub(super) metrics: FlightSqlMetrics,
}

pub(super) type Messages = BoxStream<'static, std::result::Result<FlightData, Status>>;

/// Tells how the messages ended.
type End = oneshot::Receiver<std::result::Result<(), Status>>;

/// Sends a result whose `place` was taken. Dropping the messages ends the query.
pub(super) fn send(sending: Sending, result: OpenResult, place: ResultPlace) -> Messages {
    let (sender, receiver) = mpsc::channel(MESSAGES_AHEAD);
    let (tell_end, end) = oneshot::channel();
    let runtime = sending.runtime.clone();
    let task = async move {
        let outcome = match encoded(&sending, result) {
            Ok(messages) => pump(&sending, messages, &place.cancel, &sender).await,
            Err(error) => Err(error),
        };
        let client = sending.session.client();
        let outcome = outcome.map_err(|error| report(&error, &client.user, client.connection_id));
        sending.session.touch();
        drop(place);
        // With the last of its results a session may make room for another one.
        drop(sending);
        // Before the sender goes, so that the end of the messages finds it.
        let _ = tell_end.send(outcome);
        drop(sender);
    };
    drop(runtime.spawn(task));
    messages(receiver, end)
}

/// Sends one batch that is there already, for answers that take no query.
pub(super) fn send_batch(sending: Sending, batch: RecordBatch, options: WireOptions) -> Messages {
    let (sender, receiver) = mpsc::channel(MESSAGES_AHEAD);
    let (tell_end, end) = oneshot::channel();
    let runtime = sending.runtime.clone();
    let task = async move {
        let cancel = sending.session.close.clone();
        let schema = batch.schema();
        let batches = in_pieces(futures::stream::iter([Ok(batch)]));
        let outcome = match encoder(schema, options) {
            Ok(encoder) => pump(&sending, encoder.build(batches), &cancel, &sender).await,
            Err(error) => Err(error),
        };
        let client = sending.session.client();
        let outcome = outcome.map_err(|error| report(&error, &client.user, client.connection_id));
        let _ = tell_end.send(outcome);
        drop(sender);
    };
    drop(runtime.spawn(task));
    messages(receiver, end)
}

async fn pump(
    sending: &Sending,
    mut messages: FlightDataEncoder,
    cancel: &CancellationToken,
    sender: &mpsc::Sender<FlightData>,
) -> Result<()> {
    loop {
        let message = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(why_over(sending)),
            () = sending.session.close.cancelled() => return Err(ended()),
            // The client has gone.
            () = sender.closed() => return Err(cancelled()),
            message = messages.next() => message,
        };
        let Some(message) = message.transpose().map_err(of_flight)? else { return Ok(()) };
        sending.metrics.sent_bytes.inc_by(message.data_body.len() as u64);
        let sent = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(why_over(sending)),
            sent = tokio::time::timeout(sending.write_timeout, sender.send(message)) => sent,
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(cancelled()),
            Err(_) => {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    format!(
                        "the client took nothing of its result for {} seconds (`coordinator.flight_sql.write_timeout_s`)",
                        sending.write_timeout.as_secs()
                    ),
                ));
            }
        }
    }
}

fn why_over(sending: &Sending) -> Error {
    match sending.session.close.is_cancelled() {
        true => ended(),
        false => cancelled(),
    }
}

/// The result as messages, the first of them its schema.
fn encoded(sending: &Sending, open: OpenResult) -> Result<FlightDataEncoder> {
    let OpenResult { result, options, zone } = open;
    let schema = wire_schema(&result.columns, options);
    let rows = sending.metrics.sent_rows.clone();
    let in_wire_form = {
        let schema = schema.clone();
        move |batch: Result<RecordBatch>| {
            let batch = batch.and_then(|batch| into_wire(&batch, &schema, zone));
            let batch = batch.inspect(|batch| {
                rows.inc_by(batch.num_rows() as u64);
            });
            batch.map_err(into_flight)
        }
    };
    let batches = in_pieces(result.batches.map(in_wire_form));
    Ok(encoder(schema, options)?.build(batches))
}

/// The batches as messages have them.
fn in_pieces(
    batches: impl Stream<Item = std::result::Result<RecordBatch, FlightError>> + Send + 'static,
) -> impl Stream<Item = std::result::Result<RecordBatch, FlightError>> + Send + 'static {
    let cut = |batch: RecordBatch| {
        let found = pieces(&batch, PIECE_BYTES).into_iter();
        futures::stream::iter(found.map(Ok))
    };
    let own = |piece: RecordBatch| std::future::ready(compact(&piece).map_err(into_flight));
    batches.map_ok(cut).try_flatten().and_then(own)
}

fn encoder(schema: SchemaRef, options: WireOptions) -> Result<FlightDataEncoderBuilder> {
    let ipc = options.ipc().map_err(defect)?;
    // Batches are cut already, and by what they hold.
    let whole = FlightDataEncoderBuilder::new().with_max_flight_data_size(usize::MAX);
    Ok(whole.with_schema(schema).with_options(ipc))
}

fn into_flight(error: Error) -> FlightError {
    FlightError::ExternalError(Box::new(error))
}

/// An error of ours comes back as it was.
fn of_flight(error: FlightError) -> Error {
    match error {
        FlightError::ExternalError(external) => match external.downcast::<Error>() {
            Ok(error) => *error,
            Err(other) => Error::internal(format!("a result cannot be sent: {other}")),
        },
        other => defect(other),
    }
}

/// The client's end. What ends early ends with why: the absence of more is the end of the rows only
/// when it was told.
fn messages(receiver: mpsc::Receiver<FlightData>, end: End) -> Messages {
    let next = |state: Option<(mpsc::Receiver<FlightData>, End)>| async move {
        let (mut receiver, end) = state?;
        if let Some(message) = receiver.recv().await {
            return Some((Ok(message), Some((receiver, end))));
        }
        match end.await {
            Ok(Ok(())) => None,
            Ok(Err(status)) => Some((Err(status), None)),
            Err(_) => Some((Err(Status::internal("the sending of the result ended early")), None)),
        }
    };
    futures::stream::unfold(Some((receiver, end)), next).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_end_only_when_it_is_told() {
        let (sender, receiver) = mpsc::channel(2);
        let (tell_end, end) = oneshot::channel();
        sender.send(FlightData::default()).await.expect("sent");
        tell_end.send(Ok(())).expect("told");
        drop(sender);
        let all: Vec<_> = messages(receiver, end).collect().await;
        assert!(matches!(&all[..], [Ok(_)]));
    }

    #[tokio::test]
    async fn an_end_that_nobody_told_is_an_error() {
        let (sender, receiver) = mpsc::channel::<FlightData>(2);
        let (tell_end, end) = oneshot::channel();
        drop((sender, tell_end));
        let all: Vec<_> = messages(receiver, end).collect().await;
        assert!(matches!(&all[..], [Err(_)]), "{all:?}");
    }

    #[tokio::test]
    async fn an_error_comes_after_the_rows_before_it() {
        let (sender, receiver) = mpsc::channel(2);
        let (tell_end, end) = oneshot::channel();
        sender.send(FlightData::default()).await.expect("sent");
        tell_end.send(Err(Status::cancelled("x"))).expect("told");
        drop(sender);
        let all: Vec<_> = messages(receiver, end).collect().await;
        assert!(
            matches!(&all[..], [Ok(_), Err(status)] if status.code() == tonic::Code::Cancelled)
        );
    }

    #[test]
    fn errors_of_ours_survive_the_encoder() {
        let error = Error::new(ErrorKind::InvalidValue, "too large");
        let back = of_flight(into_flight(error));
        assert_eq!((back.kind(), back.message()), (ErrorKind::InvalidValue, "too large"));
    }
}
