//! Behaviour of Mooring, seen from outside: real processes on free ports.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests that call them")]

mod flight_calls;
mod flight_sql;
mod protocol;
mod shutdown;
mod slt;
mod startup;
mod statements;
mod users;
mod workers;
