//! What the nodes of a cluster have in common, and how a worker takes part in it.

use super::sealing::sealing_keys;
use super::{flight_sql_door, mysql_door};
use crate::catalogs::{self, Databases};
use crate::config::{Config, MissingSecret, cluster_secret};
use mooring_catalog::MetastoreMetrics;
use mooring_connectors::DatabaseMetrics;
use mooring_coordinator::query::QuerySettings;
use mooring_coordinator::statement::{ServerVariables, VariableValue};
use mooring_coordinator::system::OwnNode;
use mooring_coordinator::{CatalogSecrets, CoordinatorParts, LocalDefinitions, SecretReferences};
use mooring_engine::{
    Catalogs, ClusterChannels, ClusterSecret, DefinitionSource, NodeLimits, NodeRuntime, Sources,
};
use mooring_spi::{Error, ErrorKind, Result};
use mooring_state::State;
use mooring_storage::StorageMetrics;
use mooring_worker::protocol::Register;
use mooring_worker::{
    CoordinatorClient, Drain, Registration, RegistrationSettings, RemoteDefinitions, VERSION,
};
use prometheus_client::registry::Registry;
use secrecy::ExposeSecret;
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How often a coordinator's name is looked up again.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(10);

/// A node of either role.
pub(super) struct Node {
    pub secret: ClusterSecret,
    pub runtime: NodeRuntime,
    catalogs: Option<Arc<Catalogs>>,
}

impl Node {
    pub async fn coordinator(
        config: &Config,
        state: &State,
        registry: &mut Registry,
    ) -> Result<Self> {
        let secret = secret(config, MissingSecret::Make)?;
        let storage_metrics = storage_metrics(registry);
        let metastore_metrics = MetastoreMetrics::default();
        metastore_metrics.register(registry);
        let databases = databases(registry);
        let catalogs =
            catalogs::open(config, state, &secret, &storage_metrics, metastore_metrics, &databases)
                .await?;
        let definitions = Arc::new(LocalDefinitions(catalogs.clone()));
        let runtime = runtime(config, &secret, definitions, storage_metrics, &databases)?;
        Ok(Self { secret, runtime, catalogs: Some(catalogs) })
    }

    pub fn worker(config: &Config, registry: &mut Registry) -> Result<Self> {
        let secret = secret(config, MissingSecret::Refuse)?;
        if config.worker.coordinators.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "a worker needs a coordinator: `mooring worker --coordinator HOST:PORT`",
            ));
        }
        let coordinators = config
            .worker
            .coordinators
            .iter()
            .map(|address| CoordinatorClient::new(address, &secret))
            .collect::<Result<Vec<_>>>()?;
        let definitions = Arc::new(RemoteDefinitions::new(coordinators));
        let (storage_metrics, databases) = (storage_metrics(registry), databases(registry));
        let runtime = runtime(config, &secret, definitions, storage_metrics, &databases)?;
        Ok(Self { secret, runtime, catalogs: None })
    }

    pub fn coordinator_parts(
        self,
        config: &Config,
        state: State,
        laptop: bool,
        internal: &TcpListener,
        plans: Handle,
    ) -> Result<CoordinatorParts> {
        let catalogs =
            self.catalogs.ok_or_else(|| Error::internal("a coordinator without catalogs"))?;
        let queries = &config.coordinator.queries;
        let advertise = config.coordinator.internal.advertise.as_deref();
        let mysql = mysql_door::settings(config, &self.secret, laptop)?;
        Ok(CoordinatorParts {
            state,
            secrets: CatalogSecrets {
                keys: sealing_keys(config, laptop)?,
                references: SecretReferences::new(config.coordinator.secrets.references.clone()),
            },
            catalogs,
            node: self.runtime,
            own: OwnNode {
                node_id: uuid::Uuid::new_v4().to_string(),
                role: if laptop { "coordinator, worker" } else { "coordinator" },
                address: address("coordinator.internal", advertise, internal)?,
                cores: cores(),
                memory_bytes: config.memory_limit_bytes(),
            },
            laptop,
            worker_timeout: config.coordinator.worker_timeout,
            queries: QuerySettings {
                running_max: queries.running_max,
                queued_max: queries.queued_max,
                queue_timeout: queries.queue_timeout,
                history_max: queries.history_max,
                retries_max: queries.retries_max,
            },
            number: config.coordinator.number,
            variables: server_variables(config)?,
            flight_sql: flight_sql_door::settings(config, &mysql)?,
            mysql,
            runtime: plans,
        })
    }
}

