//! What is counted of the databases that are read.

use crate::catalog_series::{HeldSeries, SeriesHolders};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::sync::Arc;

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
    holders: SeriesHolders,
    held: Option<Arc<HeldSeries>>,
}

/// What a connection does, or who waits for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    Used,
    Idle,
    Waiting,
}

impl ConnectionState {
    const ALL: [Self; 3] = [Self::Used, Self::Idle, Self::Waiting];

    fn label(self) -> &'static str {
        match self {
            ConnectionState::Used => "used",
            ConnectionState::Idle => "idle",
            ConnectionState::Waiting => "waiting",
        }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StatementOutcome {
    Ok,
    Error,
    Cancelled,
}

impl StatementOutcome {
    const ALL: [Self; 3] = [Self::Ok, Self::Error, Self::Cancelled];

    fn label(self) -> &'static str {
        match self {
            StatementOutcome::Ok => "ok",
            StatementOutcome::Error => "error",
            StatementOutcome::Cancelled => "cancelled",
        }
    }
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

    /// The same counters, for one version of a catalog: its series are there for as long as something counts so.
    pub(crate) fn of_catalog(&self, catalog: &str) -> Self {
        let of_all = Self { held: None, ..self.clone() };
        let forgetting = of_all.clone();
        let held = self.holders.hold(catalog, move |catalog| forgetting.forget(catalog));
        Self { held: Some(Arc::new(held)), ..of_all }
    }

    fn forget(&self, catalog: &str) {
        let catalog = || catalog.to_owned();
        for state in ConnectionState::ALL {
            self.connections.remove(&StateLabels { catalog: catalog(), state: state.label() });
        }
        for outcome in StatementOutcome::ALL {
            self.statements.remove(&OutcomeLabels { catalog: catalog(), outcome: outcome.label() });
        }
        self.rows_read.remove(&CatalogLabels { catalog: catalog() });
        self.bytes_read.remove(&CatalogLabels { catalog: catalog() });
    }

    /// Counts a connection in `state` until what it gives is dropped.
    pub(crate) fn in_state(&self, catalog: &str, state: ConnectionState) -> InState {
        let labels = StateLabels { catalog: catalog.to_owned(), state: state.label() };
        let gauge = self.connections.get_or_create(&labels).clone();
        gauge.inc();
        InState(gauge)
    }

    pub(crate) fn count_statement(&self, catalog: &str, outcome: StatementOutcome) {
        let labels = OutcomeLabels { catalog: catalog.to_owned(), outcome: outcome.label() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn series_go_with_the_last_version_of_their_catalog() {
        let (metrics, mut registry) = (DatabaseMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        let told = || {
            let mut text = String::new();
            encode(&mut text, &registry).expect("written");
            text.contains("gone")
        };
        let (first, second) = (metrics.of_catalog("gone"), metrics.of_catalog("gone"));
        for state in ConnectionState::ALL {
            drop(first.in_state("gone", state));
        }
        for outcome in StatementOutcome::ALL {
            first.count_statement("gone", outcome);
        }
        first.count_read("gone", 1, 1);
        drop(first);
        assert!(told());
        drop(second);
        assert!(!told());
    }
}
