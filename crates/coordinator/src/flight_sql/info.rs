//! Statements: run to their first rows by GetFlightInfo, so that errors are told there and the
//! schema is the result's own, and read by DoGet. Of one that takes long to its first rows the client
//! is told before: what it has in hand then can be cancelled, and JDBC has no other way.

use super::FlightSqlDoor;
use super::batches::{Messages, Sending, send, send_batch};
use super::command::{Asked, asked, command, read_command};
use super::metadata::Question;
use super::prepared::{Held, Row};
use super::results::{OpenResult, Wait};
use super::session::{FlightSession, ended};
use super::status::{defect, invalid, limit_exceeded};
use super::ticket::{Claim, Ticket, ends, timestamp};
use super::wire_types::wire_schema;
use crate::query::cancelled;
use crate::session::{Response, ResultSet};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::{FlightDescriptor, FlightEndpoint, FlightInfo, IpcMessage, SchemaAsIpc};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use mooring_spi::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::{Instant, SystemTime};
use tokio_util::task::AbortOnDropHandle;

/// A question about metadata stands in its ticket.
const QUESTION_BYTES_MAX: usize = 64 * 1024;
/// Of a longer command an answer does not tell: clients bound their messages, too.
const ECHOED_BYTES_MAX: usize = 64 * 1024;

/// When a statement's client is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Not before there are rows.
    WithRows,
    /// Soon, whether there are rows or not.
    Soon,
}

impl FlightSqlDoor {
    /// Runs what a descriptor asks for to its first rows, or answers sooner.
    ///
    /// # Errors
    /// Every kind.
    pub(super) async fn flight_info(
        &self,
        session: &Arc<FlightSession>,
        descriptor: FlightDescriptor,
        answer: Answer,
    ) -> Result<FlightInfo> {
        let (schema, claim) = match asked(command(&descriptor)?)? {
            Asked::Statement(sql) => self.result_of(session, answer, session.execute(&sql)).await?,
            Asked::Prepared(handle) => {
                let held = session.prepared.get(&handle)?;
                self.result_of(session, answer, run_held(session.clone(), held)).await?
            }
            Asked::Metadata(question) => {
                if descriptor.cmd.len() > QUESTION_BYTES_MAX {
                    return Err(limit_exceeded(format!(
                        "a question about metadata has at most {QUESTION_BYTES_MAX} bytes"
                    )));
                }
                (question.schema(), Claim::Metadata(descriptor.cmd.clone()))
            }
        };
        let info = FlightInfo::new()
            .try_with_schema(&schema)
            .map_err(defect)?
            .with_endpoint(self.endpoint(session, claim)?)
            .with_descriptor(echoed(&descriptor))
            .with_total_records(-1)
            .with_total_bytes(-1)
            .with_ordered(true);
        Ok(info)
    }

    /// Where a client fetches what `claim` stands for: here, by the connection that it has. A time of
    /// expiration would say that it may be fetched again until then.
    pub(super) fn endpoint(&self, session: &FlightSession, claim: Claim) -> Result<FlightEndpoint> {
        let expires = ends(self.settings.ticket_lifetime);
        let again = matches!(claim, Claim::Metadata(_)).then(|| timestamp(expires));
        let user = session.client().user.clone();
        let ticket = Ticket { user, session: session.id(), claim };
        let ticket = arrow_flight::Ticket::new(self.tickets.sign(&ticket, expires)?);
        Ok(FlightEndpoint { expiration_time: again, ..FlightEndpoint::new().with_ticket(ticket) })
    }

    /// The result of `work`, which waits for its ticket from then on.
    async fn result_of(
        &self,
        session: &FlightSession,
        answer: Answer,
        work: impl Future<Output = Result<Response>>,
    ) -> Result<(SchemaRef, Claim)> {
        let limit = self.settings.results_per_session_max;
        let place = session.results.reserve(limit, &self.metrics)?;
        let work = async {
            match (work.await?, answer) {
                (Response::Rows(rows), Answer::WithRows) => {
                    with_rows(rows).await.map(Response::Rows)
                }
                (response, Answer::WithRows | Answer::Soon) => Ok(response),
            }
        };
        let response = tokio::select! {
            biased;
            response = work => response?,
            () = place.cancel.cancelled() => return Err(cancelled()),
        };
        let result = match response {
            Response::Rows(rows) => rows,
            // It did its work, and there is nothing to fetch.
            Response::Done(_) => {
                ResultSet { columns: Vec::new(), batches: stream::empty().boxed() }
            }
        };
        let options = *session.options.lock();
        let schema = wire_schema(&result.columns, options);
        let until = Wait::begin(Instant::now(), self.settings.ticket_lifetime);
        let id = place.wait(OpenResult { result, options, zone: session.zone() }, until)?;
        Ok((schema, Claim::Result(id)))
    }

    /// The schema of what a descriptor asks for, without running it.
    ///
    /// # Errors
    /// As [`crate::session::Session::prepare`].
    pub(super) async fn schema(
        &self,
        session: &FlightSession,
        descriptor: &FlightDescriptor,
    ) -> Result<SchemaRef> {
        let options = *session.options.lock();
        Ok(match asked(command(descriptor)?)? {
            Asked::Statement(sql) => wire_schema(&session.describe(&sql).await?.1, options),
            Asked::Prepared(handle) => {
                wire_schema(&session.prepared.get(&handle)?.columns, options)
            }
            Asked::Metadata(question) => question.schema(),
        })
    }

