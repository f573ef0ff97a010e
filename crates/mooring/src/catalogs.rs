//! Which catalog kinds this binary has, and the catalogs that the configuration gives.

use crate::config::Config;
use mooring_catalog::{
    EmbeddedMetastore, GLUE_PROPERTIES, GLUE_SECRET_PROPERTIES, GlueMetastore, GlueSettings,
    HIVE_PROPERTIES, HiveMetastore, HiveSettings, KEEP_PROPERTIES, KeepSettings, KeepingMetastore,
    MetastoreMetrics,
};
use mooring_connectors::DatabaseMetrics;
use mooring_connectors::lake::{AllowedPaths, LAKE_PROPERTIES, LakeConnector, LakeSettings};
use mooring_connectors::mysql::{MysqlConnectorFactory, MysqlReaderFactory, MysqlSources};
use mooring_connectors::postgresql::PostgresFactory;
use mooring_connectors::tpch::{TpchConnectorFactory, TpchReaderFactory};
use mooring_engine::{CatalogOrigin, Catalogs, ClusterSecret};
use mooring_spi::{
    CatalogDefinition, Connector, ConnectorFactory, Error, ErrorKind, Metastore, ReaderFactory,
    Result,
};
use mooring_state::State;
use mooring_storage::{CatalogStores, StorageMetrics, StorageSettings, resolve_secret};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const LAKE: &str = "lake";
const HIVE: &str = "hive";
const GLUE: &str = "glue";
const TPCH: &str = "tpch";

/// The databases that a node reaches. Its connectors and its readers share their connections.
#[derive(Debug, Clone)]
pub(crate) struct Databases {
    postgresql: PostgresFactory,
    mysql: MysqlSources,
}

impl Databases {
    pub(crate) fn new(metrics: DatabaseMetrics) -> Self {
        let mysql = MysqlSources::new(metrics.clone());
        Self { postgresql: PostgresFactory::new(metrics), mysql }
    }
}

/// The readers of every node.
pub(crate) fn reader_factories(databases: &Databases) -> Vec<Arc<dyn ReaderFactory>> {
    vec![
        Arc::new(TpchReaderFactory),
        Arc::new(databases.postgresql.clone()),
        Arc::new(MysqlReaderFactory(databases.mysql.clone())),
    ]
}

/// The catalogs `tpch` and `lake`, which are always there, and those of the configuration.
///
/// # Errors
/// `StateUnusable`, `InvalidArgument`.
pub(crate) async fn open(
    config: &Config,
    state: &State,
    secret: &ClusterSecret,
    storage_metrics: &StorageMetrics,
    metastore_metrics: MetastoreMetrics,
    databases: &Databases,
) -> Result<Arc<Catalogs>> {
    let settings =
        LakeSettings { footers_max_files: config.lake.footer_files_max, ..LakeSettings::default() };
    let storage_metrics = storage_metrics.clone();
    let allowed_paths = AllowedPaths::new(&config.paths.allowed)?;
    let lake = LakeFactory {
        state: state.clone(),
        settings,
        allowed_paths: allowed_paths.clone(),
        storage_metrics: storage_metrics.clone(),
    };
    let hive = HiveFactory {
        settings,
        allowed_paths: allowed_paths.clone(),
        storage_metrics: storage_metrics.clone(),
        metastore_metrics: metastore_metrics.clone(),
    };
    let glue = GlueFactory { settings, allowed_paths, storage_metrics, metastore_metrics };
    let factories: Vec<Arc<dyn ConnectorFactory>> = vec![
        Arc::new(TpchConnectorFactory),
        Arc::new(lake),
        Arc::new(hive),
        Arc::new(glue),
        Arc::new(databases.postgresql.clone()),
        Arc::new(MysqlConnectorFactory(databases.mysql.clone())),
    ];
    let catalogs = Catalogs::new(factories);
    for mut definition in configured(config, state).await? {
        definition.key.version = fingerprint(&definition.properties, secret);
        let origin = match definition.name.as_str() {
            TPCH | LAKE => CatalogOrigin::BuiltIn,
            _ => CatalogOrigin::Configured,
        };
        catalogs.insert(catalogs.make(definition, origin)?);
    }
    Ok(Arc::new(catalogs))
}

