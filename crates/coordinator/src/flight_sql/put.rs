//! DoPut: values for prepared statements, and statements that give no rows. What changes tables is
//! refused by name, by the statement itself.

use super::FlightSqlDoor;
use super::command::{no_substrait, no_transaction, read_command, short_name};
use super::held_limit::HeldPlace;
use super::parameters::{BindLimits, CollectError, Reading, collect, rows_of};
use super::prepared::Row;
use super::session::FlightSession;
use super::status::{invalid, report};
use crate::session::Response;
use arrow_flight::sql::{Command, DoPutPreparedStatementResult, DoPutUpdateResult};
use arrow_flight::{FlightData, PutResult};
use futures::{Stream, StreamExt};
use mooring_spi::{Error, Result};
use prost::Message;
use std::sync::Arc;
use tonic::Status;

impl FlightSqlDoor {
    /// Does what the first message asks for, with what the others bring.
    pub(super) async fn put(
        &self,
        session: &Arc<FlightSession>,
        mut messages: impl Stream<Item = std::result::Result<FlightData, Status>> + Unpin + Send,
    ) -> std::result::Result<PutResult, Status> {
        let client = session.client();
        let told = |error: Error| report(&error, &client.user, client.connection_id);
        let first = messages.next().await.transpose()?;
        let first = first.ok_or_else(|| told(invalid("DoPut brought no message")))?;
        let descriptor = first.flight_descriptor.clone();
        let descriptor = descriptor
            .ok_or_else(|| told(invalid("the first message of DoPut has no descriptor")))?;
        let command = read_command(&descriptor.cmd).map_err(told)?;
        let all = futures::stream::iter([Ok(first)]).chain(messages);
        self.do_put(session, command, all).await.map_err(|failure| match failure {
            Failure::Told(error) => told(error),
            Failure::Stream(status) => status,
        })
    }

    async fn do_put(
        &self,
        session: &Arc<FlightSession>,
        command: Command,
        messages: impl Stream<Item = std::result::Result<FlightData, Status>> + Unpin + Send,
    ) -> std::result::Result<PutResult, Failure> {
        match command {
            Command::CommandPreparedStatementQuery(query) => {
                let held = session.prepared.get(&query.prepared_statement_handle)?;
                let (rows, place) = self.rows(session, messages).await?;
                held.bind(rows, place);
                let handle = Some(query.prepared_statement_handle);
                let result = DoPutPreparedStatementResult { prepared_statement_handle: handle };
                Ok(PutResult { app_metadata: result.encode_to_vec().into() })
            }
            Command::CommandPreparedStatementUpdate(update) => {
                let held = session.prepared.get(&update.prepared_statement_handle)?;
                let (rows, place) = self.rows(session, messages).await?;
                if !rows.is_empty() {
                    held.bind(rows, place);
                }
                let mut count = 0;
                for row in held.bound_rows()?.iter() {
                    let response = session.execute_prepared(&held.prepared, row.clone()).await?;
                    count += affected(response)?;
                }
                Ok(updated(count))
            }
            Command::CommandStatementUpdate(update) => {
                no_transaction(update.transaction_id.as_ref())?;
                Ok(updated(affected(session.execute(&update.query).await?)?))
            }
            Command::CommandStatementIngest(ingest) => Err(Error::unsupported(format!(
                "bulk ingestion (into `{}`) is not supported; Mooring reads tables and does not write them",
                ingest.table.escape_debug().take(TABLE_CHARACTERS_MAX).collect::<String>()
            ))
            .into()),
            Command::CommandStatementSubstraitPlan(_) => Err(no_substrait().into()),
            other => {
                Err(invalid(format!("`{}` is no command of DoPut", short_name(&other))).into())
            }
        }
    }

    /// The values in a client's messages.
    async fn rows(
        &self,
        session: &FlightSession,
        messages: impl Stream<Item = std::result::Result<FlightData, Status>> + Unpin + Send,
    ) -> std::result::Result<(Vec<Row>, HeldPlace), Failure> {
        let limits = BindLimits {
            bytes_max: self.settings.message_max_bytes,
            rows_max: self.settings.parameter_rows_max,
        };
        let mut place = self.held.place(&session.client().user);
        let collected =
            collect(messages, limits, &mut place).await.map_err(|error| match error {
                CollectError::Stream(status) => Failure::Stream(status),
                CollectError::TooLarge(error) => Failure::Told(error),
            })?;
        let reading = Reading { limits, zone: session.lock().await?.time_zone()? };
        let decoding = tokio::task::spawn_blocking(move || rows_of(collected, reading));
        let rows = decoding.await.map_err(|error| {
            Failure::Told(
                Error::internal("the decoding of parameters ended early").with_cause(error),
            )
        })?;
        let (rows, bytes) = rows?;
        // The messages are gone, and the rows are as large or larger.
        drop(place);
        let mut kept = self.held.place(&session.client().user);
        kept.grow(bytes)?;
        Ok((rows, kept))
    }
}

/// So much of a table's name is told.
const TABLE_CHARACTERS_MAX: usize = 128;

enum Failure {
    Told(Error),
    /// The client's own, or of its connection.
    Stream(Status),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Told(error)
    }
}

fn updated(record_count: i64) -> PutResult {
    PutResult { app_metadata: DoPutUpdateResult { record_count }.encode_to_vec().into() }
}

/// # Errors
/// `InvalidArgument` for a statement that gives rows.
fn affected(response: Response) -> Result<i64> {
    match response {
        Response::Done(completion) => {
            Ok(i64::try_from(completion.affected_rows).unwrap_or(i64::MAX))
        }
        Response::Rows(_) => Err(invalid(
            "the statement gives rows; ask for it as a query (`CommandStatementQuery`)",
        )),
    }
}
