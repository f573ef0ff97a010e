//! A coordinator: everything behind the doors, put together.

use crate::accounts::StoredAccounts;
use crate::catalog_definitions::{CatalogDefinitions, CatalogSecrets};
use crate::flight_sql::{FlightSqlDoor, FlightSqlMetrics, FlightSqlSettings, TokensAsPasswords};
use crate::internal::InternalService;
use crate::membership::Membership;
use crate::metrics::{CatalogMetrics, ClusterMetrics, QueryMetrics};
use crate::mysql::{MysqlDoor, MysqlMetrics, MysqlSettings, PasswordVerifier, StoredCredentials};
use crate::query::{Queries, QuerySettings, Runner};
use crate::session::SessionHub;
use crate::statement::ServerVariables;
use crate::system::{OwnNode, SystemConnector};
use async_trait::async_trait;
use mooring_engine::{
    Catalog, CatalogOrigin, Catalogs, DefinitionSource, Engine, NodeAddress, NodeRuntime,
};
use mooring_spi::{CatalogDefinition, CatalogKey, Error, ErrorKind, Result};
use mooring_state::State;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use url::Url;

/// The key of the catalog `system`, which no store knows.
const SYSTEM_KEY: CatalogKey = CatalogKey { id: 0, version: 1 };

/// What a coordinator is made of.
pub struct CoordinatorParts {
    pub state: State,
    /// What secrets of catalogs are sealed with in the store, and what they may refer to.
    pub secrets: CatalogSecrets,
    pub catalogs: Arc<Catalogs>,
    pub node: NodeRuntime,
    pub own: OwnNode,
    /// Whether this process also does a worker's work, and root may come in from loopback.
    pub laptop: bool,
    pub worker_timeout: Duration,
    /// Its number among the coordinators of the cluster.
    pub number: u32,
    pub queries: QuerySettings,
    pub variables: ServerVariables,
    pub mysql: MysqlSettings,
    pub flight_sql: FlightSqlSettings,
    /// Where plans are made and run.
    pub runtime: Handle,
}

pub struct Coordinator {
    coordinator_id: String,
    pub membership: Arc<Membership>,
    pub queries: Arc<Queries>,
    pub mysql: Arc<MysqlDoor>,
    pub flight_sql: Arc<FlightSqlDoor>,
    catalogs: Arc<Catalogs>,
    definitions: Arc<CatalogDefinitions>,
}

impl Coordinator {
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// `InvalidArgument` for an address of its own that is none.
    pub fn new(parts: CoordinatorParts, registry: &mut Registry) -> Result<Self> {
        let channels = parts.node.channels.clone();
        let own = match parts.laptop {
            true => Some(own_address(&parts.own)?),
            false => None,
        };
        let sources = parts.node.sources.clone();
        let membership = Arc::new(Membership::new(parts.worker_timeout, channels, own, sources));
        let coordinator_id = parts.own.node_id.clone();
        let queries = Arc::new(Queries::new(parts.queries, QueryMetrics::register(registry)));
        registry.register_collector(Box::new(ClusterMetrics::new(membership.clone())));
        parts.catalogs.insert(Catalog {
            definition: CatalogDefinition {
                key: SYSTEM_KEY,
                name: "system".to_string(),
                kind: "system".to_string(),
                properties: BTreeMap::new(),
            },
            origin: CatalogOrigin::BuiltIn,
            connector: Arc::new(SystemConnector::new(
                parts.own,
                membership.clone(),
                queries.clone(),
                Arc::downgrade(&parts.catalogs),
            )),
        });
        let definitions = CatalogDefinitions::new(
            parts.state.clone(),
            parts.secrets,
            parts.catalogs.clone(),
            parts.node.sources.clone(),
            CatalogMetrics::register(registry, parts.catalogs.clone()),
        );
        let engine = Arc::new(Engine::new(
            parts.node,
            parts.catalogs.clone(),
            membership.clone(),
            parts.laptop,
        ));
        let runner = Runner {
            engine,
            queries: queries.clone(),
            membership: membership.clone(),
            runtime: parts.runtime,
        };
        let accounts = Arc::new(StoredAccounts::new(parts.state, parts.laptop));
        let sessions = SessionHub::new(
            runner,
            parts.variables,
            accounts.clone(),
            definitions.clone(),
            parts.number,
        );
        let mysql_metrics = MysqlMetrics::register(registry);
        let verifier: Arc<dyn PasswordVerifier> = match &parts.flight_sql.jwt {
            Some(tokens) => Arc::new(TokensAsPasswords::new(tokens.clone())),
            None => Arc::new(StoredCredentials::default()),
        };
        let mysql =
            MysqlDoor::new(parts.mysql, accounts, sessions.clone(), mysql_metrics, verifier);
        let flight_sql_metrics = FlightSqlMetrics::register(registry);
        let flight_sql =
            FlightSqlDoor::new(parts.flight_sql, mysql.clone(), sessions, flight_sql_metrics);
        Ok(Self {
            coordinator_id,
            membership,
            queries,
            mysql,
            flight_sql,
            catalogs: parts.catalogs,
            definitions,
        })
    }

    /// The catalogs that statements define, which are to be followed in the store.
    pub fn definitions(&self) -> &Arc<CatalogDefinitions> {
        &self.definitions
    }

    /// The services of the internal port.
    pub fn internal(&self) -> tonic::service::Routes {
        tonic::service::Routes::new(InternalService::server(
            self.coordinator_id.clone(),
            self.membership.clone(),
            self.catalogs.clone(),
        ))
    }

    /// Takes no new query, lets the live ones end within `bound`, and cancels the rest.
    pub async fn drain(&self, bound: Duration) {
        self.queries.close();
        if tokio::time::timeout(bound, self.queries.idle()).await.is_ok() {
            return;
        }
        tracing::warn!(live = self.queries.live_count(), "cancelling the queries that still run");
        self.queries.cancel_all();
        // A cancelled query ends at its next batch; not waiting for ever for that either.
        if tokio::time::timeout(CANCEL_BOUND, self.queries.idle()).await.is_err() {
            tracing::warn!(live = self.queries.live_count(), "queries did not end");
        }
    }
}

fn own_address(own: &OwnNode) -> Result<NodeAddress> {
    let url = Url::parse(&format!("http://{}", own.address)).map_err(|error| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("`{}` is no address for other nodes: {error}", own.address),
        )
    })?;
    Ok(NodeAddress { node_id: own.node_id.clone(), url })
}

/// How long cancelled queries may take to end.
const CANCEL_BOUND: Duration = Duration::from_secs(5);

/// A coordinator's own definitions.
#[derive(Debug)]
pub struct LocalDefinitions(pub Arc<Catalogs>);

#[async_trait]
impl DefinitionSource for LocalDefinitions {
    async fn definition(&self, key: CatalogKey) -> Result<CatalogDefinition> {
        self.0.definition(key)
    }
}
