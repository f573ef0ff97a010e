//! A result set on its way to the client: the column definitions, then rows batch by batch, no
//! faster than the client takes them.
//!
//! Source: MySQL Source Code Documentation, "Text Resultset".

use super::column::put_column;
use super::error::WireError;
use super::packet::{PacketError, PacketWriter};
use super::reply::{put_end_of_columns, put_end_of_rows};
use super::text_row::BatchEncoder;
use super::wire::put_length;
use crate::session::{OutputColumn, ResultSet};
use arrow::array::RecordBatch;
use futures::{FutureExt, StreamExt};
use mooring_spi::Error;
use mysql_common::constants::CapabilityFlags;
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

impl From<PacketError> for SendError {
    fn from(error: PacketError) -> Self {
        Self::Packet(error)
    }
}

/// What holds for every result set of a connection.
#[derive(Clone, Copy)]
pub(super) struct Sending<'a> {
    pub(super) capabilities: CapabilityFlags,
    pub(super) row_max_bytes: usize,
    pub(super) sent_rows: &'a Counter,
}

impl Sending<'_> {
    /// Writes a whole result set; the last packets stay in the writer's buffer.
    pub(super) async fn result_set<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        mut result: ResultSet,
    ) -> Result<(), SendError> {
        put_length(writer.begin(), result.columns.len() as u64);
        writer.end();
        self.columns(writer, &result.columns)?;
        put_end_of_columns(writer, self.capabilities);
        loop {
            let batch = match result.batches.next().now_or_never() {
                Some(batch) => batch,
                // Whoever has to wait for more may see what there is.
                None => {
                    writer.flush().await?;
                    result.batches.next().await
                }
            };
            match batch {
                Some(batch) => self.rows(writer, &batch?).await?,
                None => break,
            }
        }
        put_end_of_rows(writer, self.capabilities);
        Ok(())
    }

    fn columns<W: AsyncWrite + Unpin>(
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

    async fn rows<W: AsyncWrite + Unpin>(
        self,
        writer: &mut PacketWriter<W>,
        batch: &RecordBatch,
    ) -> Result<(), SendError> {
        let encoder = BatchEncoder::new(batch)?;
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

    /// The answer to COM_FIELD_LIST: each definition with a default value behind it.
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
        put_end_of_rows(writer, self.capabilities);
        Ok(())
    }
}
