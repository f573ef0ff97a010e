//! What is counted of calls to metastores.

use crate::kept_answers::KeptAnswersMetrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

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

    pub(crate) fn count(&self, catalog: &str, method: &str, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Ok => "ok",
            Outcome::Exception => "exception",
            Outcome::Error => "error",
        };
        let labels = CallLabels { catalog: catalog.to_owned(), method: method.to_owned(), outcome };
        self.calls.get_or_create(&labels).inc();
    }
}
