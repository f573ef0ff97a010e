//! Connections to databases, whatever they speak: how many there may be, who has them and who waits, and what is
//! counted of it.

mod host;
mod places;
mod pool;
mod metrics;
mod socket;
mod wire;

pub(crate) use host::without_port;
pub use metrics::DatabaseMetrics;
pub(crate) use metrics::Outcome;
pub(crate) use pool::{Connect, Lease, NoConnection, Pool, PoolLimits, Purpose, Reads};
pub(crate) use socket::Socket;
pub(crate) use wire::{ByteStream, Wire, WireError};
