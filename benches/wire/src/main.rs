//! The client of `benches/wire/run`: puts the same load on Mooring and on MariaDB and prints what
//! it saw as one line of JSON. It links nothing of Mooring and knows neither engine by name.
//!
//! Blocking sockets, a thread per busy connection: on a machine that it shares with the server the
//! client must cost as little as it can, and this is one `write` and one `read` per statement.

mod failure;
mod connection;
mod answer;
mod statements;
mod rows;
mod idle;
mod cancel;
mod processor_time;

use clap::{Args, Parser, Subcommand};
use connection::Connection;
use failure::Result;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Parser)]
#[command(about = "Measures a server of the MySQL protocol; prints JSON")]
struct Options {
    #[command(flatten)]
    server: Server,
    #[command(subcommand)]
    measurement: Measurement,
}

/// The account has no password.
#[derive(Args, Clone)]
struct Server {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    user: String,
}

impl Server {
    fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, &self.user)
    }
}

#[derive(Subcommand)]
enum Measurement {
    /// Statements per second, and how long the median and the slowest hundredth took.
    Statements(statements::Load),
    /// Rows and bytes per second of one large result.
    Rows(rows::Reading),
    /// Opens connections, prints a line, and holds them until its standard input ends.
    Idle(idle::Idle),
    /// How long a running query's tasks go on after a KILL or a client that vanished.
    Cancel(cancel::Cancel),
}

fn main() -> ExitCode {
    let Options { server, measurement } = Options::parse();
    let measured = match measurement {
        Measurement::Statements(load) => load.run(&server),
        Measurement::Rows(reading) => reading.run(&server),
        Measurement::Idle(idle) => idle.run(&server),
        Measurement::Cancel(cancel) => cancel.run(&server),
    };
    match measured.and_then(|figures| print(&figures)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// One line on standard output, seen at once by a reader of the pipe.
fn print(figures: &serde_json::Value) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{figures}")?;
    output.flush()?;
    Ok(())
}
