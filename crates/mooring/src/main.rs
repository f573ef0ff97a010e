//! The `mooring` binary: command line, configuration, and the assembly of the roles from the other
//! crates. It holds no logic of its own.

mod cli;
mod config;
mod telemetry;
mod catalogs;
mod roles;
mod ready_file;
mod signals;
mod tpch_load;
mod users;

use cli::{Command, Invocation};
use config::{Config, Sources, Values};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => error.exit(),
    };
    match run(invocation) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", plain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn run(invocation: Invocation) -> Result<(), Failure> {
    let values = Values::load(&Sources::of_process(invocation.config, invocation.flags))?;
    let config = Config::from_values(&values)?;
    match &invocation.command {
        Command::Config => return Ok(print(&config::show(&values)?)?),
        Command::UserAdd(_)
        | Command::UserList
        | Command::UserRemove(_)
        | Command::UserPassword(_)
        | Command::TpchLoad(_) => {}
        Command::AllInOne | Command::Coordinator | Command::Worker => {
            telemetry::start(&config.log)?;
        }
    }
    match invocation.command {
        Command::AllInOne => roles::all_in_one(&config, invocation.ready_file),
        Command::Coordinator => roles::coordinator(&config, invocation.ready_file),
        Command::Worker => roles::worker(&config, invocation.ready_file),
        Command::TpchLoad(load) => tpch_load::run(&config, &load),
        Command::UserAdd(add) => users::add(&config, &add),
        Command::UserList => users::list(&config),
        Command::UserRemove(user) => users::remove(&config, &user),
        Command::UserPassword(password) => users::password(&config, &password),
        Command::Config => Ok(()),
    }
}

/// An error as the one line that a user reads: ours without the code.
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    match error.downcast_ref::<mooring_spi::Error>() {
        Some(ours) => ours.message().to_string(),
        None => error.to_string(),
    }
}

/// A reader that has seen enough (`mooring config | head`) is no error.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
