//! The users of the state store, as `mysql.user` has them. Credentials never leave the store.

use super::MYSQL;
use super::table::{
    Kind::{Moment, UInt},
    Line, Rows, TableDefinition, null, null_text, set, text,
};
use crate::statement::Cell;
use mooring_state::{StoredUser, TlsRequired};

pub(super) const TABLES: &[TableDefinition] = &[TableDefinition {
    schema: MYSQL,
    name: "user",
    columns: &[
        text("Host"),
        text("User"),
        text("Select_priv"),
        text("Insert_priv"),
        text("Update_priv"),
        text("Delete_priv"),
        text("Create_priv"),
        text("Drop_priv"),
        text("Reload_priv"),
        text("Shutdown_priv"),
        text("Process_priv"),
        text("File_priv"),
        text("Grant_priv"),
        text("References_priv"),
        text("Index_priv"),
        text("Alter_priv"),
        text("Show_db_priv"),
        text("Super_priv"),
        text("Create_tmp_table_priv"),
        text("Lock_tables_priv"),
        text("Execute_priv"),
        text("Repl_slave_priv"),
        text("Repl_client_priv"),
        text("Create_view_priv"),
        text("Show_view_priv"),
        text("Create_routine_priv"),
        text("Alter_routine_priv"),
        text("Create_user_priv"),
        text("Event_priv"),
        text("Trigger_priv"),
        text("Create_tablespace_priv"),
        text("ssl_type"),
        text("ssl_cipher"),
        text("x509_issuer"),
        text("x509_subject"),
        set("max_questions", UInt),
        set("max_updates", UInt),
        set("max_connections", UInt),
        set("max_user_connections", UInt),
        text("plugin"),
        null_text("authentication_string"),
        text("password_expired"),
        null("password_last_changed", Moment),
        null("password_lifetime", UInt),
        text("account_locked"),
        text("Create_role_priv"),
        text("Drop_role_priv"),
        null("Password_reuse_history", UInt),
        null("Password_reuse_time", UInt),
        null_text("Password_require_current"),
        null_text("User_attributes"),
    ],
    rows: Rows::PerUser(user),
}];

/// Everyone may read, and administrators do what else there is to do; nobody writes to tables.
fn user(user: &StoredUser) -> Line {
    let yes = |has: bool| Cell::from(if has { "Y" } else { "N" });
    let admin = user.administrator;
    let mut line: Line = vec![user.host.as_str().into(), user.name.as_str().into()];
    line.extend(PRIVILEGES.iter().map(|privilege| match *privilege {
        "Select" | "Show_db" | "Show_view" => yes(true),
        "Create" | "Drop" | "Process" | "Grant" | "Super" | "Create_user" => yes(admin),
        _ => yes(false),
    }));
    let (subject, issuer) = match &user.tls {
        TlsRequired::Nothing | TlsRequired::Ssl | TlsRequired::X509 => ("", ""),
        TlsRequired::Subject { subject, issuer } => {
            (subject.as_str(), issuer.as_deref().unwrap_or_default())
        }
    };
    line.extend([user.tls.kind(), "", issuer, subject].map(Cell::from));
    line.extend([0i64; 4].map(Cell::from));
    line.extend([user.plugin.as_str().into(), "".into(), yes(false), Cell::Null, Cell::Null]);
    line.extend([yes(user.locked), yes(admin), yes(admin)]);
    line.extend((0..4).map(|_| Cell::Null));
    line
}

/// In the order of their columns.
const PRIVILEGES: [&str; 29] = [
    "Select",
    "Insert",
    "Update",
    "Delete",
    "Create",
    "Drop",
    "Reload",
    "Shutdown",
    "Process",
    "File",
    "Grant",
    "References",
    "Index",
    "Alter",
    "Show_db",
    "Super",
    "Create_tmp_table",
    "Lock_tables",
    "Execute",
    "Repl_slave",
    "Repl_client",
    "Create_view",
    "Show_view",
    "Create_routine",
    "Alter_routine",
    "Create_user",
    "Event",
    "Trigger",
    "Create_tablespace",
];
