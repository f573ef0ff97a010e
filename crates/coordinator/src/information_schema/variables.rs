//! Variables and counters of the session and the server.

use super::connector::SessionTables;
use super::table::{Line, Rows, TableDefinition, null_text, text};
use super::{INFORMATION_SCHEMA, PERFORMANCE_SCHEMA};
use crate::statement::{Scope, status_lines};

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "session_variables",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(session_variables),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "global_variables",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(global_variables),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "session_status",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(status),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "global_status",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(status),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "SESSION_VARIABLES",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(session_variables),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "GLOBAL_VARIABLES",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(global_variables),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "SESSION_STATUS",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(status),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "GLOBAL_STATUS",
        columns: &[text("VARIABLE_NAME"), null_text("VARIABLE_VALUE")],
        rows: Rows::Of(status),
    },
];

fn session_variables(session: &SessionTables) -> Vec<Line> {
    variables(session, Scope::Session)
}

fn global_variables(session: &SessionTables) -> Vec<Line> {
    variables(session, Scope::Global)
}

fn variables(session: &SessionTables, scope: Scope) -> Vec<Line> {
    let all = session.variables.all(scope);
    all.into_iter()
        .map(|(name, value)| vec![name.into(), value.shown().unwrap_or_default().into()])
        .collect()
}

/// The counters are the server's in both scopes.
fn status(session: &SessionTables) -> Vec<Line> {
    let counters = status_lines(&session.server.status(), &session.client);
    counters.into_iter().map(|(name, value)| vec![name.into(), value.into()]).collect()
}
