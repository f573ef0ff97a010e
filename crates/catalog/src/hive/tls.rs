//! TLS to a metastore (`hive.metastore.use.SSL`).

use mooring_spi::{Error, ErrorKind, Result};
use std::fmt::{self, Display};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

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
        let roots = match ca_file {
            Some(path) => roots_of_file(path)?,
            None => roots_of_system()?,
        };
        // Named here, so that nothing depends on what a process has as its default.
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| Error::internal("no TLS versions").with_cause(error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server_name = server_name.map(name_of).transpose()?;
        Ok(Self { config: Arc::new(config), server_name })
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
            None => name_of(host_of(address))?,
        };
        let shown = name.to_str().into_owned();
        match TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(failed(&shown, error)),
        }
    }
}

fn failed(name: &str, error: io::Error) -> Error {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let message = match cause {
        Some(rustls::Error::InvalidCertificate(reason)) => format!(
            "its certificate is not trusted for `{name}`: {reason}; `tls_ca_file` and `tls_server_name` say \
             what is"
        ),
        _ => {
            format!("the TLS handshake failed: {error}; does the metastore speak TLS on this port?")
        }
    };
    Error::new(ErrorKind::SourceUnavailable, message).with_cause(error)
}

/// Without the brackets of an IPv6 address.
fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn name_of(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        invalid(format!("`{name}` is no name that a certificate can have; set `tls_server_name`"))
    })
}

fn roots_of_file(path: &Path) -> Result<RootCertStore> {
    let unusable = |problem: &dyn Display| {
        invalid(format!("`tls_ca_file` (`{}`) is unusable: {problem}", path.display()))
    };
    let pem = std::fs::read(path).map_err(|error| unusable(&error))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| unusable(&error))?;
        roots.add(certificate).map_err(|error| unusable(&error))?;
    }
    match roots.is_empty() {
        true => Err(unusable(&"it holds no certificate in PEM form")),
        false => Ok(roots),
    }
}

fn roots_of_system() -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    match roots.is_empty() {
        true => Err(invalid("the system has no certificates to trust; set `tls_ca_file`")),
        false => Ok(roots),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
