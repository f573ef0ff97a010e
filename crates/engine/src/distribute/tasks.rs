//! What the tasks of one query did: recorded on the coordinator as each task's channel opens, and
//! completed by the metrics that the worker sends back when the task has ended.

use datafusion::physical_plan::metrics::{MetricValue, MetricsSet};
use datafusion_distributed::{TaskKey, TaskMetrics};
use parking_lot::Mutex;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskState {
    Running,
    Finished,
    /// The channel to the worker ended before the task did.
    Aborted,
}

impl TaskState {
    pub fn as_str(self) -> &'static str {
        match self {
            TaskState::Running => "running",
            TaskState::Finished => "finished",
            TaskState::Aborted => "aborted",
        }
    }
}

/// One task of a stage on a worker.
#[derive(Debug, Clone)]
pub struct TaskRecord {
    pub stage_id: usize,
    pub task_id: usize,
    pub worker: String,
    pub state: TaskState,
    /// Rows and bytes that left the task's head.
    pub rows: u64,
    pub bytes: u64,
    pub elapsed: Duration,
    /// Which attempt at the query; 0 is the first.
    pub attempt: usize,
    started: Instant,
}

/// The tasks of one query, over all its attempts.
#[derive(Debug, Default)]
pub struct QueryTasks {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    attempt: usize,
    records: Vec<TaskRecord>,
}

impl QueryTasks {
    pub fn next_attempt(&self) {
        self.inner.lock().attempt += 1;
    }

    /// The records so far, in the order in which the tasks began.
    pub fn records(&self) -> Vec<TaskRecord> {
        let inner = self.inner.lock();
        let mut records = inner.records.clone();
        for record in records.iter_mut().filter(|record| record.state == TaskState::Running) {
            record.elapsed = record.started.elapsed();
        }
        records
    }

    /// Records a task that begins, and answers the index of its record.
    pub(crate) fn begin(&self, key: TaskKey, worker: &str) -> usize {
        let mut inner = self.inner.lock();
        let record = TaskRecord {
            stage_id: key.stage_id,
            task_id: key.task_number,
            worker: worker.to_string(),
            state: TaskState::Running,
            rows: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
            attempt: inner.attempt,
            started: Instant::now(),
        };
        inner.records.push(record);
        inner.records.len() - 1
    }

    pub(crate) fn finish(&self, index: usize, metrics: &TaskMetrics) {
        if let Some(record) = self.inner.lock().records.get_mut(index) {
            record.state = TaskState::Finished;
            record.elapsed = record.started.elapsed();
            record.rows = head_value(metrics, output_rows);
            record.bytes = head_value(metrics, output_bytes);
        }
    }

    /// The query has finished: a task of its last attempt that has not reported was not needed.
    pub fn settle(&self) {
        let mut inner = self.inner.lock();
        let attempt = inner.attempt;
        for record in inner.records.iter_mut().filter(|record| record.attempt == attempt) {
            record.state = TaskState::Finished;
        }
    }

    /// Ends a task whose channel has closed; one that has finished stays so.
    pub(crate) fn close(&self, index: usize) {
        if let Some(record) = self.inner.lock().records.get_mut(index)
            && record.state == TaskState::Running
        {
            record.state = TaskState::Aborted;
            record.elapsed = record.started.elapsed();
        }
    }
}

/// The value at the topmost node that has one.
fn head_value(metrics: &TaskMetrics, read: fn(&MetricsSet) -> Option<u64>) -> u64 {
    metrics.pre_order_plan_metrics.iter().find_map(read).unwrap_or_default()
}

fn output_rows(metrics: &MetricsSet) -> Option<u64> {
    metrics.output_rows().map(|rows| rows as u64)
}

fn output_bytes(metrics: &MetricsSet) -> Option<u64> {
    let sum = metrics.sum(|metric| matches!(metric.value(), MetricValue::OutputBytes(_)))?;
    Some(sum.as_usize() as u64)
}
