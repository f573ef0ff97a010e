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
use prometheus_client::metrics::gauge::Gauge;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many statements the clients of a door may hold prepared, all together, as
/// `max_prepared_stmt_count` of MySQL has it.
#[derive(Debug)]
pub(crate) struct StatementLimit {
    pub(crate) statements_max: usize,
    pub(crate) open: AtomicUsize,
    pub(crate) gauge: Gauge,
}

impl StatementLimit {
    pub(crate) fn new(statements_max: usize, gauge: Gauge) -> Arc<Self> {
        Arc::new(Self { statements_max, open: AtomicUsize::new(0), gauge })
    }

    fn take(self: &Arc<Self>) -> Result<StatementPlace, WireError> {
        self.open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |open| {
                (open < self.statements_max).then_some(open + 1)
            })
            .map_err(|_| WireError::too_many_statements(self.statements_max))?;
        self.gauge.inc();
        Ok(StatementPlace(self.clone()))
    }
}

/// One of the statements that may be open; given back when dropped.
struct StatementPlace(Arc<StatementLimit>);

impl Drop for StatementPlace {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.gauge.dec();
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
        let place = self.limit.take()?;
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
