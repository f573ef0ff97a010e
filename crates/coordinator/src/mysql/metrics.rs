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
    /// What the peer sent is not this protocol, or not as it should be.
    Malformed,
    TlsRequested,
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
            Self::Malformed => "malformed",
            Self::TlsRequested => "tls_requested",
            Self::UnsupportedPlugin => "unsupported_plugin",
            Self::AccessDenied => "access_denied",
            Self::Refused => "refused",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    reason: HandshakeFailure,
}

/// Counters of one door; clones count together.
#[derive(Debug, Clone, Default)]
pub struct MysqlMetrics {
    pub(crate) connections: Gauge,
    pub(crate) connections_opened: Counter,
    handshake_failures: Family<FailureLabels, Counter>,
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_names() {
        let mut registry = Registry::default();
        let metrics = MysqlMetrics::register(&mut registry);
        metrics.handshake_failed(HandshakeFailure::AccessDenied);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
        for line in [
            "mooring_coordinator_mysql_connections 0",
            "mooring_coordinator_mysql_connections_opened_total 0",
            "mooring_coordinator_mysql_handshake_failures_total{reason=\"access_denied\"} 1",
            "mooring_coordinator_mysql_prepared_statements 0",
            "mooring_coordinator_mysql_bytes_sent_total 0",
            "mooring_coordinator_mysql_rows_sent_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
