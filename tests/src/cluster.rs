//! A cluster of processes on free ports, in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::process::{mooring_command, run_to_end};
use crate::{Failure, Process, Result, Session, Settings};

pub struct Cluster {
    /// The coordinator, or the all-in-one process.
    pub coordinator: Option<Process>,
    pub workers: Vec<Process>,
    builder: ClusterBuilder,
    address: String,
}

/// Reusable: starting it again finds the state of the cluster before.
#[derive(Clone)]
pub struct ClusterBuilder {
    worker_count: usize,
    settings: Settings,
    folder: Arc<TempDir>,
    users_exist: bool,
}

impl Cluster {
    /// `mooring` without arguments: coordinator and worker in one process.
    pub fn one_node() -> Result<ClusterBuilder> {
        Self::with_workers(0)
    }

    /// A coordinator and `worker_count` workers, each a process.
    pub fn with_workers(worker_count: usize) -> Result<ClusterBuilder> {
        let folder = Arc::new(tempfile::tempdir()?);
        let settings = [("cluster.secret", "the secret of this test's cluster")];
        let settings = settings.map(|(key, value)| (key.into(), value.into())).into();
        Ok(ClusterBuilder { worker_count, settings, folder, users_exist: false })
    }

    pub fn mysql_address(&self) -> &str {
        &self.address
    }

    pub async fn connect(&self) -> Result<Session> {
        Session::connect(&self.address, &[]).await
    }

    /// A session whose every query runs on the workers.
    pub async fn connect_distributing(&self) -> Result<Session> {
        Session::connect(&self.address, &["SET distributed_bytes_per_partition = 1"]).await
    }

    pub fn coordinator(&mut self) -> Result<&mut Process> {
        self.coordinator.as_mut().ok_or_else(|| Failure::new("the coordinator was stopped"))
    }

    /// Ends everything as an operator does, workers last, and returns how to start it again.
    pub async fn stop(mut self) -> Result<ClusterBuilder> {
        if let Some(coordinator) = self.coordinator.take() {
            coordinator.stop().await?;
        }
        for worker in std::mem::take(&mut self.workers) {
            worker.stop().await?;
        }
        Ok(self.builder.clone())
    }

    pub fn log_tails(&self) -> String {
        let processes = self.coordinator.iter().chain(&self.workers);
        processes.map(Process::log_tail).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.log_tails());
        }
    }
}

impl ClusterBuilder {
    #[must_use]
    pub fn setting(mut self, key: &str, value: impl Into<String>) -> Self {
        self.settings.insert(key.into(), value.into());
        self
    }

    /// The folder of the processes; nothing of theirs is elsewhere.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn state_folder(&self) -> PathBuf {
        self.folder().join("state")
    }

    pub async fn start(mut self) -> Result<Cluster> {
        self.make_user().await?;
        let role: &[&str] = if self.worker_count == 0 { &[] } else { &["coordinator"] };
        let coordinator =
            Process::start(self.folder(), "coordinator", role, &self.coordinator_settings())
                .await?;
        let address = coordinator.address("mysql")?.to_owned();
        let worker_count = self.worker_count;
        let mut cluster =
            Cluster { coordinator: Some(coordinator), workers: vec![], builder: self, address };
        for number in 1..=worker_count {
            let worker = cluster.start_worker(number).await?;
            cluster.workers.push(worker);
        }
        Ok(cluster)
    }

    /// The all-in-one process has its user `root`; a coordinator starts with none.
    async fn make_user(&mut self) -> Result<()> {
        if self.worker_count == 0 || self.users_exist {
            return Ok(());
        }
        self.run(&["user", "add", "root", "--no-password", "--admin"]).await?;
        self.users_exist = true;
        Ok(())
    }

    /// Runs a command of the binary on this cluster's state; its output.
    pub async fn run(&self, arguments: &[&str]) -> Result<String> {
        let command = mooring_command(self.folder(), arguments, &self.coordinator_settings())?;
        let (status, printed) = run_to_end(command).await?;
        if status.success() {
            return Ok(printed);
        }
        Err(Failure::new(format!(
            "`mooring {}` ended with {status}:\n{printed}",
            arguments.join(" ")
        )))
    }

    pub fn coordinator_settings(&self) -> Settings {
        let own = [
            ("state.folder".into(), self.state_folder().display().to_string()),
            ("coordinator.mysql.listen".into(), "127.0.0.1:0".into()),
            ("coordinator.flight_sql.listen".into(), "127.0.0.1:0".into()),
            ("coordinator.http.listen".into(), "127.0.0.1:0".into()),
            ("coordinator.internal.listen".into(), "127.0.0.1:0".into()),
        ];
        own.into_iter().chain(self.settings.clone()).collect()
    }

    /// A worker has a state folder of its own: nothing may pass between roles by way of files.
    pub fn worker_settings(&self, number: usize) -> Settings {
        let folder = self.folder().join(format!("worker{number}-state"));
        let own = [
            ("state.folder".into(), folder.display().to_string()),
            ("worker.listen".into(), "127.0.0.1:0".into()),
        ];
        own.into_iter().chain(self.settings.clone()).collect()
    }
}

impl Cluster {
    async fn start_worker(&mut self, number: usize) -> Result<Process> {
        let settings = self.builder.worker_settings(number);
        let folder = self.builder.folder().to_owned();
        let internal = self.coordinator()?.address("internal")?;
        let arguments = ["worker", "--coordinator", internal];
        Process::start(&folder, &format!("worker{number}"), &arguments, &settings).await
    }

    pub fn builder(&self) -> &ClusterBuilder {
        &self.builder
    }
}
