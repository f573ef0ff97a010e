//! Privileges of accounts. There are two kinds of user, so that nobody has any of a single database,
//! table or column.

use super::INFORMATION_SCHEMA;
use super::connector::SessionTables;
use super::table::{Line, Rows, TableDefinition, text};

pub(super) const TABLES: &[TableDefinition] = &[
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "USER_PRIVILEGES",
        columns: &[
            text("GRANTEE"),
            text("TABLE_CATALOG"),
            text("PRIVILEGE_TYPE"),
            text("IS_GRANTABLE"),
        ],
        rows: Rows::Of(user_privileges),
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "SCHEMA_PRIVILEGES",
        columns: &[
            text("GRANTEE"),
            text("TABLE_CATALOG"),
            text("TABLE_SCHEMA"),
            text("PRIVILEGE_TYPE"),
            text("IS_GRANTABLE"),
        ],
        rows: Rows::None,
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "TABLE_PRIVILEGES",
        columns: &[
            text("GRANTEE"),
            text("TABLE_CATALOG"),
            text("TABLE_SCHEMA"),
            text("TABLE_NAME"),
            text("PRIVILEGE_TYPE"),
            text("IS_GRANTABLE"),
        ],
        rows: Rows::None,
    },
    TableDefinition {
        schema: INFORMATION_SCHEMA,
        name: "COLUMN_PRIVILEGES",
        columns: &[
            text("GRANTEE"),
            text("TABLE_CATALOG"),
            text("TABLE_SCHEMA"),
            text("TABLE_NAME"),
            text("COLUMN_NAME"),
            text("PRIVILEGE_TYPE"),
            text("IS_GRANTABLE"),
        ],
        rows: Rows::None,
    },
];

/// What every user may do.
const READER: &[&str] = &["SELECT", "SHOW DATABASES", "SHOW VIEW"];
/// What administrators may do beyond it.
const ADMINISTRATOR: &[&str] = &["CREATE", "DROP", "PROCESS", "CREATE USER"];

/// The session's own.
fn user_privileges(session: &SessionTables) -> Vec<Line> {
    let client = &session.client;
    let grantee = format!("'{}'@'%'", client.user);
    let further: &[&str] = if client.administrator { ADMINISTRATOR } else { &[] };
    let grantable = if client.administrator { "YES" } else { "NO" };
    let line = |privilege: &&str| {
        let grantee = grantee.as_str().into();
        vec![grantee, super::CATALOG.into(), (*privilege).into(), grantable.into()]
    };
    READER.iter().chain(further).map(line).collect()
}
