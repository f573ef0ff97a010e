//! How a session is built, for the coordinator and for a worker alike: what a node is, and on top of
//! it what a query brings.

use crate::codec::MooringCodec;
use crate::distribute::ClusterChannels;
use crate::options::MooringOptions;
use crate::scan::with_awaited_keys;
use crate::sources::{SourceStores, Sources};
use datafusion::common::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{
    DistributedExt, WorkerPlanRewriteEvent, WorkerPlanRewriteEventResponse,
};
use mooring_spi::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::sync::Arc;

/// What a node's sessions share.
#[derive(Debug, Clone)]
pub struct NodeRuntime {
    pub runtime_env: Arc<RuntimeEnv>,
    pub sources: Arc<Sources>,
    pub channels: ClusterChannels,
}

/// The limits of a node.
#[derive(Debug, Clone)]
pub struct NodeLimits {
    pub memory_limit_bytes: usize,
    /// Where operators that do not fit into memory put their data.
    pub spill_folder: PathBuf,
}

impl NodeRuntime {
    /// # Errors
    /// `InvalidArgument` when the spill folder cannot be made.
    pub fn new(
        limits: &NodeLimits,
        sources: Arc<Sources>,
        channels: ClusterChannels,
    ) -> Result<Self> {
        std::fs::create_dir_all(&limits.spill_folder).map_err(|error| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "`engine.spill_folder`: cannot make `{}`: {error}",
                    limits.spill_folder.display()
                ),
            )
        })?;
        let spill = DiskManagerBuilder::default()
            .with_mode(DiskManagerMode::Directories(vec![limits.spill_folder.clone()]));
        let runtime_env = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_limit_bytes)))
            .with_disk_manager_builder(spill)
            .with_object_store_registry(Arc::new(SourceStores(sources.clone())))
            .build_arc()
            .map_err(|error| crate::error::from_datafusion(&error))?;
        Ok(Self { runtime_env, sources, channels })
    }
}

/// Prepares `builder` for this node: what is the same for every query.
pub fn build_session(mut builder: SessionStateBuilder, node: &NodeRuntime) -> SessionStateBuilder {
    let config = builder
        .config()
        .take()
        .unwrap_or_default()
        .with_distributed_user_codec(MooringCodec)
        .with_distributed_channel_resolver(node.channels.clone())
        .with_extension(node.sources.clone());
    builder.scalar_functions().get_or_insert_default().extend(crate::functions::functions());
    builder.with_config(config).with_runtime_env(node.runtime_env.clone())
}

/// Puts what one query brings into its session's configuration.
pub fn apply_options(config: SessionConfig, options: MooringOptions) -> SessionConfig {
    let mut config = config.with_batch_size(options.batch_size_rows.max(1));
    let execution = &mut config.options_mut().execution;
    execution.time_zone = Some(options.time_zone.clone());
    // Aggregates and joins over string views keep every input buffer alive.
    execution.parquet.schema_force_view_types = false;
    // Nanoseconds would wrap around outside of 1677 to 2262.
    execution.parquet.coerce_int96 = Some("us".to_string());
    config.with_distributed_option_extension(options)
}

/// A worker's session for one task, from the headers that came with it.
///
/// # Errors
/// Those of reading the options and of loading the catalogs that the query reads.
pub async fn build_worker_session(
    context: datafusion_distributed::WorkerQueryContext,
    node: &NodeRuntime,
) -> Result<datafusion::execution::SessionState, DataFusionError> {
    let mut builder = context.builder;
    let mut config = builder.config().take().unwrap_or_default();
    config.set_distributed_option_extension_from_headers::<MooringOptions>(&context.headers)?;
    let options = config.options().extensions.get::<MooringOptions>().cloned().unwrap_or_default();
    let keys = options.catalog_keys().map_err(crate::error::to_datafusion)?;
    let lease = node.sources.load(&keys).await.map_err(crate::error::to_datafusion)?;
    // Whatever runs in this session has its catalogs.
    let config = apply_options(config, options).with_extension(Arc::new(lease));
    let builder = builder.with_config(config).with_distributed_worker_plan_rewrite_handler(
        |stage: WorkerPlanRewriteEvent<'_>| {
            with_awaited_keys(stage.plan).map(WorkerPlanRewriteEventResponse::new)
        },
    );
    Ok(build_session(builder, node).build())
}
