//! The prepared statements of a connection: their numbers, what a client has sent for them ahead of
//! an execution, and their cursors.
//!
//! Source: MySQL Source Code Documentation, "Prepared Statements".

mod long_data;
mod execute;
mod cursor;
pub(crate) mod decoding;

pub(crate) use cursor::{Cursor, Fetched};
pub(crate) use execute::ExecuteRequest;

use super::error::WireError;
use super::parameter::ParameterType;
use crate::session::Prepared;
use execute::{Binding, read_parameters};
use long_data::{LongData, LongDataLimit};
use mooring_spi::Value;
use mysql_common::constants::CapabilityFlags;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::Arc;

/// What the texts and descriptions of all prepared statements may take together, in bytes.
const KEPT_BYTES_MAX: usize = 256 << 20;

/// How many statements the clients of a door may hold prepared, all together, as
/// `max_prepared_stmt_count` of MySQL has it, and how large they may be.
#[derive(Debug)]
pub(crate) struct StatementLimit {
    statements_max: usize,
    kept: Mutex<Kept>,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Kept {
    statements: usize,
    bytes: usize,
}

impl StatementLimit {
    pub(crate) fn new(statements_max: usize, gauge: Gauge) -> Arc<Self> {
        Arc::new(Self { statements_max, kept: Mutex::default(), gauge })
    }

    fn take(self: &Arc<Self>, size_bytes: usize) -> Result<StatementPlace, WireError> {
        let mut kept = self.kept.lock();
        if kept.statements >= self.statements_max {
            return Err(WireError::too_many_statements(self.statements_max));
        }
        if kept.bytes.saturating_add(size_bytes) > KEPT_BYTES_MAX {
            return Err(WireError::statements_too_large(KEPT_BYTES_MAX));
        }
        kept.statements += 1;
        kept.bytes += size_bytes;
        self.gauge.inc();
        Ok(StatementPlace { limit: self.clone(), size_bytes })
    }
}

/// One of the statements that may be open; given back when dropped.
struct StatementPlace {
    limit: Arc<StatementLimit>,
    size_bytes: usize,
}

impl Drop for StatementPlace {
    fn drop(&mut self) {
        let mut kept = self.limit.kept.lock();
        kept.statements -= 1;
        kept.bytes -= self.size_bytes;
        self.limit.gauge.dec();
    }
}

/// One prepared statement.
pub(crate) struct Statement {
    pub(crate) prepared: Prepared,
    /// Rows that the client fetches by and by. Dropping it cancels the query.
    pub(crate) cursor: Option<Cursor>,
    /// The types of the last execution that sent them.
    types: Option<Vec<ParameterType>>,
    long_data: LongData,
    _place: StatementPlace,
}

/// The statements of one connection.
pub(crate) struct Statements {
    limit: Arc<StatementLimit>,
    open: HashMap<u32, Statement>,
    last_id: u32,
    long_data: Arc<LongDataLimit>,
}

impl Statements {
    /// `long_data_max_bytes` bounds what is kept of long data for all statements together.
    pub(crate) fn new(limit: Arc<StatementLimit>, long_data_max_bytes: usize) -> Self {
        let long_data = LongDataLimit::new(long_data_max_bytes);
        Self { limit, open: HashMap::new(), last_id: 0, long_data }
    }

    /// Keeps a statement under a number that no other one of the connection has.
    ///
    /// # Errors
    /// ER_MAX_PREPARED_STMT_COUNT_REACHED.
    pub(crate) fn insert(&mut self, prepared: Prepared) -> Result<u32, WireError> {
        let place = self.limit.take(prepared.size_bytes())?;
        loop {
            self.last_id = self.last_id.wrapping_add(1);
            // Zero is no statement's, and the largest number is MariaDB's word for the last one.
            let free = !matches!(self.last_id, 0 | u32::MAX);
            if free && !self.open.contains_key(&self.last_id) {
                break;
            }
        }
        let statement = Statement {
            prepared,
            cursor: None,
            types: None,
            long_data: LongData::new(self.long_data.clone()),
            _place: place,
        };
        self.open.insert(self.last_id, statement);
        Ok(self.last_id)
    }

    /// # Errors
    /// ER_UNKNOWN_STMT_HANDLER, given to `command`.
    pub(crate) fn get(
        &mut self,
        statement_id: u32,
        command: &str,
    ) -> Result<&mut Statement, WireError> {
        self.open
            .get_mut(&statement_id)
            .ok_or_else(|| WireError::unknown_statement(statement_id, command))
    }

    pub(crate) fn close(&mut self, statement_id: u32) {
        self.open.remove(&statement_id);
    }

    /// Closes all, as the end of a session does.
    pub(crate) fn clear(&mut self) {
        self.open.clear();
    }

    /// Keeps a piece of a parameter until the statement is executed. There is no answer, so that
    /// an error is told by the execution.
    pub(crate) fn add_long_data(&mut self, statement_id: u32, parameter: u16, data: &[u8]) {
        if let Some(statement) = self.open.get_mut(&statement_id) {
            let parameters = statement.prepared.parameters.len();
            statement.long_data.add(parameter, data, parameters);
        }
    }
}

impl Statement {
    /// The parameters of an execution. What was kept for them is used up, whatever comes of it.
    ///
    /// # Errors
    /// ER_WRONG_ARGUMENTS, ER_MALFORMED_PACKET, ER_TRUNCATED_WRONG_VALUE, and what was wrong with
    /// the long data.
    pub(crate) fn bind(
        &mut self,
        request: &ExecuteRequest<'_>,
        capabilities: CapabilityFlags,
    ) -> Result<Vec<Value>, WireError> {
        let long_data = self.long_data.finish()?;
        read_parameters(
            request,
            Binding {
                places: &self.prepared.parameters,
                types: &mut self.types,
                long_data: &long_data,
                with_attributes: capabilities.contains(CapabilityFlags::CLIENT_QUERY_ATTRIBUTES),
            },
        )
    }

    /// What COM_STMT_RESET does: the cursor and the long data go, the types stay.
    pub(crate) fn reset(&mut self) {
        self.cursor = None;
        self.long_data.reset();
    }
}
