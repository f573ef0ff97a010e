//! What is counted of MySQL servers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CatalogLabels {
    catalog: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    catalog: String,
    /// `open` (with the idle ones), `idle`, or `waiting`: statements that wait for one.
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    catalog: String,
    /// `ok`, `refused`, `failed` or `cancelled`.
    outcome: &'static str,
}

/// The counters of all MySQL servers of a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct MysqlMetrics {
    connections: Family<StateLabels, Gauge>,
    rows: Family<CatalogLabels, Counter>,
    bytes: Family<CatalogLabels, Counter>,
    statements: Family<OutcomeLabels, Counter>,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Ok,
    /// The server answered that it will not.
    Refused,
    /// No answer, or none that can be read.
    Failed,
    /// Nobody wants its rows any more.
    Cancelled,
}

impl MysqlMetrics {
    /// Makes the counters visible; the encoder ends the names of counters in `_total`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mooring_connectors_mysql_connections",
            "Connections to MySQL servers by catalog and state",
            self.connections.clone(),
        );
        registry.register(
            "mooring_connectors_mysql_rows_read",
            "Rows read from MySQL servers",
            self.rows.clone(),
        );
        registry.register_with_unit(
            "mooring_connectors_mysql_read",
            "Bytes of rows read from MySQL servers",
            Unit::Bytes,
            self.bytes.clone(),
        );
        registry.register(
            "mooring_connectors_mysql_statements",
            "Statements sent to MySQL servers by catalog and outcome",
            self.statements.clone(),
        );
    }

    pub(super) fn pool(&self, catalog: &str) -> PoolMetrics {
        let of = |state| {
            let labels = StateLabels { catalog: catalog.to_owned(), state };
            self.connections.get_or_create(&labels).clone()
        };
        PoolMetrics { open: of("open"), idle: of("idle"), waiting: of("waiting") }
    }

    pub(super) fn count_rows(&self, catalog: &str, rows: u64, bytes: u64) {
        let labels = CatalogLabels { catalog: catalog.to_owned() };
        self.rows.get_or_create(&labels).inc_by(rows);
        self.bytes.get_or_create(&labels).inc_by(bytes);
    }

    pub(super) fn count_statement(&self, catalog: &str, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        };
        let labels = OutcomeLabels { catalog: catalog.to_owned(), outcome };
        self.statements.get_or_create(&labels).inc();
    }
}

/// The gauges of one pool.
#[derive(Debug, Clone, Default)]
pub(super) struct PoolMetrics {
    pub(super) open: Gauge,
    pub(super) idle: Gauge,
    pub(super) waiting: Gauge,
}

/// One that waits for a connection, until dropped.
pub(super) struct Waiting(Gauge);

impl Waiting {
    pub(super) fn begin(metrics: &PoolMetrics) -> Self {
        metrics.waiting.inc();
        Self(metrics.waiting.clone())
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}
