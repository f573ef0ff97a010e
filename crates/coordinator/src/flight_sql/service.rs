//! The calls of Flight, each handed on, and its errors translated.

use super::FlightSqlDoor;
use super::actions::action_types;
use super::batches::Messages;
use super::gate::Caller;
use super::info;
use super::session::FlightSession;
use super::status::{defect, report, status};
use super::stream::Peer;
use arrow::error::ArrowError;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use mooring_spi::{Error, Result};
use std::sync::Arc;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Response, Status, Streaming};

/// The door as a service of Flight.
pub(super) struct FlightSql(Arc<FlightSqlDoor>);

type Answers<T> = BoxStream<'static, std::result::Result<T, Status>>;
type Answer<T> = std::result::Result<Response<T>, Status>;

impl FlightSql {
    pub(super) fn new(door: Arc<FlightSqlDoor>) -> Self {
        Self(door)
    }
}

/// The session of a call, which the gate has found.
fn caller<T>(request: &Request<T>) -> std::result::Result<Arc<FlightSession>, Status> {
    let Caller(session) = request
        .extensions()
        .get::<Caller>()
        .ok_or_else(|| status(&Error::internal("a call that did not come through the gate")))?;
    Ok(session.clone())
}

/// What a call came to, as the client is told it.
fn told<T>(session: &FlightSession, done: Result<T>) -> Answer<T> {
    let client = session.client();
    done.map(Response::new).map_err(|error| report(&error, &client.user, client.connection_id))
}

fn one<T: Send + 'static>(answer: T) -> Answers<T> {
    futures::stream::iter([Ok(answer)]).boxed()
}

#[tonic::async_trait]
impl FlightService for FlightSql {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Messages;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    async fn handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        let peer = request
            .extensions()
            .get::<Peer>()
            .cloned()
            .ok_or_else(|| status(&Error::internal("a login of nobody")))?;
        let headers = request.metadata().clone();
        let token = self.0.log_in(&headers, &peer).await?;
        let mut bearer: MetadataValue<Ascii> = MetadataValue::try_from(format!("Bearer {token}"))
            .map_err(|error| status(&defect(error)))?;
        bearer.set_sensitive(true);
        let payload = token.into_bytes().into();
        let mut response = Response::new(one(HandshakeResponse { protocol_version: 0, payload }));
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn list_flights(&self, request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        let session = caller(&request)?;
        told(
            &session,
            Err(Error::unsupported(
                "ListFlights is not supported; tables are listed by Flight SQL's GetTables",
            )),
        )
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let session = caller(&request)?;
        let descriptor = request.into_inner();
        let info = self.0.flight_info(&session, descriptor, info::Answer::Soon).await;
        told(&session, info)
    }

    async fn poll_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        let session = caller(&request)?;
        let info = self.0.poll(&session, request.into_inner()).await;
        told(&session, info)
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let session = caller(&request)?;
        let schema = self.0.schema(&session, request.get_ref()).await;
        let options = IpcWriteOptions::default();
        let result = schema.and_then(|schema| {
            let result: std::result::Result<SchemaResult, ArrowError> =
                SchemaAsIpc::new(&schema, &options).try_into();
            result.map_err(defect)
        });
        told(&session, result)
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let session = caller(&request)?;
        let messages = self.0.fetch(&session, &request.get_ref().ticket).await;
        told(&session, messages)
    }

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let session = caller(&request)?;
        let result = self.0.put(&session, request.into_inner()).await?;
        Ok(Response::new(one(result)))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        let session = caller(&request)?;
        let body = self.0.act(&session, request.get_ref()).await;
        let answers = body.map(|body| {
            let answer = body.map(|body| Ok(arrow_flight::Result { body }));
            futures::stream::iter(answer).boxed()
        });
        told(&session, answers)
    }

    async fn list_actions(&self, request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        caller(&request)?;
        Ok(Response::new(futures::stream::iter(action_types().into_iter().map(Ok)).boxed()))
    }

    async fn do_exchange(
        &self,
        request: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        let session = caller(&request)?;
        told(
            &session,
            Err(Error::unsupported("DoExchange is not supported; Flight SQL does without it")),
        )
    }
}
