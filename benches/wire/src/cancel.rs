//! How long the tasks of a query go on when nobody wants its answer any more.

use crate::Server;
use crate::connection::Connection;
use crate::failure::{Failure, Result, unexpected};
use crate::processor_time::ticks;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks. A look is a query of its own and takes a few milliseconds.
const PAUSE: Duration = Duration::from_millis(5);
/// A query that is not under way everywhere, or still is, after so long is not awaited further.
const PATIENCE: Duration = Duration::from_secs(60);
/// The query runs for so long on every worker before it is cancelled.
const RUN: Duration = Duration::from_secs(1);
/// Processes that use at most `REST_TICKS` of 10 ms in this time are at rest: heartbeats go on.
const REST: Duration = Duration::from_millis(300);
const REST_TICKS: u64 = 3;
/// By whom `KILL` ends a statement: ER_QUERY_INTERRUPTED.
const INTERRUPTED: u16 = 1317;

#[derive(Args)]
pub struct Cancel {
    /// A query that runs for a minute or so if it is let.
    #[arg(long)]
    sql: String,
    #[arg(long)]
    how: How,
    /// On how many workers its tasks have to run before it is cancelled.
    #[arg(long)]
    workers: u64,
    /// The workers' processes.
    #[arg(long)]
    process: Vec<u32>,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// `KILL QUERY` from another connection.
    Kill,
    /// The socket closes, without a word.
    Vanish,
}

impl Cancel {
    pub fn run(&self, server: &Server) -> Result<Value> {
        let mut watcher = server.connect()?;
        let mut client = server.connect()?;
        client.query(self.sql.as_bytes())?;
        let running = format!(
            "SELECT count(DISTINCT task.worker) FROM system.runtime.tasks AS task \
             JOIN system.runtime.queries AS query ON task.query_id = query.query_id \
             WHERE query.connection_id = {} AND task.state = 'running'",
            client.id
        );
        await_number(&mut watcher, &running, self.workers)?;
        thread::sleep(RUN);
        let still = watcher.number(&running)?;
        if still != self.workers {
            return Err(unexpected(format!(
                "the query runs on {still} workers of {} after {} s; it is too short",
                self.workers,
                RUN.as_secs()
            )));
        }

        let cancelled = Instant::now();
        match self.how {
            How::Kill => {
                watcher.query(format!("KILL QUERY {}", client.id).as_bytes())?;
                watcher.take_rows(|_, _| Ok(()))?;
                expect_interrupted(&mut client)?;
            }
            How::Vanish => drop(client),
        }
        await_number(&mut watcher, &running, 0)?;
        let tasks_end = cancelled.elapsed();
        let rest = self.await_rest()?.saturating_duration_since(cancelled);
        Ok(json!({ "tasks_end_ms": milliseconds(tasks_end), "rest_ms": milliseconds(rest) }))
    }

    /// Since when the processes do nothing: what the tasks' table says is what the coordinator
    /// believes, and this is what the workers do.
    fn await_rest(&self) -> Result<Instant> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let (since, before) = (Instant::now(), ticks(&self.process)?);
            while ticks(&self.process)? <= before + REST_TICKS {
                if since.elapsed() >= REST {
                    return Ok(since);
                }
                thread::sleep(PAUSE);
            }
        }
        Err(unexpected(format!("the workers are still busy after {} s", PATIENCE.as_secs())))
    }
}

fn expect_interrupted(client: &mut Connection) -> Result<()> {
    match client.take_rows(|_, _| Ok(())) {
        Err(Failure::Refused { code: INTERRUPTED, .. }) => Ok(()),
        Err(other) => Err(other),
        Ok(_) => Err(unexpected("a query ran to its end in spite of KILL")),
    }
}

fn await_number(watcher: &mut Connection, sql: &str, wanted: u64) -> Result<()> {
    let begin = Instant::now();
    loop {
        let number = watcher.number(sql)?;
        if number == wanted {
            return Ok(());
        }
        if begin.elapsed() > PATIENCE {
            let waited = PATIENCE.as_secs();
            return Err(unexpected(format!(
                "`{number}` workers run it after {waited} s, not {wanted}"
            )));
        }
        thread::sleep(PAUSE);
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
