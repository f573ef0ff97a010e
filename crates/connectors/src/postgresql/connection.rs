//! One connection: a socket of our own under `tokio-postgres`, and a session whose settings make every value
//! come in one form.

use super::failure::{failed, unavailable};
use super::first_words::{Watched, refused};
use super::settings::PostgresSettings;
use mooring_spi::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret, SecretString};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config};

/// A server that has gone without a word is noticed after about a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// Names are always qualified, so that nobody's search path decides what a name means; texts of dates,
/// intervals and numbers are of one form.
const SESSION: &str = "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
    SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3; SET bytea_output = 'hex'; \
    SET standard_conforming_strings = on; SET default_transaction_read_only = on; \
    SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN \
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

/// A connection that is logged in.
pub(super) struct Connection {
    pub client: Client,
    /// 15 of version 15.4.
    pub version: u32,
    /// Where it was made; what has to be done when it is dropped is done there.
    pub runtime: Handle,
    task: AbortHandle,
}

/// Why there is none, with the database's own error.
pub(super) enum NotConnected {
    Socket(Error),
    Database(tokio_postgres::Error),
}

impl Connection {
    /// Without a bound of its own.
    pub async fn open(
        catalog: &str,
        settings: &PostgresSettings,
        password: Option<&SecretString>,
    ) -> Result<Self, NotConnected> {
        let socket = socket(catalog, settings).await.map_err(NotConnected::Socket)?;
        let tls = settings.tls.connector(&settings.host).map_err(NotConnected::Socket)?;
        let mut config = Config::new();
        config
            .user(&settings.user)
            .dbname(&settings.database)
            .application_name("mooring")
            .ssl_mode(settings.tls.ssl_mode());
        if let Some(password) = password {
            config.password(password.expose_secret());
        }
        let asks_for_tls = settings.tls.ssl_mode() != SslMode::Disable;
        let connected = config.connect_raw(Watched::new(socket, asks_for_tls), tls).await;
        let (client, connection) = connected.map_err(|error| match refused(&error) {
            None => NotConnected::Database(error),
            Some(unfit) => NotConnected::Socket(Error::new(
                ErrorKind::SourceRefused,
                format!("catalog `{catalog}`: {unfit}"),
            )),
        })?;
        let version = connection.parameter("server_version").map_or(0, major_version);
        // Whoever waits for an answer is told of its end too.
        let task = tokio::spawn(async move { drop(connection.await) }).abort_handle();
        let connection = Self { client, version, runtime: Handle::current(), task };
        let mut session = SESSION.to_owned();
        if let Some(timeout) = settings.statement_timeout {
            session += &format!("; SET statement_timeout = {}", timeout.as_millis());
        }
        connection.client.batch_execute(&session).await.map_err(NotConnected::Database)?;
        Ok(connection)
    }

    /// Asks the server to stop what the connection does, by another connection, and closes it.
    pub async fn cancel(self, catalog: &str, settings: &PostgresSettings) {
        if !self.client.is_closed() {
            let cancelled = tokio::time::timeout(settings.connect_timeout, async {
                let socket = socket(catalog, settings).await?;
                let tls = settings.tls.connector(&settings.host)?;
                let token = self.client.cancel_token();
                token.cancel_query_raw(socket, tls).await.map_err(|error| failed(catalog, error))
            });
            match cancelled.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(catalog, %error, "a statement was not cancelled"),
                Err(_) => tracing::warn!(catalog, "a statement was not cancelled in time"),
            }
        }
        // Without this, what the server still sends would be read to its end.
        self.task.abort();
    }
}

/// Of `15.4 (Debian 15.4-1)` or `18beta1`.
pub(super) fn major_version(text: &str) -> u32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().unwrap_or(0)
}

/// Tries each address of the host, with an equal share of the time.
async fn socket(catalog: &str, settings: &PostgresSettings) -> Result<TcpStream> {
    let (host, port) = (settings.host.as_str(), settings.port);
    let unreachable = |problem: &dyn std::fmt::Display| {
        unavailable(catalog, &format!("`{host}:{port}` cannot be reached: {problem}"))
    };
    let addresses: Vec<_> =
        lookup_host((host, port)).await.map_err(|error| unreachable(&error))?.collect();
    let share = settings.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
    let mut last = io::Error::other("the name has no address");
    for address in addresses {
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return prepared(stream).map_err(|error| unreachable(&error)),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(unreachable(&last))
}

fn prepared(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL);
    SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read() {
        let read = ["15.4 (Debian 15.4-1)", "18beta1", "9.6.24", ""].map(major_version);
        assert_eq!(read, [15, 18, 9, 0]);
    }
}
