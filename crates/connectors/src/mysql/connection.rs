//! One session at a server: its settings, questions by the text protocol, and one statement at a time whose rows come
//! by the binary protocol.
//!
//! Source: MySQL Source Code Documentation, "Text Protocol", "Prepared Statements".

use super::failure::Failure;
use super::protocol::{
    ColumnDefinition, Cursor, Flavour, NamedColumn, Packets, ServerError, is_end_of_rows, is_error,
    statement_id,
};
use super::settings::MysqlSettings;
use crate::sql::MysqlDialect;
use mooring_spi::{Error, ErrorKind};
use std::time::Duration;
use tokio::runtime::Handle;

const QUIT: u8 = 0x01;
const QUERY: u8 = 0x03;
const PING: u8 = 0x0E;
const PREPARE: u8 = 0x16;
const EXECUTE: u8 = 0x17;
const CLOSE: u8 = 0x19;

/// What all rows of an answer to a question may take.
const ANSWER_MAX_BYTES: usize = 256 << 20;
/// Columns of a statement, as MySQL bounds them.
const COLUMNS_MAX: u64 = 4096;
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);

/// A row of an answer: the texts of its values.
pub(super) type TextRow = Vec<Option<String>>;

#[derive(Debug)]
pub(super) struct Connection {
    packets: Packets,
    pub(super) id: u32,
    /// Where it was made, for who ends its statement from anywhere.
    pub(super) runtime: Handle,
    flavour: Flavour,
    /// Whether definitions of columns end with a packet of their own.
    has_ends: bool,
    statement: Option<u32>,
}

impl Connection {
    /// Within the runtime that it is read in.
    pub(super) fn new(packets: Packets, id: u32, flavour: Flavour, has_ends: bool) -> Self {
        Self { packets, id, runtime: Handle::current(), flavour, has_ends, statement: None }
    }

    /// Makes the session one that reads, in UTF-8 and UTC, whatever the server's defaults are. Each statement sees one
    /// state of the database, as InnoDB's repeatable reads do, and needs no transaction for it.
    pub(super) async fn set_up(&mut self, settings: &MysqlSettings) -> Result<(), Failure> {
        // A reader that waits for other work keeps its statement for long: the server must not give up on it.
        let statements = MysqlDialect::SESSION;
        self.run(&format!(
            "SET NAMES utf8mb4 COLLATE utf8mb4_bin, {statements}, net_write_timeout = 86400, autocommit = 1"
        ))
        .await?;
        self.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await?;
        let limit = settings.statement_timeout;
        match self.flavour {
            Flavour::MySql => {
                if !limit.is_zero() {
                    let limit_ms = limit.as_millis();
                    self.run(&format!("SET SESSION max_execution_time = {limit_ms}")).await?;
                }
                // Numbers of rows may be a day old otherwise. Only MySQL 8 and later know it.
                match self.run("SET SESSION information_schema_stats_expiry = 0").await {
                    Ok(()) | Err(Failure::Refused(_)) => Ok(()),
                    Err(failure) => Err(failure),
                }
            }
            Flavour::MariaDb if !limit.is_zero() => {
                let limit_s = limit.as_secs_f64();
                self.run(&format!("SET SESSION max_statement_time = {limit_s}")).await
            }
            Flavour::MariaDb => Ok(()),
        }
    }

    /// How long the server may be silent from now on.
    pub(super) fn set_silence(&mut self, silence: Duration) {
        self.packets.set_silence(silence);
    }

    /// A statement without rows.
    pub(super) async fn run(&mut self, sql: &str) -> Result<(), Failure> {
        self.command(QUERY, sql.as_bytes()).await?;
        let answer = self.packets.receive().await?;
        match answer.first() {
            Some(0) => Ok(()),
            _ => Err(refusal(answer, "an answer to a setting that is none")),
        }
    }

    /// Without a bound of its own.
    pub(super) async fn is_alive(&mut self) -> bool {
        if self.command(PING, &[]).await.is_err() {
            return false;
        }
        matches!(self.packets.receive().await, Ok([0, ..]))
    }

    /// All rows of a short answer.
    pub(super) async fn ask(&mut self, sql: &str) -> Result<Vec<TextRow>, Failure> {
        self.command(QUERY, sql.as_bytes()).await?;
        let columns = self.column_count().await?;
        self.definitions(columns).await?;
        let mut rows = Vec::new();
        let mut bytes = 0;
        loop {
            let packet = self.packets.receive().await?;
            if is_error(packet) {
                return Err(Failure::Refused(ServerError::read(packet)?));
            }
            if is_end_of_rows(packet) {
                return Ok(rows);
            }
            bytes += packet.len();
            if bytes > ANSWER_MAX_BYTES {
                let message = format!("a listing takes more than {ANSWER_MAX_BYTES} bytes");
                return Err(Error::new(ErrorKind::LimitExceeded, message).into());
            }
            let mut cursor = Cursor::new(packet);
            let mut row = Vec::with_capacity(columns);
            for _ in 0..columns {
                let value = cursor.bytes_or_null()?;
                row.push(value.map(|text| String::from_utf8_lossy(text).into_owned()));
            }
            rows.push(row);
        }
    }

