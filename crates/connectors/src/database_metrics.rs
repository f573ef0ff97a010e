//! What is counted of the databases that are read.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CatalogLabels {
    catalog: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    catalog: String,
    /// `used`, `idle` or `waiting`.
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    catalog: String,
    /// `ok`, `error` or `cancelled`.
    outcome: &'static str,
}

/// The counters of all databases of a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct DatabaseMetrics {
    connections: Family<StateLabels, Gauge>,
    statements: Family<OutcomeLabels, Counter>,
    rows_read: Family<CatalogLabels, Counter>,
    bytes_read: Family<CatalogLabels, Counter>,
}

/// What a connection does, or who waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Used,
    Idle,
    Waiting,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementOutcome {
    Ok,
    Error,
    Cancelled,
}

impl DatabaseMetrics {
    /// Makes the counters visible; the encoder ends the names of counters in `_total`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mooring_database_connections",
            "Connections to databases by catalog and state, and who waits for one",
            self.connections.clone(),
        );
        registry.register(
            "mooring_database_statements",
            "Statements sent to databases by catalog and outcome",
            self.statements.clone(),
        );
        registry.register(
            "mooring_database_rows_read",
            "Rows read from databases by catalog",
            self.rows_read.clone(),
        );
        registry.register(
            "mooring_database_bytes_read",
            "Bytes of rows read from databases by catalog",
            self.bytes_read.clone(),
        );
    }

    /// Counts a connection in `state` until what it gives is dropped.
    pub(crate) fn in_state(&self, catalog: &str, state: ConnectionState) -> InState {
        let state = match state {
            ConnectionState::Used => "used",
            ConnectionState::Idle => "idle",
            ConnectionState::Waiting => "waiting",
        };
        let labels = StateLabels { catalog: catalog.to_owned(), state };
        let gauge = self.connections.get_or_create(&labels).clone();
        gauge.inc();
        InState(gauge)
    }

    pub(crate) fn count_statement(&self, catalog: &str, outcome: StatementOutcome) {
        let outcome = match outcome {
            StatementOutcome::Ok => "ok",
            StatementOutcome::Error => "error",
            StatementOutcome::Cancelled => "cancelled",
        };
        let labels = OutcomeLabels { catalog: catalog.to_owned(), outcome };
        self.statements.get_or_create(&labels).inc();
    }

    pub(crate) fn count_read(&self, catalog: &str, rows: usize, bytes: usize) {
        let labels = CatalogLabels { catalog: catalog.to_owned() };
        self.rows_read.get_or_create(&labels).inc_by(rows as u64);
        self.bytes_read.get_or_create(&labels).inc_by(bytes as u64);
    }
}

/// One connection, or one who waits, as long as it lives.
#[derive(Debug)]
pub(crate) struct InState(Gauge);

impl Drop for InState {
    fn drop(&mut self) {
        self.0.dec();
    }
}
