//! The bare server: DoGet, and nothing else. Threads read, decode and encode row groups; the connection's task only
//! sends what they made.

use crate::failure::Result;
use crate::print;
use crate::row_groups::{ReadingOptions, RowGroups};
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use clap::Args;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::json;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

/// What stands for all rows.
pub const TICKET: &str = "rows";
/// Messages of each thread that may wait for the client, of about 2 MiB.
const MESSAGES_AHEAD: usize = 2;

#[derive(Args)]
pub struct Serving {
    /// Threads that read the files, and as many that send.
    #[arg(long)]
    threads: usize,
    #[arg(long)]
    batch_rows: usize,
    /// Reads text as views, and sends it as text.
    #[arg(long)]
    views: bool,
    /// Parquet files of one schema.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

impl Serving {
    pub fn run(&self) -> Result<()> {
        let reading = ReadingOptions { batch_rows: self.batch_rows, views: self.views };
        let groups = Arc::new(RowGroups::open(&self.files, reading)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.threads)
            .enable_all()
            .build()?;
        let incoming = {
            let _context = runtime.enter();
            TcpIncoming::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?.with_nodelay(Some(true))
        };
        print(&json!({ "address": incoming.local_addr()? }))?;
        let service = FlightServiceServer::new(BareServer { groups, threads: self.threads });
        let serving = Server::builder().add_service(service).serve_with_incoming(incoming);
        drop(runtime.spawn(async move {
            if let Err(error) = serving.await {
                eprintln!("{error}");
            }
        }));
        std::io::stdin().read_to_end(&mut Vec::new())?;
        // Whoever still reads has lost interest.
        runtime.shutdown_background();
        Ok(())
    }
}

struct BareServer {
    groups: Arc<RowGroups>,
    threads: usize,
}

type Stream<T> = BoxStream<'static, std::result::Result<T, Status>>;

fn not_there<T>(call: &str) -> std::result::Result<Response<T>, Status> {
    Err(Status::unimplemented(format!("{call}: there is DoGet alone")))
}

#[tonic::async_trait]
impl FlightService for BareServer {
    type HandshakeStream = Stream<HandshakeResponse>;
    type ListFlightsStream = Stream<FlightInfo>;
    type DoGetStream = Stream<FlightData>;
    type DoPutStream = Stream<PutResult>;
    type DoExchangeStream = Stream<FlightData>;
    type DoActionStream = Stream<arrow_flight::Result>;
    type ListActionsStream = Stream<ActionType>;

    async fn do_get(
        &self,
        request: Request<Ticket>,
    ) -> std::result::Result<Response<Self::DoGetStream>, Status> {
        if request.get_ref().ticket != TICKET {
            return Err(Status::not_found(format!("there is one ticket, `{TICKET}`")));
        }
        let schema =
            self.groups.schema_message().map_err(|error| Status::from_error(error.into()))?;
        let (sender, receiver) = mpsc::channel(self.threads * MESSAGES_AHEAD);
        let shared = self.groups.share();
        for _ in 0..self.threads {
            let (messages, sender) = (shared.clone().messages(), sender.clone());
            tokio::task::spawn_blocking(move || {
                for message in messages {
                    let message = message.map_err(Status::from);
                    let is_last = message.is_err();
                    // The receiver goes with the client.
                    if sender.blocking_send(message).is_err() || is_last {
                        return;
                    }
                }
            });
        }
        let first = futures::stream::iter([Ok(schema)]);
        Ok(Response::new(first.chain(ReceiverStream::new(receiver)).boxed()))
    }

    async fn handshake(
        &self,
        _request: Request<Streaming<HandshakeRequest>>,
    ) -> std::result::Result<Response<Self::HandshakeStream>, Status> {
        not_there("Handshake")
    }

    async fn list_flights(
        &self,
        _request: Request<Criteria>,
    ) -> std::result::Result<Response<Self::ListFlightsStream>, Status> {
        not_there("ListFlights")
    }

    async fn get_flight_info(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<FlightInfo>, Status> {
        not_there("GetFlightInfo")
    }

    async fn poll_flight_info(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<PollInfo>, Status> {
        not_there("PollFlightInfo")
    }

    async fn get_schema(
        &self,
        _request: Request<FlightDescriptor>,
    ) -> std::result::Result<Response<SchemaResult>, Status> {
        not_there("GetSchema")
    }

    async fn do_put(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> std::result::Result<Response<Self::DoPutStream>, Status> {
        not_there("DoPut")
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> std::result::Result<Response<Self::DoExchangeStream>, Status> {
        not_there("DoExchange")
    }

    async fn do_action(
        &self,
        _request: Request<Action>,
    ) -> std::result::Result<Response<Self::DoActionStream>, Status> {
        not_there("DoAction")
    }

    async fn list_actions(
        &self,
        _request: Request<Empty>,
    ) -> std::result::Result<Response<Self::ListActionsStream>, Status> {
        not_there("ListActions")
    }
}
