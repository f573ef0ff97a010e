//! Flight SQL by a Rust client: results, the ways in which a query ends, what a session leaves behind.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, CancelFlightInfoRequest, FlightInfo, Ticket};
use futures::{StreamExt, TryStreamExt};
use hyper_util::rt::TokioIo;
use mooring_tests::{Cluster, Session};
use prost::Message;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tonic::transport::{Channel, Endpoint, Uri};

type Client = FlightSqlServiceClient<Channel>;

const PATIENCE: Duration = Duration::from_secs(60);
/// More rows than anybody reads in these tests.
const LONG: &str = "SELECT l_comment FROM tpch.sf100.lineitem";

async fn connect(cluster: &mut Cluster) -> Client {
    let address = cluster.coordinator().unwrap().address("flight_sql").unwrap().to_owned();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut client = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
    client.handshake("root", "").await.unwrap();
    client
}

/// Inside TLS, with trust in the certificate that the coordinator has made for itself.
async fn connect_by_tls(cluster: &mut Cluster) -> Client {
    let address = cluster.coordinator().unwrap().address("flight_sql").unwrap().to_owned();
    let certificate = cluster.builder().state_folder().join("mysql-certificate.pem");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsConnector::from(Arc::new(config));
    let dial = tower::service_fn(move |_: Uri| {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
            let stream = tls.connect(name, TcpStream::connect(address).await?).await?;
            io::Result::Ok(TokioIo::new(stream))
        }
    });
    let endpoint = Endpoint::from_static("http://localhost");
    let mut client =
        FlightSqlServiceClient::new(endpoint.connect_with_connector(dial).await.unwrap());
    client.handshake("root", "").await.unwrap();
    client
}

async fn info(client: &mut Client, sql: &str) -> FlightInfo {
    client.execute(sql.to_owned(), None).await.unwrap()
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn row_count(client: &mut Client, sql: &str) -> usize {
    let info = info(client, sql).await;
    let batches = client.do_get(ticket(&info)).await.unwrap();
    let batches: Vec<_> = batches.try_collect().await.unwrap();
    batches.iter().map(|batch| batch.num_rows()).sum()
}

/// Waits until the last query with this text is in the state.
async fn await_state(session: &mut Session, sql: &str, state: &str) {
    let look = format!(
        "SELECT state FROM system.runtime.queries WHERE statement = '{sql}' ORDER BY query_id DESC LIMIT 1"
    );
    let mut found = Vec::new();
    let reached = timeout(PATIENCE, async {
        while found != [[state]] {
            found = session.rows(&look).await.unwrap();
        }
    });
    assert!(reached.await.is_ok(), "not {state}: {found:?}");
}

#[tokio::test]
async fn rows_come_from_one_node_and_from_workers() {
    for workers in [0, 2] {
        let mut cluster = Cluster::with_workers(workers).unwrap().start().await.unwrap();
        let mut clients = vec![connect(&mut cluster).await];
        // The others make no certificate for themselves.
        if workers == 0 {
            clients.push(connect_by_tls(&mut cluster).await);
        }
        for mut client in clients {
            assert_eq!(row_count(&mut client, "SET distributed_bytes_per_partition = 1").await, 0);
            let lineitem = "SELECT l_orderkey, l_comment FROM tpch.tiny.lineitem";
            assert_eq!(row_count(&mut client, lineitem).await, 60175);
        }
    }
}

#[tokio::test]
async fn a_query_ends_with_its_stream() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let mut client = connect(&mut cluster).await;
    let info = info(&mut client, LONG).await;
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    await_state(&mut session, LONG, "running").await;
    drop(rows);
    await_state(&mut session, LONG, "cancelled").await;
}

#[tokio::test]
async fn a_query_ends_by_cancel_before_its_result_is_read() {
    let mut cluster = Cluster::with_workers(2).unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let mut client = connect(&mut cluster).await;
    let info = info(&mut client, LONG).await;
    let first = ticket(&info);
    let body = CancelFlightInfoRequest::new(info).encode_to_vec();
    let answer = client.do_action(Action::new("CancelFlightInfo", body)).await.unwrap();
    assert_eq!(answer.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    await_state(&mut session, LONG, "cancelled").await;
    assert!(client.do_get(first).await.is_err());
}

#[tokio::test]
async fn a_query_ends_by_kill_with_an_error_and_not_with_fewer_rows() {
    let mut cluster = Cluster::one_node().unwrap().start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let mut client = connect(&mut cluster).await;
    let info = info(&mut client, LONG).await;
    let mut rows = client.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    let look =
        format!("SELECT connection_id FROM system.runtime.queries WHERE statement = '{LONG}'");
    let id = session.rows(&look).await.unwrap()[0][0].clone();
    session.run(&format!("KILL QUERY {id}")).await.unwrap();
    let last = timeout(PATIENCE, async {
        while let Some(batch) = rows.next().await {
            if let Err(error) = batch {
                return Some(error);
            }
        }
        None
    });
    assert!(last.await.unwrap().is_some(), "the result ended as if it were whole");
    assert_eq!(row_count(&mut client, "SELECT 1").await, 1);
}

#[tokio::test]
async fn a_result_that_nobody_fetches_is_let_go_of() {
    let builder = Cluster::one_node().unwrap();
    let builder = builder.setting("coordinator.flight_sql.ticket_lifetime_s", "1");
    let mut cluster = builder.start().await.unwrap();
    let mut session = cluster.connect().await.unwrap();
    let mut client = connect(&mut cluster).await;
    let info = info(&mut client, LONG).await;
    await_state(&mut session, LONG, "cancelled").await;
    assert!(client.do_get(ticket(&info)).await.is_err());
}

#[tokio::test]
async fn sessions_and_results_have_limits() {
    let builder = Cluster::one_node().unwrap();
    let builder = builder.setting("coordinator.flight_sql.sessions_per_user_max", "1");
    let builder = builder.setting("coordinator.flight_sql.results_per_session_max", "1");
    let mut cluster = builder.start().await.unwrap();
    let mut client = connect(&mut cluster).await;
    let address = cluster.coordinator().unwrap().address("flight_sql").unwrap().to_owned();
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let mut second = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
    let first = info(&mut client, "SELECT 1").await;
    // The other session has something open.
    let refused = second.handshake("root", "").await.unwrap_err().to_string();
    assert!(refused.contains("has 1 Flight SQL sessions"), "{refused}");
    let refused = client.execute("SELECT 2".to_owned(), None).await.unwrap_err().to_string();
    assert!(refused.contains("1 results"), "{refused}");
    let rows = client.do_get(ticket(&first)).await.unwrap();
    assert_eq!(rows.try_collect::<Vec<_>>().await.unwrap().len(), 1);
    assert_eq!(row_count(&mut client, "SELECT 2").await, 1);
    // Now it makes room.
    second.handshake("root", "").await.unwrap();
    assert_eq!(row_count(&mut second, "SELECT 2").await, 1);
    assert!(client.execute("SELECT 2".to_owned(), None).await.is_err());
}
