//! Prepared statements, the same through every door: planned once, run with values as often as the
//! client likes.

use super::queries::output_columns;
use super::{OutputColumn, Response, Session};
use crate::statement::{Parameters, QueryStatement, Statement, UserStatement, make_unique};
use arrow::datatypes::DataType;
use mooring_engine::QueryDescription;
use mooring_spi::{Result, StaleAnswers, Value};
use std::sync::Arc;

/// A statement that was prepared. It belongs to the session that prepared it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The type of each `?`, in order, as the planner infers it from where it stands;
    /// `DataType::Null` where nothing tells.
    pub parameters: Vec<DataType>,
    /// The columns of the result; empty for a statement without rows and for SHOW and its like,
    /// whose columns are known when they run.
    pub columns: Vec<OutputColumn>,
    pub(crate) shape: PreparedShape,
    sql: Arc<str>,
}

/// Where the columns of a prepared statement's result are known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreparedShape {
    /// The plan: they are told.
    Planned,
    /// It has always the one.
    Explain,
    /// The result alone, of a statement that changes nothing.
    Listing,
    /// There is no result.
    NoRows,
}

impl PreparedShape {
    fn of(statement: &Statement) -> Self {
        match statement {
            Statement::Query(query) if query.explain.is_some() => Self::Explain,
            Statement::Query(query) if query.into.is_some() => Self::NoRows,
            Statement::Query(_) => Self::Planned,
            Statement::Show(_) | Statement::Describe(_) => Self::Listing,
            Statement::Users(users) => match **users {
                UserStatement::ShowGrants { .. } | UserStatement::ShowCreate { .. } => {
                    Self::Listing
                }
                UserStatement::Create { .. }
                | UserStatement::Alter { .. }
                | UserStatement::Drop { .. }
                | UserStatement::Rename { .. }
                | UserStatement::SetPassword { .. }
                | UserStatement::Grant { .. }
                | UserStatement::Revoke { .. } => Self::NoRows,
            },
            Statement::Set(_)
            | Statement::Use(_)
            | Statement::CreateSchema { .. }
            | Statement::DropSchema { .. }
            | Statement::CreateExternalTable(_)
            | Statement::DropTable { .. }
            | Statement::RefreshTable(_)
            | Statement::Transaction(_)
            | Statement::Kill(_)
            | Statement::Catalogs(_)
            | Statement::Refused(_) => Self::NoRows,
        }
    }
}

impl Prepared {
    /// What it keeps, roughly.
    pub(crate) fn size_bytes(&self) -> usize {
        let labels: usize = self.columns.iter().map(|column| column.label.len()).sum();
        let types = self.parameters.len() * size_of::<DataType>();
        self.sql.len() + labels + types + self.columns.len() * size_of::<OutputColumn>()
    }

    #[cfg(test)]
    pub(crate) fn new(parameters: Vec<DataType>, columns: Vec<OutputColumn>, sql: &str) -> Self {
        Self { parameters, columns, shape: PreparedShape::Planned, sql: sql.into() }
    }
}

impl Session {
    /// Prepares one statement, with `?` where values will be.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn prepare(&mut self, sql: &str) -> Result<Prepared> {
        let running = self.place.begin(sql);
        let stale = StaleAnswers::default();
        let prepared = stale.collect(running.unless_killed(self.prepare_statement(sql))).await;
        drop(running);
        self.warn_of(&stale);
        self.told(sql, prepared)
    }

    async fn prepare_statement(&mut self, sql: &str) -> Result<Prepared> {
        let _admitted = self.hub.long_statement(sql.len()).await?;
        let parsed = self.parse(sql, Parameters::Numbered);
        // Doors exist whose clients prepare SHOW WARNINGS.
        if !matches!(&parsed, Ok((Statement::Show(show), _)) if show.is_diagnostic()) {
            self.begin_warnings();
        }
        let (statement, count) = parsed?;
        let sql: Arc<str> = sql.into();
        let unknown = vec![DataType::Null; count];
        let shape = PreparedShape::of(&statement);
        let query = match statement {
            Statement::Query(query) if query.explain.is_none() && query.into.is_none() => query,
            Statement::Refused(refused) => return Err(self.refused(&refused)),
            _ => return Ok(Prepared { parameters: unknown, columns: Vec::new(), shape, sql }),
        };
        let labels = query.labels.clone();
        let (parameters, schema) = match self.describe_query(*query).await {
            Ok(described) => (described.parameters, described.schema),
            Err(error) if count == 0 => return Err(error),
            // A parameter stands where the planner cannot do without its type: the columns are
            // those of the statement without values, or its error is reported.
            Err(_) => {
                let nulls = vec![Value::Null; count];
                let (statement, _) = self.parse(&sql, Parameters::Values(&nulls))?;
                let Statement::Query(query) = statement else {
                    return Ok(Prepared { parameters: unknown, columns: Vec::new(), shape, sql });
                };
                (unknown, self.describe_query(*query).await?.schema)
            }
        };
        Ok(Prepared { parameters, columns: output_columns(&schema, &labels), shape, sql })
    }

    /// Runs a prepared statement. A parameter has the type that its value has; what the client
    /// calls text and the statement uses as a number is converted by the planner.
    ///
    /// # Errors
    /// As [`Session::execute`]; `InvalidArgument` when the number of values is not that of the
    /// parameters.
    pub async fn execute_prepared(
        &mut self,
        prepared: &Prepared,
        parameters: Vec<Value>,
    ) -> Result<Response> {
        self.execute_with(&prepared.sql, Parameters::Values(&parameters)).await
    }

    async fn describe_query(&self, query: QueryStatement) -> Result<QueryDescription> {
        let context = self.query_context(self.session_tables())?;
        let mut planned = query.query;
        make_unique(&mut planned);
        self.runner.describe(planned.into(), context).await
    }
}
