//! Reads one result as fast as it comes. Both kinds of server are read by the same lines; only the way to
//! the ticket differs.

use crate::failure::{Result, unexpected};
use crate::serve::TICKET;
use arrow::ipc::root_as_message;
use arrow_flight::decode::{DecodedPayload, FlightDataDecoder};
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{FlightData, Ticket};
use clap::Args;
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};

type Client = FlightSqlServiceClient<Channel>;

#[derive(Args)]
pub struct Reading {
    #[arg(long)]
    address: SocketAddr,
    /// What a Flight SQL server is asked; without it the server is the bare one.
    #[arg(long, requires = "user")]
    sql: Option<String>,
    /// Who asks. The account has no password.
    #[arg(long)]
    user: Option<String>,
    /// Also makes arrays of the messages, and tells their columns.
    #[arg(long)]
    arrays: bool,
}

#[derive(Default)]
struct Tally {
    rows: usize,
    /// Of Arrow's messages: their headers and bodies, without what gRPC and HTTP/2 add.
    bytes: usize,
    columns: Vec<String>,
}

impl Reading {
    pub fn run(&self) -> Result<Value> {
        // One thread, which counts: the cores are the server's.
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(self.read())
    }

    async fn read(&self) -> Result<Value> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))?;
        let mut client = Client::new(endpoint.connect().await?);
        if let Some(user) = &self.user {
            client.handshake(user, "").await?;
        }
        let start = Instant::now();
        let ticket = match &self.sql {
            None => Ticket::new(TICKET),
            Some(sql) => ticket(&mut client, sql).await?,
        };
        let messages = fetch(&mut client, ticket).await?;
        let tally = match self.arrays {
            true => make_arrays(messages).await?,
            false => count(messages).await?,
        };
        let seconds = start.elapsed().as_secs_f64();
        Ok(json!({
            "rows": tally.rows,
            "bytes": tally.bytes,
            "seconds": seconds,
            "columns": tally.columns,
        }))
    }
}

async fn ticket(client: &mut Client, sql: &str) -> Result<Ticket> {
    let info = client.execute(sql.to_owned(), None).await?;
    let [endpoint] = &info.endpoint[..] else {
        return Err(unexpected(format!(
            "a result at {} endpoints; reading them one after the other would be no figure",
            info.endpoint.len()
        )));
    };
    endpoint.ticket.clone().ok_or_else(|| unexpected("an endpoint without a ticket"))
}

/// The messages as they come. [`Client::do_get`] would make arrays of them, and check each text.
async fn fetch(client: &mut Client, ticket: Ticket) -> Result<Streaming<FlightData>> {
    let mut request = Request::new(ticket);
    if let Some(token) = client.token() {
        let bearer = format!("Bearer {token}").parse();
        let bearer = bearer.map_err(|_| unexpected("a token that is no text"))?;
        request.metadata_mut().insert("authorization", bearer);
    }
    Ok(client.inner_mut().do_get(request).await?.into_inner())
}

async fn count(mut messages: Streaming<FlightData>) -> Result<Tally> {
    let mut tally = Tally::default();
    while let Some(message) = messages.message().await? {
        let header = root_as_message(&message.data_header)
            .map_err(|error| unexpected(format!("a message without a header: {error}")))?;
        if let Some(batch) = header.header_as_record_batch() {
            let rows = usize::try_from(batch.length());
            tally.rows += rows.map_err(|_| unexpected("a batch of less than no rows"))?;
        }
        tally.bytes += message_bytes(&message);
    }
    Ok(tally)
}

async fn make_arrays(messages: Streaming<FlightData>) -> Result<Tally> {
    let mut decoder = FlightDataDecoder::new(messages.map_err(FlightError::from));
    let mut tally = Tally::default();
    while let Some(message) = decoder.try_next().await? {
        tally.bytes += message_bytes(&message.inner);
        match message.payload {
            DecodedPayload::None => {}
            DecodedPayload::RecordBatch(batch) => tally.rows += batch.num_rows(),
            DecodedPayload::Schema(schema) => {
                let columns = schema.fields().iter();
                tally.columns = columns
                    .map(|field| format!("{} {}", field.name(), field.data_type()))
                    .collect();
            }
        }
    }
    Ok(tally)
}

fn message_bytes(message: &FlightData) -> usize {
    message.data_header.len() + message.data_body.len()
}
