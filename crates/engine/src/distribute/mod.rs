//! How a plan spreads over workers: which workers there are, how to reach them, how a leaf is split
//! over tasks, which worker gets which task, and what the tasks did. Staging itself is
//! datafusion-distributed's.

mod channel;
mod handlers;
mod placement;
mod slice_batches;
mod window_order;
mod tasks;

pub use channel::{ClusterChannels, ClusterSecret, bearer};
pub use placement::{NodeAddress, WorkerDirectory};
pub use tasks::{QueryTasks, TaskRecord, TaskState};

pub(crate) use handlers::{desired_task_count, scale_up_leaf};
pub(crate) use placement::{DirectoryResolver, route_tasks, run_on_a_worker};
pub(crate) use slice_batches::{SliceBatchesExec, SliceForClient};
pub(crate) use window_order::SortConstantPartitions;
