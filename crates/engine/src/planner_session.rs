//! The session that plans one query. What is the same for all of them, several hundred functions
//! and rules, is built once; a query adds its options, its tables and its variables to a copy.

use crate::distribute::{
    DirectoryResolver, SortConstantPartitions, WorkerDirectory, desired_task_count, route_tasks,
    scale_up_leaf,
};
use crate::functions::analyzer_rules;
use crate::options::MooringOptions;
use crate::physical_rules::physical_rules;
use crate::predicate::IN_LIST_MAX;
use crate::query_context::QueryContext;
use crate::session::{NodeRuntime, apply_options, build_session};
use crate::snapshot::{Snapshot, SnapshotCatalogs};
use datafusion::common::Result;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::var_provider::VarType;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{CompressionType, DistributedExt, SessionStateBuilderExt};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// The least number of partitions of a plan that is spread. With one partition DataFusion leaves out
/// the exchanges at which datafusion-distributed cuts, and each task would aggregate for itself.
const SPREAD_PARTITIONS_MIN: usize = 2;

/// What a node holds of one worker's rows before it asks for no more. The default of 64 MiB for each
/// worker is what a slow client of the coordinator would make it keep.
const WORKER_BUFFER_BYTES: usize = 1 << 20;

/// How large a row is thought to be where a source knows its rows but not their bytes.
const BROADCAST_ROW_BYTES: usize = 32;

pub(crate) struct PlannerSessions {
    here: SessionState,
    spread: SessionState,
}

/// Stands in the session of a plan that is shown.
pub(crate) struct Explained;

/// How one query is planned.
pub(crate) struct Spread {
    pub compression: Option<CompressionType>,
}

impl PlannerSessions {
    pub fn new(node: &NodeRuntime, directory: Arc<dyn WorkerDirectory>) -> Self {
        let builder = || {
            let config = apply_options(SessionConfig::new(), MooringOptions::default());
            let builder = SessionStateBuilder::new()
                .with_default_features()
                .with_config(config)
                .with_analyzer_rules(analyzer_rules())
                .with_physical_optimizer_rules(physical_rules());
            build_session(builder, node)
        };
        // Whose turn it is among the workers.
        let turn = Arc::new(AtomicUsize::new(0));
        let spread = builder()
            .with_distributed_worker_resolver(DirectoryResolver(directory.clone()))
            .with_distributed_desired_task_count_handler(desired_task_count)
            .with_distributed_scale_up_leaf_node_handler(scale_up_leaf)
            .with_distributed_route_tasks_handler(route_tasks(directory, turn))
            .with_physical_optimizer_rule(Arc::new(SortConstantPartitions))
            .with_distributed_planner()
            .build();
        Self { here: builder().build(), spread }
    }

    /// `spread`: how rows travel when the plan may go to other nodes; `None` plans for this one.
    pub fn open(
        &self,
        context: &QueryContext,
        snapshot: Arc<Snapshot>,
        spread: Option<&Spread>,
    ) -> Result<SessionState> {
        let mut state = match spread {
            Some(_) => self.spread.clone(),
            None => self.here.clone(),
        };
        let mut options = context.options.clone();
        options.set_catalogs(&snapshot.catalog_keys());
        let config = std::mem::take(state.config_mut());
        let config = planner_config(config, context, spread.is_some());
        let mut config = apply_options(config, options).with_extension(context.tasks.clone());
        if let Some(spread) = spread {
            config = config
                .with_distributed_file_scan_config_bytes_per_partition(
                    context.distributed_bytes_per_partition,
                )?
                .with_distributed_worker_connection_buffer_budget_bytes(WORKER_BUFFER_BYTES)?
                .with_distributed_compression(spread.compression)?;
        }
        if context.explain {
            config = config.with_extension(Arc::new(Explained));
        }
        // The start of what the optimizer takes for one moment.
        state.execution_props_mut().mark_start_execution(Arc::clone(config.options()));
        *state.config_mut() = config;
        state.register_catalog_list(Arc::new(SnapshotCatalogs(snapshot)));
        let variables = state.execution_props_mut();
        variables.add_var_provider(VarType::System, context.variables.clone());
        variables.add_var_provider(VarType::UserDefined, context.variables.clone());
        Ok(state)
    }
}

fn planner_config(config: SessionConfig, context: &QueryContext, spreads: bool) -> SessionConfig {
    let partitions = match spreads {
        true => context.target_partitions.max(SPREAD_PARTITIONS_MIN),
        false => context.target_partitions,
    };
    let mut config = config
        .with_target_partitions(partitions)
        .with_default_catalog_and_schema(
            context.current.catalog.clone(),
            context.current.schema.clone().unwrap_or_default(),
        )
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(false);
    let options = config.options_mut();
    options.optimizer.hash_join_single_partition_threshold = context.broadcast_join_bytes_max;
    options.optimizer.hash_join_single_partition_threshold_rows =
        context.broadcast_join_bytes_max / BROADCAST_ROW_BYTES;
    // As many as a scan hands on to its source.
    options.optimizer.hash_join_inlist_pushdown_max_distinct_values = IN_LIST_MAX;
    // A scan of one batch is not dealt to several threads. Spread plans keep their exchanges, at which
    // they are cut.
    options.execution.use_row_number_estimates_to_optimize_partitioning = !spreads;
    let parser = &mut options.sql_parser;
    // Identifiers are folded against the snapshot, see `identifiers`.
    parser.enable_ident_normalization = false;
    parser.parse_float_as_decimal = true;
    parser.map_string_types_to_utf8view = false;
    // MySQL sorts nulls before everything else.
    parser.default_null_ordering = "nulls_min".to_string();
    config
}
