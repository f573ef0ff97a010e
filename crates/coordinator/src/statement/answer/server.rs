//! What the server says of itself: variables, status, warnings, character sets, connections.

use super::rows::{Cell, Kind, Rows};
use super::{ServerStatus, ShowContext, Warning};
use crate::session::{Client, TlsNames};
use crate::statement::character_sets::{CHARACTER_SETS, COLLATIONS};
use crate::statement::filter::Filter;
use crate::statement::show::{NothingKind, ShowRange};
use crate::statement::variables::Scope;
use mooring_spi::Result;

pub(super) fn variables(context: &ShowContext<'_>, global: bool, filter: &Filter) -> Result<Rows> {
    let scope = if global { Scope::Global } else { Scope::Session };
    let mut rows = Rows::of_text(&["Variable_name", "Value"]);
    for (name, value) in context.variables.all(scope) {
        rows.push([name.into(), value.shown().unwrap_or_default().into()]);
    }
    rows.filtered(filter)
}

/// The counters by name.
pub(crate) fn status_lines(status: &ServerStatus, client: &Client) -> Vec<(&'static str, String)> {
    let tls = |name: fn(&TlsNames) -> &'static str| client.tls.as_ref().map_or("", name).to_owned();
    vec![
        ("Aborted_clients", "0".to_owned()),
        ("Connections", status.connections.to_string()),
        ("Queries", status.statements.to_string()),
        ("Questions", status.statements.to_string()),
        ("Slow_queries", "0".to_owned()),
        ("Ssl_cipher", tls(|names| names.cipher)),
        ("Ssl_version", tls(|names| names.version)),
        ("Threads_connected", status.connections.to_string()),
        ("Threads_running", status.running_statements.to_string()),
        ("Uptime", status.uptime_seconds.to_string()),
    ]
}

pub(super) fn status(context: &ShowContext<'_>, filter: &Filter) -> Result<Rows> {
    let mut rows = Rows::of_text(&["Variable_name", "Value"]);
    for (name, value) in status_lines(&context.status, context.client) {
        rows.push([name.into(), value.into()]);
    }
    rows.filtered(filter)
}

fn chosen<'a>(
    context: &'a ShowContext<'_>,
    errors_only: bool,
) -> impl Iterator<Item = &'a Warning> {
    context.warnings.iter().filter(move |warning| !errors_only || warning.level == "Error")
}

pub(super) fn warnings(context: &ShowContext<'_>, range: ShowRange, errors_only: bool) -> Rows {
    let mut rows =
        Rows::new(&[("Level", Kind::Text), ("Code", Kind::Int), ("Message", Kind::Text)]);
    let offset = usize::try_from(range.offset).unwrap_or(usize::MAX);
    let count = usize::try_from(range.count).unwrap_or(usize::MAX);
    for warning in chosen(context, errors_only).skip(offset).take(count) {
        let code = i64::from(warning.code);
        rows.push([warning.level.into(), code.into(), warning.message.as_str().into()]);
    }
    rows
}

pub(super) fn warning_count(context: &ShowContext<'_>, errors_only: bool) -> Rows {
    let label = if errors_only { "@@session.error_count" } else { "@@session.warning_count" };
    let mut rows = Rows::new(&[(label, Kind::Int)]);
    let count = chosen(context, errors_only).count();
    rows.push([i64::try_from(count).unwrap_or(i64::MAX).into()]);
    rows
}

/// The only engine, as `SHOW ENGINES` prints it.
pub(crate) const ENGINE: [&str; 6] =
    ["MOORING", "DEFAULT", "Federated tables, read where they are", "NO", "NO", "NO"];

pub(super) fn engines() -> Rows {
    let mut rows =
        Rows::of_text(&["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"]);
    rows.push(ENGINE.map(Cell::from));
    rows
}

pub(super) fn plugins() -> Rows {
    let mut rows = Rows::of_text(&["Name", "Status", "Type", "Library", "License"]);
    rows.push([
        "MOORING".into(),
        "ACTIVE".into(),
        "STORAGE ENGINE".into(),
        Cell::Null,
        "Apache-2.0".into(),
    ]);
    rows
}

pub(super) fn character_sets(filter: &Filter) -> Result<Rows> {
    let mut rows = Rows::new(&[
        ("Charset", Kind::Text),
        ("Description", Kind::Text),
        ("Default collation", Kind::Text),
        ("Maxlen", Kind::Int),
    ]);
    for set in CHARACTER_SETS {
        let collation = set.default_collation;
        rows.push([
            set.name.into(),
            set.description.into(),
            collation.into(),
            set.bytes_max.into(),
        ]);
    }
    rows.filtered(filter)
}