/// The definition of the catalog `lake`, for a command that works beside a running coordinator.
///
/// # Errors
/// `StateUnusable`.
pub(crate) async fn lake_definition(config: &Config, state: &State) -> Result<CatalogDefinition> {
    configured(config, state)
        .await?
        .into_iter()
        .find(|definition| definition.name == LAKE)
        .ok_or_else(|| Error::internal("the catalog `lake` is not configured"))
}

/// The store gives the ids; properties stay in the configuration, with their secrets.
async fn configured(config: &Config, state: &State) -> Result<Vec<CatalogDefinition>> {
    let mut definitions = Vec::new();
    let own = [(TPCH, TPCH, BTreeMap::new()), (LAKE, LAKE, lake_properties(config))];
    let others = config
        .catalogs
        .iter()
        .map(|catalog| (&*catalog.name, &*catalog.using, catalog.properties.clone()));
    for (name, kind, properties) in own.into_iter().chain(others) {
        let mut definition = state.put_catalog(name, kind, &BTreeMap::new()).await?;
        definition.properties = properties;
        definitions.push(definition);
    }
    Ok(definitions)
}

fn lake_properties(config: &Config) -> BTreeMap<String, String> {
    let lake = &config.lake;
    let secret = |value: &Option<secrecy::SecretString>| {
        value.as_ref().map(|secret| secret.expose_secret().to_string())
    };
    let properties = [
        ("s3_region", lake.s3_region.clone()),
        ("s3_endpoint", lake.s3_endpoint.clone()),
        ("s3_access_key", secret(&lake.s3_access_key)),
        ("s3_secret_key", secret(&lake.s3_secret_key)),
        ("s3_path_style", lake.s3_path_style.map(|value| value.to_string())),
        ("http_allowed_hosts", lake.http_allowed_hosts.clone()),
        ("parquet_time_zone", lake.parquet_time_zone.clone()),
    ];
    properties
        .into_iter()
        .filter_map(|(name, value)| value.map(|value| (name.to_string(), value)))
        .collect()
}

/// A version that changes with the properties, so that a worker does not read with old ones. Keyed,
/// because it is shown and the properties hold secrets.
fn fingerprint(properties: &BTreeMap<String, String>, secret: &ClusterSecret) -> u64 {
    let mut digest = Sha256::new_with_prefix(secret.expose());
    for (name, value) in properties {
        digest.update(format!("{}:{name}{}:{value}", name.len(), value.len()));
    }
    digest.finalize().iter().take(8).fold(0, |version, byte| version << 8 | u64::from(*byte))
}

#[derive(Debug)]
struct LakeFactory {
    state: State,
    settings: LakeSettings,
    allowed_paths: AllowedPaths,
    storage_metrics: StorageMetrics,
}

impl ConnectorFactory for LakeFactory {
    fn kind(&self) -> &'static str {
        LAKE
    }

    fn is_secret(&self, property: &str) -> bool {
        StorageSettings::secret_keys().contains(&property)
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        check_properties(definition, LAKE_PROPERTIES)?;
        let settings = lake_settings(definition, self.settings)?;
        let stores = lake_stores(definition, &self.storage_metrics)?;
        let metastore = EmbeddedMetastore::new(self.state.clone(), definition.key.id);
        let connector = LakeConnector::new(Arc::new(metastore), stores, settings);
        Ok(Arc::new(connector.with_allowed_paths(self.allowed_paths.clone())))
    }
}

#[derive(Debug)]
struct HiveFactory {
    settings: LakeSettings,
    allowed_paths: AllowedPaths,
    storage_metrics: StorageMetrics,
    metastore_metrics: MetastoreMetrics,
}

impl ConnectorFactory for HiveFactory {
    fn kind(&self) -> &'static str {
        HIVE
    }

    fn is_secret(&self, property: &str) -> bool {
        StorageSettings::secret_keys().contains(&property)
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        check_properties(
            definition,
            &[HIVE_PROPERTIES, KEEP_PROPERTIES, LAKE_PROPERTIES].concat(),
        )?;
        let settings = HiveSettings::from_properties(&definition.properties)
            .map_err(|error| of_catalog(definition, &error))?;
        let stores = lake_stores(definition, &self.storage_metrics)?;
        let metastore =
            HiveMetastore::new(&definition.name, settings, self.metastore_metrics.clone());
        let metastore = keeping(definition, metastore, &self.metastore_metrics)?;
        let lake = lake_settings(definition, self.settings)?;
        let connector = LakeConnector::new(metastore, stores, lake);
        Ok(Arc::new(connector.with_allowed_paths(self.allowed_paths.clone())))
    }
}