fn secret(config: &Config, missing: MissingSecret) -> Result<ClusterSecret> {
    let secret = cluster_secret(config, missing)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
    Ok(ClusterSecret::new(secret.expose_secret()))
}

fn storage_metrics(registry: &mut Registry) -> StorageMetrics {
    let metrics = StorageMetrics::default();
    metrics.register(registry);
    metrics
}

fn databases(registry: &mut Registry) -> Databases {
    let metrics = DatabaseMetrics::default();
    metrics.register(registry);
    Databases::new(metrics)
}

fn runtime(
    config: &Config,
    secret: &ClusterSecret,
    definitions: Arc<dyn DefinitionSource>,
    storage_metrics: StorageMetrics,
    databases: &Databases,
) -> Result<NodeRuntime> {
    let readers = catalogs::reader_factories(databases);
    let sources = Sources::new(readers, definitions, storage_metrics);
    let limits = NodeLimits {
        memory_limit_bytes: usize::try_from(config.memory_limit_bytes()).unwrap_or(usize::MAX),
        spill_folder: config.spill_folder(),
    };
    let channels = ClusterChannels::new(secret, CONNECT_TIMEOUT)?;
    NodeRuntime::new(&limits, Arc::new(sources), channels)
}

fn server_variables(config: &Config) -> Result<ServerVariables> {
    let number = |value: usize| VariableValue::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let mysql = &config.coordinator.mysql;
    let wait_timeout =
        VariableValue::Int(i64::try_from(mysql.wait_timeout.as_secs()).unwrap_or(i64::MAX));
    ServerVariables::new([
        ("batch_size", number(config.engine.batch_size_rows)),
        ("target_partitions", number(config.target_partitions())),
        ("distributed_bytes_per_partition", number(config.engine.distributed_bytes_per_partition)),
        ("broadcast_join_bytes_max", number(config.engine.broadcast_join_bytes_max)),
        ("dynamic_filter_wait_ms", number(config.engine.dynamic_filter_wait_ms)),
        ("pushdown", VariableValue::Bool(config.engine.pushdown)),
        ("pushdown_verify", VariableValue::Bool(config.engine.pushdown_verify)),
        ("max_allowed_packet", number(mysql.max_allowed_packet_bytes)),
        ("wait_timeout", wait_timeout.clone()),
        // What an interactive client's `wait_timeout` begins with.
        ("interactive_timeout", wait_timeout),
        ("max_connections", number(mysql.connections_max)),
        ("max_user_connections", number(mysql.connections_per_user_max)),
        ("require_secure_transport", VariableValue::Bool(mysql.require_tls)),
        ("max_prepared_stmt_count", number(mysql.prepared_statements_max)),
        ("port", number(usize::from(mysql.listen.port()))),
        ("version", VariableValue::Text(mooring_coordinator::mysql::SERVER_VERSION.to_string())),
        ("version_comment", VariableValue::Text(format!("Mooring {VERSION}"))),
    ])
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The `HOST:PORT` under which others reach a port.
fn address(section: &str, advertise: Option<&str>, listener: &TcpListener) -> Result<String> {
    if let Some(advertise) = advertise {
        return Ok(advertise.to_string());
    }
    let bound: SocketAddr = listener
        .local_addr()
        .map_err(|error| Error::internal("a listener without address").with_cause(error))?;
    if bound.ip().is_unspecified() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "`{section}.listen` is `{bound}`: set `{section}.advertise` to the address by which other nodes reach this one"
            ),
        ));
    }
    Ok(bound.to_string())
}