pub(super) fn collations(filter: &Filter) -> Result<Rows> {
    let mut rows = Rows::new(&[
        ("Collation", Kind::Text),
        ("Charset", Kind::Text),
        ("Id", Kind::Int),
        ("Default", Kind::Text),
        ("Compiled", Kind::Text),
        ("Sortlen", Kind::Int),
        ("Pad_attribute", Kind::Text),
    ]);
    for collation in COLLATIONS {
        rows.push([
            collation.name.into(),
            collation.character_set.into(),
            collation.id.into(),
            if collation.is_default() { "Yes" } else { "" }.into(),
            "Yes".into(),
            collation.sort_length.into(),
            collation.pad_attribute().into(),
        ]);
    }
    rows.filtered(filter)
}

/// Characters of a statement without FULL, as in MySQL.
const INFO_CHARACTERS: usize = 100;

pub(super) fn processes(context: &ShowContext<'_>, full: bool) -> Rows {
    let mut rows = Rows::new(&[
        ("Id", Kind::Int),
        ("User", Kind::Text),
        ("Host", Kind::Text),
        ("db", Kind::Text),
        ("Command", Kind::Text),
        ("Time", Kind::Int),
        ("State", Kind::Text),
        ("Info", Kind::Text),
    ]);
    for process in context.processes {
        let length = if full { usize::MAX } else { INFO_CHARACTERS };
        let statement: Option<String> =
            process.statement.as_ref().map(|text| text.chars().take(length).collect());
        rows.push([
            i64::from(process.connection_id).into(),
            process.user.as_str().into(),
            process.host.as_str().into(),
            process.database.as_deref().into(),
            process.command.as_str().into(),
            process.seconds.into(),
            process.state.as_deref().into(),
            statement.into(),
        ]);
    }
    rows
}

/// What an account can have here, in the words of MySQL's `SHOW PRIVILEGES`.
pub(super) fn privileges() -> Rows {
    let mut rows = Rows::of_text(&["Privilege", "Context", "Comment"]);
    for line in [
        ["Create", "Databases,Tables,Indexes", "To create new databases and tables"],
        ["Create user", "Server Admin", "To create new users"],
        ["Drop", "Databases,Tables", "To drop databases and tables"],
        ["Process", "Server Admin", "To view the plain text of currently executing queries"],
        ["Select", "Tables", "To retrieve rows from table"],
        ["Show databases", "Server Admin", "To see all databases with SHOW DATABASES"],
        ["Show view", "Tables", "To see views with SHOW CREATE VIEW"],
        ["Usage", "Server Admin", "No privileges - allow connect only"],
    ] {
        rows.push(line.map(Cell::from));
    }
    rows
}

pub(super) fn nothing(kind: NothingKind) -> Rows {
    const ROUTINES: &[&str] = &[
        "Db",
        "Name",
        "Type",
        "Definer",
        "Modified",
        "Created",
        "Security_type",
        "Comment",
        "character_set_client",
        "collation_connection",
        "Database Collation",
    ];
    const BINARY_LOG_POSITION: [(&str, Kind); 5] = [
        ("File", Kind::Text),
        ("Position", Kind::Int),
        ("Binlog_Do_DB", Kind::Text),
        ("Binlog_Ignore_DB", Kind::Text),
        ("Executed_Gtid_Set", Kind::Text),
    ];
    Rows::of_text(match kind {
        NothingKind::BinaryLogStatus => return Rows::new(&BINARY_LOG_POSITION),
        NothingKind::Procedures | NothingKind::Functions => ROUTINES,
        NothingKind::Triggers => &[
            "Trigger",
            "Event",
            "Table",
            "Statement",
            "Timing",
            "Created",
            "sql_mode",
            "Definer",
            "character_set_client",
            "collation_connection",
            "Database Collation",
        ],
        NothingKind::Events => &[
            "Db",
            "Name",
            "Definer",
            "Time zone",
            "Type",
            "Execute at",
            "Interval value",
            "Interval field",
            "Starts",
            "Ends",
            "Status",
            "Originator",
            "character_set_client",
            "collation_connection",
            "Database Collation",
        ],
        NothingKind::OpenTables => &["Database", "Table", "In_use", "Name_locked"],
    })
}
