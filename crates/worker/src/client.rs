//! A node's connection to a coordinator's internal port.

use crate::protocol::{CATALOG, CatalogRequest};
use arrow_flight::Action;
use arrow_flight::flight_service_client::FlightServiceClient;
use async_trait::async_trait;
use mooring_engine::{ClusterSecret, DefinitionSource, bearer};
use mooring_spi::{CatalogDefinition, CatalogKey, Error, ErrorKind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// How long a coordinator may take to answer a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// A coordinator by the address of its internal port.
#[derive(Debug, Clone)]
pub struct CoordinatorClient {
    address: String,
    channel: Channel,
    authorization: MetadataValue<Ascii>,
}

impl CoordinatorClient {
    /// Connects when first used. `address` is `HOST:PORT`.
    ///
    /// # Errors
    /// `InvalidArgument` for an address that is none.
    pub fn new(address: &str, secret: &ClusterSecret) -> Result<Self> {
        let wrong = |error: &dyn std::fmt::Display| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("`{address}` is no coordinator's address (`HOST:PORT`): {error}"),
            )
        };
        let endpoint = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| wrong(&error))?
            .connect_timeout(CALL_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .tcp_nodelay(true);
        let header = bearer(secret)?;
        let authorization =
            MetadataValue::try_from(header.as_bytes()).map_err(|error| wrong(&error))?;
        Ok(Self { address: address.to_string(), channel: endpoint.connect_lazy(), authorization })
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// Makes one call and reads its single answer.
    ///
    /// # Errors
    /// The coordinator's own error, or `SourceUnavailable` when it does not answer.
    pub async fn call<A: DeserializeOwned>(
        &self,
        action: &str,
        body: &impl Serialize,
    ) -> Result<A> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Error::internal("an internal call cannot be written").with_cause(error)
        })?;
        let mut request = Request::new(Action::new(action, body));
        request.metadata_mut().insert("authorization", self.authorization.clone());
        let mut client = FlightServiceClient::new(self.channel.clone());
        let mut answers =
            client.do_action(request).await.map_err(|status| self.explain(&status))?.into_inner();
        let answer = answers.message().await.map_err(|status| self.explain(&status))?;
        let answer = answer.map(|answer| answer.body).unwrap_or_default();
        serde_json::from_slice(&answer).map_err(|error| {
            Error::internal(format!("coordinator `{}` sent an unreadable answer", self.address))
                .with_cause(error)
        })
    }

    fn explain(&self, status: &Status) -> Error {
        Error::from_text(status.message()).unwrap_or_else(|| {
            Error::new(
                ErrorKind::SourceUnavailable,
                format!("coordinator `{}` does not answer: {}", self.address, status.message()),
            )
        })
    }
}

/// Definitions from whichever coordinator has them.
#[derive(Debug)]
pub struct RemoteDefinitions {
    coordinators: Vec<CoordinatorClient>,
}

impl RemoteDefinitions {
    pub fn new(coordinators: Vec<CoordinatorClient>) -> Self {
        Self { coordinators }
    }
}

#[async_trait]
impl DefinitionSource for RemoteDefinitions {
    async fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
        let mut failure = Error::internal("a worker without coordinator");
        for coordinator in &self.coordinators {
            match coordinator.call(CATALOG, &CatalogRequest { key }).await {
                Ok(definition) => return Ok(definition),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }
}
