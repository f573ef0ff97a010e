//! The way to a server: address, TLS, login, settings of the session.

use super::connection::Connection;
use super::failure::Failure;
use super::protocol::{Greeting, Login, Packets, authenticate, capabilities, tls_request};
use super::refused_logins::RefusedLogins;
use super::settings::MysqlSettings;
use crate::database::{ByteStream, Connect, Socket};
use async_trait::async_trait;
use mooring_spi::Error;
use mooring_storage::resolve_secret;
use mysql_common::constants::CapabilityFlags;
use secrecy::{ExposeSecret, SecretString};
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// A server that vanished is noticed after two minutes, even while it computes and sends nothing.
const KEEPALIVE: Duration = Duration::from_secs(60);
const PROBE_INTERVAL: Duration = Duration::from_secs(10);
const PROBES: u32 = 6;

/// Makes connections to one server.
pub(super) struct MysqlConnect {
    settings: MysqlSettings,
    /// One login at a time, so that a wrong password is tried once.
    logins: Mutex<RefusedLogins>,
}

#[async_trait]
impl Connect for MysqlConnect {
    type Connection = Connection;
    type Failure = Failure;

    fn limit(&self) -> Duration {
        self.settings.connect_timeout
    }

    async fn connect(&self, until: Instant) -> Result<Connection, Failure> {
        let connected = timeout_at(until, self.connect_in_time(until)).await;
        connected.unwrap_or(Err(Failure::Silent(self.settings.connect_timeout)))
    }

    async fn is_alive(&self, connection: &mut Connection, _kept: Duration) -> bool {
        connection.is_alive().await
    }

    async fn close(&self, connection: Connection) {
        connection.quit().await;
    }
}

impl MysqlConnect {
    pub(super) fn new(settings: MysqlSettings) -> Self {
        Self { settings, logins: Mutex::default() }
    }

    async fn connect_in_time(&self, until: Instant) -> Result<Connection, Failure> {
        let settings = &self.settings;
        if !self.logins.lock().await.is_empty() {
            let password = self.password().await?;
            let known = self.logins.lock().await.answer(&password, Instant::now());
            if let Some(error) = known {
                return Err(Failure::Refused(error));
            }
        }
        let address = (settings.host.as_str(), settings.port);
        let stream = TcpStream::connect(address).await.map_err(Failure::Lost)?;
        tune(&stream).map_err(Failure::Lost)?;
        let stream: Box<dyn ByteStream> = Box::new(Socket::new(stream));
        let mut packets = Packets::new(stream, settings.connect_timeout, settings.row_max_bytes);
        // It speaks first; others wait for us to begin.
        let greeted_until = until - settings.connect_timeout / 10;
        let greeted = timeout_at(greeted_until, packets.receive()).await;
        let greeting = Greeting::read(greeted.map_err(|_| not_greeted())??)?;
        let mut agreed = capabilities(greeting.capabilities);
        let mut is_encrypted = false;
        if let Some(tls) = &settings.tls {
            if greeting.capabilities.contains(CapabilityFlags::CLIENT_SSL) {
                agreed |= CapabilityFlags::CLIENT_SSL;
                packets.send(&tls_request(agreed)).await?;
                let sequence = packets.sequence();
                let stream = tls.secure(&settings.host, packets.into_stream()?).await?;
                packets = Packets::new(stream, settings.connect_timeout, settings.row_max_bytes)
                    .with_sequence(sequence);
                is_encrypted = true;
            } else if tls.is_required {
                return Err(Failure::Tls("it does not offer TLS, which `tls` demands".to_owned()));
            }
        }
        self.log_in(&mut packets, &greeting, agreed, is_encrypted).await?;
        let has_ends = !agreed.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF);
        let mut connection =
            Connection::new(packets, greeting.connection_id, greeting.flavour, has_ends);
        connection.set_up(settings).await?;
        connection.set_silence(settings.read_timeout);
        Ok(connection)
    }

    async fn log_in(
        &self,
        packets: &mut Packets,
        greeting: &Greeting,
        agreed: CapabilityFlags,
        is_encrypted: bool,
    ) -> Result<(), Failure> {
        let mut logins = self.logins.lock().await;
        let password = self.password().await?;
        if let Some(error) = logins.answer(&password, Instant::now()) {
            return Err(Failure::Refused(error));
        }
        let login = Login {
            user: &self.settings.user,
            password: password.expose_secret(),
            is_encrypted,
            takes_public_key: self.settings.rsa_exchange,
        };
        match authenticate(packets, greeting, agreed, login).await {
            Ok(()) => {
                logins.accepted();
                Ok(())
            }
            Err(failure) => {
                if let Failure::Refused(error) = &failure
                    && failure.is_wrong_login()
                {
                    logins.refused(password, error.clone(), Instant::now());
                }
                Err(failure)
            }
        }
    }

    /// The secret as it is now: a reference is looked up at each login, so that a changed one is taken up.
    async fn password(&self) -> Result<SecretString, Failure> {
        let reference = self.settings.password.clone();
        let read = tokio::task::spawn_blocking(move || resolve_secret(&reference)).await;
        let read =
            read.map_err(|error| Error::internal("a secret was not read").with_cause(error))?;
        Ok(read.map_err(|error| {
            Error::new(error.kind(), format!("`password`: {}", error.message()))
        })?)
    }
}

fn not_greeted() -> Failure {
    let problem = "the connection was taken and not greeted, as MySQL does; is `port` that of another server?";
    Failure::Lost(io::Error::new(io::ErrorKind::TimedOut, problem))
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let probes =
        TcpKeepalive::new().with_time(KEEPALIVE).with_interval(PROBE_INTERVAL).with_retries(PROBES);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}
