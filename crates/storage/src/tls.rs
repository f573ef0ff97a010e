//! TLS to what is reached by a protocol of its own: whom a catalog's owner trusts. HTTP brings its own.

use mooring_spi::{Error, ErrorKind, Result};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
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
    self, CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore,
    SignatureScheme, WantsVerifier,
};

/// The server that the certificate names, which `ca_file` or the system trusts. Reads files: not for an I/O thread.
///
/// # Errors
/// `InvalidArgument`, naming the property.
pub fn verified_tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let roots = match ca_file {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    let config = builder(Arc::new(ring::default_provider()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Encrypted, whoever the server is; with `ca_file` one whose certificate leads there, whatever its name. Reads files:
/// not for an I/O thread.
///
/// # Errors
/// `InvalidArgument`, naming the property.
pub fn unnamed_tls(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>> {
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
    let config = builder(Arc::clone(&provider))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Unnamed { provider, chain }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The name that a certificate is held against.
///
/// # Errors
/// `InvalidArgument` for one that no certificate can have.
pub fn tls_name(name: &str) -> Result<ServerName<'static>> {
    ServerName::try_from(name.to_owned()).map_err(|_| {
        invalid(format!("`{name}` is no name that a certificate can have; set `tls_server_name`"))
    })
}

/// Why a certificate is not trusted for `name`; `None` where a handshake failed for another reason.
pub fn distrust(error: &std::io::Error, name: &str) -> Option<String> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::InvalidCertificate(reason) => Some(format!(
            "its certificate is not trusted for `{name}`: {reason}; `tls_ca_file` and `tls_server_name` say what is"
        )),
        _ => None,
    }
}

/// The provider is named, so that nothing depends on what a process has as its default.
fn builder(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| Error::internal("no TLS versions").with_cause(error))
}

/// Takes a certificate of any name, and without `chain` any certificate, but for the server's proof that it has its key:
/// `require` is about listeners, as in the databases' own clients.
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

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_trusted_names_its_property() {
        let folder = tempfile::tempdir().expect("a folder");
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").expect("written");
        for file in [empty, folder.path().join("absent.pem")] {
            for error in [
                verified_tls(Some(&file)).expect_err("nothing to trust"),
                unnamed_tls(Some(&file)).expect_err("nothing to trust"),
            ] {
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
                assert!(error.message().contains("`tls_ca_file`"), "{error}");
            }
        }
        unnamed_tls(None).expect("anybody");
        tls_name("db.example.com").expect("a name");
        assert!(tls_name("no name").expect_err("none").message().contains("`tls_server_name`"));
    }
}
