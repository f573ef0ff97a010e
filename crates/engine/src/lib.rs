//! The only meeting point of the contracts in `mooring-spi` and DataFusion: the session, the codec,
//! the scan nodes and what turns names into tables. It must never know a client protocol.

mod engine;
mod query_context;
mod planned_query;
mod leases;
mod catalogs;
mod names;
mod snapshot;
mod identifiers;
mod table;
mod views;
mod filtering_table;
mod scan;
mod predicate;
mod push_down;
mod value;
mod session;
mod planner_session;
mod physical_rules;
mod constant_plans;
mod generic_plans;
mod facts;
mod yielding_joins;
mod options;
mod sources;
mod codec;
mod functions;
mod distribute;
mod error;

pub use catalogs::{Catalog, CatalogOrigin, Catalogs};
pub use distribute::{
    ClusterChannels, ClusterSecret, NodeAddress, QueryTasks, TaskRecord, TaskState,
    WorkerDirectory, bearer,
};
pub use engine::Engine;
pub use error::{from_datafusion, to_datafusion};
pub use names::{
    QUERY_SCHEMA, SESSION_SCHEMAS, no_schema, session_schema, split_database, split_table,
};
pub use options::MooringOptions;
pub use planned_query::PlannedQuery;
pub use push_down::PushDownMode;
pub use query_context::{FoldedQuery, QueryContext, QueryDescription, SessionFunctions};
pub use session::{NodeLimits, NodeRuntime, build_worker_session};
pub use snapshot::CurrentNames;
pub use sources::{DefinitionSource, Source, SourceLease, Sources, store_address};
