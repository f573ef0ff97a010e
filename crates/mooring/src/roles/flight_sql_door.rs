//! The Flight SQL door's settings out of the configuration. Its TLS is the MySQL door's.

use crate::config::Config;
use mooring_coordinator::flight_sql::FlightSqlSettings;
use mooring_coordinator::mysql::MysqlSettings;

pub(super) fn settings(config: &Config, mysql: &MysqlSettings) -> FlightSqlSettings {
    let flight = &config.coordinator.flight_sql;
    FlightSqlSettings {
        connections_max: flight.connections_max,
        handshake_timeout: flight.handshake_timeout,
        calls_per_connection_max: flight.calls_per_connection_max,
        message_max_bytes: flight.message_max_bytes,
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
        tls: mysql.tls.clone(),
        require_tls: mysql.require_tls,
    }
}
