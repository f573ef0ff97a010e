//! Credentials for S3 that are not in the settings. Who looks for them in vain is told so, and not that some
//! server is away.

use async_trait::async_trait;
use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, Result};
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Paths of the instance metadata service (Amazon EC2 User Guide, "Retrieve security credentials from instance
/// metadata"), which is asked when nothing else is there to give credentials.
const INSTANCE_METADATA: [&str; 2] = ["/latest/api/token", "/latest/meta-data/"];

/// The credentials of the environment, of a web identity, of the container, or of the instance.
#[derive(Debug)]
pub(crate) struct AmbientCredentials {
    pub inner: AwsCredentialProvider,
    /// For messages.
    pub catalog: String,
    pub bucket: String,
}

/// Nobody gives credentials.
#[derive(Debug)]
pub(crate) struct NoCredentials {
    catalog: String,
}

impl fmt::Display for NoCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no credentials were found for catalog `{}`: the environment (`AWS_ACCESS_KEY_ID`, \
             `AWS_SECRET_ACCESS_KEY`), a web identity, the container and the role of the instance give \
             none; see to one of these, or set `s3_access_key` and `s3_secret_key`",
            self.catalog
        )
    }
}

impl Error for NoCredentials {}

#[async_trait]
impl CredentialProvider for AmbientCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> Result<Arc<AwsCredential>> {
        self.inner.get_credential().await.map_err(|error| {
            if !is_of_instance(&error) {
                return error;
            }
            tracing::debug!(catalog = self.catalog, %error, "the instance has no credentials");
            object_store::Error::Unauthenticated {
                path: format!("s3://{}", self.bucket),
                source: Box::new(NoCredentials { catalog: self.catalog.clone() }),
            }
        })
    }
}

/// `object_store` keeps its own error types to itself; their texts have the address that was asked.
fn is_of_instance(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        if INSTANCE_METADATA.iter().any(|path| text.contains(path)) {
            return true;
        }
        next = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::to_spi_error;
    use mooring_spi::ErrorKind;
    use object_store::RetryConfig;
    use object_store::aws::AmazonS3Builder;

    fn builder() -> AmazonS3Builder {
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        AmazonS3Builder::new().with_bucket_name("logs").with_region("us-east-1").with_retry(retry)
    }

    async fn asked(builder: AmazonS3Builder) -> Result<Arc<AwsCredential>> {
        let inner = builder.build().expect("a store").credentials().clone();
        let (catalog, bucket) = ("lake".to_owned(), "logs".to_owned());
        AmbientCredentials { inner, catalog, bucket }.get_credential().await
    }

    #[tokio::test]
    async fn an_instance_without_a_role_is_no_outage() {
        // Nobody listens there.
        let error = asked(builder().with_metadata_endpoint("http://127.0.0.1:1")).await;
        let error = to_spi_error(error.expect_err("no credentials"), "s3://logs/a/");
        assert_eq!(error.kind(), ErrorKind::AccessDenied);
        for part in ["`s3://logs/a/`", "catalog `lake`", "no credentials", "`s3_access_key`"] {
            assert!(error.message().contains(part), "{error}");
        }
    }

    #[tokio::test]
    async fn credentials_that_are_there_are_given() {
        let builder = builder().with_access_key_id("AKIATEST").with_secret_access_key("s3cret");
        assert_eq!(asked(builder).await.expect("credentials").key_id, "AKIATEST");
    }
}
