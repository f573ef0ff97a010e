//! Metrics of queries and of the cluster, as an operator reads them under `/metrics`.

use crate::membership::Membership;
use crate::query::QueryState;
use mooring_engine::{Catalogs, WorkerDirectory};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone)]
pub struct QueryMetrics {
    pub(crate) received: Counter,
    ended: Family<OutcomeLabels, Counter>,
    elapsed_seconds: Histogram,
}

impl QueryMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            received: Counter::default(),
            ended: Family::default(),
            // 1 ms to about 17 minutes.
            elapsed_seconds: Histogram::new(exponential_buckets(0.001, 4.0, 11)),
        };
        registry.register(
            "mooring_coordinator_queries_received",
            "Queries that reached the engine",
            metrics.received.clone(),
        );
        registry.register(
            "mooring_coordinator_queries_ended",
            "Queries that ended, by outcome",
            metrics.ended.clone(),
        );
        registry.register(
            "mooring_coordinator_query_elapsed_seconds",
            "From a query's arrival to its end",
            metrics.elapsed_seconds.clone(),
        );
        metrics
    }

    pub(crate) fn ended(&self, state: QueryState, elapsed: Duration) {
        self.ended.get_or_create(&OutcomeLabels { outcome: state.as_str() }).inc();
        self.elapsed_seconds.observe(elapsed.as_secs_f64());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    /// `create`, `set`, `reset`, `rename`, `comment` or `drop`.
    change: &'static str,
}

/// Changes of catalogs by statements of this coordinator.
#[derive(Debug, Clone, Default)]
pub struct CatalogMetrics {
    changes: Family<ChangeLabels, Counter>,
}

impl CatalogMetrics {
    /// Also tells how many catalogs there are.
    pub fn register(registry: &mut Registry, catalogs: Arc<Catalogs>) -> Self {
        let metrics = Self::default();
        registry.register(
            "mooring_coordinator_catalog_changes",
            "Definitions of catalogs changed by statements of this coordinator, by what was done",
            metrics.changes.clone(),
        );
        registry.register_collector(Box::new(CatalogCount(catalogs)));
        metrics
    }

    pub(crate) fn changed(&self, change: &'static str) {
        self.changes.get_or_create(&ChangeLabels { change }).inc();
    }
}

#[derive(Debug)]
struct CatalogCount(Arc<Catalogs>);

impl Collector for CatalogCount {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let count = i64::try_from(self.0.names().len()).unwrap_or(i64::MAX);
        let count = ConstGauge::new(count);
        let metric = encoder.encode_descriptor(
            "mooring_coordinator_catalogs",
            "Catalogs that this coordinator has",
            None,
            count.metric_type(),
        )?;
        count.encode(metric)
    }
}

/// Tells how many workers take tasks.
#[derive(Debug)]
pub struct ClusterMetrics {
    membership: Arc<Membership>,
}

impl ClusterMetrics {
    pub fn new(membership: Arc<Membership>) -> Self {
        Self { membership }
    }
}

impl Collector for ClusterMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let workers = i64::try_from(self.membership.workers().len()).unwrap_or(i64::MAX);
        let workers = ConstGauge::new(workers);
        let metric = encoder.encode_descriptor(
            "mooring_coordinator_workers",
            "Workers that take tasks",
            None,
            workers.metric_type(),
        )?;
        workers.encode(metric)
    }
}
