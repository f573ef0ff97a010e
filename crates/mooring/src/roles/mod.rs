//! The roles of a process, put together from the other crates.
//!
//! Each process has two runtimes: one for doors, heartbeats and metrics, whose threads never
//! compute, and one for plans and fragments.

mod cluster;
mod mysql_door;
mod flight_sql_door;
mod ports;
mod sealing;
mod state;

use crate::config::Config;
use crate::{Failure, ready_file, signals};
use cluster::{Node, WorkerNode};
use mooring_coordinator::Coordinator;
use mooring_spi::Error;
use mooring_worker::{Drain, Gate, serve, with_fragments};
use ports::{Port, bind};
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::sync::CancellationToken;

pub(crate) use state::open_state;

/// More than cores, so that an operator that computes for long in one go leaves the other queries
/// their turn: the system shares the cores out among threads.
const PLAN_THREADS_PER_PARTITION: usize = 4;
/// Threads for doors and heartbeats.
const DOOR_THREADS: usize = 2;
const DOOR_STACK_BYTES: usize = 2 << 20;
/// Walking, copying and dropping a plan recurses, and a stack that overflows ends the process. This is
/// address space: only what the deepest plan of a thread has needed becomes memory.
const PLAN_STACK_BYTES: usize = 64 << 20;

/// Messages of a megabyte come and go by the hundred a second; freed for a second, they took 30 MiB more.
const COORDINATOR_PURGE_DELAY: Duration = Duration::from_millis(50);

/// A laptop cluster: a coordinator that also does a worker's work.
pub(crate) fn all_in_one(config: &Config, ready_file: Option<PathBuf>) -> Result<(), Failure> {
    coordinate(config, ready_file, true)
}

/// A coordinator alone. It passes rows on and computes little, so that giving memory back soon costs it
/// nothing that could be measured; a worker would be 5 % slower (TPC-H, 50 ms against a second).
pub(crate) fn coordinator(config: &Config, ready_file: Option<PathBuf>) -> Result<(), Failure> {
    mooring_allocator::set_purge_delay(COORDINATOR_PURGE_DELAY);
    coordinate(config, ready_file, false)
}

fn coordinate(config: &Config, ready: Option<PathBuf>, laptop: bool) -> Result<(), Failure> {
    let (doors, plans) = runtimes(config)?;
    let plans_handle = plans.handle().clone();
    let ended = doors.block_on(async {
        let stop = CancellationToken::new();
        signals::cancel_on_signal(stop.clone())?;
        let mut registry = Registry::default();
        let mysql = bind(Port::Mysql, config.coordinator.mysql.listen)?;
        let flight_sql = bind(Port::FlightSql, config.coordinator.flight_sql.listen)?;
        let http = bind(Port::Http, config.coordinator.http.listen)?;
        let internal = bind(Port::Internal, config.coordinator.internal.listen)?;
        let state = open_state(config).await?;
        let node = Node::coordinator(config, &state, &mut registry).await?;
        let secret = node.secret.clone();
        let parts =
            node.coordinator_parts(config, state.clone(), laptop, &internal, plans_handle.clone())?;
        let runtime = parts.node.clone();
        let coordinator = Coordinator::new(parts, &mut registry)?;
        coordinator.definitions().follow().await?;
        let following = coordinator.definitions().clone().watch(stop.clone());
        let following = plans_handle.spawn(following);

        let drain = Arc::new(Drain::default());
        let gate = Gate::new(&secret, drain.clone())?;
        let routes = match laptop {
            true => with_fragments(coordinator.internal(), runtime, drain, &plans_handle),
            false => coordinator.internal(),
        };
        let internal_stop = CancellationToken::new();
        let mut addresses = BTreeMap::new();
        addresses.insert("mysql", mysql.local_addr()?.to_string());
        addresses.insert("flight_sql", flight_sql.local_addr()?.to_string());
        addresses.insert("http", http.local_addr()?.to_string());
        addresses.insert("internal", internal.local_addr()?.to_string());
        // Fragments compute; without them the port only keeps the membership.
        let internal_runtime = if laptop { plans_handle } else { Handle::current() };
        let internal_task = internal_runtime.spawn(serve(
            internal,
            gate,
            routes,
            internal_stop.clone().cancelled_owned(),
        ));
        let http_task = ports::serve_http(http, registry, stop.clone());
        let mysql_address = mysql.local_addr()?;
        let mysql_task = tokio::spawn(coordinator.mysql.clone().serve(mysql, stop.clone()));
        let flight_sql_task =
            tokio::spawn(coordinator.flight_sql.clone().serve(flight_sql, stop.clone()));

        ready_file::write(ready.as_deref(), &addresses)?;
        let tls = laptop || config.coordinator.mysql.tls_certificate.is_some();
        tell_how_to_connect(&mysql_address, laptop, tls);
        stop.cancelled().await;

        let bound = config.coordinator.shutdown_timeout;
        let served = async { tokio::join!(mysql_task, flight_sql_task) };
        let doors_closed = tokio::time::timeout(bound + DOOR_BOUND, served);
        let (_, closed) = tokio::join!(coordinator.drain(bound), doors_closed);
        if closed.is_err() {
            tracing::warn!("some connections did not end");
        }
        internal_stop.cancel();
        following.abort();
        http_task.abort();
        internal_task.abort();
        state.close().await;
        Ok::<(), Failure>(())
    });
    plans.shutdown_background();
    doors.shutdown_background();
    ended
}

