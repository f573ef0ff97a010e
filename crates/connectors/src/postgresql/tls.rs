//! TLS to a database, in the four ways that PostgreSQL's own clients know of these names.

use super::failure::Failure;
use super::protocol::ask_for_tls;
use super::settings::invalid;
use crate::database::ByteStream;
use mooring_spi::Result;
use mooring_storage::{distrust, tls_name, unnamed_tls, verified_tls};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;

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

    /// The connection as it is to go on, and whether it is encrypted.
    ///
    /// # Errors
    /// `Tls`, `Unfit`, `Lost`, `Silent`; `InvalidArgument` for a host that no certificate can have.
    pub(super) async fn secure(
        &self,
        host: &str,
        mut stream: Box<dyn ByteStream>,
        silence: Duration,
    ) -> Result<(Box<dyn ByteStream>, bool), Failure> {
        let (config, name, is_required) = match self {
            TlsMode::Disable => return Ok((stream, false)),
            TlsMode::Prefer(config) => (config, host, false),
            TlsMode::Require(config) => (config, host, true),
            TlsMode::VerifyFull { config, server_name } => {
                (config, server_name.as_deref().unwrap_or(host), true)
            }
        };
        if !ask_for_tls(&mut *stream, silence).await? {
            return match is_required {
                true => Err(Failure::Tls(
                    "the database does not offer TLS, which `tls` demands".to_owned(),
                )),
                false => Ok((stream, false)),
            };
        }
        match TlsConnector::from(Arc::clone(config)).connect(tls_name(name)?, stream).await {
            Ok(stream) => Ok((Box::new(stream), true)),
            // What the operating system says has no error inside.
            Err(error) if error.get_ref().is_none() => Err(Failure::Lost(error)),
            Err(error) => {
                let why = distrust(&error, name).unwrap_or_else(|| error.to_string());
                Err(Failure::Tls(format!("TLS with the database fails: {why}")))
            }
        }
    }
}
