//! A query that is planned: it runs, or is told as text.

use crate::distribute::unreached_scans;
use crate::error::from_datafusion;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion_distributed::{DistributedMetricsFormat, display_plan_ascii, explain_analyze};
use futures::StreamExt;
use mooring_spi::{BatchStream, Result};
use std::sync::Arc;

/// A planned query, ready to run once.
pub struct PlannedQuery {
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    schema: SchemaRef,
}

impl PlannedQuery {
    pub(crate) fn new(
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
        schema: SchemaRef,
    ) -> Self {
        Self { plan, task, schema }
    }

    /// The columns of the result, in their order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Starts the plan. Dropping the stream stops it, on the workers too.
    ///
    /// # Errors
    /// What the first node answers.
    pub fn execute(&self) -> Result<BatchStream> {
        let stream = execute_stream(self.plan.clone(), self.task.clone())
            .map_err(|error| from_datafusion(&error))?;
        // The session has the catalogs that the plan reads: workers may ask for them until the end.
        let task = self.task.clone();
        let batches = stream.map(move |batch| {
            let _held = &task;
            batch.map_err(|error| from_datafusion(&error))
        });
        Ok(batches.boxed())
    }

    /// The plan as text: stages with their tasks when it is spread.
    ///
    /// # Errors
    /// `Internal`.
    pub fn explain(&self) -> Result<String> {
        self.with_notes(display_plan_ascii(self.plan.as_ref(), false))
    }

    /// The plan with what each node did, once its stream has ended.
    ///
    /// # Errors
    /// `Internal` when the plan has not run.
    pub async fn explain_analyze(&self) -> Result<String> {
        let text = explain_analyze(self.plan.clone(), DistributedMetricsFormat::Aggregated)
            .await
            .map_err(|error| from_datafusion(&error))?;
        self.with_notes(text)
    }

    fn with_notes(&self, mut text: String) -> Result<String> {
        let scans = unreached_scans(&self.plan).map_err(|error| from_datafusion(&error))?;
        for scan in scans {
            text.truncate(text.trim_end().len());
            text.push_str("\nnote: ");
            text.push_str(&scan);
        }
        Ok(text)
    }
}
