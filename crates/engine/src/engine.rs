//! From a parsed statement to a running plan, on the coordinator.

use crate::constant_plans::{ConstantKey, ConstantPlan, ConstantPlans, is_constant, is_short};
use crate::distribute::{NodeAddress, WorkerDirectory, last_stage};
use crate::error::{from_datafusion, to_datafusion};
use crate::filtering_table::lone_scan;
use crate::generic_plans::{Bound, GenericPlan, GenericPlans, Shape};
use crate::identifiers::fold_columns;
use crate::leases::QueryLeases;
use crate::planned_query::{Check, PlannedQuery};
use crate::planner_session::{PlannerSessions, Spread};
use crate::push_down::{Comparison, PushDownMode, push_down};
use crate::query_context::{FoldedQuery, QueryContext, QueryDescription};
use crate::session::NodeRuntime;
use crate::snapshot::{Snapshot, TableSources};
use crate::views::{ViewPlans, inline};
use crate::{Catalog, Catalogs, SourceLease};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DataFusionError, Result as DataFusionResult};
use datafusion::execution::{FunctionRegistry, SessionState, TaskContext};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as PlannerStatement;
use datafusion_distributed::CompressionType;
use mooring_spi::Result;
use sqlparser::ast::{Query, Statement, Visit, Visitor};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use url::Host;

/// The session that plans one query, with its tables.
struct OpenSession {
    state: SessionState,
    snapshot: Arc<Snapshot>,
    views: ViewPlans,
    spreads: bool,
}

/// The catalogs of a query in the versions that it began with. It stands in the session's configuration, so
/// that it goes with the last piece of the plan.
struct CatalogLease {
    _catalogs: Vec<Arc<Catalog>>,
    _sources: SourceLease,
}

/// The planning half of a coordinator.
pub struct Engine {
    node: NodeRuntime,
    catalogs: Arc<Catalogs>,
    directory: Arc<dyn WorkerDirectory>,
    runs_scans: bool,
    sessions: PlannerSessions,
    constant_plans: ConstantPlans,
    generic_plans: GenericPlans,
}

impl Engine {
    /// `runs_scans`: whether this coordinator also does a worker's work.
    pub fn new(
        node: NodeRuntime,
        catalogs: Arc<Catalogs>,
        directory: Arc<dyn WorkerDirectory>,
        runs_scans: bool,
    ) -> Self {
        let sessions = PlannerSessions::new(&node, directory.clone());
        Self {
            node,
            catalogs,
            directory,
            runs_scans,
            sessions,
            constant_plans: ConstantPlans::default(),
            generic_plans: GenericPlans::default(),
        }
    }

    pub fn catalogs(&self) -> &Arc<Catalogs> {
        &self.catalogs
    }

    pub fn node(&self) -> &NodeRuntime {
        &self.node
    }

    /// The plan of a constant statement that was planned before. It is so small that running it takes
    /// less time than a change of threads.
    pub fn constant_plan(
        &self,
        query: &Arc<Query>,
        context: &QueryContext,
    ) -> Option<PlannedQuery> {
        let known = self.constant_plans.get(&ConstantKey::new(query, context)?)?;
        let plan = known.fresh().ok()?;
        Some(PlannedQuery::new(plan, self.constant_plans.task.clone(), known.schema))
    }

    /// Plans a query.
    ///
    /// # Errors
    /// Every kind that names, types and connectors can give; `NoWorkers` when the plan reads data
    /// and nobody is there to do it.
    pub async fn plan(&self, query: &FoldedQuery, context: &QueryContext) -> Result<PlannedQuery> {
        // Boxed: the states of planning are large, and are copied into their task.
        match query.tables.is_empty() {
            true => Box::pin(self.plan_without_tables(query, context)).await,
            false => Box::pin(self.plan_of_tables(query, context)).await,
        }
    }

    async fn plan_without_tables(
        &self,
        query: &FoldedQuery,
        context: &QueryContext,
    ) -> Result<PlannedQuery> {
        let mut open = self.open(query, context).await?;
        let planned = async {
            let logical = logical_plan(query.query.as_ref().clone(), &mut open, context).await?;
            let optimized = open.state.optimize(&logical)?;
            let (plan, schema) = self.physical(&optimized, &open).await?;
            if let Some(key) = ConstantKey::new(&query.query, context)
                && is_short(key.query())
                && is_constant(&logical)
                && let Some(constant) = ConstantPlan::new(&plan, &schema)?
            {
                self.constant_plans.put(key, constant);
            }
            Ok((plan, schema))
        };
        let planned = planned.await.map_err(|error: DataFusionError| from_datafusion(&error))?;
        Ok(self.ready(planned, &open))
    }

