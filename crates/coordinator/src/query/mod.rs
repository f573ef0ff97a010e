//! The one life of a query, the same through every door:
//! received, queued, planning, running, finishing, then finished, failed or cancelled.

mod record;
mod registry;
mod run;
mod explained;
mod deadline;

pub(crate) use record::shortened;
pub use record::{NewQuery, Query, QueryOutcome, QueryState};
pub(crate) use registry::cancelled;
pub use registry::{Permit, Queries, QuerySettings};
pub use run::{Begun, QueryRun, RunRequest, Runner};
