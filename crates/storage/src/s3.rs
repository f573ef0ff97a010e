//! Makes the client of one S3 bucket.

use crate::credentials::AmbientCredentials;
use crate::error::to_spi_error;
use crate::referenced_keys::ReferencedKeys;
use crate::settings::ResolvedSettings;
use mooring_spi::{Error, ErrorKind, Result};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

const REGION: &str = "us-east-1";
const RETRIES_MAX: usize = 5;
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For one request with its whole body; a body that breaks off is asked for again from there.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
pub(crate) const IDLE_CONNECTIONS_MAX: usize = 64;

/// With keys in the settings, the environment is not looked at; without, region, endpoint and
/// credentials come from the environment where the settings do not say otherwise.
///
/// `catalog` is the name that errors give where there are no credentials.
pub(crate) fn bucket_store(
    catalog: &str,
    bucket: &str,
    settings: &ResolvedSettings,
) -> Result<AmazonS3> {
    let mut builder = match &settings.keys {
        Some((access_key, secret_key)) => AmazonS3Builder::new()
            .with_access_key_id(access_key.expose_secret())
            .with_secret_access_key(secret_key.expose_secret()),
        None => AmazonS3Builder::from_env(),
    };
    if let (Some(references), Some((access_key, secret_key))) =
        (&settings.key_references, &settings.keys)
    {
        let keys = ReferencedKeys::new(references.clone(), (access_key, secret_key));
        builder = builder.with_credentials(Arc::new(keys));
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    } else if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
        builder = builder.with_region(REGION);
    }
    let endpoint = match &settings.endpoint {
        Some(endpoint) => Some(endpoint.clone()),
        None => environment_endpoint(&builder)?,
    };
    let options = ClientOptions::new()
        .with_allow_http(endpoint.as_ref().is_some_and(|endpoint| endpoint.scheme() == "http"))
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
        .with_pool_max_idle_per_host(IDLE_CONNECTIONS_MAX);
    let path_style =
        settings.path_style.unwrap_or_else(|| path_style_by_default(bucket, endpoint.as_ref()));
    if let Some(endpoint) = endpoint {
        // An endpoint of the environment may stand under either key, and this one wins.
        let url = bucket_endpoint(bucket, endpoint, path_style)?;
        builder = builder.with_config(AmazonS3ConfigKey::S3Endpoint, url);
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_virtual_hosted_style_request(!path_style)
        .with_client_options(options)
        .with_retry(retry());
    let made = |builder: AmazonS3Builder| {
        builder.build().map_err(|error| to_spi_error(error, &format!("s3://{bucket}")))
    };
    let store = made(builder.clone())?;
    if settings.keys.is_some() {
        return Ok(store);
    }
    let credentials = AmbientCredentials {
        inner: Arc::clone(store.credentials()),
        catalog: catalog.to_owned(),
        bucket: bucket.to_owned(),
    };
    made(builder.with_credentials(Arc::new(credentials)))
}

pub(crate) fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIMEOUT,
    }
}

fn environment_endpoint(builder: &AmazonS3Builder) -> Result<Option<Url>> {
    let text = builder
        .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
    let parsed = text.map(|text| Url::parse(&text)).transpose();
    parsed.map_err(|_| {
        let message = "the S3 endpoint in the environment (`AWS_ENDPOINT_URL`) is no URL";
        Error::new(ErrorKind::InvalidArgument, message)
    })
}

/// Only AWS itself surely has a host name for every bucket, and its certificate does not cover a
/// bucket name with dots.
fn path_style_by_default(bucket: &str, endpoint: Option<&Url>) -> bool {
    endpoint.is_some() || bucket.contains('.')
}

/// `object_store` puts the bucket into the path itself, but expects it in the host already.
fn bucket_endpoint(bucket: &str, mut endpoint: Url, path_style: bool) -> Result<String> {
    if !path_style {
        let host = format!("{bucket}.{}", endpoint.host_str().unwrap_or_default());
        endpoint.set_host(Some(&host)).map_err(|error| {
            let message = format!(
                "bucket `{bucket}` cannot be part of the host name `{host}`; set \
                 `s3_path_style` to `true`"
            );
            Error::new(ErrorKind::InvalidArgument, message).with_cause(error)
        })?;
    }
    Ok(endpoint.as_str().trim_end_matches('/').to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bucket_goes_where_the_style_says() {
        let endpoint = || Url::parse("http://minio:9000").expect("a URL");
        let host = bucket_endpoint("logs", endpoint(), false).expect("an endpoint");
        assert_eq!(host, "http://logs.minio:9000");
        let path = bucket_endpoint("logs", endpoint(), true).expect("an endpoint");
        assert_eq!(path, "http://minio:9000");
    }

    #[test]
    fn the_style_follows_the_endpoint() {
        let endpoint = Url::parse("http://minio:9000").expect("a URL");
        assert!(path_style_by_default("logs", Some(&endpoint)));
        assert!(!path_style_by_default("logs", None));
        assert!(path_style_by_default("my.logs", None));
    }
}
