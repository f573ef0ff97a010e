//! A cursor: the rows of an execution, kept with their statement and sent when the client fetches
//! them (COM_STMT_FETCH). The query runs only as far ahead as every query runs ahead of its reader.

use super::super::packet::PacketWriter;
use super::super::result_set::{SendError, Sending};
use arrow::array::RecordBatch;
use futures::StreamExt;
use mooring_spi::BatchStream;
use tokio::io::AsyncWrite;

pub(crate) struct Cursor {
    batches: BatchStream,
    /// The rows of the last batch that have not been fetched.
    rest: Option<RecordBatch>,
}

/// How far a fetch came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fetched {
    /// As many rows as asked for. There may be more.
    All,
    /// To the end of the rows, before it had as many as asked for.
    LastRow,
}

impl Cursor {
    pub(crate) fn new(batches: BatchStream) -> Self {
        Self { batches, rest: None }
    }

    /// Puts the next `rows` rows into the writer.
    pub(crate) async fn fetch<W: AsyncWrite + Unpin>(
        &mut self,
        writer: &mut PacketWriter<W>,
        sending: Sending<'_>,
        rows: u32,
    ) -> Result<Fetched, SendError> {
        let mut missing = usize::try_from(rows).unwrap_or(usize::MAX);
        while missing > 0 {
            let batch = match self.rest.take() {
                Some(batch) => batch,
                None => match self.batches.next().await {
                    Some(batch) => batch?,
                    None => return Ok(Fetched::LastRow),
                },
            };
            let taken = missing.min(batch.num_rows());
            sending.rows(writer, &batch.slice(0, taken)).await?;
            missing -= taken;
            if taken < batch.num_rows() {
                self.rest = Some(batch.slice(taken, batch.num_rows() - taken));
            }
        }
        Ok(Fetched::All)
    }
}
