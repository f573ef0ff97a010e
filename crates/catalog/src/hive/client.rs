//! Calls to a Hive Metastore: several addresses of one metastore, connections that are kept, and a
//! bound on every wait and every answer.

use super::refusal::kind_of_exception;
use super::settings::HiveSettings;
use super::thrift::{Reply, Struct, UNKNOWN_METHOD, Value, Writer, lost, read_reply};
use super::tls::MetastoreStream;
use crate::metrics::{MetastoreMetrics, Outcome};
use mooring_spi::{Error, ErrorKind, Result};
use parking_lot::Mutex;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How a record of TLS begins that says what was wrong (RFC 8446, section 5.1).
const TLS_ALERT: u32 = 0x1503;

pub(super) struct HiveClient {
    catalog: String,
    settings: HiveSettings,
    metrics: MetastoreMetrics,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

impl fmt::Debug for HiveClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HiveClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

struct Connection {
    stream: BufReader<Box<dyn MetastoreStream>>,
    sequence: i32,
}

/// What a method answers.
#[derive(Debug)]
pub(super) enum Answer {
    Value(Value),
    /// One of the exceptions that the method declares, by its number, with its message; 0 for another one.
    Exception {
        number: i16,
        message: String,
    },
    /// The metastore is of a version that does not have the method.
    NoSuchMethod,
}

impl HiveClient {
    /// `catalog`: its name, for messages and metrics.
    pub(super) fn new(catalog: String, settings: HiveSettings, metrics: MetastoreMetrics) -> Self {
        let places = Semaphore::new(settings.connections_max);
        Self { catalog, settings, metrics, idle: Mutex::default(), places }
    }

    pub(super) fn catalog(&self) -> &str {
        &self.catalog
    }

    pub(super) fn settings(&self) -> &HiveSettings {
        &self.settings
    }

    /// Calls a method that only reads: it is called again where a kept connection turns out closed.
    ///
    /// # Errors
    /// `SourceUnavailable`, naming the catalog, when no address answers in time; `CorruptData`,
    /// `LimitExceeded`.
    pub(super) async fn call(
        &self,
        method: &str,
        arguments: impl Fn(Writer) -> Writer,
    ) -> Result<Answer> {
        let done = timeout(self.settings.timeout, self.call_in_time(method, &arguments)).await;
        let answer = done.unwrap_or_else(|_| {
            let limit_ms = self.settings.timeout.as_millis();
            Err(self.unavailable(format!("`{method}` was not answered within {limit_ms} ms")))
        });
        let outcome = match &answer {
            Ok(Answer::Value(_)) => Outcome::Ok,
            Ok(Answer::Exception { .. } | Answer::NoSuchMethod) => Outcome::Exception,
            Err(_) => Outcome::Error,
        };
        self.metrics.count(&self.catalog, method, outcome);
        answer
    }

    async fn call_in_time(
        &self,
        method: &str,
        arguments: &impl Fn(Writer) -> Writer,
    ) -> Result<Answer> {
        let _place = self.places.acquire().await.map_err(|_| self.unavailable("it is closed"))?;
        while let Some(connection) = self.take_idle() {
            match self.in_share(self.ask(connection, method, arguments)).await {
                // The metastore closes connections that idle, and all of them when it restarts.
                Err(error) if error.kind() == ErrorKind::SourceUnavailable => {
                    self.idle.lock().clear();
                }
                done => return self.answered(method, done),
            }
        }
        let mut problems = Vec::new();
        for address in &self.settings.addresses {
            let asked = async {
                let connection = self.connect(address).await?;
                self.ask(connection, method, arguments).await
            };
            match self.in_share(asked).await {
                Err(error) if error.kind() == ErrorKind::SourceUnavailable => {
                    problems.push(format!("{address}: {}", error.message()));
                }
                done => return self.answered(method, done),
            }
        }
        Err(self.unavailable(problems.join("; ")))
    }

    /// Each address gets the same share of a call's time, and a kept connection too.
    fn share(&self) -> Duration {
        let attempts = u32::try_from(self.settings.addresses.len()).unwrap_or(u32::MAX);
        self.settings.timeout / attempts.saturating_add(1)
    }