#[derive(Debug)]
struct GlueFactory {
    settings: LakeSettings,
    allowed_paths: AllowedPaths,
    storage_metrics: StorageMetrics,
    metastore_metrics: MetastoreMetrics,
}

impl ConnectorFactory for GlueFactory {
    fn kind(&self) -> &'static str {
        GLUE
    }

    fn is_secret(&self, property: &str) -> bool {
        [GLUE_SECRET_PROPERTIES, StorageSettings::secret_keys()].concat().contains(&property)
    }

    fn connector(&self, definition: &CatalogDefinition) -> Result<Arc<dyn Connector>> {
        check_properties(
            definition,
            &[GLUE_PROPERTIES, KEEP_PROPERTIES, LAKE_PROPERTIES].concat(),
        )?;
        let mut properties = definition.properties.clone();
        for secret in GLUE_SECRET_PROPERTIES {
            if let Some(value) = properties.get_mut(*secret) {
                let named = |error: Error| of_catalog(definition, &error);
                *value = resolve_secret(value).map_err(named)?.expose_secret().to_owned();
            }
        }
        let settings = GlueSettings::from_properties(&properties)
            .map_err(|error| of_catalog(definition, &error))?;
        let stores = lake_stores(definition, &self.storage_metrics)?;
        let metastore =
            GlueMetastore::new(&definition.name, settings, self.metastore_metrics.clone());
        let metastore = keeping(definition, metastore, &self.metastore_metrics)?;
        let lake = lake_settings(definition, self.settings)?;
        let connector = LakeConnector::new(metastore, stores, lake);
        Ok(Arc::new(connector.with_allowed_paths(self.allowed_paths.clone())))
    }
}

/// A metastore on another machine, with its answers kept as the catalog's properties say.
///
/// # Errors
/// `InvalidArgument` for one of [`KEEP_PROPERTIES`].
fn keeping(
    definition: &CatalogDefinition,
    metastore: impl Metastore + 'static,
    metrics: &MetastoreMetrics,
) -> Result<Arc<dyn Metastore>> {
    let settings = KeepSettings::from_properties(&definition.properties)
        .map_err(|error| of_catalog(definition, &error))?;
    let metastore = Arc::new(metastore);
    Ok(Arc::new(KeepingMetastore::new(metastore, &definition.name, settings, metrics)))
}

/// # Errors
/// `InvalidArgument` for one of [`LAKE_PROPERTIES`].
fn lake_settings(definition: &CatalogDefinition, settings: LakeSettings) -> Result<LakeSettings> {
    let read = settings.with_properties(&definition.properties);
    read.map_err(|error| of_catalog(definition, &error))
}

fn of_catalog(definition: &CatalogDefinition, error: &Error) -> Error {
    Error::new(error.kind(), format!("catalog `{}`: {}", definition.name, error.message()))
}

/// Refuses what is neither one of `own` nor a property of the storage.
fn check_properties(definition: &CatalogDefinition, own: &[&str]) -> Result<()> {
    let known = [own, StorageSettings::keys()].concat();
    match definition.properties.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(unknown) => {
            let nearest =
                known.iter().min_by_key(|known| strsim::damerau_levenshtein(unknown, known));
            let nearest = nearest.map(|it| format!("; the nearest one is `{it}`"));
            Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "catalog `{}` has the unknown property `{unknown}`{}, and there are {}",
                    definition.name,
                    nearest.unwrap_or_default(),
                    known.join(", ")
                ),
            ))
        }
    }
}

/// # Errors
/// `InvalidArgument` for a property that cannot be used.
pub(crate) fn lake_stores(
    definition: &CatalogDefinition,
    storage_metrics: &StorageMetrics,
) -> Result<Arc<CatalogStores>> {
    let settings = StorageSettings::from_properties(&definition.properties)
        .map_err(|error| of_catalog(definition, &error))?;
    let stores = CatalogStores::new(definition.name.clone(), settings);
    Ok(Arc::new(stores.with_metrics(storage_metrics.clone())))
}
