//! Connections: who is there and what they do.

use super::connector::SessionTables;
use super::table::{
    Kind::{BigInt, Int, UBigInt},
    Line, Rows, TableDefinition, null, null_text, set, text,
};
use super::{INFORMATION_SCHEMA, PERFORMANCE_SCHEMA};
use crate::statement::Process;

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "PROCESSLIST",
        columns: &[
            set("ID", UBigInt),
            text("USER"),
            text("HOST"),
            null_text("DB"),
            text("COMMAND"),
            set("TIME", Int),
            null_text("STATE"),
            null_text("INFO"),
        ],
        rows: Rows::Of(processes),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "processlist",
        columns: &[
            set("ID", UBigInt),
            null_text("USER"),
            null_text("HOST"),
            null_text("DB"),
            null_text("COMMAND"),
            null("TIME", BigInt),
            null_text("STATE"),
            null_text("INFO"),
            null_text("EXECUTION_ENGINE"),
        ],
        rows: Rows::Of(processes_with_engine),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "session_connect_attrs",
        columns: &[
            set("PROCESSLIST_ID", UBigInt),
            text("ATTR_NAME"),
            null_text("ATTR_VALUE"),
            null("ORDINAL_POSITION", Int),
        ],
        rows: Rows::Of(attributes),
    },
    TableDefinition {
        schema: PERFORMANCE_SCHEMA,
        name: "session_account_connect_attrs",
        columns: &[
            set("PROCESSLIST_ID", UBigInt),
            text("ATTR_NAME"),
            null_text("ATTR_VALUE"),
            null("ORDINAL_POSITION", Int),
        ],
        rows: Rows::Of(attributes),
    },
];

fn line(process: &Process) -> Line {
    vec![
        u64::from(process.connection_id).into(),
        process.user.as_str().into(),
        process.host.as_str().into(),
        process.database.as_deref().into(),
        process.command.as_str().into(),
        process.seconds.into(),
        process.state.as_deref().into(),
        process.statement.as_deref().into(),
    ]
}

fn processes(session: &SessionTables) -> Vec<Line> {
    session.server.processes(&session.client).iter().map(line).collect()
}

fn processes_with_engine(session: &SessionTables) -> Vec<Line> {
    let mut lines = processes(session);
    for line in &mut lines {
        line.push("PRIMARY".into());
    }
    lines
}

/// What the session's own client told of itself when it connected.
fn attributes(session: &SessionTables) -> Vec<Line> {
    let id = u64::from(session.client.connection_id);
    let line = |(position, (name, value)): (i64, &(String, String))| {
        vec![id.into(), name.as_str().into(), value.as_str().into(), position.into()]
    };
    (0..).zip(session.client.attributes.iter()).map(line).collect()
}
