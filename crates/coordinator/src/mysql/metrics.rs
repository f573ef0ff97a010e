//! The MySQL door's metrics.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// Why a connection ended before its first command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum HandshakeFailure {
    TooManyConnections,
    TimedOut,
    /// The peer closed the connection, as a health check does.
    Disconnected,
    /// By `coordinator.mysql.handshake_max_bytes`.
    TooManyBytes,
    /// What the peer sent is not this protocol, or not as it should be.
    Malformed,
    /// The TLS handshake failed, or the client's certificate was not accepted.
    TlsFailed,
    /// By `coordinator.mysql.require_tls`.
    TlsRequired,
    /// From a network that may send PROXY headers came a broken one.
    BadProxyHeader,
    TooManyUserConnections,
    UnsupportedPlugin,
    AccessDenied,
    /// The accounts could not be read or the session not be opened.
    Refused,
}

impl EncodeLabelValue for HandshakeFailure {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let name = match self {
            Self::TooManyConnections => "too_many_connections",
            Self::TimedOut => "timed_out",
            Self::Disconnected => "disconnected",
            Self::TooManyBytes => "too_many_bytes",
            Self::Malformed => "malformed",
            Self::TlsFailed => "tls_failed",
            Self::TlsRequired => "tls_required",
            Self::BadProxyHeader => "bad_proxy_header",
            Self::TooManyUserConnections => "too_many_user_connections",
            Self::UnsupportedPlugin => "unsupported_plugin",
            Self::AccessDenied => "access_denied",
            Self::Refused => "refused",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

/// Why a session's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Closing {
    /// The client left, with or without COM_QUIT.
    Left,
    Killed,
    ShutDown,
    /// By `wait_timeout`.
    Idle,
    /// By `coordinator.mysql.write_timeout_s`.
    WriteTimedOut,
    /// By `coordinator.mysql.max_allowed_packet_bytes`.
    PacketTooLarge,
    Malformed,
    /// COM_CHANGE_USER failed; why stands among the failed handshakes.
    ChangeOfUser,
}

impl EncodeLabelValue for Closing {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let name = match self {
            Self::Left => "left",
            Self::Killed => "killed",
            Self::ShutDown => "shut_down",
            Self::Idle => "idle",
            Self::WriteTimedOut => "write_timed_out",
            Self::PacketTooLarge => "packet_too_large",
            Self::Malformed => "malformed",
            Self::ChangeOfUser => "change_of_user",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: HandshakeFailure,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClosingLabels {
    reason: Closing,
}

/// Counters of one door; clones count together.
#[derive(Debug, Clone, Default)]
pub struct MysqlMetrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_opened: Counter,
    handshake_failures: Family<FailureLabels, Counter>,
    pub(crate) logins_failed: Counter,
    pub(crate) logins_delayed: Counter,
    closings: Family<ClosingLabels, Counter>,
    pub(crate) prepared_statements: Gauge,
    pub(crate) sent_bytes: Counter,
    pub(crate) sent_rows: Counter,
}

impl MysqlMetrics {
    /// Registers the metrics under their full names; `registry` must not add a prefix.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "mooring_coordinator_mysql_connections",
            "Open MySQL connections",
            metrics.connections.clone(),
        );
        // Not `..._connections_total`: OpenMetrics would take both for one family.
        registry.register(
            "mooring_coordinator_mysql_connections_opened",
            "MySQL connections accepted since start",
            metrics.connections_opened.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_handshake_failures",
            "MySQL connections that ended before their first command",
            metrics.handshake_failures.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_logins_failed",
            "Logins at the MySQL and the Flight SQL door that did not prove their password",
            metrics.logins_failed.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_logins_delayed",
            "Logins at both doors that waited, or were refused, because of earlier failures of their address",
            metrics.logins_delayed.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_sessions_closed",
            "MySQL connections that ended after their first session was open",
            metrics.closings.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_prepared_statements",
            "Statements that MySQL clients hold prepared",
            metrics.prepared_statements.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_bytes_sent",
            "Bytes sent to MySQL clients",
            metrics.sent_bytes.clone(),
        );
        registry.register(
            "mooring_coordinator_mysql_rows_sent",
            "Rows sent to MySQL clients",
            metrics.sent_rows.clone(),
        );
        metrics
    }

    pub(crate) fn handshake_failed(&self, reason: HandshakeFailure) {
        self.handshake_failures.get_or_create(&FailureLabels { reason }).inc();
    }

    pub(crate) fn session_closed(&self, reason: Closing) {
        self.closings.get_or_create(&ClosingLabels { reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_names() {
        let mut registry = Registry::default();
        let metrics = MysqlMetrics::register(&mut registry);
        metrics.handshake_failed(HandshakeFailure::AccessDenied);
        metrics.session_closed(Closing::Idle);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
        for line in [
            "mooring_coordinator_mysql_connections 0",
            "mooring_coordinator_mysql_connections_opened_total 0",
            "mooring_coordinator_mysql_handshake_failures_total{reason=\"access_denied\"} 1",
            "mooring_coordinator_mysql_logins_failed_total 0",
            "mooring_coordinator_mysql_logins_delayed_total 0",
            "mooring_coordinator_mysql_sessions_closed_total{reason=\"idle\"} 1",
            "mooring_coordinator_mysql_prepared_statements 0",
            "mooring_coordinator_mysql_bytes_sent_total 0",
            "mooring_coordinator_mysql_rows_sent_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
