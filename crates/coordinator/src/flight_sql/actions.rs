//! DoAction: prepared statements, cancellation, renewal, session options.
//!
//! The actions of Flight SQL come in an `Any`, those of Flight itself as they are.

use super::FlightSqlDoor;
use super::command::{no_substrait, no_transaction, no_transactions};
use super::info::schema_bytes;
use super::options::WireOptions;
use super::options_messages::{CloseSessionResult, CloseStatus, SetSessionOptionsRequest};
use super::session::FlightSession;
use super::status::invalid;
use super::ticket::{Claim, Ticket, ends, timestamp};
use super::wire_types::wire_schema;
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any, Command,
    ProstMessageExt,
};
use arrow_flight::{
    Action, ActionType, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo,
    RenewFlightEndpointRequest,
};
use bytes::Bytes;
use mooring_spi::{Error, ErrorKind, Result};
use prost::Message;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

const CREATE_PREPARED: &str = "CreatePreparedStatement";
const CLOSE_PREPARED: &str = "ClosePreparedStatement";
const CANCEL_QUERY: &str = "CancelQuery";
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";
const RENEW_ENDPOINT: &str = "RenewFlightEndpoint";
const SET_OPTIONS: &str = "SetSessionOptions";
const GET_OPTIONS: &str = "GetSessionOptions";
const CLOSE_SESSION: &str = "CloseSession";

/// The actions that there are; those that are refused by name are not among them.
const ACTIONS: [(&str, &str); 8] = [
    (CREATE_PREPARED, "prepares a statement and keeps it until it is closed"),
    (CLOSE_PREPARED, "lets go of a prepared statement"),
    (CANCEL_QUERY, "ends the query of a FlightInfo; CancelFlightInfo does the same"),
    (CANCEL_FLIGHT_INFO, "ends the query of a FlightInfo"),
    (RENEW_ENDPOINT, "lets a result wait longer for its client"),
    (SET_OPTIONS, "sets the catalog, the schema, how results travel, or a variable of the session"),
    (GET_OPTIONS, "tells the session's options"),
    (CLOSE_SESSION, "ends the session and its token"),
];

/// Actions of Flight SQL that are refused by name.
const TRANSACTIONS: [&str; 4] =
    ["BeginTransaction", "EndTransaction", "BeginSavepoint", "EndSavepoint"];
const SUBSTRAIT: &str = "CreatePreparedSubstraitPlan";

/// So much of a wrong name is told.
const SHOWN_CHARACTERS_MAX: usize = 128;
/// Endpoints of one FlightInfo; ours have one.
const ENDPOINTS_MAX: usize = 64;

pub(super) fn action_types() -> Vec<ActionType> {
    let action_type = |(name, description): (&str, &str)| ActionType {
        r#type: name.to_owned(),
        description: description.to_owned(),
    };
    ACTIONS.map(action_type).into()
}

