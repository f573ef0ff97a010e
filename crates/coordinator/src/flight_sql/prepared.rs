//! Statements that a session holds prepared, and the values that were bound to them.

use super::held_limit::{HeldLimit, HeldPlace};
use super::parameters::parameter_fields;
use super::results::next_id;
use super::session::FlightSession;
use super::status::invalid;
use crate::session::{OutputColumn, Prepared, PreparedShape, Response, ResultSet};
use arrow::datatypes::{DataType, Field, SchemaRef};
use bytes::Bytes;
use mooring_spi::{Result, Value};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// One row of values for the parameters of a statement.
pub(super) type Row = Vec<Value>;

/// The statements of a session by the number in their handles.
#[derive(Default)]
pub(super) struct PreparedStatements(Mutex<HashMap<u64, Arc<Held>>>);

/// One prepared statement.
pub(super) struct Held {
    pub(super) prepared: Prepared,
    /// The columns of its result; empty for a statement without rows.
    pub(super) columns: Vec<OutputColumn>,
    bound: Mutex<Option<Bound>>,
    _place: HeldPlace,
}

/// Values, and what they take.
struct Bound {
    rows: Arc<Vec<Row>>,
    _place: HeldPlace,
}

impl Held {
    /// The parameters as a client binds them.
    pub(super) fn parameter_schema(&self) -> SchemaRef {
        parameter_fields(&self.prepared.parameters)
    }

    /// Binds values in the place of those before.
    pub(super) fn bind(&self, rows: Vec<Row>, place: HeldPlace) {
        *self.bound.lock() = Some(Bound { rows: Arc::new(rows), _place: place });
    }

    /// The rows with which it runs.
    ///
    /// # Errors
    /// `InvalidArgument` when it has parameters and no values.
    pub(super) fn bound_rows(&self) -> Result<Arc<Vec<Row>>> {
        let count = self.prepared.parameters.len();
        if count == 0 {
            return Ok(Arc::new(vec![Row::new()]));
        }
        let bound = self.bound.lock();
        match bound.as_ref().map(|bound| &bound.rows).filter(|rows| !rows.is_empty()) {
            Some(rows) => Ok(rows.clone()),
            None => Err(invalid(format!(
                "the statement has {count} parameters, and no values were bound to them"
            ))),
        }
    }
}

impl PreparedStatements {
    /// # Errors
    /// `InvalidArgument` for a handle of another session, or of a statement that was closed.
    pub(super) fn get(&self, handle: &[u8]) -> Result<Arc<Held>> {
        let id = statement_id(handle).ok_or_else(unknown)?;
        self.0.lock().get(&id).cloned().ok_or_else(unknown)
    }

    /// Closing what is closed already does no harm.
    pub(super) fn close(&self, handle: &[u8]) {
        if let Some(id) = statement_id(handle) {
            self.0.lock().remove(&id);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }

    pub(super) fn clear(&self) {
        self.0.lock().clear();
    }

    fn insert(&self, held: Held) -> (Bytes, Arc<Held>) {
        let (id, held) = (next_id(), Arc::new(held));
        self.0.lock().insert(id, held.clone());
        (Bytes::copy_from_slice(&id.to_be_bytes()), held)
    }
}

fn statement_id(handle: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(handle.try_into().ok()?))
}

fn unknown() -> mooring_spi::Error {
    invalid("the prepared statement is not one of this session's, or was closed; prepare it again")
}

impl FlightSession {
    /// Prepares a statement and keeps it.
    ///
    /// # Errors
    /// As [`crate::session::Session::prepare`]; `LimitExceeded`.
    pub(super) async fn hold(
        &self,
        sql: &str,
        limit: &Arc<HeldLimit>,
    ) -> Result<(Bytes, Arc<Held>)> {
        let mut place = limit.statement(&self.client().user)?;
        let (prepared, columns) = self.describe(sql).await?;
        place.grow(prepared.size_bytes())?;
        let bound = Mutex::default();
        Ok(self.prepared.insert(Held { prepared, columns, bound, _place: place }))
    }

    /// What a statement takes, and the columns that it gives. Those of SHOW and its like are known
    /// when it has run, which costs little and changes nothing; JDBC takes a statement without
    /// columns for one that changes something.
    ///
    /// # Errors
    /// As [`crate::session::Session::prepare`].
    pub(super) async fn describe(&self, sql: &str) -> Result<(Prepared, Vec<OutputColumn>)> {
        let prepared = self.prepare(sql).await?;
        let columns = match prepared.shape {
            PreparedShape::Planned | PreparedShape::NoRows => prepared.columns.clone(),
            PreparedShape::Explain => vec![explain_column()],
            PreparedShape::Listing if !prepared.parameters.is_empty() => Vec::new(),
            PreparedShape::Listing => match self.execute(sql).await? {
                Response::Rows(ResultSet { columns, .. }) => columns,
                Response::Done(_) => Vec::new(),
            },
        };
        Ok((prepared, columns))
    }
}

fn explain_column() -> OutputColumn {
    let field = Arc::new(Field::new("EXPLAIN", DataType::Utf8, false));
    OutputColumn { label: "EXPLAIN".to_owned(), field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::gauge::Gauge;
    use proptest::prelude::*;

    fn limit() -> Arc<HeldLimit> {
        HeldLimit::of_statements(36, 1 << 20, Gauge::default())
    }

    fn held(parameters: usize) -> Held {
        let place = limit().statement("ana").expect("a place");
        let prepared = Prepared::new(vec![DataType::Int64; parameters], Vec::new(), "SELECT 1");
        Held { prepared, columns: Vec::new(), bound: Mutex::default(), _place: place }
    }

    #[test]
    fn parameters_need_values() {
        assert_eq!(held(0).bound_rows().expect("one run").len(), 1);
        let statement = held(1);
        assert!(statement.bound_rows().is_err());
        statement.bind(vec![vec![Value::Int(1)], vec![Value::Int(2)]], limit().place("ana"));
        assert_eq!(statement.bound_rows().expect("two runs").len(), 2);
        statement.bind(Vec::new(), limit().place("ana"));
        assert!(statement.bound_rows().is_err());
    }

    #[test]
    fn a_closed_statement_is_unknown() {
        let statements = PreparedStatements::default();
        let (handle, _) = statements.insert(held(0));
        assert!(statements.get(&handle).is_ok());
        statements.close(&handle);
        assert!(statements.get(&handle).is_err());
        statements.close(&handle);
    }

    proptest! {
        #[test]
        fn any_handle_is_found_or_refused(handle: Vec<u8>) {
            prop_assert!(PreparedStatements::default().get(&handle).is_err());
        }
    }
}
