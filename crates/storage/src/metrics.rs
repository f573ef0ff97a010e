//! What is counted of object store requests.

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The operations of an object store, as the metrics name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Get,
    GetRanges,
    List,
    Put,
    Delete,
    Copy,
    Rename,
}

/// How a request ended. A file that is not there is an answer, not a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Outcome {
    Ok,
    NotFound,
    Error,
}

impl Operation {
    fn label(self) -> &'static str {
        match self {
            Operation::Get => "get",
            Operation::GetRanges => "get_ranges",
            Operation::List => "list",
            Operation::Put => "put",
            Operation::Delete => "delete",
            Operation::Copy => "copy",
            Operation::Rename => "rename",
        }
    }
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::NotFound => "not_found",
            Outcome::Error => "error",
        }
    }

    pub(crate) fn of<T>(result: &object_store::Result<T>) -> Self {
        match result {
            Ok(_) => Outcome::Ok,
            Err(object_store::Error::NotFound { .. }) => Outcome::NotFound,
            Err(_) => Outcome::Error,
        }
    }
}

impl EncodeLabelValue for Operation {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.label(), encoder)
    }
}

impl EncodeLabelValue for Outcome {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> std::fmt::Result {
        EncodeLabelValue::encode(&self.label(), encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: Operation,
    outcome: Outcome,
}

/// The counters of all object stores of a process. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct StorageMetrics {
    requests: Family<RequestLabels, Counter>,
    bytes_read: Counter,
}

impl StorageMetrics {
    /// Makes the counters visible; the encoder ends their names in `_total`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "mooring_storage_requests",
            "Requests to object stores by operation and outcome",
            self.requests.clone(),
        );
        registry.register(
            "mooring_storage_bytes_read",
            "Bytes read from object stores",
            self.bytes_read.clone(),
        );
    }

    pub(crate) fn count(&self, operation: Operation, outcome: Outcome) {
        self.requests.get_or_create(&RequestLabels { operation, outcome }).inc();
    }

    pub(crate) fn count_bytes_read(&self, bytes: u64) {
        self.bytes_read.inc_by(bytes);
    }
}
