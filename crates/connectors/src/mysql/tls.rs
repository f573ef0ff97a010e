//! TLS to a server, as strict as the catalog's owner asks for.

use super::failure::Failure;
use crate::database::ByteStream;
use mooring_spi::Result;
use mooring_storage::{distrust, tls_name, unnamed_tls, verified_tls};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

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
        Ok(Self { config: unnamed_tls(ca_file)?, server_name: None, is_required })
    }

    /// The server that the certificate names, which `ca_file` or the system trusts.
    ///
    /// # Errors
    /// `InvalidArgument`, naming the property.
    pub(super) fn verified(ca_file: Option<&Path>, server_name: Option<&str>) -> Result<Self> {
        let server_name = server_name.map(str::to_owned);
        Ok(Self { config: verified_tls(ca_file)?, server_name, is_required: true })
    }

    /// # Errors
    /// `Tls`, with the name that was expected where the certificate is not trusted; `Lost`.
    pub(super) async fn secure(
        &self,
        host: &str,
        stream: Box<dyn ByteStream>,
    ) -> Result<Box<dyn ByteStream>, Failure> {
        let shown = self.server_name.as_deref().unwrap_or(host);
        let name = tls_name(shown).map_err(|error| Failure::Tls(error.message().to_owned()))?;
        match TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            // What the operating system says has no error inside.
            Err(error) if error.get_ref().is_none() => Err(Failure::Lost(error)),
            Err(error) => Err(Failure::Tls(
                distrust(&error, shown)
                    .unwrap_or_else(|| format!("the TLS handshake failed: {error}")),
            )),
        }
    }
}
