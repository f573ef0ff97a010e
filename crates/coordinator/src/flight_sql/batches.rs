//! A result on its way: batches become messages away from the door's threads, and cross to them
//! through a short channel. A client that reads slowly fills it, and the plan waits; one that takes
//! nothing for too long loses its result.

use super::metrics::FlightSqlMetrics;
use super::options::WireOptions;
use super::results::{OpenResult, ResultPlace};
use super::session::{FlightSession, ended};
use super::status::{defect, report};
use super::wire_types::{into_wire, wire_schema};
use crate::query::cancelled;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow_flight::FlightData;
use arrow_flight::encode::{FlightDataEncoder, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// Messages that may wait for the client, of about 2 MiB at most.
const MESSAGES_AHEAD: usize = 2;
/// Of a batch with views; others are cut by the encoder, to the same size.
const PIECE_BYTES: usize = 2 << 20;

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
        let outcome = pump(&sending, result, &place, &sender).await;
        let client = sending.session.client();
        let outcome = outcome.map_err(|error| report(&error, &client.user, client.connection_id));
        sending.session.touch();
        drop(place);
        // Before the sender goes, so that the end of the messages finds it.
        let _ = tell_end.send(outcome);
        drop(sender);
    };
    drop(runtime.spawn(task));
    messages(receiver, end)
}

/// One batch that is there already, for answers that take no query.
pub(super) fn send_batch(batch: RecordBatch, options: WireOptions) -> Result<Messages> {
    let schema = batch.schema();
    let encoder = encoder(schema, options)?.build(stream::iter([Ok(batch)]));
    Ok(encoder
        .map(|message| message.map_err(|error| super::status::status(&of_flight(error))))
        .boxed())
}

async fn pump(
    sending: &Sending,
    result: OpenResult,
    place: &ResultPlace,
    sender: &mpsc::Sender<FlightData>,
) -> Result<()> {
    let mut messages = encoded(sending, result)?;
    loop {
        let message = tokio::select! {
            biased;
            () = place.cancel.cancelled() => return Err(why_over(sending)),
            () = sending.session.close.cancelled() => return Err(ended()),
            // The client has gone.
            () = sender.closed() => return Err(cancelled()),
            message = messages.next() => message,
        };
        let Some(message) = message.transpose().map_err(of_flight)? else { return Ok(()) };
        sending.metrics.sent_bytes.inc_by(message.data_body.len() as u64);
        let sent = tokio::select! {
            biased;
            () = place.cancel.cancelled() => return Err(why_over(sending)),
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
    let batches = result.batches.map(in_wire_form);
    let encoder = encoder(schema, options)?;
    if !options.views {
        return Ok(encoder.build(batches));
    }
    let pieces = batches.flat_map(|batch| {
        stream::iter(match batch {
            Ok(batch) => in_pieces(&batch).into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        })
    });
    Ok(encoder.with_max_flight_data_size(usize::MAX).build(pieces))
}

/// A batch in pieces of which each has the buffers of its own views alone: in a message stand all
/// buffers that its arrays hold.
fn in_pieces(batch: &RecordBatch) -> Vec<RecordBatch> {
    let pieces = (batch.get_array_memory_size() / PIECE_BYTES + 1).min(batch.num_rows().max(1));
    let rows = batch.num_rows().div_ceil(pieces).max(1);
    let starts = (0..batch.num_rows().max(1)).step_by(rows);
    let piece = |start: usize| {
        let slice = batch.slice(start, rows.min(batch.num_rows() - start));
        let columns = slice.columns().iter().map(|column| -> ArrayRef {
            match column.data_type() {
                DataType::Utf8View => Arc::new(column.as_string_view().gc()),
                DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
                _ => column.clone(),
            }
        });
        // Its columns are of the same types and lengths.
        RecordBatch::try_new(slice.schema(), columns.collect()).unwrap_or(slice)
    };
    starts.map(piece).collect()
}

fn encoder(schema: SchemaRef, options: WireOptions) -> Result<FlightDataEncoderBuilder> {
    let ipc = options.ipc().map_err(defect)?;
    Ok(FlightDataEncoderBuilder::new().with_schema(schema).with_options(ipc))
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
    stream::unfold(Some((receiver, end)), next).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::StringViewArray;

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
    fn pieces_have_their_own_views_alone() {
        let texts: Vec<String> = (0..1000).map(|row| format!("{row:8192}")).collect();
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(&texts));
        let batch = RecordBatch::try_from_iter([("v", views)]).expect("a batch");
        let pieces = in_pieces(&batch);
        let found: Vec<&str> =
            pieces.iter().flat_map(|one| one.column(0).as_string_view().iter().flatten()).collect();
        assert_eq!(found, texts);
        let sizes: usize = pieces.iter().map(RecordBatch::get_array_memory_size).sum();
        assert!(pieces.len() > 1 && sizes < 2 * batch.get_array_memory_size(), "{sizes}");
        assert_eq!(in_pieces(&batch.slice(0, 0)).len(), 1);
    }

    #[test]
    fn errors_of_ours_survive_the_encoder() {
        let error = Error::new(ErrorKind::InvalidValue, "too large");
        let back = of_flight(into_flight(error));
        assert_eq!((back.kind(), back.message()), (ErrorKind::InvalidValue, "too large"));
    }
}
