//! The fragment server: runs tasks that coordinators send, registers with them, and drains before
//! it leaves. It must never plan.

mod server;
mod ended_tasks;
mod gate;
mod registration;
mod client;
pub mod protocol;
mod metrics;

pub use client::{CoordinatorClient, RemoteDefinitions};
pub use gate::{Drain, Gate};
pub use metrics::WorkerMetrics;
pub use registration::{Registration, RegistrationSettings};
pub use server::{serve, with_fragments};

/// The version that all nodes of a cluster must have in common.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
