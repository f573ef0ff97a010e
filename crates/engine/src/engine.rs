//! From a parsed statement to a running plan, on the coordinator.

use crate::Catalogs;
use crate::distribute::{
    DirectoryResolver, NodeAddress, QueryTasks, SortConstantPartitions, WorkerDirectory,
    desired_task_count, route_tasks, run_on_a_worker, scale_up_leaf,
};
use crate::error::from_datafusion;
use crate::functions::analyzer_rules;
use crate::identifiers::{fold_columns, fold_relations};
use crate::options::MooringOptions;
use crate::session::{NodeRuntime, build_session};
use crate::snapshot::{CurrentNames, Snapshot, SnapshotCatalogs};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::var_provider::{VarProvider, VarType};
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as PlannerStatement;
use datafusion_distributed::{
    CompressionType, DistributedExt, DistributedMetricsFormat, SessionStateBuilderExt,
    display_plan_ascii, explain_analyze,
};
use futures::StreamExt;
use mooring_spi::{BatchStream, Result};
use sqlparser::ast::{Query, Statement, Visit, Visitor};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use url::Host;

/// What a session brings to each of its queries.
#[derive(Clone)]
pub struct QueryContext {
    pub options: MooringOptions,
    pub current: CurrentNames,
    /// Partitions per task.
    pub target_partitions: usize,
    /// Bytes that one partition of a task should read; a smaller scan is not spread.
    pub distributed_bytes_per_partition: usize,
    /// A join whose one side is estimated to be at most this large copies it to every task instead
    /// of moving both sides to where their keys meet.
    pub broadcast_join_bytes_max: usize,
    /// Answers `@@name` and `@name`.
    pub variables: Arc<dyn VarProvider + Send + Sync>,
    /// Functions that know the session, such as `DATABASE()`.
    pub functions: Vec<Arc<ScalarUDF>>,
    pub tasks: Arc<QueryTasks>,
}

/// A planned query, ready to run once.
pub struct PlannedQuery {
    plan: Arc<dyn ExecutionPlan>,
    state: SessionState,
    schema: SchemaRef,
}

/// The planning half of a coordinator.
pub struct Engine {
    node: NodeRuntime,
    catalogs: Arc<Catalogs>,
    directory: Arc<dyn WorkerDirectory>,
    runs_scans: bool,
    base: SessionState,
    /// Whose turn it is among the workers.
    turn: Arc<AtomicUsize>,
}

impl Engine {
    /// `runs_scans`: whether this coordinator also does a worker's work.
    pub fn new(
        node: NodeRuntime,
        catalogs: Arc<Catalogs>,
        directory: Arc<dyn WorkerDirectory>,
        runs_scans: bool,
    ) -> Self {
        let base = SessionStateBuilder::new().with_default_features().build();
        Self { node, catalogs, directory, runs_scans, base, turn: Arc::default() }
    }

    pub fn catalogs(&self) -> &Arc<Catalogs> {
        &self.catalogs
    }

    pub fn node(&self) -> &NodeRuntime {
        &self.node
    }

