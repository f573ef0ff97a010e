//! The coordinator's end of the internal port: Flight actions by which workers join, live, leave and
//! ask for catalogs. It answers no SQL.

use crate::membership::Membership;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use futures::StreamExt;
use futures::stream::BoxStream;
use mooring_engine::Catalogs;
use mooring_spi::{Error, Result};
use mooring_worker::VERSION;
use mooring_worker::protocol::{
    CATALOG, CatalogRequest, HEARTBEAT, Heartbeat, HeartbeatAnswer, LEAVE, Leave, REGISTER,
    Register, Registered,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Bytes of one call from a node; a registration has a few hundred.
const CALL_BYTES_MAX: usize = 64 * 1024;

pub struct InternalService {
    coordinator_id: String,
    membership: Arc<Membership>,
    catalogs: Arc<Catalogs>,
}

impl InternalService {
    pub fn server(
        coordinator_id: String,
        membership: Arc<Membership>,
        catalogs: Arc<Catalogs>,
    ) -> FlightServiceServer<InternalService> {
        FlightServiceServer::new(Self { coordinator_id, membership, catalogs })
            .max_decoding_message_size(CALL_BYTES_MAX)
    }

    fn answer(&self, action: &Action) -> Result<Vec<u8>> {
        match action.r#type.as_str() {
            REGISTER => {
                self.membership.register(read::<Register>(&action.body)?)?;
                write(&Registered {
                    coordinator_version: VERSION.to_string(),
                    coordinator_id: self.coordinator_id.clone(),
                    members: self.membership.members(),
                })
            }
            HEARTBEAT => {
                let known = self.membership.heartbeat(&read::<Heartbeat>(&action.body)?);
                let (catalogs, members) = (self.catalogs.live(), self.membership.members());
                write(&HeartbeatAnswer { known, catalogs, members })
            }
            LEAVE => {
                self.membership.leave(&read::<Leave>(&action.body)?.node_id);
                write(&())
            }
            CATALOG => {
                let request = read::<CatalogRequest>(&action.body)?;
                write(&self.catalogs.definition(request.key)?)
            }
            other => Err(Error::unsupported(format!("unknown internal call `{other}`"))),
        }
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body)
        .map_err(|error| Error::internal(format!("an internal call is unreadable: {error}")))
}

fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(answer)
        .map_err(|error| Error::internal("an answer cannot be written").with_cause(error))
}

fn unimplemented<T>(call: &str) -> Result<T, Status> {
    Err(Status::unimplemented(format!("`{call}` is not served on the internal port")))
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl FlightService for InternalService {
    type HandshakeStream = Answers<HandshakeResponse>;
    type ListFlightsStream = Answers<FlightInfo>;
    type DoGetStream = Answers<FlightData>;
    type DoPutStream = Answers<PutResult>;
    type DoExchangeStream = Answers<FlightData>;
    type DoActionStream = Answers<arrow_flight::Result>;
    type ListActionsStream = Answers<ActionType>;

    async fn do_action(
        &self,
        request: Request<Action>,
    ) -> Result<Response<Self::DoActionStream>, Status> {
        let body = self
            .answer(request.get_ref())
            .map_err(|error| Status::failed_precondition(error.to_string()))?;
        let answer = arrow_flight::Result { body: body.into() };
        Ok(Response::new(futures::stream::iter([Ok(answer)]).boxed()))
    }

    async fn handshake(
        &self,
        _request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Self::HandshakeStream>, Status> {
        unimplemented("Handshake")
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> Result<Response<Self::ListFlightsStream>, Status> {
        unimplemented("ListFlights")
    }

    async fn get_flight_info(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        unimplemented("GetFlightInfo")
    }

    async fn poll_flight_info(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<PollInfo>, Status> {
        unimplemented("PollFlightInfo")
    }

    async fn get_schema(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> Result<Response<SchemaResult>, Status> {
        unimplemented("GetSchema")
    }

    async fn do_get(
        &self,
        _request: Request<Ticket>,
    ) -> Result<Response<Self::DoGetStream>, Status> {
        unimplemented("DoGet")
    }

    async fn do_put(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoPutStream>, Status> {
        unimplemented("DoPut")
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Result<Response<Self::DoExchangeStream>, Status> {
        unimplemented("DoExchange")
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> Result<Response<Self::ListActionsStream>, Status> {
        unimplemented("ListActions")
    }
}
