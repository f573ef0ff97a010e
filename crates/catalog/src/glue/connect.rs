//! The SDK's client: how it reaches AWS, and with whose credentials.

use super::settings::GlueSettings;
use aws_config::retry::RetryConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_glue::Client;
use aws_sdk_glue::config::{Builder, SharedCredentialsProvider};
use aws_smithy_http_client::tls;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use mooring_spi::{Error, ErrorKind, Result};

/// Of the role's session, in the logs of AWS.
const SESSION_NAME: &str = "mooring";

/// Reads the environment, and asks nothing of Glue yet. Credentials come from the environment, the
/// profile, a web identity, the container or the instance, in this order.
///
/// # Errors
/// `InvalidArgument` when nobody says the region.
pub(super) async fn connect(settings: &GlueSettings) -> Result<Client> {
    let provider = tls::Provider::Rustls(CryptoMode::Ring);
    let http = aws_smithy_http_client::Builder::new().tls_provider(provider).build_https();
    // With jitter, and longer from one to the next.
    let retries = RetryConfig::standard().with_max_attempts(settings.retries_max.saturating_add(1));
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(http).retry_config(retries);
    if let Some(region) = &settings.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let common = loader.load().await;
    if common.region().is_none() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the region is not known; set `region`, or `AWS_REGION` in the environment",
        ));
    }
    let mut config = Builder::from(&common);
    // Not of `common`: STS is elsewhere.
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    if let Some(role) = &settings.role_arn {
        let mut role =
            AssumeRoleProvider::builder(role).session_name(SESSION_NAME).configure(&common);
        if let Some(id) = &settings.external_id {
            role = role.external_id(id);
        }
        config = config.credentials_provider(SharedCredentialsProvider::new(role.build().await));
    }
    Ok(Client::from_conf(config.build()))
}
