//! Both ends of the part `flight` of `benches/wire/run`: a client that reads one large result over Arrow
//! Flight, the same for every server, and a bare server of Parquet files, as the limit of what a Flight
//! server can do on this machine. It links nothing of Mooring.

mod failure;
mod read;
mod serve;
mod row_groups;

use clap::{Parser, Subcommand};
use failure::Result;
use std::io::Write;
use std::process::ExitCode;

/// Mooring's allocator: it should not be what makes the difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(about = "Measures an Arrow Flight server, or is one; prints JSON")]
struct Options {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Reads one result to its end and prints its rows, bytes and seconds.
    Read(read::Reading),
    /// Sends the rows of Parquet files to whoever asks, until its standard input ends; prints its address first.
    Serve(serve::Serving),
}

fn main() -> ExitCode {
    let done = match Options::parse().role {
        Role::Read(reading) => reading.run().and_then(|figures| print(&figures)),
        Role::Serve(serving) => serving.run(),
    };
    match done {
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