    async fn in_share<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let share = self.share();
        timeout(share, work).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} ms", share.as_millis());
            Err(Error::new(ErrorKind::SourceUnavailable, message))
        })
    }

    fn answered(&self, method: &str, reply: Result<Reply>) -> Result<Answer> {
        let answer = match reply {
            Ok(Reply::Result(fields)) => answer(method, fields),
            Ok(Reply::Exception { kind: UNKNOWN_METHOD, .. }) => Ok(Answer::NoSuchMethod),
            Ok(Reply::Exception { message, .. }) => Ok(Answer::Exception { number: 0, message }),
            Err(error) => Err(error),
        };
        answer.map_err(|error| self.named(&error))
    }

    fn take_idle(&self) -> Option<Connection> {
        self.idle.lock().pop()
    }

    async fn connect(&self, address: &str) -> Result<Connection> {
        let refused = |error: std::io::Error| {
            Error::new(ErrorKind::SourceUnavailable, error.to_string()).with_cause(error)
        };
        let stream = TcpStream::connect(address).await.map_err(refused)?;
        // Without it a call may wait for the acknowledgement of the one before.
        stream.set_nodelay(true).map_err(refused)?;
        let stream = self.secured(address, stream).await?;
        Ok(Connection { stream: BufReader::new(stream), sequence: 0 })
    }

    async fn secured(&self, address: &str, stream: TcpStream) -> Result<Box<dyn MetastoreStream>> {
        let Some(tls) = &self.settings.tls else { return Ok(Box::new(stream)) };
        // A metastore without TLS may wait for more of what it takes for a call, until the end of time.
        let limit = self.share() / 2;
        timeout(limit, tls.secure(address, stream)).await.unwrap_or_else(|_| {
            let message = format!(
                "no TLS handshake within {} ms; does the metastore speak TLS on this port?",
                limit.as_millis()
            );
            Err(Error::new(ErrorKind::SourceUnavailable, message))
        })
    }

    /// Keeps the connection if it brought an answer.
    ///
    /// # Errors
    /// `SourceUnavailable` when the connection broke.
    async fn ask(
        &self,
        mut connection: Connection,
        method: &str,
        arguments: &impl Fn(Writer) -> Writer,
    ) -> Result<Reply> {
        connection.sequence = connection.sequence.wrapping_add(1);
        let sequence = connection.sequence;
        let message = arguments(Writer::call(method, sequence)).end();
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX).to_be_bytes();
        // In one piece: a peer that takes the first one amiss closes, and its reason is lost with the next.
        let sent = match self.settings.framed {
            false => message,
            true => [&length[..], &message].concat(),
        };
        connection.stream.write_all(&sent).await.map_err(lost)?;
        connection.stream.flush().await.map_err(lost)?;
        let memory_max = self.settings.message_max_bytes;
        let reply = match self.settings.framed {
            false => read_reply(&mut connection.stream, sequence, memory_max).await?,
            true => {
                let length = connection.stream.read_u32().await.map_err(lost)?;
                if length >> 16 == TLS_ALERT {
                    return Err(self.corrupt("with TLS; set `tls` = `true`"));
                }
                let mut frame = (&mut connection.stream).take(length.into());
                let reply = read_reply(&mut frame, sequence, memory_max).await?;
                if frame.limit() > 0 {
                    return Err(self.corrupt("a frame that is longer than its message"));
                }
                reply
            }
        };
        self.idle.lock().push(connection);
        Ok(reply)
    }

    pub(super) fn unavailable(&self, why: impl fmt::Display) -> Error {
        Error::new(
            ErrorKind::SourceUnavailable,
            format!("the metastore of catalog `{}` is not available: {why}", self.catalog),
        )
    }

    pub(super) fn corrupt(&self, what: &str) -> Error {
        Error::new(
            ErrorKind::CorruptData,
            format!("the metastore of catalog `{}` answered {what}", self.catalog),
        )
    }

    /// An answer for which the caller has no use: an exception that the metastore had, mostly.
    pub(super) fn unexpected(&self, method: &str, answer: &Answer) -> Error {
        match answer {
            Answer::Value(_) => self.corrupt(&format!("`{method}` with a value of another type")),
            Answer::Exception { message, .. } => match kind_of_exception(message) {
                ErrorKind::SourceUnavailable => {
                    self.unavailable(format!("`{method}` failed: {message}"))
                }
                kind => {
                    let catalog = &self.catalog;
                    let refused = format!(
                        "the metastore of catalog `{catalog}` refused `{method}`: {message}"
                    );
                    Error::new(kind, refused)
                }
            },
            Answer::NoSuchMethod => Error::unsupported(format!(
                "the metastore of catalog `{}` has no `{method}`; versions 2.3 to 4 have",
                self.catalog
            )),
        }
    }

    fn named(&self, error: &Error) -> Error {
        Error::new(error.kind(), format!("catalog `{}`: {}", self.catalog, error.message()))
    }
}

fn answer(method: &str, mut fields: Struct) -> Result<Answer> {
    if let Some(value) = fields.take(0) {
        return Ok(Answer::Value(value));
    }
    let exception = (1..8).find_map(|number| Some((number, fields.structure(number)?)));
    match exception {
        Some((number, exception)) => Ok(Answer::Exception { number, message: exception.text(1)? }),
        None => Err(Error::new(
            ErrorKind::CorruptData,
            format!("the metastore's answer to `{method}` has neither a result nor an exception"),
        )),
    }
}
