//! The MySQL door's settings out of the configuration, with the TLS that it offers.

use crate::config::Config;
use mooring_coordinator::mysql::{MysqlSettings, Network, Tls, TlsFiles, self_signed};
use mooring_engine::ClusterSecret;
use mooring_spi::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::time::Duration;

const CERTIFICATE: &str = "coordinator.mysql.tls_certificate";
const KEY: &str = "coordinator.mysql.tls_key";
/// Keeps the key of one use of the cluster's secret from being that of another.
const UNKNOWN_USER_KEY_USE: &str = "plugin of unknown MySQL users:";

/// Reads and, on a laptop, writes certificate files: for the start, not for a running I/O thread.
///
/// # Errors
/// `InvalidArgument`: the files of the certificate are unusable, or a setting lacks the other one
/// that it needs.
pub(super) fn settings(
    config: &Config,
    secret: &ClusterSecret,
    laptop: bool,
) -> Result<MysqlSettings> {
    let mysql = &config.coordinator.mysql;
    let tls = tls_files(config, laptop)?.map(Tls::load).transpose()?;
    if mysql.require_tls && tls.is_none() {
        return Err(invalid(format!(
            "`coordinator.mysql.require_tls` needs `{CERTIFICATE}` and `{KEY}`"
        )));
    }
    let network = |text: &String| -> Result<Network> {
        text.parse().map_err(|problem| {
            invalid(format!("`coordinator.mysql.proxy_networks`: `{text}`: {problem}"))
        })
    };
    let key = Sha256::new().chain_update(UNKNOWN_USER_KEY_USE).chain_update(secret.expose());
    Ok(MysqlSettings {
        connections_max: mysql.connections_max,
        connections_per_user_max: mysql.connections_per_user_max,
        handshake_timeout_ms: millis(mysql.handshake_timeout),
        handshake_max_bytes: mysql.handshake_max_bytes,
        wait_timeout_s: mysql.wait_timeout.as_secs(),
        write_timeout_s: mysql.write_timeout.as_secs(),
        max_allowed_packet_bytes: mysql.max_allowed_packet_bytes,
        prepared_statements_max: mysql.prepared_statements_max,
        login_failures_max: mysql.login_failures_max,
        login_delay_max_ms: millis(mysql.login_delay_max),
        tcp_keepalive_s: mysql.tcp_keepalive_s,
        tls,
        require_tls: mysql.require_tls,
        proxy_networks: mysql.proxy_networks.iter().map(network).collect::<Result<_>>()?,
        unknown_user_key: key.finalize().into(),
    })
}

/// The files that the settings name, else, on a laptop, those of a certificate of its own.
fn tls_files(config: &Config, laptop: bool) -> Result<Option<TlsFiles>> {
    let mysql = &config.coordinator.mysql;
    let client_ca = mysql.tls_client_ca.clone();
    let lacking = |set: &str, other: &str| invalid(format!("`{set}` is set, but not `{other}`"));
    match (&mysql.tls_certificate, &mysql.tls_key) {
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate: certificate.clone(), key: key.clone(), client_ca }))
        }
        (Some(_), None) => Err(lacking(CERTIFICATE, KEY)),
        (None, Some(_)) => Err(lacking(KEY, CERTIFICATE)),
        (None, None) if laptop => {
            Ok(Some(TlsFiles { client_ca, ..self_signed(&config.state.folder)? }))
        }
        (None, None) if client_ca.is_some() => {
            Err(lacking("coordinator.mysql.tls_client_ca", CERTIFICATE))
        }
        (None, None) => Ok(None),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
