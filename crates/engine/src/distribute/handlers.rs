//! How our leaves split over tasks: by bytes, whole files first, and never inside a file that
//! cannot be read from its middle.

use crate::codec::file_scan;
use crate::scan::{SplitExec, deal};
use datafusion::common::Result;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use datafusion::prelude::SessionConfig;
use datafusion_datasource::file_groups::FileGroupPartitioner;
use datafusion_distributed::{
    DesiredTaskCountEvent, DesiredTaskCountEventResponse, DistributedConfig, DistributedLeafExec,
    ScaleUpLeafNodeEvent, ScaleUpLeafNodeEventResponse,
};
use std::sync::Arc;

/// As many tasks as it takes for each partition to read about
/// `file_scan_config_bytes_per_partition` bytes.
///
/// A leaf of one partition has one task: to DataFusion, one partition holds all rows of every key, so
/// that a join or a window above it has no exchange at which rows of one key would meet.
pub(crate) fn desired_task_count(
    event: DesiredTaskCountEvent<'_>,
) -> Option<Result<DesiredTaskCountEventResponse>> {
    let tasks = if let Some((config, _)) = file_scan(event.plan.as_ref()) {
        file_tasks(config, event.session_config)
    } else {
        let splits = event.plan.downcast_ref::<SplitExec>()?;
        tasks_worth(splits.size_bytes(), splits.split_count(), event.session_config)
    };
    let single = event.plan.output_partitioning().partition_count() == 1;
    Some(tasks.map(|tasks| match single {
        true => DesiredTaskCountEventResponse::maximum(1),
        false => DesiredTaskCountEventResponse::desired(tasks),
    }))
}

/// A scan of one file that several tasks could read, in two partitions at least.
///
/// # Errors
/// `Internal`.
pub(crate) fn spreadable(
    mut config: FileScanConfig,
    session: &SessionConfig,
) -> Result<FileScanConfig> {
    let [group] = config.file_groups.as_slice() else { return Ok(config) };
    // A session that plans for one node knows nothing of tasks.
    let spreads = session.options().extensions.get::<DistributedConfig>().is_some();
    if group.len() != 1 || !spreads || file_tasks(&config, session)? == 1 {
        return Ok(config);
    }
    let ranges = FileGroupPartitioner::new()
        .with_target_partitions(session.target_partitions())
        .with_repartition_file_min_size(0)
        .repartition_file_groups(&config.file_groups);
    config.file_groups = ranges.unwrap_or(config.file_groups);
    Ok(config)
}

fn file_tasks(config: &FileScanConfig, session: &SessionConfig) -> Result<usize> {
    let files = config.file_groups.iter().flat_map(|group| group.files());
    let bytes = files.clone().map(|file| file.effective_size()).sum::<u64>();
    let pieces_max = if can_split(config) { usize::MAX } else { files.count() };
    tasks_worth(bytes, pieces_max, session)
}

fn tasks_worth(bytes: u64, pieces_max: usize, session: &SessionConfig) -> Result<usize> {
    let config = DistributedConfig::from_session_config(session)?;
    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    Ok(bytes
        .div_ceil(config.file_scan_config_bytes_per_partition.max(1))
        .div_ceil(session.target_partitions().max(1))
        .clamp(1, pieces_max.max(1)))
}

pub(crate) fn scale_up_leaf(
    event: ScaleUpLeafNodeEvent<'_>,
) -> Option<Result<ScaleUpLeafNodeEventResponse>> {
    let partitions = event.plan.output_partitioning().partition_count();
    let variants: Vec<Arc<dyn ExecutionPlan>> =
        if let Some((config, _)) = file_scan(event.plan.as_ref()) {
            file_variants(config, partitions, event.task_count)
        } else {
            let scan = event.plan.downcast_ref::<SplitExec>()?;
            split_variants(scan, partitions, event.task_count)
        };
    let leaf = DistributedLeafExec::try_new(Arc::clone(event.plan), variants);
    Some(leaf.map(|leaf| ScaleUpLeafNodeEventResponse::new(Arc::new(leaf))))
}

fn can_split(config: &FileScanConfig) -> bool {
    !config.file_compression_type.is_compressed() && config.file_source().supports_repartitioning()
}

fn file_variants(
    config: &FileScanConfig,
    partitions: usize,
    task_count: usize,
) -> Vec<Arc<dyn ExecutionPlan>> {
    let target = partitions * task_count;
    let split = can_split(config).then(|| {
        FileGroupPartitioner::new()
            .with_target_partitions(target)
            .with_repartition_file_min_size(0)
            .with_preserve_order_within_groups(!config.output_ordering.is_empty())
            .repartition_file_groups(&config.file_groups)
    });
    let groups = split.flatten().unwrap_or_else(|| {
        let files = config.file_groups.iter().flat_map(|group| group.iter().cloned());
        deal(files, target).into_iter().map(FileGroup::new).collect()
    });
    let mut tasks: Vec<Vec<FileGroup>> = deal(groups, task_count);
    // Every task has the same number of partitions, some of them empty.
    let width = tasks.iter().map(Vec::len).max().unwrap_or(1).max(1);
    for groups in &mut tasks {
        groups.resize_with(width, || FileGroup::new(Vec::new()));
    }
    let variant = |groups| {
        let mut variant = config.clone();
        variant.file_groups = groups;
        DataSourceExec::from_data_source(variant) as Arc<dyn ExecutionPlan>
    };
    tasks.into_iter().map(variant).collect()
}

fn split_variants(
    scan: &SplitExec,
    partitions: usize,
    task_count: usize,
) -> Vec<Arc<dyn ExecutionPlan>> {
    let splits = scan.spec.groups.iter().flatten().cloned();
    let groups = deal(splits, partitions * task_count);
    let tasks: Vec<Vec<_>> = deal(groups, task_count);
    tasks.into_iter().map(|groups| Arc::new(scan.with_groups(groups)) as _).collect()
}
