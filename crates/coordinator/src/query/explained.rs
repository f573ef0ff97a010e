//! `EXPLAIN`: a query that is planned, and run for what it did and not for its rows where that is asked for.

use super::deadline::Deadline;
use super::record::{Query, QueryOutcome, QueryState};
use super::registry::cancelled;
use super::run::{Ended, Planning, RunRequest, Runner, ending, lost, next, outcome_of};
use crate::statement::Explain;
use mooring_spi::{Result, StaleAnswers};
use std::sync::Arc;
use std::time::Duration;

/// How long EXPLAIN ANALYZE waits for the metrics of tasks.
const METRICS_BOUND: Duration = Duration::from_secs(5);

impl Runner {
    /// The query's plan as text, with what it did when `analyze`.
    ///
    /// # Errors
    /// As [`Runner::run`].
    pub async fn explain(
        &self,
        query: Arc<Query>,
        request: RunRequest,
        explain: Explain,
    ) -> Result<String> {
        let runner = self.clone();
        let guard = query.cancel.clone().drop_guard();
        let query = Ended::new(self, query);
        let task = self.runtime.spawn(StaleAnswers::carried(async move {
            match runner.explain_here(&query.query, request, explain).await {
                Ok(text) => {
                    query.end(&QueryOutcome::Finished);
                    Ok(text)
                }
                Err(error) => {
                    query.end(&outcome_of(&query.query, error));
                    Err(ending(&query.query))
                }
            }
        }));
        let text = task.await.map_err(|_| lost())?;
        drop(guard);
        text
    }

    async fn explain_here(
        &self,
        query: &Arc<Query>,
        request: RunRequest,
        explain: Explain,
    ) -> Result<String> {
        let _deadline = Deadline::start(query);
        let _permit = self.queries.admit(query).await?;
        query.advance(QueryState::Planning);
        query.begin_attempt();
        let mut planning = Planning::new(request)?;
        planning.context.explain = true;
        let plan = self.plan(query, &mut planning).await?;
        if !explain.analyze {
            return plan.explain(explain.verbose);
        }
        query.advance(QueryState::Running);
        let mut batches = plan.execute()?;
        while let Some(batch) = next(query, &mut batches).await {
            let batch = batch?;
            query.add_output(batch.num_rows(), batch.get_array_memory_size());
        }
        query.advance(QueryState::Finishing);
        tokio::select! {
            text = plan.explain_analyze(explain.verbose) => text,
            () = query.cancel.cancelled() => Err(cancelled()),
            // A task that nobody had to ask for its rows never reports.
            () = tokio::time::sleep(METRICS_BOUND) => plan.explain(explain.verbose),
        }
    }
}
