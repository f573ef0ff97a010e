//! What is counted of calls to metastores.

use crate::kept_answers::KeptAnswersMetrics;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    catalog: String,
    method: String,
    /// `ok`, `exception` or `error`.
    outcome: &'static str,
}

/// The counters of all metastores of a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct MetastoreMetrics {
    calls: Family<CallLabels, Counter>,
    pub(crate) kept_answers: KeptAnswersMetrics,
    counted: Arc<Mutex<HashMap<String, Counted>>>,
}

/// What is counted of one catalog.
#[derive(Debug, Default)]
struct Counted {
    /// Its versions, while they are there.
    versions: usize,
    calls: HashSet<CallLabels>,
}

/// One version of a catalog that is counted; with the last one of a name, its counters go.
#[derive(Debug)]
pub(crate) struct CatalogCounters {
    catalog: String,
    metrics: MetastoreMetrics,
}

impl Drop for CatalogCounters {
    fn drop(&mut self) {
        let mut counted = self.metrics.counted.lock();
        let Some(own) = counted.get_mut(&self.catalog) else { return };
        own.versions = own.versions.saturating_sub(1);
        if own.versions > 0 {
            return;
        }
        for labels in own.calls.drain() {
            self.metrics.calls.remove(&labels);
        }
        counted.remove(&self.catalog);
        self.metrics.kept_answers.forget(&self.catalog);
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    /// The metastore answered that it cannot.
    Exception,
    /// No answer, or none that can be read.
    Error,
}

impl MetastoreMetrics {
    /// Makes the counters visible; the encoder ends their names in `_total`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mooring_metastore_calls",
            "Calls to metastores by catalog, method and outcome",
            self.calls.clone(),
        );
        self.kept_answers.register(registry);
    }

    /// Counts a catalog while the answer is there.
    pub(crate) fn of_catalog(&self, catalog: &str) -> CatalogCounters {
        self.counted.lock().entry(catalog.to_owned()).or_default().versions += 1;
        CatalogCounters { catalog: catalog.to_owned(), metrics: self.clone() }
    }

    pub(crate) fn count(&self, catalog: &str, method: &str, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Ok => "ok",
            Outcome::Exception => "exception",
            Outcome::Error => "error",
        };
        let labels = CallLabels { catalog: catalog.to_owned(), method: method.to_owned(), outcome };
        self.calls.get_or_create(&labels).inc();
        if let Some(own) = self.counted.lock().get_mut(catalog) {
            own.calls.insert(labels);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(registry: &Registry) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, registry).expect("encoded");
        text
    }

    #[test]
    fn the_counters_of_a_catalog_go_with_its_last_version() {
        let metrics = MetastoreMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let first = metrics.of_catalog("sales");
        let second = metrics.of_catalog("sales");
        let other = metrics.of_catalog("other");
        for catalog in ["sales", "other"] {
            metrics.count(catalog, "get_table", Outcome::Ok);
        }
        drop(first);
        assert!(shown(&registry).contains("sales"));
        drop(second);
        let text = shown(&registry);
        assert!(!text.contains("sales") && text.contains("other"), "{text}");
        drop(other);
        assert!(metrics.counted.lock().is_empty());
    }
}
