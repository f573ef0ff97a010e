//! One `mooring` process: started, awaited, signalled by its id, and never left behind.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::{Failure, Result};

/// Generous: only a test that fails waits that long.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const EXIT_TIMEOUT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Configuration keys (`coordinator.mysql.listen`) and their values.
pub type Settings = BTreeMap<String, String>;

#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// Asks for a graceful end.
    Terminate,
    /// Ends it at once.
    Kill,
}

/// A running role, known to listen. Dropping it kills it.
pub struct Process {
    child: Child,
    log: PathBuf,
    addresses: BTreeMap<String, String>,
}

impl Process {
    /// Starts a role with its working folder, log and ready file in `folder`, and waits until it listens.
    pub async fn start(
        folder: &Path,
        name: &str,
        arguments: &[&str],
        settings: &Settings,
    ) -> Result<Self> {
        let ready_file = folder.join(format!("{name}.ready"));
        let _ = std::fs::remove_file(&ready_file);
        let mut process = Self::spawn(folder, name, arguments, settings, Some(&ready_file))?;
        process.await_ready(name, &ready_file).await?;
        Ok(process)
    }

    /// Starts a role that is not expected to become ready.
    pub fn start_unready(
        folder: &Path,
        name: &str,
        arguments: &[&str],
        settings: &Settings,
    ) -> Result<Self> {
        Self::spawn(folder, name, arguments, settings, None)
    }

    fn spawn(
        folder: &Path,
        name: &str,
        arguments: &[&str],
        settings: &Settings,
        ready_file: Option<&Path>,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut command = mooring_command(folder, arguments, settings)?;
        if let Some(ready_file) = ready_file {
            command.arg("--ready-file").arg(ready_file);
        }
        let child = command.stdout(output.try_clone()?).stderr(output).spawn()?;
        Ok(Self { child, log, addresses: BTreeMap::new() })
    }

    /// The ready file appears at once and whole, so its existence is enough. The pause between two
    /// looks is a wait for the process to exit, which ends the waiting early.
    async fn await_ready(&mut self, name: &str, ready_file: &Path) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !ready_file.exists() {
            if let Ok(status) = timeout(POLL_INTERVAL, self.child.wait()).await {
                let tail = self.log_tail();
                return Err(Failure::new(format!(
                    "{name} ended at its start: {}\n{tail}",
                    status?
                )));
            }
            if Instant::now() > deadline {
                let tail = self.log_tail();
                return Err(Failure::new(format!(
                    "{name} was not ready after {START_TIMEOUT:?}\n{tail}"
                )));
            }
        }
        self.addresses = serde_json::from_slice(&std::fs::read(ready_file)?)?;
        Ok(())
    }

    /// An address of the ready file: `mysql`, `http`, `internal`, `worker`.
    pub fn address(&self, door: &str) -> Result<&str> {
        let address = self.addresses.get(door).map(String::as_str);
        address.ok_or_else(|| {
            Failure::new(format!("the ready file has no `{door}`: {:?}", self.addresses))
        })
    }

    pub async fn signal(&self, signal: Signal) -> Result<()> {
        let id = self.child.id().ok_or_else(|| Failure::new("the process has ended already"))?;
        let flag = match signal {
            Signal::Terminate => "-TERM",
            Signal::Kill => "-KILL",
        };
        let status = Command::new("kill").arg(flag).arg(id.to_string()).status().await?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new(format!("kill {flag} {id} failed")))
        }
    }

    /// How long processors have worked for the process, in steps of a hundredth of a second
    /// (`utime` and `stime` of proc(5)).
    pub fn processor_time(&self) -> Result<Duration> {
        let id = self.child.id().ok_or_else(|| Failure::new("the process has ended"))?;
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name, in parentheses, may hold anything.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let hundredths: u64 =
            fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(10 * hundredths))
    }

    pub async fn exit_status(&mut self) -> Result<ExitStatus> {
        match timeout(EXIT_TIMEOUT, self.child.wait()).await {
            Ok(status) => Ok(status?),
            Err(_) => Err(Failure::new(format!(
                "the process did not end in {EXIT_TIMEOUT:?}\n{}",
                self.log_tail()
            ))),
        }
    }

    /// Ends the process as an operator does, and expects it to end well.
    pub async fn stop(mut self) -> Result<()> {
        self.signal(Signal::Terminate).await?;
        let status = self.exit_status().await?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("SIGTERM was answered with {status}\n{}", self.log_tail())))
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(30)..];
        format!("--- {}\n{}", self.log.display(), tail.join("\n"))
    }
}

/// A command of the binary with nothing inherited that could configure it: neither our environment's
/// settings nor a `mooring.toml` of the working folder.
pub fn mooring_command(folder: &Path, arguments: &[&str], settings: &Settings) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    for (key, _) in std::env::vars_os()
        .filter(|(key, _)| key.to_str().is_some_and(|name| name.starts_with("MOORING__")))
    {
        command.env_remove(key);
    }
    for (key, value) in settings {
        let variable = format!("MOORING__{}", key.to_uppercase().replace('.', "__"));
        command.env(variable, value);
    }
    Ok(command)
}

/// Runs a command to its end: its exit status and everything it printed.
pub async fn run_to_end(mut command: Command) -> Result<(ExitStatus, String)> {
    let output = match timeout(EXIT_TIMEOUT, command.output()).await {
        Ok(output) => output?,
        Err(_) => {
            return Err(Failure::new(format!("{command:?} did not end in {EXIT_TIMEOUT:?}")));
        }
    };
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok((output.status, printed))
}

/// `MOORING_BIN`, else the binary that was built in the profile of this test.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("MOORING_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let built = test.ancestors().nth(2).map(|profile| profile.join("mooring"));
    built.filter(|path| path.is_file()).ok_or_else(|| {
        Failure::new("there is no `mooring` binary: build the workspace or set MOORING_BIN")
    })
}

/// Asks again until there is an answer, for what announces itself by no event. `what` names what
/// was awaited in the failure.
pub async fn eventually<T, F: AsyncFnMut() -> Option<T>>(what: &str, mut ask: F) -> Result<T> {
    const LIMIT: Duration = Duration::from_secs(30);
    let deadline = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        if Instant::now() > deadline {
            return Err(Failure::new(format!("{what}: not within {LIMIT:?}")));
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}
