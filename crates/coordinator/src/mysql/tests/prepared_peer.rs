//! The client's side of prepared statements, made of `mysql_common`'s packets.

use super::peer::Peer;
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{Column, ComStmtExecuteRequestBuilder, StmtPacket};
use mysql_common::proto::{Binary, MyDeserialize, MySerialize};
use mysql_common::row::{Row, RowDeserializer};
use mysql_common::value::{ServerSide, Value};
use std::sync::Arc;

/// SERVER_STATUS_CURSOR_EXISTS and SERVER_STATUS_LAST_ROW_SENT
pub(super) const CURSOR: u16 = 0x40;
pub(super) const LAST_ROW: u16 = 0x80;

impl Peer {
    fn has_eof(&self) -> bool {
        !self.capabilities.contains(CapabilityFlags::CLIENT_DEPRECATE_EOF)
    }

    /// Prepares; the id, with its definitions read and counted.
    pub(super) async fn prepare(&mut self, sql: &str) -> (u32, Vec<Column>) {
        let answer = self.command(&[b"\x16", sql.as_bytes()].concat()).await;
        assert_eq!(answer.len(), 12);
        let head = StmtPacket::deserialize((), &mut ParseBuf(&answer)).expect("PREPARE_OK");
        let parameters = self.definitions(head.num_params().into()).await;
        assert!(parameters.iter().all(|parameter| parameter.name_str() == "?"));
        if head.num_params() > 0 && self.has_eof() {
            assert_eq!(self.answer().await[0], 0xFE);
        }
        let columns = self.definitions(head.num_columns().into()).await;
        if head.num_columns() > 0 && self.has_eof() {
            assert_eq!(self.answer().await[0], 0xFE);
        }
        (head.statement_id(), columns)
    }

    async fn definitions(&mut self, count: usize) -> Vec<Column> {
        let mut columns = Vec::new();
        for _ in 0..count {
            let packet = self.answer().await;
            columns.push(Column::deserialize((), &mut ParseBuf(&packet)).expect("a definition"));
        }
        columns
    }

    /// Executes with the types of the values; the first packet of the answer.
    pub(super) async fn execute(&mut self, statement_id: u32, values: &[Value]) -> Vec<u8> {
        self.command(&execute_payload(statement_id, values)).await
    }

    /// Executes without types; `nulls` is the map of the NULLs.
    pub(super) async fn execute_again(
        &mut self,
        statement_id: u32,
        nulls: u8,
        values: &[u8],
    ) -> Vec<u8> {
        let id = statement_id.to_le_bytes();
        let head: &[u8] = &[0, 1, 0, 0, 0, nulls, 0];
        self.command(&[b"\x17", &id[..], head, values].concat()).await
    }

    /// Executes with a cursor; the columns and the flags of their end.
    pub(super) async fn open_cursor(&mut self, statement_id: u32) -> (Arc<[Column]>, u16) {
        let mut payload = execute_payload(statement_id, &[]);
        payload[5] = 1;
        let count = self.command(&payload).await;
        let columns = self.definitions(count[0].into()).await;
        let end = self.answer().await;
        (columns.into(), self.flags(&end))
    }

    pub(super) async fn fetch(
        &mut self,
        statement_id: u32,
        rows: u32,
        columns: &Arc<[Column]>,
    ) -> (Vec<Vec<Value>>, Vec<u8>) {
        self.sequence = 0;
        let (id, rows) = (statement_id.to_le_bytes(), rows.to_le_bytes());
        self.send(&[&b"\x1C"[..], &id, &rows].concat()).await;
        self.rows_until_end(columns).await
    }

    /// The rows of an answer whose first packet is taken, and the packet that ends them.
    pub(super) async fn binary_rows(&mut self, first: &[u8]) -> (Vec<Vec<Value>>, Vec<u8>) {
        assert_eq!(first.len(), 1, "a number of columns");
        let columns = self.definitions(first[0].into()).await;
        if self.has_eof() {
            assert_eq!(self.answer().await[0], 0xFE);
        }
        self.rows_until_end(&columns.into()).await
    }

    async fn rows_until_end(&mut self, columns: &Arc<[Column]>) -> (Vec<Vec<Value>>, Vec<u8>) {
        let mut rows = Vec::new();
        loop {
            let packet = self.answer().await;
            if packet[0] != 0 {
                return (rows, packet);
            }
            let row = RowDeserializer::<ServerSide, Binary>::deserialize(
                columns.clone(),
                &mut ParseBuf(&packet),
            );
            rows.push(Row::from(row.expect("a row")).unwrap());
        }
    }

    /// The status flags of a packet that ends rows.
    pub(super) fn flags(&self, end: &[u8]) -> u16 {
        assert_eq!(end[0], 0xFE);
        u16::from_le_bytes([end[3], end[4]])
    }
}

fn execute_payload(statement_id: u32, values: &[Value]) -> Vec<u8> {
    let (request, _) = ComStmtExecuteRequestBuilder::new(statement_id).build(values);
    let mut payload = Vec::new();
    request.serialize(&mut payload);
    payload
}

/// A command as a whole packet, to be sent with others in one segment.
pub(super) fn packet(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("short").to_le_bytes();
    [&length[..3], &[0], payload].concat()
}
