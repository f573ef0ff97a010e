//! Engines and plugins: there is one of each.

use super::INFORMATION_SCHEMA;
use super::connector::SessionTables;
use super::table::{Line, Rows, TableDefinition, null_text, text};
use crate::statement::{Cell, ENGINE};

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "ENGINES",
        columns: &[
            text("ENGINE"),
            text("SUPPORT"),
            text("COMMENT"),
            null_text("TRANSACTIONS"),
            null_text("XA"),
            null_text("SAVEPOINTS"),
        ],
        rows: Rows::Of(engines),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "PLUGINS",
        columns: &[
            text("PLUGIN_NAME"),
            text("PLUGIN_VERSION"),
            text("PLUGIN_STATUS"),
            text("PLUGIN_TYPE"),
            text("PLUGIN_TYPE_VERSION"),
            null_text("PLUGIN_LIBRARY"),
            null_text("PLUGIN_LIBRARY_VERSION"),
            null_text("PLUGIN_AUTHOR"),
            null_text("PLUGIN_DESCRIPTION"),
            text("PLUGIN_LICENSE"),
            text("LOAD_OPTION"),
        ],
        rows: Rows::Of(plugins),
    },
];

fn engines(_: &SessionTables) -> Vec<Line> {
    vec![ENGINE.map(Cell::from).to_vec()]
}

fn plugins(_: &SessionTables) -> Vec<Line> {
    vec![vec![
        ENGINE[0].into(),
        env!("CARGO_PKG_VERSION").into(),
        "ACTIVE".into(),
        "STORAGE ENGINE".into(),
        env!("CARGO_PKG_VERSION").into(),
        Cell::Null,
        Cell::Null,
        Cell::Null,
        ENGINE[2].into(),
        "Apache-2.0".into(),
        "FORCE".into(),
    ]]
}
