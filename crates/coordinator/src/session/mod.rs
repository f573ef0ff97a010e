//! A client's session, the same through every door: who it is, what it has set, and how its
//! statements are run.

mod result;
mod state;
mod hub;
mod long_statements;
mod definitions;
mod queries;
mod clock;
mod functions;
mod users;
mod catalogs;
mod prepared;
mod options;

pub use hub::SessionHub;
pub use long_statements::LongStatement;
pub use prepared::Prepared;
pub(crate) use prepared::PreparedShape;
pub use result::{Completion, OutputColumn, Response, ResultSet};
pub use state::{SessionChanges, SessionState};

use crate::error_table;
use crate::information_schema::SessionTables;
use crate::query::{Runner, cancelled};
use crate::statement::{
    Assignment, CATALOG_AWAY, Kill, LikePattern, Name, Parameters, Place, Scope, ShowContext,
    Statement, VariableValue, Variables, Warning, describe, error_without_secrets, parse_with,
    show, split_database,
};
use arrow::datatypes::FieldRef;
use hub::{RunningStatement, SessionPlace};
use long_statements::SHORT_BYTES;
use mooring_engine::{Catalog, Catalogs, session_schema};
use mooring_spi::{Error, Result, StaleAnswer, StaleAnswers};
use parking_lot::Mutex;
use state::Tracker;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Who opened a session, from where.
#[derive(Debug, Clone)]
pub struct Client {
    pub user: String,
    /// The host pattern of the account as which the user was let in; with the user's name, what
    /// `CURRENT_USER()` answers.
    pub account_host: String,
    /// May define and drop things, and see and end what other users do.
    pub administrator: bool,
    pub address: SocketAddr,
    pub tls: Option<TlsNames>,
    /// Unique in the process; MySQL's connection id.
    pub connection_id: u32,
    /// What the client said of itself, by name, in its order; not to be believed.
    pub attributes: Arc<[(String, String)]>,
}

/// What a connection in TLS has agreed on, as SHOW STATUS names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsNames {
    /// For example `TLSv1.3`.
    pub version: &'static str,
    /// For example `TLS_AES_256_GCM_SHA384`.
    pub cipher: &'static str,
}

/// A session. Statements run one after the other.
pub struct Session {
    client: Client,
    runner: Runner,
    hub: Arc<SessionHub>,
    place: SessionPlace,
    catalog: String,
    schema: Option<String>,
    variables: Variables,
    warnings: Vec<Warning>,
    tracker: Tracker,
    /// How long a query is waited for once its columns are known; without it, until it has rows.
    first_rows_wait: Option<Duration>,
}

/// The catalog in which a session starts.
const FIRST_CATALOG: &str = "lake";
/// MySQL's default.
const DEFAULT_WAIT_TIMEOUT_S: u64 = 28_800;
/// The schema in which a session starts.
const FIRST_SCHEMA: &str = "default";

impl Session {
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// Every kind; the session goes on after each.
    pub async fn execute(&mut self, sql: &str) -> Result<Response> {
        self.execute_with(sql, Parameters::None).await
    }

