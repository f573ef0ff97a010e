//! The Flight SQL door's metrics.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// Why a connection or a call went no further than the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Refusal {
    TooManyConnections,
    /// No call that the gate lets through came in time.
    TimedOut,
    TlsFailed,
    /// By `coordinator.mysql.require_tls`.
    TlsRequired,
    AccessDenied,
    TooManySessions,
    /// The token is not known, has expired, or its user is not what it was.
    Token,
}

impl EncodeLabelValue for Refusal {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        let name = match self {
            Self::TooManyConnections => "too_many_connections",
            Self::TimedOut => "timed_out",
            Self::TlsFailed => "tls_failed",
            Self::TlsRequired => "tls_required",
            Self::AccessDenied => "access_denied",
            Self::TooManySessions => "too_many_sessions",
            Self::Token => "token",
        };
        EncodeLabelValue::encode(&name, encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RefusalLabels {
    reason: Refusal,
}

/// Counters of one door; clones count together.
#[derive(Debug, Clone, Default)]
pub struct FlightSqlMetrics {
    pub(super) connections: Gauge,
    pub(super) connections_opened: Counter,
    refusals: Family<RefusalLabels, Counter>,
    pub(super) sessions: Gauge,
    pub(super) results: Gauge,
    pub(super) prepared_statements: Gauge,
    pub(super) sent_rows: Counter,
    pub(super) sent_bytes: Counter,
}

impl FlightSqlMetrics {
    /// Registers the metrics under their full names; `registry` must not add a prefix.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "mooring_coordinator_flight_sql_connections",
            "Open Flight SQL connections",
            metrics.connections.clone(),
        );
        // Not `..._connections_total`: OpenMetrics would take both for one family.
        registry.register(
            "mooring_coordinator_flight_sql_connections_opened",
            "Flight SQL connections accepted since start",
            metrics.connections_opened.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_refusals",
            "Flight SQL connections and calls that went no further than the gate",
            metrics.refusals.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_sessions",
            "Open Flight SQL sessions",
            metrics.sessions.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_results",
            "Results that Flight SQL clients have not read to their end",
            metrics.results.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_prepared_statements",
            "Statements that Flight SQL clients hold prepared",
            metrics.prepared_statements.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_rows_sent",
            "Rows sent to Flight SQL clients",
            metrics.sent_rows.clone(),
        );
        registry.register(
            "mooring_coordinator_flight_sql_bytes_sent",
            "Bytes of Arrow data sent to Flight SQL clients",
            metrics.sent_bytes.clone(),
        );
        metrics
    }

    pub(super) fn refused(&self, reason: Refusal) {
        self.refusals.get_or_create(&RefusalLabels { reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_have_their_names() {
        let mut registry = Registry::default();
        let metrics = FlightSqlMetrics::register(&mut registry);
        metrics.refused(Refusal::Token);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("encoded");
        for line in [
            "mooring_coordinator_flight_sql_connections 0",
            "mooring_coordinator_flight_sql_connections_opened_total 0",
            "mooring_coordinator_flight_sql_refusals_total{reason=\"token\"} 1",
            "mooring_coordinator_flight_sql_sessions 0",
            "mooring_coordinator_flight_sql_results 0",
            "mooring_coordinator_flight_sql_prepared_statements 0",
            "mooring_coordinator_flight_sql_rows_sent_total 0",
            "mooring_coordinator_flight_sql_bytes_sent_total 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