/// A worker's part in its cluster.
pub(super) struct WorkerNode {
    pub drain: Arc<Drain>,
    secret: ClusterSecret,
    sources: Arc<Sources>,
    info: Register,
}

/// What a membership tells.
enum Member {
    Registered,
    Refused(Error),
}

impl WorkerNode {
    pub fn new(config: &Config, node: &Node, listener: &TcpListener) -> Result<Self> {
        let advertise = config.worker.advertise.as_deref();
        let address = address("worker", advertise, listener)?;
        node.runtime.sources.set_worker(&address);
        let info = Register {
            node_id: uuid::Uuid::new_v4().to_string(),
            url: format!("http://{address}"),
            version: VERSION.to_string(),
            cores: cores(),
            memory_bytes: config.memory_limit_bytes(),
        };
        Ok(Self {
            drain: Arc::default(),
            secret: node.secret.clone(),
            sources: node.runtime.sources.clone(),
            info,
        })
    }

    /// Takes part until `stop`, then drains and leaves. `ready` is called once, with the first
    /// registration.
    pub async fn run(
        &self,
        config: &Config,
        stop: &CancellationToken,
        ready: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let (told, mut members) = mpsc::channel(16);
        let leave = CancellationToken::new();
        let mut ready = Some(ready);
        let mut joined = BTreeSet::new();
        let mut memberships = JoinSet::new();
        let mut lookups = tokio::time::interval(RESOLVE_INTERVAL);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = lookups.tick() => {
                    for address in resolve(&config.worker.coordinators).await {
                        if joined.insert(address) {
                            let registration = self.registration(config, &address.to_string())?;
                            memberships.spawn(take_part(registration, leave.clone(), told.clone()));
                        }
                    }
                }
                Some(member) = members.recv() => match member {
                    Member::Refused(error) => return Err(error),
                    Member::Registered => if let Some(ready) = ready.take() {
                        ready()?;
                    },
                },
            }
        }
        self.drain.begin();
        if tokio::time::timeout(config.worker.drain_timeout, self.drain.idle()).await.is_err() {
            tracing::warn!(running = self.drain.running_tasks(), "leaving with running tasks");
        }
        leave.cancel();
        memberships.join_all().await;
        Ok(())
    }

    fn registration(&self, config: &Config, address: &str) -> Result<Registration> {
        Ok(Registration::new(
            CoordinatorClient::new(address, &self.secret)?,
            self.info.clone(),
            self.drain.clone(),
            self.sources.clone(),
            RegistrationSettings { heartbeat: config.worker.heartbeat },
        ))
    }
}

async fn take_part(
    registration: Registration,
    leave: CancellationToken,
    told: mpsc::Sender<Member>,
) {
    let mut registered = registration.registered();
    let watch_told = told.clone();
    let watch = tokio::spawn(async move {
        if registered.wait_for(|registered| *registered).await.is_ok() {
            // The receiver only goes when the worker ends.
            let _ = watch_told.send(Member::Registered).await;
        }
    });
    if let Err(error) = registration.run(leave).await {
        let _ = told.send(Member::Refused(error)).await;
    }
    watch.abort();
}

/// The addresses of all names; one that cannot be looked up now is looked up again.
async fn resolve(names: &[String]) -> BTreeSet<SocketAddr> {
    let mut addresses = BTreeSet::new();
    for name in names {
        match tokio::net::lookup_host(name).await {
            Ok(found) => addresses.extend(found),
            Err(error) => {
                tracing::warn!(coordinator = name, %error, "cannot look up a coordinator's name");
            }
        }
    }
    addresses
}