    async fn plan_of_tables(
        &self,
        query: &FoldedQuery,
        context: &QueryContext,
    ) -> Result<PlannedQuery> {
        let shape = Shape::of(&query.query, context);
        let generic = shape.as_ref().and_then(|shape| self.generic_plans.get(shape));
        let mut open = self.open(query, context).await?;
        // A plan that is kept has the tables of views in it, and may be older than the views.
        let shape = shape.filter(|_| open.views.is_empty());
        let planned = async {
            if let (Some(shape), Some(generic)) = (&shape, generic) {
                match generic.bind(shape, &open.snapshot)? {
                    Bound::Plan(logical) => return self.pushed(logical, &open, context).await,
                    Bound::OtherNumbers => {}
                    Bound::OtherTables => self.generic_plans.forget(shape),
                }
            }
            let logical = logical_plan(query.query.as_ref().clone(), &mut open, context).await?;
            self.pushed(open.state.optimize(&logical)?, &open, context).await
        };
        let planned = planned.await.map_err(|error: DataFusionError| from_datafusion(&error))?;
        if let Some(shape) = shape.filter(|shape| self.generic_plans.planned(shape)) {
            let generic = generic_plan(shape.query(), &mut open, context).await;
            self.generic_plans.put(shape, generic);
        }
        Ok(planned)
    }

    /// What runs of an optimized plan, whose pieces its sources do where they can.
    async fn pushed(
        &self,
        logical: LogicalPlan,
        open: &OpenSession,
        context: &QueryContext,
    ) -> DataFusionResult<PlannedQuery> {
        if context.push_down == PushDownMode::Off || !open.snapshot.takes_relations() {
            return Ok(self.ready(self.physical(&logical, open).await?, open));
        }
        let pushed = push_down(logical.clone(), context.push_down)?;
        let query = self.ready(self.physical(&pushed.plan, open).await?, open);
        let compared = context.push_down == PushDownMode::Verified && pushed.pieces > 0;
        let check = match compared && !context.explain {
            true => {
                let (plan, _) = self.physical(&logical, open).await?;
                Some(Check { plan, comparison: Comparison::of(&logical)? })
            }
            false => None,
        };
        Ok(query.with_notes(pushed.notes).with_check(check))
    }

    fn ready(
        &self,
        (plan, schema): (Arc<dyn ExecutionPlan>, SchemaRef),
        open: &OpenSession,
    ) -> PlannedQuery {
        let task = task_context(&self.node, open.state.config().clone());
        PlannedQuery::new(plan, task, schema)
    }

    async fn physical(
        &self,
        logical: &LogicalPlan,
        open: &OpenSession,
    ) -> DataFusionResult<(Arc<dyn ExecutionPlan>, SchemaRef)> {
        let schema = output_schema(logical);
        if !open.spreads
            && let Some(scan) = lone_scan(logical, &open.state).await?
        {
            return Ok((scan, schema));
        }
        let planner = open.state.query_planner();
        let physical = planner.create_physical_plan(logical, &open.state).await?;
        let plan = match open.spreads && !self.runs_scans {
            true => last_stage(physical)?,
            false => physical,
        };
        Ok((plan, schema))
    }

    /// Describes a query whose values are still missing: the type of each parameter, as far as it
    /// can be told, and the columns of the result.
    ///
    /// # Errors
    /// As [`Engine::plan`].
    pub async fn describe(
        &self,
        query: &FoldedQuery,
        context: &QueryContext,
    ) -> Result<QueryDescription> {
        Box::pin(self.describe_now(query, context)).await
    }

    async fn describe_now(
        &self,
        query: &FoldedQuery,
        context: &QueryContext,
    ) -> Result<QueryDescription> {
        let mut open = self.open(query, context).await?;
        let described = async {
            let logical = logical_plan(query.query.as_ref().clone(), &mut open, context).await?;
            let (logical, parameters) = infer_parameters(logical)?;
            let logical = open.state.analyzer().execute_and_check(
                logical,
                open.state.config_options(),
                |_, _| {},
            )?;
            Ok(QueryDescription { parameters, schema: output_schema(&logical) })
        };
        described.await.map_err(|error: DataFusionError| from_datafusion(&error))
    }

