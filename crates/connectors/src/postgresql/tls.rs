//! TLS to a database, in the four ways that PostgreSQL's own clients know of these names.

use super::first_words::Watched;
use super::settings::invalid;
use mooring_spi::Result;
use mooring_storage::{tls_name, unnamed_tls, verified_tls};
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// Whether a connection is encrypted, and whether the server proves who it is.
#[derive(Clone)]
pub enum TlsMode {
    Disable,
    /// Where the server can; its certificate is not looked at.
    Prefer(Arc<ClientConfig>),
    /// Always; its certificate is not looked at.
    Require(Arc<ClientConfig>),
    /// Always, with a certificate that is trusted for the server's name.
    VerifyFull {
        config: Arc<ClientConfig>,
        /// `None`: the host.
        server_name: Option<String>,
    },
}

impl fmt::Debug for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsMode::Disable => "disable",
            TlsMode::Prefer(_) => "prefer",
            TlsMode::Require(_) => "require",
            TlsMode::VerifyFull { .. } => "verify-full",
        })
    }
}

impl TlsMode {
    pub(super) fn from_properties(properties: &BTreeMap<String, String>) -> Result<Self> {
        let mode = properties.get("tls").map_or("prefer", String::as_str);
        let idle =
            ["tls_ca_file", "tls_server_name"].into_iter().find(|it| properties.contains_key(*it));
        if let Some(name) = idle.filter(|_| mode != "verify-full") {
            return Err(invalid(format!("`{name}` has no effect without `tls` = `verify-full`")));
        }
        match mode {
            "disable" => Ok(TlsMode::Disable),
            "prefer" => Ok(TlsMode::Prefer(unnamed_tls(None)?)),
            "require" => Ok(TlsMode::Require(unnamed_tls(None)?)),
            "verify-full" => Ok(TlsMode::VerifyFull {
                config: verified_tls(properties.get("tls_ca_file").map(Path::new))?,
                server_name: properties.get("tls_server_name").cloned(),
            }),
            other => Err(invalid(format!(
                "`tls` is `{other}`; expected `disable`, `prefer`, `require` or `verify-full`"
            ))),
        }
    }

    pub(super) fn ssl_mode(&self) -> SslMode {
        match self {
            TlsMode::Disable => SslMode::Disable,
            TlsMode::Prefer(_) => SslMode::Prefer,
            TlsMode::Require(_) | TlsMode::VerifyFull { .. } => SslMode::Require,
        }
    }

    /// # Errors
    /// `InvalidArgument` for a host that no certificate can have.
    pub(super) fn connector(&self, host: &str) -> Result<Handshake> {
        let (config, name) = match self {
            TlsMode::Disable => return Ok(Handshake { to: None }),
            TlsMode::Prefer(config) | TlsMode::Require(config) => (config, host),
            TlsMode::VerifyFull { config, server_name } => {
                (config, server_name.as_deref().unwrap_or(host))
            }
        };
        let server = tls_name(name)?;
        Ok(Handshake { to: Some((TlsConnector::from(Arc::clone(config)), server)) })
    }
}

/// One handshake to be done.
pub(super) struct Handshake {
    to: Option<(TlsConnector, ServerName<'static>)>,
}

impl TlsConnect<TcpStream> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: TcpStream) -> Self::Future {
        Box::pin(async move {
            let (connector, server) =
                self.to.ok_or_else(|| io::Error::other("TLS is disabled for this catalog"))?;
            connector.connect(server, stream).await.map(|stream| Encrypted(Box::new(stream)))
        })
    }
}

impl TlsConnect<Watched<TcpStream>> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Watched<TcpStream>) -> Self::Future {
        self.connect(stream.into_inner())
    }
}

/// A connection under TLS.
pub(super) struct Encrypted(Box<client::TlsStream<TcpStream>>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
