//! The PEM files behind the door's TLS, and the configuration they make.

use mooring_spi::{Error, ErrorKind, Result};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};

const CERTIFICATE: &str = "coordinator.mysql.tls_certificate";
const KEY: &str = "coordinator.mysql.tls_key";
const CLIENT_CA: &str = "coordinator.mysql.tls_client_ca";

/// Where certificate and key are; all in PEM form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, followed by those that lead to its root.
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// The certificates whose keys have signed the clients' certificates. Without it no client is
    /// asked for one.
    pub client_ca: Option<PathBuf>,
}

/// What tells a file from its next version; `None` for one that is not there.
pub(super) type Stamp = [Option<(SystemTime, u64)>; 3];

impl TlsFiles {
    pub(super) fn stamp(&self) -> Stamp {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].map(|path| {
            let metadata = std::fs::metadata(path?).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
    }

    /// # Errors
    /// `InvalidArgument`, naming the setting and the file.
    pub(super) fn server_config(&self) -> Result<Arc<ServerConfig>> {
        // Named here, so that nothing depends on what a process has as its default.
        let provider = Arc::new(ring::default_provider());
        let certificates = certificates(CERTIFICATE, &self.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&read(KEY, &self.key)?)
            .map_err(|_| unusable(KEY, &self.key, "it holds no private key in PEM form"))?;
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| Error::internal("no TLS versions").with_cause(error))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
        };
        let config = builder.with_single_cert(certificates, key).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => unusable(
                KEY,
                &self.key,
                format_args!("it does not fit `{CERTIFICATE}` (`{}`)", self.certificate.display()),
            ),
            other => unusable(CERTIFICATE, &self.certificate, other),
        })?;
        Ok(Arc::new(config))
    }
}

/// A certificate is asked for and, when one comes, checked. Whether an account needs one is the
/// account's affair.
fn client_verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn rustls::server::danger::ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA, path)? {
        roots.add(certificate).map_err(|error| unusable(CLIENT_CA, path, error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable(CLIENT_CA, path, error))
}

fn certificates(setting: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = read(setting, path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|error| unusable(setting, path, error))?;
    if certificates.is_empty() {
        return Err(unusable(setting, path, "it holds no certificate in PEM form"));
    }
    Ok(certificates)
}

fn read(setting: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| unusable(setting, path, error))
}

fn unusable(setting: &str, path: &Path, problem: impl Display) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("`{setting}` (`{}`) is unusable: {problem}", path.display()),
    )
}
