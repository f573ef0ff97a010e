//! What is counted of MySQL servers.

use crate::catalog_series::{HeldSeries, SeriesHolders};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;

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
    holders: SeriesHolders,
    held: Option<Arc<HeldSeries>>,
}

const STATES: [&str; 3] = ["open", "idle", "waiting"];

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

    /// The same counters, for one version of a catalog: its series are there for as long as something counts so.
    pub(super) fn of_catalog(&self, catalog: &str) -> Self {
        let of_all = Self { held: None, ..self.clone() };
        let forgetting = of_all.clone();
        let held = self.holders.hold(catalog, move |catalog| forgetting.forget(catalog));
        Self { held: Some(Arc::new(held)), ..of_all }
    }

    fn forget(&self, catalog: &str) {
        let catalog = || catalog.to_owned();
        for state in STATES {
            self.connections.remove(&StateLabels { catalog: catalog(), state });
        }
        for outcome in Outcome::ALL {
            self.statements.remove(&OutcomeLabels { catalog: catalog(), outcome: outcome.label() });
        }
        self.rows.remove(&CatalogLabels { catalog: catalog() });
        self.bytes.remove(&CatalogLabels { catalog: catalog() });
    }

    pub(super) fn pool(&self, catalog: &str) -> PoolMetrics {
        let [open, idle, waiting] = STATES.map(|state| {
            let labels = StateLabels { catalog: catalog.to_owned(), state };
            self.connections.get_or_create(&labels).clone()
        });
        PoolMetrics { open, idle, waiting }
    }

    pub(super) fn count_rows(&self, catalog: &str, rows: u64, bytes: u64) {
        let labels = CatalogLabels { catalog: catalog.to_owned() };
        self.rows.get_or_create(&labels).inc_by(rows);
        self.bytes.get_or_create(&labels).inc_by(bytes);
    }

    pub(super) fn count_statement(&self, catalog: &str, outcome: Outcome) {
        let labels = OutcomeLabels { catalog: catalog.to_owned(), outcome: outcome.label() };
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

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::encoding::text::encode;

    #[test]
    fn series_go_with_the_last_version_of_their_catalog() {
        let (metrics, mut registry) = (MysqlMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        let told = || {
            let mut text = String::new();
            encode(&mut text, &registry).expect("written");
            text.contains("gone")
        };
        let (first, second) = (metrics.of_catalog("gone"), metrics.of_catalog("gone"));
        drop(first.pool("gone"));
        for outcome in Outcome::ALL {
            first.count_statement("gone", outcome);
        }
        first.count_rows("gone", 1, 1);
        drop(first);
        assert!(told());
        drop(second);
        assert!(!told());
    }
}
