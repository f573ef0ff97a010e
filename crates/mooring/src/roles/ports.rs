//! The ports of a process.

use mooring_coordinator::http;
use mooring_spi::{Error, ErrorKind, Result};
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Which of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Port {
    Mysql,
    FlightSql,
    Http,
    Internal,
    Worker,
}

impl Port {
    fn setting(self) -> &'static str {
        match self {
            Port::Mysql => "coordinator.mysql.listen",
            Port::FlightSql => "coordinator.flight_sql.listen",
            Port::Http => "coordinator.http.listen",
            Port::Internal => "coordinator.internal.listen",
            Port::Worker => "worker.listen",
        }
    }
}

/// # Errors
/// `InvalidArgument`, naming the address and its setting.
pub(super) fn bind(port: Port, address: SocketAddr) -> Result<TcpListener> {
    listen(port.setting(), address)
}

/// As [`bind`], for an address that is text.
pub(super) fn bind_text(setting: &str, address: &str) -> Result<TcpListener> {
    let parsed = address.parse().map_err(|_| {
        Error::new(ErrorKind::InvalidArgument, format!("`{setting}`: `{address}` is no `IP:PORT`"))
    })?;
    listen(setting, parsed)
}

fn listen(setting: &str, address: SocketAddr) -> Result<TcpListener> {
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    bound.map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "the port is already in use; stop the other process or choose another port"
            }
            _ => "choose an address of this machine",
        };
        Error::new(
            ErrorKind::InvalidArgument,
            format!("`{setting}`: cannot listen on `{address}`: {advice} ({error})"),
        )
    })
}

/// Serves health and metrics until `stop`.
pub(super) fn serve_http(
    listener: TcpListener,
    registry: Registry,
    stop: CancellationToken,
) -> JoinHandle<()> {
    let readiness_stop = stop.clone();
    let readiness: http::Readiness = Arc::new(move || match readiness_stop.is_cancelled() {
        true => Err("stopping".to_string()),
        false => Ok(()),
    });
    tokio::spawn(async move {
        let served =
            http::serve(listener, Arc::new(registry), readiness, std::future::pending()).await;
        if let Err(error) = served {
            tracing::error!(%error, "the HTTP port failed");
        }
    })
}
