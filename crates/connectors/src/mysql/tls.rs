//! TLS to a server, as strict as the catalog's owner asks for.

use super::failure::Failure;
use super::protocol::ByteStream;
use super::settings::invalid;
use mooring_spi::{Error, Result};
use std::fmt::{self, Display};
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

#[derive(Clone)]
pub struct SourceTls {
    config: Arc<ClientConfig>,
    /// `None`: the host.
    server_name: Option<String>,
    /// Whether a server without TLS is refused.
    pub(super) is_required: bool,
}

impl fmt::Debug for SourceTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceTls")
            .field("server_name", &self.server_name)
            .field("is_required", &self.is_required)
            .finish_non_exhaustive()
    }
}

impl SourceTls {
    /// Encrypted, whoever the server is; with `ca_file` one whose certificate leads there.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub(super) fn unnamed(ca_file: Option<&Path>, is_required: bool) -> Result<Self> {
        let provider = Arc::new(ring::default_provider());
        let chain = match ca_file {
            None => None,
            Some(path) => {
                let roots = Arc::new(roots_of_file(path)?);
                let verifier =
                    WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                        .build()
                        .map_err(|error| invalid(format!("`tls_ca_file` is unusable: {error}")))?;
                Some(verifier)
            }
        };
        let config = builder(&provider)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unnamed { provider, chain }))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config), server_name: None, is_required })
    }

    /// The server that the certificate names, which `ca_file` or the system trusts.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub(super) fn verified(ca_file: Option<&Path>, server_name: Option<&str>) -> Result<Self> {
        let roots = match ca_file {
            Some(path) => roots_of_file(path)?,
            None => roots_of_system()?,
        };
        let provider = Arc::new(ring::default_provider());
        let config = builder(&provider)?.with_root_certificates(roots).with_no_client_auth();
        let server_name = server_name.map(str::to_owned);
        Ok(Self { config: Arc::new(config), server_name, is_required: true })
    }

    /// # Errors
    /// `Tls`, with the name that was expected where the certificate is not trusted.
    pub(super) async fn secure(
        &self,
        host: &str,
        stream: Box<dyn ByteStream>,
    ) -> Result<Box<dyn ByteStream>, Failure> {
        let shown = self.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(shown.to_owned()).map_err(|_| {
            Failure::Tls(format!(
                "`{shown}` is no name that a certificate can have; set `tls_server_name`"
            ))
        })?;
        match TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => {
                let cause = error.get_ref().and_then(|it| it.downcast_ref::<rustls::Error>());
                Err(Failure::Tls(match cause {
                    Some(rustls::Error::InvalidCertificate(reason)) => format!(
                        "its certificate is not trusted for `{shown}`: {reason}; `tls_ca_file` and \
                         `tls_server_name` say what is"
                    ),
                    _ => format!("the TLS handshake failed: {error}"),
                }))
            }
        }
    }
}

/// Named here, so that nothing depends on what a process has as its default.
fn builder(
    provider: &Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>> {
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| Error::internal("no TLS versions").with_cause(error))
}

/// Takes a certificate of any name, and without `chain` any certificate: `require` is about listeners, as in MySQL's
/// own clients.
#[derive(Debug)]
struct Unnamed {
    provider: Arc<CryptoProvider>,
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Unnamed {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, after all that stands for trust.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
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