    /// The columns that a user's query would give. It is not run.
    pub(super) async fn describe(&mut self, sql: &str) -> Result<Vec<NamedColumn>, Failure> {
        self.command(PREPARE, sql.as_bytes()).await?;
        let answer = self.packets.receive().await?;
        if is_error(answer) {
            return Err(Failure::NotAccepted(ServerError::read(answer)?));
        }
        let (id, columns, parameters) = statement_id(answer)?;
        self.statement = Some(id);
        if parameters > 0 {
            self.definitions(parameters.into()).await?;
        }
        let mut named = Vec::with_capacity(columns.into());
        if columns > 0 {
            for _ in 0..columns {
                named.push(NamedColumn::read(self.packets.receive().await?)?);
            }
            if self.has_ends && !is_end_of_rows(self.packets.receive().await?) {
                return Err(Failure::malformed("columns without an end"));
            }
        }
        self.close_statement().await?;
        Ok(named)
    }

    /// Begins a statement; its rows are read by [`Self::next_row`].
    pub(super) async fn execute(&mut self, sql: &str) -> Result<Vec<ColumnDefinition>, Failure> {
        self.command(PREPARE, sql.as_bytes()).await?;
        let answer = self.packets.receive().await?;
        if is_error(answer) {
            return Err(Failure::Refused(ServerError::read(answer)?));
        }
        let (id, columns, parameters) = statement_id(answer)?;
        self.statement = Some(id);
        if parameters > 0 {
            self.definitions(parameters.into()).await?;
        }
        if columns > 0 {
            self.definitions(columns.into()).await?;
        }
        // No cursor: the rows come as fast as they are read. Once.
        let mut body = id.to_le_bytes().to_vec();
        body.extend_from_slice(&[0, 1, 0, 0, 0]);
        self.command(EXECUTE, &body).await?;
        // What holds are the definitions before the rows.
        let columns = self.column_count().await?;
        self.definitions(columns).await
    }

    /// The next row of the statement, as its packet; `None` behind the last one.
    #[inline]
    pub(super) async fn next_row(&mut self) -> Result<Option<&[u8]>, Failure> {
        let packet = self.packets.receive().await?;
        match packet.first() {
            Some(0) => Ok(Some(packet)),
            _ if is_error(packet) => Err(Failure::Refused(ServerError::read(packet)?)),
            _ if is_end_of_rows(packet) => Ok(None),
            _ => Err(Failure::malformed("a row that is none")),
        }
    }

    /// Lets go of a statement whose rows are read to their end, or that the server refused.
    pub(super) async fn close_statement(&mut self) -> Result<(), Failure> {
        self.packets.shrink();
        match self.statement.take() {
            // Nothing is answered.
            Some(id) => self.command(CLOSE, &id.to_le_bytes()).await,
            None => Ok(()),
        }
    }

    /// Says good-bye, so that the server does not log a broken connection.
    pub(super) async fn quit(mut self) {
        let _ = tokio::time::timeout(QUIT_TIMEOUT, self.command(QUIT, &[])).await;
    }

    async fn command(&mut self, code: u8, body: &[u8]) -> Result<(), Failure> {
        let mut payload = Vec::with_capacity(body.len() + 1);
        payload.push(code);
        payload.extend_from_slice(body);
        self.packets.command(&payload).await
    }

    async fn column_count(&mut self) -> Result<usize, Failure> {
        let answer = self.packets.receive().await?;
        if matches!(answer.first(), None | Some(0 | 0xFB | 0xFF)) {
            return Err(refusal(answer, "no rows, where rows were asked for"));
        }
        let count = Cursor::new(answer).length()?;
        usize::try_from(count)
            .ok()
            .filter(|_| count <= COLUMNS_MAX)
            .ok_or_else(|| Failure::malformed("more columns than a statement can have"))
    }

    async fn definitions(&mut self, count: usize) -> Result<Vec<ColumnDefinition>, Failure> {
        let mut definitions = Vec::with_capacity(count);
        for _ in 0..count {
            let packet = self.packets.receive().await?;
            if is_error(packet) {
                return Err(Failure::Refused(ServerError::read(packet)?));
            }
            definitions.push(ColumnDefinition::read(packet)?);
        }
        if self.has_ends && !is_end_of_rows(self.packets.receive().await?) {
            return Err(Failure::malformed("columns without an end"));
        }
        Ok(definitions)
    }
}

fn refusal(answer: &[u8], otherwise: &str) -> Failure {
    if !is_error(answer) {
        return Failure::malformed(otherwise);
    }
    match ServerError::read(answer) {
        Ok(error) => Failure::Refused(error),
        Err(malformed) => malformed.into(),
    }
}
