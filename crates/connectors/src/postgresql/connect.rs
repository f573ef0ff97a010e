//! The way to a database within its time, and what is known of the password.

use super::connection::Connection;
use super::failure::unavailable;
use super::settings::PostgresSettings;
use crate::database::Connect;
use async_trait::async_trait;
use mooring_spi::{Error, Result};
use mooring_storage::resolve_secret;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long a login that was refused is not tried again with the same password. A server counts failures.
const LOGIN_PAUSE: Duration = Duration::from_secs(30);
/// A connection that was idle for longer is asked whether it lives.
const FRESH: Duration = Duration::from_secs(1);

/// Makes connections to one database.
pub(super) struct PostgresConnect {
    catalog: String,
    settings: PostgresSettings,
    login: Login,
}

/// What is known of the password. Until one was accepted, one connection tries at a time.
#[derive(Default)]
struct Login {
    accepted: AtomicBool,
    alone: tokio::sync::Mutex<()>,
    refused: Mutex<Option<Refused>>,
}

struct Refused {
    password: Option<SecretString>,
    at: Instant,
    error: Error,
}

#[async_trait]
impl Connect for PostgresConnect {
    type Connection = Connection;
    type Failure = Error;

    fn limit(&self) -> Duration {
        self.settings.connect_timeout
    }

    async fn connect(&self, until: tokio::time::Instant) -> Result<Connection> {
        match tokio::time::timeout_at(until, self.log_in()).await {
            Ok(connected) => connected,
            Err(_) => {
                let limit_ms = self.limit().as_millis();
                let problem = format!("no connection within {limit_ms} ms");
                Err(unavailable(&self.catalog, &problem))
            }
        }
    }

    async fn is_alive(&self, connection: &mut Connection, kept: Duration) -> bool {
        connection.is_quiet() && (kept < FRESH || connection.run("").await.is_ok())
    }

    async fn close(&self, connection: Connection) {
        connection.close(&self.catalog, &self.settings).await;
    }
}

impl PostgresConnect {
    pub(super) fn new(catalog: &str, settings: PostgresSettings) -> Self {
        Self { catalog: catalog.to_owned(), settings, login: Login::default() }
    }

    async fn log_in(&self) -> Result<Connection> {
        let _alone = match self.login.accepted.load(Ordering::Acquire) {
            true => None,
            false => Some(self.login.alone.lock().await),
        };
        // A reference is looked up each time, so a changed secret is taken up.
        let password = self.password()?;
        if let Some(error) = self.refused(password.as_ref()) {
            return Err(error);
        }
        match Connection::open(&self.settings, password.as_ref()).await {
            Ok(connection) => {
                self.login.accepted.store(true, Ordering::Release);
                Ok(connection)
            }
            Err(failure) => {
                let of_login = failure.is_of_login();
                let error = failure.into_error(&self.catalog);
                if of_login {
                    self.login.accepted.store(false, Ordering::Release);
                    let (error, at) = (error.clone(), Instant::now());
                    *self.login.refused.lock() = Some(Refused { password, at, error });
                }
                Err(error)
            }
        }
    }

    fn password(&self) -> Result<Option<SecretString>> {
        let resolved =
            self.settings.password.as_ref().map(|text| resolve_secret(text.expose_secret()));
        resolved.transpose().map_err(|error| {
            let message = format!("catalog `{}`: `password`: {}", self.catalog, error.message());
            Error::new(error.kind(), message)
        })
    }

    /// The error of this very password, if it is young.
    fn refused(&self, password: Option<&SecretString>) -> Option<Error> {
        let refused = self.login.refused.lock();
        let refused = refused.as_ref().filter(|refused| refused.at.elapsed() < LOGIN_PAUSE)?;
        let same = password.map(ExposeSecret::expose_secret)
            == refused.password.as_ref().map(ExposeSecret::expose_secret);
        same.then(|| refused.error.clone())
    }
}
