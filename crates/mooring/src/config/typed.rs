//! The configuration as typed structs, one per section.
//!
//! Every field is required and no unknown one is accepted, so that the structs and the table of
//! settings cannot part. What a setting means stands in the table.

use super::ConfigError;
use super::catalogs::CatalogSection;
use super::fields::{milliseconds, optional_boolean, seconds, unless_empty};
use super::values::Values;
use secrecy::SecretString;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) state: State,
    pub(crate) cluster: Cluster,
    pub(crate) coordinator: Coordinator,
    pub(crate) worker: Worker,
    pub(crate) engine: Engine,
    pub(crate) lake: Lake,
    pub(crate) paths: Paths,
    #[serde(skip)]
    pub(crate) catalogs: Vec<CatalogSection>,
    pub(crate) log: Log,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    pub(crate) folder: PathBuf,
    /// May be a reference: see [`super::resolve_secret`].
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) url: Option<SecretString>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cluster {
    /// Use [`super::cluster_secret`], which knows references and the file.
    #[serde(deserialize_with = "unless_empty")]
    pub(super) secret: Option<SecretString>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coordinator {
    pub(crate) number: u32,
    pub(crate) mysql: Mysql,
    pub(crate) flight_sql: FlightSql,
    pub(crate) http: Http,
    pub(crate) internal: Internal,
    pub(crate) secrets: Secrets,
    pub(crate) queries: Queries,
    #[serde(rename = "shutdown_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) shutdown_timeout: Duration,
    #[serde(rename = "worker_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) worker_timeout: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mysql {
    pub(crate) listen: SocketAddr,
    pub(crate) connections_max: usize,
    pub(crate) connections_per_user_max: usize,
    #[serde(rename = "handshake_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) handshake_timeout: Duration,
    pub(crate) handshake_max_bytes: usize,
    #[serde(rename = "wait_timeout_s", deserialize_with = "seconds")]
    pub(crate) wait_timeout: Duration,
    #[serde(rename = "write_timeout_s", deserialize_with = "seconds")]
    pub(crate) write_timeout: Duration,
    pub(crate) max_allowed_packet_bytes: usize,
    pub(crate) login_failures_max: u32,
    #[serde(rename = "login_delay_max_ms", deserialize_with = "milliseconds")]
    pub(crate) login_delay_max: Duration,
    pub(crate) tcp_keepalive_s: u64,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) tls_certificate: Option<PathBuf>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) tls_key: Option<PathBuf>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) tls_client_ca: Option<PathBuf>,
    pub(crate) require_tls: bool,
    /// Each an address or a network in CIDR form.
    pub(crate) proxy_networks: Vec<String>,
    pub(crate) prepared_statements_max: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FlightSql {
    pub(crate) listen: SocketAddr,
    pub(crate) connections_max: usize,
    pub(crate) calls_per_connection_max: u32,
    #[serde(rename = "handshake_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) handshake_timeout: Duration,
    #[serde(rename = "keepalive_s", deserialize_with = "seconds")]
    pub(crate) keepalive: Duration,
    #[serde(rename = "body_timeout_s", deserialize_with = "seconds")]
    pub(crate) body_timeout: Duration,
    #[serde(rename = "write_timeout_s", deserialize_with = "seconds")]
    pub(crate) write_timeout: Duration,
    pub(crate) message_max_bytes: usize,
    #[serde(rename = "token_lifetime_s", deserialize_with = "seconds")]
    pub(crate) token_lifetime: Duration,
    #[serde(rename = "ticket_lifetime_s", deserialize_with = "seconds")]
    pub(crate) ticket_lifetime: Duration,
    pub(crate) sessions_max: usize,
    pub(crate) sessions_per_user_max: usize,
    pub(crate) results_per_session_max: usize,
    pub(crate) prepared_statements_max: usize,
    pub(crate) parameter_rows_max: usize,
    pub(crate) clear_passwords: bool,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) jwt_keys: Option<PathBuf>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) jwt_issuer: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) jwt_audience: Option<String>,
    pub(crate) jwt_user_claim: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Internal {
    pub(crate) listen: SocketAddr,
    /// `HOST:PORT`; without it, the address that was bound.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) advertise: Option<String>,
}

