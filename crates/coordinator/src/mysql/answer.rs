//! The answer to one command.
//!
//! Sources: MySQL Source Code Documentation, "Command Phase", "Multi-Statement", "Multi-Resultset".

mod statements;

use super::MysqlDoor;
use super::command::Command;
use super::connect::Connected;
use super::connection::End;
use super::error::{Origin, WireError, report};
use super::packet::PacketWriter;
use super::prepared::Statements;
use super::reply::{Ending, put_done, put_end_of_rows, put_error};
use super::result_set::{SendError, Sending};
use super::row::RowForm;
use crate::session::{Completion, Response, ResultSet, SessionChanges};
use mooring_spi::Error;
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use std::sync::atomic::Ordering;
use tokio::io::AsyncWrite;

/// A text whose statements change again and again how the rest is to be read is read again so often.
const LEXICAL_CHANGES_MAX: usize = 16;

/// What a connection keeps from command to command, beside its session.
pub(super) struct Kept {
    pub(super) statements: Statements,
    /// Whether a text may hold several statements.
    pub(super) multi_statements: bool,
}

/// Whether an answer is followed by that of another statement of the same text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    More,
    Last,
}

/// What the answer to a command needs. Dropped with the statement it runs, when the client leaves.
pub(super) struct Answer<'a, W> {
    pub(super) door: &'a MysqlDoor,
    pub(super) writer: &'a mut PacketWriter<W>,
    pub(super) connected: &'a mut Connected,
    pub(super) kept: &'a mut Kept,
}

impl<'a, W: AsyncWrite + Unpin + Send> Answer<'a, W> {
    pub(super) async fn give(&mut self, command: Command<'_>) -> Result<(), End> {
        match self.put(command).await {
            Ok(()) => {}
            Err(Refusal::End(end)) => return Err(end),
            Err(Refusal::Send(SendError::Packet(error))) => return Err(End::Packet(error)),
            Err(Refusal::Send(SendError::Wire(error))) => put_error(self.writer, &error),
            Err(Refusal::Send(SendError::Query(error))) => {
                let client = &self.connected.client;
                let origin = Origin { user: &client.user, connection_id: client.connection_id };
                put_error(self.writer, &report(&error, origin));
            }
        }
        self.writer.flush().await?;
        Ok(())
    }

    /// Puts the answer, or what could be made of it, into the writer.
    async fn put(&mut self, command: Command<'_>) -> Result<(), Refusal> {
        self.door.questions.fetch_add(1, Ordering::Relaxed);
        match command {
            Command::Quit => return Err(Refusal::End(End::Quit)),
            Command::Ping => self.done(&Completion::default(), Position::Last),
            Command::InitDb(database) => {
                self.connected.session.use_database(database).await?;
                self.done(&Completion::default(), Position::Last);
            }
            Command::Query(text) => self.query(text).await?,
            Command::FieldList { table, pattern } => self.field_list(table, pattern).await?,
            Command::Statistics => self.writer.put_packet(self.door.statistics().as_bytes()),
            Command::ProcessInfo => {
                let response = self.connected.session.processes().await?;
                self.respond(response, RowForm::Text, Position::Last).await?;
            }
            Command::ProcessKill(connection_id) => {
                self.connected.session.kill(connection_id)?;
                self.done(&Completion::default(), Position::Last);
            }
            Command::Prepare(sql) => self.prepare(sql).await?,
            Command::Execute(request) => self.execute(&request).await?,
            Command::Fetch { statement_id, rows } => self.fetch(statement_id, rows).await?,
            Command::ResetStatement(statement_id) => {
                self.kept.statements.get(statement_id, "mysqld_stmt_reset")?.reset();
                self.done(&Completion::default(), Position::Last);
            }
            Command::CloseStatement(statement_id) => self.kept.statements.close(statement_id),
            Command::LongData { statement_id, parameter, data } => {
                self.kept.statements.add_long_data(statement_id, parameter, data);
            }
            Command::MultiStatements(on) => {
                self.kept.multi_statements = on;
                let ending = self.ending(Position::Last);
                put_end_of_rows(self.writer, self.connected.capabilities, &ending);
            }
            Command::ResetConnection => {
                self.kept.statements.clear();
                self.connected.session.reset().await?;
                self.done(&Completion::default(), Position::Last);
            }
            Command::Unanswered => {}
            Command::Wrong(error) => return Err(error.into()),
            Command::Unknown(code) => {
                tracing::debug!(code, "unknown MySQL command");
                return Err(WireError::unknown_command().into());
            }
        }
        Ok(())
    }

