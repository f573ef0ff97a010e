//! A result set on its way to the client: the column definitions, then rows batch by batch, no
//! faster than the client takes them.
//!
//! Sources: MySQL Source Code Documentation, "Text Resultset", "Binary Protocol Resultset".

use super::column::{check_column, put_column};
use super::error::WireError;
use super::packet::{PacketError, PacketWriter};
use super::reply::put_end_of_columns;
use super::row::{BatchEncoder, RowForm};
use super::wire::put_length;
use crate::session::OutputColumn;
use arrow::array::RecordBatch;
use futures::{FutureExt, StreamExt};
use mooring_spi::{BatchStream, Error};
use mysql_common::constants::{CapabilityFlags, StatusFlags};
use prometheus_client::metrics::counter::Counter;
use tokio::io::AsyncWrite;

/// What ends a result set early.
pub(super) enum SendError {
    /// The engine's, to be told to the client in place of the next row.
    Query(Error),
    /// The door's, to be told likewise.
    Wire(WireError),
    Packet(PacketError),
}

impl From<Error> for SendError {
    fn from(error: Error) -> Self {
        Self::Query(error)
    }
}

impl From<WireError> for SendError {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

impl From<PacketError> for SendError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// What holds for every row of a result set.
#[derive(Clone, Copy)]
pub(super) struct Sending<'a> {
    pub(super) form: RowForm,
    pub(super) capabilities: CapabilityFlags,
    pub(super) row_max_bytes: usize,
    pub(super) sent_rows: &'a Counter,
}

impl Sending<'_> {
    /// Puts the head of a result set: how many columns, and their definitions. A column that cannot
    /// be sent is told before anything is: few clients expect an error between definitions.
    pub(super) fn head<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        columns: &[OutputColumn],
        status: StatusFlags,
    ) -> Result<(), SendError> {
        for column in columns {
            check_column(column)?;
        }
        put_length(writer.begin(), columns.len() as u64);
        writer.end();
        self.columns(writer, columns)?;
        put_end_of_columns(writer, self.capabilities, status);
        Ok(())
    }

    /// Puts column definitions, without an end.
    pub(super) fn columns<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        columns: &[OutputColumn],
    ) -> Result<(), SendError> {
        for column in columns {
            if let Err(error) = put_column(writer.begin(), column, "") {
                writer.abandon();
                return Err(SendError::Query(error));
            }
            writer.end();
        }
        Ok(())
    }

    /// Writes all rows; the last ones stay in the writer's buffer.
    pub(super) async fn all_rows<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        mut batches: BatchStream,
    ) -> Result<(), SendError> {
        loop {
            let batch = match batches.next().now_or_never() {
                Some(batch) => batch,
                // Whoever has to wait for more may see what there is.
                None => {
                    writer.flush().await?;
                    batches.next().await
                }
            };
            match batch {
                Some(batch) => self.rows(writer, &batch?).await?,
                None => return Ok(()),
            }
        }
    }

    /// Writes the rows of one batch.
    pub(super) async fn rows<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        batch: &RecordBatch,
    ) -> Result<(), SendError> {
        let encoder = BatchEncoder::new(batch, self.form)?;
        for row in 0..batch.num_rows() {
            encoder.put_row(writer.begin(), row);
            if writer.payload_bytes() > self.row_max_bytes {
                writer.abandon();
                return Err(SendError::Wire(WireError::packet_too_large()));
            }
            writer.end();
            if writer.is_full() {
                writer.flush().await?;
                // A socket that takes everything at once would never let others run.
                tokio::task::yield_now().await;
            }
        }
        self.sent_rows.inc_by(batch.num_rows() as u64);
        Ok(())
    }

    /// Puts the columns that answer COM_FIELD_LIST: each definition with a default value behind it.
    pub(super) fn field_list<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        table: &str,
        columns: &[OutputColumn],
    ) -> Result<(), SendError> {
        for column in columns {
            let packet = writer.begin();
            if let Err(error) = put_column(packet, column, table) {
                writer.abandon();
                return Err(SendError::Query(error));
            }
            packet.push(0xFB); // no default
            writer.end();
        }
        Ok(())
    }
}
