//! The answers to the commands of prepared statements.
//!
//! Sources: MySQL Source Code Documentation, "COM_STMT_PREPARE", "COM_STMT_EXECUTE Response",
//! "COM_STMT_FETCH"; where the end of a cursor's head and of its rows stands, and by which flags:
//! `sql/sql_cursor.cc`.

use super::super::column::{check_column, put_parameter};
use super::super::error::WireError;
use super::super::prepared::{Cursor, ExecuteRequest, Fetched};
use super::super::reply::{put_end_of_columns, put_end_of_rows};
use super::super::row::RowForm;
use super::{Answer, Position, Refusal};
use crate::session::{Prepared, Response};
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use tokio::io::AsyncWrite;

impl<W: AsyncWrite + Unpin + Send> Answer<'_, W> {
    /// `COM_STMT_PREPARE_OK`, then the definitions of the parameters and those of the columns.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<(), Refusal> {
        let prepared = self.connected.session.prepare(sql).await?;
        let parameters = u16::try_from(prepared.parameters.len())
            .map_err(|_| WireError::too_many_parameters())?;
        let columns =
            u16::try_from(prepared.columns.len()).map_err(|_| WireError::too_many_columns())?;
        for column in &prepared.columns {
            check_column(column)?;
        }
        let statement_id = self.kept.statements.insert(prepared)?;
        let warnings = self.connected.session.state().warnings;

        let packet = self.writer.begin();
        packet.push(0);
        packet.extend_from_slice(&statement_id.to_le_bytes());
        packet.extend_from_slice(&columns.to_le_bytes());
        packet.extend_from_slice(&parameters.to_le_bytes());
        packet.push(0);
        packet.extend_from_slice(&warnings.to_le_bytes());
        self.writer.end();
        self.definitions(statement_id)
    }

    fn definitions(&mut self, statement_id: u32) -> Result<(), Refusal> {
        let capabilities = self.connected.capabilities;
        let status = self.status(Position::Last);
        let sending = self.sending(RowForm::Binary);
        let statement = self.kept.statements.get(statement_id, "mysqld_stmt_prepare")?;
        let Prepared { parameters, columns, .. } = &statement.prepared;
        for parameter in parameters {
            put_parameter(self.writer.begin(), parameter);
            self.writer.end();
        }
        if !parameters.is_empty() {
            put_end_of_columns(self.writer, capabilities, status);
        }
        if !columns.is_empty() {
            sending.columns(self.writer, columns)?;
            put_end_of_columns(self.writer, capabilities, status);
        }
        Ok(())
    }

    pub(super) async fn execute(&mut self, request: &ExecuteRequest<'_>) -> Result<(), Refusal> {
        let statement = self.kept.statements.get(request.statement_id, "mysqld_stmt_execute")?;
        statement.cursor = None;
        let values = statement.bind(request, self.connected.capabilities)?;
        let session = &mut self.connected.session;
        let response = session.execute_prepared(&statement.prepared, values).await?;
        match response {
            Response::Rows(rows) if request.cursor => {
                // One end, whatever the client thinks of EOF packets: that of the columns, which
                // says that there is a cursor.
                let with_eof = CapabilityFlags::CLIENT_DEPRECATE_EOF;
                let mut sending = self.sending(RowForm::Binary);
                sending.capabilities |= with_eof;
                sending.head(self.writer, &rows.columns, StatusFlags::empty())?;
                let statement =
                    self.kept.statements.get(request.statement_id, "mysqld_stmt_execute")?;
                statement.cursor = Some(Cursor::new(rows.batches));
                self.end_with(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
                Ok(())
            }
            response => self.respond(response, RowForm::Binary, Position::Last).await,
        }
    }

    pub(super) async fn fetch(&mut self, statement_id: u32, rows: u32) -> Result<(), Refusal> {
        let sending = self.sending(RowForm::Binary);
        let statement = self.kept.statements.get(statement_id, "mysqld_stmt_fetch")?;
        // Taken out: an error ends the rows.
        let mut cursor =
            statement.cursor.take().ok_or_else(|| WireError::no_open_cursor(statement_id))?;
        match cursor.fetch(self.writer, sending, rows).await? {
            Fetched::All => {
                statement.cursor = Some(cursor);
                self.end_with(StatusFlags::SERVER_STATUS_CURSOR_EXISTS);
            }
            Fetched::LastRow => self.end_with(StatusFlags::SERVER_STATUS_LAST_ROW_SENT),
        }
        Ok(())
    }

    fn end_with(&mut self, flag: StatusFlags) {
        let mut ending = self.ending(Position::Last);
        ending.status |= flag;
        put_end_of_rows(self.writer, self.connected.capabilities, &ending);
    }
}