    /// Plans a query statement.
    ///
    /// # Errors
    /// Every kind that names, types and connectors can give; `NoWorkers` when the plan reads data
    /// and nobody is there to do it.
    pub async fn plan(&self, statement: Statement, context: &QueryContext) -> Result<PlannedQuery> {
        let mut statement = statement;
        let references = fold_relations(&mut statement)?;
        let snapshot = Snapshot::resolve(&references, &self.catalogs, &context.current).await?;
        fold_columns(&mut statement, &|table| snapshot.schema(table))?;
        self.node.sources.load(&snapshot.catalog_keys()).await?;
        let spreads = self.spreads() && !is_recursive(&statement);
        let state =
            self.state(context, snapshot, spreads).map_err(|error| from_datafusion(&error))?;
        let planned = async {
            let statement = PlannerStatement::Statement(Box::new(statement));
            let logical = state.statement_to_plan(statement).await?;
            let logical = state.optimize(&logical)?;
            let schema = output_schema(&logical);
            let physical = state.query_planner().create_physical_plan(&logical, &state).await?;
            let plan = match spreads && !self.runs_scans {
                true => run_on_a_worker(physical)?,
                false => physical,
            };
            Ok((plan, schema))
        };
        let (plan, schema) = planned
            .await
            .map_err(|error: datafusion::error::DataFusionError| from_datafusion(&error))?;
        Ok(PlannedQuery { plan, state, schema })
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

    fn state(
        &self,
        context: &QueryContext,
        snapshot: Snapshot,
        spreads: bool,
    ) -> datafusion::common::Result<SessionState> {
        let mut options = context.options.clone();
        options.set_catalogs(&snapshot.catalog_keys());
        let mut builder = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_config(planner_config(context, spreads))
            .with_catalog_list(Arc::new(SnapshotCatalogs(Arc::new(snapshot))))
            .with_analyzer_rules(analyzer_rules());
        builder = build_session(builder, &self.node, options, Some(context.tasks.clone()))?;
        if spreads {
            builder = builder
                .with_distributed_worker_resolver(DirectoryResolver(self.directory.clone()))
                .with_distributed_desired_task_count_handler(desired_task_count)
                .with_distributed_scale_up_leaf_node_handler(scale_up_leaf)
                .with_distributed_route_tasks_handler(route_tasks(
                    self.directory.clone(),
                    self.turn.clone(),
                ))
                .with_distributed_file_scan_config_bytes_per_partition(
                    context.distributed_bytes_per_partition,
                )?
                .with_distributed_compression(self.exchange_compression())?
                .with_physical_optimizer_rule(Arc::new(SortConstantPartitions))
                .with_distributed_planner();
        }
        let mut state = builder.build();
        // What `now()` answers.
        let options = Arc::clone(state.config().options());
        state.execution_props_mut().mark_start_execution(options);
        for function in &context.functions {
            datafusion::execution::FunctionRegistry::register_udf(&mut state, function.clone())?;
        }
        state.execution_props_mut().add_var_provider(VarType::System, context.variables.clone());
        state
            .execution_props_mut()
            .add_var_provider(VarType::UserDefined, context.variables.clone());
        Ok(state)
    }
}

impl PlannedQuery {
    /// The columns of the result, in their order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The plan as text: stages with their tasks when it is spread.
    pub fn explain(&self) -> String {
        display_plan_ascii(self.plan.as_ref(), false)
    }

    /// Starts the plan. Dropping the stream stops it, on the workers too.
    ///
    /// # Errors
    /// What the first node answers.
    pub fn execute(&self) -> Result<BatchStream> {
        let stream = execute_stream(self.plan.clone(), self.state.task_ctx())
            .map_err(|error| from_datafusion(&error))?;
        Ok(stream.map(|batch| batch.map_err(|error| from_datafusion(&error))).boxed())
    }

    /// The plan with what each node did, once its stream has ended.
    ///
    /// # Errors
    /// `Internal` when the plan has not run.
    pub async fn explain_analyze(&self) -> Result<String> {
        explain_analyze(self.plan.clone(), DistributedMetricsFormat::Aggregated)
            .await
            .map_err(|error| from_datafusion(&error))
    }
}

/// The least number of partitions of a plan that is spread. With one partition DataFusion leaves out
/// the exchanges at which datafusion-distributed cuts, and each task would aggregate for itself.
const SPREAD_PARTITIONS_MIN: usize = 2;

/// How large a row is thought to be where a source knows its rows but not their bytes.
const BROADCAST_ROW_BYTES: usize = 32;

/// A recursion runs in one piece, on the coordinator: its steps cannot cross to workers.
fn is_recursive(statement: &Statement) -> bool {
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
    statement.visit(&mut Recursion).is_break()
}

fn planner_config(context: &QueryContext, spreads: bool) -> SessionConfig {
    let partitions = match spreads {
        true => context.target_partitions.max(SPREAD_PARTITIONS_MIN),
        false => context.target_partitions,
    };
    let mut config = SessionConfig::new()
        .with_target_partitions(partitions)
        .with_default_catalog_and_schema(
            context.current.catalog.clone(),
            context.current.schema.clone().unwrap_or_default(),
        )
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let optimizer = &mut config.options_mut().optimizer;
    optimizer.hash_join_single_partition_threshold = context.broadcast_join_bytes_max;
    optimizer.hash_join_single_partition_threshold_rows =
        context.broadcast_join_bytes_max / BROADCAST_ROW_BYTES;
    let parser = &mut config.options_mut().sql_parser;
    // Identifiers are folded against the snapshot, see `identifiers`.
    parser.enable_ident_normalization = false;
    parser.parse_float_as_decimal = true;
    parser.map_string_types_to_utf8view = false;
    // MySQL sorts nulls before everything else.
    parser.default_null_ordering = "nulls_min".to_string();
    config
}

fn output_schema(logical: &LogicalPlan) -> SchemaRef {
    Arc::new(logical.schema().as_arrow().clone())
}
