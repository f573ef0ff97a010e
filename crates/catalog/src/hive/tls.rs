//! TLS to a metastore (`hive.metastore.use.SSL`).

use mooring_spi::{Error, ErrorKind, Result};
use mooring_storage::{distrust, tls_name, verified_tls};
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// A connection, in plain text or not.
pub(super) trait MetastoreStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> MetastoreStream for S {}

/// Whose certificates are trusted, and for which name.
#[derive(Clone)]
pub struct MetastoreTls {
    config: Arc<ClientConfig>,
    /// `None`: the host of the address.
    server_name: Option<ServerName<'static>>,
}

impl fmt::Debug for MetastoreTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetastoreTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

impl MetastoreTls {
    /// `ca_file`: certificates in PEM form; without it those that the system trusts. Reads files: not for
    /// an I/O thread.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub fn new(ca_file: Option<&Path>, server_name: Option<&str>) -> Result<Self> {
        let server_name = server_name.map(tls_name).transpose()?;
        Ok(Self { config: verified_tls(ca_file)?, server_name })
    }

    /// `address`: as it was connected to, `HOST:PORT`.
    ///
    /// # Errors
    /// `SourceUnavailable`, with the name that was expected where the certificate is not trusted.
    pub(super) async fn secure(
        &self,
        address: &str,
        stream: TcpStream,
    ) -> Result<Box<dyn MetastoreStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => tls_name(host_of(address))?,
        };
        let shown = name.to_str().into_owned();
        match TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(failed(&shown, error)),
        }
    }
}

fn failed(name: &str, error: io::Error) -> Error {
    let message = distrust(&error, name).unwrap_or_else(|| {
        format!("the TLS handshake failed: {error}; does the metastore speak TLS on this port?")
    });
    Error::new(ErrorKind::SourceUnavailable, message).with_cause(error)
}

/// Without the brackets of an IPv6 address.
fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}
