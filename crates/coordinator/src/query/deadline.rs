//! The time that a query may take.

use super::record::Query;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Stops a query whose time is up; goes with the query's task.
pub(super) struct Deadline(Option<JoinHandle<()>>);

impl Deadline {
    pub(super) fn start(query: &Arc<Query>) -> Self {
        let Some(limit) = query.time_limit else {
            return Self(None);
        };
        let query = Arc::downgrade(query);
        Self(Some(tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            if let Some(query) = query.upgrade() {
                query.time_out();
            }
        })))
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = &self.0 {
            timer.abort();
        }
    }
}
