//! Clusters of real `mooring` processes, and what tests do with them.
//!
//! Nothing here links Mooring: a test sees what a user sees, the command line, the MySQL protocol,
//! exit codes and logs.

mod cluster;
mod failure;
mod process;
mod session;
mod slt;

pub use cluster::{Cluster, ClusterBuilder};
pub use failure::{Failure, Result};
pub use process::{Process, Settings, Signal, eventually, mooring_command, run_to_end};
pub use session::{Session, SqlError, Table};
pub use slt::run_folder;
