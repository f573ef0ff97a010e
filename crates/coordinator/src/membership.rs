//! The workers that a coordinator knows: who registered, who still lives, who takes tasks, and who shares the
//! connections to sources.

use mooring_engine::{ClusterChannels, NodeAddress, Sources, WorkerDirectory};
use mooring_spi::{Error, ErrorKind, Members, Part, Result};
use mooring_worker::VERSION;
use mooring_worker::protocol::{Heartbeat, NodeState, Register};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use url::Url;

/// How long a worker may take to answer when it is asked whether it lives.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// This process among the coordinators that tell who is there.
const OWN: &str = "own";

/// One worker.
#[derive(Debug, Clone)]
pub struct Node {
    pub info: Register,
    pub url: Url,
    pub state: NodeState,
    pub running_tasks: usize,
    /// With how many it takes part.
    coordinators: usize,
    pub last_seen: SystemTime,
    last_beat: Instant,
    /// Did not answer when it was asked; trusted again with its next heartbeat.
    suspect: bool,
}

#[derive(Debug)]
pub struct Membership {
    timeout: Duration,
    channels: ClusterChannels,
    /// This process, where it does a worker's work.
    own: Option<NodeAddress>,
    nodes: RwLock<BTreeMap<String, Node>>,
    sources: Arc<Sources>,
}

impl Membership {
    /// `timeout`: how long a worker may be silent before it counts as gone. `sources` are told who shares them.
    pub fn new(
        timeout: Duration,
        channels: ClusterChannels,
        own: Option<NodeAddress>,
        sources: Arc<Sources>,
    ) -> Self {
        Self { timeout, channels, own, nodes: RwLock::default(), sources }
    }

    /// Takes a worker in, in place of an older one at the same address.
    ///
    /// # Errors
    /// `InvalidArgument` for a worker of another version or without a usable address.
    pub fn register(&self, info: Register) -> Result<()> {
        if info.version != VERSION {
            let error = Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "worker `{}` has version {}, this cluster has {VERSION}; use the same release on all nodes",
                    info.url, info.version
                ),
            );
            tracing::error!(worker = info.url, %error, "refused a worker");
            return Err(error);
        }
        let url = Url::parse(&info.url).map_err(|error| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("worker address `{}` is no URL: {error}", info.url),
            )
        })?;
        tracing::info!(node_id = info.node_id, worker = info.url, "worker registered");
        let mut nodes = self.nodes.write();
        nodes.retain(|node_id, node| node.url != url || *node_id == info.node_id);
        let node = Node {
            url,
            state: NodeState::Active,
            running_tasks: 0,
            coordinators: 1,
            last_seen: SystemTime::now(),
            last_beat: Instant::now(),
            suspect: false,
            info,
        };
        nodes.insert(node.info.node_id.clone(), node);
        drop(nodes);
        self.tell_members();
        Ok(())
    }

    /// Answers false for a worker that is not (or no longer) known.
    pub fn heartbeat(&self, beat: &Heartbeat) -> bool {
        let mut nodes = self.nodes.write();
        let Some(node) = nodes.get_mut(&beat.node_id) else {
            return false;
        };
        if node.state != beat.state {
            tracing::info!(
                worker = node.info.url,
                state = beat.state.as_str(),
                "worker changed state"
            );
        }
        node.state = beat.state;
        node.running_tasks = beat.running_tasks;
        node.coordinators = beat.coordinators;
        node.last_seen = SystemTime::now();
        node.last_beat = Instant::now();
        node.suspect = false;
        drop(nodes);
        self.tell_members();
        true
    }

    pub fn leave(&self, node_id: &str) {
        if let Some(node) = self.nodes.write().remove(node_id) {
            tracing::info!(worker = node.info.url, "worker left");
            self.channels.forget(&node.url);
        }
        self.tell_members();
    }

    /// The coordinators, as workers count them, and all workers that are not known to be gone: one that does not answer
    /// may still have its connections.
    pub fn members(&self) -> Members {
        self.drop_silent();
        self.known_members()
    }

    fn known_members(&self) -> Members {
        let nodes = self.nodes.read();
        let coordinators = nodes.values().map(|node| node.coordinators).max();
        Members { coordinators: coordinators.unwrap_or_default().max(1), workers: nodes.len() }
    }

    fn tell_members(&self) {
        self.sources.tell_members(Part::Coordinator, OWN, Some(self.known_members()));
    }

    /// The workers that have been heard of within the time-out, draining ones included.
    pub fn nodes(&self) -> Vec<Node> {
        self.drop_silent();
        self.nodes.read().values().filter(|node| !node.suspect).cloned().collect()
    }

    fn drop_silent(&self) {
        self.nodes.write().retain(|_, node| {
            let alive = node.last_beat.elapsed() <= self.timeout;
            if !alive {
                tracing::warn!(worker = node.info.url, "worker is silent and counts as gone");
                self.channels.forget(&node.url);
            }
            alive
        });
        self.tell_members();
    }

    /// Asks every worker whether it lives; one that does not answer gets no task until its next
    /// heartbeat. Called when a task was lost.
    pub async fn verify(&self) {
        let nodes = self.nodes();
        let probes = nodes.iter().map(|node| async move {
            let alive = matches!(
                tokio::time::timeout(PROBE_TIMEOUT, self.channels.probe(&node.url)).await,
                Ok(Ok(()))
            );
            (node, alive)
        });
        for (node, alive) in futures::future::join_all(probes).await {
            if alive {
                continue;
            }
            tracing::warn!(worker = node.info.url, "worker does not answer");
            self.channels.forget(&node.url);
            if let Some(node) = self.nodes.write().get_mut(&node.info.node_id) {
                node.suspect = true;
            }
        }
    }
}