impl FlightSqlDoor {
    /// The body of an action's one answer, if it has any.
    ///
    /// # Errors
    /// Every kind.
    pub(super) async fn act(
        &self,
        session: &Arc<FlightSession>,
        action: &Action,
    ) -> Result<Option<Bytes>> {
        let body = &action.body;
        match action.r#type.as_str() {
            CREATE_PREPARED => {
                let request: ActionCreatePreparedStatementRequest = unpacked(body)?;
                no_transaction(request.transaction_id.as_ref())?;
                self.create_prepared(session, &request.query).await.map(Some)
            }
            CLOSE_PREPARED => {
                let request: ActionClosePreparedStatementRequest = unpacked(body)?;
                session.prepared.close(&request.prepared_statement_handle);
                Ok(None)
            }
            CANCEL_QUERY => {
                let request: ActionCancelQueryRequest = unpacked(body)?;
                let info: FlightInfo = plain(&request.info)?;
                // Both enumerations have the same numbers for the same things.
                let result = self.cancel(session, &info)?.into();
                let result = ActionCancelQueryResult { result };
                Ok(Some(result.as_any().encode_to_vec().into()))
            }
            CANCEL_FLIGHT_INFO => {
                let request: CancelFlightInfoRequest = plain(body)?;
                let info =
                    request.info.ok_or_else(|| invalid("there is no FlightInfo to cancel"))?;
                let result = CancelFlightInfoResult { status: self.cancel(session, &info)?.into() };
                Ok(Some(result.encode_to_vec().into()))
            }
            RENEW_ENDPOINT => self.renew(session, plain(body)?).map(Some),
            SET_OPTIONS => {
                let request: SetSessionOptionsRequest = plain(body)?;
                Ok(Some(session.set_options(request).await?.encode_to_vec().into()))
            }
            GET_OPTIONS => Ok(Some(session.told_options().await?.encode_to_vec().into())),
            CLOSE_SESSION => {
                self.sessions.end(session.id());
                let result = CloseSessionResult { status: CloseStatus::Closed.into() };
                Ok(Some(result.encode_to_vec().into()))
            }
            SUBSTRAIT => Err(no_substrait()),
            name if TRANSACTIONS.contains(&name) => Err(no_transactions()),
            other => Err(Error::unsupported(format!(
                "there is no action `{}`; ListActions tells which there are",
                other.escape_debug().take(SHOWN_CHARACTERS_MAX).collect::<String>()
            ))),
        }
    }

    async fn create_prepared(&self, session: &FlightSession, sql: &str) -> Result<Bytes> {
        let (handle, held) = session.hold(sql, &self.held).await?;
        let options: WireOptions = *session.options.lock();
        let result = ActionCreatePreparedStatementResult {
            prepared_statement_handle: handle,
            dataset_schema: schema_bytes(&wire_schema(&held.columns, options))?,
            parameter_schema: schema_bytes(&held.parameter_schema())?,
        };
        Ok(result.as_any().encode_to_vec().into())
    }

    /// Ends what a FlightInfo stands for: results that wait or are being read, and a statement that
    /// is being polled.
    fn cancel(&self, caller: &FlightSession, info: &FlightInfo) -> Result<CancelStatus> {
        if info.endpoint.len() > ENDPOINTS_MAX {
            return Err(invalid(format!("a FlightInfo has at most {ENDPOINTS_MAX} endpoints")));
        }
        let user = caller.client().user.as_str();
        let mut status = CancelStatus::NotCancellable;
        let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
        let mut wrong = None;
        for ticket in tickets {
            match self.tickets.verify_of_any_age(&ticket.ticket, user) {
                Ok(ticket) if self.let_go(&ticket) => status = CancelStatus::Cancelled,
                Ok(_) => {}
                Err(error) => wrong = Some(error),
            }
        }
        if let Some(error) = wrong.filter(|_| status != CancelStatus::Cancelled) {
            return Err(error);
        }
        // That of a statement which is being polled stands where the descriptor stands.
        let descriptor = info.flight_descriptor.as_ref().filter(|_| info.endpoint.is_empty());
        if let Some(descriptor) = descriptor
            && let Ok(Command::TicketStatementQuery(ticket)) = super::command::command(descriptor)
        {
            let handle = &ticket.statement_handle;
            let ticket = self.tickets.verify_handle(handle, user, SystemTime::UNIX_EPOCH)?;
            if self.let_go(&ticket) {
                status = CancelStatus::Cancelled;
            }
        }
        Ok(status)
    }

    /// Whether there was something to end.
    fn let_go(&self, ticket: &Ticket) -> bool {
        let Some(owner) = self.sessions.by_id(ticket.session) else { return false };
        match ticket.claim {
            Claim::Result(id) => owner.results.cancel(id),
            Claim::Poll(id) => match owner.polls.remove(id) {
                None => false,
                // It has ended meanwhile, and its result waits.
                Some(Some(Ok(info))) => {
                    // Its tickets are of the same user, and have no more poll in them.
                    self.cancel(&owner, &info).is_ok()
                }
                Some(Some(Err(_)) | None) => true,
            },
            Claim::Metadata(_) => false,
        }
    }

    fn renew(&self, caller: &FlightSession, request: RenewFlightEndpointRequest) -> Result<Bytes> {
        let endpoint = request.endpoint.ok_or_else(|| invalid("there is no endpoint to renew"))?;
        let ticket = endpoint.ticket.ok_or_else(|| invalid("the endpoint has no ticket"))?;
        let user = caller.client().user.as_str();
        let ticket = self.tickets.verify(&ticket.ticket, user, SystemTime::now())?;
        let gone = || {
            Error::new(
                ErrorKind::InvalidArgument,
                "the endpoint's result was read, cancelled, or not fetched in time",
            )
        };
        let owner = self.sessions.by_id(ticket.session).ok_or_else(gone)?;
        if let Claim::Result(id) = ticket.claim {
            let until = Instant::now() + self.settings.ticket_lifetime;
            if !owner.results.renew(id, until) {
                return Err(gone());
            }
        }
        let expires = timestamp(ends(self.settings.ticket_lifetime));
        let renewed = self.endpoint(&owner, ticket.claim)?.with_expiration_time(expires);
        Ok(renewed.encode_to_vec().into())
    }
}

/// A message in an `Any`.
fn unpacked<M: ProstMessageExt>(body: &Bytes) -> Result<M> {
    let any = Any::decode(body.clone()).map_err(|_| malformed::<M>())?;
    any.unpack().ok().flatten().ok_or_else(malformed::<M>)
}

/// A message as it is.
fn plain<M: Message + Default>(body: &Bytes) -> Result<M> {
    M::decode(body.clone())
        .map_err(|_| invalid("the action's body is not the message that it takes"))
}

fn malformed<M: ProstMessageExt>() -> Error {
    invalid(format!("the action's body is not a `{}` in an `Any`", M::type_url()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `CancelResult` of `FlightSql.proto` and `CancelStatus` of `Flight.proto`.
    #[test]
    fn both_cancellations_have_the_same_numbers() {
        let numbers = [
            (CancelStatus::Unspecified, 0),
            (CancelStatus::Cancelled, 1),
            (CancelStatus::Cancelling, 2),
            (CancelStatus::NotCancellable, 3),
        ];
        for (status, number) in numbers {
            assert_eq!(i32::from(status), number);
        }
    }

    #[test]
    fn every_action_is_told_once() {
        let mut names: Vec<_> = action_types().into_iter().map(|action| action.r#type).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(TRANSACTIONS.iter().all(|name| !names.iter().any(|told| told == name)));
    }

    proptest! {
        #[test]
        fn any_body_is_a_message_or_refused(bytes: Vec<u8>) {
            let bytes = Bytes::from(bytes);
            let _ = unpacked::<ActionCreatePreparedStatementRequest>(&bytes);
            let _ = unpacked::<ActionClosePreparedStatementRequest>(&bytes);
            let _ = unpacked::<ActionCancelQueryRequest>(&bytes);
            let _ = plain::<CancelFlightInfoRequest>(&bytes);
            let _ = plain::<RenewFlightEndpointRequest>(&bytes);
            let _ = plain::<FlightInfo>(&bytes);
        }
    }
}
