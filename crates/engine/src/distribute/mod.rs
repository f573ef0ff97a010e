//! How a plan spreads over workers: which workers there are, how to reach them, how a leaf is split
//! over tasks, which worker gets which task, and what the tasks did. Staging itself is
//! datafusion-distributed's.

mod channel;
mod dynamic_filters;
mod handlers;
mod last_stage;
mod open_in_time;
mod placement;
mod slice_batches;
mod window_order;
mod tasks;

pub use channel::{ClusterChannels, ClusterSecret, bearer};
pub use placement::{NodeAddress, WorkerDirectory};
pub use tasks::{QueryTasks, TaskRecord, TaskState};

pub(crate) use dynamic_filters::unreached_scans;
pub(crate) use handlers::{desired_task_count, scale_up_leaf, spreadable};
pub(crate) use last_stage::last_stage;
pub(crate) use placement::{DirectoryResolver, route_tasks};
pub(crate) use slice_batches::SliceBatchesExec;
pub(crate) use window_order::SortConstantPartitions;
