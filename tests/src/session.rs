//! A client's connection, over the text protocol of MySQL.

use std::fmt;

use mysql_async::consts::ColumnType;
use mysql_async::prelude::Queryable;
use mysql_async::{Column, Conn, OptsBuilder, Row, Value};

use crate::Result;

pub struct Session {
    connection: Conn,
}

/// The text of every value, as the server sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub types: Vec<ColumnType>,
    pub rows: Vec<Vec<String>>,
}

/// An error of the server, printed as the command line client prints it, or of the connection.
#[derive(Debug)]
pub struct SqlError(mysql_async::Error);

impl SqlError {
    /// The server's error number; none when the connection itself failed.
    pub fn number(&self) -> Option<u16> {
        match &self.0 {
            mysql_async::Error::Server(error) => Some(error.code),
            _ => None,
        }
    }

    pub fn sql_state(&self) -> Option<&str> {
        match &self.0 {
            mysql_async::Error::Server(error) => Some(&error.state),
            _ => None,
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            mysql_async::Error::Server(e) => {
                write!(f, "ERROR {} ({}): {}", e.code, e.state, e.message)
            }
            other => other.fmt(f),
        }
    }
}

impl std::error::Error for SqlError {}

impl Session {
    /// Connects as `root` without a password to `HOST:PORT` and runs the `first` statements.
    pub async fn connect(address: &str, first: &[&str]) -> Result<Self> {
        let mut session = Self::connect_as(address, "root", "").await?;
        for statement in first {
            session.run(statement).await?;
        }
        Ok(session)
    }

    /// Connects to `HOST:PORT`.
    pub async fn connect_as(address: &str, user: &str, password: &str) -> Result<Self> {
        // Both limits given, or the client would ask the server for them.
        let options = OptsBuilder::from_opts(mysql_async::Opts::from_url(&format!(
            "mysql://root@{address}"
        ))?)
        .user(Some(user))
        .pass(Some(password).filter(|password| !password.is_empty()))
        .prefer_socket(false)
        .max_allowed_packet(Some(64 << 20))
        .wait_timeout(Some(28_800));
        Ok(Self { connection: Conn::new(options).await.map_err(SqlError)? })
    }

    pub async fn run(&mut self, sql: &str) -> Result<Table, SqlError> {
        let mut result = self.connection.query_iter(sql).await.map_err(SqlError)?;
        let columns = result.columns();
        let types = columns.iter().flat_map(|columns| columns.iter().map(Column::column_type));
        let types = types.collect();
        let rows: Vec<Row> = result.collect().await.map_err(SqlError)?;
        let rows = rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect());
        Ok(Table { types, rows: rows.collect() })
    }

    /// The rows of a query.
    pub async fn rows(&mut self, sql: &str) -> Result<Vec<Vec<String>>, SqlError> {
        Ok(self.run(sql).await?.rows)
    }
}

/// `NULL`, `(empty)`, or what the server sent.
fn text(value: Value) -> String {
    match value {
        Value::NULL => "NULL".into(),
        Value::Bytes(bytes) if bytes.is_empty() => "(empty)".into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        // The text protocol has no others.
        other @ (Value::Int(_)
        | Value::UInt(_)
        | Value::Float(_)
        | Value::Double(_)
        | Value::Date(..)
        | Value::Time(..)) => other.as_sql(true),
    }
}
