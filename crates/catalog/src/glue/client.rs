//! Calls to Glue: bounded in their number, their rate and their time, and counted.

use super::connect::connect;
use super::failure::Failure;
use super::rate::RateLimit;
use super::settings::GlueSettings;
use crate::metrics::{MetastoreMetrics, Outcome};
use aws_sdk_glue::Client;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use mooring_spi::{Error, ErrorKind, Result};
use std::fmt;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::timeout;

pub(super) struct GlueClient {
    catalog: String,
    settings: GlueSettings,
    metrics: MetastoreMetrics,
    /// Made by the first call.
    pub(super) client: OnceCell<Client>,
    places: Semaphore,
    rate: RateLimit,
}

impl fmt::Debug for GlueClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GlueClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What Glue answers.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Value(T),
    /// The database or the table is not there.
    Absent,
    /// It cannot make sense of the request.
    Refused(String),
}

impl GlueClient {
    /// `catalog`: its name, for messages and metrics.
    pub(super) fn new(catalog: String, settings: GlueSettings, metrics: MetastoreMetrics) -> Self {
        let places = Semaphore::new(settings.calls_max);
        let rate = RateLimit::per_second(settings.requests_per_second);
        Self { catalog, settings, metrics, client: OnceCell::new(), places, rate }
    }

    pub(super) fn catalog(&self) -> &str {
        &self.catalog
    }

    pub(super) fn settings(&self) -> &GlueSettings {
        &self.settings
    }

    /// # Errors
    /// `SourceUnavailable`, naming the catalog, when Glue does not answer in time, throttles or fails;
    /// `AccessDenied`; `InvalidArgument` when the region is not known.
    pub(super) async fn call<T, E, F>(
        &self,
        method: &str,
        send: impl FnOnce(Client) -> F + Send,
    ) -> Result<Answer<T>>
    where
        F: Future<Output = Result<T, SdkError<E>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let done = timeout(self.settings.timeout, self.call_in_time(send)).await;
        let (outcome, answer) = match done {
            Ok(Ok(Ok(value))) => (Outcome::Ok, Ok(Answer::Value(value))),
            Ok(Ok(Err(Failure::Absent))) => (Outcome::Exception, Ok(Answer::Absent)),
            Ok(Ok(Err(Failure::Refused(why)))) => (Outcome::Exception, Ok(Answer::Refused(why))),
            Ok(Ok(Err(Failure::Denied(why)))) => {
                (Outcome::Exception, Err(self.denied(method, &why)))
            }
            Ok(Ok(Err(Failure::NoCredentials))) => (Outcome::Error, Err(self.no_credentials())),
            Ok(Ok(Err(Failure::Failed(why)))) => {
                (Outcome::Exception, Err(self.unavailable(format!("`{method}` failed: {why}"))))
            }
            Ok(Ok(Err(Failure::Unanswered(why)))) => {
                (Outcome::Error, Err(self.unavailable(format!("`{method}` failed: {why}"))))
            }
            Ok(Err(error)) => (Outcome::Error, Err(error)),
            Err(_) => {
                let limit_ms = self.settings.timeout.as_millis();
                let why = format!("`{method}` was not answered within {limit_ms} ms");
                (Outcome::Error, Err(self.unavailable(why)))
            }
        };
        self.metrics.count(&self.catalog, method, outcome);
        answer
    }

    async fn call_in_time<T, E, F>(
        &self,
        send: impl FnOnce(Client) -> F + Send,
    ) -> Result<Result<T, Failure>>
    where
        F: Future<Output = Result<T, SdkError<E>>> + Send,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let _place = self.places.acquire().await.map_err(|_| self.unavailable("it is closed"))?;
        let client = self.client.get_or_try_init(|| connect(&self.settings)).await;
        let client = client.map_err(|error| self.named(&error))?;
        self.rate.take().await;
        Ok(send(client.clone()).await.map_err(|error| Failure::of(&error)))
    }

    fn unavailable(&self, why: impl fmt::Display) -> Error {
        let (catalog, place) = (&self.catalog, self.settings.place());
        Error::new(
            ErrorKind::SourceUnavailable,
            format!("the metastore of catalog `{catalog}`, {place}, is not available: {why}"),
        )
    }

    fn denied(&self, method: &str, why: &str) -> Error {
        let (catalog, place) = (&self.catalog, self.settings.place());
        Error::new(
            ErrorKind::AccessDenied,
            format!("the metastore of catalog `{catalog}`, {place}, denied `{method}`: {why}"),
        )
    }

    fn no_credentials(&self) -> Error {
        let catalog = &self.catalog;
        let message = format!(
            "no credentials for Glue were found for catalog `{catalog}`: the environment \
             (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), the profile, a web identity, the container \
             and the role of the instance give none; see to one of these (`s3_access_key` is for files \
             alone)"
        );
        Error::new(ErrorKind::AccessDenied, message)
    }

    /// A request of ours that Glue does not understand.
    pub(super) fn refused(&self, method: &str, why: &str) -> Error {
        let catalog = &self.catalog;
        Error::new(
            ErrorKind::InvalidArgument,
            format!("the metastore of catalog `{catalog}` refused `{method}`: {why}"),
        )
    }

    pub(super) fn corrupt(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::CorruptData,
            format!("the metastore of catalog `{}` answered {what}", self.catalog),
        )
    }

    pub(super) fn unknown_schema(&self, schema: &str) -> Error {
        Error::new(
            ErrorKind::SchemaNotFound,
            format!("unknown schema `{schema}` in catalog `{}`", self.catalog),
        )
    }

    fn named(&self, error: &Error) -> Error {
        Error::new(error.kind(), format!("catalog `{}`: {}", self.catalog, error.message()))
    }
}
