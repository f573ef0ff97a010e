//! Relations as SQL of PostgreSQL and of MySQL or MariaDB, for the connectors of both.
//!
//! One statement without parameters per relation. What is written and what is supported is one thing: an operator or an
//! expression is supported exactly if it can be written, and [`Capabilities`] says for which types that is so.
//! What would mean anything else in the database is refused with a reason. Nothing here talks to a database.
//!
//! SQL promises no order of evaluation, so what can fail (a sum of two whole numbers that does not fit) is refused wherever
//! the database might work it out for rows for which the engine does not: in conditions, and below `CASE`, `AND`,
//! `OR`, `IN` and `COALESCE`. The other way round is accepted: a row that nobody asks for may fail here and not there.

mod calendar;
mod capability;
mod dialect;
mod kept_handles;
mod operand;
mod source_table;
mod writer;

pub use capability::{Answer, Capabilities, Entry, Kind, Subject, page};
pub(crate) use dialect::decimal_text;
pub use dialect::{
    AggregateCall, Converted, Dialect, Matching, MysqlDialect, NamedFunction, PostgresDialect,
};
pub use kept_handles::KeptHandles;
pub use operand::{Native, Operand, OutputColumn, Shape};
pub use source_table::{Collation, Form, ReadAs, SourceColumn, SourceTable};
pub use writer::{SqlWriter, Statement};

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;
