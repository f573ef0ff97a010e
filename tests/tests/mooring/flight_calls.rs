//! Flight SQL by calls as no driver makes them: polling, half of a call, too much in one, without a token.

use std::time::Duration;

use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::sql::{
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, Any,
    CommandPreparedStatementQuery, CommandStatementQuery, ProstMessageExt,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, FlightData, FlightDescriptor, FlightInfo, PollInfo,
};
use futures::{StreamExt, TryStreamExt, stream};
use mooring_tests::{Cluster, Session};
use prost::Message;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

const PATIENCE: Duration = Duration::from_secs(60);
/// It has no row for minutes.
const LONG: &str = "SELECT count(*) AS n FROM tpch.sf10.lineitem a, tpch.tiny.lineitem b WHERE a.l_comment || b.l_comment = 'x'";

async fn channel(cluster: &mut Cluster) -> Channel {
    let address = cluster.coordinator().unwrap().address("flight_sql").unwrap().to_owned();
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// The calls of Flight, and the token for them.
async fn connect(cluster: &mut Cluster) -> (FlightServiceClient<Channel>, String) {
    let channel = channel(cluster).await;
    let mut client = FlightSqlServiceClient::new(channel.clone());
    client.handshake("root", "").await.unwrap();
    (FlightServiceClient::new(channel), format!("Bearer {}", client.token().unwrap()))
}

fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", token.parse().unwrap());
    request
}

fn statement(sql: &str) -> FlightDescriptor {
    let query = CommandStatementQuery { query: sql.to_owned(), transaction_id: None };
    FlightDescriptor::new_cmd(query.as_any().encode_to_vec())
}

async fn await_state(session: &mut Session, state: &str) {
    let look = "SELECT state FROM system.runtime.queries WHERE statement LIKE 'SELECT count(*) AS n FROM tpch.sf10%'";
    let mut found = Vec::new();
    let reached = timeout(PATIENCE, async {
        while found != [[state]] {
            found = session.rows(look).await.unwrap();
        }
    });
    assert!(reached.await.is_ok(), "not {state}: {found:?}");
}

#[tokio::test]
async fn a_statement_is_polled_to_its_end() {
    let mut cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let (mut client, token) = connect(&mut cluster).await;
    let mut descriptor = statement("SELECT count(*) FROM tpch.tiny.lineitem");
    let info = loop {
        let request = with_token(descriptor, &token);
        let answer: PollInfo = client.poll_flight_info(request).await.unwrap().into_inner();
        match answer.flight_descriptor {
            Some(next) => descriptor = next,
            None => break answer.info.unwrap(),
        }
    };
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    let messages = client.do_get(with_token(ticket, &token)).await.unwrap().into_inner();
    assert!(messages.try_collect::<Vec<_>>().await.unwrap().len() >= 2);
}

#[tokio::test]
async fn a_long_statement_is_polled_and_cancelled() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let (mut client, token) = connect(&mut cluster).await;
    let mut descriptor = statement(LONG);
    for _ in 0..2 {
        let request = with_token(descriptor, &token);
        let answer = client.poll_flight_info(request).await.unwrap().into_inner();
        assert!(answer.info.unwrap().endpoint.is_empty());
        descriptor = answer.flight_descriptor.unwrap();
    }
    await_state(&mut session, "running").await;
    let info = FlightInfo::new().with_descriptor(descriptor.clone());
    let body = CancelFlightInfoRequest::new(info).encode_to_vec();
    let cancel = with_token(Action::new("CancelFlightInfo", body), &token);
    let answers = client.do_action(cancel).await.unwrap().into_inner();
    assert_eq!(answers.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    await_state(&mut session, "cancelled").await;
    let gone = client.poll_flight_info(with_token(descriptor, &token)).await.unwrap_err();
    assert_eq!(gone.code(), Code::InvalidArgument, "{gone}");
}

#[tokio::test]
async fn half_of_a_call_ends() {
    let builder = Cluster::one_node().unwrap();
    let builder = builder.setting("coordinator.flight_sql.body_timeout_s", "1");
    let mut cluster = builder.start().await.unwrap();
    let (mut client, token) = connect(&mut cluster).await;
    let request =
        ActionCreatePreparedStatementRequest { query: "SELECT ?".to_owned(), transaction_id: None };
    let action = Action::new("CreatePreparedStatement", request.as_any().encode_to_vec());
    let answers = client.do_action(with_token(action, &token)).await.unwrap().into_inner();
    let answer = answers.try_collect::<Vec<_>>().await.unwrap().remove(0).body;
    let prepared = Any::decode(answer).unwrap().unpack::<ActionCreatePreparedStatementResult>();
    let handle = prepared.unwrap().unwrap().prepared_statement_handle;
    let command = CommandPreparedStatementQuery { prepared_statement_handle: handle };
    let descriptor = FlightDescriptor::new_cmd(command.as_any().encode_to_vec());
    let first = FlightData::new().with_descriptor(descriptor);
    let unfinished = stream::iter([first]).chain(stream::pending());
    let ended = timeout(PATIENCE, client.do_put(with_token(unfinished, &token))).await.unwrap();
    let refused = ended.map(drop).unwrap_err();
    assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
    let info = client.get_flight_info(with_token(statement("SELECT 1"), &token)).await;
    assert_eq!(info.unwrap().into_inner().endpoint.len(), 1);
}

#[tokio::test]
async fn a_message_has_a_bound() {
    let builder = Cluster::one_node().unwrap();
    let builder = builder.setting("coordinator.flight_sql.message_max_bytes", "65536");
    let mut cluster = builder.start().await.unwrap();
    let (mut client, token) = connect(&mut cluster).await;
    let long = statement(&format!("SELECT '{}'", "x".repeat(70_000)));
    let refused = client.get_flight_info(with_token(long, &token)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    let info = client.get_flight_info(with_token(statement("SELECT 1"), &token)).await;
    assert_eq!(info.unwrap().into_inner().endpoint.len(), 1);
}

#[tokio::test]
async fn health_is_told_without_a_token_and_nothing_else() {
    let mut cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let channel = channel(&mut cluster).await;
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "arrow.flight.protocol.FlightService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let mut flight = FlightServiceClient::new(channel);
    let refused = flight.get_flight_info(statement("SELECT 1")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
}
