//! Tables of MySQL (5.7 and later) and MariaDB (10.5 and later) servers.
//!
//! The client of the protocol is ours: `mysql_async` needs another `mysql_common` than the rest of the workspace, and
//! another backend of `flate2`. From the wire to Arrow there is nothing in between (`protocol`, then `rows`).
//!
//! Reading knows statements and no tables (`scan`, `reader`), so that whatever renders a SELECT is read by it. The
//! server's comparisons differ from ours, so `condition` sends what is sure to lose no row. Nothing is ever written.

mod settings;
mod tls;
mod types;
mod sql;
mod condition;
mod ranges;
mod metadata;
mod connector;
mod push_down;
mod scan;
mod reader;
mod locked;
mod merged;
mod rows;
mod statement;
mod source;
mod connect;
mod refused_logins;
mod connection;
mod protocol;
mod failure;

pub use connector::{MysqlConnector, MysqlConnectorFactory};
pub use reader::{MysqlReader, MysqlReaderFactory};
pub use settings::{MYSQL_PROPERTIES, MysqlSettings, ParallelReads, ZeroDates};
pub use source::MysqlSources;

/// The catalog kind.
pub const KIND: &str = "mysql";