    /// Resolves the query's tables and opens the session that plans it.
    async fn open(&self, query: &FoldedQuery, context: &QueryContext) -> Result<OpenSession> {
        let sources = TableSources {
            catalogs: &self.catalogs,
            session_tables: &context.session_tables,
            viewer: Some(context.options.viewer.as_str()).filter(|name| !name.is_empty()),
        };
        let snapshot = Snapshot::resolve(&query.tables, &sources, &context.current).await?;
        let snapshot = Arc::new(snapshot);
        let sources = self.node.sources.load(&snapshot.catalog_keys()).await?;
        let lease = CatalogLease { _catalogs: snapshot.catalogs(), _sources: sources };
        let is_recursive = is_recursive(&query.query);
        let spreads = self.spreads() && !is_recursive;
        let spread = spreads.then(|| Spread { compression: self.exchange_compression() });
        let mut state = self
            .sessions
            .open(context, snapshot.clone(), spread.as_ref())
            .map_err(|error| from_datafusion(&error))?;
        state.config_mut().set_extension(Arc::new(lease));
        state.config_mut().set_extension(Arc::new(QueryLeases::new(is_recursive)));
        let views = match snapshot.views().is_empty() {
            true => ViewPlans::new(),
            false => snapshot.views().plan(&snapshot, &state).await?,
        };
        Ok(OpenSession { state, snapshot, views, spreads })
    }

    /// Rows between nodes are compressed, unless all of them are on this machine.
    fn exchange_compression(&self) -> Option<CompressionType> {
        let on_this_machine = |worker: &NodeAddress| match worker.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        let all_here = self.directory.workers().iter().all(on_this_machine);
        (!all_here).then_some(CompressionType::LZ4_FRAME)
    }

    /// Whether plans go to other nodes at all.
    fn spreads(&self) -> bool {
        !self.runs_scans || self.directory.workers().len() > 1
    }
}

/// A recursion runs in one piece, on the coordinator: its steps cannot cross to workers.
fn is_recursive(query: &Query) -> bool {
    struct Recursion;
    impl Visitor for Recursion {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            match query.with.as_ref().is_some_and(|with| with.recursive) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Recursion).is_break()
}

/// What a query says, before it is analyzed and optimized.
async fn logical_plan(
    mut query: Query,
    open: &mut OpenSession,
    context: &QueryContext,
) -> DataFusionResult<LogicalPlan> {
    for function in (context.functions)() {
        open.state.register_udf(function)?;
    }
    fold_columns(&mut query, &|table| open.snapshot.schema(table)).map_err(to_datafusion)?;
    let statement = Statement::Query(Box::new(query));
    let statement = PlannerStatement::Statement(Box::new(statement));
    inline(open.state.statement_to_plan(statement).await?, &open.views)
}

/// A plan for the queries of a shape, if they can share one.
async fn generic_plan(
    query: Query,
    open: &mut OpenSession,
    context: &QueryContext,
) -> Option<GenericPlan> {
    let written = logical_plan(query, open, context).await.ok()?;
    let optimized = open.state.optimize(&written).ok()?;
    GenericPlan::new(&written, optimized).ok()?
}

/// What a plan runs in. It looks no function up: its expressions hold theirs.
fn task_context(node: &NodeRuntime, config: SessionConfig) -> Arc<TaskContext> {
    Arc::new(TaskContext::new(
        None,
        String::new(),
        config,
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        HashMap::new(),
        Arc::clone(&node.runtime_env),
    ))
}

/// Gives placeholders the types of what they meet, and tells them.
fn infer_parameters(logical: LogicalPlan) -> DataFusionResult<(LogicalPlan, Vec<DataType>)> {
    let logical = logical
        .transform_up_with_subqueries(|plan| {
            let schema = Arc::clone(plan.schema());
            let inputs = merge_schema(&plan.inputs());
            let counts_rows = matches!(plan, LogicalPlan::Limit(_));
            plan.map_expressions(|expr| {
                // It meets nothing that has a type.
                if counts_rows && let Expr::Placeholder(Placeholder { id, field: None }) = expr {
                    let number = Arc::new(Field::new(id.as_str(), DataType::Int64, true));
                    let number = Placeholder::new_with_field(id, Some(number));
                    return Ok(Transformed::yes(Expr::Placeholder(number)));
                }
                let (expr, _) = match inputs.fields().is_empty() {
                    true => expr.infer_placeholder_types(&schema)?,
                    false => expr.infer_placeholder_types(&inputs)?,
                };
                Ok(Transformed::yes(expr))
            })
        })?
        .data;
    let types = logical.get_parameter_types()?;
    let parameters = (1..=types.len())
        .map(|number| types.get(&format!("${number}")).cloned().flatten())
        .map(|data_type| data_type.unwrap_or(DataType::Null))
        .collect();
    Ok((logical, parameters))
}

fn output_schema(logical: &LogicalPlan) -> SchemaRef {
    Arc::new(logical.schema().as_arrow().clone())
}
