//! What is counted of the databases that are read.

use crate::catalog_series::{HeldSeries, SeriesHolders};
use mooring_spi::{Error, ErrorKind};
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
    /// `ok`, `refused`, `failed` or `cancelled`.
    outcome: &'static str,
}

/// The counters of all databases of a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct DatabaseMetrics {
    connections: Family<StateLabels, Gauge>,
    connections_max: Family<CatalogLabels, Gauge>,
    statements: Family<OutcomeLabels, Counter>,
    rows_read: Family<CatalogLabels, Counter>,
    bytes_read: Family<CatalogLabels, Counter>,
    holders: SeriesHolders,
    /// Of these counters for one version of a catalog.
    _held: Option<Arc<HeldSeries>>,
}

const STATES: [&str; 3] = ["used", "idle", "waiting"];

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// The database answered that it will not.
    Refused,
    /// No answer, or none that can be read.
    Failed,
    /// Nobody wants its rows any more.
    Cancelled,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Refused, Self::Failed, Self::Cancelled];

    fn label(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
            Outcome::Cancelled => "cancelled",
        }
    }

    /// Of a statement that ended with `error`.
    pub fn of(error: &Error) -> Self {
        let is_answer = matches!(
            error.kind(),
            ErrorKind::SourceRefused | ErrorKind::TimedOut | ErrorKind::FileChanged
        );
        if is_answer { Self::Refused } else { Self::Failed }
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
            "mooring_database_connections_max",
            "Connections to databases that this process may have, by catalog",
            self.connections_max.clone(),
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
        let of_all = Self { _held: None, ..self.clone() };
        let forgetting = of_all.clone();
        let held = self.holders.hold(catalog, move |catalog| forgetting.forget(catalog));
        Self { _held: Some(Arc::new(held)), ..of_all }
    }

    fn forget(&self, catalog: &str) {
        let catalog = || catalog.to_owned();
        for state in STATES {
            self.connections.remove(&StateLabels { catalog: catalog(), state });
        }
        for outcome in Outcome::ALL {
            self.statements.remove(&OutcomeLabels { catalog: catalog(), outcome: outcome.label() });
        }
        for family in [&self.rows_read, &self.bytes_read] {
            family.remove(&CatalogLabels { catalog: catalog() });
        }
        self.connections_max.remove(&CatalogLabels { catalog: catalog() });
    }

    pub(crate) fn pool(&self, catalog: &str) -> PoolMetrics {
        let [used, idle, waiting] = STATES.map(|state| {
            let labels = StateLabels { catalog: catalog.to_owned(), state };
            self.connections.get_or_create(&labels).clone()
        });
        let labels = CatalogLabels { catalog: catalog.to_owned() };
        let max = self.connections_max.get_or_create(&labels).clone();
        PoolMetrics { used, idle, waiting, max }
    }

    pub(crate) fn count_statement(&self, catalog: &str, outcome: Outcome) {
        let labels = OutcomeLabels { catalog: catalog.to_owned(), outcome: outcome.label() };
        self.statements.get_or_create(&labels).inc();
    }

    pub(crate) fn count_read(&self, catalog: &str, rows: usize, bytes: usize) {
        let labels = CatalogLabels { catalog: catalog.to_owned() };
        self.rows_read.get_or_create(&labels).inc_by(rows as u64);
        self.bytes_read.get_or_create(&labels).inc_by(bytes as u64);
    }
}

/// The gauges of one pool. Two versions of a catalog count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct PoolMetrics {
    pub used: Gauge,
    pub idle: Gauge,
    pub waiting: Gauge,
    pub max: Gauge,
}

/// So many in a state, as long as it lives.
#[derive(Debug)]
pub(super) struct InState {
    gauge: Gauge,
    count: i64,
}

impl InState {
    pub(super) fn one(gauge: &Gauge) -> Self {
        Self::many(gauge, 1)
    }

    pub(super) fn many(gauge: &Gauge, count: usize) -> Self {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        gauge.inc_by(count);
        Self { gauge: gauge.clone(), count }
    }
}

impl Drop for InState {
    fn drop(&mut self) {
        self.gauge.dec_by(self.count);
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
        drop(InState::one(&first.pool("gone").used));
        for outcome in Outcome::ALL {
            first.count_statement("gone", outcome);
        }
        first.count_read("gone", 1, 1);
        drop(first);
        assert!(told());
        drop(second);
        assert!(!told());
    }
}
