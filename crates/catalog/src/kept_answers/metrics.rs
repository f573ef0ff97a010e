//! What is counted of kept answers.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QuestionLabels {
    catalog: String,
    /// `hit`, `joined`, `miss` or `stale`.
    outcome: &'static str,
}

/// The counters of all metastores of a process whose answers are kept. Clones count together.
#[derive(Debug, Clone, Default)]
pub(crate) struct KeptAnswersMetrics {
    questions: Family<QuestionLabels, Counter>,
}

/// Where an answer to a question came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Kept, and new enough.
    Hit,
    /// The same question of somebody else, which was on its way.
    Joined,
    /// The metastore.
    Miss,
    /// Kept, and older than it should be: the metastore is away.
    Stale,
}

impl KeptAnswersMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "mooring_metastore_questions",
            "Questions about tables by catalog, and whether the metastore was asked (miss, joined) or what \
             was kept served (hit, or stale while the metastore was away)",
            self.questions.clone(),
        );
    }

    pub(super) fn count(&self, catalog: &str, source: Source) {
        self.counter(catalog, source).inc();
    }

    /// Counts nothing of the catalog any more.
    pub(crate) fn forget(&self, catalog: &str) {
        for source in [Source::Hit, Source::Joined, Source::Miss, Source::Stale] {
            self.questions.remove(&labels(catalog, source));
        }
    }

    #[cfg(test)]
    pub(super) fn get(&self, catalog: &str, source: Source) -> u64 {
        self.counter(catalog, source).get()
    }

    fn counter(&self, catalog: &str, source: Source) -> Counter {
        self.questions.get_or_create_owned(&labels(catalog, source))
    }
}

fn labels(catalog: &str, source: Source) -> QuestionLabels {
    let outcome = match source {
        Source::Hit => "hit",
        Source::Joined => "joined",
        Source::Miss => "miss",
        Source::Stale => "stale",
    };
    QuestionLabels { catalog: catalog.to_owned(), outcome }
}
