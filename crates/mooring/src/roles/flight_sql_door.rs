//! The Flight SQL door's settings out of the configuration. Its TLS and its
//! balancers are the MySQL door's.

use crate::config::Config;
use mooring_coordinator::flight_sql::{FlightSqlSettings, JwtSettings, JwtVerifier};
use mooring_coordinator::mysql::MysqlSettings;
use mooring_spi::{Error, ErrorKind, Result};

/// Reads the file of the keys of tokens: for the start, not for a running I/O thread.
///
/// # Errors
/// `InvalidArgument`: that file is unusable, or a setting lacks the other one that it needs.
pub(super) fn settings(config: &Config, mysql: &MysqlSettings) -> Result<FlightSqlSettings> {
    let flight = &config.coordinator.flight_sql;
    Ok(FlightSqlSettings {
        connections_max: flight.connections_max,
        handshake_timeout: flight.handshake_timeout,
        calls_per_connection_max: flight.calls_per_connection_max,
        message_max_bytes: flight.message_max_bytes,
        body_timeout: flight.body_timeout,
        keepalive: flight.keepalive,
        write_timeout: flight.write_timeout,
        token_lifetime: flight.token_lifetime,
        ticket_lifetime: flight.ticket_lifetime,
        sessions_max: flight.sessions_max,
        sessions_per_user_max: flight.sessions_per_user_max,
        results_per_session_max: flight.results_per_session_max,
        prepared_statements_max: flight.prepared_statements_max,
        parameter_rows_max: flight.parameter_rows_max,
        clear_passwords: flight.clear_passwords,
        jwt: jwt(config)?.map(JwtVerifier::load).transpose()?,
        tls: mysql.tls.clone(),
        require_tls: mysql.require_tls,
        proxy_networks: mysql.proxy_networks.clone(),
    })
}

fn jwt(config: &Config) -> Result<Option<JwtSettings>> {
    let flight = &config.coordinator.flight_sql;
    let Some(keys) = flight.jwt_keys.clone() else { return Ok(None) };
    let needed = |setting: &str, value: &Option<String>| {
        value.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`coordinator.flight_sql.jwt_keys` is set, but not `coordinator.flight_sql.{setting}`"
                ),
            )
        })
    };
    Ok(Some(JwtSettings {
        keys,
        issuer: needed("jwt_issuer", &flight.jwt_issuer)?,
        audience: needed("jwt_audience", &flight.jwt_audience)?,
        user_claim: flight.jwt_user_claim.clone(),
    }))
}