    /// How what is a session's is sent.
    fn sending(&self, session: &Arc<FlightSession>) -> Sending {
        Sending {
            session: session.clone(),
            runtime: self.hub.runtime().clone(),
            write_timeout: self.settings.write_timeout,
            metrics: self.metrics.clone(),
        }
    }

    /// What a ticket stands for, as messages.
    ///
    /// # Errors
    /// Those of the ticket; every kind for a question about metadata.
    pub(super) async fn fetch(
        self: &Arc<Self>,
        caller: &Arc<FlightSession>,
        ticket: &Bytes,
    ) -> Result<Messages> {
        let user = &caller.client().user;
        let verified = self.tickets.verify(ticket, user, SystemTime::now())?;
        match verified.claim {
            Claim::Result(id) => {
                let owner = self.sessions.by_id(verified.session).ok_or_else(session_is_gone)?;
                let (result, place) = owner.results.take(id)?;
                Ok(send(self.sending(&owner), result, place))
            }
            Claim::Metadata(bytes) => {
                let question = Question::of(read_command(&bytes)?)
                    .ok_or_else(|| invalid("the ticket holds no question about metadata"))?;
                let (door, owner) = (self.clone(), caller.clone());
                // Lists of all tables are built and sorted.
                let work = async move { question.answer(&door, &owner).await };
                let answer = AbortOnDropHandle::new(self.hub.runtime().spawn(work)).await;
                let batch = answer.map_err(|error| {
                    Error::internal("an answer about metadata ended early").with_cause(error)
                })??;
                let options = *caller.options.lock();
                Ok(send_batch(self.sending(caller), batch, options))
            }
            Claim::Poll(_) => Err(invalid(
                "the statement of this ticket still runs; ask by PollFlightInfo until it has an endpoint",
            )),
        }
    }
}

/// What was asked, in memory of its own: a statement's outcome may be kept for a while, and nothing that
/// a client sent beside it.
fn echoed(descriptor: &FlightDescriptor) -> FlightDescriptor {
    let told = match descriptor.cmd.len() <= ECHOED_BYTES_MAX {
        true => Bytes::copy_from_slice(&descriptor.cmd),
        false => Bytes::new(),
    };
    // Clients exist that do not read an answer without one.
    FlightDescriptor::new_cmd(told)
}

pub(super) fn session_is_gone() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("the ticket's result is gone: {}", ended().message()),
    )
}

/// Runs a prepared statement with each of its rows of values, one after the other; the results are
/// one.
async fn run_held(session: Arc<FlightSession>, held: Arc<Held>) -> Result<Response> {
    let rows = held.bound_rows()?;
    let first = rows.first().cloned().unwrap_or_default();
    match session.execute_prepared(&held.prepared, first).await? {
        Response::Rows(result) if rows.len() > 1 => {
            Ok(Response::Rows(with_further(session, held, rows, result)))
        }
        Response::Done(mut completion) => {
            for row in rows.iter().skip(1) {
                let run = session.execute_prepared(&held.prepared, row.clone());
                let response = run.await?;
                if let Response::Done(done) = response {
                    completion.affected_rows += done.affected_rows;
                }
            }
            Ok(Response::Done(completion))
        }
        response @ Response::Rows(_) => Ok(response),
    }
}

/// Waits for the first rows of a result, or its error.
async fn with_rows(mut result: ResultSet) -> Result<ResultSet> {
    let first = result.batches.try_next().await?;
    let batches = stream::iter(first.map(Ok)).chain(result.batches).boxed();
    Ok(ResultSet { columns: result.columns, batches })
}

/// Each run begins when the rows of the one before have been taken.
fn with_further(
    session: Arc<FlightSession>,
    held: Arc<Held>,
    rows: Arc<Vec<Row>>,
    first: ResultSet,
) -> ResultSet {
    let columns = first.columns;
    let count = columns.len();
    let further = stream::iter(1..rows.len()).then(move |index| {
        let (session, held, rows) = (session.clone(), held.clone(), rows.clone());
        async move {
            let row = rows.get(index).cloned().unwrap_or_default();
            match session.execute_prepared(&held.prepared, row).await? {
                Response::Rows(result) if result.columns.len() == count => Ok(result.batches),
                Response::Rows(_) | Response::Done(_) => Err(Error::internal(
                    "a statement has other columns with other values of its parameters",
                )),
            }
        }
    });
    ResultSet { columns, batches: first.batches.chain(further.try_flatten()).boxed() }
}

/// A schema in the form that stands in messages: IPC, with its length before it.
///
/// # Errors
/// `Internal`.
pub(super) fn schema_bytes(schema: &Schema) -> Result<Bytes> {
    let options = IpcWriteOptions::default();
    let message: std::result::Result<IpcMessage, ArrowError> =
        SchemaAsIpc::new(schema, &options).try_into();
    Ok(message.map_err(defect)?.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_short_commands_and_keeps_nothing_else() {
        let sent = Bytes::from(vec![7; 1 << 20]);
        let mut descriptor = FlightDescriptor::new_cmd(sent.slice(..100));
        descriptor.path = vec!["x".repeat(1000)];
        let told = echoed(&descriptor);
        assert_eq!(told, FlightDescriptor::new_cmd(vec![7; 100]));
        drop(descriptor);
        assert!(sent.is_unique());
        let told = echoed(&FlightDescriptor::new_cmd(sent));
        assert_eq!(told, FlightDescriptor::new_cmd(Bytes::new()));
    }
}