/// Each may be a reference: see [`super::resolve_secret`].
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) key: Option<SecretString>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) former_key: Option<SecretString>,
    /// How references to secrets begin that statements may name.
    pub(crate) references: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queries {
    pub(crate) running_max: usize,
    pub(crate) queued_max: usize,
    #[serde(rename = "queue_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) queue_timeout: Duration,
    pub(crate) history_max: usize,
    pub(crate) retries_max: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Worker {
    pub(crate) listen: SocketAddr,
    /// `HOST:PORT`; without it, the address that was bound.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) advertise: Option<String>,
    /// Each `HOST:PORT`.
    pub(crate) coordinators: Vec<String>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) http_listen: Option<String>,
    #[serde(rename = "heartbeat_ms", deserialize_with = "milliseconds")]
    pub(crate) heartbeat: Duration,
    #[serde(rename = "drain_timeout_ms", deserialize_with = "milliseconds")]
    pub(crate) drain_timeout: Duration,
}

/// The fields that are not readable have a method of [`Config`], which knows what to do when
/// they are not set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Engine {
    pub(super) target_partitions: usize,
    pub(crate) batch_size_rows: usize,
    pub(super) memory_limit_bytes: u64,
    #[serde(deserialize_with = "unless_empty")]
    pub(super) spill_folder: Option<PathBuf>,
    pub(crate) distributed_bytes_per_partition: usize,
    pub(crate) broadcast_join_bytes_max: usize,
    pub(crate) dynamic_filter_wait_ms: usize,
    pub(crate) pushdown: bool,
    pub(crate) pushdown_verify: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lake {
    /// [`Config::warehouse`] knows what to do without.
    #[serde(deserialize_with = "unless_empty")]
    pub(super) warehouse: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) s3_region: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) s3_endpoint: Option<String>,
    /// May be a reference, as a catalog's property may.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) s3_access_key: Option<SecretString>,
    /// May be a reference, as a catalog's property may.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) s3_secret_key: Option<SecretString>,
    #[serde(deserialize_with = "optional_boolean")]
    pub(crate) s3_path_style: Option<bool>,
    pub(crate) footer_files_max: usize,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) http_allowed_hosts: Option<String>,
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) parquet_time_zone: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paths {
    /// Each an absolute path or a URL.
    pub(crate) allowed: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) filter: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// # Errors
    /// The table of settings and the structs do not agree: a defect, which a test excludes.
    pub(crate) fn from_values(values: &Values) -> Result<Self, ConfigError> {
        let mut config = read(values.nested())?;
        config.catalogs = values.catalogs().to_vec();
        Ok(config)
    }
}

fn read(nested: toml::Value) -> Result<Config, ConfigError> {
    nested
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Structure(error.message().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::super::SETTINGS;
    use super::*;
    use toml::Value;

    fn defaults() -> Value {
        Values::defaults().expect("right defaults").nested()
    }

    fn section<'a>(root: &'a mut Value, name: &str) -> &'a mut toml::Table {
        let mut value = root;
        for part in name.split('.') {
            value = value.get_mut(part).expect("a section");
        }
        value.as_table_mut().expect("a table")
    }

    /// No struct has a field that the table lacks: serde would miss it. No setting lacks a
    /// field: it would be unknown.
    #[test]
    fn the_table_fills_the_structs_exactly() {
        read(defaults()).expect("a configuration");
    }

    /// The proof above holds only while no field may be left out and no unknown one is accepted.
    #[test]
    fn every_setting_is_required_and_no_other_is_accepted() {
        for setting in SETTINGS {
            let (section_name, name) = setting.section_and_name();

            let mut lacking = defaults();
            section(&mut lacking, section_name).remove(name).expect("a setting");
            let error = read(lacking).expect_err(setting.key).to_string();
            assert!(error.contains("missing field") && error.contains(name), "{error}");

            let mut surplus = defaults();
            let table = section(&mut surplus, section_name);
            table.insert("no_such_setting".to_owned(), Value::Integer(1));
            let error = read(surplus).expect_err(setting.key).to_string();
            assert!(error.contains("no_such_setting"), "{error}");
        }
    }

    #[test]
    fn what_is_empty_is_not_set() {
        let config = read(defaults()).expect("a configuration");
        assert!(config.state.url.is_none() && config.cluster.secret.is_none());
        assert_eq!(config.lake.s3_path_style, None);
        assert_eq!(config.worker.advertise, None);
    }

    #[test]
    fn a_secret_is_not_in_the_debug_form() {
        let mut nested = defaults();
        let lake = section(&mut nested, "lake");
        lake.insert("s3_secret_key".to_owned(), Value::String("hidden-word".to_owned()));
        let config = read(nested).expect("a configuration");
        assert!(config.lake.s3_secret_key.is_some());
        assert!(!format!("{config:?}").contains("hidden-word"));
    }
}