impl WorkerDirectory for Membership {
    fn workers(&self) -> Vec<NodeAddress> {
        let mut workers: Vec<NodeAddress> = self
            .nodes()
            .into_iter()
            .filter(|node| node.state == NodeState::Active)
            .map(|node| NodeAddress { node_id: node.info.node_id, url: node.url })
            .chain(self.own.clone())
            .collect();
        workers.sort_by(|left, right| left.url.cmp(&right.url));
        workers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalDefinitions;
    use mooring_engine::ClusterSecret;
    use mooring_storage::StorageMetrics;

    fn membership() -> Membership {
        let secret = ClusterSecret::new("s");
        let channels = ClusterChannels::new(&secret, Duration::from_secs(1)).expect("a secret");
        let definitions = Arc::new(LocalDefinitions(Arc::default()));
        let sources = Sources::new(vec![], definitions, StorageMetrics::default());
        Membership::new(Duration::from_secs(60), channels, None, Arc::new(sources))
    }

    fn worker(node_id: &str, url: &str) -> Register {
        Register {
            node_id: node_id.into(),
            url: url.into(),
            version: VERSION.into(),
            cores: 1,
            memory_bytes: 1,
        }
    }

    fn beat(node_id: &str, state: NodeState) -> Heartbeat {
        Heartbeat { node_id: node_id.into(), state, running_tasks: 0, coordinators: 1 }
    }

    #[test]
    fn a_worker_of_another_version_is_refused_by_name() {
        let membership = membership();
        let other = Register { version: "0.0.1".into(), ..worker("a", "http://127.0.0.1:1") };
        let error = membership.register(other).expect_err("refused");
        assert!(error.message().contains("0.0.1") && error.message().contains(VERSION));
        assert!(membership.workers().is_empty());
    }

    #[test]
    fn a_worker_that_starts_again_takes_its_own_place() {
        let membership = membership();
        membership.register(worker("a", "http://127.0.0.1:1")).expect("registered");
        membership.register(worker("b", "http://127.0.0.1:1")).expect("registered");
        let ids: Vec<String> = membership.workers().into_iter().map(|node| node.node_id).collect();
        assert_eq!(ids, ["b"]);
        assert!(!membership.heartbeat(&beat("a", NodeState::Active)));
    }

    #[test]
    fn a_draining_worker_gets_no_task_and_stays_listed() {
        let membership = membership();
        membership.register(worker("a", "http://127.0.0.1:1")).expect("registered");
        assert!(membership.heartbeat(&beat("a", NodeState::Draining)));
        assert!(membership.workers().is_empty());
        assert_eq!(membership.nodes().len(), 1);
    }

    #[test]
    fn connections_are_shared_by_all_who_may_have_one() {
        let membership = membership();
        let members = |coordinators, workers| Members { coordinators, workers };
        assert_eq!(membership.members(), members(1, 0));
        membership.register(worker("a", "http://127.0.0.1:1")).expect("registered");
        membership.register(worker("b", "http://127.0.0.1:2")).expect("registered");
        // One that ends its tasks has connections, and tells of a coordinator that this one cannot know.
        let beat = Heartbeat { coordinators: 2, ..beat("a", NodeState::Draining) };
        assert!(membership.heartbeat(&beat));
        assert_eq!(membership.members(), members(2, 2));
        membership.leave("a");
        assert_eq!(membership.members(), members(1, 1));
    }

    #[tokio::test]
    async fn a_worker_that_does_not_answer_waits_for_its_next_heartbeat() {
        let membership = membership();
        // Port 1 on the loopback interface has no listener.
        membership.register(worker("a", "http://127.0.0.1:1")).expect("registered");
        membership.verify().await;
        assert!(membership.workers().is_empty());
        assert!(membership.heartbeat(&beat("a", NodeState::Active)));
        assert_eq!(membership.workers().len(), 1);
    }
}
