//! Statements per second: each connection sends its next statement when it has the last answer.

use crate::Server;
use crate::answer::Prepared;
use crate::connection::Connection;
use crate::failure::{Result, unexpected};
use clap::Args;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

/// Before the clock starts: caches fill, and the threads of a server come up.
const WARM_UP: Duration = Duration::from_millis(500);
/// A prime, so that a connection's walk visits every order.
const STRIDE: u64 = 7919;

#[derive(Args)]
pub struct Load {
    /// A statement that answers one row; `?` stands for the key of an order.
    #[arg(long)]
    sql: String,
    /// Over the binary protocol, prepared once per connection.
    #[arg(long)]
    prepared: bool,
    /// How many orders TPC-H generated: their keys are those that `?` takes.
    #[arg(long, default_value_t = 15_000)]
    orders: u64,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    seconds: u64,
}

impl Load {
    pub fn run(&self, server: &Server) -> Result<Value> {
        let mut clients = Vec::with_capacity(self.connections);
        for number in 0..self.connections {
            clients.push(self.client(server, number)?);
        }
        let start = Barrier::new(self.connections);
        let outcomes: Vec<Result<Vec<u32>>> = thread::scope(|scope| {
            let running: Vec<_> = clients
                .into_iter()
                .map(|client| scope.spawn(|| self.send(client, &start)))
                .collect();
            let lost = |_| Err(unexpected("a client's thread has panicked"));
            running.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
        });
        let mut nanoseconds = Vec::new();
        for outcome in outcomes {
            nanoseconds.append(&mut outcome?);
        }
        nanoseconds.sort_unstable();
        let at = |hundredths: usize| {
            let index = nanoseconds.len() * hundredths / 100;
            nanoseconds.get(index).map(|&value| f64::from(value) / 1000.0)
        };
        Ok(json!({
            "per_second": nanoseconds.len() as f64 / self.seconds as f64,
            "p50_us": at(50),
            "p99_us": at(99),
        }))
    }

    fn client(&self, server: &Server, number: usize) -> Result<Client> {
        let mut connection = server.connect()?;
        let prepared = self.prepared.then(|| connection.prepare(&self.sql)).transpose()?;
        // The connections start apart, so that they do not ask for the same order in step.
        let order = number as u64 * self.orders / self.connections as u64;
        Ok(Client { connection, prepared, order, text: Vec::new() })
    }

    /// The nanoseconds that each statement took which began within the measured time.
    fn send(&self, mut client: Client, start: &Barrier) -> Result<Vec<u32>> {
        start.wait();
        let from = Instant::now() + WARM_UP;
        let until = from + Duration::from_secs(self.seconds);
        let mut nanoseconds = Vec::new();
        loop {
            let sent = Instant::now();
            if sent >= until {
                return Ok(nanoseconds);
            }
            client.order = (client.order + STRIDE) % self.orders;
            client.ask(&self.sql)?;
            let tally = client.connection.take_rows(|_, _| Ok(()))?;
            if tally.rows != 1 {
                return Err(unexpected(format!(
                    "{} rows of a statement that answers 1",
                    tally.rows
                )));
            }
            if sent >= from {
                nanoseconds.push(u32::try_from(sent.elapsed().as_nanos()).unwrap_or(u32::MAX));
            }
        }
    }
}

struct Client {
    connection: Connection,
    prepared: Option<Prepared>,
    /// Which order it asked for last, from 0.
    order: u64,
    text: Vec<u8>,
}

impl Client {
    fn ask(&mut self, sql: &str) -> Result<()> {
        let key = order_key(self.order + 1);
        let parameter = sql.split_once('?');
        if let Some(statement) = self.prepared {
            return self.connection.execute(statement, parameter.map(|_| key));
        }
        self.text.clear();
        match parameter {
            None => self.text.extend_from_slice(sql.as_bytes()),
            Some((before, after)) => write!(self.text, "{before}{key}{after}")?,
        }
        self.connection.query(&self.text)
    }
}

/// The key of the `index`th order, from 1. Of each 32 keys the first 8 are used (TPC-H
/// specification, 4.2.3).
fn order_key(index: u64) -> u64 {
    (index >> 3) << 5 | index & 7
}

#[cfg(test)]
mod tests {
    use super::order_key;

    /// TPC-H specification, 4.2.3: only the first 8 of each 32 keys are used, and the last key is
    /// SF * 1,500,000 * 4.
    #[test]
    fn keys_are_sparse() {
        let first: Vec<u64> = (1..=9).map(order_key).collect();
        assert_eq!(first, [1, 2, 3, 4, 5, 6, 7, 32, 33]);
        assert_eq!(order_key(15_000), 60_000);
    }
}
