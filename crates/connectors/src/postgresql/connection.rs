//! One session at a server: settings that make every value come in one form, questions whose answers are texts, and
//! one binary COPY at a time, whose rows are read where they stand.
//!
//! Source: PostgreSQL's manual, 55.2.2 "Simple Query", 55.2.3 "Extended Query", 55.2.6 "COPY Operations".

use super::failure::Failure;
use super::protocol::{
    Kind, Login, Messages, NamedColumn, ServerError, TextRow, columns, log_in, text_row,
};
use super::reach::{cancel, secured};
use super::settings::PostgresSettings;
use bytes::{BufMut, BytesMut};
use mooring_spi::{Error, ErrorKind};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// What all rows of an answer to a question may take.
const ANSWER_MAX_BYTES: usize = 256 << 20;
const GOOD_BYE_TIMEOUT: Duration = Duration::from_secs(5);
/// Of statements and portals: the one that has no name, which the next one takes the place of.
const UNNAMED: &str = "";

/// Names are always qualified, so that nobody's search path decides what a name means; texts of dates,
/// intervals and numbers are of one form.
const SESSION: &str = "SET search_path = pg_catalog; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; \
    SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 3; SET bytea_output = 'hex'; \
    SET standard_conforming_strings = on; SET default_transaction_read_only = on; \
    SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN \
    ('idle_in_transaction_session_timeout', 'idle_session_timeout', 'transaction_timeout')";

/// A connection that is logged in.
pub(super) struct Connection {
    messages: Messages,
    /// For who cancels its statement; `None` where the server gave none, or has ended the connection.
    key: Option<(i32, i32)>,
    /// 15 of version 15.4.
    pub version: u32,
    /// Where it was made; what has to be done when it is dropped is done there.
    pub runtime: Handle,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing runs, and no transaction is open.
    Idle,
    InTransaction,
    /// A statement runs, or nobody knows.
    Busy,
}

impl Connection {
    /// Without a bound of its own.
    pub async fn open(
        settings: &PostgresSettings,
        password: Option<&SecretString>,
    ) -> Result<Self, Failure> {
        let (stream, is_encrypted) = secured(settings).await?;
        let mut messages = Messages::new(stream, settings.connect_timeout);
        let login = Login {
            user: &settings.user,
            database: &settings.database,
            password: password.map(ExposeSecret::expose_secret),
            is_encrypted,
        };
        let session = log_in(&mut messages, login).await?;
        messages.trust(settings.read_timeout);
        let mut connection = Self {
            messages,
            key: session.key,
            version: major_version(&session.server_version),
            runtime: Handle::current(),
            state: State::Idle,
        };
        let mut session = SESSION.to_owned();
        if let Some(timeout) = settings.statement_timeout {
            session += &format!("; SET statement_timeout = {}", timeout.as_millis());
        }
        connection.run(&session).await?;
        Ok(connection)
    }

    /// Whether another one may have it: nothing runs, and no transaction is open.
    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Whether the server has neither closed the connection nor said anything unasked, such as that it stops.
    pub fn is_quiet(&mut self) -> bool {
        self.is_idle() && self.messages.is_quiet()
    }

    /// Statements of ours, and the rows of all of them.
    pub async fn run(&mut self, statements: &str) -> Result<Vec<TextRow>, Failure> {
        let mut request = BytesMut::new();
        frontend::query(statements, &mut request).map_err(unwritable)?;
        self.begin(&request).await?;
        self.rows().await
    }

    /// One statement, whose parameters are texts.
    pub async fn ask(
        &mut self,
        statement: &str,
        parameters: &[&str],
    ) -> Result<Vec<TextRow>, Failure> {
        let mut request = BytesMut::new();
        frontend::parse(UNNAMED, statement, [], &mut request).map_err(unwritable)?;
        bind(parameters, &mut request)?;
        frontend::execute(UNNAMED, 0, &mut request).map_err(unwritable)?;
        frontend::sync(&mut request);
        self.begin(&request).await?;
        self.rows().await
    }

    /// The columns that a user's query would give. It is not run, and it is one statement.
    pub async fn describe(&mut self, statement: &str) -> Result<Vec<NamedColumn>, Failure> {
        let mut request = BytesMut::new();
        frontend::parse(UNNAMED, statement, [], &mut request).map_err(unwritable)?;
        frontend::describe(b'S', UNNAMED, &mut request).map_err(unwritable)?;
        frontend::sync(&mut request);
        self.begin(&request).await?;
        let mut described = Vec::new();
        loop {
            match self.next().await? {
                Kind::ParseComplete | Kind::ParameterDescription | Kind::NoData => {}
                Kind::RowDescription => described = columns(self.messages.body())?,
                Kind::ReadyForQuery => return Ok(described),
                kind => return Err(kind.misplaced()),
            }
        }
    }

    /// Begins to read the rows of one statement; they come by [`Self::next_row`]. What it cannot be is several: it may
    /// be a user's.
    pub async fn copy_out(&mut self, statement: &str) -> Result<(), Failure> {
        let copy = format!("COPY ({statement}) TO STDOUT (FORMAT BINARY)");
        let mut request = BytesMut::new();
        frontend::parse(UNNAMED, &copy, [], &mut request).map_err(unwritable)?;
        bind(&[], &mut request)?;
        frontend::execute(UNNAMED, 0, &mut request).map_err(unwritable)?;
        frontend::sync(&mut request);
        self.begin(&request).await?;
        loop {
            match self.next().await? {
                Kind::ParseComplete | Kind::BindComplete => {}
                Kind::CopyOutResponse => return Ok(()),
                kind => return Err(kind.misplaced()),
            }
        }
    }

