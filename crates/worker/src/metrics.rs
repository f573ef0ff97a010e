//! The worker's metrics.

use crate::gate::Drain;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;
use std::sync::Arc;

/// Tells how many tasks run on this node.
#[derive(Debug)]
pub struct WorkerMetrics {
    drain: Arc<Drain>,
}

impl WorkerMetrics {
    pub fn new(drain: Arc<Drain>) -> Self {
        Self { drain }
    }
}

impl Collector for WorkerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let running =
            ConstGauge::new(i64::try_from(self.drain.running_tasks()).unwrap_or(i64::MAX));
        let metric = encoder.encode_descriptor(
            "mooring_worker_tasks_running",
            "Tasks that run on this node",
            None,
            running.metric_type(),
        )?;
        running.encode(metric)
    }
}
