//! What nodes say to a coordinator over the internal port: Arrow Flight actions with JSON bodies.

use mooring_spi::{CatalogKey, Members};
use serde::{Deserialize, Serialize};

/// Action: a worker joins. Body [`Register`], answer [`Registered`].
pub const REGISTER: &str = "mooring.register";
/// Action: a worker is alive. Body [`Heartbeat`], answer [`HeartbeatAnswer`].
pub const HEARTBEAT: &str = "mooring.heartbeat";
/// Action: a worker leaves. Body [`Leave`], no answer.
pub const LEAVE: &str = "mooring.leave";
/// Action: the definition of one catalog version. Body [`CatalogRequest`], answer
/// `mooring_spi::CatalogDefinition`.
pub const CATALOG: &str = "mooring.catalog";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Register {
    /// Made anew at each start of a worker.
    pub node_id: String,
    /// Where coordinators and other workers reach it: `http://HOST:PORT`.
    pub url: String,
    pub version: String,
    pub cores: usize,
    pub memory_bytes: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Registered {
    pub coordinator_version: String,
    /// Of this start of the coordinator, whatever the addresses by which it is reached.
    pub coordinator_id: String,
    pub members: Members,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    Active,
    /// Finishes its tasks and takes no new one.
    Draining,
}

impl NodeState {
    pub fn as_str(self) -> &'static str {
        match self {
            NodeState::Active => "active",
            NodeState::Draining => "draining",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Heartbeat {
    pub node_id: String,
    pub state: NodeState,
    pub running_tasks: usize,
    /// How many coordinators the worker takes part with: they do not know each other.
    pub coordinators: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// False when the coordinator does not know the worker (any more): it must register again.
    pub known: bool,
    /// The catalog versions that queries of this coordinator read or may read.
    pub catalogs: Vec<CatalogKey>,
    /// Who shares the connections to sources.
    pub members: Members,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leave {
    pub node_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CatalogRequest {
    pub key: CatalogKey,
}
