//! A query that is planned: it runs, or is told as text.

use crate::distribute::unreached_scans;
use crate::error::from_datafusion;
use crate::leases::{needs_leases, open_leases};
use crate::push_down::{Comparison, verified};
use crate::scan::whole_statements;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion_distributed::{DistributedMetricsFormat, display_plan_ascii, explain_analyze};
use futures::{StreamExt, TryFutureExt};
use itertools::Itertools;
use mooring_spi::{BatchStream, Result};
use std::sync::Arc;

/// A planned query, ready to run once.
pub struct PlannedQuery {
    plan: Arc<dyn ExecutionPlan>,
    task: Arc<TaskContext>,
    schema: SchemaRef,
    /// What `EXPLAIN` tells below the plan.
    notes: Vec<String>,
    /// The same query without push-down, whose rows are to be the same.
    check: Option<Check>,
}

#[derive(Clone)]
pub(crate) struct Check {
    pub plan: Arc<dyn ExecutionPlan>,
    pub comparison: Comparison,
}

impl PlannedQuery {
    pub(crate) fn new(
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
        schema: SchemaRef,
    ) -> Self {
        Self { plan, task, schema, notes: Vec::new(), check: None }
    }

    pub(crate) fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    pub(crate) fn with_check(mut self, check: Option<Check>) -> Self {
        self.check = check;
        self
    }

    /// The columns of the result, in their order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Starts the plan; where it has leases to open, that is the first that its stream does. Dropping the
    /// stream stops it, on the workers too.
    ///
    /// # Errors
    /// What the first node answers.
    pub fn execute(&self) -> Result<BatchStream> {
        if !needs_leases(&self.task) {
            return rows(&self.plan, self.check.as_ref(), &self.task);
        }
        let (plan, check, task) = (self.plan.clone(), self.check.clone(), self.task.clone());
        let leased = async move {
            let held = open_leases(task).await?;
            let rows = rows(&plan, check.as_ref(), &held.task)?;
            Ok(held.around(rows))
        };
        Ok(leased.try_flatten_stream().boxed())
    }

    /// The plan as text: stages with their tasks when it is spread. `verbose`: with the whole statements that sources
    /// get.
    ///
    /// # Errors
    /// `Internal`.
    pub fn explain(&self, verbose: bool) -> Result<String> {
        self.noted(display_plan_ascii(self.plan.as_ref(), false), verbose)
    }

    /// The plan with what each node did, once its stream has ended.
    ///
    /// # Errors
    /// `Internal` when the plan has not run.
    pub async fn explain_analyze(&self, verbose: bool) -> Result<String> {
        let text = explain_analyze(self.plan.clone(), DistributedMetricsFormat::Aggregated)
            .await
            .map_err(|error| from_datafusion(&error))?;
        self.noted(text, verbose)
    }

    fn noted(&self, text: String, verbose: bool) -> Result<String> {
        let scans = unreached_scans(&self.plan).map_err(|error| from_datafusion(&error))?;
        let notes = self.notes.iter().chain(&scans).map(|note| format!("note: {note}"));
        let statements = if verbose { whole_statements(&self.plan) } else { Vec::new() };
        let mut below = notes.chain(statements).peekable();
        Ok(match below.peek() {
            None => text,
            Some(_) => std::iter::once(text.trim_end().to_owned()).chain(below).join("\n"),
        })
    }
}

/// The rows of a plan, compared with those of the other where there is one.
fn rows(
    plan: &Arc<dyn ExecutionPlan>,
    check: Option<&Check>,
    task: &Arc<TaskContext>,
) -> Result<BatchStream> {
    let shown = start(plan, task)?;
    let Some(check) = check else { return Ok(shown) };
    let (plan, task) = (check.plan.clone(), task.clone());
    Ok(verified(shown, Box::new(move || start(&plan, &task)), check.comparison))
}

fn start(plan: &Arc<dyn ExecutionPlan>, task: &Arc<TaskContext>) -> Result<BatchStream> {
    let stream = execute_stream(Arc::clone(plan), Arc::clone(task))
        .map_err(|error| from_datafusion(&error))?;
    // The session has the catalogs that the plan reads: workers may ask for them until the end.
    let task = task.clone();
    let batches = stream.map(move |batch| {
        let _held = &task;
        batch.map_err(|error| from_datafusion(&error))
    });
    Ok(batches.boxed())
}
