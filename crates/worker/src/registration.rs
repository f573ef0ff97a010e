//! A worker's membership: it registers with every coordinator, tells that it lives, and says
//! good-bye.

use crate::client::CoordinatorClient;
use crate::gate::Drain;
use crate::protocol::{
    HEARTBEAT, Heartbeat, HeartbeatAnswer, LEAVE, Leave, NodeState, REGISTER, Register, Registered,
};
use mooring_engine::Sources;
use mooring_spi::{Error, ErrorKind, Part, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest wait between two attempts to reach a coordinator.
const RETRY_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub struct RegistrationSettings {
    pub heartbeat: Duration,
}

/// The membership of one worker with one coordinator.
pub struct Registration {
    coordinator: CoordinatorClient,
    node: Register,
    drain: Arc<Drain>,
    sources: Arc<Sources>,
    settings: RegistrationSettings,
    registered: watch::Sender<bool>,
}

impl Registration {
    pub fn new(
        coordinator: CoordinatorClient,
        node: Register,
        drain: Arc<Drain>,
        sources: Arc<Sources>,
        settings: RegistrationSettings,
    ) -> Self {
        let registered = watch::Sender::new(false);
        Self { coordinator, node, drain, sources, settings, registered }
    }

    /// Tells whether the coordinator knows the worker.
    pub fn registered(&self) -> watch::Receiver<bool> {
        self.registered.subscribe()
    }

    /// Stays registered until `stop`, then leaves.
    ///
    /// # Errors
    /// Only those that no retry can mend: another version, another secret.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        while !stop.is_cancelled() {
            let Some(coordinator_id) = self.join(&stop).await? else { break };
            self.beat(&coordinator_id, &stop).await;
            self.sources.keep_live(self.coordinator.address(), None);
            self.sources.tell_members(Part::Worker, &coordinator_id, None);
            self.registered.send_replace(false);
        }
        let leave = Leave { node_id: self.node.node_id.clone() };
        if let Err(error) = self.coordinator.call::<()>(LEAVE, &leave).await {
            tracing::warn!(coordinator = self.coordinator.address(), %error, "could not say good-bye");
        }
        Ok(())
    }

    /// The id of the coordinator; `None` when it is to stop.
    async fn join(&self, stop: &CancellationToken) -> Result<Option<String>> {
        let mut wait = self.settings.heartbeat;
        let mut told = false;
        while !stop.is_cancelled() {
            match self.coordinator.call::<Registered>(REGISTER, &self.node).await {
                Ok(answer) => {
                    tracing::info!(
                        coordinator = self.coordinator.address(),
                        version = answer.coordinator_version,
                        url = self.node.url,
                        "registered"
                    );
                    let coordinator_id = answer.coordinator_id;
                    self.sources.tell_members(Part::Worker, &coordinator_id, Some(answer.members));
                    self.registered.send_replace(true);
                    return Ok(Some(coordinator_id));
                }
                Err(error) if is_final(&error) => {
                    tracing::error!(coordinator = self.coordinator.address(), %error, "refused");
                    return Err(error);
                }
                Err(error) => {
                    if !told {
                        tracing::warn!(
                            coordinator = self.coordinator.address(),
                            %error,
                            "cannot register yet; trying on"
                        );
                        told = true;
                    }
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
        Ok(None)
    }

    /// Sends heartbeats, whose answers tell which catalogs are live and who shares connections, until the coordinator no
    /// longer knows the worker, or `stop`.
    async fn beat(&self, coordinator_id: &str, stop: &CancellationToken) {
        let mut ticks = tokio::time::interval(self.settings.heartbeat);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut draining = self.drain.watch();
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                // Told at once, so that no new task is sent here.
                Ok(()) = draining.changed() => {}
                () = stop.cancelled() => return,
            }
            let state = match self.drain.is_draining() {
                true => NodeState::Draining,
                false => NodeState::Active,
            };
            let beat = Heartbeat {
                node_id: self.node.node_id.clone(),
                state,
                running_tasks: self.drain.running_tasks(),
                coordinators: self.sources.coordinator_count(),
            };
            match self.coordinator.call::<HeartbeatAnswer>(HEARTBEAT, &beat).await {
                Ok(HeartbeatAnswer { known: true, catalogs, members }) => {
                    self.sources.keep_live(self.coordinator.address(), Some(catalogs));
                    self.sources.tell_members(Part::Worker, coordinator_id, Some(members));
                }
                Ok(HeartbeatAnswer { known: false, .. }) => return,
                Err(error) => {
                    tracing::warn!(coordinator = self.coordinator.address(), %error, "heartbeat failed");
                    return;
                }
            }
        }
    }
}

fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::InvalidArgument)
}
