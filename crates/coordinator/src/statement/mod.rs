//! Statements: from SQL text to a closed [`Statement`], and the answers to those that are about
//! names and settings (SHOW, DESCRIBE, SET). Text is answered by parsing it, never by a pattern.
//! It must never plan or run a query.

mod dialect;
mod sql_mode;
mod syntax_error;
mod tokens;
mod chain_limit;
mod length_limit;
mod nearest;
mod parse;
mod refused;
mod parameters;
mod query;
mod normalize;
mod having;
mod mysql_functions;
mod counted_conditions;
mod like_escape;
mod source_query;
mod labels;
mod source_text;
mod statement_places;
mod unique_names;
mod external_table;
mod column_list;
mod data_type;
mod csv_options;
mod like;
mod show;
mod users;
mod catalogs;
mod secrets;
mod filter;
mod names;
mod variable_value;
mod variable_table;
mod character_sets;
mod variables;
mod accepted_value;
mod set;
mod evaluate;
mod variable_provider;
mod mysql_type;
mod answer;
#[cfg(test)]
mod hostile_tests;

pub use answer::{CATALOG_AWAY, Process, ServerStatus, ShowContext, Warning, describe, show};
pub(crate) use answer::{Cell, ENGINE, status_lines, table_type};
pub use catalogs::{CatalogStatement, CreateCatalog, PropertyText, PropertyTexts};
pub(crate) use character_sets::{CHARACTER_SETS, COLLATIONS, CharacterSet, Collation};
pub use column_list::{COMMENT_KEY, PartitionColumn};
pub use dialect::MooringDialect;
pub use evaluate::apply;
pub use external_table::CreateExternalTable;
pub use filter::Filter;
pub use labels::{Label, select_labels};
pub use like::Pattern as LikePattern;
pub use mysql_type::mysql_type_text;
pub use names::{Database, Name, Place, resolve_database, split_database, split_table};
pub use parameters::Parameters;
pub use parse::{EMPTY_QUERY, parse, parse_in, parse_with};
pub use query::{Explain, QueryStatement};
pub use refused::Refused;
pub use secrets::{SECRET, error_without_secrets, without_secrets};
pub use set::{AssignedValue, Assignment, Target};
pub use show::{NothingKind, Show, ShowRange};
pub use sql_mode::SqlMode;
pub use statement_places::statement_places;
pub use unique_names::make_unique;
pub use users::{Identified, UserDefinition, UserOptions, UserRef, UserStatement};
pub use variable_provider::VariableProvider;
pub use variable_value::VariableValue;
pub use variables::{Scope, ServerVariables, Variables};

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    Query(Box<QueryStatement>),
    Set(Vec<Assignment>),
    Use(Name),
    Show(Show),
    Describe(Describe),
    CreateSchema {
        name: Name,
        if_not_exists: bool,
    },
    DropSchema {
        name: Name,
        if_exists: bool,
        cascade: bool,
    },
    CreateExternalTable(Box<CreateExternalTable>),
    DropTable {
        names: Vec<Name>,
        if_exists: bool,
    },
    /// Asks a table's catalog anew, whatever it keeps.
    RefreshTable(Name),
    /// Accepted without effect: every statement is its own transaction.
    Transaction(Transaction),
    Kill(Kill),
    Users(Box<UserStatement>),
    Catalogs(Box<CatalogStatement>),
    /// A statement of other servers that changes a table.
    Refused(Refused),
}

impl Statement {
    /// Whether it changes what the store holds, at once and whole.
    pub fn is_change(&self) -> bool {
        match self {
            Statement::CreateSchema { .. }
            | Statement::DropSchema { .. }
            | Statement::DropTable { .. }
            | Statement::Users(_) => true,
            // They may read files, or wait for a source, for long before they change anything.
            Statement::CreateExternalTable(_)
            | Statement::Catalogs(_)
            | Statement::Query(_)
            | Statement::Set(_)
            | Statement::Use(_)
            | Statement::Show(_)
            | Statement::Describe(_)
            | Statement::RefreshTable(_)
            | Statement::Transaction(_)
            | Statement::Kill(_)
            | Statement::Refused(_) => false,
        }
    }
}

/// `DESCRIBE table [column | 'pattern']`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Describe {
    pub table: Name,
    /// A column's name or a LIKE pattern over names.
    pub column: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transaction {
    Begin,
    Commit,
    Rollback,
    /// `SET TRANSACTION ...`, for the next transaction only.
    Characteristics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kill {
    pub connection_id: u64,
    /// Only the running statement, not the connection.
    pub query_only: bool,
}

#[cfg(test)]
mod tpch_tests;