    async fn execute_with(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Response> {
        let running = self.place.begin(sql);
        let stale = StaleAnswers::default();
        let response = stale.collect(self.run_text(&running, sql, parameters)).await;
        drop(running);
        self.warn_of(&stale);
        self.told(sql, response)
    }

    async fn run_text(
        &mut self,
        running: &RunningStatement,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<Response> {
        match running.unless_killed(self.admit_and_parse(sql, parameters)).await {
            // The store may have done a change that was interrupted.
            Ok((statement, admitted)) if statement.is_change() => {
                self.run(statement, sql, admitted).await
            }
            Ok((statement, admitted)) => {
                running.unless_killed(self.run(statement, sql, admitted)).await
            }
            Err(error) => {
                self.begin_warnings();
                Err(error)
            }
        }
    }

    /// Of what a statement got from catalogs whose metastore is away, whether it succeeded or not.
    fn warn_of(&mut self, stale: &StaleAnswers) {
        let warning = |answer: StaleAnswer| Warning {
            level: "Warning",
            code: CATALOG_AWAY,
            message: answer.to_string(),
        };
        self.warnings.extend(stale.take().into_iter().map(warning));
    }

    async fn admit_and_parse(
        &self,
        sql: &str,
        parameters: Parameters<'_>,
    ) -> Result<(Statement, Option<LongStatement>)> {
        let admitted = self.hub.long_statement(sql.len()).await?;
        Ok((self.parse(sql, parameters)?.0, admitted))
    }

    /// What the client is told, without secrets, and finds in SHOW WARNINGS.
    fn told<T>(&mut self, sql: &str, done: Result<T>) -> Result<T> {
        done.map_err(|error| {
            let error = error_without_secrets(sql, error);
            let code = error_table::row(error.kind()).mysql_errno;
            let message = error.message().to_owned();
            self.warnings.push(Warning { level: "Error", code, message });
            error
        })
    }

    /// The statement and the number of its parameters.
    fn parse(&self, sql: &str, parameters: Parameters<'_>) -> Result<(Statement, usize)> {
        let mode = self.variables.sql_mode();
        match sql.len() > SHORT_BYTES {
            // The thread's other connections go on elsewhere meanwhile.
            true => tokio::task::block_in_place(|| parse_with(sql, mode, parameters)),
            false => parse_with(sql, mode, parameters),
        }
    }

    /// `admitted` is given back once the statement is planned.
    async fn run(
        &mut self,
        statement: Statement,
        sql: &str,
        admitted: Option<LongStatement>,
    ) -> Result<Response> {
        if !matches!(&statement, Statement::Show(show) if show.is_diagnostic()) {
            self.begin_warnings();
        }
        self.tracker.begin(&statement);
        match statement {
            Statement::Query(query) => self.query(*query, sql, admitted).await,
            // Boxed: the states of the others are larger than a query's, and queries are many.
            Statement::Set(assignments) => self.set(&assignments),
            Statement::Use(name) => {
                Box::pin(self.enter(&name)).await?;
                Ok(Response::Done(Completion::default()))
            }
            Statement::Show(statement) => {
                let processes = self.hub.processes(&self.client);
                let left_out = Mutex::default();
                let tables = self.session_tables().into_catalog();
                let context = self.show_context(&processes, &tables, &left_out);
                let answer = Box::pin(show(&statement, &context)).await;
                self.warnings.append(&mut left_out.into_inner());
                answer.map(Response::Rows)
            }
            Statement::Describe(statement) => {
                let left_out = Mutex::default();
                let tables = self.session_tables().into_catalog();
                let context = self.show_context(&[], &tables, &left_out);
                Box::pin(describe(&statement, &context)).await.map(Response::Rows)
            }
            Statement::CreateSchema { name, if_not_exists } => {
                Box::pin(self.create_schema(&name, if_not_exists)).await
            }
            Statement::DropSchema { name, if_exists, cascade } => {
                Box::pin(self.drop_schema(&name, if_exists, cascade)).await
            }
            Statement::CreateExternalTable(table) => Box::pin(self.create_table(*table)).await,
            Statement::DropTable { names, if_exists } => {
                Box::pin(self.drop_tables(&names, if_exists)).await
            }
            Statement::RefreshTable(table) => Box::pin(self.refresh_table(&table)).await,
            Statement::Transaction(_) => Ok(Response::Done(Completion::default())),
            Statement::Kill(kill) => self.kill(kill),
            Statement::Users(statement) => Box::pin(self.about_users(*statement)).await,
            Statement::Catalogs(statement) => Box::pin(self.about_catalogs(*statement)).await,
            Statement::Refused(refused) => Err(self.refused(&refused)),
        }
    }

    /// A new statement begins: what the last one warned of is still counted, in `@@warning_count`
    /// and `@@error_count`, and no longer listed (MySQL 8.0 Reference Manual, section 13.7.7.42).
    fn begin_warnings(&mut self) {
        let errors = self.warnings.iter().filter(|warning| warning.level == "Error").count();
        self.variables.count_warnings(self.warnings.len(), errors);
        self.warnings.clear();
        self.tracker.begin_warnings();
    }

    /// Makes `database` current: a schema of the current catalog, or `catalog.schema`.
    ///
    /// # Errors
    /// `CatalogNotFound`, `SchemaNotFound`.
    pub async fn use_database(&mut self, database: &str) -> Result<()> {
        self.begin_warnings();
        let running = self.place.begin(&format!("USE {database}"));
        let stale = StaleAnswers::default();
        let name = Name(vec![database.to_string()]);
        let done = stale.collect(running.unless_killed(self.enter(&name))).await;
        self.warn_of(&stale);
        done
    }

    async fn enter(&mut self, name: &Name) -> Result<()> {
        let tables = self.session_tables().into_catalog();
        let database = self.place(&tables).database(&name.0).await?;
        let catalog = match database.catalog.is_session() {
            true => split_database(&name.0, &self.catalog)?.0,
            false => database.catalog.definition.name.clone(),
        };
        if catalog != self.catalog {
            self.catalog = self.catalogs().get(&catalog)?.definition.name.clone();
        }
        self.schema = Some(database.schema);
        self.place.set_database(self.database_label());
        self.tracker.choose_database();
        Ok(())
    }

    /// The columns of a table of the current database whose names are LIKE `pattern`, all when it is
    /// empty: for COM_FIELD_LIST.
    ///
    /// # Errors
    /// `TableNotFound`.
    pub async fn table_columns(&mut self, table: &str, pattern: &str) -> Result<Vec<OutputColumn>> {
        self.begin_warnings();
        let name = [table.to_string()];
        let tables = self.session_tables().into_catalog();
        let place = self.place(&tables);
        let running = self.place.begin(&format!("SHOW COLUMNS FROM {table}"));
        let stale = StaleAnswers::default();
        let found = stale.collect(running.unless_killed(place.table(&name))).await;
        self.warn_of(&stale);
        let (_, table) = found?;
        let like = (!pattern.is_empty()).then(|| LikePattern::new(pattern));
        let wanted = |name: &str| like.as_ref().is_none_or(|like| like.matches(name));
        let fields = table.schema.fields().iter().filter(|field| wanted(field.name()));
        let column =
            |field: &FieldRef| OutputColumn { label: field.name().clone(), field: field.clone() };
        Ok(fields.map(column).collect())
    }

    /// How long the client may be idle: its own `wait_timeout`. An interactive client starts with
    /// the server's `interactive_timeout` there, which is the same setting.
    pub fn idle_limit(&self) -> Duration {
        let seconds = match self.variables.get(Scope::Session, "wait_timeout") {
            Ok(VariableValue::Int(seconds)) => u64::try_from(seconds).ok(),
            Ok(_) | Err(_) => None,
        };
        Duration::from_secs(seconds.unwrap_or(DEFAULT_WAIT_TIMEOUT_S))
    }

    fn catalogs(&self) -> &Catalogs {
        self.runner.engine.catalogs()
    }

    /// The session's own tables as they are now.
    fn session_tables(&self) -> SessionTables {
        SessionTables {
            catalogs: self.runner.engine.catalogs().clone(),
            catalog: self.catalog.clone(),
            client: self.client.clone(),
            variables: self.variables.clone(),
            server: self.hub.clone(),
            warnings: Arc::default(),
        }
    }

    fn place<'a>(&'a self, session_tables: &'a Arc<Catalog>) -> Place<'a> {
        let schema = self.schema.as_deref();
        Place { catalogs: self.catalogs(), session_tables, catalog: &self.catalog, schema }
    }

    /// The current database as a MySQL client knows it: plain in the catalog where sessions start,
    /// dotted elsewhere.
    fn database_label(&self) -> Option<String> {
        let schema = self.schema.as_ref()?;
        Some(match self.catalog == FIRST_CATALOG || session_schema(schema).is_some() {
            true => schema.clone(),
            false => format!("{}.{schema}", self.catalog),
        })
    }

    fn set(&mut self, assignments: &[Assignment]) -> Result<Response> {
        self.assign(assignments)?;
        Ok(Response::Done(Completion::default()))
    }

    fn show_context<'a>(
        &'a self,
        processes: &'a [crate::statement::Process],
        session_tables: &'a Arc<Catalog>,
        left_out: &'a Mutex<Vec<Warning>>,
    ) -> ShowContext<'a> {
        ShowContext {
            session_tables,
            catalogs: self.catalogs(),
            catalog: &self.catalog,
            schema: self.schema.as_deref(),
            variables: &self.variables,
            client: &self.client,
            warnings: &self.warnings,
            left_out,
            processes,
            status: self.hub.status(),
        }
    }

    fn kill(&self, kill: Kill) -> Result<Response> {
        let connection_id = u32::try_from(kill.connection_id)
            .map_err(|_| Error::unsupported(format!("no connection `{}`", kill.connection_id)))?;
        self.hub.kill(connection_id, kill.query_only, &self.client)?;
        if connection_id == self.client.connection_id {
            // As MySQL has it: the KILL is the statement that was running.
            return Err(cancelled());
        }
        Ok(Response::Done(Completion::default()))
    }
}
