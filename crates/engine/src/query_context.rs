//! What a session brings to its queries, and what it is told of them.

use crate::Catalog;
use crate::distribute::QueryTasks;
use crate::identifiers::fold_relations;
use crate::options::MooringOptions;
use crate::push_down::PushDownMode;
use crate::snapshot::CurrentNames;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::TableReference;
use datafusion::logical_expr::ScalarUDF;
use datafusion::logical_expr::var_provider::VarProvider;
use mooring_spi::Result;
use sqlparser::ast::Query;
use std::sync::Arc;

/// Makes the functions that know the session, such as `DATABASE()`, for a statement that is planned
/// from its text.
pub type SessionFunctions = Arc<dyn Fn() -> Vec<Arc<ScalarUDF>> + Send + Sync>;

/// What a session brings to each of its queries.
#[derive(Clone)]
pub struct QueryContext {
    pub options: MooringOptions,
    pub current: CurrentNames,
    /// The session's own tables, see [`Catalog::of_session`].
    pub session_tables: Arc<Catalog>,
    /// Partitions per task.
    pub target_partitions: usize,
    /// Bytes that one partition of a task should read; a smaller scan is not spread.
    pub distributed_bytes_per_partition: usize,
    /// A join whose one side is estimated to be at most this large copies it to every task instead
    /// of moving both sides to where their keys meet.
    pub broadcast_join_bytes_max: usize,
    /// Answers `@@name` and `@name`.
    pub variables: Arc<dyn VarProvider + Send + Sync>,
    pub functions: SessionFunctions,
    pub tasks: Arc<QueryTasks>,
    /// Whether the plan is shown (`EXPLAIN`): scans then tell what queries do without.
    pub explain: bool,
    /// Whether sources do more than to give rows.
    pub push_down: PushDownMode,
}

/// A query whose relations have the case of their definitions, and the tables that it reads. It can be
/// planned again and again.
#[derive(Debug, Clone)]
pub struct FoldedQuery {
    pub(crate) query: Arc<Query>,
    pub(crate) tables: Vec<TableReference>,
}

impl FoldedQuery {
    /// # Errors
    /// `AmbiguousName`, `SchemaNotFound`, `InvalidQuery`, `Unsupported`: what is wrong with the names, or
    /// how many relations there are.
    pub fn new(mut query: Arc<Query>) -> Result<Self> {
        let tables = fold_relations(Arc::make_mut(&mut query))?;
        Ok(Self { query, tables })
    }
}

/// What a query takes and gives.
#[derive(Debug, Clone)]
pub struct QueryDescription {
    /// The type of each parameter, in order; `DataType::Null` where nothing tells.
    pub parameters: Vec<DataType>,
    pub schema: SchemaRef,
}
