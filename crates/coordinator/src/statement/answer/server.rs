//! What the server says of itself: variables, status, warnings, character sets, connections.

use super::rows::{Cell, Kind, Rows};
use super::{ShowContext, Warning};
use crate::statement::character_sets::{CHARACTER_SETS, COLLATIONS, character_set};
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

pub(super) fn status(context: &ShowContext<'_>, filter: &Filter) -> Result<Rows> {
    let status = context.status;
    let mut rows = Rows::of_text(&["Variable_name", "Value"]);
    for (name, value) in [
        ("Aborted_clients", "0".to_owned()),
        ("Connections", status.connections.to_string()),
        ("Queries", status.statements.to_string()),
        ("Questions", status.statements.to_string()),
        ("Slow_queries", "0".to_owned()),
        ("Ssl_cipher", String::new()),
        ("Ssl_version", String::new()),
        ("Threads_connected", status.connections.to_string()),
        ("Threads_running", status.running_statements.to_string()),
        ("Uptime", status.uptime_seconds.to_string()),
    ] {
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

pub(super) fn engines() -> Rows {
    let mut rows =
        Rows::of_text(&["Engine", "Support", "Comment", "Transactions", "XA", "Savepoints"]);
    let comment = "Federated tables, read where they are";
    rows.push(["MOORING", "DEFAULT", comment, "NO", "NO", "NO"].map(Cell::from));
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
        let set = character_set(collation.character_set);
        let is_default = set.is_some_and(|set| set.default_collation == collation.name);
        rows.push([
            collation.name.into(),
            collation.character_set.into(),
            collation.id.into(),
            if is_default { "Yes" } else { "" }.into(),
            "Yes".into(),
            collation.sort_length.into(),
            if collation.pads { "PAD SPACE" } else { "NO PAD" }.into(),
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
    Rows::of_text(match kind {
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