    /// The next piece of a copy, which is a row, or what stands before or behind them; `None` at its end.
    #[inline]
    pub async fn next_row(&mut self) -> Result<Option<&[u8]>, Failure> {
        loop {
            match self.receive().await? {
                Kind::CopyData => return Ok(Some(self.messages.body())),
                Kind::CopyDone | Kind::CommandComplete => {}
                kind => {
                    if self.settled(kind).await? == Some(Kind::ReadyForQuery) {
                        return Ok(None);
                    }
                }
            }
        }
    }

    async fn begin(&mut self, request: &[u8]) -> Result<(), Failure> {
        self.state = State::Busy;
        let sent = self.messages.send(request).await;
        sent.inspect_err(|failure| self.lose(failure))
    }

    #[inline]
    async fn receive(&mut self) -> Result<Kind, Failure> {
        let received = self.messages.next().await;
        received.inspect_err(|failure| self.lose(failure))
    }

    /// What runs over a connection that broke ends with it.
    fn lose(&mut self, failure: &Failure) {
        if matches!(failure, Failure::Lost(_)) {
            self.key = None;
        }
    }

    /// The rows of what runs.
    async fn rows(&mut self) -> Result<Vec<TextRow>, Failure> {
        let (mut rows, mut bytes) = (Vec::new(), 0);
        loop {
            match self.next().await? {
                Kind::DataRow => {
                    let body = self.messages.body();
                    let row = text_row(body)?;
                    bytes += body.len() + size_of::<TextRow>() + size_of_val(row.as_slice());
                    if bytes > ANSWER_MAX_BYTES {
                        let message = format!("a listing takes more than {ANSWER_MAX_BYTES} bytes");
                        return Err(Error::new(ErrorKind::LimitExceeded, message).into());
                    }
                    rows.push(row);
                }
                Kind::ReadyForQuery => return Ok(rows),
                Kind::ParseComplete
                | Kind::BindComplete
                | Kind::RowDescription
                | Kind::CommandComplete
                | Kind::EmptyQueryResponse => {}
                kind => return Err(kind.misplaced()),
            }
        }
    }

    /// The next message that answers something.
    async fn next(&mut self) -> Result<Kind, Failure> {
        loop {
            let kind = self.receive().await?;
            if let Some(kind) = self.settled(kind).await? {
                return Ok(kind);
            }
        }
    }

    /// What is the same wherever it comes: errors, what is said aside (`None`), and the end of a statement.
    async fn settled(&mut self, kind: Kind) -> Result<Option<Kind>, Failure> {
        match kind {
            Kind::Aside | Kind::ParameterStatus => Ok(None),
            Kind::ErrorResponse => {
                let error = ServerError::read(self.messages.body())?;
                match error.is_fatal {
                    true => self.key = None,
                    // Whatever comes then, the error is what is told.
                    false => drop(timeout(GOOD_BYE_TIMEOUT, self.skip_to_end()).await),
                }
                Err(Failure::Refused(error))
            }
            Kind::ReadyForQuery => {
                self.end();
                Ok(Some(kind))
            }
            other => Ok(Some(other)),
        }
    }

    /// What a server says behind an error until it is ready again.
    async fn skip_to_end(&mut self) -> Result<(), Failure> {
        while self.receive().await? != Kind::ReadyForQuery {}
        self.end();
        Ok(())
    }

    /// The server is ready for the next statement, and says where it is.
    fn end(&mut self) {
        self.state = match self.messages.body() {
            b"I" => State::Idle,
            b"T" | b"E" => State::InTransaction,
            _ => State::Busy,
        };
        self.messages.shrink();
    }

    /// Ends the connection: by a word where nothing runs, else by asking the server, over another connection, to stop
    /// what does.
    pub async fn close(mut self, catalog: &str, settings: &PostgresSettings) {
        match (self.state, self.key) {
            (State::Busy, Some(key)) => {
                match timeout(settings.connect_timeout, cancel(key, settings)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(failure)) => {
                        let error = failure.into_error(catalog);
                        tracing::warn!(catalog, %error, "a statement was not cancelled");
                    }
                    Err(_) => tracing::warn!(catalog, "a statement was not cancelled in time"),
                }
            }
            // It has ended, or the server has no way to end it.
            (State::Busy, None) => {}
            (State::Idle | State::InTransaction, _) => {
                let mut request = BytesMut::new();
                frontend::terminate(&mut request);
                let _ = timeout(GOOD_BYE_TIMEOUT, self.messages.send(&request)).await;
            }
        }
    }
}

fn bind(parameters: &[&str], request: &mut BytesMut) -> Result<(), Failure> {
    let write = |text: &&str, into: &mut BytesMut| {
        into.put_slice(text.as_bytes());
        Ok(IsNull::No)
    };
    // No formats: all of it is text.
    let bound = frontend::bind(UNNAMED, UNNAMED, [], parameters, write, [], request);
    bound.map_err(|_| Error::internal("the parameters of a statement are too long").into())
}

/// A zero byte ends texts.
fn unwritable(_error: io::Error) -> Failure {
    let message = "a statement has a zero byte, or is longer than the protocol has it";
    Error::new(ErrorKind::InvalidQuery, message).into()
}

/// Of `15.4 (Debian 15.4-1)` or `18beta1`.
pub(super) fn major_version(text: &str) -> u32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text[..digits].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read() {
        let read = ["15.4 (Debian 15.4-1)", "18beta1", "9.6.24", ""].map(major_version);
        assert_eq!(read, [15, 18, 9, 0]);
    }
}