    /// Runs the text of a COM_QUERY: one statement, or several where the client may send them. The
    /// first that fails is the last that is answered.
    async fn query(&mut self, text: &str) -> Result<(), Refusal> {
        if !self.kept.multi_statements {
            return self.statement(text, Position::Last).await;
        }
        let mut rest = text;
        let mut lexical_changes = 0;
        'read: loop {
            let mode = self.connected.session.state().sql_mode;
            let places = self.connected.session.statements(rest).await;
            let count = places.len();
            for (at, place) in places.into_iter().enumerate() {
                let position = if at + 1 < count { Position::More } else { Position::Last };
                let end = place.end;
                self.statement(&rest[place], position).await?;
                if position == Position::Last {
                    return Ok(());
                }
                if self.writer.is_full() {
                    self.writer.flush().await?;
                }
                // Statements that wait for nothing would never let others run.
                tokio::task::yield_now().await;
                if self.connected.session.state().sql_mode != mode {
                    // What follows was cut by rules that no longer hold.
                    lexical_changes += 1;
                    if lexical_changes > LEXICAL_CHANGES_MAX {
                        return Err(too_many_lexical_changes().into());
                    }
                    rest = &rest[end..];
                    rest = rest.strip_prefix(';').unwrap_or(rest);
                    continue 'read;
                }
            }
            return Ok(());
        }
    }

    async fn statement(&mut self, sql: &str, position: Position) -> Result<(), Refusal> {
        let response = self.connected.session.execute(sql).await?;
        self.respond(response, RowForm::Text, position).await
    }

    async fn respond(
        &mut self,
        response: Response,
        form: RowForm,
        position: Position,
    ) -> Result<(), Refusal> {
        match response {
            Response::Done(done) => self.done(&done, position),
            Response::Rows(ResultSet { columns, batches }) => {
                let sending = self.sending(form);
                sending.head(self.writer, &columns, self.status(position))?;
                sending.all_rows(self.writer, batches).await?;
                let ending = self.ending(position);
                put_end_of_rows(self.writer, self.connected.capabilities, &ending);
            }
        }
        Ok(())
    }

    async fn field_list(&mut self, table: &str, pattern: &str) -> Result<(), Refusal> {
        let columns = self.connected.session.table_columns(table, pattern).await?;
        self.sending(RowForm::Text).field_list(self.writer, table, &columns)?;
        let ending = self.ending(Position::Last);
        put_end_of_rows(self.writer, self.connected.capabilities, &ending);
        Ok(())
    }

    fn done(&mut self, done: &Completion, position: Position) {
        let mut ending = self.ending(position);
        ending.warnings = ending.warnings.max(done.warnings);
        put_done(self.writer, done, &ending);
    }

    /// What the end of an answer says of the session, once its statement has ended.
    fn ending(&mut self, position: Position) -> Ending {
        let session = &mut self.connected.session;
        let capabilities = self.connected.capabilities;
        let changes = match capabilities.contains(CapabilityFlags::CLIENT_SESSION_TRACK) {
            true => session.take_changes(),
            false => SessionChanges::default(),
        };
        Ending { warnings: session.state().warnings, status: self.status(position), changes }
    }

    fn status(&self, position: Position) -> StatusFlags {
        let state = self.connected.session.state();
        let mut status = StatusFlags::empty();
        status.set(StatusFlags::SERVER_STATUS_AUTOCOMMIT, state.autocommit);
        status.set(StatusFlags::SERVER_STATUS_IN_TRANS, state.in_transaction);
        // Clients escape their strings by it.
        let no_backslash_escapes = state.sql_mode.no_backslash_escapes;
        status.set(StatusFlags::SERVER_STATUS_NO_BACKSLASH_ESCAPES, no_backslash_escapes);
        status.set(StatusFlags::SERVER_MORE_RESULTS_EXISTS, position == Position::More);
        status
    }

    fn sending(&self, form: RowForm) -> Sending<'a> {
        Sending {
            form,
            capabilities: self.connected.capabilities,
            row_max_bytes: self.door.settings.max_allowed_packet_bytes,
            sent_rows: &self.door.metrics.sent_rows,
        }
    }
}

fn too_many_lexical_changes() -> Error {
    Error::unsupported(format!(
        "the statements of one text change `sql_mode` more than {LEXICAL_CHANGES_MAX} times; send \
         the rest in another text"
    ))
}

/// Why a command has no answer of its own.
enum Refusal {
    Send(SendError),
    End(End),
}

impl<E: Into<SendError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Send(error.into())
    }
}

impl MysqlDoor {
    /// The answer to COM_STATISTICS, in the form of `sql/sql_parse.cc`, with zeros where there is
    /// nothing to count.
    fn statistics(&self) -> String {
        let uptime_s = self.started.elapsed().as_secs();
        let threads = self.open.load(Ordering::Relaxed);
        let questions = self.questions.load(Ordering::Relaxed);
        let per_second = questions as f64 / uptime_s.max(1) as f64;
        format!(
            "Uptime: {uptime_s}  Threads: {threads}  Questions: {questions}  Slow queries: 0  \
             Opens: 0  Flush tables: 0  Open tables: 0  Queries per second avg: {per_second:.3}"
        )
    }
}