/// After the queries have ended, for clients to take their last rows.
const DOOR_BOUND: Duration = Duration::from_secs(5);

/// How long a worker that ends waits for rows that are still on their way.
const LAST_ROWS_BOUND: Duration = Duration::from_secs(5);

/// A worker that joins its coordinators.
pub(crate) fn worker(config: &Config, ready: Option<PathBuf>) -> Result<(), Failure> {
    let (doors, plans) = runtimes(config)?;
    let plans_handle = plans.handle().clone();
    let ended = doors.block_on(async {
        let stop = CancellationToken::new();
        signals::cancel_on_signal(stop.clone())?;
        let mut registry = Registry::default();
        let listener = bind(Port::Worker, config.worker.listen)?;
        let node = Node::worker(config, &mut registry)?;
        let mut addresses = BTreeMap::new();
        addresses.insert("worker", listener.local_addr()?.to_string());
        let worker = WorkerNode::new(config, &node, &listener)?;
        registry
            .register_collector(Box::new(mooring_worker::WorkerMetrics::new(worker.drain.clone())));
        if let Some(address) = &config.worker.http_listen {
            let listener = ports::bind_text("worker.http_listen", address)?;
            addresses.insert("http", listener.local_addr()?.to_string());
            ports::serve_http(listener, registry, stop.clone());
        }
        let server_stop = CancellationToken::new();
        let gate = Gate::new(&node.secret, worker.drain.clone())?;
        let routes = with_fragments(
            tonic::service::Routes::default(),
            node.runtime.clone(),
            worker.drain.clone(),
            &plans_handle,
        );
        let mut server = plans_handle.spawn(serve(
            listener,
            gate,
            routes,
            server_stop.clone().cancelled_owned(),
        ));

        let ended =
            worker.run(config, &stop, || ready_file::write(ready.as_deref(), &addresses)).await;
        server_stop.cancel();
        // The last rows of the last task may still be on their way.
        if tokio::time::timeout(LAST_ROWS_BOUND, &mut server).await.is_err() {
            tracing::warn!("some internal connections did not end");
            server.abort();
        }
        Ok::<(), Failure>(ended?)
    });
    plans.shutdown_background();
    doors.shutdown_background();
    ended
}

fn runtimes(config: &Config) -> Result<(Runtime, Runtime), Error> {
    let build = |name: &str, threads: usize, stack_bytes: usize| {
        Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_stack_size(stack_bytes)
            .thread_name(name)
            .enable_all()
            .build()
            .map_err(|error| Error::internal("cannot start threads").with_cause(error))
    };
    let plan_threads = PLAN_THREADS_PER_PARTITION * config.target_partitions();
    Ok((
        build("door", DOOR_THREADS, DOOR_STACK_BYTES)?,
        build("plan", plan_threads, PLAN_STACK_BYTES)?,
    ))
}

/// The last line of the start.
#[expect(clippy::print_stdout, reason = "this line is the start's answer to the user")]
fn tell_how_to_connect(address: &std::net::SocketAddr, laptop: bool, tls: bool) {
    let user = if laptop { "root" } else { "USER -p" };
    let without_tls = match tls {
        true => "",
        false => {
            " (without TLS, MySQL's client needs --get-server-public-key, MariaDB's --skip-ssl)"
        }
    };
    println!("connect with: mysql -h{} -P{} -u{user}{without_tls}", address.ip(), address.port());
}
