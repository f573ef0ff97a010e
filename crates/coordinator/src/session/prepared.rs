//! Prepared statements, the same through every door: planned once, run with values as often as the
//! client likes.

use super::{OutputColumn, Response, Session};
use arrow::datatypes::DataType;
use mooring_spi::{Error, Result, Value};

/// A statement that was prepared. It belongs to the session that prepared it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The type of each `?`, in order, as the planner infers it from where it stands;
    /// `DataType::Null` where nothing tells.
    pub parameters: Vec<DataType>,
    /// The columns of the result; empty for a statement without rows.
    pub columns: Vec<OutputColumn>,
}

impl Session {
    /// Prepares one statement, with `?` where values will be.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn prepare(&mut self, _sql: &str) -> Result<Prepared> {
        Err(Error::unsupported("prepared statements are not supported"))
    }

    /// Runs a prepared statement. A parameter has the type that its value has; what the client
    /// calls text and the statement uses as a number is converted by the planner.
    ///
    /// # Errors
    /// As [`Session::execute`]; `InvalidArgument` when the number of values is not that of the
    /// parameters.
    pub async fn execute_prepared(
        &mut self,
        _prepared: &Prepared,
        _parameters: Vec<Value>,
    ) -> Result<Response> {
        Err(Error::unsupported("prepared statements are not supported"))
    }
}
